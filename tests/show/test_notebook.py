"""Notebooks: what is shown there, and the cell magic."""

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import steepest as st
from steepest.show.coverage import rows
from steepest.show.notebook import trace_cell
from steepest.show.notebook_line import line

CELLS = {
    "settings": "import numpy as np, steepest as st\n%load_ext steepest",
    "made": "fit = st.curve_fit(lambda t, a: a * t, np.arange(4.0), np.ones(4))",
    "fit": "fit",
    "figure": "fit.plot_correlation()",
    "graph": "fit.graph",
    "magic": "x, scale = np.ones(3), 2.0",
    "trace": "%%trace\ny = np.exp(-scale * x)\nnp.sum(y)",
    "values": "%%trace --values x\nnp.sum(scale * x)",
    "pyplot": "import matplotlib.pyplot as plt",
    "once": "fit.plot_correlation()",
    "show": "fit.plot_correlation(); plt.show()",
    "progress": (
        "run = st.minimize(lambda x: np.sum(x**2), np.ones(9), method=st.GradientDescent(1e-9),\n"
        "                  stop=st.MaxIterations(300_000), progress=True)"
    ),
    "two": "fit.plot_correlation()\nfit.plot_correlation()\nNone",
}


@pytest.fixture(scope="module")
def shown():
    """The MIME types of what each cell shows."""
    cells = [nbformat.v4.new_code_cell(code) for code in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return {
        name: [output.get("data", output) for output in cell.outputs]
        for name, cell in zip(CELLS, notebook.cells, strict=True)
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("fit", ["text/html"]),
        ("figure", ["image/png"]),
        ("graph", ["image/svg+xml"]),
        ("trace", ["image/svg+xml"]),
        ("values", ["image/svg+xml"]),
        ("once", ["image/png"]),
        ("show", ["image/png"]),
        ("two", ["image/png", "image/png"]),
    ],
)
def test_a_notebook_shows_each_thing_once(shown, name, kinds):
    found = [set(data) - {"text/plain"} for data in shown[name]]
    assert found == [{kind} for kind in kinds]


def test_progress_is_a_line_that_goes_away(shown):
    """Without ipywidgets, which not every notebook has."""
    assert shown["progress"] == [{"text/plain": ""}]


def test_the_line_of_progress():
    assert line("tracing", 0, None, np.nan, 2.3) == "tracing: 0, 0:02"
    half = line("descending", 500, 1000, 0.25, 61.0)
    assert half == f"descending: [{12 * '#'}{12 * '.'}] 500 of 1,000, loss 0.25, 1:01"


def test_the_magic_shows_the_cells_own_lines(shown):
    (data,) = shown["trace"]
    text = data["image/svg+xml"]
    assert "y = np.exp(-scale * x)" in text
    assert "parameter f64[3]" in text
    assert "gradient [2., 2., 2.]" in shown["values"][0]["image/svg+xml"]


def test_cells_are_recorded_as_functions_of_their_numbers():
    variables = {"np": np, "x": np.ones(2), "n": 3, "a": 2.0}
    graph = trace_cell("total = np.sum(a * x**n)\n", [], variables, False)
    assert graph.names == ("a", "x")
    assert graph(2.0, np.full(2, 2.0)) == 32
    assert "total" not in variables
    assert trace_cell("np.sum(a * x)", ["x"], variables, False).names == ("x",)
    with pytest.raises(ValueError, match="no variable 'z'"):
        trace_cell("np.sum(x)", ["z"], variables, False)
    with pytest.raises(ValueError, match="must end with a value"):
        trace_cell("for i in range(3): x = x + 1", [], variables, False)
    with pytest.raises(ValueError, match="reads no array"):
        trace_cell("n + 1", [], variables, False)


def test_tables_and_short_texts():
    many = st.minimize_many(lambda x: np.sum(x**2), np.ones((3, 2)))
    fits = st.curve_fit_many(lambda t, a: a * t, np.arange(4.0), np.ones((3, 4)))
    run = st.minimize(lambda p: np.sum(p["a"] ** 2), {"a": np.ones(2000)})
    plan = st.compile(lambda x: np.sum(x**2)).plan(np.ones(10_000))
    fit = st.curve_fit(lambda t, a: a * t, np.arange(4.0), np.array([0.0, 1.2, 1.9, 3.1]))
    boot = fit.bootstrap(20, seed=0)
    likely = st.maximum_likelihood(lambda x, mean: -((x - mean) ** 2), np.arange(5.0), [1.0])
    t = np.arange(4.0)
    ys = [t + 0.1, 2 * t + 0.1 * t**2]
    joint = st.curve_fit_joint(lambda t, a: a * t, [t, t], ys, [1.0], shared=())
    root = st.root(lambda x: x**2 - 2, np.ones(3))
    shown = (many, fits, run, run.history, plan, rows(), fit, boot, likely, joint, root)
    for value in (*shown, fit.graph, *joint.sets):
        assert len(repr(value)) < 260
    assert "x=array([1.414214, 1.414214, 1.414214])" in repr(root)
    for value in (*shown, *joint.sets):
        assert value._repr_html_().count("<tr>") > 1
    frame = st.minimize(lambda x: np.sum(x**2), np.ones(2)).history.to_frame()
    assert list(frame.columns)[:2] == ["loss", "gradient_norm"]
    assert list(frame.columns)[-2:] == ["x[0]", "x[1]"]
    assert frame.index.name == "iteration"

"""The commands ``curve`` and ``fit``: what they read, print and plot, and how they fail."""

import json

import numpy as np
import pytest

import steepest as st
from steepest.cli.fits import Column
from tests.support.commands import steepest
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

ADSORPTION = [
    "curve", "examples/adsorption.py:adsorption", "examples/adsorption.csv",
    "--x", "pressure", "--y", "volume", "--start",
]  # fmt: skip


def test_curve_prints_a_report_and_saves_a_plot(tmp_path):
    result = steepest(*ADSORPTION, "500,0.0001", "--plot", tmp_path / "fit.png")
    assert result.returncode == 0, result.stderr
    assert "238.942" in result.stdout
    assert "2.707 " in result.stdout  # NIST's standard error
    assert f"plotted to {tmp_path / 'fit.png'}" in result.stdout
    assert (tmp_path / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_curve_as_json_with_named_starts_bounds_and_a_plot_of_its_own_name(tmp_path):
    arguments = [ROOT / a if a.startswith("examples") else a for a in ADSORPTION]
    arguments[1] = f"{ROOT}/examples/adsorption.py:adsorption"
    result = steepest(
        *arguments,
        "capacity=500,affinity=0.0001",
        "--bounds",
        "affinity=:1,capacity=0:",
        "--json",
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["parameters"]["affinity"]["value"] == pytest.approx(5.5015643181e-4, rel=1e-9)
    assert document["parameters"]["capacity"]["standard_error"] == pytest.approx(2.7070075241)
    assert document["degrees_of_freedom"] == 12
    assert (tmp_path / "adsorption.png").exists()


def test_curve_leaves_out_rows_with_an_empty_field(tmp_path):
    table = (ROOT / "examples/adsorption.csv").read_text() + ",99\n800,\n\n"
    (tmp_path / "table.csv").write_text(table.replace(",", ";"))
    arguments = [*ADSORPTION, "500,0.0001", "--no-plot", "--json"]
    arguments[2] = tmp_path / "table.csv"
    result = steepest(*arguments, "--bounds", "300:,:")
    assert json.loads(result.stdout)["observations"] == 14
    assert result.stderr == "2 rows were left out: a field is empty, or no finite number\n"


CURVE_FAILURES = {
    "no column 'temperature'; there is pressure": {"--x": "temperature"},
    "takes 2 parameters, capacity, affinity: got 1 start values": {"--start": "3"},
    "needs a number for each name": {"--start": "capacity=many"},
    "cannot read nothing.csv": {2: "nothing.csv"},
    "empty.csv is empty": {2: "empty.csv"},
    "short.csv:3 has 1 fields where the first row names 2": {2: "short.csv"},
    "twice.csv has 2 columns 'volume'": {2: "twice.csv"},
    "table.csv:3 has 'much', which is no number": {2: "table.csv"},
}


@pytest.mark.parametrize("sentence", CURVE_FAILURES)
def test_curve_says_in_a_sentence_what_is_wrong(sentence, tmp_path):
    (tmp_path / "table.csv").write_text("pressure,volume\n1,2\n3,much\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "short.csv").write_text("pressure,volume\n1,2\n3\n")
    (tmp_path / "twice.csv").write_text("pressure,volume,volume\n1,2,3\n")
    arguments = [*ADSORPTION, "500,0.0001"]
    arguments[1] = f"{ROOT}/examples/adsorption.py:adsorption"
    arguments[2] = ROOT / arguments[2]
    for option, value in CURVE_FAILURES[sentence].items():
        place = option if isinstance(option, int) else arguments.index(option) + 1
        arguments[place] = value
    result = steepest(*arguments, cwd=tmp_path)
    assert result.returncode == 1
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


def test_a_fit_of_more_than_one_column_is_plotted_over_its_values(tmp_path):
    (tmp_path / "plane.py").write_text("def plane(x, a, b):\n    return a * x[0] + b * x[1]\n")
    (tmp_path / "t.csv").write_text("u,v,y\n1,2,5\n2,1,4\n3,3,9\n4,1,6\n")
    command = ["curve", "plane.py:plane", "t.csv", "--x", "u,v", "--y", "y"]
    result = steepest(*command, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "plane.png").exists()


DEFICIENT = {
    "two that only their sum matters": "def model(x, a, b, c):\n    return (a + b) * x + c\n",
    "one that does not matter": "def model(x, a, b):\n    return a * x\n",
    "none that matters": "def model(x, a):\n    return x * 1.0\n",
    "a curve that has long fallen to 0": (
        "import numpy as np\n"
        "def model(x, a, b, c, d):\n"
        "    return a * np.exp(-1e3 * b * x) + c * np.exp(-1e3 * d * x)\n"
    ),
}


@pytest.mark.parametrize("text", DEFICIENT.values(), ids=DEFICIENT)
@pytest.mark.parametrize("json_or_not", [(), ("--json",)])
def test_a_fit_that_data_do_not_determine_fails_and_says_why_first(text, json_or_not, tmp_path):
    (tmp_path / "m.py").write_text(text)
    rows = "".join(f"{x},{2 * x + 1 + 0.1 * (x % 3)}\n" for x in range(1, 12))
    (tmp_path / "t.csv").write_text("x,y\n" + rows)
    result = steepest(
        "curve", f"{tmp_path}/m.py:model", tmp_path / "t.csv", "--x", "x", "--y", "y", "--no-plot",
        *json_or_not,
    )  # fmt: skip
    assert result.returncode == 1
    why = result.stderr if json_or_not else result.stdout
    assert why.startswith("The Jacobian has rank")
    assert "the data do not determine" in why.splitlines()[0]


LAW = "capacity * (1 - exp(-affinity * pressure))"


@pytest.mark.parametrize(
    "formula", [LAW, f"volume = {LAW}", f"y = {LAW.replace('pressure', 'x')}"]
)
def test_a_formula_is_fitted_without_start_values(formula, tmp_path):
    result = steepest(
        "fit", ROOT / "examples/adsorption.csv", "--model", formula, "--json", cwd=tmp_path
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["parameters"]["affinity"]["value"] == pytest.approx(5.5015643181e-4, rel=1e-8)
    assert document["parameters"]["capacity"]["standard_error"] == pytest.approx(2.7070075241)
    assert (tmp_path / "adsorption.png").exists()


def test_a_formula_of_two_columns_with_names_that_are_no_identifiers(tmp_path):
    (tmp_path / "t.csv").write_text("u (m);v (s);w\n1;2;5,5\n2;1;4,5\n3;3;9,5\n4;1;6,5\n")
    result = steepest(
        "fit", "t.csv", "--model", "a * u_m + b * v_s + c", "--decimal", ",", "--json",
        "--y", "w", cwd=tmp_path,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    fitted = json.loads(result.stdout)["parameters"]
    assert [fitted[name]["value"] for name in "abc"] == pytest.approx([1, 2, 0.5])


FORMULAS = {
    "x is among its own parts": ("__import__('os').system('true')", "a call"),
    "attributes": ("x.real * a", "an attribute"),
    "an unknown function": ("a * expp(x)", "do you mean exp?"),
    "a lambda": ("(lambda: a)() * x", "a call"),
    "a word": ("a * 'x'", "is no number"),
    "a caret": ("a * x^2", "write a power as x**2"),
    "unfinished": ("a * (x", "is no formula"),
    "no parameter": ("2 * pressure", "no parameter to fit"),
    "no variable": ("a * b", "reads no column of the table: there is "),
    "too few arguments": ("a * heaviside(x)", "heaviside takes 2 arguments, got 1"),
    "two results": ("airy(x) * a", "no function that a formula can call"),
    "a function as a name": ("a * exp * x", "exp is a function"),
    "keywords": ("a * clip(x, min=0)", "a call"),
    "a subscript": ("a * x[0]", "a subscript"),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_no_formula_is_said_in_a_sentence(name):
    formula, message = FORMULAS[name]
    result = steepest("fit", ROOT / "examples/adsorption.csv", "--model", formula)
    assert result.returncode == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


SETTINGS = {
    "sigma left out": (["--absolute-sigma"], "--absolute-sigma needs --sigma"),
    "starts left out": (
        ["--start", "a=1"],
        "/ b + c * pressure>:1 takes a, b, c: p0 has no value for 'b', 'c'",
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_wrong_settings_of_a_formula_are_said_in_a_sentence(name):
    options, message = SETTINGS[name]
    model = ["--model", "a*pressure/b + c*pressure"]
    result = steepest("fit", ROOT / "examples/adsorption.csv", *model, *options)
    assert result.returncode == 1
    assert message in result.stderr
    assert not result.stdout


def test_plots_name_the_columns():
    t, y = np.arange(5.0), np.array([1.0, 3.1, 4.9, 7.0, 9.1])
    fit = st.curve_fit(lambda t, a, b: a * t + b, Column(t, "time"), Column(y, "counts"))
    assert fit.data.labels == ("time", "counts")


def test_a_column_that_may_be_meant_by_two_names_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("T (K),T [K],y\n1,2,3\n2,3,4\n3,4,6\n4,5,9\n")
    result = steepest("fit", "t.csv", "--model", "a * T_K + b", cwd=tmp_path)
    assert result.returncode == 1
    assert "T_K may mean T (K) or T [K]" in result.stderr
    (tmp_path / "t.csv").write_text("T (K),T_K,y\n1,2,3\n2,3,4\n9,4,5\n4,5,6\n")
    exact = steepest("fit", "t.csv", "--model", "a * T_K + b", "--json", cwd=tmp_path)
    assert json.loads(exact.stdout)["parameters"]["a"]["value"] == pytest.approx(1.0)

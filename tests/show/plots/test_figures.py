"""Figures: where they are drawn, shown and written."""

import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import steepest as st
from tests.cases.decay import T, Y, decay

RUN = st.minimize(lambda x: np.sum((x - 1) ** 2), np.zeros(2))
FIT = st.curve_fit(decay, T, Y)
BOTH = st.compare(lambda x: np.sum((x - 1) ** 2), np.zeros(2), methods=["bfgs", "lbfgs"])

PLOTS = {
    "run": RUN.plot,
    "fit": FIT.plot,
    "comparison": BOTH.plot,
    "profile": lambda path=None, ax=None: FIT.plot_profile("rate", ax=ax, path=path),
    "contour": lambda path=None, ax=None: FIT.plot_contours("rate", "offset", ax=ax, path=path),
    "correlation": FIT.plot_correlation,
}
STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.mark.parametrize("name", PLOTS)
def test_plots_draw_in_the_axes_given(name):
    ax = Figure().subplots()
    assert PLOTS[name](ax=ax) is ax.figure
    assert ax.has_data()
    with pytest.raises(ValueError, match="ax must be axes of matplotlib"):
        PLOTS[name](ax="left")


@pytest.mark.parametrize(("name", "suffix"), list(zip(PLOTS, [*STARTS, *STARTS], strict=True)))
def test_plots_are_written_in_the_format_of_the_suffix(name, suffix, tmp_path):
    path = tmp_path / f"plot.{suffix}"
    figure = PLOTS[name](path=path)
    assert isinstance(figure, Figure)
    assert path.read_bytes().startswith(STARTS[suffix])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write .*plot.doc: its name may end in"):
        FIT.plot(tmp_path / "plot.doc")


def test_pyplot_shows_figures_where_it_is_in_use(monkeypatch, tmp_path):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    figure = FIT.plot()
    assert plt.fignum_exists(figure.number)
    FIT.plot(tmp_path / "fit.png")  # a file is not shown, too
    assert plt.get_fignums() == [figure.number]
    plt.close("all")
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot")
    assert not hasattr(FIT.plot(), "number")


def test_figures_are_pictures_in_notebooks():
    assert FIT.plot_correlation()._repr_png_().startswith(b"\x89PNG")

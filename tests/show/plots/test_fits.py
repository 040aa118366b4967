"""Plots of fits: data, curve, bands, components and residuals."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import steepest as st
from steepest.descent.inference.frames import standardized_residuals
from steepest.graph import Graph, make
from steepest.graph.source import Source
from steepest.show.plots.components import _terms
from tests.cases.decay import T, Y, decay
from tests.show.plots.test_descents import is_beside, legend, lines

SIGMA = np.linspace(0.01, 0.03, len(T))


def peak(x, height, center):
    return height * np.exp(-((x - center) ** 2))


def baseline(x, level):
    return level + 0 * x


def spectrum(x, height, center, second, level):
    return peak(x, height, center) + peak(x, second, 6.0) + baseline(x, level)


def test_data_curve_bands_and_residuals():
    fit = st.curve_fit(decay, T, Y, sigma=SIGMA, absolute_sigma=True)
    above, below = fit.plot(level=0.9).axes
    assert legend(above) == ["data", "fit", "90% confidence", "90% prediction"]
    assert is_beside(above.get_legend(), above)
    (bars,) = above.containers
    ends = np.array(bars.lines[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, np.stack([Y - SIGMA, Y + SIGMA], axis=1))
    x, y = lines(above)["fit"].T
    assert np.isin(T, x).all()
    np.testing.assert_allclose(y, fit.predict(x))
    (shown,) = [line.get_ydata() for line in below.lines if line.get_marker() == "o"]
    np.testing.assert_array_equal(shown, standardized_residuals(fit, fit.data))
    for fill, (low, high) in zip(
        above.collections[-2:], (fit.band(x, 0.9), fit.band(T, 0.9, "prediction")), strict=True
    ):
        vertices = fill.get_paths()[0].vertices[:, 1]
        assert np.isin(low.round(9), vertices.round(9)).all()
        assert np.isin(high.round(9), vertices.round(9)).all()


@pytest.mark.parametrize(
    ("x", "y", "labels"),
    [
        (T, Y, ("t", "decay")),
        (pd.Series(T, name="t [s]"), pd.Series(Y, name="voltage [V]"), ("t [s]", "voltage [V]")),
        (pd.Series(T), Y, ("t", "decay")),
    ],
)  # fmt: skip
def test_labels_are_those_of_the_data_or_of_the_model(x, y, labels):
    ax = st.curve_fit(decay, x, y).plot(ax=Figure().subplots()).axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel()) == labels


def test_units_are_read_from_attributes():
    x, y = pd.Series(T, name="time"), pd.Series(Y)
    x.attrs["units"], y.attrs["units"] = "s", "V"
    assert st.curve_fit(decay, x, y).data.labels == ("time [s]", "[V]")


def test_the_terms_of_a_sum_are_drawn():
    x = np.linspace(0, 10, 40)
    y = spectrum(x, 3.0, 2.0, 1.5, 0.5) + 0.01 * np.cos(30 * x)
    fit = st.curve_fit(spectrum, x, y, [3, 2, 1, 0])
    ax = fit.plot().axes[0]
    parts = ["peak 1", "peak 2", "baseline"]
    assert legend(ax)[-3:] == parts
    drawn = lines(ax)
    total = sum(drawn[part][:, 1] for part in parts)
    np.testing.assert_allclose(total, drawn["fit"][:, 1])
    np.testing.assert_allclose(drawn["peak 1"][:, 1], peak(drawn["fit"][:, 0], *fit.x[:2]))
    ax = fit.plot(components={"left": peak}).axes[0]
    assert legend(ax)[-1] == "left"
    with pytest.raises(ValueError, match="'left' takes width, which is no parameter"):
        fit.plot(components={"left": lambda x, width: x})
    assert "decay" not in legend(st.curve_fit(decay, T, Y).plot().axes[0])


def test_the_terms_of_each_set_of_a_joint_fit_are_drawn():
    x = np.linspace(0, 10, 40)
    ys = [spectrum(x, height, 2.0, 1.5, 0.5) + 0.01 * np.cos(30 * x) for height in (3, 4)]
    joint = st.curve_fit_joint(spectrum, [x, x], ys, [3, 2, 1, 0], shared=("center", "level"))
    for number, ax in enumerate(joint.plot().axes[:2]):
        assert ax.get_legend().get_title().get_text() == f"data set {number}"
        assert legend(ax)[-3:] == ["peak 1", "peak 2", "baseline"]
        drawn, own = lines(ax), joint.sets[number].x
        expected = peak(drawn["fit"][:, 0], own["height"], own["center"])
        np.testing.assert_allclose(drawn["peak 1"][:, 1], expected)
    below = joint.plot().axes[2]
    assert (ax.get_ylabel(), below.get_xlabel()) == ("spectrum", "x")
    assert st.curve_fit_joint(decay, [T], [Y], shared=()).plot().axes[1].get_xlabel() == "t"


def test_axes_are_logarithmic_where_the_data_ask_for_it():
    x = np.geomspace(1, 1e4, 12)
    fit = st.curve_fit(lambda f, a, n: a * f**n, x, 5 * x**-1.5, sigma=x**-1.5)
    scales = [(ax.get_xscale(), ax.get_yscale()) for ax in fit.plot().axes]
    assert scales == [("log", "log"), ("log", "linear")]
    assert st.curve_fit(decay, T, Y).plot().axes[0].get_yscale() == "linear"


def test_x_of_several_variables_shows_data_over_fitted_values():
    x = np.random.default_rng(0).normal(size=(2, 20))
    fit = st.curve_fit(lambda x, a, b: a * x[0] + b * x[1], x, x[0] + np.cos(x[1]))
    above, below = fit.plot().axes
    np.testing.assert_allclose(lines(above)["data"][:, 0], fit.predict(x))
    assert below.get_xlabel() == "fitted"


WEIGHTS = np.linspace(1, 2, len(T))


@pytest.mark.parametrize(
    "model",
    [
        lambda t, a, b: WEIGHTS * (a + b * t),
        lambda t, a, b: a + b * np.cumsum(t),
        lambda t, a, b: a + b * (t - np.mean(t**2)),
        lambda t, a, b: a + b * np.sin(np.arange(len(t))),
    ],
    ids=["weights", "sums", "means", "indices"],
)
def test_models_that_depend_on_all_points_are_drawn_at_these(model):
    fit = st.curve_fit(model, T, Y)
    drawn = lines(fit.plot().axes[0])["fit"]
    np.testing.assert_allclose(drawn[:, 1], fit.predict(T))


@pytest.mark.parametrize("error", [ValueError, TypeError, IndexError, ZeroDivisionError])
def test_errors_of_a_model_between_the_data_are_shown(error):
    def checked(t, a, b):
        if len(t) > len(T):  # as one that checks values that no datum has
            raise error("of the user's own")
        return a + b * t

    fit = st.curve_fit(checked, T, Y)
    with pytest.raises(error, match="of the user's own"):
        fit.plot()


def test_curves_are_smooth_where_the_model_looks_at_the_first_point():
    fit = st.curve_fit(lambda t, a, b: a * np.exp(-b * (t - t[0])), T, Y)
    assert len(lines(fit.plot().axes[0])["fit"]) >= 400


def test_terms_are_in_order_however_many_there_are():
    graph = st.trace(lambda x, y: x + y, T, T)
    (x, y), (node,) = graph.inputs, graph.outputs
    own, sources = Source("sums.py", 1, "sums"), {}
    for _ in range(3000):
        sources[node] = own
        node = make(node.op, (node, y))
    sources[node] = own
    deep = Graph((x, y), (node,), sources=sources)
    assert _terms(deep, node, own) == [x, *[y] * 3001]


def test_a_pair_of_axes_holds_both_panels():
    axes = Figure().subplots(1, 2)
    st.curve_fit(decay, T, Y).plot(ax=axes)
    assert all(ax.has_data() for ax in axes)
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        st.curve_fit(decay, T, Y).plot(level=95)


def test_markers_of_many_data_are_small():
    sizes = {}
    for number in (10, 300):
        x = np.linspace(0, 1, number)
        ax = st.curve_fit(lambda x, a: a * x, x, x + 0.1 * np.cos(99 * x)).plot().axes[0]
        (drawn,) = [line for line in ax.lines if line.get_label() == "data"]
        sizes[number] = drawn.get_markersize()
    assert 1 < sizes[300] < 0.5 * sizes[10]


def test_components_have_colors_of_their_own():
    x = np.linspace(0, 10, 40)
    parts = {f"part {i}": peak for i in range(9)}
    fit = st.curve_fit(spectrum, x, spectrum(x, 3, 2, 1, 0.5), [3, 2, 1, 0])
    for names in (["part 0"], parts):
        ax = fit.plot(components=dict.fromkeys(names, peak)).axes[0]
        colors = {line.get_label(): line.get_color() for line in ax.lines}
        own = [colors[name] for name in names]
        assert {colors["fit"], colors["data"]}.isdisjoint(own)

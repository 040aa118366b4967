"""Plots of profiles, joint regions and correlations."""

import pickle

import numpy as np
import pytest
from matplotlib.figure import Figure

import steepest as st
from tests.cases.decay import T, Y, decay

FIT = st.curve_fit(decay, T, Y)


def test_a_notebook_shows_figures_also_without_pyplot():
    for figure in (FIT.plot(), FIT.run.plot(), FIT.plot_profile()):
        assert pickle.loads(pickle.dumps(figure))._repr_png_().startswith(b"\x89PNG")


def test_one_panel_is_drawn_in_the_axes_given():
    axes = Figure().subplots(1, 4)
    figures = [
        FIT.plot_profile("rate", axes[0], level=0.9),
        FIT.profile("rate").plot(axes[1]),
        FIT.plot_contours("rate", "offset", axes[2]),
        FIT.plot_correlation(axes[3]),
    ]
    assert all(figure is axes[0].figure for figure in figures)
    labels = [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes[:3]]
    assert labels == [("rate", "tau"), ("rate", "tau"), ("rate", "offset")]
    low, high = FIT.confidence_intervals(0.9, "profile")[1]
    drawn = [line.get_xdata() for line in axes[0].lines]
    assert any(np.array_equal(x, [low, low]) for x in drawn)
    assert any(np.array_equal(x, [high, high]) for x in drawn)
    edge = FIT.contour("rate", "offset").edge(0.95)
    assert any(np.array_equal(line.get_xydata()[:-1], edge) for line in axes[2].lines)
    numbers = [text.get_text() for text in axes[3].texts]
    assert numbers == [f"{value:.2f}" for value in FIT.correlation.reshape(-1)]


def test_a_profile_is_a_smooth_curve_through_its_refits():
    ax = FIT.plot_profile("rate", Figure().subplots()).axes[0]
    profile = FIT.profile("rate", 0.99)
    (x, tau), *_ = [line.get_data() for line in ax.lines if len(line.get_xdata()) > 100]
    at = np.searchsorted(x, profile.values - 1e-9)
    np.testing.assert_allclose(x[at], profile.values)
    np.testing.assert_allclose(tau[at], profile.tau, atol=1e-12)
    slopes = np.diff(tau) / np.diff(x)
    assert np.abs(np.diff(slopes)).max() < 0.1 * np.ptp(slopes)


def test_a_correlation_near_zero_has_no_sign():
    x = np.array([-2.0, -1.0, 0.0, 1.0, 2.01])
    fit = st.curve_fit(lambda x, a, b: a + b * x, x, np.array([0.0, 1.1, 1.9, 3.2, 4.0]), [1, 1])
    assert -0.005 < fit.correlation[0, 1] < 0
    texts = [text.get_text() for text in fit.plot_correlation().axes[0].texts]
    assert texts == ["1.00", "0.00", "0.00", "1.00"]


def test_all_parameters_have_panels(tmp_path):
    figure = FIT.plot_profile()
    assert [ax.get_xlabel() for ax in figure.axes] == list(FIT.names)
    figure = FIT.plot_contours()
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 6
    figure.savefig(tmp_path / "regions.png", dpi=50)
    assert (tmp_path / "regions.png").stat().st_size > 5000
    start = {"amplitude": 2.0, "rate": 1.0, "offset": st.Fixed(0.5)}
    fixed = st.curve_fit(decay, T, Y, start)
    assert len(fixed.plot_profile().axes) == 2
    correlation = fixed.plot_correlation()
    assert len(correlation.axes) == 2
    with pytest.warns(st.FitWarning):
        bounded = st.curve_fit(decay, T, Y, [3, 1, 0.3], bounds=([0, 0, 0], [9, 9, 0.42]))
    assert len(bounded.plot_profile().axes) == 3


def test_what_cannot_be_plotted():
    axes = Figure().subplots()
    with pytest.raises(ValueError, match="name a parameter, or leave ax out"):
        FIT.plot_profile(ax=axes)
    with pytest.raises(ValueError, match="name two parameters, or leave ax out"):
        FIT.plot_contours(ax=axes)
    with pytest.raises(ValueError, match="give both names, or none"):
        FIT.plot_contours("rate")
    with pytest.raises(ValueError, match="levels must be probabilities"):
        FIT.contour("rate", "offset").plot(levels=[95])
    one = st.curve_fit(lambda t, a: a * np.exp(-t), T, Y)
    for levels in ([], [0.5, 1.0]):
        for names in ((), ("rate", "offset")):
            with pytest.raises(ValueError, match="levels must be probabilities"):
                FIT.plot_contours(*names, levels=levels)
    for name in (None, "rate"):
        with pytest.raises(ValueError, match="level must be between 0 and 1, got 95"):
            FIT.plot_profile(name, level=95)
    shares = st.curve_fit(
        lambda t, shares: decay(t, *(6 * shares)), T, Y, {"shares": st.Simplex([0.5, 0.3, 0.2])}
    )
    for plot in (shares.plot_profile, shares.plot_contours):
        with pytest.raises(ValueError, match=r"no parameter has a profile|need two free param"):
            plot()
    with pytest.raises(ValueError, match="two free parameters that have a profile"):
        one.plot_contours()


def test_profiles_are_followed_as_far_as_they_are_shown():
    for figure in (FIT.plot_profile("rate", level=0.9999), FIT.plot_profile(level=0.9999)):
        for ax in figure.axes:
            row = FIT.names.index(ax.get_xlabel())
            low, high = FIT.confidence_intervals(0.9999, "profile")[row]
            curve = max(ax.lines, key=lambda line: len(line.get_xdata()))
            assert curve.get_xdata()[0] <= low < high <= curve.get_xdata()[-1]
            assert ax.get_xlim()[0] <= low < high <= ax.get_xlim()[1]


def test_tied_parameters_have_no_panels_of_their_own():
    ties = {
        "amplitude": lambda p: 6 * p["offset"],
        "offset": lambda p: p["amplitude"] / 6,
    }
    plain = {"amplitude": 3.0, "rate": 1.0, "offset": 0.5}
    for name, tie in ties.items():
        fit = st.curve_fit(decay, T, Y, plain | {name: st.Tied(tie)})
        figure = fit.plot_contours()
        shown = [ax for ax in figure.axes if ax.axison]
        assert len(shown) == 3
        free = [one for one in plain if one != name]
        assert [shown[-1].get_xlabel(), shown[1].get_ylabel()] == [free[1], free[1]]
        assert [ax.get_xlabel() for ax in fit.plot_profile().axes] == list(plain)


def test_a_profile_has_a_legend_and_marks_its_ends_on_its_own_side():
    ax = FIT.plot_profile("rate").axes[0]
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["profile", "linear model", "95% interval"]
    low, high = FIT.confidence_intervals(method="profile")[1]
    ends = {line.get_xdata()[0]: line for line in ax.lines if line.get_linewidth() == 1}
    assert max(ends[low].get_ydata()) == min(ends[high].get_ydata()) == 0
    assert len(FIT.plot_profile().legends) == len(FIT.plot_contours().legends) == 1

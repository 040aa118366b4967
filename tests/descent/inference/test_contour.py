"""Joint confidence regions, beside lmfit's grid and the geometry of linear models."""

import lmfit
import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases.decay import T, Y, decay
from tests.cases.published_fits import (
    CONCENTRATION,
    DEMAND,
    DISTANCE,
    RATE,
    SPEED,
    TIME,
    line,
    michaelis_menten,
    oxygen_demand,
)


def test_the_grid_is_lmfits():
    theirs = lmfit.Model(decay).fit(
        Y, t=T, amplitude=3, rate=1, offset=0.5, fit_kws={"xtol": 1e-12, "ftol": 1e-12}
    )
    fit = st.curve_fit(decay, T, Y)
    contour = fit.contour("amplitude", "rate", size=(7, 9))
    assert contour.probability.shape == (9, 7)
    x, y, grid = lmfit.conf_interval2d(
        theirs,
        theirs,
        *("amplitude", "rate", 7, 9),
        limits=(contour.first[[-1, 0]], contour.second[[-1, 0]]),  # the upper one first
    )
    np.testing.assert_allclose(x, contour.first)
    np.testing.assert_allclose(y, contour.second)
    probability = scipy.stats.f.cdf(grid**2 / 2, 2, 22)  # lmfit gives tau
    np.testing.assert_allclose(contour.probability, probability, atol=1e-5)


@pytest.mark.parametrize("absolute", [False, True])
def test_the_edge_of_a_linear_model_is_an_ellipse(absolute):
    sigma = 15.0 if absolute else None
    fit = st.curve_fit(line, SPEED, DISTANCE, sigma=sigma, absolute_sigma=absolute)
    edge = fit.contour("slope", "intercept").edge(0.9)
    away = edge - fit.x
    squares = np.einsum("ki,ij,kj->k", away, np.linalg.inv(fit.covariance), away)
    expected = scipy.stats.chi2.ppf(0.9, 2) if absolute else 2 * scipy.stats.f.ppf(0.9, 2, 48)
    np.testing.assert_allclose(squares, expected, rtol=1e-6)
    # Its extents are the profiles' ends at the same tau.
    reach = np.sqrt(expected * np.diag(fit.covariance))
    np.testing.assert_allclose(edge[:, 0].max() - fit.x[0], reach[0], rtol=1e-6)
    np.testing.assert_allclose(edge[:, 1].max() - fit.x[1], reach[1], rtol=3e-3)


def test_the_edge_lies_where_the_sum_of_squares_says():
    fit = st.curve_fit(michaelis_menten, CONCENTRATION, RATE, [200, 0.05])
    contour = fit.contour("Vm", "K")
    edge = contour.edge(0.95)
    rest = [np.sum((RATE - michaelis_menten(CONCENTRATION, *p)) ** 2) for p in edge]
    ratio = (np.array(rest) / fit.chi_square - 1) * 10 / 2
    np.testing.assert_allclose(ratio, scipy.stats.f.ppf(0.95, 2, 10), rtol=1e-6)
    assert np.nanmin(contour.probability) < 0.02


def test_open_regions_and_bounds_and_markers():
    fit = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5])
    edge = fit.contour("A", "k").edge(0.95)
    assert np.isfinite(edge).all()
    held = st.curve_fit(oxygen_demand, TIME, DEMAND, [20, 0.5], bounds=([0, 0], [25, 1]))
    contour = held.contour("A", "k", size=11)
    edge = contour.edge(0.95)
    assert edge.max(axis=0).tolist() == [25, 1]
    assert contour.second.max() == 1
    start = {"A": st.Positive(20.0), "k": st.Positive(0.5)}
    marked = st.curve_fit(oxygen_demand, TIME, DEMAND, start).contour("A", "k").edge(0.5)
    plain = fit.contour("A", "k").edge(0.5)
    np.testing.assert_allclose(marked.max(axis=0), plain.max(axis=0), rtol=1e-2)


def test_what_has_no_contour():
    fit = st.curve_fit(decay, T, Y)
    with pytest.raises(ValueError, match="two different parameters, got rate twice"):
        fit.contour("rate", "rate")
    with pytest.raises(ValueError, match="no parameter 'width'"):
        fit.contour("rate", "width")
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        fit.contour("rate", "offset", 99)
    with pytest.raises(ValueError, match="size must be a number of points"):
        fit.contour("rate", "offset", size=2)
    for size in (2.5, "ab", (5, 5.5), (5, 5, 5), None):
        with pytest.raises(ValueError, match="size must be a number of points"):
            fit.contour("rate", "offset", size=size)
    start = {"amplitude": 3.0, "rate": 1.0, "offset": st.Tied(lambda p: p["amplitude"] / 6)}
    tied = st.curve_fit(decay, T, Y, start)
    with pytest.raises(ValueError, match="amplitude and offset are computed from the same free"):
        tied.contour("amplitude", "offset")

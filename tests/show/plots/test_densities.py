"""Plots of maximum-likelihood fits."""

import numpy as np
import pytest
import scipy.stats
from matplotlib.figure import Figure

import steepest as st
from steepest.show.plots.densities import fitted_density
from tests.show.plots.test_descents import legend, lines

GAMMA = scipy.stats.gamma.rvs(2.5, scale=1.5, size=200, random_state=1)
COUNTS = scipy.stats.poisson.rvs(3, size=100, random_state=1)


def gamma(x, shape, scale):
    return scipy.stats.gamma.logpdf(x, shape, scale=scale)


def poisson_mean(x, mean):
    return scipy.stats.poisson.logpmf(x, mean)


OF_GAMMA = st.maximum_likelihood(gamma, GAMMA, {"shape": 1.0, "scale": 1.0})
OF_COUNTS = st.maximum_likelihood(poisson_mean, COUNTS, [1.0])


def test_the_density_is_drawn_over_a_histogram():
    above, below = OF_GAMMA.plot().axes
    assert legend(above) == ["data", "fitted density"]
    x, y = lines(above)["fitted density"].T
    expected = scipy.stats.gamma.pdf(x, OF_GAMMA.x["shape"], scale=OF_GAMMA.x["scale"])
    np.testing.assert_allclose(y, expected)
    (bars,) = above.patches
    heights, edges, _ = bars.get_data()
    assert np.sum(heights * np.diff(edges)) == pytest.approx(1)
    quantiles, data = below.lines[1].get_data()
    np.testing.assert_array_equal(data, np.sort(GAMMA))
    shares = (np.arange(200) + 0.5) / 200
    exact = scipy.stats.gamma.ppf(shares, OF_GAMMA.x["shape"], scale=OF_GAMMA.x["scale"])
    np.testing.assert_allclose(quantiles, exact, rtol=5e-3)


def test_probabilities_are_drawn_over_shares_of_counts():
    above, below = OF_COUNTS.plot().axes
    assert legend(above) == ["data", "fitted probability"]
    x, y = lines(above)["fitted probability"].T
    np.testing.assert_allclose(y, scipy.stats.poisson.pmf(x, OF_COUNTS.x[0]))
    shares = [bar.get_height() for bar in above.patches]
    np.testing.assert_allclose(shares, np.unique(COUNTS, return_counts=True)[1] / 100)
    at, residuals = below.lines[-1].get_data()
    expected = 100 * scipy.stats.poisson.pmf(at, OF_COUNTS.x[0])
    counts = np.array([np.sum(k == COUNTS) for k in at])
    np.testing.assert_allclose(
        residuals, (counts - expected) / np.sqrt(expected * (1 - expected / 100))
    )
    ax = Figure().subplots()
    assert OF_COUNTS.plot(ax=ax) is ax.figure


T = np.linspace(0, 2, 40)
Y = np.random.default_rng(0).poisson(np.exp(1 + T)).astype(float)
WEIGHTS = np.linspace(1, 2, 40)
WITHOUT_DENSITY = {
    "predictors": (lambda d, a, b: scipy.stats.poisson.logpmf(d[1], np.exp(a + b * d[0])), (T, Y)),
    "up to a constant": (lambda y, a, b: -((y - a) ** 2) / (2 * b**2) - np.log(b), Y),
    "weights": (lambda y, a, b: WEIGHTS * scipy.stats.norm.logpdf(y, a, b), Y),
}


@pytest.mark.parametrize("kind", WITHOUT_DENSITY)
def test_without_a_density_profiles_are_drawn(kind):
    logpdf, data = WITHOUT_DENSITY[kind]
    fit = st.maximum_likelihood(logpdf, data, [1.0, 1.0])
    assert fitted_density(fit) is None
    assert [ax.get_xlabel() for ax in fit.plot().axes] == ["a", "b"]
    with pytest.raises(ValueError, match="there is no density to draw in these axes"):
        fit.plot(ax=Figure().subplots())


def test_without_profiles_the_descent_is_drawn():
    with pytest.warns(st.FitWarning, match="not positive definite"):
        fit = st.maximum_likelihood(lambda y, a, b: -((y - a - b) ** 2), Y, [1.0, 1.0])
    assert "loss - minimum" in [ax.get_ylabel() for ax in fit.plot().axes]

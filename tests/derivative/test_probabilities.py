"""Probabilities and quantiles that SciPy integrates or searches for, and their slopes."""

import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.support.differences import extrapolated
from tests.support.engines import on_every_engine

SEARCHED = {
    "foldcauchy": (scipy.stats.foldcauchy, 1.3),
    "exponnorm": (scipy.stats.exponnorm, 0.8),
    "rel_breitwigner": (scipy.stats.rel_breitwigner, 2.5),
    "recipinvgauss": (scipy.stats.recipinvgauss, 0.63),
}
Q = np.array([0.2, 0.5, 0.85])


@pytest.mark.sampled(4)
@pytest.mark.parametrize("method", ["ppf", "isf"])
@pytest.mark.parametrize("name", SEARCHED)
def test_slopes_of_first_and_second_order(name, method):
    distribution, shape = SEARCHED[name]

    def total(p):
        return np.sum(getattr(distribution, method)(Q + p[0], p[1], p[2], p[3]) ** 2)

    at = np.array([0.0, shape, 0.3, 1.7])
    slopes, curvature = st.gradient(total)(at), st.hessian(total)(at)
    np.testing.assert_allclose(curvature, curvature.T, rtol=1e-9)
    for i in range(at.size):

        def moved(t, i=i):
            return np.array([*at[:i], t, *at[i + 1 :]])

        wanted, error = extrapolated(lambda t: total(moved(t)), at[i], 0.02)
        assert abs(slopes[i] - wanted) <= 1e-6 * abs(wanted) + 30 * error
        wanted, error = extrapolated(lambda t: st.gradient(total)(moved(t)), at[i], 0.02)
        np.testing.assert_allclose(curvature[i], wanted, rtol=1e-5, atol=30 * error.max())


def test_every_engine_calls_scipy_back():
    distribution, shape = SEARCHED["foldcauchy"]
    for found in on_every_engine(lambda q, c: distribution.ppf(q, c), Q, shape).values():
        np.testing.assert_array_equal(found, distribution.ppf(Q, shape))


def test_a_quantile_without_a_recorded_density_has_a_value_and_no_slope():
    density = scipy.stats.studentized_range

    def quantile(q):
        return density.ppf(q, 3.0, 10.0)

    assert st.trace(quantile, 0.5)(0.5) == density.ppf(0.5, 3.0, 10.0)
    with pytest.raises(st.errors.UnsupportedError, match=r"scipy\.stats\.studentized_range\.pdf"):
        st.gradient(quantile)(0.5)


def test_quantiles_of_discrete_distributions_are_steps():
    for distribution in (scipy.stats.binom(10, 0.3), scipy.stats.betabinom(8, 1.3, 2.1)):
        found = st.trace(lambda q, d=distribution: d.ppf(q), Q)(Q)
        np.testing.assert_array_equal(found, distribution.ppf(Q))
    assert st.gradient(lambda p: scipy.stats.binom.ppf(0.4, 10, p) * p)(0.3) == 3.0


class Bent(scipy.stats.rv_continuous):
    """A distribution of which only the density is known."""

    def _pdf(self, x, a):
        return (1 + a * x**2) / (1 + a / 3)


BENT = Bent(a=0.0, b=1.0, name="bent")


@pytest.mark.parametrize("method", ["cdf", "sf", "logcdf", "logsf"])
def test_probabilities_that_scipy_integrates_have_the_density_as_slope(method):
    x = np.array([0.2, 0.4, 0.7, -1.0, 2.0])

    def call(x):
        return getattr(BENT, method)(x, 2.0)

    np.testing.assert_array_equal(st.trace(call, x)(x), call(x))
    slope = st.gradient(lambda t: np.sum(call(x[:3] + t) ** 2))
    wanted, error = extrapolated(lambda t: np.sum(call(x[:3] + t) ** 2), 0.0, 0.05)
    assert abs(slope(0.0) - wanted) <= 1e-7 * abs(wanted) + 30 * error
    wanted, error = extrapolated(slope, 0.0, 0.05)
    assert abs(st.gradient(slope)(0.0) - wanted) <= 1e-6 * abs(wanted) + 30 * error


def test_an_integrated_probability_has_the_slope_of_its_integral_by_a_shape():
    x, a = 0.3, 1.25
    slope = (x**3 / 3 * (1 + a / 3) - (x + a * x**3 / 3) / 3) / (1 + a / 3) ** 2
    np.testing.assert_allclose(st.gradient(lambda a: BENT.cdf(x, a))(a), slope, rtol=1e-9)
    np.testing.assert_allclose(
        st.gradient(lambda a: BENT.logpdf(0.5, a))(1.25), 0.25 / 1.3125 - 1 / 4.25, rtol=1e-12
    )

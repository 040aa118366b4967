"""Likelihoods written with scipy.stats: the answers are SciPy's."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from scipy.stats import norm

import steepest as st

RANDOM = np.random.default_rng(11)
NORMAL = RANDOM.normal(1.5, 0.7, size=80)
GAMMA = RANDOM.gamma(2.3, 1.4, size=80)
WEIBULL = 1.3 * RANDOM.weibull(1.7, size=80)
COUNTS = RANDOM.poisson(np.exp(0.3 + 0.5 * np.linspace(-1, 1, 80)))
STUDENT = 0.4 + 1.2 * RANDOM.standard_t(5, size=120)
RETURNS = RANDOM.standard_t(6, size=150) * 0.8
TIMES = np.linspace(-1, 1, 80)
CENSORED = np.minimum(WEIBULL, 1.8)


def garch(p):
    """Return the negative log-likelihood of returns whose variance follows a GARCH model."""
    constant, arch, persistence, df = np.exp(p[0]), np.exp(p[1]), np.exp(p[2]), 2 + np.exp(p[3])
    variance, total = np.var(RETURNS), 0.0
    for value in RETURNS:
        scale = np.sqrt(variance * (df - 2) / df)
        total = total - scipy.stats.t.logpdf(value, df, 0.0, scale)
        variance = constant + arch * value**2 + persistence * variance
    return total


def censored(p):
    is_censored = CENSORED >= 1.8
    shape, scale = np.exp(p)
    observed = scipy.stats.weibull_min.logpdf(CENSORED, shape, scale=scale)
    beyond = scipy.stats.weibull_min.logsf(CENSORED, shape, scale=scale)
    return -np.sum(np.where(is_censored, beyond, observed))


LOSSES = {
    "normal": (lambda p: -np.sum(norm.logpdf(NORMAL, p[0], np.exp(p[1]))), [0.0, 0.0]),
    "normal, frozen": (lambda p: -norm(p[0], np.exp(p[1])).logpdf(NORMAL).sum(), [0.0, 0.0]),
    "normal, nnlf": (lambda p: norm.nnlf((p[0], np.exp(p[1])), NORMAL), [0.0, 0.0]),
    "gamma": (
        lambda p: -np.sum(scipy.stats.gamma.logpdf(GAMMA, np.exp(p[0]), scale=np.exp(p[1]))),
        [0.0, 0.0],
    ),
    "censored": (censored, [0.0, 0.0]),
    "Poisson regression": (
        lambda p: -np.sum(scipy.stats.poisson.logpmf(COUNTS, np.exp(p[0] + p[1] * TIMES))),
        [0.0, 0.0],
    ),
    "Student's t": (
        lambda p: -np.sum(scipy.stats.t.logpdf(STUDENT, 1 + np.exp(p[0]), p[1], np.exp(p[2]))),
        [0.5, 0.0, 0.0],
    ),
    "GARCH": (garch, [-1.0, -2.0, -0.5, 1.0]),
    "a mixture": (
        lambda p: (
            -np.sum(
                np.log(
                    0.4 * norm.pdf(STUDENT, p[0], np.exp(p[1]))
                    + 0.6 * scipy.stats.logistic.pdf(STUDENT, p[2], 1.0)
                )
            )
        ),
        [1.0, 0.0, 0.3],
    ),
    "generalized extreme values from the limit": (
        lambda p: -np.sum(scipy.stats.genextreme.logpdf(GAMMA, p[0], p[1], np.exp(p[2]))),
        [0.0, 2.0, 0.5],
    ),
}


OF_STUDENT = {"Student's t", "GARCH"}


def is_recorded(logpdf):
    try:
        st.trace(lambda df: logpdf(0.3, df), 4.0)
    except st.errors.UnsupportedError:
        return False
    return True


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", LOSSES)
def test_the_minimum_is_scipys_or_lower(name):
    loss, start = LOSSES[name]
    if name in OF_STUDENT and not is_recorded(scipy.stats.t.logpdf):
        pytest.skip("scipy.special.poch is not recorded")
    run = st.minimize(loss, np.array(start))
    theirs = scipy.optimize.minimize(loss, start)
    assert loss(run.x) <= theirs.fun + 1e-9 * abs(theirs.fun)
    np.testing.assert_allclose(run.x, theirs.x, rtol=2e-4, atol=2e-4)


def test_a_model_of_densities_is_fitted_as_scipy_does():
    def model(x, height, center, width, shape):
        return height * scipy.stats.skewnorm.pdf(x, shape, center, width)

    x = np.linspace(-2, 4, 60)
    y = model(x, 3.0, 0.4, 1.2, 2.0) + 0.01 * RANDOM.normal(size=x.size)
    start = [2.0, 0.0, 1.0, 1.0]
    found, covariance = st.curve_fit(model, x, y, start)
    wanted, theirs = scipy.optimize.curve_fit(model, x, y, start)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    np.testing.assert_allclose(covariance, theirs, rtol=1e-3)

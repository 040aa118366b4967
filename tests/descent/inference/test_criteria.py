"""Likelihood and information criteria, in R's, lmfit's and statsmodels' conventions."""

import lmfit
import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.published_fits import DISTANCE, SPEED, line


def test_the_criteria_are_rs():
    # logLik, AIC and BIC of lm(dist ~ speed, cars), as R prints them.
    fit = st.curve_fit(line, SPEED, DISTANCE)
    printed = fit.log_likelihood, fit.aic, fit.bic
    np.testing.assert_allclose(printed, (-206.5784, 419.1569, 424.8929), atol=5e-5)
    assert fit.aicc == pytest.approx(fit.aic + 2 * 3 * 4 / (50 - 4))
    assert fit["aic"] == fit.aic


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("kind", ["none", "each", "matrix"])
def test_the_likelihood_is_the_density_of_the_data(kind, absolute):
    sigma = {"none": None, "each": 0.04 + 0.01 * T, "matrix": 0.01 * 0.5 ** abs(T[:, None] - T)}
    sigma = sigma[kind]
    fit = st.curve_fit(decay, T, Y, sigma=sigma, absolute_sigma=absolute)
    covariance = np.eye(T.size) if sigma is None else sigma
    covariance = np.diag(sigma**2) if kind == "each" else covariance
    scale = 1.0 if absolute else fit.chi_square / T.size
    density = scipy.stats.multivariate_normal(decay(T, *fit.x), scale * covariance)
    assert fit.log_likelihood == pytest.approx(density.logpdf(Y), rel=1e-9)
    number = 3 if absolute else 4
    assert fit.aic == pytest.approx(2 * number - 2 * density.logpdf(Y))
    assert fit.bic == pytest.approx(np.log(25) * number - 2 * density.logpdf(Y))


def test_lmfits_criteria_differ_by_what_the_docstring_says():
    fit = st.curve_fit(decay, T, Y)
    theirs = lmfit.Model(decay).fit(Y, t=T, amplitude=3, rate=1, offset=0)
    constant = 25 * (1 + np.log(2 * np.pi))
    assert fit.aic == pytest.approx(theirs.aic + 2 + constant, rel=1e-9)
    assert fit.bic == pytest.approx(theirs.bic + np.log(25) + constant, rel=1e-9)


def test_what_has_no_likelihood():
    assert np.isnan(st.curve_fit(decay, T, Y, loss="huber").aic)
    assert st.curve_fit(line, np.arange(5.0), np.zeros(5)).log_likelihood == np.inf
    few = st.curve_fit(line, np.arange(3.0), np.array([1.0, 2.5, 2.9]))
    assert few.aicc == np.inf
    assert st.least_squares(residuals, np.ones(3)).aic == st.curve_fit(decay, T, Y).aic

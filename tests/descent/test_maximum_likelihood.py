"""Maximum likelihood, beside closed forms, SciPy's fits, and R's and statsmodels' tables."""

import warnings

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from scipy.special import gammaln, ndtr

import steepest as st
from tests.cases.decay import T, Y, decay

RANDOM = np.random.default_rng(5)
NORMAL = RANDOM.normal(3, 2, 80)
GAMMA = RANDOM.gamma(2.5, 1.5, 120)
COUNTS = RANDOM.poisson(3.0, 60)


def test_poisson_counts_have_the_closed_form():
    fit = st.maximum_likelihood(scipy.stats.poisson.logpmf, COUNTS, [1.0])
    mean, number = COUNTS.mean(), COUNTS.size
    assert fit.names == ("mu",)
    assert fit.x[0] == pytest.approx(mean, rel=1e-7)
    assert fit.standard_errors[0] == pytest.approx(np.sqrt(mean / number), rel=1e-6)
    assert fit.robust_standard_errors[0] == pytest.approx(COUNTS.std() / np.sqrt(number), rel=1e-6)
    total = scipy.stats.poisson.logpmf(COUNTS, mean).sum()
    assert fit.log_likelihood == pytest.approx(total)
    assert (fit.aic, fit.bic) == pytest.approx((2 - 2 * total, np.log(number) - 2 * total))


def test_normal_data_have_the_closed_form():
    fit = st.maximum_likelihood(scipy.stats.norm.logpdf, NORMAL, {"loc": 0.0, "scale": 1.0})
    assert tuple(fit.x.values()) == pytest.approx(scipy.stats.norm.fit(NORMAL), rel=1e-7)
    errors = NORMAL.std() / np.sqrt([80, 160])
    np.testing.assert_allclose(list(fit.standard_errors.values()), errors, rtol=1e-6)
    np.testing.assert_allclose(fit.correlation[0, 1], 0, atol=1e-6)
    np.testing.assert_allclose(
        fit.confidence_intervals(0.9)[0],
        fit.x["loc"] + scipy.stats.norm.ppf([0.05, 0.95]) * errors[0],
    )
    value, error = fit.derive(lambda p: p["scale"] ** 2)
    assert (value, error) == pytest.approx(
        (NORMAL.var(), NORMAL.var() * np.sqrt(2 / 80)), rel=1e-6
    )


def test_gamma_data_are_scipys():
    start = {"a": st.Positive(1.0), "scale": st.Positive(1.0)}
    fit = st.maximum_likelihood(scipy.stats.gamma.logpdf, GAMMA, start)
    shape, _, scale = scipy.stats.gamma.fit(GAMMA, floc=0)
    assert tuple(fit.x.values()) == pytest.approx((shape, scale), rel=1e-6)
    plain = st.maximum_likelihood(
        lambda x, a, scale: scipy.stats.gamma.logpdf(x, a, scale=scale), GAMMA, [1.0, 1.0]
    )
    np.testing.assert_allclose(plain.covariance, fit.covariance, rtol=1e-5)
    # The information of a gamma distribution, by its textbook formula.
    from scipy.special import polygamma

    information = 120 * np.array([[polygamma(1, shape), 1 / scale], [1 / scale, shape / scale**2]])
    np.testing.assert_allclose(plain.covariance, np.linalg.inv(information), rtol=1e-5)


def test_censored_data_are_scipys():
    censored = NORMAL > 4.0
    shown = np.minimum(NORMAL, 4.0)

    def logpdf(data, loc, scale):
        seen = scipy.stats.norm.logpdf(data["value"], loc, scale)
        beyond = scipy.stats.norm.logsf(data["value"], loc, scale)
        return np.where(data["censored"] > 0, beyond, seen)

    data = {"value": shown, "censored": censored.astype(float)}
    fit = st.maximum_likelihood(logpdf, data, [3.0, 1.0])
    theirs = scipy.stats.norm.fit(scipy.stats.CensoredData.right_censored(shown, censored))
    np.testing.assert_allclose(fit.x, theirs, rtol=1e-4)  # theirs is a simplex search
    by_hand = np.where(
        censored,
        np.log(ndtr((fit.x[0] - shown) / fit.x[1])),
        scipy.stats.norm.logpdf(shown, *fit.x),
    )
    assert fit.log_likelihood == pytest.approx(by_hand.sum())


def test_a_poisson_regression_is_rs_and_statsmodels():
    # Dobson's counts, the example of R's manual page of glm; statsmodels' cov_type="HC0".
    counts = np.array([18.0, 17, 15, 20, 10, 20, 25, 13, 12])
    outcome, treatment = np.tile([0, 1, 2], 3), np.repeat([0, 1, 2], 3)
    columns = [outcome == 1, outcome == 2, treatment == 1, treatment == 2]
    design = np.stack([np.ones(9), *columns], axis=1).astype(float)

    def logpdf(data, b):
        X, y = data
        eta = X @ b
        return y * eta - np.exp(eta) - gammaln(y + 1)

    fit = st.maximum_likelihood(logpdf, (design, counts), {"b": np.zeros(5)})
    assert fit.names[:2] == ("b[0]", "b[1]")
    np.testing.assert_allclose(fit.x["b"], [3.0445224, -0.4542553, -0.2929871, 0, 0], atol=1e-6)
    errors = [0.17089865, 0.20217076, 0.19274235, 0.2, 0.2]
    np.testing.assert_allclose(fit.standard_errors["b"], errors, rtol=1e-6)
    robust = [0.11626678, 0.14821415, 0.14607791, 0.14666667, 0.14483707]
    np.testing.assert_allclose(fit.robust_standard_errors["b"], robust, rtol=1e-6)
    assert fit.aic == pytest.approx(56.7613184)
    assert fit.bic == pytest.approx(57.7474413)
    report = str(fit)
    for word in ("log-likelihood", "-23.38065", "b[4]", "robust", "95% interval"):
        assert word in report


def test_normal_errors_are_least_squares():
    def logpdf(data, amplitude, rate, offset, log_sigma):
        t, y = data
        r = (y - decay(t, amplitude, rate, offset)) / np.exp(log_sigma)
        return -0.5 * r**2 - log_sigma - 0.5 * np.log(2 * np.pi)

    fit = st.maximum_likelihood(logpdf, (T, Y), [2.0, 1.0, 0.3, -2.0])
    squares = st.curve_fit(decay, T, Y)
    np.testing.assert_allclose(fit.x[:3], squares.x, rtol=1e-6)
    assert fit.log_likelihood == pytest.approx(squares.log_likelihood)
    assert fit.aicc == pytest.approx(squares.aicc)


def test_bounds_and_fixed_parameters():
    start = {"loc": 0.0, "scale": st.Fixed(2.0)}
    fixed = st.maximum_likelihood(scipy.stats.norm.logpdf, NORMAL, start)
    assert fixed.x["scale"] == 2
    assert fixed.standard_errors["loc"] == pytest.approx(2 / np.sqrt(80))
    assert fixed.standard_errors["scale"] == 0
    bounds = ([0, 0], [9, 1.5])
    with pytest.warns(st.FitWarning, match="scale is on its bound, 1.5: it has no standard error"):
        fit = st.maximum_likelihood(scipy.stats.norm.logpdf, NORMAL, [1.0, 1.0], bounds=bounds)
    assert fit.x[1] == 1.5
    assert fit.standard_errors[0] == pytest.approx(1.5 / np.sqrt(80))
    assert np.isnan(fit.standard_errors[1])
    with pytest.warns(st.FitWarning, match="loc is on its bound, 1:"):
        low = st.maximum_likelihood(
            *(scipy.stats.norm.logpdf, NORMAL, start | {"loc": 0.5}),
            bounds=({"loc": -1.0}, {"loc": 1.0}),
        )
    assert low.x["loc"] == 1


def test_what_does_not_work_is_said():
    normal = scipy.stats.norm.logpdf
    with pytest.raises(ValueError, match="must return the log-density of each datum"):
        st.maximum_likelihood(lambda x, m: np.sum(normal(x, m)), NORMAL, [0.0])
    with pytest.raises(TypeError, match="logpdf must be a function"):
        st.maximum_likelihood("norm", NORMAL, [0.0])
    with pytest.raises(ValueError, match="start has no parameter 'width'"):
        st.maximum_likelihood(lambda x, m: normal(x, m), NORMAL, {"width": 1.0})
    for bounds in (3, [(0, 1)], [(0, 1), (0, 1)], ({}, 3)):
        with pytest.raises(ValueError, match="two dicts by name"):
            st.maximum_likelihood(normal, NORMAL, {"scale": st.Positive(1.0)}, bounds=bounds)
    for start in (None, "guess"):
        with pytest.raises(ValueError, match=r"start must be real|give start values, start"):
            st.maximum_likelihood(lambda x, *p: normal(x, *p), NORMAL, start)
    with pytest.raises(ValueError, match="is nan at the start: start elsewhere"):
        st.maximum_likelihood(normal, NORMAL, [0.0, -1.0])
    with pytest.warns(st.FitWarning, match="information is not positive definite"):
        vague = st.maximum_likelihood(lambda x, a, b: normal(x, a + b), NORMAL, [0.0, 0.0])
    assert np.isinf(vague.standard_errors).all()
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        vague.confidence_intervals(95)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lost = st.maximum_likelihood(normal, NORMAL, [0.0, 1.0], stop=st.MaxIterations(1))
    assert not lost.converged


def test_a_log_density_may_solve_an_equation():
    def by_cube(x, cube):
        return normal_density(x, scipy.optimize.brentq(lambda z: z**3 - cube, 0, 20))

    normal_density = lambda x, mean: -0.5 * (x - mean) ** 2
    solved = st.maximum_likelihood(by_cube, NORMAL, [20.0])
    closed = st.maximum_likelihood(lambda x, c: normal_density(x, np.cbrt(c)), NORMAL, [20.0])
    assert solved.x == pytest.approx(closed.x, rel=1e-6)
    np.testing.assert_allclose(solved.scores, closed.scores, rtol=1e-5, atol=1e-9)
    errors = [[fit.standard_errors, fit.robust_standard_errors] for fit in (solved, closed)]
    np.testing.assert_allclose(*errors, rtol=1e-5)

"""Bootstraps, beside the theory of linear models and SciPy's bootstrap."""

import numpy as np
import pytest
import scipy.stats

import steepest as st
from tests.cases import nist
from tests.cases.decay import T, Y, decay, residuals
from tests.cases.published_fits import DISTANCE, SPEED, line

# With 2,000 refits a standard error scatters by 1.6%; the bounds below are four times that.


@pytest.mark.parametrize("kind", ["residuals", "parametric"])
@pytest.mark.parametrize("sigma", [None, "each", "matrix"])
def test_standard_errors_of_a_linear_model_are_known(kind, sigma):
    sigma = {None: None, "each": 0.5 + 0.05 * SPEED, "matrix": np.diag(0.5 + 0.1 * SPEED)}[sigma]
    fit = st.curve_fit(line, SPEED, DISTANCE, sigma=sigma)
    boot = fit.bootstrap(2000, kind, seed=1)
    assert boot.failed == 0
    np.testing.assert_allclose(boot.standard_errors, fit.standard_errors, rtol=0.065)
    scaled = boot.bias / fit.standard_errors
    np.testing.assert_allclose(scaled, 0, atol=4 / np.sqrt(2000))


def test_cases_and_their_intervals_are_scipys():
    def slope(speed, distance, axis=-1):
        away = speed - np.mean(speed, axis=axis, keepdims=True)
        return np.sum(away * distance, axis=axis) / np.sum(away**2, axis=axis)

    fit = st.curve_fit(line, SPEED, DISTANCE)
    boot = fit.bootstrap(9999, "cases", seed=1)
    for method in ("percentile", "BCa"):
        theirs = scipy.stats.bootstrap(
            (SPEED, DISTANCE),
            slope,
            paired=True,
            method=method,
            rng=np.random.default_rng(2),
        )
        found = boot.confidence_intervals(method=method.lower())[0]
        expected = theirs.confidence_interval
        np.testing.assert_allclose(found, expected, atol=0.08 * theirs.standard_error)
    assert np.std(boot["slope"], ddof=1) == pytest.approx(theirs.standard_error, rel=0.04)


def test_a_curved_fit_has_the_intervals_of_its_profile():
    case = nist.read("Rat42")
    fit = st.curve_fit(case.model, case.x, case.y, case.starts[1])
    boot = fit.bootstrap(4000, "parametric", seed=3)
    profile = fit.confidence_intervals(method="profile", level=0.9)
    found = boot.confidence_intervals(0.9)
    # Nine data: the quantiles are those of the normal distribution, which lie nearer.
    share = scipy.stats.norm.ppf(0.95) / scipy.stats.t.ppf(0.95, 6)
    expected = fit.x[:, None] + share * (profile - fit.x[:, None])
    np.testing.assert_allclose(found, expected, atol=0.06 * fit.standard_errors.max(), rtol=0)
    skew = lambda ends: (ends[:, 1] - fit.x) / (fit.x - ends[:, 0])
    np.testing.assert_allclose(skew(found), skew(profile), atol=0.1)


def test_a_seed_gives_the_same_refits():
    fit = st.curve_fit(decay, T, Y)
    one, same, other = (fit.bootstrap(50, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)
    text = str(one)
    assert text.startswith("50 refits, resampling residuals\n")
    assert "95% interval (BCa)" in text


def test_marked_bounded_and_residual_fits():
    start = {"amplitude": st.Positive(2.0), "rate": 1.4, "offset": st.Fixed(0.5)}
    marked = st.curve_fit(decay, T, Y, start, bounds=({"rate": 1.29}, {}))
    boot = marked.bootstrap(500, seed=0)
    assert boot["rate"].min() == 1.29
    assert (boot["offset"] == 0.5).all()
    assert (boot["amplitude"] > 0).all()
    plain = st.curve_fit(decay, T, Y).bootstrap(200, seed=0)
    by_residuals = st.least_squares(residuals, np.ones(3)).bootstrap(200, seed=0)
    np.testing.assert_allclose(by_residuals.values, plain.values, rtol=1e-7)
    robust = st.curve_fit(decay, T, Y, loss="huber", f_scale=0.05)
    assert np.isfinite(robust.bootstrap(100, seed=0).standard_errors).all()


def test_refits_that_fail_are_left_out_and_said():
    fit = st.curve_fit(lambda x, a, b: a * np.sqrt(x - b), SPEED, DISTANCE, [10, 1])
    with pytest.warns(st.FitWarning, match="of 500 refits did not converge and are left out"):
        boot = fit.bootstrap(500, "cases", seed=0)
    assert len(boot) + boot.failed == 500
    assert f"{boot.failed} that did not converge left out" in str(boot)


def test_what_cannot_be_resampled():
    fit = st.curve_fit(decay, T, Y)
    with pytest.raises(ValueError, match="kind must be one of 'residuals', 'cases', 'parametric'"):
        fit.bootstrap(10, "wild")
    with pytest.raises(ValueError, match="at least 2: got 1"):
        fit.bootstrap(1)
    with pytest.raises(ValueError, match="no parameter 'width'"):
        fit.bootstrap(10)["width"]
    with pytest.raises(ValueError, match="method must be 'bca' or 'percentile'"):
        fit.bootstrap(10).confidence_intervals(method="t")
    with pytest.raises(ValueError, match="this loss is robust"):
        st.curve_fit(decay, T, Y, loss="cauchy").bootstrap(10, "cases")
    with pytest.raises(ValueError, match="are not independent"):
        st.curve_fit(decay, T, Y, sigma=np.eye(25)).bootstrap(10, "cases")
    with pytest.warns(st.FitWarning):
        exact = st.curve_fit(line, np.arange(2.0), np.arange(2.0))
    with pytest.raises(ValueError, match="no scatter to resample"):
        exact.bootstrap(10)
    with pytest.warns(st.FitWarning):
        vague = st.curve_fit(lambda x, a, b, c: (a + b) * x + c, T, Y)
    for kind in ("residuals", "cases", "parametric"):
        with pytest.raises(ValueError, match="there is no bootstrap: The Jacobian has rank 2"):
            vague.bootstrap(10, kind)
    for seed in ("a", -1, 2.5):
        with pytest.raises(ValueError, match="seed must be a whole number"):
            fit.bootstrap(10, seed=seed)

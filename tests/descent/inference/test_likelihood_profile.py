"""Likelihood-ratio intervals beside formulas and root finding."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

import steepest as st
from steepest.errors import InputError

CHI = scipy.stats.chi2.ppf(0.95, 1)


def gamma_logpdf(data, shape, scale):
    return scipy.stats.gamma.logpdf(data, shape, scale=scale)


DATA = scipy.stats.gamma.rvs(2.5, scale=1.5, size=40, random_state=1)


def test_one_parameter_has_the_ends_of_the_formula():
    counts = np.array([2.0, 5, 3, 4, 1, 3])
    fit = st.maximum_likelihood(lambda c, mean: c * np.log(mean) - mean, counts, {"mean": 1.0})
    n, best = len(counts), counts.mean()
    excess = lambda m: 2 * n * (best * np.log(best / m) - best + m) - CHI
    ends = [scipy.optimize.brentq(excess, 0.5, best), scipy.optimize.brentq(excess, best, 9)]
    (found,) = fit.confidence_intervals(method="profile")
    np.testing.assert_allclose(found, ends, rtol=1e-7)


def test_two_parameters_have_the_ends_of_refits():
    fit = st.maximum_likelihood(gamma_logpdf, DATA, {"shape": 1.0, "scale": 1.0})
    best = np.sum(scipy.stats.gamma.logpdf(DATA, fit.x["shape"], scale=fit.x["scale"]))

    def excess(shape):  # the best scale is known: mean over shape
        scale = DATA.mean() / shape
        return 2 * (best - np.sum(scipy.stats.gamma.logpdf(DATA, shape, scale=scale))) - CHI

    shape = float(fit.x["shape"])
    ends = [
        scipy.optimize.brentq(excess, 0.2 * shape, shape),
        scipy.optimize.brentq(excess, shape, 5 * shape),
    ]
    found = fit.confidence_intervals(method="profile")
    np.testing.assert_allclose(found[0], ends, rtol=1e-6)
    profile = fit.profile("shape")
    assert (np.diff(profile.tau) > 0).all()
    np.testing.assert_allclose(profile.interval(0.95), ends, rtol=1e-6)
    linear = fit.confidence_intervals()
    assert found[0, 1] - shape > shape - found[0, 0]
    assert linear[0, 1] - shape == pytest.approx(shape - linear[0, 0])


def test_a_joint_region_is_where_the_ratio_says():
    fit = st.maximum_likelihood(gamma_logpdf, DATA, {"shape": 1.0, "scale": 1.0})
    contour = fit.contour("shape", "scale", size=9)
    best = fit.log_likelihood
    edge = contour.edge(0.9)
    points = (
        np.concatenate([np.asarray(part) for part in edge]) if isinstance(edge, list) else edge
    )
    for a, b in np.asarray(points)[:3]:
        fall = 2 * (best - np.sum(scipy.stats.gamma.logpdf(DATA, a, scale=b)))
        assert fall == pytest.approx(scipy.stats.chi2.ppf(0.9, 2), rel=1e-5)


def test_marked_parameters_and_refusals():
    start = {"shape": st.Positive(1.0), "scale": st.Fixed(1.5)}
    fit = st.maximum_likelihood(gamma_logpdf, DATA, start)
    found = fit.confidence_intervals(method="profile")
    np.testing.assert_array_equal(found[1], [1.5, 1.5])
    assert found[0, 0] > 0
    with pytest.raises(InputError, match="fixed"):
        fit.profile("scale")
    with pytest.raises(InputError, match="method must be"):
        fit.confidence_intervals(method="bayes")


@pytest.mark.parametrize(("count", "on"), [(10.0, 1), (0.0, 0)])
def test_a_share_on_its_bound_has_the_interval_of_the_formula(count, on):
    logpmf = lambda k, share: scipy.stats.binom.logpmf(k, 10, share)
    with pytest.warns(st.FitWarning, match="share is on its bound"):
        fit = st.maximum_likelihood(logpmf, np.full(3, count), {"share": 0.5}, bounds=(0, 1))
    with pytest.warns(st.FitWarning, match="interval of share ends on its"):
        (found,) = fit.confidence_intervals(method="profile")
    other = np.exp(-CHI / 60)
    np.testing.assert_allclose(found, [other, 1] if on else [0, 1 - other], rtol=1e-7)


def test_parameters_on_bounds_and_beside_them_have_the_ends_of_refits():
    data = scipy.stats.norm.rvs(1.0, 0.8, size=30, random_state=1)
    loss = lambda mean, width: -np.sum(scipy.stats.norm.logpdf(data, mean, width))
    with pytest.warns(st.FitWarning, match="width is on its bound"):
        fit = st.maximum_likelihood(
            lambda z, mean, width: scipy.stats.norm.logpdf(z, mean, width),
            data,
            {"mean": 0.0, "width": 2.0},
            bounds=({"width": 1.0}, {}),
        )
    with pytest.warns(st.FitWarning, match="interval of width ends on its lower bound"):
        mean, width = fit.confidence_intervals(method="profile")
    assert width[0] == 1.0
    for end in mean:
        best = max(1.0, np.sqrt(np.mean((data - end) ** 2)))
        assert 2 * (loss(end, best) - fit.loss) == pytest.approx(CHI, rel=1e-6)
    assert 2 * (loss(data.mean(), width[1]) - fit.loss) == pytest.approx(CHI, rel=1e-6)

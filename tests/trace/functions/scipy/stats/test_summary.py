"""Statistics of samples and kernel density estimates: SciPy's values, and their slopes."""

import numpy as np
import pytest
import scipy.stats
from scipy.stats import entropy, gaussian_kde, gmean, kurtosis, pearsonr, skew, zscore

import steepest as st
from tests.support.differences import extrapolated
from tests.support.engines import on_every_engine

RANDOM = np.random.default_rng(7)
X = RANDOM.gamma(2.0, size=(6, 4))
Y = RANDOM.normal(size=(6, 4))
WEIGHTS = RANDOM.uniform(0.5, 2.0, size=6)
OF_ONE = gaussian_kde(X[:, 0])
OF_TWO = gaussian_kde(X[:, :2].T, bw_method=0.4, weights=WEIGHTS)

CASES = {
    "zscore": lambda x: zscore(x),
    "zscore of rows": lambda x: zscore(x, axis=1, ddof=1),
    "zscore of all": lambda x: zscore(x, axis=None),
    "zmap": lambda x: scipy.stats.zmap(x, Y, ddof=1),
    "gzscore": lambda x: scipy.stats.gzscore(x),
    "skew": lambda x: skew(x),
    "skew without bias": lambda x: skew(x, axis=1, bias=False, keepdims=True),
    "kurtosis": lambda x: kurtosis(x, axis=None),
    "kurtosis without bias": lambda x: kurtosis(x, bias=False),
    "kurtosis of Pearson": lambda x: kurtosis(x, axis=-1, fisher=False),
    "gmean": lambda x: gmean(x),
    "gmean with weights": lambda x: gmean(x, weights=WEIGHTS[:, np.newaxis]),
    "hmean": lambda x: scipy.stats.hmean(x, axis=1),
    "pmean": lambda x: scipy.stats.pmean(x, 1.5),
    "moment": lambda x: scipy.stats.moment(x, 3),
    "moment about a center": lambda x: scipy.stats.moment(x, 2, center=0.3),
    "first moment": lambda x: scipy.stats.moment(x, 1),
    "sem": lambda x: scipy.stats.sem(x),
    "gstd": lambda x: scipy.stats.gstd(x),
    "variation": lambda x: scipy.stats.variation(x, axis=1),
    "entropy": lambda x: entropy(x),
    "entropy in bits": lambda x: entropy(x, base=2, axis=1),
    "relative entropy": lambda x: entropy(x, np.exp(Y)),
    "pearsonr": lambda x: pearsonr(x[:, 0], x[:, 1]).statistic,
    "pearsonr by index": lambda x: pearsonr(x[:, 0], Y[:, 1])[0],
    "pearsonr of columns": lambda x: pearsonr(x, Y).statistic,
    "density of numbers": lambda x: OF_ONE(x[:, 1]),
    "density of pairs": lambda x: OF_TWO(x[:, :2].T),
    "logarithm of a density": lambda x: OF_TWO.logpdf(x[:2, :2]),
    "density of one pair": lambda x: OF_TWO.pdf(x[0, :2]),
    "density of traced data": lambda x: gaussian_kde(x[:, 0])(np.array([1.0, 2.0])),
    "density of traced data and weights": lambda x: gaussian_kde(
        x[:, :2].T, "silverman", x[:, 2]
    ).logpdf(np.array([[1.0, 2.0], [0.5, 1.5]])),
    "density of traced data and bandwidth": lambda x: gaussian_kde(x[:, 0], 0.3)(x[:, 1]),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes(name):
    case = CASES[name]
    for found in on_every_engine(case, X).values():
        assert np.shape(found) == np.shape(case(X))
        np.testing.assert_allclose(found, case(X), rtol=1e-11, atol=1e-15)
    weights = RANDOM.normal(size=np.shape(case(X)))
    direction = RANDOM.normal(size=X.shape)

    def moved(t):
        return np.sum(weights * case(X + t * direction))

    slope, curvature = st.gradient(moved)(0.0), st.gradient(st.gradient(moved))(0.0)
    wanted, error = extrapolated(moved, 0.0, 0.05)
    np.testing.assert_allclose(slope, wanted, rtol=1e-7, atol=1e-10 + 30 * error)
    wanted, error = extrapolated(st.gradient(moved), 0.0, 0.05)
    np.testing.assert_allclose(curvature, wanted, rtol=1e-6, atol=1e-8 + 30 * error)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("function", [zscore, skew, kurtosis])
def test_samples_without_spread_have_no_scores(function):
    x = np.column_stack([np.full(5, 1.7), np.arange(5.0)])
    np.testing.assert_array_equal(
        np.isnan(st.trace(lambda x: function(x), x)(x)), np.isnan(function(x))
    )
    slopes = st.gradient(lambda x: np.sum(function(x)[..., 1]))(x)
    assert np.all(np.isfinite(slopes))


def test_what_an_estimate_holds_may_change_between_calls():
    estimate = gaussian_kde(X[:, 0])
    density = st.compile(lambda x: estimate(x))
    points = np.array([0.5, 1.5])
    for bandwidth in (0.2, 0.5, "silverman"):
        estimate.set_bandwidth(bandwidth)
        np.testing.assert_allclose(density(points), estimate(points), rtol=1e-12)


REFUSED = {
    "nan_policy='omit' of scipy.stats.skew": lambda x: skew(x, nan_policy="omit"),
    r"gaussian_kde\.integrate_box_1d": lambda x: OF_ONE.integrate_box_1d(0.0, x[0, 0]),
    "method= of scipy.stats.pearsonr": lambda x: pearsonr(
        x[:, 0], x[:, 1], method=scipy.stats.PermutationMethod()
    ),
    r"\.confidence_interval of scipy.stats.pearsonr": lambda x: pearsonr(
        x[:, 0], x[:, 1]
    ).confidence_interval(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_recorded_is_named(name):
    with pytest.raises(st.errors.UnsupportedError, match=name):
        st.trace(REFUSED[name], X)

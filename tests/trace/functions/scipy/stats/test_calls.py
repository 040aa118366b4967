"""Every way to call a distribution, and what such a call returns."""

import numpy as np
import pytest
import scipy.stats
from scipy import stats
from scipy.stats import gamma, norm, poisson

import steepest as st
from steepest.trace import trace_function

X = np.array([0.3, 0.9, 2.1])
TABLE = np.array([[0.3, 0.9, 2.1], [1.3, 0.1, 0.7]])
DATA_LOC = np.array([0.1, 0.2, 0.3])
FROZEN = norm(1.0, scale=2.0)
OF_ARRAY = norm(DATA_LOC, 1.5)
LOGPDF = norm.logpdf
TABLE_OF_DISTRIBUTIONS = {"norm": norm, "gamma": gamma(2.0)}

CALLS = {
    "a module": lambda c: scipy.stats.norm.logpdf(X, c, 2.0),
    "a name": lambda c: norm.logpdf(X, c, 2.0),
    "by keyword": lambda c: stats.norm.logpdf(X, scale=2.0, loc=c),
    "all by keyword": lambda c: norm.ppf(q=[0.2, 0.7], loc=c),
    "the variable by keyword": lambda c: poisson.logpmf(k=[1, 3], mu=c),
    "a shape by keyword": lambda c: gamma.logpdf(X, a=c, scale=1 + c),
    "shapes that are broadcast": lambda c: gamma.logpdf(TABLE, c * X, 0.0, TABLE[:, :1]),
    "a method": lambda c: LOGPDF(X, c),
    "getattr": lambda c: getattr(stats, "weibull_min").cdf(X, c),  # noqa: B009
    "frozen inside": lambda c: norm(c, scale=2.0).logpdf(X),
    "frozen inside by keyword": lambda c: norm(loc=c).logpdf(x=X),
    "frozen by freeze": lambda c: gamma.freeze(c).cdf(X),
    "frozen outside": lambda c: FROZEN.logpdf(X * c),
    "frozen outside with arrays": lambda c: OF_ARRAY.sf(X * c),
    "of a frozen distribution": lambda c: FROZEN.dist.logpdf(X, c) + FROZEN.kwds["scale"],
    "in a dictionary": lambda c: TABLE_OF_DISTRIBUTIONS["gamma"].pdf(X * c),
    "a chosen one": lambda c: [norm, gamma][1].logpdf(X, c),
    "moments": lambda c: gamma.mean(c) + gamma(c, scale=2.0).std() + norm.var(c, c),
    "several moments": lambda c: np.array(gamma.stats(c, 0.5, 2.0, moments="mvsk")),
    "an entropy": lambda c: norm.entropy(0.0, c) + stats.gumbel_r(scale=c).entropy(),
    "a median": lambda c: stats.expon.median(0.0, c) + stats.cauchy(c, 2.0).median(),
    "an interval": lambda c: np.array(stats.logistic.interval(0.9, c, 2.0)),
    "a support": lambda c: np.array(stats.uniform.support(c, 2.0)),
    "ends of a support": lambda c: stats.uniform(c, 2.0).support()[1] + gamma(c).a,
    "a likelihood": lambda c: norm.nnlf((c, 1.5), X),
    "an empty array": lambda c: norm.logpdf(X[:0], c),
    "beyond the support": lambda c: gamma.logpdf(-X, c),
    "a negative scale": lambda c: norm.logpdf(X, 0.0, -c),
    "bad shapes": lambda c: gamma.cdf(X, np.array([c, -c, 0.0])),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", CALLS)
def test_values_and_kinds_of_results(name):
    call = CALLS[name]
    for c in (1.5, np.float64(0.7)):
        found, wanted = st.compile(call)(c), call(c)
        assert np.shape(found) == np.shape(wanted)
        assert np.asarray(found).dtype == np.asarray(wanted).dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.float64])
def test_dtypes_are_scipys(dtype):
    x, a = np.array([1, 2, 3], dtype), dtype(2)
    for call in (lambda x, a: gamma.logpdf(x, a), lambda x, a: norm.cdf(x, 0, a)):
        found, wanted = st.trace(call, x, a)(x, a), call(x, a)
        assert found.dtype == wanted.dtype
        np.testing.assert_allclose(found, wanted, rtol=1e-6 if dtype == np.float32 else 1e-14)


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
def test_numbers_are_numpys():
    seen = []

    def function(x):
        value = norm.logpdf(x, 0.5)
        seen.append((type(value), isinstance(value, np.float64), value.shape))
        return value

    for run in (function, st.compile(function)):
        run(0.3)
    assert seen[0] == seen[1]


@pytest.mark.parametrize("name", [*CALLS])
def test_a_distribution_from_outside_does_not_force_a_new_trace(name):
    captures = trace_function(CALLS[name], (1.5,)).captures
    assert captures.opaque == []
    assert captures.still_hold()


def test_changed_parameters_of_a_frozen_distribution_are_read_again():
    frozen = norm(0.0, scale=1.0)
    density = st.compile(lambda x: frozen.logpdf(x))
    for scale in (1.0, 2.0):
        frozen.kwds["scale"] = scale
        np.testing.assert_allclose(density(0.7), norm.logpdf(0.7, 0.0, scale), rtol=1e-15)


def test_slopes_are_not_spoiled_by_elements_beyond_the_support():
    x = np.array([-1.0, 0.0, 0.5, np.inf, np.nan])
    is_inside = np.array([False, False, True, False, False])

    def total(p):
        values = gamma.logpdf(x, p[0], p[1], p[2])
        return np.sum(np.where(is_inside, values, 0.0))

    at = np.array([1.5, 0.1, 2.0])
    alone = st.gradient(lambda p: gamma.logpdf(0.5, p[0], p[1], p[2]))
    np.testing.assert_allclose(st.gradient(total)(at), alone(at), rtol=1e-14)
    np.testing.assert_array_equal(st.gradient(lambda c: gamma.cdf(-1.0, 2.0, c))(0.0), 0.0)


class Bent(scipy.stats.rv_continuous):
    """A distribution of the user's own."""

    power = 2.0

    def _pdf(self, x, a):
        return (1 + a * x**self.power) / (1 + a / (1 + self.power))

    def _cdf(self, x, a):
        return (x + a * x ** (self.power + 1) / (1 + self.power)) / (1 + a / (1 + self.power))

    def twice(self, x, a):
        return 2 * self.pdf(x, a)


def test_distributions_of_the_users_own():
    bent = Bent(a=0.0, b=1.0, name="bent")
    call = st.compile(lambda a: bent.logpdf(X[:2], a) + bent(a).sf(0.4) + bent.twice(0.1, a))
    for power in (2.0, 3.0):
        Bent.power = power
        wanted = bent.logpdf(X[:2], 1.5) + bent(1.5).sf(0.4) + bent.twice(0.1, 1.5)
        np.testing.assert_allclose(call(1.5), wanted, rtol=1e-14)


HISTOGRAM = scipy.stats.rv_histogram(np.histogram(np.sin(np.arange(50.0)), bins=5))
SAMPLE = scipy.stats.rv_discrete(values=([1, 2, 5], [0.2, 0.5, 0.3]))


def test_distributions_of_data():
    for call in (lambda x: HISTOGRAM.pdf(x), lambda x: HISTOGRAM.cdf(x)):
        np.testing.assert_allclose(st.trace(call, X)(X), call(X), rtol=1e-14)
    k = np.array([1.0, 2.0, 3.0, 5.0, 6.0])
    for call in (lambda k: SAMPLE.pmf(k), lambda k: SAMPLE.cdf(k), lambda k: SAMPLE.sf(k)):
        np.testing.assert_allclose(st.trace(call, k)(k), call(k), rtol=1e-14)


REFUSED = {
    r"scipy\.stats\.norm\.fit of traced values": lambda c: norm.fit(X * c)[0],
    r"scipy\.stats\.gamma\.moment of traced values": lambda c: gamma.moment(2, c),
    r"scipy\.stats\.landau\.pdf at test_calls\.py:\d+": lambda c: stats.landau.pdf(X, c),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_not_recorded_is_named(message):
    with pytest.raises(st.errors.UnsupportedError, match=message):
        st.trace(REFUSED[message], 1.5)


def test_wrong_arguments_raise_as_in_scipy():
    for call in (lambda c: norm.logpdf(X, c, 1, 2), lambda c: gamma.logpdf(X, b=c)):
        with pytest.raises(TypeError) as wanted:
            call(1.5)
        with pytest.raises(TypeError) as found:
            st.trace(call, 1.5)
        assert str(found.value) == str(wanted.value)

"""Distributions of vectors and matrices: SciPy's values, and slopes by every parameter."""

import numpy as np
import pytest
import scipy.stats
from scipy.stats import dirichlet, invwishart, multinomial, multivariate_normal, multivariate_t

import steepest as st
from tests.support.differences import extrapolated
from tests.support.engines import on_every_engine

RANDOM = np.random.default_rng(4)
X = RANDOM.normal(size=(5, 3))
HALF = RANDOM.normal(size=(3, 3))
COVARIANCE = HALF @ HALF.T + np.eye(3)
MATRICES = np.stack([COVARIANCE * i + np.diag([0.2, 0.1, 0.3]) for i in (1, 2)], axis=-1)
SHARES = np.array([[0.2, 0.5], [0.3, 0.1], [0.5, 0.4]])
COUNTS = np.array([[1, 2, 3], [2, 2, 2], [1, 1, 1], [0, 0, 6]])
FROZEN = multivariate_normal(np.array([0.1, 0.2, 0.3]), COVARIANCE)
ALLOWED = multivariate_normal(cov=COVARIANCE, allow_singular=True)


def covariance(p):
    return COVARIANCE * (1 + p[0] ** 2) + np.diag(np.array([p[1], p[2], 0.1]) ** 2)


def shares(p):
    weights = np.exp(np.array([p[0], p[1], p[2]]))
    return weights / np.sum(weights)


CASES = {
    "normal": lambda p: multivariate_normal.logpdf(X, p, COVARIANCE),
    "density": lambda p: multivariate_normal.pdf(X, p, COVARIANCE),
    "covariance": lambda p: scipy.stats.multivariate_normal.logpdf(X, mean=p, cov=covariance(p)),
    "one point": lambda p: multivariate_normal.logpdf(p, cov=covariance(p)),
    "number": lambda p: multivariate_normal.logpdf(X, p, p[0] ** 2),
    "diagonal": lambda p: multivariate_normal.logpdf(X, p, p**2),
    "one axis": lambda p: multivariate_normal.logpdf(X[:, 0] * p[1], p[0], p[2] ** 2),
    "no mean": lambda p: multivariate_normal.logpdf(X[:, 0] * p[0]),
    "frozen inside": lambda p: multivariate_normal(p, covariance(p)).logpdf(X),
    "frozen outside": lambda p: FROZEN.logpdf(X * p),
    "singular allowed": lambda p: ALLOWED.logpdf(X * p) + ALLOWED.mean[0],
    "entropy": lambda p: multivariate_normal.entropy(p, covariance(p)),
    "t": lambda p: multivariate_t.logpdf(X, p, covariance(p), 2 + p[0] ** 2),
    "t density": lambda p: multivariate_t(p, covariance(p), df=3).pdf(X),
    "dirichlet": lambda p: dirichlet.logpdf(SHARES, 1 + p**2),
    "dirichlet of shares": lambda p: dirichlet.logpdf(shares(p), [0.5, 2.0, 3.0]),
    "dirichlet of all but one": lambda p: dirichlet(p**2).pdf(SHARES[:2]),
    "dirichlet's moments": lambda p: dirichlet.mean(p**2) + dirichlet.var(p**2),
    "dirichlet's entropy": lambda p: dirichlet.entropy(p**2),
    "multinomial": lambda p: multinomial.logpmf(COUNTS, 6, shares(p)),
    "multinomial mass": lambda p: multinomial(n=6, p=shares(p)).pmf(COUNTS[0]),
    "wishart": lambda p: scipy.stats.wishart.logpdf(MATRICES, 3 + p[0] ** 2, covariance(p)),
    "wishart of a matrix": lambda p: scipy.stats.wishart(5, COVARIANCE).logpdf(covariance(p)),
    "invwishart": lambda p: invwishart.logpdf(MATRICES, 3 + p[0] ** 2, covariance(p)),
    "invwishart density": lambda p: invwishart.pdf(covariance(p), df=4, scale=COVARIANCE),
}
AT = np.array([0.7, -0.4, 1.1])


@pytest.mark.parametrize("name", CASES)
def test_values_and_slopes(name):
    case = CASES[name]
    for found in on_every_engine(case, AT).values():
        assert np.shape(found) == np.shape(case(AT))
        np.testing.assert_allclose(found, case(AT), rtol=1e-12)

    def total(p):
        values = case(p)
        return np.sum(np.where(np.isfinite(values), values, 0.0))

    slopes, curvature = st.gradient(total)(AT), st.hessian(total)(AT)
    for i in range(3):

        def moved(t, i=i):
            return np.array([*AT[:i], t, *AT[i + 1 :]])

        wanted, error = extrapolated(lambda t: total(moved(t)), AT[i], 0.05)
        np.testing.assert_allclose(slopes[i], wanted, rtol=1e-8, atol=1e-10 + 30 * error)
        wanted, error = extrapolated(lambda t: st.gradient(total)(moved(t)), AT[i], 0.05)
        np.testing.assert_allclose(curvature[i], wanted, rtol=1e-7, atol=1e-9 + 30 * error.max())


def test_each_element_of_a_covariance_counts_as_in_scipy():
    def total(cov):
        return np.sum(multivariate_normal.logpdf(X, cov=cov))

    symmetric = st.gradient(lambda cov: total((cov + cov.T) / 2))(COVARIANCE)
    for i in range(3):
        for j in range(3):
            step = np.zeros((3, 3))
            step[i, j] += 0.5
            step[j, i] += 0.5
            wanted, _ = extrapolated(lambda t, d=step: total(COVARIANCE + t * d), 0.0, 0.05)
            np.testing.assert_allclose(symmetric[i, j], wanted, rtol=1e-8)


def test_counts_that_are_not_possible_and_bad_shares():
    counts = np.array([[1.0, 2.0, 3.0], [1.5, 1.5, 3.0], [-1.0, 3.0, 4.0], [1.0, 1.0, 1.0]])
    for p in ([0.2, 0.3, 0.5], [-0.1, 0.6, 0.5]):
        found = st.trace(lambda p: multinomial.logpmf(counts, 6, p), np.array(p))(np.array(p))
        np.testing.assert_allclose(found, multinomial.logpmf(counts, 6, p), rtol=1e-13)


BAD = {
    "not positive definite": lambda p: multivariate_normal.logpdf(X, cov=-covariance(p)),
    "a matrix of another size": lambda p: multivariate_normal.logpdf(X, p, np.eye(2)),
    "alpha below 0": lambda p: dirichlet.logpdf(SHARES, -(p**2)),
    "shares above 1": lambda p: dirichlet.logpdf(SHARES * p[2], [1.0, 2.0, 3.0]),
    "few degrees of freedom": lambda p: scipy.stats.wishart.logpdf(COVARIANCE, p[0], COVARIANCE),
    "no degrees of freedom": lambda p: multivariate_t.logpdf(X, df=-p[0], shape=np.eye(3)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_scipy_refuses_raises_as_in_scipy(name):
    with pytest.raises(ValueError, match=r"\S"):
        BAD[name](AT)
    with pytest.raises(ValueError, match=r"\S"):
        st.trace(BAD[name], AT)(AT)


def test_what_is_not_recorded_is_named():
    for call, name in (
        (lambda p: multivariate_normal.cdf(p, cov=COVARIANCE), "multivariate_normal.cdf"),
        (lambda p: scipy.stats.matrix_normal.logpdf(p * np.eye(3)), "matrix_normal.logpdf"),
        (lambda p: multivariate_t.logpdf(p, df=np.inf, shape=np.eye(3)), "df=inf"),
        (lambda p: multinomial.entropy(3, shares(p)), "multinomial.entropy"),
    ):
        with pytest.raises(st.errors.UnsupportedError, match=name):
            st.trace(call, AT)

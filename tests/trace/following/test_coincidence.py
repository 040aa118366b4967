"""Branches by equality, which hold at one point only."""

import math
import warnings

import numpy as np
import pytest

import steepest as st
from steepest.errors import TraceWarning

X = np.array([1.0, 2.0])

NEAR = {
    "allclose": lambda p, k: np.allclose(p, k),
    "allclose, tight": lambda p, k: np.allclose(p, k, rtol=0, atol=1e-12),
    "isclose": lambda p, k: np.isclose(p, k).all(),
    "math.isclose": lambda p, k: all(math.isclose(a, b) for a, b in zip(p, k, strict=True)),
    "norm": lambda p, k: np.linalg.norm(p - k) < 1e-10,
    "not norm": lambda p, k: not np.linalg.norm(p - k) > 1e-10,
    "bound first": lambda p, k: np.linalg.norm(p - k) <= 1e-10,
    "largest": lambda p, k: np.max(np.abs(p - k)) <= 1e-12,
    "each": lambda p, k: (np.abs(p - k) < 1e-12).all(),
    "each by itself": lambda p, k: all(abs(a - b) < 1e-12 for a, b in zip(p, k, strict=True)),
    "product": lambda p, k: not (p - k) @ (p - k) > 1e-20,
    "sum of squares": lambda p, k: np.sum((p - k) ** 2) < 1e-20,
    "array_equal": np.array_equal,
}


@pytest.mark.filterwarnings("ignore::steepest.errors.TraceWarning")
@pytest.mark.parametrize("called_before", [False, True])
@pytest.mark.parametrize("name", NEAR)
def test_a_memo_that_is_looked_up_by_nearness(name, called_before):
    """Of a part of the loss, so that the rest has slopes at the point that is remembered."""
    is_near = NEAR[name]

    class Ridge:
        key = None

        def residuals(self, p):
            if self.key is None or not is_near(p, self.key):
                self.key, self.r = p.copy(), np.sin(p) - np.array([0.3, -0.2])
            return np.append(self.r, 0.1 * p)

        def loss(self, p):
            return np.sum(self.residuals(p) ** 2)

    def plain(p):
        return np.sum(np.append(np.sin(p) - np.array([0.3, -0.2]), 0.1 * p) ** 2)

    def made():
        model = Ridge()
        if called_before:
            model.loss(X)
        return model

    for derived in (st.gradient, st.hessian, st.value_and_gradient):
        model = made()
        for _ in range(2):
            found, wanted = derived(model.loss)(X), derived(plain)(X)
            for one, other in zip(found, wanted, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12)
    model, best = made(), st.minimize(plain, X).x
    for fit in (st.minimize, st.minimize):
        np.testing.assert_allclose(fit(model.loss, X).x, best, rtol=1e-5)
        np.testing.assert_allclose(st.least_squares(model.residuals, X).x, best, rtol=1e-5)


def test_a_limit_taken_near_a_point_is_left_as_it_is():
    limits = {
        "nan beyond": (lambda x: 1.0 if abs(x) < 1e-8 else np.sin(x) / x, 0.0),
        "a kink": (lambda x: x * x if abs(x) < 0.5 else abs(x) - 0.25, 0.0),
        "a wide one": (lambda x: 2.0 * x if abs(x) < 0.5 else x**3, 2.0),
    }
    for loss, slope in limits.values():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert st.gradient(loss)(0.0) == slope


COINCIDENCES = {
    "==": lambda x: 1.0 if x[0] == 1.0 else np.exp(x[0]),
    "!=": lambda x: np.exp(x[0]) if x[0] != 1.0 else 1.0,
    "all": lambda x: 1.0 if np.all(x == X) else np.sum(x),
    "array_equal": lambda x: 1.0 if np.array_equal(x, X) else np.sum(x),
    "and": lambda x: 1.0 if x[0] == 1.0 and x[1] == 2.0 else np.sum(x),
    "not": lambda x: np.sum(x) if not np.all(x == X) else 1.0,
    "element": lambda x: 1.0 if (x == X)[1] else np.sum(x),
    "loop": lambda x: sum(1.0 if v == 2.0 else v for v in x),
    "difference": lambda x: 1.0 if np.sum(x) - 3.0 == 0 else np.sum(x),
    "any": lambda x: 1.0 if np.any(x == 2.0) else np.sum(x),
    "not all": lambda x: np.sum(x) if np.all(x != 2.0) else 1.0,
    "truth": lambda x: np.sum(x) if x[0] - 1.0 else 1.0,
    "bool": lambda x: np.sum(x) if bool(x[1] - 2.0) else 1.0,
    "not of a number": lambda x: 1.0 if not x[0] - 1.0 else np.sum(x),
    "or of numbers": lambda x: np.sum(x) * ((x[0] - 1.0) or 2.0),
    "all of numbers": lambda x: np.sum(x) if np.all(x - 1.0) else 1.0,
    "any of numbers": lambda x: np.sum(x) if np.any(x - X) else 1.0,
    "while": lambda x: _halved(x[0] - 1.0) + x[1],
}


def _halved(value):
    while value:
        return value / 2
    return 1.0


@pytest.mark.parametrize("name", COINCIDENCES)
def test_a_branch_by_equality_is_announced(name):
    loss = COINCIDENCES[name]
    with pytest.warns(TraceWarning, match=r"holds at this very point only"):
        st.gradient(loss)(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        st.gradient(loss)(X + 0.1)
        assert st.compile(loss)(X) == loss(X)  # no slope is asked for


def test_a_branch_by_equality_keeps_the_slope_where_its_sides_agree():
    """Then the slope is that of the side that holds everywhere."""
    sinc = lambda x: x * 2.0 if x == 1.0 else np.sin(x - 1.0) + 2.0
    assert st.gradient(sinc)(1.0) == 1.0
    assert st.hessian(sinc)(1.0) == 0.0
    kept = lambda x: sum(filter(None, [x - 1.0, 2.0 * x]))
    assert st.gradient(kept)(1.0) == 3.0


def test_a_test_for_nan_is_no_coincidence():
    def loss(x):
        total = np.sum(x * x)
        return np.inf if total != total else total

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(st.gradient(loss)(X), 2 * X)


def test_equality_of_data_is_no_coincidence():
    def loss(x, kind):
        return np.sum(x * x) if kind == 1.0 else np.sum(x)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(st.gradient(loss)(X, 1.0), 2 * X)
        run = st.minimize(loss, X, args=(1.0,))
    assert run.converged


def test_a_loop_that_ends_by_exact_convergence_ends():
    """Also where the way beyond its end is tried."""

    def root(a, tolerance):
        guess = 1.0
        while abs(guess * guess - a) > tolerance:
            guess = 0.5 * (guess + a / guess)
        return guess

    def two(x, tolerance):
        guess = x
        while abs(guess * guess - 4.0) > tolerance:
            guess = 0.5 * (guess + 4.0 / guess)
        return guess

    for tolerance in (0.0, 1e-12, 1e-5):
        for a in (4.0, 9.0, 2.25):
            if tolerance or np.sqrt(a) == root(a, 1e-12):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", TraceWarning)
                    slope = st.gradient(root)(a, tolerance)
                np.testing.assert_allclose(slope, 0.5 / np.sqrt(a), rtol=1e-4)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", TraceWarning)
                    np.testing.assert_allclose(st.gradient(two)(3.0, tolerance), 0.0, atol=1e-4)

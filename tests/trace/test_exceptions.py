"""Exceptions as control flow in a traced function, and in its callers."""

import contextlib
import time

import numpy as np

import steepest as st


def newton(x):
    def step(carry, row):
        a = np.array([[2.0 + row * row, 1.0], [1.0, 3.0]]) * np.ones((2, 2))
        return carry + np.linalg.solve(a, np.stack([x[0], x[1]]))[0], carry

    return st.scan(step, x[0] * 0.0, x)[0]


def test_a_try_or_with_of_the_caller_does_not_matter():
    """A ``with`` or ``try`` around the call is none of the function's."""
    x = np.array([0.3, 0.4])
    expected = st.gradient(newton)(x)
    steps = []

    def within_try():
        try:
            return st.gradient(newton)(x)
        except ValueError:
            return None

    def within_with():
        with contextlib.nullcontext(), np.errstate(all="ignore"):
            return st.gradient(newton)(x)

    def within_finally():
        try:
            return st.gradient(newton)(x)
        finally:
            steps.append(1)

    for call in (within_try, within_with, within_finally):
        np.testing.assert_array_equal(call(), expected)
    with np.errstate(all="ignore"):
        run = st.minimize(lambda x: newton(x) ** 2 + np.sum(x**2), x, method=st.NewtonCG())
    assert run.converged


def test_a_try_elsewhere_in_the_function_does_not_matter():
    def loss(x):
        try:
            scale = float("nothing")
        except ValueError:
            scale = 2.0
        return newton(x) * scale

    x = np.array([0.3, 0.4])
    np.testing.assert_allclose(st.gradient(loss)(x), 2 * st.gradient(newton)(x), rtol=1e-15)


def test_exceptions_of_linear_algebra_are_branches():
    """A Gaussian process whose covariance is on the brink of being positive definite."""
    t = np.linspace(0, 5, 20)[:, None]
    y, squares = np.sin(t[:, 0]), (t - t.T) ** 2

    def covariance(p):
        smooth = np.exp(p[0]) * np.exp(-0.5 * squares / np.exp(2 * p[1]))
        return smooth + np.exp(p[2]) * np.eye(20)

    def loss(p):
        try:
            lower = np.linalg.cholesky(covariance(p))
        except np.linalg.LinAlgError:
            return 1e10
        z = np.linalg.solve(lower, y)
        return 0.5 * z @ z + np.sum(np.log(np.diag(lower)))

    for noise in (-3.0, -20.0, -36.0):
        started = time.perf_counter()
        start = np.array([0.0, 0.0, noise])
        run = st.minimize(loss, start, stop=st.MaxIterations(100))
        assert len(run.graph.guards) <= 2
        assert time.perf_counter() - started < 30  # not a compilation for each point met
        assert run.loss < loss(start)
        rtol = 1e-15 * np.linalg.cond(covariance(run.x))  # as exact as the system is
        np.testing.assert_allclose(run.loss, loss(run.x), rtol=max(rtol, 1e-12))

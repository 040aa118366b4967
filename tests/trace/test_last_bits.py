"""Branches that hang on the last bit, and exceptions as control flow."""

import contextlib
import time

import numpy as np
import pytest

import steepest as st


def normalized(x):
    p = np.exp(x)
    p = p / np.sum(p)
    if np.sum(p) != 1.0:
        p = p / np.sum(p)
    return np.sum(p * p)


def on_the_sphere(x):
    n = np.sqrt(np.sum(x * x))
    if n > 1:
        x = x / n
    again = np.linalg.norm(x)
    if again > 1:
        x = x / again
    return np.sum((x - np.array([1.0, 2.0, 3.0])) ** 2)


LOSSES = [normalized, on_the_sphere]


@pytest.mark.parametrize("loss", LOSSES)
def test_the_path_that_was_traced_is_run(loss):
    compiled = st.compile(st.value_and_gradient(loss))
    interpreted = st.value_and_gradient(loss)
    random = np.random.default_rng(0)
    for _ in range(60):
        x = random.normal(size=3)
        value, gradient = compiled(x)
        np.testing.assert_allclose(value, loss(x), rtol=1e-14)
        np.testing.assert_allclose(gradient, interpreted(x)[1], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("engine", ["native", "numpy", "torch"])
@pytest.mark.parametrize("loss", LOSSES)
def test_descents_go_on(loss, engine):
    for method in (st.GradientDescent(0.1), st.BFGS()):
        stop = st.GradientNormBelow(1e-6) | st.MaxIterations(200)
        run = st.minimize(
            lambda x: loss(x) + 0.01 * np.sum(x**4),
            np.array([0.3, 0.4, 2.0]),
            engine=engine,
            method=method,
            stop=stop,
        )
        reference = st.minimize(
            lambda x: loss(x) + 0.01 * np.sum(x**4),
            np.array([0.3, 0.4, 2.0]),
            engine="numpy",
            method=method,
            stop=stop,
        )
        np.testing.assert_allclose(run.loss, reference.loss, rtol=1e-4)


def newton(x):
    def step(carry, row):
        a = np.array([[2.0 + row * row, 1.0], [1.0, 3.0]]) * np.ones((2, 2))
        return carry + np.linalg.solve(a, np.stack([x[0], x[1]]))[0], carry

    return st.scan(step, x[0] * 0.0, x)[0]


def test_what_the_callers_do_does_not_matter():
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

"""Branches whose condition depends on the last bit of a value."""

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
def test_descents_continue_over_such_branches(loss, engine):
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

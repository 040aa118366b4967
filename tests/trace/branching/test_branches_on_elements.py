"""Branches on each element of an array: one path, with the values and slopes of all paths."""

import numpy as np
import pytest

import steepest as st
from tests.cases.loops_with_branches import MODELS, TOTALS
from tests.support.branches import count_paths

LENGTHS = (5, 30, 70, 200)


def data(n):
    return np.linspace(0.05, 10.0, n)


def loss_of(model, x):
    if model in TOTALS:
        return lambda p: model(x, p[0], p[1], p[2]) ** 2
    return lambda p: np.sum((model(x, p[0], p[1], p[2]) - np.cos(x)) ** 2)


def points(n, number=12):
    random = np.random.default_rng(n)
    return [
        np.array([random.uniform(-1, 12), *random.uniform(0.3, 2.0, 2)]) for _ in range(number)
    ]


def slope(loss, p, direction, step=1e-7):
    return (loss(p + step * direction) - loss(p - step * direction)) / (2 * step)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("model", [*MODELS, *TOTALS], ids=lambda f: f.__name__)
def test_one_path_has_the_values_and_slopes_of_all(model, n):
    loss = loss_of(model, data(n))
    compiled = st.compile(st.value_and_gradient(loss))
    for p in points(n):
        with np.errstate(all="ignore"):
            value, gradient = compiled(p)
            np.testing.assert_allclose(value, loss(p), rtol=1e-11)
            direction = np.array([0.3, -0.5, 0.8])
            difference = slope(loss, p, direction)
            if abs(difference - slope(loss, p, direction, 3e-7)) < 1e-4 * (1 + abs(difference)):
                np.testing.assert_allclose(
                    gradient @ direction, difference, rtol=1e-5, atol=1e-5 * (1 + abs(value))
                )
    assert count_paths(compiled) == 1

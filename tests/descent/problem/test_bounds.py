"""Bounds as a user gives them."""

import numpy as np
import pytest
import scipy.optimize

import steepest as st

CURVATURE = np.array([1.0, 4.0, 25.0])
START = np.array([1.0, -2.0, 0.5])


def quadratic(x):
    return 0.5 * np.sum(CURVATURE * (x - 1) ** 2) + 0.1 * np.sum(x**4)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ([(0, 1), (0, 1)], "pair \\(low, high\\) for each of 3 numbers"),
        ([(2, 1), (0, 1), (0, 1)], r"the bounds of x0\[0\] cross: 2 is above 1"),
    ],
)
def test_wrong_bounds_are_refused(bounds, message):
    with pytest.raises(ValueError, match=message):
        st.minimize(quadratic, START, bounds=bounds)


def test_bounds_in_the_structure_of_the_start():
    def loss(p):
        return (p["a"] - 3) ** 2 + np.sum((p["b"] + 1) ** 2)

    start = {"a": 0.5, "b": np.zeros(2)}
    bounds = {"a": (0, 1), "b": [(None, None), (-0.5, None)]}
    run = st.minimize(loss, start, bounds=bounds)
    assert run.x["a"] == 1.0
    np.testing.assert_allclose(run.x["b"], [-1, -0.5], atol=1e-6)
    assert run.active["a"] == 1
    same = scipy.optimize.Bounds([0, -np.inf, -0.5], [1, np.inf, np.inf])
    np.testing.assert_array_equal(st.minimize(loss, start, bounds=same).x["b"], run.x["b"])

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


def shifted_squares(x, matrix, center):
    return np.sum((matrix @ (x - center)) ** 2)


def shifted(x, matrix, center):
    return matrix @ (x - center)


def bounded_quadratic(random, size, kind):
    """Return a matrix, a center, bounds, a start and the minimum; `kind` says how near it is."""
    end = random.normal(size=size) * 10 ** random.uniform(-1, 2)
    side = random.choice([-1, 1], size)
    matrix = random.normal(size=(size, size)) + np.diag(np.exp(random.normal(size=size)))
    center = end - side * random.normal(size=size)
    near = np.nextafter(end, end + side)
    start = {
        "one ulp inside": np.where(random.random(size) < 0.6, near, end + side),
        "a unit step away": end + side,
        "anywhere": end + side * random.exponential(size=size),
    }[kind]
    low, high = np.where(side > 0, end, -np.inf), np.where(side > 0, np.inf, end)
    best = scipy.optimize.lsq_linear(matrix, matrix @ center, (low, high), "bvls", tol=1e-14).x
    return matrix, center, low, high, start, best


KINDS = ["one ulp inside", "a unit step away", "anywhere"]
FOR_LOSSES = ["lbfgs", "bfgs", "nonlinear-cg", "newton-cg", "trust-region", "sqp"]
FOR_RESIDUALS = ["levenberg-marquardt", "dogleg", "gauss-newton"]


@pytest.mark.parametrize("method", FOR_LOSSES + FOR_RESIDUALS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_minimum_of_a_bounded_quadratic_is_found(random, method, kind):
    for size in (1, 2, 3):
        for _ in range(4):
            matrix, center, low, high, start, best = bounded_quadratic(random, size, kind)
            if method in FOR_RESIDUALS:
                run = st.least_squares(
                    shifted, start, args=(matrix, center), bounds=(low, high), method=method
                )
            else:
                pairs = np.stack([low, high], axis=1)
                run = st.minimize(
                    shifted_squares, start, args=(matrix, center), bounds=pairs, method=method
                )
            assert run.converged, run.message
            lowest = shifted_squares(best, matrix, center)
            found = shifted_squares(np.asarray(run.x), matrix, center)
            assert found <= lowest * (1 + 1e-6) + 1e-9 * shifted_squares(start, matrix, center)
            # A bound that pushes back is met in every digit, or in all but the last.
            pull = 2 * matrix.T @ matrix @ (best - center)
            held = np.abs(pull) > 1e-3 * np.abs(pull).max() * (lowest > 1e-6)
            held &= (best == low) | (best == high)
            np.testing.assert_allclose(run.x[held], best[held], rtol=5e-16)
            assert np.all(np.asarray(run.active)[held] != 0)

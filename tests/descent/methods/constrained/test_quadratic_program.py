"""Quadratic programs, against the conditions of their solutions."""

import numpy as np
import pytest

import steepest as st
from steepest.descent.methods.constrained.quadratic_program import Rows, solve_qp


def solution(basis, gradient, matrix, lower, upper, price):
    found = solve_qp(basis, gradient, Rows(matrix, lower, upper, price))
    return found.step, found.multipliers, found.is_solved


def drawn(seed, columns, rows, price):
    """Return a Hessian and the arguments of :func:`solution`: inequalities, equations, a box."""
    rng = np.random.default_rng(seed)
    half = rng.normal(size=(columns, columns))
    hessian = half @ half.T + 0.1 * np.eye(columns)
    basis = np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(hessian)).T)
    values = rng.normal(size=rows)
    kind = rng.integers(4, size=rows)  # below, above, both, equation
    width = np.where(kind == 3, 0.0, rng.uniform(0, 1, rows))
    lower = np.where(kind == 1, -np.inf, values)
    upper = np.where(kind == 0, np.inf, values + width)
    box = np.full(columns, 2.0)
    return hessian, (
        basis,
        3 * rng.normal(size=columns),
        np.concatenate([rng.normal(size=(rows, columns)), np.eye(columns)]),
        np.concatenate([lower, -box]),
        np.concatenate([upper, box]),
        np.concatenate([np.full(rows, price), np.full(columns, np.inf)]),
    )


def error_of(hessian, given, step, multipliers):
    """Return the largest error in the conditions of a solution."""
    _, gradient, matrix, lower, upper, price = given
    values = matrix @ step
    slopes = hessian @ step + gradient - matrix.T @ multipliers
    is_below, is_above = values < lower - 1e-8, values > upper + 1e-8
    known = np.where(np.isfinite(price), price, 0.0)
    wrong = np.where(is_below, multipliers - known, np.where(is_above, multipliers + known, 0.0))
    unlimited = np.abs(multipliers) - price
    off_low = np.where(values > lower + 1e-8, np.maximum(multipliers, 0), 0.0)
    off_high = np.where(values < upper - 1e-8, np.maximum(-multipliers, 0), 0.0)
    parts = [np.abs(slopes), np.abs(wrong), unlimited, off_low, off_high]
    return np.max(np.concatenate(parts))


@pytest.mark.parametrize(("columns", "rows"), [(4, 3), (3, 9)])
def test_solutions_satisfy_their_conditions(columns, rows):
    compiled = st.compile(solution)
    for seed in range(120):
        hessian, given = drawn(seed, columns, rows, price=2.0 if seed % 2 else 1e3)
        step, multipliers, is_solved = compiled(*given)
        assert is_solved
        assert error_of(hessian, given, step, multipliers) < 1e-10, seed


def test_numpy_and_machine_code_agree():
    _, given = drawn(1, 4, 3, 5.0)
    for plain, fast in zip(solution(*given), st.compile(solution)(*given), strict=True):
        np.testing.assert_allclose(fast, plain, atol=1e-12)


def test_rows_that_depend_on_one_another():
    # Each equation twice, and an inequality that follows from them.
    matrix = np.array([[1.0, 1.0], [2.0, 2.0], [1.0, 1.0]])
    limits = np.array([1.0, 2.0, 0.5]), np.array([1.0, 2.0, np.inf])
    step, multipliers, is_solved = solution(
        np.eye(2), np.array([1.0, 0.0]), matrix, *limits, np.full(3, 1e6)
    )
    assert is_solved
    np.testing.assert_allclose(step, [0.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(matrix.T @ multipliers, [1.0, 1.0])


def test_contradictions_are_paid_for_or_reported():
    matrix, lower = np.array([[1.0], [-1.0]]), np.array([1.0, 1.0])  # d >= 1 and d <= -1
    upper, basis, gradient = np.full(2, np.inf), np.eye(1), np.zeros(1)
    step, multipliers, is_solved = solution(
        basis, gradient, matrix, lower, upper, np.array([3.0, 2.0])
    )
    assert is_solved
    np.testing.assert_allclose(step, [1.0])  # the cheaper one is violated
    np.testing.assert_allclose(multipliers, [3.0, 2.0])
    _, _, is_solved = solution(basis, gradient, matrix, lower, upper, np.full(2, np.inf))
    assert not is_solved

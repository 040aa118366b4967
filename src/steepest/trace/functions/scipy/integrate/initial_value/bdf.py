"""Backward differentiation formulas of orders 1 to 5, in steps of quasi-constant size.

See Shampine and Reichelt, The MATLAB ODE Suite (1997). The steps and orders are chosen as SciPy
does it, but every step has a fresh and exact Jacobian.

The solution is kept as backward differences of the polynomial through the last points, for a
certain width between these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.scipy.integrate.collecting import Collected
from steepest.trace.functions.scipy.integrate.initial_value.implicit import (
    identity,
    iterate,
    newton_tolerance,
    solved,
)
from steepest.trace.functions.scipy.integrate.initial_value.problem import (
    EPS,
    MAX_FACTOR,
    MIN_FACTOR,
    Problem,
    rms,
)
from steepest.trace.functions.scipy.integrate.initial_value.walking import (
    MOST_IMPLICIT_STEPS,
    walk,
)

_ORDERS = 5
_ROWS = _ORDERS + 3
"""Differences that are kept: up to two orders more than the highest, which choose the order."""

_ITERATIONS = 4
"""Most iterations of Newton's method for a step."""

_KAPPA = np.array([0, -0.1850, -1 / 9, -0.0823, -0.0415, 0])
_GAMMA = np.concatenate([[0], np.cumsum(1 / np.arange(1, _ORDERS + 1))])
_ALPHA = (1 - _KAPPA) * _GAMMA
_ERROR = _KAPPA * _GAMMA + 1 / np.arange(1, _ORDERS + 2)
_PLACES = np.arange(_ROWS, dtype=float)[:, None]
_GAMMA_ROWS = np.concatenate([_GAMMA, [0, 0]])
_FROM_HERE = np.triu(np.ones((_ROWS, _ROWS)))


class Bdf:
    """The backward differentiation formulas."""

    most_steps = MOST_IMPLICIT_STEPS
    """Most steps that are tried."""

    curves = _ORDERS + 1
    """How many vectors interpolate inside a step, apart from the state before it."""

    def march(self, problem: Problem) -> Collected:
        """Choose the steps and their orders."""
        y0 = problem.y0
        f0 = problem.fun(problem.t0, y0)
        tolerance = newton_tolerance(problem.rtol, EPS)
        h = as_traced(problem.first_step_size(f0, 1))
        zero = np.asarray(0.0)
        start = {
            "t": as_traced(problem.t0) + 0.0,
            "differences": _first_differences(y0, h * problem.direction * f0),
            "width": h, "h": h, "order": np.asarray(1.0), "equal": zero,
            "retry": np.array(False), "failed": np.array(False),
            "nfev": np.array(1.0 + (problem.first_step is None)), "njev": zero, "nlu": zero,
        }  # fmt: skip

        def attempt(carry: Any) -> tuple[Any, Any, Any]:
            t, order = carry["t"], carry["order"]
            t_new, h, h_abs, fails = problem.trial_step(t, carry["h"], carry["retry"])
            ratio = h_abs / carry["width"]
            before = _stretched(carry["differences"], order, ratio)
            guess, psi, c = _equation(before, order, h)
            scale = problem.atol + np.abs(guess) * problem.rtol
            jacobian = problem.fun.jacobian(t_new, guess)
            inverse = np.linalg.inv(identity(problem.size) - c * jacobian)
            improve: Callable[..., Any] = lambda y: (
                inverse @ (c * problem.fun(t_new, y) - psi - (y - guess))
            )
            found = iterate(guess, improve, scale, _ITERATIONS, tolerance)
            y_new, d, made = found["point"], found["point"] - guess, found["made"]
            safety = 0.9 * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + made)
            scale = problem.atol + np.abs(y_new) * problem.rtol
            size = rms(_of(_ERROR, order) * d / scale)
            accept = found["converged"] & (size <= 1) & ~fails
            after = _advanced(before, order, d)
            equal = np.where(ratio == 1, carry["equal"], 0.0) + 1
            index = order.astype(np.int64)
            lower = rms(_of(_ERROR, order - 1) * after[index] / scale)
            higher = rms(_of(_ERROR, order + 1) * after[index + 2] / scale)
            lower = np.where(order > 1, lower, np.inf)
            higher = np.where(order < _ORDERS, higher, np.inf)
            growth = [
                lower ** (-1 / order),
                size ** (-1 / (order + 1)),
                higher ** (-1 / (order + 2)),
            ]
            best = np.maximum(np.maximum(growth[0], growth[1]), growth[2])
            change = np.where(best == growth[0], -1.0, np.where(best == growth[1], 0.0, 1.0))
            is_free = equal >= order + 1
            grown = np.where(is_free, np.fmin(MAX_FACTOR, safety * best), 1.0)
            ideal = np.fmax(MIN_FACTOR, safety * size ** (-1 / (order + 1)))
            shrunk = np.where(found["converged"], ideal, 0.5)
            keep: Callable[..., Any] = lambda new, old: np.where(accept, new, old)
            carried = {
                "t": keep(t_new, t),
                "differences": keep(after, carry["differences"]),
                "width": keep(h_abs, carry["width"]),
                "h": h_abs * np.where(accept, grown, shrunk),
                "order": keep(np.where(is_free, order + change, order), order),
                "equal": keep(np.where(is_free, 0.0, equal), 0.0),
                "retry": ~accept, "failed": fails,
                "nfev": carry["nfev"] + made, "njev": carry["njev"] + 1, "nlu": carry["nlu"] + 1,
            }  # fmt: skip
            return carried, {"t": t, "h": h, "order": order, "ratio": ratio, "end": y_new}, accept

        state = lambda carry: carry["differences"][0]
        return walk(problem, attempt, start, state, self.most_steps)

    def first(self, problem: Problem, rows: Any) -> Any:
        """Return what the replay of the steps starts with."""
        ratio = np.where(rows["ratio"][0] == 0, 1.0, rows["ratio"][0])
        change = rows["h"][0] / ratio * problem.fun(problem.t0, problem.y0)
        return {"y": problem.y0, "further": _first_differences(problem.y0, change)[1:]}

    def replay(self, problem: Problem, carry: Any, row: Any) -> tuple[Any, Any]:
        """Return the state after a step, and what interpolates inside it."""
        order, h, t_new = row["order"], row["h"], row["t"] + row["h"]
        before = np.concatenate([carry["y"][None], carry["further"]])
        before = _stretched(before, order, row["ratio"])
        guess, psi, c = _equation(before, order, h)
        residual: Callable[..., Any] = lambda y: y - guess - c * problem.fun(t_new, y) + psi
        jacobian: Callable[..., Any] = lambda y: (
            identity(problem.size) - c * problem.fun.jacobian(t_new, y)
        )
        y_new = solved(residual, as_traced(row["end"]), jacobian)
        after = _advanced(before, order, y_new - guess)
        used = np.where(order >= _PLACES, after, 0.0)
        curve = np.concatenate([(y_new - carry["y"])[None], used[1 : _ORDERS + 1]])
        part = {"t": row["t"], "h": h, "y": carry["y"], "curve": curve}
        return {"y": after[0], "further": after[1:]}, part

    def interpolate(self, segment: Any, x: Any, h: Any) -> Any:
        """Return the solution inside steps, at fractions `x` of them, shape (m, n)."""
        total = segment["y"] + segment["curve"][:, 0]
        power: Any = np.ones_like(x)
        for j in range(_ORDERS):
            power = power * (x - 1 + j) / (1 + j)
            total = total + segment["curve"][:, j + 1] * power[:, None]
        return total

    def dense_evaluations(self, number: Any) -> Any:
        """Return how many evaluations interpolation in a number of steps takes."""
        return 0 * number


def _of(coefficients: np.ndarray, order: Any) -> Any:
    """Return the coefficient of an order; any number if there is none."""
    known = np.clip(order, 0, _ORDERS).astype(np.int64)
    return as_traced(coefficients)[known]


def _first_differences(y: Any, change: Any) -> Any:
    return np.concatenate([np.stack([y, change]), np.zeros((_ROWS - 2, y.size))])


def _stretched(differences: Any, order: Any, ratio: Any) -> Any:
    """Return the differences of the same polynomial for another width."""
    number = _ORDERS + 1
    columns = np.arange(number, dtype=float)
    rows = [np.ones(number) + 0.0 * ratio]
    unit = [np.ones(number)]
    for i in range(1, number):
        rows.append(rows[-1] * ((i - 1 - ratio * columns) / i))
        unit.append(unit[-1] * ((i - 1 - columns) / i))
    change = np.stack(rows) @ np.stack(unit)
    used = np.where(order >= _PLACES, differences, 0.0)
    stretched = np.concatenate([change.T @ used[:number], differences[number:]])
    return np.where((order >= _PLACES) & (ratio != 1), stretched, differences)


def _equation(differences: Any, order: Any, h: Any) -> tuple[Any, Any, Any]:
    """Return a first guess, and psi and c of the equation c f(y) = psi + y - guess."""
    used = np.where(order >= _PLACES, differences, 0.0)
    alpha = _of(_ALPHA, order)
    return np.sum(used, axis=0), _GAMMA_ROWS @ used / alpha, h / alpha


def _advanced(differences: Any, order: Any, d: Any) -> Any:
    """Return the differences at the next point, given that of the order after the highest."""
    used = np.where(order >= _PLACES, differences, 0.0)
    next_one = differences[order.astype(np.int64) + 1]
    result = np.where(order + 2 == _PLACES, d - next_one, differences)
    result = np.where(order + 1 == _PLACES, d + 0.0 * result, result)
    return np.where(order >= _PLACES, _FROM_HERE @ used + d, result)

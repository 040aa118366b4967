"""The implicit Runge-Kutta method Radau IIA of order 5.

See Hairer and Wanner, Solving Ordinary Differential Equations II, IV.8. The steps are chosen as
SciPy does it, but every step has a fresh and exact Jacobian.
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

_R = 6**0.5
_A = np.array([
    [(88 - 7 * _R) / 360, (296 - 169 * _R) / 1800, (-2 + 3 * _R) / 225],
    [(296 + 169 * _R) / 1800, (88 + 7 * _R) / 360, (-2 - 3 * _R) / 225],
    [(16 - _R) / 36, (16 + _R) / 36, 1 / 9],
])  # fmt: skip
_C = np.array([(4 - _R) / 10, (4 + _R) / 10, 1.0])
_E = np.array([-13 - 7 * _R, -13 + 7 * _R, -1]) / 3
_TO_CURVE = np.linalg.inv(np.power.outer(_C, [1, 2, 3]))
"""Takes the stages to the coefficients of the polynomial through them."""

_ITERATIONS = 6
"""Most iterations of Newton's method for a step."""


def _transformation() -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors in which the inverse of A is a number and a block, and these."""
    values, vectors = np.linalg.eig(np.linalg.inv(_A))
    vectors = vectors / vectors[2]
    real, pair = int(np.argmin(np.abs(values.imag))), int(np.argmax(values.imag))
    columns = [vectors[:, real].real, vectors[:, pair].real, vectors[:, pair].imag]
    blocks = np.diag([values[real].real, values[pair].real, values[pair].real])
    blocks[1, 2], blocks[2, 1] = values[pair].imag, -values[pair].imag
    return np.stack(columns, axis=1), blocks


_T, _BLOCKS = _transformation()
_T_INVERSE = np.linalg.inv(_T)


class Radau:
    """The method Radau IIA."""

    most_steps = MOST_IMPLICIT_STEPS
    """Most steps that are tried."""

    curves = 3
    """How many vectors interpolate inside a step, apart from the state before it."""

    def march(self, problem: Problem) -> Collected:
        """Choose the steps."""
        n = problem.size
        y0 = problem.y0
        f0 = problem.fun(problem.t0, y0)
        tolerance = newton_tolerance(problem.rtol, EPS)
        zero, infinite = np.asarray(0.0), np.asarray(np.inf)
        start = {
            "t": as_traced(problem.t0) + 0.0, "y": y0, "f": f0,
            "h": problem.first_step_size(f0, 3), "retry": np.array(False),
            "failed": np.array(False), "h_before": infinite, "error_before": zero,
            "curve": np.zeros((3, n)), "rise": np.zeros(n), "width": np.asarray(1.0),
            "nfev": np.array(1.0 + (problem.first_step is None)), "njev": zero, "nlu": zero,
        }  # fmt: skip

        def attempt(carry: Any) -> tuple[Any, Any, Any]:
            t, y, f = carry["t"], carry["y"], carry["f"]
            t_new, h, _, fails = problem.trial_step(t, carry["h"], carry["retry"])
            jacobian = problem.fun.jacobian(t, y)
            inverses = _inverses(jacobian, h)
            # The polynomial of the last step, beyond its end, is a guess.
            places = 1 + h * _C / carry["width"]
            powers = np.stack([places, places**2, places**3])
            guess = powers.T @ carry["curve"] - carry["rise"]
            scale = problem.atol + np.abs(y) * problem.rtol

            def change(w: Any) -> Any:
                z = _T @ w
                slopes = [problem.fun(t + float(c) * h, y + z[i]) for i, c in enumerate(_C)]
                rest = _T_INVERSE @ np.stack(slopes) - _BLOCKS @ w / h
                block = np.reshape(inverses[1] @ np.ravel(rest[1:]), (2, n))
                return np.concatenate([(inverses[0] @ rest[0])[None], block])

            found = iterate(_T_INVERSE @ guess, change, scale, _ITERATIONS, tolerance)
            z, made = _T @ found["point"], found["made"]
            y_new = y + z[2]
            rest = _E @ z / h
            error = inverses[0] @ (f + rest)
            scale = problem.atol + np.maximum(np.abs(y), np.abs(y_new)) * problem.rtol
            first = rms(error / scale)
            error = inverses[0] @ (problem.fun(t, y + error) + rest)
            size = np.where(carry["retry"] & (first > 1), rms(error / scale), first)
            accept = found["converged"] & (size <= 1) & ~fails
            h_abs = np.abs(h)
            safety = 0.9 * (2 * _ITERATIONS + 1) / (2 * _ITERATIONS + made)
            ratio = (carry["error_before"] / size) ** 0.25 * h_abs / carry["h_before"]
            trend = np.where(np.isfinite(carry["h_before"]) & (size > 0), ratio, 1.0)
            ideal = safety * np.fmin(1.0, trend) * size**-0.25
            grown = np.fmin(MAX_FACTOR, ideal)
            grown = np.where(grown < 1.2, np.fmin(grown, 1.0), grown)
            shrunk = np.where(found["converged"], np.fmax(MIN_FACTOR, ideal), 0.5)
            keep: Callable[..., Any] = lambda new, old: np.where(accept, new, old)
            after = {
                "t": keep(t_new, t), "y": keep(y_new, y),
                "f": keep(problem.fun(t_new, y_new), f),
                "h": h_abs * np.where(accept, grown, shrunk),
                "retry": ~accept, "failed": fails,
                "h_before": keep(h_abs, carry["h_before"]),
                "error_before": keep(size, carry["error_before"]),
                "curve": keep(_TO_CURVE @ z, carry["curve"]),
                "rise": keep(z[2], carry["rise"]), "width": keep(h, carry["width"]),
                "nfev": carry["nfev"] + 3 * made + 1, "njev": carry["njev"] + 1,
                "nlu": carry["nlu"] + 2,
            }  # fmt: skip
            return after, {"t": t, "h": h, "stages": z}, accept

        return walk(problem, attempt, start, lambda carry: carry["y"], self.most_steps)

    def first(self, problem: Problem, rows: Any) -> Any:
        """Return what the replay of the steps starts with."""
        return {"y": problem.y0}

    def replay(self, problem: Problem, carry: Any, row: Any) -> tuple[Any, Any]:
        """Return the state after a step, and what interpolates inside it."""
        t, h, y, n = row["t"], row["h"], carry["y"], problem.size
        times = [t + float(c) * h for c in _C]

        def residual(vector: Any) -> Any:
            z = np.reshape(vector, (3, n))
            slopes = np.stack([problem.fun(s, y + z[i]) for i, s in enumerate(times)])
            return np.ravel(z - h * (_A @ slopes))

        def jacobian(vector: Any) -> Any:
            z = np.reshape(vector, (3, n))
            parts = [problem.fun.jacobian(s, y + z[i]) for i, s in enumerate(times)]
            rows = [
                np.concatenate([float(a) * part for a, part in zip(row, parts, strict=True)], 1)
                for row in _A
            ]
            return identity(3 * n) - h * np.concatenate(rows)

        vector = solved(residual, np.ravel(as_traced(row["stages"])), jacobian)
        z = np.reshape(vector, (3, n))
        return {"y": y + z[2]}, {"t": t, "h": h, "y": y, "curve": _TO_CURVE @ z}

    def interpolate(self, segment: Any, x: Any, h: Any) -> Any:
        """Return the solution inside steps, at fractions `x` of them, shape (m, n)."""
        curve, x = segment["curve"], x[:, None]
        return segment["y"] + x * (curve[:, 0] + x * (curve[:, 1] + x * curve[:, 2]))

    def dense_evaluations(self, number: Any) -> Any:
        """Return how many evaluations interpolation in a number of steps takes."""
        return 0 * number


def _inverses(jacobian: Any, h: Any) -> tuple[Any, Any]:
    """Return the inverses of the matrices of Newton's method for the number and the block."""
    n = jacobian.shape[0]
    whole = np.kron(_BLOCKS[1:, 1:], identity(n)) / h
    zeros = np.zeros((n, n))
    rows = [np.concatenate([jacobian, zeros], 1), np.concatenate([zeros, jacobian], 1)]
    number = np.linalg.inv(_BLOCKS[0, 0] / h * identity(n) - jacobian)
    return number, np.linalg.inv(whole - np.concatenate(rows))

"""Explicit Runge-Kutta methods: SciPy's RK23, RK45 and DOP853, step by step.

The coefficients are read off SciPy's classes, so that they are the same numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.control_flow import cond, scan
from steepest.trace.functions.scipy.integrate.collecting import Collected
from steepest.trace.functions.scipy.integrate.initial_value.problem import (
    MAX_FACTOR,
    MIN_FACTOR,
    Problem,
    combined,
    rms,
)
from steepest.trace.functions.scipy.integrate.initial_value.sizes import held, with_value
from steepest.trace.functions.scipy.integrate.initial_value.walking import MOST_STEPS, walk

_SAFETY = 0.9


@dataclass(frozen=True)
class Explicit:
    """An explicit Runge-Kutta method.

    Attributes
    ----------
    of
        SciPy's class.
    """

    of: Any

    def march(self, problem: Problem) -> Collected:
        """Choose the steps."""
        f0 = problem.fun(problem.t0, problem.y0)
        chosen = problem.first_step is None
        start = {
            "t": as_traced(problem.t0) + 0.0,
            "y": problem.y0,
            "f": f0,
            "h": problem.first_step_size(f0, self.of.error_estimator_order),
            "retry": np.array(False),
            "failed": np.array(False),
            "nfev": np.array(1.0 + chosen),
        }

        def attempt(carry: Any) -> tuple[Any, Any, Any]:
            t, y = carry["t"], carry["y"]
            t_new, h, _, fails = problem.trial_step(t, carry["h"], carry["retry"])
            y_new, stages = self._stages(problem, t, y, carry["f"], h)
            error = self._error(problem, y, y_new, stages, h)
            accept = (error < 1) & ~fails
            after = {
                "t": np.where(accept, t_new, t),
                "y": np.where(accept, y_new, y),
                "f": np.where(accept, stages[-1], carry["f"]),
                "h": np.abs(h) * self._factor(error, error < 1, carry["retry"]),
                "retry": ~accept,
                "failed": fails,
                "nfev": carry["nfev"] + np.where(fails, 0.0, float(self.of.n_stages)),
            }
            row = {"t": t, "h": h, "accepted": accept * 1.0, "retry": carry["retry"] * 1.0}
            return after, row, ~fails

        return walk(problem, attempt, start, lambda carry: carry["y"], self.most_steps)

    def first(self, problem: Problem, rows: Any) -> Any:
        """Return what the replay of the steps starts with."""
        f0 = problem.fun(problem.t0, problem.y0)
        h = as_traced(problem.first_step_size(f0, self.of.error_estimator_order))
        return {"t": as_traced(problem.t0) + 0.0, "y": problem.y0, "f": f0, "h": h}

    def replay(self, problem: Problem, carry: Any, row: Any) -> tuple[Any, Any]:
        """Return the state after a try, and what interpolates inside it if it is accepted.

        What is decided is read off the row. The size of the step is computed once more, for its
        derivative.
        """
        t, y, is_retry, accepted = carry["t"], carry["y"], row["retry"] > 0, row["accepted"] > 0
        t_new, h, _, _ = problem.trial_step(t, carry["h"], is_retry)
        if problem.fun.may_jump:
            t, t_new = held(problem, row["t"]), held(problem, row["t"] + row["h"])
            h = t_new - t
        t, t_new = with_value(t, row["t"]), with_value(t_new, row["t"] + row["h"])
        h = with_value(h, row["h"])
        y_new, stages = self._stages(problem, t, y, carry["f"], h)
        error = self._error(problem, y, y_new, stages, h)
        after = {
            "t": np.where(accepted, t_new, t),
            "y": np.where(accepted, y_new, y),
            "f": np.where(accepted, stages[-1], carry["f"]),
            "h": np.abs(h) * self._factor(error, accepted, is_retry),
        }
        part = {"t": t, "h": h, "y": y}
        if not self._is_extended:
            return after, {**part, "curve": _weighted(self.of.P.T, stages)}

        def curve_of(known: Any) -> Any:
            _, more = _extended(problem, self.of.A_EXTRA, self.of.C_EXTRA, t, y, h, known)
            rise = y_new - y
            parts = [rise, h * known[0] - rise, 2 * rise - h * (known[-1] + known[0])]
            return np.concatenate([np.stack(parts), h * _weighted(self.of.D, more)])

        zeros = np.zeros((self.curves, problem.size))
        curve = cond(row["dense"], curve_of, lambda known: zeros, stages)
        return after, {**part, "curve": curve}

    def interpolate(self, segment: Any, x: Any, h: Any) -> Any:
        """Return the solution inside steps, at fractions `x` of them, shape (m, n)."""
        total: Any = 0.0
        curve, x = segment["curve"], x[:, None]
        number = curve.shape[1]
        if not self._is_extended:
            for i in reversed(range(number)):
                total = (total + curve[:, i]) * x
            return segment["y"] + h[:, None] * total
        for i in range(number):
            total = (total + curve[:, number - 1 - i]) * (x if i % 2 == 0 else 1 - x)
        return segment["y"] + total

    @property
    def most_steps(self) -> int:
        """Most steps that are tried."""
        return MOST_STEPS

    @property
    def curves(self) -> int:
        """How many vectors interpolate inside a step, apart from the state before it."""
        return 3 + len(self.of.D) if self._is_extended else int(self.of.P.shape[1])

    @property
    def _is_extended(self) -> bool:
        """Whether interpolation takes further stages."""
        return hasattr(self.of, "A_EXTRA")

    def dense_evaluations(self, number: Any) -> Any:
        """Return how many evaluations interpolation in a number of steps takes."""
        return number * (len(self.of.A_EXTRA) if self._is_extended else 0)

    def _stages(self, problem: Problem, t: Any, y: Any, f: Any, h: Any) -> tuple[Any, Any]:
        """Return the state after a step, and the slopes at all stages, the last one there."""
        number = self.of.n_stages
        weights = np.zeros((number, number))
        weights[: number - 1, : self.of.A.shape[1]] = self.of.A[1:]
        weights[-1] = self.of.B
        times = np.append(self.of.C[1:], 1.0)
        return _extended(problem, weights, times, t, y, h, f[None])

    def _factor(self, error: Any, accepted: Any, is_retry: Any) -> Any:
        """Return the ratio of the next step's size to that of a step with this error."""
        ideal = _SAFETY * error ** (-1 / (self.of.error_estimator_order + 1))
        longest = np.where(is_retry, 1.0, MAX_FACTOR)
        return np.where(accepted, np.fmin(longest, ideal), np.fmax(MIN_FACTOR, ideal))

    def _error(self, problem: Problem, y: Any, y_new: Any, stages: Any, h: Any) -> Any:
        """Return the norm of the estimated error of a step, 1 at the tolerance."""
        scale = problem.atol + np.maximum(np.abs(y), np.abs(y_new)) * problem.rtol
        if not self._is_extended:
            return rms(_weighted(self.of.E[None], stages)[0] * h / scale)
        fifth, third = _weighted(np.stack([self.of.E5, self.of.E3]), stages) / scale
        square = np.sum(fifth * fifth)
        mixed = square + 0.01 * np.sum(third * third)
        norm = np.abs(h) * square / np.sqrt(np.where(mixed == 0, 1.0, mixed) * scale.size)
        return np.where(mixed == 0, 0.0, norm)


_UNROLLED = 8
"""Up to so many equations, the stages of a step are recorded one by one, and stay in registers.
Those of more equations are a loop: the code is shorter, and faster."""


def _extended(
    problem: Problem, weights: np.ndarray, times: np.ndarray, t: Any, y: Any, h: Any, slopes: Any
) -> tuple[Any, Any]:
    """Return the state at the last of some stages, and the slopes with those at the stages.

    Each row of `weights` is a stage, at a fraction of the step in `times`.
    """
    known, number = len(slopes), len(slopes) + len(weights)
    if problem.size <= _UNROLLED:
        found = [slopes[i] for i in range(known)]
        for a, c in zip(weights, times, strict=True):
            state = y + combined(a, found) * h
            found.append(problem.fun(t + float(c) * h, state))
        return state, np.stack(found)
    rows = {
        "weights": np.pad(weights, ((0, 0), (0, number - weights.shape[1]))),
        "time": times,
        "is_here": np.eye(number)[known:],
    }

    def stage(slopes: Any, row: Any) -> tuple[Any, Any]:
        state = y + np.sum(row["weights"][:, None] * slopes, axis=0) * h
        slope = problem.fun(t + row["time"] * h, state)
        return np.where(row["is_here"][:, None] > 0, slope, slopes), state

    room = np.concatenate([slopes, np.zeros((len(weights), problem.size))])
    slopes, states = scan(stage, room, rows)
    return states[-1], slopes


def _weighted(weights: np.ndarray, slopes: Any) -> Any:
    """Return a weighted sum of slopes for each row of weights."""
    if slopes.shape[1] <= _UNROLLED:
        return np.stack([combined(row, slopes) for row in weights])
    return np.sum(weights[:, :, None] * slopes, axis=1)

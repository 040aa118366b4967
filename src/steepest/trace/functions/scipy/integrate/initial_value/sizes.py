"""Sizes of steps: which tries are accepted, and derivatives of what is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.scipy.integrate.collecting import Collected
from steepest.trace.functions.scipy.integrate.initial_value.problem import EPS, Problem


def with_value(x: Any, value: Any) -> Any:
    """Return a value with the derivatives of `x`, which equals it but for rounding."""
    return stop_gradient(value) + (x - stop_gradient(x))


def held(problem: Problem, times: Any) -> Any:
    """Return chosen times without slopes, but for those of the ends of the span.

    Where the right-hand side jumps, a step that ends there moves with the parameters, and the
    jump does not: the slopes of the sizes of steps would be those of an error of the solution.
    """
    times = stop_gradient(times)
    for end in (as_traced(problem.t0), as_traced(problem.t_bound)):
        fixed = stop_gradient(end)
        is_end = np.abs(times - fixed) <= 8 * EPS * np.abs(fixed)
        times = np.where(is_end, times + (end - fixed), times)
    return times


def accepted_places(tries: Collected) -> tuple[Any, Any]:
    """Return the numbers of the accepted tries, and how many there are up to each try."""
    limit, accepted = tries.limit, tries.rows["accepted"] > 0
    number = np.cumsum(tries.rows["accepted"]).astype(np.int64)
    # Each accepted try writes where it is; the rejected ones write into a place that is dropped.
    places = as_traced(np.full(limit + 1, limit - 1))
    places[np.where(accepted, number - 1, limit)] = np.arange(limit)
    return places[:limit], number


def search(ends: Any, x: Any) -> Any:
    """Return how many of some ascending numbers are below each of some values, shape (m,).

    A bisection: its work grows with the logarithm of the number of ends.
    """
    size = ends.shape[0]
    below = np.zeros(x.shape, np.int64)
    for power in reversed(range(size.bit_length())):
        tried = below + (1 << power)
        is_below = (tried <= size) & (ends[np.minimum(tried, size) - 1] < x)
        below = np.where(is_below, tried, below)
    return below


def accepted_of(tries: Collected) -> Collected:
    """Return the accepted ones of a loop's tries; all, if it kept no others."""
    if "accepted" not in tries.rows:
        return tries
    places, number = accepted_places(tries)
    is_real = np.arange(tries.limit) < number[-1]
    rows = {
        name: np.where(np.reshape(is_real, (-1,) + (1,) * (row.ndim - 1)), row[places], 0.0)
        for name, row in tries.rows.items()
    }
    return tries._replace(rows=rows, count=number[-1])

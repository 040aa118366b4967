"""The solution of a differential equation: chosen steps, replayed with derivatives.

The steps are chosen by a loop without derivatives, and a second loop replays them. Its derivative
is that of the discrete solution. With an explicit method that includes the sizes of the steps,
which follow from the estimated errors; its replay makes the rejected tries, too. An implicit
method keeps the chosen sizes. In reverse mode the replay keeps the state before each try.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import as_traced, node_of
from steepest.trace.arrays.dispatch import as_number
from steepest.trace.control_flow import cond, scan
from steepest.trace.functions.scipy.integrate.collecting import Collected
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem
from steepest.trace.functions.scipy.integrate.initial_value.sizes import (
    accepted_of,
    accepted_places,
    held,
    search,
    with_value,
)
from steepest.trace.recording.session import current


class Path:
    """The accepted steps of a solution, and their replay.

    Parameters
    ----------
    problem
        The problem.
    method
        A method: its ``march`` chooses steps, ``replay`` makes one, ``interpolate`` evaluates
        the solution inside them.
    times
        Where the solution is wanted, shape (m,); None if it is wanted anywhere.
    """

    def __init__(self, problem: Problem, method: Any, times: Any = None) -> None:
        self.problem, self.method = problem, method
        tries = method.march(problem)
        found = self.found = accepted_of(tries)
        self.count = np.minimum(found.count, found.limit)
        self.failed = found.carry["failed"] | ~found.fits
        self.is_real = np.arange(found.limit) < found.count
        ends = problem.direction * (found.rows["t"] + found.rows["h"])
        self._ends = np.where(self.is_real, ends, np.inf)
        if times is None:
            dense = self.is_real
        else:
            places = self.places(times)
            dense = np.zeros(found.limit)
            dense = as_traced(dense)
            dense[places] = 1.0
            dense = (dense > 0) & self.is_real
        if "fired" in found.rows:
            dense = dense | (np.sum(found.rows["fired"], axis=1) > 0)
        self.steps_of_interest = dense
        self.last, self.segments = self._replayed(tries, dense)
        self.t, self.h = self.segments.pop("t"), self.segments.pop("h")

    def _replayed(self, tries: Collected, dense: Any) -> tuple[Any, Any]:
        problem, method = self.problem, self.method
        rows, places = dict(tries.rows), None
        if "accepted" in rows:
            places, number = accepted_places(tries)
            rows["dense"] = dense[np.maximum(number - 1, 0)] & (rows["accepted"] > 0)
        else:
            moved = _moved_with_span(problem, rows["t"])
            t, end = moved(rows["t"]), moved(rows["t"] + rows["h"])
            # The size of a step is what the method chose, not a difference of times.
            rows |= {"t": t, "h": with_value(end - t, rows["h"]), "dense": dense}
        first = method.first(problem, rows)
        real: Callable[..., Any] = lambda carry, row: method.replay(problem, carry, row)

        def idle(carry: Any, row: Any) -> tuple[Any, Any]:
            curve = np.zeros((method.curves, problem.size))
            return carry, {"t": row["t"], "h": row["h"], "y": carry["y"], "curve": curve}

        def step(carry: Any, row: Any) -> tuple[Any, Any]:
            after, part = cond(row["real"], real, idle, carry, row)
            return after, part

        is_real = np.arange(tries.limit) < tries.count
        carry, segments = scan(step, first, {**rows, "real": is_real})
        if places is not None:
            segments = {name: part[places] for name, part in segments.items()}
        return carry["y"], segments

    def places(self, times: Any) -> Any:
        """Return the numbers of the steps in which times lie."""
        places = search(self._ends, self.problem.direction * stop_gradient(as_traced(times)))
        last = np.maximum(self.count - 1, 0).astype(np.int64)
        return np.minimum(places, last)

    def at(self, times: Any) -> Any:
        """Return the solution at times, shape (n, m); NaN where the solver did not get."""
        times = as_traced(times)
        flat = np.reshape(times, (-1,))
        places = self.places(flat)
        segment = {name: part[places] for name, part in self.segments.items()}
        h = self.h[places]
        h = np.where(h == 0, 1.0, h)
        x = (flat - self.t[places]) / h
        values = self.method.interpolate(segment, x, h)
        reached = self.problem.direction * (flat - self.found.carry["t"]) <= 0
        reached = (reached & self.found.fits) | ~self.failed
        values = np.where(reached[:, None], values, np.nan).T
        return values[:, 0] if times.ndim == 0 else values

    @property
    def end(self) -> Any:
        """The state at the end; NaN if the solver did not get there."""
        return np.where(self.failed, np.nan, self.last)

    def known_count(self) -> int:
        """Return the number of steps, which becomes a guard."""
        return int(current().decide(node_of(self.count)))


def _moved_with_span(problem: Problem, sample: Any) -> Callable[[Any], Any]:
    """Return a function that gives chosen times the slopes by the ends of the span."""
    ends = [as_traced(problem.t0), as_traced(problem.t_bound)]
    session = current()
    if not any(session.has_slope(x.node) for x in ends):
        return stop_gradient
    if problem.fun.may_jump:
        return functools.partial(held, problem)
    start, stop = (stop_gradient(x) for x in ends)
    length = np.where(stop == start, 1.0, stop - start)

    def moved(times: Any) -> Any:
        times = stop_gradient(times)
        share = (times - start) / length
        return times + (1 - share) * (ends[0] - start) + share * (ends[1] - stop)

    return moved


class Solution:
    """The result of ``solve_ivp`` inside a traced function: a value is made when it is read.

    Parameters
    ----------
    fields
        A function for each name.
    """

    def __init__(self, fields: dict[str, Callable[[], Any]]) -> None:
        self._fields = fields

    @functools.cached_property
    def _made(self) -> dict[str, Any]:
        return {}

    def __getitem__(self, name: str) -> Any:
        """Return a field, as SciPy's results do."""
        if name not in self._fields:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = as_number(self._fields[name]())
        return self._made[name]

    def __getattr__(self, name: str) -> Any:
        """Return a field."""
        if name.startswith("_") or name not in self._fields:
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of fields."""
        return iter(self._fields)

    def keys(self) -> Any:
        """Return the names of fields."""
        return self._fields.keys()

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or a default."""
        return self[name] if name in self._fields else default


class DenseSolution:
    """The solution as a function of time, ``solution.sol``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, t: Any) -> Any:
        """Return the state at times, shape (n,) or (n, m)."""
        return self._path.at(t)

    @property
    def t_min(self) -> Any:
        """The smallest time."""
        return np.minimum(self._path.problem.t0, self._path.found.carry["t"])

    @property
    def t_max(self) -> Any:
        """The largest time."""
        return np.maximum(self._path.problem.t0, self._path.found.carry["t"])


def plain(x: Any) -> Any:
    """Return an integer as a traced array."""
    return as_traced(x).astype(np.int64)

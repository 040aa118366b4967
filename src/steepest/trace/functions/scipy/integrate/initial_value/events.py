"""Events: times at which a function of time and state is zero, found inside the steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import as_traced, node_of
from steepest.trace.control_flow import scan, while_loop
from steepest.trace.functions.scipy.integrate.initial_value.implicit import solved
from steepest.trace.functions.scipy.integrate.right_side import RightSide, record_right_side
from steepest.trace.recording.session import current


@dataclass(frozen=True)
class Event:
    """A function whose zeros are events.

    Attributes
    ----------
    fun
        The function of time and state.
    most
        After how many zeros the solution ends; infinite if it goes on.
    direction
        1 for zeros where the function rises, -1 where it falls, 0 for all.
    """

    fun: RightSide
    most: float
    direction: float


def recorded_events(name: str, events: Any, y0: Any, args: Sequence[Any]) -> tuple[Event, ...]:
    """Return the events that are given to ``solve_ivp``."""
    if events is None:
        return ()
    result = []
    for event in (events,) if callable(events) else tuple(events):
        terminal = getattr(event, "terminal", None)
        most = np.inf if terminal is None or terminal is False else float(terminal)
        direction = float(np.sign(getattr(event, "direction", 0)))
        fun = record_right_side(name, event, y0, 1, args)
        result.append(Event(fun, np.inf if most == 0 else most, direction))
    return tuple(result)


class Occurrences:
    """The zeros of the events along the steps of a solution.

    Parameters
    ----------
    path
        The solution.
    """

    def __init__(self, path: Any) -> None:
        self._path = path
        self.events = path.problem.events
        real = path.is_real[:, None]
        self._fired = np.where(real, path.found.rows["fired"], 0.0)
        self._ended = np.where(real, path.found.rows["ended"], 0.0)
        self.stopped = path.found.carry["stopped"]

    @property
    def stop(self) -> Any:
        """The time at which an event ended the solution, if one did."""
        last = np.maximum(self._path.count - 1, 0).astype(np.int64)
        ends = [self._zeros(e, last[None])[0][0] for e in range(len(self.events))]
        sign = self._path.problem.direction
        times = np.where(self._ended[last] > 0, sign * np.stack(ends), np.inf)
        return sign * np.min(times)

    def of(self, number: int, stop: Any) -> tuple[Any, Any]:
        """Return the times of an event, and the states there, up to the end of the solution.

        Their number becomes a guard.
        """
        fired = self._fired[:, number]
        count = int(current().decide(node_of(np.sum(fired).astype(np.int64))))
        if not count:
            return np.zeros(0), np.zeros((0, self._path.problem.size))
        before = np.cumsum(fired)
        wanted = np.arange(count, dtype=float)
        steps = np.sum(before[None, :] <= wanted[:, None], axis=1)
        times, states = self._zeros(number, steps)
        if stop is not None:  # only the last step can hold a zero after the end
            sign = self._path.problem.direction
            if not current().decide(node_of(sign * times[-1] <= sign * stop)):
                return times[:-1], states[:-1]
        return times, states

    def _zeros(self, number: int, steps: Any) -> tuple[Any, Any]:
        """Return the zero of an event in each of some steps, and the states there."""
        path, fun = self._path, self.events[number].fun
        rows = {"t": path.t[steps], "h": path.h[steps]}
        rows["part"] = {name: part[steps] for name, part in path.segments.items()}

        def zero_in(nothing: Any, row: Any) -> tuple[Any, Any]:
            t, h = row["t"], np.where(row["h"] == 0, 1.0, row["h"])
            part = {name: value[None] for name, value in row["part"].items()}
            width = np.reshape(h, (1,))
            state: Callable[..., Any] = lambda x: path.method.interpolate(part, x, width)[0]
            value: Callable[..., Any] = lambda x: fun(t + x[0] * h, state(x))
            x = _zero(value)
            return nothing, (t + x[0] * h, state(x))

        _, (times, states) = scan(zero_in, 0.0, rows)
        return times, states


def _zero(value: Any) -> Any:
    """Return where in [0, 1] a function of an array of one number changes its sign.

    The interval is halved until it is as short as the spacing of numbers. The derivative is that
    of the solution of ``value(x) = 0``.
    """
    sign = stop_gradient(value(as_traced(np.zeros(1))))[0]

    def halved(ends: Any) -> Any:
        low, high = ends
        middle = 0.5 * (low + high)
        same = value(np.reshape(middle, (1,)))[0] * sign > 0
        return np.where(same, middle, low), np.where(same, high, middle)

    start = (np.asarray(0.0), np.asarray(1.0))
    low, high = while_loop(lambda ends: ends[1] - ends[0] > 2.0**-50, halved, start)
    guess = stop_gradient(np.reshape(0.5 * (low + high), (1,)))
    return solved(value, guess)

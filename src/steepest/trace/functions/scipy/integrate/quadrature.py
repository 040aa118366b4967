"""Adaptive quadrature: intervals are chosen by a loop, and a second loop integrates over them.

Every interval is a part of [0, 1], onto which a finite, half-infinite or infinite range is
mapped. The loop goes from left to right. It halves an interval whose error is too large, and
tries a longer one after an interval that is accurate. The derivative is that of the sum over the
chosen intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import as_traced, node_of
from steepest.trace.control_flow import cond, scan
from steepest.trace.functions.scipy.integrate.collecting import collect
from steepest.trace.functions.scipy.integrate.kronrod import NODES, norm, panel
from steepest.trace.functions.scipy.integrate.right_side import RightSide
from steepest.trace.recording.session import current

_SPACING, _SHORTEST = 2.0**-50, 2.0**-90
"""No interval becomes shorter than this part of its distance from 0, and of the range."""

_SHARE = 2.0**-6
"""The least part of the tolerance that an interval gets, however short it is."""


@dataclass(frozen=True)
class Range:
    """A range of integration, with the function over it.

    Attributes
    ----------
    integrand
        A function of a number that returns a vector.
    start, stop
        Its ends. An infinite end is None.
    """

    integrand: RightSide
    start: Any
    stop: Any

    def at(self, s: Any) -> Any:
        """Return the integrand at a place in [0, 1], times how the range is stretched there."""
        f = self._value
        if self.start is not None and self.stop is not None:
            length = self.stop - self.start
            return f(self.start + length * s) * length
        far, stretch = (1 - s) / s, 1 / (s * s)
        if self.start is not None:
            return f(self.start + far) * stretch
        if self.stop is not None:
            return f(self.stop - far) * stretch
        return (f(far) + f(-far)) * stretch

    def _value(self, x: Any) -> Any:
        return self.integrand(x, np.zeros(0))

    def held(self) -> tuple[Range, Any]:
        """Return a range whose places have no slopes, and zeros that have those by its ends.

        Where the integrand jumps, places that move with an end pass over the jump, which the
        slopes there do not show. Those by the ends are Leibniz's: the integrand there.
        """
        moved: Any = 0.0
        if not self.integrand.may_jump:
            return self, moved
        ends = {"start": self.start, "stop": self.stop}
        for name, end in ends.items():
            if end is not None and current().has_slope(node_of(end)):
                ends[name] = stop_gradient(end)
                sign = 1.0 if name == "stop" else -1.0
                moved = moved + sign * self._moved(end)
        return replace(self, **ends), moved

    def _moved(self, end: Any) -> Any:
        """Return the integral from an end to the end itself, whose slopes are those by the end.

        A Gauss rule of three points makes the first six derivatives exact.
        """
        fixed = stop_gradient(end)

        def finite(end: Any) -> Any:
            way = end - stop_gradient(end)
            return sum(w * way * self._value(fixed + c * way) for c, w in _GAUSS)

        def infinite(end: Any) -> Any:
            return np.zeros(self.integrand.size) + np.sqrt(end - stop_gradient(end))

        is_finite = np.all(np.isfinite(self._value(fixed)))
        return cond(is_finite, finite, infinite, end)


_GAUSS = [
    (0.5 + 0.5 * c, 0.5 * w)
    for c, w in zip(*map(np.ndarray.tolist, np.polynomial.legendre.leggauss(3)), strict=True)
]
"""Nodes and weights in [0, 1]."""


@dataclass(frozen=True)
class Integral:
    """An integral that was computed.

    Attributes
    ----------
    value
        The integral, shape (m,).
    error
        An estimate of its error.
    is_accurate
        Whether the estimate is within the tolerance.
    """

    value: Any
    error: Any
    is_accurate: Any


def integrate(over: Range, absolute: float, relative: float) -> Integral:
    """Integrate over a range, to an absolute or a relative tolerance."""
    over, moved = over.held()
    values_on: Callable[..., Any] = lambda left, width: _values_on(over, left, width)
    whole = panel(values_on(0.0, 1.0), 1.0)
    tolerance = np.maximum(absolute, 0.5 * relative * norm(whole.value))
    number = whole.value.size
    start = {
        "left": np.asarray(0.0), "width": np.asarray(1.0), "error": np.asarray(0.0),
        "total": np.zeros(number),
    }  # fmt: skip

    def attempt(carry: Any) -> tuple[Any, Any, Any]:
        left, width = carry["left"], carry["width"]
        part = panel(values_on(left, width), width)
        share = 0.5 * tolerance * np.maximum(width, _SHARE)
        share = np.where(width == 1.0, tolerance, share)
        is_shortest = width <= np.maximum(_SPACING * left, _SHORTEST)
        accept = (part.error <= np.maximum(share, 2 * part.noise)) | is_shortest
        end = left + width
        after = {
            "left": np.where(accept, end, left),
            "width": np.where(accept, _next_width(end, width), 0.5 * width),
            "error": np.where(accept, carry["error"] + part.error, carry["error"]),
            "total": np.where(accept, carry["total"] + part.value, carry["total"]),
        }
        return after, {"left": left, "width": width}, accept

    found = collect(lambda carry: carry["left"] < 1.0, attempt, start, fits=True)
    is_real = np.arange(found.limit) < found.count
    nothing = np.zeros(number)
    sum_on: Callable[..., Any] = lambda left, width: panel(values_on(left, width), width).value
    add: Callable[..., Any] = lambda total, row: (
        total + cond(row["real"], sum_on, lambda left, width: nothing, row["left"], row["width"]),
        0.0,
    )
    value, _ = scan(add, nothing, {**found.rows, "real": is_real})
    error = found.carry["error"]
    value = np.where(found.fits, value + moved, np.nan)
    limit = np.maximum(absolute, relative * norm(value))
    return Integral(value, error, error <= limit)


def _values_on(over: Range, left: Any, width: Any) -> Any:
    """Return the integrand at all nodes of an interval of [0, 1], shape (21, m)."""
    places = as_traced(left + width * (0.5 * NODES + 0.5))
    value: Callable[..., Any] = lambda nothing, place: (nothing, over.at(place))
    return scan(value, 0.0, places)[1]


def _next_width(end: Any, width: Any) -> Any:
    """Return the width of the interval to try next: twice as long, if that is a multiple of it."""
    twice = 2 * width
    is_multiple = np.floor(end / twice) * twice == end
    return np.where(is_multiple & (end + twice <= 1.0), twice, width)

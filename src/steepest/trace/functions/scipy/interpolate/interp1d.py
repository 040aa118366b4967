"""`scipy.interpolate.interp1d`, of all kinds."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import holds_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.collocation import make_interp_spline
from steepest.trace.functions.scipy.interpolate.periods import (
    along_axis,
    beside,
    interval,
    prepared,
)
from steepest.trace.functions.scipy.registry import floating

_SPLINES = {"zero": 0, "slinear": 1, "quadratic": 2, "cubic": 3}
_STEPS = ("nearest", "nearest-up", "previous", "next")


class interp1d(LibraryObject):  # noqa: N801  # SciPy's name
    """Values between traced values along an axis."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, kind: Any = "linear", axis: int = -1,
        copy: bool = True, bounds_error: bool | None = None, fill_value: Any = np.nan,
        assume_sorted: bool = False,
    ) -> None:  # fmt: skip
        if not copy:
            refuse("scipy.interpolate.interp1d with copy=False")
        if kind not in ("linear", *_STEPS, *_SPLINES) and not isinstance(kind, int):
            raise InputError(f"scipy.interpolate.interp1d{at(user_source())}: kind={kind!r}")
        x, values, axis = prepared("interp1d", x, y, axis)
        if not assume_sorted:
            order = np.argsort(x)
            x, values = x[order], values[order]
        self.x, self._values, self.axis, self._kind = x, values, axis, kind
        extrapolates = isinstance(fill_value, str) and fill_value == "extrapolate"
        if bounds_error is None:
            is_given = extrapolates or not _is_nan(fill_value)
            bounds_error = not is_given
        self.bounds_error, self.fill_value = bounds_error, fill_value
        self._extrapolates = extrapolates
        degree = _SPLINES.get(kind, kind)
        self._spline: Any = make_interp_spline(x, values, k=degree) if _is_spline(kind) else None

    @property
    def y(self) -> Array:
        """The values, as they were given."""
        return np.moveaxis(self._values, 0, self.axis)

    def __call__(self, x: ArrayLike) -> Array:
        """Return the values at points."""
        x = floating(x).astype(np.float64)
        flat = np.ravel(x)
        return along_axis(self._filled(self._inside(flat), flat), x.shape, self.axis)

    def _inside(self, x: Array) -> Array:
        if self._spline is not None:
            return np.reshape(self._spline(x), (x.size, *self._values.shape[1:]))
        last = self.x.size - 1
        if self._kind == "linear":
            place = interval(self.x, x, 0, last - 1)
            left, right = self._values[place], self._values[place + 1]
            width = beside(self.x[place + 1] - self.x[place], left)
            return (right - left) / width * beside(x - self.x[place], left) + left
        if self._kind == "previous":
            place = interval(self.x, x, 0, last)
        elif self._kind == "next":
            place = np.clip(np.searchsorted(self.x, x, side="left"), 0, last)
        else:
            middles = 0.5 * (self.x[1:] + self.x[:-1])
            side: Any = "left" if self._kind == "nearest" else "right"
            place = np.clip(np.searchsorted(middles, x, side=side), 0, last)
        values = self._values[place]
        return np.where(beside(np.isnan(x), values), np.nan, values)

    def _filled(self, values: Array, x: Array) -> Array:
        """Return the values with what was given for points outside, or raise."""
        below, above = x < self.x[0], x > self.x[-1]
        if self.bounds_error:
            where = at(user_source())
            demand(
                ~np.any(below | above),
                lambda: InputError(
                    f"scipy.interpolate.interp1d{where}: a point lies outside the range of the "
                    "positions; give bounds_error=False or fill_value="
                ),
            )
            return values
        if self._extrapolates:
            if self._kind == "previous":
                return np.where(beside(below, values), np.nan, values)
            if self._kind == "next":
                return np.where(beside(above, values), np.nan, values)
            return values
        pair = self.fill_value if isinstance(self.fill_value, tuple) else (self.fill_value,) * 2
        for is_outside, fill in zip((below, above), pair, strict=True):
            values = np.where(beside(is_outside, values), fill, values)
        return values


def _is_spline(kind: Any) -> bool:
    return kind in _SPLINES or isinstance(kind, int)


def _is_nan(fill: Any) -> bool:
    return not isinstance(fill, tuple) and not holds_traced(fill) and bool(np.all(np.isnan(fill)))


def _made(value: Any, see: See) -> interp1d:
    made = object.__new__(interp1d)
    made.x, made.axis, made._kind = see("x"), value.axis, value._kind
    y = see("y")
    made._values = np.moveaxis(floating(y).astype(np.float64), value.axis, 0)
    made.bounds_error, made._extrapolates = value.bounds_error, value._extrapolate
    made.fill_value = value._fill_value_orig
    # Splines of degree 1 through points are lines; SciPy has no spline object for them.
    made._spline = see("_spline") if hasattr(value, "_spline") else None
    if made._spline is None and _is_spline(made._kind):
        made._kind = "linear"
    return made


MADE_OUTSIDE["scipy.interpolate.interp1d"] = _made
SEEN_BY_NAME["scipy.interpolate.interp1d"] = interp1d

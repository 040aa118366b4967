"""Values on a grid of any number of axes: `scipy.interpolate.RegularGridInterpolator`."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import demand, truth_of
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.periods import as_array, beside, interval
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy

_METHODS = ("linear", "nearest")
_KNOWN = (*_METHODS, "slinear", "cubic", "quintic", "pchip")


def _demand_method(method: str) -> None:
    demand_one_of("interpolate.RegularGridInterpolator", "method", method, _KNOWN)
    if method not in _METHODS:
        refuse(f"scipy.interpolate.RegularGridInterpolator with method={method!r}")


class RegularGridInterpolator(LibraryObject):
    """Values between traced values on a grid: linear, or the nearest."""

    def __init__(
        self, points: Any, values: ArrayLike, method: str = "linear", bounds_error: bool = True,
        fill_value: Any = np.nan, *, solver: Any = None, solver_args: Any = None,
    ) -> None:  # fmt: skip
        _demand_method(method)
        if solver is not None or solver_args:
            raise InputError(
                f"scipy.interpolate.RegularGridInterpolator{at(user_source())}: "
                f"method={method!r} takes no solver"
            )
        self.values, self.grid = floating(values).astype(np.float64), []
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value
        for axis, given in enumerate(points):
            positions = floating(given).astype(np.float64)
            if (
                positions.ndim != 1
                or axis >= self.values.ndim
                or (positions.size != self.values.shape[axis] or positions.size < 2)
            ):
                raise InputError(
                    f"scipy.interpolate.RegularGridInterpolator{at(user_source())}: positions of "
                    f"shape {positions.shape} along axis {axis} do not fit values of shape "
                    f"{self.values.shape}"
                )
            if truth_of(positions[0] > positions[-1]):
                positions, self.values = positions[::-1], np.flip(self.values, axis)
            self.grid.append(positions)

    def __call__(self, xi: ArrayLike, method: str | None = None, *, nu: Any = None) -> Array:
        """Return the values at points, whose coordinates lie along the last axis."""
        method = self.method if method is None else method
        _demand_method(method)
        if nu is not None:
            raise InputError(
                f"scipy.interpolate.RegularGridInterpolator{at(user_source())}: "
                f"method={method!r} has no derivatives nu="
            )
        coordinates, shape = _coordinates(xi, len(self.grid))
        values = self._inside(coordinates, method)
        return as_array(np.reshape(self._filled(values, coordinates), (*shape, *values.shape[1:])))

    def _inside(self, coordinates: list[Array], method: str) -> Array:
        places, shares = [], []
        for positions, x in zip(self.grid, coordinates, strict=True):
            place = interval(positions, x, 0, positions.size - 2)
            left = positions[place]
            places.append(place)
            shares.append((x - left) / (positions[place + 1] - left))
        if method == "nearest":
            return self.values[
                tuple(np.where(s <= 0.5, i, i + 1) for i, s in zip(places, shares, strict=True))
            ]
        total: Any = 0.0
        for corner in itertools.product((0, 1), repeat=len(places)):
            weight: Any = 1.0
            for is_right, share in zip(corner, shares, strict=True):
                weight = weight * (share if is_right else 1.0 - share)
            value = self.values[tuple(i + c for i, c in zip(places, corner, strict=True))]
            total = total + beside(weight, value) * value
        return total

    def _filled(self, values: Array, coordinates: list[Array]) -> Array:
        pairs = list(zip(self.grid, coordinates, strict=True))
        outside: Any = False
        is_nan: Any = False
        for positions, x in pairs:
            outside = outside | (x < positions[0]) | (x > positions[-1])
            is_nan = is_nan | np.isnan(x)
        if self.bounds_error:
            where = at(user_source())
            demand(
                ~np.any(outside),
                lambda: InputError(
                    f"scipy.interpolate.RegularGridInterpolator{where}: a point lies outside the "
                    "grid; give bounds_error=False"
                ),
            )
        elif self.fill_value is not None:
            values = np.where(beside(outside, values), self.fill_value, values)
        return np.where(beside(is_nan, values), np.nan, values)


def _coordinates(xi: Any, number: int) -> tuple[list[Array], tuple[int, ...]]:
    """Return a vector for each coordinate, and the shape that the results have."""
    if isinstance(xi, tuple):
        parts = np.broadcast_arrays(*(floating(x).astype(np.float64) for x in xi))
        points = np.stack(parts, axis=-1)
    else:
        points = floating(as_traced(xi)).astype(np.float64)
        if points.ndim == 1:
            points = points[:, None] if number == 1 else points[None]
    if points.shape[-1] != number:
        raise InputError(
            f"scipy.interpolate.RegularGridInterpolator{at(user_source())}: points have "
            f"{points.shape[-1]} coordinates, the grid has {number} axes"
        )
    flat = np.reshape(points, (-1, number))
    return [flat[:, i] for i in range(number)], points.shape[:-1]


@of_scipy("interpolate")
def interpn(
    points: Any, values: ArrayLike, xi: ArrayLike, method: str = "linear",
    bounds_error: bool = True, fill_value: Any = np.nan,
) -> Array:  # fmt: skip
    if method == "splinef2d":
        refuse("scipy.interpolate.interpn with method='splinef2d'")
    return RegularGridInterpolator(
        points, values, method, bounds_error=bounds_error, fill_value=fill_value
    )(xi)


def _made(value: Any, see: See) -> RegularGridInterpolator:
    _demand_method(value.method)
    made = object.__new__(RegularGridInterpolator)
    made.method, made.bounds_error = value.method, value.bounds_error
    made.fill_value, made.grid = value.fill_value, list(see("grid"))
    made.values = floating(see("values")).astype(np.float64)
    return made


MADE_OUTSIDE["scipy.interpolate.RegularGridInterpolator"] = _made
SEEN_BY_NAME["scipy.interpolate.RegularGridInterpolator"] = RegularGridInterpolator

"""Pieces of polynomials, `scipy.interpolate.PPoly`: evaluation, derivatives and integrals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.periods import (
    along_axis,
    as_array,
    beside,
    integral,
    interval,
    with_nan,
    wrapped,
)
from steepest.trace.functions.scipy.registry import floating


def _factor(power: int, order: int) -> float:
    """Return the factor that a power gets when it is differentiated; integrated if negative."""
    if order >= 0:
        return float(math.perm(power, order))
    return 1.0 / math.perm(power - order, -order)


class PPoly(LibraryObject):
    """Pieces of polynomials with traced coefficients.

    Parameters
    ----------
    c
        Coefficients of shape (degree + 1, intervals, ...), the highest power first.
    x
        Rising ends of the intervals.
    extrapolate
        Whether the first and last pieces go on; "periodic" repeats them all.
    axis
        Where the results have the axes of the points.
    """

    def __init__(self, c: ArrayLike, x: ArrayLike, extrapolate: Any = None, axis: int = 0) -> None:
        self.c, self.x = floating(c), floating(x).astype(np.float64)
        if self.c.ndim < 2 or self.x.ndim != 1 or self.x.size != self.c.shape[1] + 1:
            raise InputError(
                f"scipy.interpolate.PPoly{at(user_source())}: coefficients of shape "
                f"{self.c.shape} need one end of an interval more than {self.c.shape[1:2]}, got "
                f"{self.x.shape}"
            )
        self.extrapolate = True if extrapolate is None else extrapolate
        self.axis = axis

    def __call__(self, x: ArrayLike, nu: int = 0, extrapolate: Any = None) -> Array:
        """Evaluate the pieces, or a derivative of them, at points."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = floating(x).astype(np.float64)
        values = self._values(np.ravel(x), nu, extrapolate)
        return along_axis(values, x.shape, self.axis)

    def _values(self, x: Array, nu: int, extrapolate: Any) -> Array:
        start, stop = self.x[0], self.x[-1]
        if extrapolate == "periodic":
            x = wrapped(x, start, stop)
        degree = self.c.shape[0] - 1
        place = interval(self.x, x, 0, self.c.shape[1] - 1)
        distance: Any = None
        total: Any = np.zeros((x.size, *self.c.shape[2:])) if nu > degree else None
        for row in range(degree + 1 - nu):
            term = self.c[row][place] * _factor(degree - row, nu)
            if total is None:
                total = term
            else:
                distance = beside(x - self.x[place], term) if distance is None else distance
                total = total * distance + term
        return with_nan(total, x, start, stop, extrapolate)

    def _like(self, c: Array, extrapolate: Any) -> PPoly:
        return PPoly(c, self.x, extrapolate, self.axis)

    def derivative(self, nu: int = 1) -> PPoly:
        """Return the pieces of a derivative, of an antiderivative if `nu` is negative."""
        if nu < 0:
            return self.antiderivative(-nu)
        degree = self.c.shape[0] - 1
        rows = [self.c[row] * _factor(degree - row, nu) for row in range(degree + 1 - nu)]
        return self._like(np.stack(rows or [np.zeros_like(self.c[0])]), self.extrapolate)

    def antiderivative(self, nu: int = 1) -> PPoly:
        """Return the pieces of an antiderivative that starts at 0 and has no jumps."""
        if nu <= 0:
            return self.derivative(-nu)
        pieces = self
        for _ in range(nu):
            pieces = pieces._integrated()
        return pieces

    def _integrated(self) -> PPoly:
        degree = self.c.shape[0] - 1
        rows = [self.c[row] * _factor(degree - row, -1) for row in range(degree + 1)]
        width = beside(self.x[1:] - self.x[:-1], rows[0])
        over: Any = 0.0
        for row in rows:
            over = (over + row) * width
        starts = np.concatenate([np.zeros_like(over[:1]), np.cumsum(over, axis=0)[:-1]])
        extrapolate = self.extrapolate if self.extrapolate != "periodic" else False
        return self._like(np.stack([*rows, starts]), extrapolate)

    def integrate(self, a: ArrayLike, b: ArrayLike, extrapolate: Any = None) -> Array:
        """Return the integral between two points."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        whole, is_periodic = self._integrated(), extrapolate == "periodic"
        inside = lambda x: whole(x, extrapolate=bool(extrapolate))
        ends = self.x[0], self.x[-1]
        return as_array(integral(inside, a, b, *ends, is_periodic))

    def roots(self, *_: Any, **__: Any) -> Any:
        """Refuse: their number depends on the values."""
        refuse("the roots of a spline, whose number depends on its values,")

    solve = roots


def _made(value: Any, see: See) -> PPoly:
    cls: Any = SEEN_BY_NAME[f"scipy.interpolate.{type(value).__name__}"]
    made: PPoly = object.__new__(cls)
    PPoly.__init__(made, see("c"), see("x"), value.extrapolate, value.axis)
    return made


for _name in ("PPoly", "CubicHermiteSpline", "CubicSpline", "PchipInterpolator",
              "Akima1DInterpolator"):  # fmt: skip
    MADE_OUTSIDE[f"scipy.interpolate.{_name}"] = _made
SEEN_BY_NAME["scipy.interpolate.PPoly"] = PPoly

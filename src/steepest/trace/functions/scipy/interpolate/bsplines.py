"""B-splines, `scipy.interpolate.BSpline`: de Boor's recursion on traced coefficients."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
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


def evaluated(t: Array, c: Array, k: int, x: Array) -> Array:
    """Return a spline's values at a vector of points by de Boor's recursion."""
    place = interval(t, x, k, t.size - k - 2)
    rows = [c[place + (j - k)] for j in range(k + 1)]
    for level in range(1, k + 1):
        for j in range(k, level - 1, -1):
            left, right = t[place + (j - k)], t[place + (j + 1 - level)]
            weight = beside((x - left) / (right - left), rows[j])
            rows[j] = (1.0 - weight) * rows[j - 1] + weight * rows[j]
    return rows[k]


def differentiated(t: Array, c: Array, k: int) -> tuple[Array, Array, int]:
    """Return knots, coefficients and degree of the derivative; coinciding knots count as 0."""
    number = t.size - k - 1
    gap = t[k + 1 : k + number] - t[1:number]
    is_closed = gap == 0
    scale = np.where(is_closed, 0.0, k / np.where(is_closed, 1.0, gap))
    return t[1:-1], beside(scale, c) * (c[1:number] - c[: number - 1]), k - 1


def integrated(t: Array, c: Array, k: int) -> tuple[Array, Array, int]:
    """Return knots, coefficients and degree of the antiderivative that starts at 0."""
    number = t.size - k - 1
    sums = np.cumsum(beside((t[k + 1 :] - t[:number]) / (k + 1), c) * c[:number], axis=0)
    knots = np.concatenate([t[:1], t, t[-1:]])
    return knots, np.concatenate([np.zeros_like(sums[:1]), sums]), k + 1


class BSpline(LibraryObject):
    """A spline with traced coefficients.

    Parameters
    ----------
    t, c, k
        Knots, coefficients along the first axis, and the degree.
    extrapolate
        Whether the first and last pieces go on; "periodic" repeats them all.
    axis
        The axis of the coefficients, and where the results have the axes of the points.
    """

    def __init__(
        self, t: ArrayLike, c: ArrayLike, k: int, extrapolate: Any = True, axis: int = 0
    ) -> None:
        self.t, self.k, self.axis = floating(t).astype(np.float64), int(k), axis
        self.c = floating(c).astype(np.float64)
        self._c = np.moveaxis(self.c, axis, 0) if axis else self.c
        number = self.t.size - self.k - 1
        if self.k < 0 or self.t.ndim != 1 or number < self.k + 1 or self._c.shape[0] < number:
            raise InputError(
                f"scipy.interpolate.BSpline{at(user_source())}: {self.t.size} knots and "
                f"{self._c.shape[0]} coefficients do not fit a spline of degree {k}"
            )
        self.extrapolate = extrapolate

    @property
    def tck(self) -> tuple[Array, Array, int]:
        """Knots, coefficients and degree."""
        return self.t, self.c, self.k

    @classmethod
    def construct_fast(
        cls, t: ArrayLike, c: ArrayLike, k: int, extrapolate: Any = True, axis: int = 0
    ) -> BSpline:
        """Return a spline, as the constructor does."""
        return cls(t, c, k, extrapolate, axis)

    @property
    def _range(self) -> tuple[Any, Any]:
        return self.t[self.k], self.t[self.t.size - self.k - 1]

    def __call__(self, x: ArrayLike, nu: int = 0, extrapolate: Any = None) -> Array:
        """Evaluate the spline, or a derivative of it, at points."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = floating(x).astype(np.float64)
        flat = np.ravel(x)
        if extrapolate == "periodic":
            flat = wrapped(flat, *self._range)
        t, c, k = self.t, self._c, self.k
        for _ in range(min(nu, k)):
            t, c, k = differentiated(t, c, k)
        values = evaluated(t, c * 0.0 if nu > self.k else c, k, flat)
        return along_axis(with_nan(values, flat, *self._range, extrapolate), x.shape, self.axis)

    def _padded(self) -> Array:
        """Return as many coefficients as SciPy's functions of splines return."""
        missing = self.t.size - self._c.shape[0]
        zeros = np.zeros((max(missing, 0), *self._c.shape[1:]))
        return np.concatenate([self._c, zeros])

    def _like(self, t: Array, c: Array, k: int, extrapolate: Any) -> BSpline:
        missing = t.size - c.shape[0]
        c = np.concatenate([c, *[c[-1:]] * missing]) if missing > 0 else c  # as SciPy pads them
        return BSpline(t, np.moveaxis(c, 0, self.axis), k, extrapolate, self.axis)

    def derivative(self, nu: int = 1) -> BSpline:
        """Return the spline that is a derivative, an antiderivative if `nu` is negative."""
        if nu < 0:
            return self.antiderivative(-nu)
        if nu > self.k:
            raise InputError(
                f"scipy.interpolate.BSpline{at(user_source())}: order {nu} of a derivative is "
                f"beyond the degree {self.k}"
            )
        t, c, k = self.t, self._padded(), self.k
        for _ in range(nu):
            t, c, k = differentiated(t, c, k)
        return self._like(
            t, np.concatenate([c, np.zeros((k + 1, *c.shape[1:]))]), k, self.extrapolate
        )

    def antiderivative(self, nu: int = 1) -> BSpline:
        """Return the spline that is an antiderivative."""
        if nu < 0:
            return self.derivative(-nu)
        t, c, k = self.t, self._padded(), self.k
        for _ in range(nu):
            t, c, k = integrated(t, c, k)
        extrapolate = self.extrapolate if self.extrapolate != "periodic" else False
        return self._like(t, c, k, extrapolate)

    def integrate(self, a: ArrayLike, b: ArrayLike, extrapolate: Any = None) -> Array:
        """Return the integral between two points; outside the range the spline counts as 0."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        a, b = floating(a), floating(b)
        start, stop = self._range
        if not extrapolate:
            a, b = np.clip(a, start, stop), np.clip(b, start, stop)
        t, c, k = integrated(self.t, self._c, self.k)
        whole = lambda x: evaluated(t, c, k, np.reshape(x, (1,)))[0]
        return as_array(integral(whole, a, b, start, stop, extrapolate == "periodic"))


def _made(value: Any, see: See) -> BSpline:
    """Return the stand-in of a spline; its own coefficients have the axis first."""
    made = BSpline(see("t"), see("c"), value.k, value.extrapolate)
    made.axis = value.axis
    return made


MADE_OUTSIDE["scipy.interpolate.BSpline"] = _made
SEEN_BY_NAME["scipy.interpolate.BSpline"] = BSpline

"""FITPACK's functions and classes of splines, as `scipy.interpolate` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.bsplines import BSpline
from steepest.trace.functions.scipy.interpolate.collocation import coefficients, not_a_knot
from steepest.trace.functions.scipy.interpolate.periods import as_array, prepared
from steepest.trace.functions.scipy.registry import floating, of_scipy

_OUTSIDE = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}
"""Names of what a spline is outside its range."""


def _interpolating(name: str, x: ArrayLike, y: ArrayLike, k: int) -> tuple[Any, Any, int]:
    x, y, _ = prepared(name, x, y, 0)
    knots = not_a_knot(x, k)
    c = coefficients(knots, k, x, y, [], [])
    return knots, np.concatenate([c, np.zeros(k + 1)]), k


@of_scipy("interpolate", quiet=lambda value: True)
def splrep(
    x: ArrayLike, y: ArrayLike, w: ArrayLike = None, xb: Any = None, xe: Any = None, k: int = 3,
    task: int = 0, s: Any = None, t: Any = None, full_output: int = 0, per: int = 0,
    quiet: int = 1,
) -> tuple[Any, Any, int]:  # fmt: skip
    given = {"xb": xb, "xe": xe, "t": t}
    asked = [key for key, value in given.items() if value is not None]
    asked += [key for key, value in (("task", task), ("per", per)) if value]
    asked += ["full_output"] if full_output else []
    if asked:
        refuse(f"scipy.interpolate.splrep of traced values with {asked[0]}=")
    if s if s is not None else w is not None:
        _refuse_smoothing("splrep")
    return _interpolating("splrep", x, y, k)


def _refuse_smoothing(name: str) -> None:
    refuse(
        f"scipy.interpolate.{name} of traced values with smoothing, which chooses knots by the "
        "values (give s=0, or make the spline outside the function),"
    )


def _parts(tck: Any) -> list[tuple[Any, Any, int]]:
    """Return knots, coefficients and degree of a spline, or of each coordinate of a curve."""
    t, c, k = tck.tck if isinstance(tck, BSpline) else tck
    return [(t, part, k) for part in c] if isinstance(c, list | tuple) else [(t, c, k)]


@of_scipy("interpolate")
def splev(x: ArrayLike, tck: Any, der: int = 0, ext: int = 0) -> Any:
    results = [_evaluated(x, part, der, ext, "splev") for part in _parts(tck)]
    is_curve = not isinstance(tck, BSpline) and isinstance(tck[1], list | tuple)
    return results if is_curve else results[0]


def _evaluated(x: ArrayLike, tck: Any, der: int, ext: Any, name: str) -> Array:
    ext = _OUTSIDE.get(ext, ext)
    t, c, k = tck
    if not 0 <= der <= k or ext not in (0, 1, 2, 3):
        raise InputError(
            f"scipy.interpolate.{name}{at(user_source())}: the order {der} of a derivative must "
            f"be 0 to {k}, and ext={ext!r} 0 to 3"
        )
    spline, x = BSpline(t, c, k), floating(x).astype(np.float64)
    start, stop = spline.t[k], spline.t[spline.t.size - k - 1]
    is_outside = (x < start) | (x > stop)
    if ext == 2:
        where = at(user_source())
        demand(
            ~np.any(is_outside),
            lambda: InputError(
                f"scipy.interpolate.{name}{where}: a point lies outside the range of the spline"
            ),
        )
    values = spline(np.clip(x, start, stop) if ext == 3 else x, der)
    return as_array(np.where(is_outside, 0.0, values)) if ext == 1 else values


@of_scipy("interpolate")
def splint(a: ArrayLike, b: ArrayLike, tck: Any, full_output: int = 0) -> Any:
    if full_output:
        refuse("scipy.interpolate.splint with full_output=")
    results = [BSpline(*part).integrate(a, b, False) for part in _parts(tck)]
    return results if len(results) > 1 else results[0]


@of_scipy("interpolate")
def splder(tck: Any, n: int = 1) -> Any:
    (part,) = _parts(tck)
    spline = BSpline(*part).derivative(n)
    return spline if isinstance(tck, BSpline) else spline.tck


@of_scipy("interpolate")
def splantider(tck: Any, n: int = 1) -> Any:
    (part,) = _parts(tck)
    spline = BSpline(*part).antiderivative(n)
    return spline if isinstance(tck, BSpline) else spline.tck


class UnivariateSpline(LibraryObject):
    """A spline of FITPACK's through traced values, or with smoothing where it was made outside."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, w: ArrayLike = None, bbox: Any = (None, None),
        k: int = 3, s: Any = None, ext: Any = 0, check_finite: bool = False,
    ) -> None:  # fmt: skip
        if s is None or s:
            _refuse_smoothing("UnivariateSpline")
        self._through(x, y, w, bbox, k, ext, check_finite)

    def _through(
        self, x: ArrayLike, y: ArrayLike, w: Any, bbox: Any, k: int, ext: Any, _: bool
    ) -> None:
        if any(end is not None for end in bbox) or w is not None:
            refuse(f"scipy.interpolate.{type(self).__name__} of traced values with bbox= or w=")
        self._eval_args, self.ext = _interpolating(type(self).__name__, x, y, k), ext

    @classmethod
    def of(cls, tck: Any, ext: Any) -> UnivariateSpline:
        """Return a spline from its knots, coefficients and degree."""
        made = object.__new__(UnivariateSpline)
        made._eval_args, made.ext = tck, ext
        return made

    def __call__(self, x: ArrayLike, nu: int = 0, ext: Any = None) -> Array:
        """Evaluate the spline, or a derivative of it, at points."""
        ext = self.ext if ext is None else ext
        return _evaluated(x, self._eval_args, nu, ext, "UnivariateSpline")

    def derivative(self, n: int = 1) -> UnivariateSpline:
        """Return the spline that is a derivative; what is constant outside has slope 0 there."""
        ext = 1 if _OUTSIDE.get(self.ext, self.ext) == 3 else self.ext
        return self.of(BSpline(*self._eval_args).derivative(n).tck, ext)

    def antiderivative(self, n: int = 1) -> UnivariateSpline:
        """Return the spline that is an antiderivative."""
        return self.of(BSpline(*self._eval_args).antiderivative(n).tck, self.ext)

    def integral(self, a: ArrayLike, b: ArrayLike) -> Array:
        """Return the integral between two points; outside the range the spline counts as 0."""
        return BSpline(*self._eval_args).integrate(a, b, False)

    def derivatives(self, x: ArrayLike) -> Array:
        """Return all derivatives at a point, the value first."""
        degree = self._eval_args[2]
        return np.stack([self(x, nu) for nu in range(degree + 1)])

    def get_knots(self) -> Array:
        """Return the knots, each end once."""
        t, _, k = self._eval_args
        return t[k : t.shape[0] - k]

    def get_coeffs(self) -> Array:
        """Return the coefficients."""
        t, c, k = self._eval_args
        return c[: t.shape[0] - k - 1]


class InterpolatedUnivariateSpline(UnivariateSpline):
    """A spline through traced values."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, w: ArrayLike = None, bbox: Any = (None, None),
        k: int = 3, ext: Any = 0, check_finite: bool = False,
    ) -> None:  # fmt: skip
        self._through(x, y, w, bbox, k, ext, check_finite)


def _made(value: Any, see: See) -> UnivariateSpline:
    return UnivariateSpline.of(see("_eval_args"), value.ext)


for _name in ("UnivariateSpline", "InterpolatedUnivariateSpline", "LSQUnivariateSpline"):
    MADE_OUTSIDE[f"scipy.interpolate.{_name}"] = _made
for _class in (UnivariateSpline, InterpolatedUnivariateSpline):
    SEEN_BY_NAME[f"scipy.interpolate.{_class.__name__}"] = _class

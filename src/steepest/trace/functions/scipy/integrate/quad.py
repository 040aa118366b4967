"""``scipy.integrate.quad``, ``dblquad`` and ``quad_vec`` in a traced function."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError, UnsupportedError, forgive
from steepest.frames import warn_user
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.compositions import composed
from steepest.trace.following.follow import follow
from steepest.trace.functions.registry import as_plain
from steepest.trace.functions.scipy.integrate.arguments import (
    expects,
    ignored,
    is_known,
    is_true,
    records,
    refuse,
)
from steepest.trace.functions.scipy.integrate.quadrature import Range, integrate
from steepest.trace.functions.scipy.integrate.right_side import RightSide, record_integrand
from steepest.trace.recording.session import current

_QUAD, _DOUBLE, _VECTOR = (f"scipy.integrate.{name}" for name in ("quad", "dblquad", "quad_vec"))


@records(_QUAD, **ignored("limlst", "maxp1", "wopts", "wvar"))  # of weights
def quad(
    func: Callable[..., Any], a: Any, b: Any, args: Any = (), full_output: Any = 0,
    epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8, limit: Any = 50, points: Any = None,
    weight: Any = None, wvar: Any = None, wopts: Any = None, maxp1: Any = 50, limlst: Any = 50,
    complex_func: bool = False,
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.quad``, or call it if nothing is traced.

    Intervals are halved until the tolerance is met. `limit` has no effect.
    """
    if full_output:
        refuse(_QUAD, "with full_output=True", "leave it out")
    if weight is not None:
        refuse(_QUAD, f"with weight={weight!r}", "multiply the integrand by the weight")
    if complex_func:
        refuse(_QUAD, "with complex_func=True", "integrate the real and the imaginary part")
    args = args if isinstance(args, tuple) else (args,)
    integrand, shape = record_integrand(_QUAD, func, _reals(a, b), args)
    if integrand.size != 1:
        raise InputError(
            f"{_QUAD}{at(user_source())}: the function returns an array of shape {shape}, it must "
            "return a number: use scipy.integrate.quad_vec"
        )
    if integrand.is_plain and is_known(a) and is_known(b):
        import scipy.integrate

        low, high = (current().known_value(as_traced(x).node) for x in (a, b))
        return scipy.integrate.quad(
            func, low, high, args, epsabs=epsabs, epsrel=epsrel, limit=limit, points=points
        )
    value, error = _integral(_QUAD, integrand, points, epsabs, epsrel)
    return value[0], error


@records(_DOUBLE)
def dblquad(
    func: Callable[..., Any], a: Any, b: Any, gfun: Any, hfun: Any, args: Any = (),
    epsabs: Any = 1.49e-8, epsrel: Any = 1.49e-8,
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.dblquad``: an integral of integrals."""
    args = args if isinstance(args, tuple) else (args,)

    def inner(x: Any) -> Any:
        ends = [follow(end, current())(x) if callable(end) else end for end in (gfun, hfun)]
        of_y: Callable[..., Any] = lambda y: follow(func, current())(y, x, *args)
        integrand, _ = record_integrand(_DOUBLE, of_y, _reals(*ends))
        return _integral(_DOUBLE, integrand, None, epsabs, epsrel)[0][0]

    integrand, _ = record_integrand(_DOUBLE, inner, _reals(a, b))
    value, error = _integral(_DOUBLE, integrand, None, epsabs, epsrel)
    return value[0], error


@records(_VECTOR, **ignored("cache_size", "limit", "quadrature", "workers"))
def quad_vec(
    f: Callable[..., Any], a: Any, b: Any, epsabs: Any = 1e-200, epsrel: Any = 1e-8,
    norm: str = "2", cache_size: Any = 100e6, limit: Any = 10000, workers: Any = 1,
    points: Any = None, quadrature: Any = None, full_output: bool = False, *, args: Any = (),
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.quad_vec``, or call it if nothing is traced.

    The rule is that of Gauss and Kronrod with 21 points, and the norm that of 2, which is not
    smaller than the largest element. `limit` has no effect.
    """
    if full_output:
        refuse(_VECTOR, "with full_output=True", "leave it out")
    args = args if isinstance(args, tuple) else (args,)
    integrand, shape = record_integrand(_VECTOR, f, _reals(a, b), args)
    if integrand.is_plain and is_known(a) and is_known(b):
        import scipy.integrate

        low, high = (current().known_value(as_traced(x).node) for x in (a, b))
        return scipy.integrate.quad_vec(
            f, low, high, epsabs, epsrel, norm, points=points, args=args
        )
    value, error = _integral(_VECTOR, integrand, points, epsabs, epsrel)
    return np.reshape(value, shape), error


def _reals(*ends: Any) -> list[Any]:
    return [as_traced(end).astype(np.float64) for end in ends]


class _End(NamedTuple):
    """An end of a range: its value, and -1 or 1 if it is infinite."""

    value: Any
    infinite: int


def _infinite(end: Any) -> int:
    """Return -1 or 1 for an end that is infinite, else 0."""
    known = current().known_value(end.node)
    if known is not None:
        return int(np.sign(known)) if np.isinf(known) else 0
    try:
        if expects(np.isfinite(end)) or is_true(np.isnan(end)):
            return 0
        return 1 if is_true(end > 0) else -1
    except UnsupportedError as refusal:  # in a loop that stays in the graph
        forgive(refusal)
        return 0


def _integral(
    name: str, integrand: RightSide, points: Any, epsabs: Any, epsrel: Any
) -> tuple[Any, Any]:
    """Return an integral and its error; warn as SciPy does if its tolerance is not met."""
    infinite = [_infinite(end) for end in integrand.ends]
    if infinite[0] == infinite[1] != 0:
        raise InputError(f"{name}{at(user_source())}: both ends are the same infinity")
    absolute, relative = float(as_plain(epsabs)), float(as_plain(epsrel))

    def compose(outer: Sequence[TracedArray]) -> tuple[Any, Any]:
        here = replace(integrand, outer=tuple(outer))
        low, high = map(_End, here.ends, infinite)
        return _integral_from_to(name, here, low, high, points, absolute, relative)

    if points is not None:
        return compose(integrand.outer)
    key = (name, *infinite, absolute, relative)
    found: tuple[Any, Any] = composed(key, compose, integrand.graph, integrand.outer)
    return found


def _integral_from_to(
    name: str, integrand: RightSide, low: _End, high: _End, points: Any, epsabs: float,
    epsrel: float,
) -> tuple[Any, Any]:  # fmt: skip
    sign = 1.0
    if low.infinite > high.infinite:
        low, high, sign = high, low, -1.0
    ends: list[Any] = [None if low.infinite else low.value]
    if points is not None:
        ends += _breaks(name, points, low, high)
    ends.append(None if high.infinite else high.value)
    ranges = [Range(integrand, start, stop) for start, stop in itertools.pairwise(ends)]
    parts = [integrate(part, epsabs / len(ranges), epsrel) for part in ranges]
    value = sum((part.value for part in parts[1:]), parts[0].value)
    error = sum((part.error for part in parts[1:]), parts[0].error)
    limit = np.maximum(epsabs, epsrel * np.sqrt(np.sum(value * value)))
    is_accurate = error <= limit
    try:
        if not expects(is_accurate, defers=True):
            _warn(name)
    except UnsupportedError as refusal:  # in a loop that stays in the graph nothing can warn
        forgive(refusal)
        value = np.where(is_accurate, value, np.nan)
    return sign * value, error


def _breaks(name: str, points: Any, low: _End, high: _End) -> list[Any]:
    """Return the points inside a range, in the order in which they are met."""
    if low.infinite or high.infinite:
        raise InputError(
            f"{name}{at(user_source())}: Infinity inputs cannot be used with break points."
        )
    places = np.unique(as_plain(points).astype(float))
    if is_true(high.value < low.value):
        places = places[::-1]
    inside = (places - low.value) * (places - high.value) < 0
    return list(places[as_plain(inside)])


def _warn(name: str) -> None:
    from scipy.integrate import IntegrationWarning

    warn_user(
        f"{name}: the integral is less accurate than asked for, as the second result says: the "
        "integrand may be singular, or the tolerance too small",
        IntegrationWarning,
    )

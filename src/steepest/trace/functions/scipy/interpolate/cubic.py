"""Cubic interpolants through traced values: their slopes, each by its published formula."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.equations import solve_band
from steepest.trace.arrays.dispatch import demand
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.periods import beside, prepared
from steepest.trace.functions.scipy.interpolate.piecewise import PPoly
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy


def _pieces(x: Array, y: Array, slopes: Array) -> Array:
    """Return the coefficients of the cubic pieces with given values and slopes."""
    width = beside(x[1:] - x[:-1], y)
    secant = (y[1:] - y[:-1]) / width
    bend = (slopes[:-1] + slopes[1:] - 2 * secant) / width
    return np.stack([bend / width, (secant - slopes[:-1]) / width - bend, slopes[:-1], y[:-1]])


class CubicHermiteSpline(PPoly):
    """Cubic pieces with given values and slopes."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, dydx: ArrayLike, axis: int = 0,
        extrapolate: Any = None,
    ) -> None:  # fmt: skip
        x, y, axis = prepared("CubicHermiteSpline", x, y, axis)
        slopes = np.moveaxis(floating(dydx).astype(np.float64), axis, 0)
        if slopes.shape != y.shape:
            raise InputError(
                f"scipy.interpolate.CubicHermiteSpline{at(user_source())}: values of shape "
                f"{y.shape} and slopes of shape {slopes.shape} must be alike"
            )
        super().__init__(_pieces(x, y, slopes), x, extrapolate, axis)


# Slopes that keep what rises rising (Fritsch and Butland 1984).


def _end_slope(h0: Array, h1: Array, m0: Array, m1: Array) -> Array:
    slope = ((2 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turns = np.sign(slope) != np.sign(m0)
    is_steep = (np.sign(m0) != np.sign(m1)) & (np.abs(slope) > 3.0 * np.abs(m0))
    return np.where(turns, 0.0, np.where(is_steep, 3.0 * m0, slope))


def _monotone_slopes(x: Array, y: Array) -> Array:
    h = beside(x[1:] - x[:-1], y)
    m = (y[1:] - y[:-1]) / h
    if x.size == 2:
        return np.concatenate([m, m])
    left, right = m[:-1], m[1:]
    is_flat = (np.sign(left) != np.sign(right)) | (left == 0) | (right == 0)
    first, second = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    left, right = np.where(is_flat, 1.0, left), np.where(is_flat, 1.0, right)
    inner = np.where(is_flat, 0.0, (first + second) / (first / left + second / right))
    start = _end_slope(h[:1], h[1:2], m[:1], m[1:2])
    end = _end_slope(h[-1:], h[-2:-1], m[-1:], m[-2:-1])
    return np.concatenate([start, inner, end])


class PchipInterpolator(PPoly):
    """Monotone cubic pieces."""

    def __init__(self, x: ArrayLike, y: ArrayLike, axis: int = 0, extrapolate: Any = None) -> None:
        x, y, axis = prepared("PchipInterpolator", x, y, axis)
        super().__init__(_pieces(x, y, _monotone_slopes(x, y)), x, extrapolate, axis)


@of_scipy("interpolate")
def pchip_interpolate(
    xi: ArrayLike, yi: ArrayLike, x: ArrayLike, der: int = 0, axis: int = 0
) -> Array:
    return PchipInterpolator(xi, yi, axis)(x, der)


# Slopes from four neighbors (Akima 1970).


_SMALL = 1e-9
"""Weights below this share of the largest one leave the slope open."""


def _akima_slopes(x: Array, y: Array, method: str) -> Array:
    inner = (y[1:] - y[:-1]) / beside(x[1:] - x[:-1], y)
    if x.size == 2:
        return np.concatenate([inner, inner])
    left = [2.0 * inner[:1] - inner[1:2]]
    left.insert(0, 2.0 * left[0] - inner[:1])
    right = [2.0 * inner[-1:] - inner[-2:-1]]
    right.append(2.0 * right[0] - inner[-1:])
    m = np.concatenate([*left, inner, *right])
    turn = np.abs(m[1:] - m[:-1])
    if method == "makima":
        turn = turn + 0.5 * np.abs(m[1:] + m[:-1])
    first, second = turn[2:], turn[:-2]
    both = first + second
    is_open = ~(both > _SMALL * np.max(both))
    weight = second / np.where(is_open, 1.0, both)
    slopes = m[1:-2] + weight * (m[2:-1] - m[1:-2])
    return np.where(is_open, 0.5 * (m[3:] + m[:-3]), slopes)


class Akima1DInterpolator(PPoly):
    """Akima's cubic pieces; outside the points they have no value unless asked for."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, axis: int = 0, *, method: str = "akima",
        extrapolate: Any = None,
    ) -> None:  # fmt: skip
        demand_one_of("interpolate.Akima1DInterpolator", "method", method, ("akima", "makima"))
        x, y, axis = prepared("Akima1DInterpolator", x, y, axis)
        slopes = _akima_slopes(x, y, method)
        super().__init__(_pieces(x, y, slopes), x, bool(extrapolate), axis)


# Slopes with which the second derivative is continuous.

_CONDITIONS: dict[str, Any] = {
    "not-a-knot": "not-a-knot",
    "clamped": (1, 0.0),
    "natural": (2, 0.0),
}


def _condition(given: Any, y: Array) -> Any:
    """Return the condition at an end: "not-a-knot", or a derivative and its values."""
    if isinstance(given, str):
        demand_one_of("interpolate.CubicSpline", "bc_type", given, tuple(_CONDITIONS))
        given = _CONDITIONS[given]
    if isinstance(given, str):
        return given
    order, value = given
    demand_one_of("interpolate.CubicSpline", "the order of a derivative", order, (1, 2))
    return order, np.broadcast_to(floating(value).astype(np.float64), y.shape[1:])


def _end(
    condition: Any, h: tuple[Array, Array], m: tuple[Array, Array], sign: float
) -> tuple[Any, Any, Any]:
    """Return the equation of an end: the factors of its slope and the next, and its right side.

    `h` and `m` are widths and secants of the two intervals, from the end inward; `sign` is -1 at
    the right end.
    """
    (near, next_), (secant, further) = h, m
    if isinstance(condition, str):
        both = near + next_
        right = ((near + 2 * both) * next_ * secant + near * near * further) / both
        return next_, both, right
    order, value = condition
    if order == 1:
        return np.ones_like(near), np.zeros_like(near), value
    return 2 * near, near, 3 * near * secant - sign * 0.5 * near * near * value


def _smooth_slopes(x: Array, y: Array, start: Any, end: Any) -> Array:
    h = x[1:] - x[:-1]
    m = (y[1:] - y[:-1]) / beside(h, y)
    if x.size == 2:
        start, end = ((1, m[0]) if isinstance(c, str) else c for c in (start, end))
    elif x.size == 3 and isinstance(start, str) and isinstance(end, str):
        return _slopes_of_parabola(h, m)
    second = 1 if x.size > 2 else 0
    a0, a1, right0 = _end(start, (h[0], h[second]), (m[0], m[second]), 1.0)
    b0, b1, right1 = _end(end, (h[-1], h[-1 - second]), (m[-1], m[-1 - second]), -1.0)
    width = beside(h, y)
    inner = 3 * (width[1:] * m[:-1] + width[:-1] * m[1:])
    zero = np.zeros(1)
    band = np.stack([
        np.concatenate([zero, np.reshape(a1, (1,)), h[:-1]]),
        np.concatenate([np.reshape(a0, (1,)), 2 * (h[1:] + h[:-1]), np.reshape(b0, (1,))]),
        np.concatenate([h[1:], np.reshape(b1, (1,)), zero]),
    ])  # fmt: skip
    right = np.concatenate([right0[None], inner, right1[None]])
    solved = solve_band(band, np.reshape(right, (x.size, -1)), below=1)
    return np.reshape(solved, y.shape)


def _slopes_of_parabola(h: Array, m: Array) -> Array:
    bend = (m[1] - m[0]) / (h[0] + h[1])
    return np.stack([m[0] - bend * h[0], m[0] + bend * h[0], m[1] + bend * h[1]])


def _periodic_slopes(x: Array, y: Array) -> Array:
    """Solve the cyclic system: its last unknown is taken out, and put in afterwards."""
    h = x[1:] - x[:-1]
    width = beside(h, y)
    m = (y[1:] - y[:-1]) / width
    if x.size == 3:
        slope = np.sum(m / width, axis=0) / np.sum(1 / h)
        return np.stack([slope, slope, slope])
    before = np.concatenate([h[-1:], h[:-1]])
    right = 3 * (width * np.concatenate([m[-1:], m[:-1]]) + beside(before, y) * m)
    right = np.reshape(right, (h.size, -1))
    zero, n = np.zeros(1), h.size
    band = np.stack([
        np.concatenate([zero, before[: n - 2]]), 2 * (h + before)[: n - 1],
        np.concatenate([h[1 : n - 1], zero]),
    ])  # fmt: skip
    last = np.concatenate([h[:1], np.zeros(n - 3), before[n - 2 : n - 1]])
    both = solve_band(band, np.concatenate([right[:-1], last[:, None]], axis=1), below=1)
    free, bound = both[:, :-1], both[:, -1:]
    middle, to_left, to_right = 2 * (h[-1] + before[-1]), h[-1], before[-1]
    alone = right[-1:] - to_left * free[-1:] - to_right * free[:1]
    known = alone / (middle - to_left * bound[-1:] - to_right * bound[:1])
    inner = free - bound * known
    return np.reshape(np.concatenate([inner, known, inner[:1]]), y.shape)


class CubicSpline(PPoly):
    """The cubic spline through points, of continuous second derivative."""

    def __init__(
        self, x: ArrayLike, y: ArrayLike, axis: int = 0, bc_type: Any = "not-a-knot",
        extrapolate: Any = None,
    ) -> None:  # fmt: skip
        x, y, axis = prepared("CubicSpline", x, y, axis)
        is_periodic = isinstance(bc_type, str) and bc_type == "periodic"
        if is_periodic:
            where = at(user_source())
            demand(
                np.all(np.abs(y[0] - y[-1]) <= 1e-15 * (1 + np.abs(y[-1]))),  # SciPy's tolerance
                lambda: InputError(
                    f"scipy.interpolate.CubicSpline{where}: the first and last values of a "
                    "periodic spline must be equal"
                ),
            )
            slopes = _periodic_slopes(x, y) if x.size > 2 else np.zeros_like(y)
        else:
            pair = (bc_type, bc_type) if isinstance(bc_type, str) else bc_type
            slopes = _smooth_slopes(x, y, *(_condition(given, y) for given in pair))
        extrapolate = "periodic" if is_periodic and extrapolate is None else extrapolate
        super().__init__(_pieces(x, y, slopes), x, extrapolate, axis)


for _class in (CubicHermiteSpline, PchipInterpolator, Akima1DInterpolator, CubicSpline):
    SEEN_BY_NAME[f"scipy.interpolate.{_class.__name__}"] = _class

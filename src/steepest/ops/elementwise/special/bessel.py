"""Bessel functions of any order, scaled ones, and Struve's.

Slopes are those of the neighboring orders. The derivative by the order is known for `kv`, `iv`
and their scaled forms; for the others it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.bessel_orders import slope_of_iv, slope_of_kv
from steepest.ops.elementwise.special.gamma import gammaln, rgamma
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Domain

_UNKNOWN = "its derivative by the order is not known: asking for it is refused"
_ORDERS = Domain(
    ((0.5, 2.5), (0.5, 4.0)),
    special=((0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0), (0.0, 30.0), (1.0, -2.0)),
)
_RISING = Domain(
    ((0.5, 2.5), (0.5, 4.0)), special=((0.0, 2.0), (-2.3, 1.0), (3.0, 30.0), (20.0, 150.0))
)
_OF_POSITIVE = "its derivative by the order is nan unless x > 0"
_RIGHT = Domain(((0.5, 2.5), (0.5, 4.0)), special=((0.0, 1.0), (2.5, 30.0)))


jv: Special = special(
    "jv",
    None,
    lambda y, v, x: 0.5 * (jv(v - 1.0, x) - jv(v + 1.0, x)),
    domain=_ORDERS,
    kink=_UNKNOWN,
)
jve: Special = special(
    "jve",
    None,
    lambda y, v, x: 0.5 * (jve(v - 1.0, x) - jve(v + 1.0, x)),
    domain=_ORDERS,
    kink=_UNKNOWN,
)
yv: Special = special(
    "yv",
    None,
    lambda y, v, x: 0.5 * (yv(v - 1.0, x) - yv(v + 1.0, x)),
    domain=_RIGHT,
    kink=_UNKNOWN,
)
yve: Special = special(
    "yve",
    None,
    lambda y, v, x: 0.5 * (yve(v - 1.0, x) - yve(v + 1.0, x)),
    domain=_RIGHT,
    kink=_UNKNOWN,
)
iv: Special = special(
    "iv",
    lambda y, v, x: slope_of_iv(y, v, x, kv, scaled=False),
    lambda y, v, x: 0.5 * (iv(v - 1.0, x) + iv(v + 1.0, x)),
    domain=_RISING,
    kink=_OF_POSITIVE,
)

_BY_ORDER = "its derivative by the order is nan below 1e-14"
kv: Special = special(
    "kv",
    lambda y, v, x: slope_of_kv(v, x, scaled=False),
    lambda y, v, x: -0.5 * (kv(v - 1.0, x) + kv(v + 1.0, x)),
    domain=_RIGHT,
    kink=_BY_ORDER,
)

# Where the exponential is divided out, the rule y - (neighbors) / 2 cancels far to the right:
# there by the derivative of Hankel's expansion (DLMF 10.40.1 and 10.40.2), whose terms are about
# those of the exponential series of v**2 / (2 x).
_FAR = 40.0


def _far_from(v: Array) -> Array:
    return np.maximum(_FAR, 0.25 * v * v)


def _expansion(v: Array, x: Array, sign: float) -> Array:
    """Return the derivative of a scaled function by x, divided by that of 1 / sqrt(x)."""
    square = 4.0 * v * v
    term: Any = 1.0
    total: Any = 1.0
    for k in range(1, 25):
        term = term * sign * (square - (2 * k - 1) ** 2) / (8.0 * k * x)
        total = total + (2 * k + 1) * term
    return -0.5 * total / (x * np.sqrt(x))


def _scaled_slope(
    v: Array, x: Array, near: Callable[[Array, Array], Array], sign: float, factor: float
) -> Array:
    size = np.abs(x)
    is_far = size > _far_from(v)
    far = np.where(is_far, size, _FAR)
    slope = factor * _expansion(np.where(is_far, v, 0.0), far, sign)
    return np.where(is_far, slope, near(v, np.where(is_far, 1.0, x)))


def _slope_of_ive(y: Array, v: Array, x: Array) -> Array:
    def near(v: Array, x: Array) -> Array:
        side = np.where(x < 0, -1.0, 1.0)  # at 0, the right one: arguments are seldom negative
        return 0.5 * (ive(v - 1.0, x) + ive(v + 1.0, x)) - side * ive(v, x)

    is_left = x < -_far_from(v)  # where whole orders are even or odd
    right = _scaled_slope(v, x, near, -1.0, 1.0 / math.sqrt(2.0 * math.pi))
    parity = np.where(np.remainder(v, 2.0) == 0.0, -1.0, 1.0)
    parity = np.where(v == np.floor(v), parity, np.nan)
    return np.where(is_left, parity * right, right)


ive: Special = special(
    "ive",
    lambda y, v, x: slope_of_iv(y, v, x, kve, scaled=True),
    _slope_of_ive,
    domain=Domain(
        ((0.5, 2.5), (0.5, 4.0)),
        special=((0.0, 1.0), (1.0, 5.0), (2.0, 50.0), (-2.3, 2.0), (5.0, 150.0), (20.0, 150.0)),
    ),
    kink=_OF_POSITIVE,
)


def _slope_of_kve(y: Array, v: Array, x: Array) -> Array:
    def near(v: Array, x: Array) -> Array:
        return kve(v, x) - 0.5 * (kve(v - 1.0, x) + kve(v + 1.0, x))

    return _scaled_slope(v, x, near, 1.0, math.sqrt(0.5 * math.pi))


kve: Special = special(
    "kve",
    lambda y, v, x: slope_of_kv(v, x, scaled=True),
    _slope_of_kve,
    domain=Domain(((0.5, 2.5), (0.5, 4.0)), special=((0.0, 1.0), (1.0, 50.0))),
    kink=_BY_ORDER,
)

# Orders 0 and 1.
_WAVES = Domain(((-2.0, 2.0),), special=((0.0,), (2.0,), (-30.0,)))
_POSITIVE = Domain(((0.5, 4.0),), special=((1.0,), (0.1,), (30.0,)))


def _of(order: float, x: Array) -> Array:
    return np.full_like(x, order)


i0: Special = special("i0", lambda y, x: i1(x), torch=lambda t, x: t.special.i0(x), domain=_WAVES)
i1: Special = special(
    "i1",
    lambda y, x: 0.5 * (i0(x) + iv(_of(2.0, x), x)),
    torch=lambda t, x: t.special.i1(x),
    domain=_WAVES,
)
j0: Special = special("j0", lambda y, x: -j1(x), domain=_WAVES)
j1: Special = special("j1", lambda y, x: 0.5 * (j0(x) - jv(_of(2.0, x), x)), domain=_WAVES)
y0: Special = special("y0", lambda y, x: -y1(x), domain=_POSITIVE)
y1: Special = special("y1", lambda y, x: 0.5 * (y0(x) - yv(_of(2.0, x), x)), domain=_POSITIVE)
k0: Special = special("k0", lambda y, x: -k1(x), domain=_POSITIVE)
k1: Special = special("k1", lambda y, x: -0.5 * (k0(x) + kv(_of(2.0, x), x)), domain=_POSITIVE)
_SCALED = Domain(((0.5, 4.0),), special=((1.0,), (5.0,), (60.0,), (-3.0,)))
_SCALED_RIGHT = Domain(((0.5, 4.0),), special=((1.0,), (0.1,), (60.0,)))
i0e = special(
    "i0e",
    lambda y, x: _slope_of_ive(y, _of(0.0, x), x),
    domain=_SCALED,
    kink="at 0, the slope of the right side",
)
i1e = special("i1e", lambda y, x: _slope_of_ive(y, _of(1.0, x), x), domain=_SCALED)
k0e = special("k0e", lambda y, x: _slope_of_kve(y, _of(0.0, x), x), domain=_SCALED_RIGHT)
k1e = special("k1e", lambda y, x: _slope_of_kve(y, _of(1.0, x), x), domain=_SCALED_RIGHT)

# Struve's functions.


def _source(v: Array, x: Array) -> Array:
    half = np.where(x > 0, 0.5 * x, 1.0)
    large = np.maximum(v, 0.5)  # where the power and the gamma function may overflow
    power = np.where(
        v > 0.5,
        np.exp(large * np.log(half) - gammaln(large + 1.5)),
        np.exp(v * np.log(half)) * rgamma(np.where(v > 0.5, 2.0, v + 1.5)),  # with its sign
    ) / math.sqrt(math.pi)
    return np.where(x > 0, power, np.where(v > 0, np.where(x == 0, 0.0, np.nan), np.nan))


struve: Special = special(
    "struve",
    None,
    lambda y, v, x: 0.5 * (struve(v - 1.0, x) - struve(v + 1.0, x) + _source(v, x)),
    domain=Domain(((0.5, 2.5), (0.5, 4.0)), special=((0.0, 1.0), (1.0, 0.1), (2.0, 8.0))),
    kink=_UNKNOWN,
)
modstruve: Special = special(
    "modstruve",
    None,
    lambda y, v, x: 0.5 * (modstruve(v - 1.0, x) + modstruve(v + 1.0, x) + _source(v, x)),
    domain=Domain(((0.5, 2.5), (0.5, 4.0)), special=((0.0, 1.0), (1.0, 0.1), (2.0, 8.0))),
    kink=_UNKNOWN,
)

ROWS = rows_of(vars())

"""Error functions, the normal distribution, and Dawson's integral."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.elementary import elementary
from steepest.ops.elementwise.special.quadrature import column, constant, gauss
from steepest.ops.elementwise.special.rows import rows_of, special
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import Domain

TWO_OVER_ROOT_PI = 2.0 / math.sqrt(math.pi)
ONE_OVER_ROOT_TWO_PI = 1.0 / math.sqrt(2.0 * math.pi)
_SMOOTH = Domain(((-2.0, 2.0),), special=((0.0,), (-6.0,), (6.0,)))

erf = special(
    "erf",
    lambda y, x: TWO_OVER_ROOT_PI * np.exp(-x * x),
    torch="erf",
    domain=_SMOOTH,
    lower=Elementwise(elementary("erf")),
)
erfc = special(
    "erfc", lambda y, x: -TWO_OVER_ROOT_PI * np.exp(-x * x), torch="erfc", domain=_SMOOTH
)
erfinv = special(
    "erfinv",
    lambda y, x: np.exp(y * y) / TWO_OVER_ROOT_PI,
    torch="erfinv",
    domain=Domain(((-0.8, 0.8),), special=((0.0,), (0.999,), (-0.999,))),
)
erfcinv = special(
    "erfcinv",
    lambda y, x: -np.exp(y * y) / TWO_OVER_ROOT_PI,
    domain=Domain(((0.3, 1.7),), special=((1.0,), (1e-3,), (1.9,))),
)
erfi = special("erfi", lambda y, x: TWO_OVER_ROOT_PI * np.exp(x * x), domain=_SMOOTH)

_NODES, _WEIGHTS = gauss(48)


def _slope_of_erfcx(y: Array, x: Array) -> Array:
    # On the right 2 * x * y and the constant cancel: there by the integral of
    # -2 * t * exp(-t**2 - 2 * x * t) over all t > 0.
    is_right = x > 0.5
    right, left = np.where(is_right, x, 1.0), np.where(is_right, 0.0, x)
    (place,) = constant(right)
    length = column(45.0 / (place + np.sqrt(place * place + 45.0)))  # exp(-45) at the end
    t = length * _NODES
    total = np.sum(t * np.exp(-t * (t + 2.0 * column(right))) * (_WEIGHTS * length), axis=-1)
    total = np.reshape(total, np.shape(x))
    near = 2.0 * left * np.where(is_right, 0.0, y) - TWO_OVER_ROOT_PI
    return np.where(is_right, -2.0 * TWO_OVER_ROOT_PI * total, near)


erfcx = special(
    "erfcx",
    _slope_of_erfcx,
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (0.5,), (3.0,), (30.0,), (-3.0,))),
)


def _slope_of_dawsn(y: Array, x: Array) -> Array:
    # Far out 1 and 2 * x * y cancel: there by the asymptotic series (DLMF 7.12.1).
    is_far = np.abs(x) > _FAR_OUT
    far, near = np.where(is_far, x, _FAR_OUT), np.where(is_far, 0.0, x)
    half = 0.5 / (far * far)
    total: Any = 1.0
    for k in range(24, 0, -1):
        total = 1.0 + (2 * k + 1) * half * total
    return np.where(is_far, -half * total, 1.0 - 2.0 * near * np.where(is_far, 0.0, y))


_FAR_OUT = 6.5
dawsn = special(
    "dawsn",
    _slope_of_dawsn,
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (1.0,), (9.0,), (-30.0,))),
)
ndtr = special(
    "ndtr",
    lambda y, x: ONE_OVER_ROOT_TWO_PI * np.exp(-0.5 * x * x),
    torch=lambda t, x: t.special.ndtr(x),
    domain=_SMOOTH,
)
ndtri = special(
    "ndtri",
    lambda y, x: np.exp(0.5 * y * y) / ONE_OVER_ROOT_TWO_PI,
    torch=lambda t, x: t.special.ndtri(x),
    domain=Domain(((0.2, 0.8),), special=((0.5,), (1e-3,), (0.99,))),
)


def _hazard_coefficients(count: int) -> tuple[int, ...]:
    """Return those of 1 / (1 - u + 3 u**2 - 15 u**3 ...) after the first, in rising powers."""
    series, inverse = [1], [1]
    for k in range(1, count):
        series.append(-series[-1] * (2 * k - 1))
        inverse.append(-sum(series[i] * inverse[k - i] for i in range(1, k + 1)))
    return tuple(inverse[1:])


_HAZARD = _hazard_coefficients(24)
_FAR_LEFT = -12.0


def slope_of_log_ndtr(y: Array, x: Array) -> Array:
    """Return the derivative of log_ndtr, whose value is y."""
    # In the left tail y and x**2 / 2 cancel: there by the asymptotic series in 1 / x**2
    # (Abramowitz and Stegun 26.2.12).
    is_far = x < _FAR_LEFT
    left = 1.0 / np.where(is_far, x, _FAR_LEFT)
    square = left * left
    total: Any = float(_HAZARD[-1])
    for coefficient in _HAZARD[-2::-1]:
        total = total * square + float(coefficient)
    right = np.where(is_far, 0.0, x)
    near = np.exp(-0.5 * right * right - np.where(is_far, 0.0, y))
    return np.where(is_far, -x - left * total, ONE_OVER_ROOT_TWO_PI * near)


log_ndtr = special(
    "log_ndtr",
    slope_of_log_ndtr,
    torch=lambda t, x: t.special.log_ndtr(x),
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (-12.5,), (-40.0,), (-1e6,), (8.0,))),
)
ndtri_exp = special(
    "ndtri_exp",
    lambda y, x: 1.0 / slope_of_log_ndtr(x, y),
    domain=Domain(((-3.0, -0.3),), special=((-0.7,), (-100.0,), (-1e-3,))),
)
owens_t = special(
    "owens_t",
    lambda y, h, a: (
        -0.5 * ONE_OVER_ROOT_TWO_PI * np.exp(-0.5 * h * h) * erf(a * h * math.sqrt(0.5))
    ),
    lambda y, h, a: np.exp(-0.5 * h * h * (1.0 + a * a)) / (2.0 * math.pi * (1.0 + a * a)),
    domain=Domain(((-2.0, 2.0), (-2.0, 2.0)), special=((0.0, 1.0), (1.0, 0.0), (2.0, -3.0))),
)

ROWS: tuple[Any, ...] = rows_of(vars())

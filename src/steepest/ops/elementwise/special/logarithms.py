"""Entropies, and losses and powers with a logarithm in their slopes."""

from __future__ import annotations

import math

import numpy as np

from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.elementwise.special.hypergeometric.functions import hyp2f1, slope_of_exprel
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Domain

_PAIR = ((0.5, 3.0), (0.5, 3.0))


def _ratio(x: Array, divisor: Array) -> Array:
    # 0 / 0 is 0 here: 0 * log(divisor) counts as 0, whatever the divisor is.
    nothing = (x == 0) & (divisor == 0)
    return np.where(nothing, 0.0, x / np.where(nothing, 1.0, divisor))


xlogy = special(
    "xlogy",
    lambda y, x, z: np.log(z),
    lambda y, x, z: _ratio(x, z),
    torch="xlogy",
    domain=Domain(_PAIR, special=((0.0, 2.0), (0.0, 1.0), (1.0, 1.0))),
    kink="slope log(y) in x, also at x = 0; slope 0 in y at (0, 0)",
)
xlog1py = special(
    "xlog1py",
    lambda y, x, z: np.log1p(z),
    lambda y, x, z: _ratio(x, 1.0 + z),
    torch=lambda t, x, z: t.special.xlog1py(x, z),
    domain=Domain(_PAIR, special=((0.0, 2.0), (0.0, 0.0), (1.0, 0.0))),
    kink="slope log1p(y) in x, also at x = 0; slope 0 in y at (0, -1)",
)
entr = special(
    "entr",
    lambda y, x: -np.log(x) - 1.0,
    torch=lambda t, x: t.special.entr(x),
    domain=Domain(((0.3, 0.7),), special=((1.0,), (1e-9,))),
    kink="slope inf at 0",
)


def _torch_log_of_ratio(t: Torch, x: Tensor, z: Tensor) -> Tensor:
    ratio = x / z
    in_range = (ratio > 1e-290) & (ratio < 1e290)
    apart = t.log(x) - t.log(z)
    return x * t.where(in_range, t.log(t.where(in_range, ratio, 1.0)), apart)


rel_entr = special(
    "rel_entr",
    lambda y, x, z: np.log(x) - np.log(z) + 1.0,
    lambda y, x, z: -x / z,
    torch=lambda t, x, z: t.where(
        (x < 0) | (z < 0) | ((z == 0) & (x > 0)),
        float("inf"),
        t.where((x == 0) & (z >= 0), 0.0, _torch_log_of_ratio(t, x, z)),
    ),
    domain=Domain(_PAIR, special=((1.0, 1.0), (1e-9, 1.0))),
    kink="slope -inf in x at x = 0",
)
kl_div = special(
    "kl_div",
    lambda y, x, z: np.log(x) - np.log(z),
    lambda y, x, z: 1.0 - x / z,
    domain=Domain(_PAIR, special=((1.0, 2.0), (1e-9, 1.0))),
    kink="slope -inf in x at x = 0",
)


def _slope_by_width(y: Array, delta: Array, r: Array) -> Array:
    root = np.hypot(delta, r)
    ratio = r / (delta + root)
    return r * r / root * ratio * ratio


pseudo_huber = special(
    "pseudo_huber",
    _slope_by_width,
    lambda y, delta, r: r * delta / np.hypot(delta, r),
    domain=Domain(_PAIR, special=((1.0, 0.0), (2.0, 1e-4), (1.0, -30.0))),
    kink="no slope at a width of 0",
)
powm1 = special(
    "powm1",
    lambda y, x, z: z * x ** (z - 1.0),
    lambda y, x, z: np.log(x) * x**z,
    domain=Domain(_PAIR, special=((1.0, 1.0), (2.0, 0.0), (1.0, 3.0))),
)


# Box and Cox: all of them are log(x) * exprel(lambda * log(x)), which has no special case at 0.
boxcox = special(
    "boxcox",
    lambda y, x, power: x ** (power - 1.0),
    lambda y, x, power: np.log(x) ** 2 * slope_of_exprel(power * np.log(x)),
    domain=Domain(_PAIR, special=((2.0, 0.0), (1.0, 1.0), (0.5, -1.0))),
)
boxcox1p = special(
    "boxcox1p",
    lambda y, x, power: (1.0 + x) ** (power - 1.0),
    lambda y, x, power: np.log1p(x) ** 2 * slope_of_exprel(power * np.log1p(x)),
    domain=Domain(_PAIR, special=((2.0, 0.0), (0.0, 1.0), (0.5, -1.0))),
)


def _log_of_inverse(y: Array, power: Array) -> Array:
    """Return log1p(power * y) / power, whose limit at 0 is y."""
    product = power * y
    is_small = np.abs(product) < 0.5
    small, large = np.where(is_small, product, 0.0), np.where(is_small, 1.0, product)
    one = np.ones_like(small)
    near = hyp2f1(one, one, 2.0 * one, -small)
    return y * np.where(is_small, near, np.log1p(large) / large)


def _slope_of_log(y: Array, power: Array) -> Array:
    """Return the derivative of log1p(power * y) / power by the power."""
    product = power * y
    is_small = np.abs(product) < 0.5
    small, large = np.where(is_small, product, 0.0), np.where(is_small, 1.0, product)
    two = np.full_like(small, 2.0)
    near = -0.5 * hyp2f1(two, two, two + 1.0, -small)
    far = (large / (1.0 + large) - np.log1p(large)) / (large * large)
    return y * y * np.where(is_small, near, far)


def _power_of_inverse(y: Array, power: Array) -> Array:
    return np.exp((1.0 - power) * _log_of_inverse(y, power))


_INVERSE = Domain(((0.5, 2.0), (0.2, 1.5)), special=((2.0, 0.0), (0.0, 1.0), (0.5, -1.0)))
inv_boxcox = special(
    "inv_boxcox",
    lambda out, y, power: _power_of_inverse(y, power),
    lambda out, y, power: np.exp(_log_of_inverse(y, power)) * _slope_of_log(y, power),
    domain=_INVERSE,
)
inv_boxcox1p = special(
    "inv_boxcox1p",
    lambda out, y, power: _power_of_inverse(y, power),
    lambda out, y, power: np.exp(_log_of_inverse(y, power)) * _slope_of_log(y, power),
    domain=_INVERSE,
)

# Angles in degrees, and small ones.
_DEGREE = math.pi / 180.0
_ANGLE = Domain(((-80.0, 80.0),), special=((0.0,), (30.0,), (-100.0,)))
sindg: Special = special("sindg", lambda y, x: _DEGREE * cosdg(x), domain=_ANGLE)
cosdg: Special = special("cosdg", lambda y, x: -_DEGREE * sindg(x), domain=_ANGLE)
tandg = special("tandg", lambda y, x: _DEGREE * (1.0 + y * y), domain=_ANGLE)
cotdg = special(
    "cotdg",
    lambda y, x: -_DEGREE * (1.0 + y * y),
    domain=Domain(((20.0, 80.0),), special=((30.0,), (-100.0,))),
)
cosm1 = special(
    "cosm1",
    lambda y, x: -np.sin(x),
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (1e-6,), (30.0,))),
)
round_half_even = special("round", domain=Domain(((0.1, 0.4),), smooth=False))
radian = special(
    "radian",
    lambda y, d, m, s: _DEGREE,
    lambda y, d, m, s: _DEGREE / 60.0,
    lambda y, d, m, s: _DEGREE / 3600.0,
    domain=Domain(((-80.0, 80.0), (0.0, 60.0), (0.0, 60.0)), special=((0.0, 0.0, 0.0),)),
)

ROWS = rows_of(vars())

"""Incomplete gamma and beta functions, and their derivatives by all arguments.

The derivatives by the shapes are integrals of the density times the slope of its logarithm. They
are taken over that tail where the slope has one sign, so that nothing cancels, by Gauss and
Legendre's rule from the argument to where the density has become negligible.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.gamma import betaln, gammaln, psi
from steepest.ops.elementwise.special.logarithms import xlog1py, xlogy
from steepest.ops.elementwise.special.quadrature import column, constant, cutoff, gauss
from steepest.ops.elementwise.special.rows import rows_of, special
from steepest.ops.row import Domain

_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
_MANY = 15.0


def log_density(a: Array, x: Array) -> Array:
    """Return (a - 1) * log(x) - x - gammaln(a), for large a without cancellation (Loader 2000)."""
    is_large = a > _MANY
    large, small = np.where(is_large, a, _MANY), np.where(is_large, 1.0, a)
    square, error = 1.0 / (large * large), 0.0 * large
    for coefficient in _STIRLING[::-1]:
        error = error * square + coefficient
    safe = np.where(is_large, x, large)
    ratio = safe / large
    excess = (safe - large) / large
    deviance = large * (excess - np.log1p(np.where(ratio > 0, excess, 0.0)))
    deviance = np.where(ratio > 0, deviance, np.inf)
    smooth = 0.5 * np.log(large / (2.0 * math.pi)) - np.log(safe) - error / large - deviance
    plain = np.where(is_large, 1.0, x)
    return np.where(is_large, smooth, xlogy(small - 1.0, plain) - plain - gammaln(small))


def gamma_density(a: Array, x: Array) -> Array:
    """Return the derivative of gammainc by x."""
    return np.where(x < 0, np.nan, np.exp(log_density(a, np.where(x < 0, 1.0, x))))


_UNIFORM, _UNIFORM_WEIGHTS = gauss(64)
_GRADED, _GRADED_WEIGHTS = gauss(64, 3)


def gamma_by_shape(a: Array, x: Array) -> Array:
    """Return the derivative of gammainc by a."""
    a, x = a + 0.0 * x, x + 0.0 * a
    is_inside = (x > 0) & (a > 0) & (x < np.inf)
    a, x = np.where(is_inside, a, 1.0), np.where(is_inside, x, 1.0)
    shape, place = constant(a, x)
    is_above = np.log(place) > psi(shape)
    sign = np.where(is_above, 1.0, -1.0)
    wide = np.sqrt(90.0 / place)
    length = cutoff(
        lambda s: place * np.expm1(sign * s) - sign * shape * s,
        lambda s: sign * (place * np.exp(sign * s) - shape),
        np.where(is_above, np.minimum(wide, np.log1p(90.0 / place)), wide),
    )
    sign, length, is_above = column(sign), column(length), column(is_above)
    nodes = np.where(is_above, _UNIFORM, _GRADED)
    weights = np.where(is_above, _UNIFORM_WEIGHTS, _GRADED_WEIGHTS)
    s, a_, x_ = sign * length * nodes, column(a), column(x)
    integrand = np.exp(a_ * s - x_ * np.expm1(s)) * (np.log(x_) + s - psi(a_))
    total = np.sum(integrand * (-sign * weights * length), axis=-1)
    slope = x * gamma_density(a, x) * np.reshape(total, np.shape(x))
    return np.where(is_inside, slope, 0.0)


_SHAPES = Domain(((0.5, 3.0), (0.5, 3.0)), special=((1.0, 1.0), (0.5, 2.0), (20.0, 18.0)))
gammainc = special(
    "gammainc",
    lambda y, a, x: gamma_by_shape(a, x),
    lambda y, a, x: gamma_density(a, x),
    domain=_SHAPES,
)
gammaincc = special(
    "gammaincc",
    lambda y, a, x: -gamma_by_shape(a, x),
    lambda y, a, x: -gamma_density(a, x),
    domain=_SHAPES,
)
_QUANTILES = Domain(((0.5, 3.0), (0.2, 0.8)), special=((1.0, 0.5), (0.5, 0.9), (20.0, 0.1)))
gammaincinv = special(
    "gammaincinv",
    lambda x, a, p: -gamma_by_shape(a, x) / gamma_density(a, x),
    lambda x, a, p: 1.0 / gamma_density(a, x),
    domain=_QUANTILES,
)
gammainccinv = special(
    "gammainccinv",
    lambda x, a, p: -gamma_by_shape(a, x) / gamma_density(a, x),
    lambda x, a, p: -1.0 / gamma_density(a, x),
    domain=_QUANTILES,
)


def beta_density(a: Array, b: Array, x: Array, rest: Any = None) -> Array:
    """Return the derivative of betainc by x; `rest` is 1 - x where that is known exactly."""
    is_inside = (x >= 0) & (x <= 1)
    x = np.where(is_inside, x, 0.5)
    if rest is None:
        log = xlog1py(b - 1.0, -x)
    else:
        log = xlogy(b - 1.0, np.where(is_inside, rest, 0.5))
    density = np.exp(xlogy(a - 1.0, x) + log - betaln(a, b))
    return np.where(is_inside, density, np.nan)


_UP_TO_BEND, _WEIGHTS_TO_BEND = gauss(40)
_BEYOND, _WEIGHTS_BEYOND = gauss(56, 4)


def beta_by_shape(a: Array, b: Array, x: Array, rest: Any = None, of_first: bool = True) -> Array:
    """Return the derivative of betainc by a, or by b."""
    rest = 1.0 - x if rest is None else rest
    nothing = 0.0 * a + 0.0 * b + 0.0 * x
    is_inside = (x > 0) & (rest > 0) & (a > 0) & (b > 0) & (nothing == 0)
    a, b = np.where(is_inside, a, 1.0), np.where(is_inside, b, 1.0)
    x, rest = np.where(is_inside, x, 0.5), np.where(is_inside, rest, 0.5)
    log = np.log(x) if of_first else np.log(rest)
    mean = (psi(a) if of_first else psi(b)) - psi(a + b)
    level, middle = constant(log, mean)
    is_below = (level < middle) == of_first
    # The tail below x, or in 1 - x that above it: where log(near / (1 - near)) falls by s, near
    # falls by the factor exp(-s - fall), and far rises by exp(-fall).
    powers = np.where(is_below, a, b), np.where(is_below, b, a)
    near, far = np.where(is_below, x, rest), np.where(is_below, rest, x)
    place, rest_of_place, power, both = constant(near, far, powers[0], a + b)

    def fall(s: Array, near: Array, far: Array) -> Array:
        is_short = s < 1.0
        short = np.log1p(near * np.expm1(-np.where(is_short, s, 0.0)))
        return np.where(is_short, short, np.log(far + near * np.exp(-np.where(is_short, 1.0, s))))

    def slope(s: Array) -> Array:
        left = place * np.exp(-s)
        return power - both * left / (rest_of_place + left)

    length = cutoff(
        lambda s: power * s + both * fall(s, place, rest_of_place),
        slope,
        np.sqrt(90.0 / (both * place * rest_of_place)),
    )
    bend = np.clip(np.log(place / rest_of_place), 0.0, length)
    bend, tail = column(bend), column(length - bend)
    s = np.concatenate([bend * _UP_TO_BEND, bend + tail * _BEYOND], axis=-1)
    weights = np.concatenate([bend * _WEIGHTS_TO_BEND, tail * _WEIGHTS_BEYOND], axis=-1)
    falls = fall(s, column(near), column(far))
    moves = column(np.where(is_below == of_first, 1.0, 0.0))
    factor = column(log - mean) - moves * s - falls
    depth = column(powers[0]) * s + column(a + b) * falls
    total = np.sum(np.exp(-depth) * factor * weights, axis=-1)
    whole = x * rest * beta_density(a, b, x, rest) * np.reshape(total, np.shape(nothing))
    return np.where(is_inside, np.where(is_below, whole, -whole), 0.0)


_TRIPLES = Domain(
    ((0.5, 3.0), (0.5, 3.0), (0.2, 0.8)),
    special=((1.0, 1.0, 0.5), (0.5, 2.0, 0.1), (20.0, 10.0, 0.7)),
)
betainc = special(
    "betainc",
    lambda y, a, b, x: beta_by_shape(a, b, x),
    lambda y, a, b, x: beta_by_shape(a, b, x, of_first=False),
    lambda y, a, b, x: beta_density(a, b, x),
    domain=_TRIPLES,
)
betaincc = special(
    "betaincc",
    lambda y, a, b, x: -beta_by_shape(a, b, x),
    lambda y, a, b, x: -beta_by_shape(a, b, x, of_first=False),
    lambda y, a, b, x: -beta_density(a, b, x),
    domain=_TRIPLES,
)
betaincinv = special(
    "betaincinv",
    lambda x, a, b, p: -beta_by_shape(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, p: -beta_by_shape(a, b, x, of_first=False) / beta_density(a, b, x),
    lambda x, a, b, p: 1.0 / beta_density(a, b, x),
    domain=_TRIPLES,
)
betainccinv = special(
    "betainccinv",
    lambda x, a, b, p: -beta_by_shape(a, b, x) / beta_density(a, b, x),
    lambda x, a, b, p: -beta_by_shape(a, b, x, of_first=False) / beta_density(a, b, x),
    lambda x, a, b, p: -1.0 / beta_density(a, b, x),
    domain=_TRIPLES,
)

ROWS = rows_of(vars())

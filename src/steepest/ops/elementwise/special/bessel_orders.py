"""Slopes of modified Bessel functions by their order."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.gamma import gammaln, psi
from steepest.ops.elementwise.special.means import density, mean, ranks
from steepest.ops.elementwise.special.quadrature import DEPTH, column, constant

_NODES = (np.arange(128) + 0.5) / 128


def slope_of_kv(v: Array, x: Array, scaled: bool) -> Array:
    """Return the derivative of kv or kve by the order.

    It is the integral of t * sinh(v * t) * exp(-x * cosh(t)) over t > 0 (DLMF 10.32.9), by the
    midpoint rule from where the integrand begins to where it ends. The integrand is
    analytic in a strip, so the rule converges exponentially.
    """
    sign = np.where(v < 0, -1.0, 1.0)  # of an odd function, which is smooth at 0
    x = x + 0.0 * v
    order = sign * v + 0.0 * x
    place, argument = constant(order, x)
    size = np.hypot(place, argument)
    middle = np.arcsinh(place / argument)
    end = middle + np.arccosh(1.0 + DEPTH / size)
    start = np.maximum(0.0, middle - 1.0 - DEPTH / np.maximum(place, 1e-3))
    step = column((end - start) / 128.0)
    t = column(start) + column(end - start) * _NODES
    top = place * middle - argument * (np.cosh(middle) - 1.0)
    rise = column(order) * t - column(x) * (np.cosh(t) - 1.0)
    odd = -0.5 * np.expm1(-2.0 * column(order) * t)
    total = np.sum(t * odd * np.exp(rise - column(top)) * step, axis=-1)
    total = np.reshape(total, np.shape(order))
    factor = np.exp(top if scaled else top - x)
    return np.where(x > 1e-14, sign * factor * total, np.nan)


def slope_of_iv(y: Array, v: Array, x: Array, kv: Callable[..., Array], scaled: bool) -> Array:
    """Return the derivative of iv or ive by the order: a mean over the power series.

    Orders far below 0 are mirrored by `kv`, which is kve where iv is scaled (DLMF 10.27.2).
    """
    v, x = v + 0.0 * x, x + 0.0 * v
    is_positive, is_below = x > 0, v < -0.5
    order = np.where(is_positive, np.where(is_below, -v, v), 0.0)
    size = np.where(is_positive, x, 1.0)
    place, argument = constant(order, size)
    mode = 0.5 * (np.hypot(argument, place) - place)
    k, step = ranks(mode, 1.0 / np.sqrt(1.0 / (mode + 0.5) + 1.0 / (mode + place + 1.0)))
    half, ends = 0.5 * size, k + column(order) + 1.0
    mass = density(2.0 * k * np.log(column(half)) - gammaln(k + 1.0) - gammaln(ends), step)
    relative = np.log(half) - mean(mass, psi(ends), x)
    # I of -u is I of u, plus 2 / pi * sin(u * pi) times K of u.
    u, z = np.where(is_below, order, 1.0), np.where(is_below, size, 1.0)
    decay = np.exp(-2.0 * z) if scaled else 1.0
    sine, second = np.sin(math.pi * u) * (2.0 / math.pi) * decay, kv(u, z)
    added = 2.0 * decay * np.cos(math.pi * u) * second + sine * slope_of_kv(u, z, scaled)
    mirrored = -((y - sine * second) * relative + added)
    slope = np.where(is_below, mirrored, y * relative)
    return np.where(is_positive, slope, np.where((x == 0) & (v > 0), 0.0, np.nan))

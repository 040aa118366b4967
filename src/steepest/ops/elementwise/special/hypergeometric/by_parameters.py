"""Slopes of hypergeometric functions by their parameters.

Where a function is an integral or a series of positive terms, the slope of its logarithm is a
mean over the terms. Elsewhere its power series is differentiated term by term, as far as that
keeps its digits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.gamma import gammaln, psi
from steepest.ops.elementwise.special.means import density, line, mean, ranks
from steepest.ops.elementwise.special.quadrature import column, constant, together

_TERMS = np.arange(400.0)
_NEAR = 0.9
"""Up to where the power series of 2F1 is summed."""
_SLOW = 0.05
"""How slowly Euler's integral may fall off where the series would do as well."""
_RISE, _FALL = 30.0, 5.0
"""Up to where that of 1F1 is, to the right and to the left, where its terms cancel."""
_ROUND = 60.0
"""The same for 0F1, in either direction."""


def _log1p_exp(u: Array) -> Array:
    return np.logaddexp(0.0, u)


def _positive_root(square: Array, linear: Array, constant_term: Array) -> Array:
    """Return the positive root of a quadratic whose outer coefficients differ in sign."""
    root = np.sqrt(linear * linear - 4.0 * square * constant_term)
    stable = -0.5 * (linear + np.where(linear < 0, -root, root))
    first = stable / np.where(square == 0, 1.0, square)
    second = constant_term / np.where(stable == 0, 1.0, stable)
    return np.where((first > 0) & (square != 0), first, second)


def _scale(curvature: Array) -> Array:
    """Return the width of a bell; of a plateau, not more than keeps its edges in sight."""
    return 1.0 / np.sqrt(np.maximum(curvature, 1.0 / 9.0))


# 2F1: Euler's integral over t between 0 and 1, with u = log(t / (1 - t)).


def _means_of_2f1(a: Array, b: Array, c: Array, x: Array) -> tuple[Array, Array, Array]:
    """Return the slopes of the logarithm by a, b and c, for c > b > 0 and x < 1."""
    rest = 1.0 - x
    p, q, r, s = constant(a, b, c, rest)
    odds = _positive_root(-s * (r - q), q * (1.0 + s) - r + p * (1.0 - s), q)
    share, other = odds / (1.0 + odds), s * odds / (1.0 + s * odds)
    curvature = (r - p) * share * (1.0 - share) + p * other * (1.0 - other)
    u, weights = line(np.log(odds), _scale(curvature))
    a_, b_, c_, rest_ = map(column, (a, b, c, rest))
    above, beyond = _log1p_exp(u), _log1p_exp(u + np.log(rest_))
    mass = density(b_ * u - (c_ - a_) * above - a_ * beyond, weights)
    by_a = mean(mass, above - beyond, x)
    by_b = mean(mass, u, x) - psi(b) + psi(c - b)
    by_c = psi(c) - psi(c - b) - mean(mass, above, x)
    return by_a, by_b, by_c


class _Rising(NamedTuple):
    """The products of the first factors ``start + k``, and what their slopes are made of.

    A factor that is 0 at a whole number is kept apart, because its inverse is infinite: a
    product is ``rest * apart``, and its slope ``rest * (apart * sums + is_apart)``.
    """

    log: Array
    sign: Array
    apart: Array
    sums: Array
    is_apart: Array

    @property
    def slope(self) -> Array:
        """The slope divided by the product of the other factors."""
        return self.apart * self.sums + self.is_apart


def _rising(start: Array, count: int) -> _Rising:
    factors = start + _TERMS[: count - 1]
    is_zero = factors == 0
    others = np.where(is_zero, 1.0, factors)
    is_odd = np.remainder(_sums(np.where(others < 0, 1.0, 0.0)), 2.0)
    return _Rising(
        _sums(np.log(np.abs(others))),
        1.0 - 2.0 * is_odd,
        1.0 + _sums(np.where(is_zero, factors - 1.0, 0.0)),
        _sums(np.where(is_zero, 0.0, 1.0 / others)),
        _sums(np.where(is_zero, 1.0, 0.0)),
    )


def _sums(x: Array) -> Array:
    """Return the sums of no, one, two... elements."""
    return np.concatenate([np.zeros_like(x[..., :1]), np.cumsum(x, axis=-1)], axis=-1)


_LOG_FACTORIALS = np.concatenate([[0.0], np.cumsum(np.log(_TERMS[1:]))])


def _with_powers(log: Array, x: Array) -> Array:
    """Return the terms ``exp(log) * x**k``, whose two factors may over- and underflow."""
    (size,) = constant(column(np.where(x == 0, 1e-3, np.abs(x))))
    k = _TERMS[: np.shape(log)[-1]]
    return np.exp(log + k * np.log(size)) * np.power(column(x) / size, k)


def _series_of_2f1(a: Array, b: Array, c: Array, x: Array) -> tuple[Array, Array, Array, Array]:
    """Return the power series and its slopes, for -0.9 < x < 0.9."""
    first, second, third = (_rising(column(v), _TERMS.size) for v in (a, b, c))
    log = first.log + second.log - third.log - _LOG_FACTORIALS
    sign = first.sign * second.sign * third.sign
    rest = sign * _with_powers(log, x)
    total = np.sum(rest * first.apart * second.apart, axis=-1)
    by_a = np.sum(rest * second.apart * first.slope, axis=-1)
    by_b = np.sum(rest * first.apart * second.slope, axis=-1)
    by_c = -np.sum(rest * first.apart * second.apart * third.sums, axis=-1)
    return total, by_a, by_b, by_c


def slope_of_2f1(y: Array, a: Array, b: Array, c: Array, x: Array, operand: int) -> Array:
    """Return the derivative of hyp2f1 by a, b or c."""
    a, b, c, x = together(a, b, c, x)
    shape = np.shape(x)
    can_sum = np.abs(np.where(x < -0.5, x / (x - 1.0), x)) < _NEAR
    slowest = np.where(can_sum, _SLOW, 0.0)
    is_direct = (b > slowest) & (c - b > slowest) & (x < 1)
    is_swapped = (a > slowest) & (c - a > slowest) & (x < 1)
    is_integral = is_direct | is_swapped
    first = np.where(is_direct, a, np.where(is_swapped, b, 1.0))
    second = np.where(is_direct, b, np.where(is_swapped, a, 1.0))
    third, place = np.where(is_integral, c, 2.0), np.where(is_integral, x, 0.0)
    by_first, by_second, by_third = _means_of_2f1(first, second, third, place)
    by_mean = (
        np.where(is_direct, by_first, by_second),
        np.where(is_direct, by_second, by_first),
        by_third,
    )[operand]
    # Pfaff's transformation: (1 - x)**-a times the function of (a, c - b, c, x / (x - 1)).
    is_left = x < -0.5
    moved = np.where(is_left, x / (x - 1.0), x)
    can_sum = can_sum & ~is_integral
    moved, log = np.where(can_sum, moved, 0.0), np.where(is_left, np.log1p(-x * is_left), 0.0)
    p, q, r = (np.where(can_sum, v, 1.5) for v in (a, np.where(is_left, c - b, b), c))
    found = _series_of_2f1(p, q, r, moved)
    total, by_a, by_b, by_c = (np.reshape(v, shape) for v in found)
    summed = (
        np.where(is_left, by_a - log * total, by_a),
        np.where(is_left, -by_b, by_b),
        np.where(is_left, by_b + by_c, by_c),
    )[operand] * np.where(is_left, np.exp(-p * log), 1.0)
    return np.where(is_integral, y * by_mean, np.where(can_sum, summed, np.nan))


# 1F1: a series of positive terms for positive a, b and x; by Kummer's transformation for
# negative x and b > a.


def mode_of_1f1(a: Array, b: Array, x: Array) -> Array:
    """Return the rank of the largest term of the series of 1F1, as a constant."""
    p, q, z = constant(a, b, x)
    linear = q + 1.0 - z
    root = np.sqrt(np.maximum(linear * linear - 4.0 * (q - z * p), 0.0))
    falling = 2.0 * (z * p - q) / np.maximum(root + linear, 1e-300)
    return np.maximum(np.where(linear < 0, 0.5 * (root - linear), falling), 0.0)


def _means_of_1f1(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    """Return the slopes of the logarithm by a and b, for positive a, b and x."""
    mode = mode_of_1f1(a, b, x)
    k, step = ranks(mode, np.sqrt(mode))
    a_, b_, x_ = column(a), column(b), column(x)
    log = gammaln(a_ + k) - gammaln(b_ + k) - gammaln(k + 1.0) + k * np.log(x_)
    mass = density(log, step)
    return mean(mass, psi(a_ + k), x) - psi(a), psi(b) - mean(mass, psi(b_ + k), x)


def _series_of_1f1(a: Array, b: Array, x: Array) -> tuple[Array, Array]:
    count = 120
    first, second = _rising(column(a), count), _rising(column(b), count)
    log = first.log - second.log - _LOG_FACTORIALS[:count]
    rest = first.sign * second.sign * _with_powers(log, x)
    by_b = -np.sum(rest * first.apart * second.sums, axis=-1)
    return np.sum(rest * first.slope, axis=-1), by_b


def slope_of_1f1(y: Array, a: Array, b: Array, x: Array, operand: int) -> Array:
    """Return the derivative of hyp1f1 by a or b."""
    a, b, x = together(a, b, x)
    shape = np.shape(x)
    is_right, is_left = (x > 0) & (a > 0) & (b > 0), (x < 0) & (b > 0) & (b > a)
    is_positive = is_right | is_left
    start = np.where(is_positive, np.where(is_left, b - a, a), 1.0)
    end, size = np.where(is_positive, b, 1.0), np.where(is_positive, np.abs(x), 1.0)
    by_a, by_b = _means_of_1f1(start, end, size)
    by_mean = (np.where(is_left, -by_a, by_a), np.where(is_left, by_a + by_b, by_b))[operand]
    can_sum, is_turned = ~is_positive & (np.abs(x) < _RISE), x < -_FALL
    size = np.where(can_sum, np.where(is_turned, -x, x), 0.0)
    start = np.where(can_sum, np.where(is_turned, b - a, a), 1.5)
    found = _series_of_1f1(start, np.where(can_sum, b, 2.5), size)
    by_a, by_b = (np.reshape(slope, shape) for slope in found)
    turned = np.exp(-size) * (-by_a if operand == 0 else by_a + by_b)
    summed = np.where(is_turned, turned, (by_a, by_b)[operand])
    return np.where(is_positive, y * by_mean, np.where(can_sum, summed, np.nan))


def slope_of_0f1(y: Array, b: Array, x: Array) -> Array:
    """Return the derivative of hyp0f1 by b."""
    b, x = together(b, x)
    is_positive = (x > 0) & (b > 0)
    end, size = np.where(is_positive, b, 1.0), np.where(is_positive, x, 1.0)
    q, z = constant(end, size)
    mode = 0.5 * (np.sqrt((q - 1.0) ** 2 + 4.0 * z) - q + 1.0)
    mode = np.maximum(mode - 1.0, 0.0)
    k, step = ranks(mode, 1.0 / np.sqrt(1.0 / (mode + 0.5) + 1.0 / (mode + q)))
    log = k * np.log(column(size)) - gammaln(k + 1.0) - gammaln(column(end) + k)
    by_mean = psi(end) - mean(density(log, step), psi(column(end) + k), x)
    can_sum = ~is_positive & (np.abs(x) < _ROUND)
    return np.where(
        is_positive, y * by_mean, np.where(can_sum, _sum_of_0f1(b, x, can_sum), np.nan)
    )


def _sum_of_0f1(b: Array, x: Array, can_sum: Array) -> Array:
    count = 80
    place = np.where(can_sum, x, 0.0)
    rising = _rising(column(np.where(can_sum, b, 1.5)), count)
    powers = _with_powers(-rising.log - _LOG_FACTORIALS[:count], place)
    terms = rising.sign * powers * rising.sums
    return np.reshape(-np.sum(terms, axis=-1), np.shape(x))


# U: an integral over t > 0, with u = log(t).


def slope_of_u(y: Array, a: Array, b: Array, x: Array, operand: int) -> Array:
    """Return the derivative of hyperu by a, b or x, for a > 0 and x > 0."""
    a, b, x = together(a, b, x)
    is_positive = (a > 0) & (x > 0)
    a, x, b = (np.where(is_positive, v, 1.0) for v in (a, x, b))
    p, q, z = constant(a, b, x)
    t = _positive_root(-z, q - 1.0 - z, p)
    share = t / (1.0 + t)
    curvature = z * t - (q - p - 1.0) * share * (1.0 - share)
    u, weights = line(np.log(t), _scale(curvature))
    t, above = np.exp(np.minimum(u, 150.0)), _log1p_exp(u)
    log = column(a) * u - column(x) * t
    mass = density(log + (column(b) - column(a) - 1.0) * above, weights)
    values = (u - above, above, -t)[operand]
    slope = mean(mass, values, x) - (psi(a) if operand == 0 else 0.0)
    return np.where(is_positive, y * slope, np.nan)

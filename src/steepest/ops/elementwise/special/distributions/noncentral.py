"""Noncentral distributions: chi-squared, F and Student's t.

Chi-squared and F are mixtures of central ones with the weights of a Poisson distribution;
Student's t is one of normal distributions.
"""

from __future__ import annotations

import math

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.bessel import ive
from steepest.ops.elementwise.special.distributions.rules import POSITIVE, Slope, domain, inverse
from steepest.ops.elementwise.special.error_functions import log_ndtr
from steepest.ops.elementwise.special.gamma import betaln, gammaln, psi, rgamma
from steepest.ops.elementwise.special.hypergeometric.by_parameters import mode_of_1f1
from steepest.ops.elementwise.special.incomplete import (
    beta_by_shape,
    betaincc,
    gamma_by_shape,
    gammainc,
    gammaincc,
)
from steepest.ops.elementwise.special.logarithms import xlogy
from steepest.ops.elementwise.special.means import (
    density,
    line,
    logarithm_of_sum,
    mean,
    ranks,
)
from steepest.ops.elementwise.special.quadrature import column, constant, together
from steepest.ops.elementwise.special.rows import Special, rows_of, special


def _poisson(k: Array, half: Array) -> Array:
    """Return the logarithm of Poisson's probabilities."""
    return xlogy(k, column(half)) - column(half) - gammaln(k + 1.0)


def _around(mode: Array) -> tuple[Array, Array]:
    """Return ranks around that of the largest term, and what they stand for."""
    return ranks(mode, np.sqrt(mode))


# Chi-squared.


def _chi_density(y: Array, x: Array, df: Array, nc: Array) -> Array:
    """Return the slope of noncentral chi-squared by x.

    It is a difference of the function at neighboring degrees of freedom. For two of them or
    fewer, where there is no neighbor below, it is the density by a Bessel function.
    """
    has_neighbor = df > 2
    below = np.where(has_neighbor, df - 2.0, df)
    difference = 0.5 * (chndtr(x, below, nc) - y)
    order = np.where(has_neighbor, 0.0, 0.5 * df - 1.0)
    is_central = nc <= 0
    center, inside = np.where(is_central, 1.0, nc), np.where(x > 0, x, 1.0)
    roots = np.sqrt(inside) - np.sqrt(center)
    decay = np.exp(-0.5 * roots * roots) * (inside / center) ** (0.5 * order)
    noncentral = 0.5 * decay * ive(order, np.sqrt(inside * center))
    central = 0.5 * np.exp(-0.5 * inside) * (0.5 * inside) ** order * rgamma(order + 1.0)
    density = np.where(is_central, central, noncentral)
    density = np.where(x > 0, density, np.where(x < 0, 0.0, np.nan))
    return np.where(has_neighbor, difference, density)


def _chi_by_freedom(x: Array, df: Array, nc: Array) -> Array:
    """Return the derivative by the degrees of freedom.

    Summed by parts, the function is the sum of ``g(i) * C(i)``, where g are the terms of the
    series of gammainc, and C is Poisson's distribution function. In the upper half, 1 less it
    is gammaincc and the sum of ``g(i) * (1 - C(i))``, in which nothing cancels there.
    """
    x, df, nc = together(x, df, nc)
    is_inside = (x > 0) & (df > 0) & (nc >= 0)
    a, y, half = (
        np.where(is_inside, 0.5 * v, v_outside)
        for v, v_outside in ((df, 1.0), (x, 1.0), (nc, 0.0))
    )
    shape, place, center = constant(a, y, half)
    peak, top = place - shape, 0.5 * (np.hypot(shape, 2.0 * np.sqrt(center * place)) - shape)
    is_lower = peak < center
    mode = np.where(is_lower, np.maximum(peak, top), np.minimum(peak, top))
    i, step = _around(np.maximum(mode, 0.0))
    ends = column(a) + i + 1.0
    terms = np.exp((ends - 1.0) * np.log(column(y)) - column(y) - gammaln(ends)) * step
    ranks_after, mean_rank = i + 1.0, column(half) + 0.0 * i
    chances = np.where(
        column(is_lower), gammaincc(ranks_after, mean_rank), -gammainc(ranks_after, mean_rank)
    )
    total = np.sum(terms * chances * (np.log(column(y)) - psi(ends)), axis=-1)
    total = np.reshape(total, np.shape(x))
    central = np.where(is_lower, 0.0, gamma_by_shape(a, y))
    return np.where(is_inside, 0.5 * (total + central), 0.0)


def upper_part_of_chi(x: Array, df: Array, nc: Array) -> Array:
    """Return the probability that noncentral chi-squared is above a number."""
    x, df, nc = together(x, df, nc)
    half, shape, place = constant(0.5 * nc, 0.5 * df, 0.5 * x)
    top = 0.5 * (np.hypot(shape, 2.0 * np.sqrt(half * place)) - shape)  # of the density
    k, step = _around(np.maximum(half, top))
    parts = gammaincc(column(0.5 * df) + k, column(0.5 * x) + 0.0 * k)
    total = np.sum(np.exp(_poisson(k, 0.5 * nc)) * step * parts, axis=-1)
    return np.reshape(total, np.shape(x))


_CHI: tuple[Slope, ...] = (
    lambda x, df, nc: _chi_density(chndtr(x, df, nc), x, df, nc),
    _chi_by_freedom,
    lambda x, df, nc: 0.5 * (chndtr(x, df + 2.0, nc) - chndtr(x, df, nc)),
)
chndtr: Special = special(
    "chndtr",
    _chi_density,
    lambda y, x, df, nc: _chi_by_freedom(x, df, nc),
    lambda y, x, df, nc: 0.5 * (chndtr(x, df + 2.0, nc) - chndtr(x, df, nc)),
    domain=domain(
        (2.0, 5.0), (9.0, 12.0), (0.5, 2.0), special=((9.0, 10.0, 1.0), (2.5, 2.0, 1.5))
    ),
)
chndtrix = inverse(
    "chndtrix", _CHI, 0, 0,
    domain((0.2, 0.8), (3.0, 5.0), (0.5, 2.0), special=((0.4, 4.0, 1.0),)),
)  # fmt: skip
chndtridf = inverse(
    "chndtridf", _CHI, 1, 1,
    domain((4.0, 5.0), (0.4, 0.6), (0.5, 2.0), special=((4.5, 0.5, 1.0),)), ends=POSITIVE
)  # fmt: skip
chndtrinc = inverse(
    "chndtrinc", _CHI, 2, 2,
    domain((4.0, 5.0), (2.0, 3.0), (0.4, 0.6), special=((4.5, 2.5, 0.5),)), ends=POSITIVE
)  # fmt: skip

# F.


def _parts_of_f(x: Array, n: Array, d: Array) -> tuple[Array, Array]:
    total = n * x + d
    return n * x / total, d / total


def log_density_of_f(x: Array, n: Array, d: Array, nc: Array) -> Array:
    """Return the logarithm of the density of the noncentral F distribution, for x >= 0."""
    x, n, d, nc = together(x, n, d, nc)
    share, rest = _parts_of_f(x, n, d)
    half, a, b = 0.5 * nc, 0.5 * n, 0.5 * d
    k, step = _around(mode_of_1f1(a + b, a, half * share))
    powers = xlogy(k, column(share)) - betaln(column(a) + k, column(b) + 0.0 * k)
    total = np.reshape(logarithm_of_sum(_poisson(k, half) + powers, step), np.shape(x))
    return total + a * np.log(n / (n * x + d)) + xlogy(a - 1.0, x) + b * np.log(rest)


def upper_part_of_f(x: Array, n: Array, d: Array, nc: Array) -> Array:
    """Return the probability that the noncentral F distribution is above a number."""
    x, n, d, nc = together(x, n, d, nc)
    share, _ = _parts_of_f(x, n, d)
    half = 0.5 * nc
    k, step = _around(np.maximum(half, mode_of_1f1(0.5 * (n + d), 0.5 * n, half * share)))
    parts = betaincc(column(0.5 * n) + k, column(0.5 * d) + 0.0 * k, column(share) + 0.0 * k)
    return np.reshape(np.sum(np.exp(_poisson(k, half)) * step * parts, axis=-1), np.shape(x))


def _f_by_freedom(n: Array, d: Array, nc: Array, x: Array, of_first: bool) -> Array:
    n, d, nc, x = together(n, d, nc, x)
    is_inside = (x > 0) & (n > 0) & (d > 0) & (nc >= 0)
    n, d, x = (np.where(is_inside, v, 1.0) for v in (n, d, x))
    half = np.where(is_inside, 0.5 * nc, 0.0)
    share, rest = _parts_of_f(x, n, d)
    k, step = _around(np.minimum(half, mode_of_1f1(0.5 * (n + d), 0.5 * n, half * share)))
    a, b, y, z = (column(v) + 0.0 * k for v in (0.5 * n, 0.5 * d, share, rest))
    slopes = beta_by_shape(a + k, b, y, z, of_first)
    total = np.reshape(np.sum(np.exp(_poisson(k, half)) * step * slopes, axis=-1), np.shape(x))
    moved = np.exp(log_density_of_f(x, n, d, 2.0 * half)) * x
    slope = 0.5 * total + (moved / n if of_first else -moved / d)
    return np.where(is_inside, slope, 0.0)


def _f_by_noncentrality(n: Array, d: Array, nc: Array, x: Array) -> Array:
    n, d, nc, x = together(n, d, nc, x)
    is_inside = (x > 0) & (n > 0) & (d > 0) & (nc >= 0)
    n, d, x = (np.where(is_inside, v, 1.0) for v in (n, d, x))
    half = np.where(is_inside, 0.5 * nc, 0.0)
    share, rest = _parts_of_f(x, n, d)
    a, b = 0.5 * n, 0.5 * d
    k, step = _around(mode_of_1f1(a + b, a + 1.0, half * share))
    ends = column(a) + k
    log = _poisson(k, half) + ends * np.log(column(share)) + column(b * np.log(rest))
    log = log - betaln(ends, column(b) + 0.0 * k) - np.log(ends)
    total = np.exp(np.reshape(logarithm_of_sum(log, step), np.shape(x)))
    return np.where(is_inside, -0.5 * total, 0.0)


def _f_density(n: Array, d: Array, nc: Array, x: Array) -> Array:
    is_inside = x > 0
    value = np.exp(log_density_of_f(np.where(is_inside, x, 1.0), n, d, nc))
    return np.where(is_inside, value, 0.0)


_F: tuple[Slope, ...] = (
    lambda n, d, nc, x: _f_by_freedom(n, d, nc, x, of_first=True),
    lambda n, d, nc, x: _f_by_freedom(n, d, nc, x, of_first=False),
    _f_by_noncentrality,
    _f_density,
)


def _of_function(slopes: tuple[Slope, ...]) -> list[Slope]:
    """Return slopes as those of a row, which are given the value too."""
    return [lambda y, *operands, slope=slope: slope(*operands) for slope in slopes]


ncfdtr = special(
    "ncfdtr",
    *_of_function(_F),
    domain=domain(
        (3.0, 5.0), (4.0, 6.0), (0.5, 2.0), (0.5, 2.0), special=((4.0, 5.0, 1.0, 1.0),)
    ),
)  # fmt: skip
ncfdtri = inverse(
    "ncfdtri", _F, 3, 3,
    domain((3.0, 5.0), (4.0, 6.0), (0.5, 2.0), (0.3, 0.7), special=((4.0, 5.0, 1.0, 0.5),)),
)  # fmt: skip

# Student's t. The root of chi-squared by its degrees of freedom is exp(u).


_FARTHEST = 70.0
"""Beyond this the densities are 0; powers of exp(u), as in higher slopes, do not overflow."""


def _nodes_of_t(t: Array, v: Array, nc: Array) -> tuple[Array, Array]:
    place, freedom, center = constant(t, v, nc)
    square, linear = place * place + freedom, center * place
    root = 0.5 * (np.hypot(linear, 2.0 * np.sqrt(square * (freedom + 1.0))) + np.abs(linear))
    s = np.where(linear > 0, root / square, (freedom + 1.0) / root)
    return line(np.log(s), 1.0 / np.sqrt(2.0 * square * s * s - linear * s))


def _log_norm_of_t(v: Array) -> Array:
    half = 0.5 * v
    return math.log(2.0) + half * np.log(half) - gammaln(half)


def log_density_of_t(t: Array, v: Array, nc: Array) -> Array:
    """Return the logarithm of the density of the noncentral t distribution."""
    t, v, nc = together(t, v, nc)
    u, weights = _nodes_of_t(t, v, nc)
    s, freedom = np.exp(np.minimum(u, _FARTHEST)), column(v)
    gaps = column(t) * s - column(nc)
    log = -0.5 * gaps * gaps + (freedom + 1.0) * u - 0.5 * freedom * s * s
    total = np.reshape(logarithm_of_sum(log, weights), np.shape(t))
    return total + _log_norm_of_t(v) - 0.5 * math.log(2.0 * math.pi)


def _log_part_of_t(
    t: Array, v: Array, nc: Array, sign: Array
) -> tuple[Array, Array, Array, Array]:
    """Return the logarithm of a probability under its integral, and nodes and weights."""
    u, weights = _nodes_of_t(t, v, nc)
    s, freedom = np.exp(np.minimum(u, _FARTHEST)), column(v)
    below = log_ndtr(column(sign) * (column(t) * s - column(nc)))
    return below + freedom * u - 0.5 * freedom * s * s, weights, u, s


def upper_part_of_t(t: Array, v: Array, nc: Array) -> Array:
    """Return the probability that the noncentral t distribution is above a number."""
    t, v, nc = together(t, v, nc)
    log, weights, _, _ = _log_part_of_t(t, v, nc, -np.ones_like(t))
    total = np.reshape(logarithm_of_sum(log, weights), np.shape(t))
    return np.exp(total + _log_norm_of_t(v))


def _t_by_freedom(v: Array, nc: Array, t: Array) -> Array:
    v, nc, t = together(v, nc, t)
    is_inside = np.isfinite(t) & (v > 0)
    v, t = np.where(is_inside, v, 1.0), np.where(is_inside, t, 0.0)
    sign = np.where(t < nc, 1.0, -1.0)  # the smaller part
    log, weights, u, s = _log_part_of_t(t, v, nc, sign)
    part = np.reshape(logarithm_of_sum(log, weights), np.shape(t)) + _log_norm_of_t(v)
    moved = mean(density(log, weights), u - 0.5 * s * s, t)
    slope = moved + 0.5 * (np.log(0.5 * v) + 1.0 - psi(0.5 * v))
    return np.where(is_inside, sign * np.exp(part) * slope, 0.0)


def _t_by_noncentrality(v: Array, nc: Array, t: Array) -> Array:
    v, nc, t = together(v, nc, t)
    is_inside = np.isfinite(t) & (v > 0)
    v, t = np.where(is_inside, v, 1.0), np.where(is_inside, t, 0.0)
    u, weights = _nodes_of_t(t, v, nc)
    s, freedom = np.exp(np.minimum(u, _FARTHEST)), column(v)
    gaps = column(t) * s - column(nc)
    log = -0.5 * gaps * gaps + freedom * u - 0.5 * freedom * s * s
    total = np.reshape(logarithm_of_sum(log, weights), np.shape(t)) + _log_norm_of_t(v)
    return np.where(is_inside, -np.exp(total) / math.sqrt(2.0 * math.pi), 0.0)


def _t_density(v: Array, nc: Array, t: Array) -> Array:
    is_inside = np.isfinite(t)
    return np.where(is_inside, np.exp(log_density_of_t(np.where(is_inside, t, 0.0), v, nc)), 0.0)


_T: tuple[Slope, ...] = (_t_by_freedom, _t_by_noncentrality, _t_density)
nctdtr = special(
    "nctdtr",
    *_of_function(_T),
    domain=domain(
        (3.0, 6.0), (-1.0, 1.5), (-1.0, 2.0), special=((4.0, 0.5, 0.0), (8.0, 1.0, 2.5))
    ),
)
nctdtrit = inverse(
    "nctdtrit", _T, 2, 2,
    domain((3.0, 6.0), (-1.0, 1.5), (0.3, 0.7), special=((4.0, 0.5, 0.4),)),
)  # fmt: skip

ROWS = rows_of(vars())

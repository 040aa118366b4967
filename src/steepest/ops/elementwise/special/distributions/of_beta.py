"""Distribution functions that are incomplete beta functions: F, Student's t, binomial, beta."""

from __future__ import annotations

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import no_slope
from steepest.ops.elementwise.special.distributions.rules import (
    POSITIVE,
    Slope,
    distribution,
    domain,
    inverse,
)
from steepest.ops.elementwise.special.gamma import betaln, psi
from steepest.ops.elementwise.special.incomplete import beta_by_shape, beta_density
from steepest.ops.elementwise.special.quadrature import column, gauss
from steepest.ops.elementwise.special.rows import rows_of

_STEPS = "a step function of k; its derivative by n is not known: asking for it is refused"

# F: betainc(n / 2, d / 2, n * x / (n * x + d)).


def _parts_of_f(n: Array, d: Array, x: Array) -> tuple[Array, Array, Array]:
    total = n * x + d
    return total, n * x / total, d / total


def _f_by_numerator(n: Array, d: Array, x: Array) -> Array:
    total, share, rest = _parts_of_f(n, d, x)
    shift = beta_density(0.5 * n, 0.5 * d, share, rest) * x * rest / total
    return 0.5 * beta_by_shape(0.5 * n, 0.5 * d, share, rest) + shift


def _f_by_denominator(n: Array, d: Array, x: Array) -> Array:
    total, share, rest = _parts_of_f(n, d, x)
    shift = beta_density(0.5 * n, 0.5 * d, share, rest) * share / total
    return 0.5 * beta_by_shape(0.5 * n, 0.5 * d, share, rest, of_first=False) - shift


def _f_by_argument(n: Array, d: Array, x: Array) -> Array:
    total, share, rest = _parts_of_f(n, d, x)
    return beta_density(0.5 * n, 0.5 * d, share, rest) * n * rest / total


_F: tuple[Slope, ...] = (_f_by_numerator, _f_by_denominator, _f_by_argument)
_F_DOMAIN = domain((1.0, 5.0), (1.0, 5.0), (0.5, 2.0), special=((2.0, 3.0, 1.0),))
fdtr, fdtrc = distribution("fdtr", "fdtrc", _F, _F_DOMAIN)
fdtri = inverse(
    "fdtri", _F, 2, 2, domain((1.0, 5.0), (1.0, 5.0), (0.2, 0.8), special=((2.0, 3.0, 0.5),))
)
fdtridfd = inverse(
    "fdtridfd",
    _F,
    1,
    1,
    domain((2.0, 3.0), (0.55, 0.6), (1.3, 1.5), special=((2.0, 0.6, 1.4),)),
    ends=POSITIVE,
)

# Student's t.
_UNIT, _UNIT_WEIGHTS = gauss(24)


def _t_density(v: Array, t: Array) -> Array:
    norm = betaln(0.5 * v, 0.5 + 0.0 * v)
    return np.exp(-0.5 * (v + 1.0) * np.log1p(t * t / v) - norm) / np.sqrt(v)


def _t_by_freedom(v: Array, t: Array) -> Array:
    """Return the derivative by v: around 0 the integral from 0, else that of betainc."""
    v, t = v + 0.0 * t, t + 0.0 * v
    is_near = np.abs(t) < 0.5
    near, far = np.where(is_near, t, 0.25), np.where(is_near, 1.0, t)
    square = (column(near) * _UNIT) ** 2
    w = column(v)
    slope = psi(0.5 * (w + 1.0)) - psi(0.5 * w) - 1.0 / w - np.log1p(square / w)
    slope = 0.5 * (slope + (w + 1.0) * square / (w * (w + square)))
    total = np.sum(_t_density(w, column(near) * _UNIT) * slope * _UNIT_WEIGHTS, axis=-1)
    inner = near * np.reshape(total, np.shape(t))
    square = far * far
    share, rest = v / (v + square), square / (v + square)
    by_shape = beta_by_shape(0.5 * v, 0.5 + 0.0 * v, share, rest)
    outer = -0.5 * far / v * _t_density(v, far) - 0.25 * np.sign(far) * by_shape
    return np.where(is_near, inner, outer)


_STUDENT: tuple[Slope, ...] = (_t_by_freedom, _t_density)
(stdtr,) = distribution(
    "stdtr",
    None,
    _STUDENT,
    domain((1.0, 5.0), (-2.0, 2.0), special=((1.0, 0.0), (2.0, -3.0), (30.0, 1.0))),
)
stdtrit = inverse(
    "stdtrit", _STUDENT, 1, 1, domain((1.0, 5.0), (0.2, 0.8), special=((2.0, 0.5), (3.0, 0.9)))
)
stdtridf = inverse(
    "stdtridf",
    _STUDENT,
    0,
    0,
    domain((0.81, 0.83), (1.0, 1.1), special=((0.82, 1.05),)),
    ends=(POSITIVE[0], 1e10),
)

# Binomial: betainc(n - k, k + 1, 1 - p), and negative binomial: betainc(n, k + 1, p).
_BINOMIAL: tuple[Slope, ...] = (
    no_slope,
    None,
    lambda k, n, p: -beta_density(n - np.floor(k), np.floor(k) + 1.0, 1.0 - p, p),
)
_TRIALS = domain(
    (0.0, 4.0), (5.0, 9.0), (0.2, 0.8), whole=(0,), counts=(1,), special=((2.0, 5.0, 0.5),)
)
bdtr, bdtrc = distribution("bdtr", "bdtrc", _BINOMIAL, _TRIALS, _STEPS)
bdtri = inverse("bdtri", _BINOMIAL, 2, 2, _TRIALS, kink=_STEPS)
_SMOOTH_BINOMIAL: tuple[Slope, ...] = (
    lambda k, n, p: (
        beta_by_shape(n - k, k + 1.0, 1.0 - p, p, of_first=False)
        - beta_by_shape(n - k, k + 1.0, 1.0 - p, p)
    ),
    lambda k, n, p: beta_by_shape(n - k, k + 1.0, 1.0 - p, p),
    lambda k, n, p: -beta_density(n - k, k + 1.0, 1.0 - p, p),
)
bdtrik = inverse(
    "bdtrik", _SMOOTH_BINOMIAL, 0, 0,
    domain((0.4, 0.8), (6.0, 9.0), (0.4, 0.6), special=((0.6, 7.0, 0.45),)), ends=POSITIVE
)  # fmt: skip
bdtrin = inverse(
    "bdtrin", _SMOOTH_BINOMIAL, 1, 1,
    domain((2.0, 4.0), (0.3, 0.7), (0.4, 0.6), special=((3.0, 0.6, 0.45),)),
)  # fmt: skip
_NEGATIVE: tuple[Slope, ...] = (
    no_slope,
    None,
    lambda k, n, p: beta_density(n, np.floor(k) + 1.0, p),
)
_FAILURES = domain((0.0, 4.0), (2.0, 6.0), (0.2, 0.8), whole=(0, 1), special=((2.0, 3.0, 0.5),))
nbdtr, nbdtrc = distribution("nbdtr", "nbdtrc", _NEGATIVE, _FAILURES, _STEPS)
nbdtri = inverse("nbdtri", _NEGATIVE, 2, 2, _FAILURES, kink=_STEPS)
_SMOOTH_NEGATIVE: tuple[Slope, ...] = (
    lambda k, n, p: beta_by_shape(n, k + 1.0, p, of_first=False),
    lambda k, n, p: beta_by_shape(n, k + 1.0, p),
    lambda k, n, p: beta_density(n, k + 1.0, p),
)
nbdtrik = inverse(
    "nbdtrik", _SMOOTH_NEGATIVE, 0, 0,
    domain((0.5, 0.8), (2.0, 4.0), (0.3, 0.5), special=((0.6, 3.0, 0.4),)), ends=POSITIVE
)  # fmt: skip
nbdtrin = inverse(
    "nbdtrin", _SMOOTH_NEGATIVE, 1, 1,
    domain((2.0, 4.0), (0.3, 0.7), (0.4, 0.6), special=((3.0, 0.6, 0.45),)),
)  # fmt: skip

# Beta, solved for a shape.
_BETA: tuple[Slope, ...] = (
    beta_by_shape,
    lambda a, b, x: beta_by_shape(a, b, x, of_first=False),
    beta_density,
)
btdtria = inverse(
    "btdtria", _BETA, 0, 0, domain((0.3, 0.7), (1.0, 3.0), (0.3, 0.7), special=((0.5, 2.0, 0.5),))
)
btdtrib = inverse(
    "btdtrib", _BETA, 1, 1, domain((1.0, 3.0), (0.3, 0.7), (0.3, 0.7), special=((2.0, 0.5, 0.5),))
)

ROWS = rows_of(vars())

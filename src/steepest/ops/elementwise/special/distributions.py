"""Distribution functions named after Cephes and CDFLIB, and their inverses in each argument.

An inverse follows from the function that it inverts: if F(..., t, ...) = p, the slope of t is
1 / F_t by p, and -F_i / F_t by another argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import no_slope
from steepest.ops.elementwise.special.bessel import ive
from steepest.ops.elementwise.special.error_functions import ONE_OVER_ROOT_TWO_PI, ndtri
from steepest.ops.elementwise.special.gamma import betaln, psi, rgamma
from steepest.ops.elementwise.special.incomplete import (
    beta_by_shape,
    beta_density,
    gamma_by_shape,
    gamma_density,
)
from steepest.ops.elementwise.special.quadrature import column, gauss
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Case, Domain

Slope = Callable[..., Array] | None

_CASES = {
    2: (Case(((3,), (3,))), Case(((), (4, 20)))),
    3: (Case(((3,), (3,), (3,))), Case(((), (), (4, 20)))),
}
_STEPS = "a step function of k; its derivative by n is not known: asking for it is refused"


def _domain(
    *intervals: tuple[float, float],
    whole: tuple[int, ...] = (),
    counts: tuple[int, ...] = (),
    special: tuple[tuple[float, ...], ...] = (),
) -> Domain:
    """Return a domain, some of whose operands are whole numbers, as floats or as integers."""

    def agree(*operands: Array) -> tuple[Array, ...]:
        rounded = [np.floor(x) if i in whole else x for i, x in enumerate(operands)]
        return tuple(x.astype(int) if i in counts else x for i, x in enumerate(rounded))

    agrees = agree if whole or counts else None
    return Domain(intervals, _CASES[len(intervals)], special=special, agree=agrees)


def _distribution(
    name: str, complement: str | None, slopes: tuple[Slope, ...], domain: Domain, kink: str = ""
) -> tuple[Special, ...]:
    """Return a distribution function and its complement."""

    def own(slope: Slope, sign: float) -> Slope:
        if slope is None or slope is no_slope:
            return slope
        return lambda y, *operands: sign * slope(*operands)

    names = [(name, 1.0)] + ([(complement, -1.0)] if complement else [])
    return tuple(
        special(n, *(own(slope, sign) for slope in slopes), domain=domain, kink=kink)
        for n, sign in names
    )


def _inverse(
    name: str,
    slopes: tuple[Slope, ...],
    solved: int,
    given: int,
    domain: Domain,
    sign: float = 1.0,
    kink: str = "",
) -> Special:
    """Return an inverse of a distribution function.

    Parameters
    ----------
    slopes
        Partial derivatives of the function, of its own operands.
    solved
        The operand of the function for which it is solved.
    given
        The operand of the inverse that is the value of the function. The others are the
        function's, in their order.
    sign
        -1 where the value is that of the complement.
    """
    count = len(slopes)
    others = [i for i in range(count) if i != solved]
    places = [i for i in range(count) if i != given]  # of the others, among the inverse's operands
    by_solved: Any = slopes[solved]

    def at(y: Array, operands: tuple[Array, ...]) -> list[Array]:
        found = [y] * count
        for other, place in zip(others, places, strict=True):
            found[other] = operands[place]
        return found

    def by_value(y: Array, *operands: Array) -> Array:
        return sign / by_solved(*at(y, operands))

    def by_other(slope: Slope) -> Slope:
        if slope is None or slope is no_slope:
            return slope

        def partial(y: Array, *operands: Array) -> Array:
            all_operands = at(y, operands)
            return -slope(*all_operands) / by_solved(*all_operands)

        return partial

    partials: list[Slope] = [by_value] * count
    for other, place in zip(others, places, strict=True):
        partials[place] = by_other(slopes[other])
    return special(name, *partials, domain=domain, kink=kink)


# Gamma: the distribution function is gammainc(b, a * x).
_GAMMA: tuple[Slope, ...] = (
    lambda a, b, x: x * gamma_density(b, a * x),
    lambda a, b, x: gamma_by_shape(b, a * x),
    lambda a, b, x: a * gamma_density(b, a * x),
)
_THREE = ((0.5, 2.0), (0.5, 3.0), (0.5, 2.0))
gdtr, gdtrc = _distribution(
    "gdtr", "gdtrc", _GAMMA, _domain(*_THREE, special=((1.0, 1.0, 1.0), (0.5, 4.0, 9.0)))
)
_P_FIRST = _domain((0.2, 0.8), (0.5, 3.0), (0.5, 2.0), special=((0.5, 1.0, 1.0),))
_P_SECOND = _domain((0.5, 2.0), (0.2, 0.8), (0.5, 2.0), special=((1.0, 0.5, 1.0),))
_P_THIRD = _domain((0.5, 2.0), (0.5, 3.0), (0.2, 0.8), special=((1.0, 1.0, 0.5),))
gdtria = _inverse("gdtria", _GAMMA, 0, 0, _P_FIRST)
gdtrib = _inverse("gdtrib", _GAMMA, 1, 1, _P_SECOND)
gdtrix = _inverse("gdtrix", _GAMMA, 2, 2, _P_THIRD)

# Chi-squared: gammainc(v / 2, x / 2).
_CHI: tuple[Slope, ...] = (
    lambda v, x: 0.5 * gamma_by_shape(0.5 * v, 0.5 * x),
    lambda v, x: 0.5 * gamma_density(0.5 * v, 0.5 * x),
)
_PAIR = _domain((0.5, 4.0), (0.5, 4.0), special=((2.0, 2.0), (1.0, 9.0)))
chdtr, chdtrc = _distribution("chdtr", "chdtrc", _CHI, _PAIR)
chdtri = _inverse(
    "chdtri", _CHI, 1, 1, _domain((0.5, 4.0), (0.2, 0.8), special=((2.0, 0.5),)), sign=-1.0
)
chdtriv = _inverse("chdtriv", _CHI, 0, 0, _domain((0.2, 0.8), (1.0, 4.0), special=((0.5, 2.0),)))

# Poisson: gammaincc(floor(k) + 1, m).
_POISSON: tuple[Slope, ...] = (
    no_slope,
    lambda k, m: -gamma_density(np.floor(k) + 1.0, m),
)
_COUNTS = _domain((0.5, 4.0), (0.5, 4.0), whole=(0,), special=((2.0, 2.0), (0.0, 9.0)))
pdtr, pdtrc = _distribution("pdtr", "pdtrc", _POISSON, _COUNTS, "a step function of k")
pdtri = _inverse(
    "pdtri", _POISSON, 1, 1,
    _domain((0.5, 4.0), (0.2, 0.8), whole=(0,), special=((2.0, 0.5),)),
    kink="a step function of k",
)  # fmt: skip
pdtrik = _inverse(
    "pdtrik",
    (
        lambda k, m: -gamma_by_shape(k + 1.0, m),
        lambda k, m: -gamma_density(k + 1.0, m),
    ),
    0, 0,
    _domain((0.3, 0.8), (2.0, 4.0), special=((0.6, 3.0),)),
)  # fmt: skip

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
_F_DOMAIN = _domain((1.0, 5.0), (1.0, 5.0), (0.5, 2.0), special=((2.0, 3.0, 1.0),))
fdtr, fdtrc = _distribution("fdtr", "fdtrc", _F, _F_DOMAIN)
fdtri = _inverse(
    "fdtri", _F, 2, 2, _domain((1.0, 5.0), (1.0, 5.0), (0.2, 0.8), special=((2.0, 3.0, 0.5),))
)
fdtridfd = _inverse(
    "fdtridfd", _F, 1, 1, _domain((2.0, 3.0), (0.55, 0.6), (1.3, 1.5), special=((2.0, 0.6, 1.4),))
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
(stdtr,) = _distribution(
    "stdtr",
    None,
    _STUDENT,
    _domain((1.0, 5.0), (-2.0, 2.0), special=((1.0, 0.0), (2.0, -3.0), (30.0, 1.0))),
)
stdtrit = _inverse(
    "stdtrit", _STUDENT, 1, 1, _domain((1.0, 5.0), (0.2, 0.8), special=((2.0, 0.5), (3.0, 0.9)))
)
stdtridf = _inverse(
    "stdtridf", _STUDENT, 0, 0, _domain((0.81, 0.83), (1.0, 1.1), special=((0.82, 1.05),))
)

# Binomial: betainc(n - k, k + 1, 1 - p), and negative binomial: betainc(n, k + 1, p).
_BINOMIAL: tuple[Slope, ...] = (
    no_slope,
    None,
    lambda k, n, p: -beta_density(n - np.floor(k), np.floor(k) + 1.0, 1.0 - p, p),
)
_TRIALS = _domain(
    (0.0, 4.0), (5.0, 9.0), (0.2, 0.8), whole=(0,), counts=(1,), special=((2.0, 5.0, 0.5),)
)
bdtr, bdtrc = _distribution("bdtr", "bdtrc", _BINOMIAL, _TRIALS, _STEPS)
bdtri = _inverse("bdtri", _BINOMIAL, 2, 2, _TRIALS, kink=_STEPS)
_SMOOTH_BINOMIAL: tuple[Slope, ...] = (
    lambda k, n, p: (
        beta_by_shape(n - k, k + 1.0, 1.0 - p, p, of_first=False)
        - beta_by_shape(n - k, k + 1.0, 1.0 - p, p)
    ),
    lambda k, n, p: beta_by_shape(n - k, k + 1.0, 1.0 - p, p),
    lambda k, n, p: -beta_density(n - k, k + 1.0, 1.0 - p, p),
)
bdtrik = _inverse(
    "bdtrik", _SMOOTH_BINOMIAL, 0, 0,
    _domain((0.4, 0.8), (6.0, 9.0), (0.4, 0.6), special=((0.6, 7.0, 0.45),)),
)  # fmt: skip
bdtrin = _inverse(
    "bdtrin", _SMOOTH_BINOMIAL, 1, 1,
    _domain((2.0, 4.0), (0.3, 0.7), (0.4, 0.6), special=((3.0, 0.6, 0.45),)),
)  # fmt: skip
_NEGATIVE: tuple[Slope, ...] = (
    no_slope,
    None,
    lambda k, n, p: beta_density(n, np.floor(k) + 1.0, p),
)
_FAILURES = _domain((0.0, 4.0), (2.0, 6.0), (0.2, 0.8), whole=(0, 1), special=((2.0, 3.0, 0.5),))
nbdtr, nbdtrc = _distribution("nbdtr", "nbdtrc", _NEGATIVE, _FAILURES, _STEPS)
nbdtri = _inverse("nbdtri", _NEGATIVE, 2, 2, _FAILURES, kink=_STEPS)
_SMOOTH_NEGATIVE: tuple[Slope, ...] = (
    lambda k, n, p: beta_by_shape(n, k + 1.0, p, of_first=False),
    lambda k, n, p: beta_by_shape(n, k + 1.0, p),
    lambda k, n, p: beta_density(n, k + 1.0, p),
)
nbdtrik = _inverse(
    "nbdtrik", _SMOOTH_NEGATIVE, 0, 0,
    _domain((0.5, 0.8), (2.0, 4.0), (0.3, 0.5), special=((0.6, 3.0, 0.4),)),
)  # fmt: skip
nbdtrin = _inverse(
    "nbdtrin", _SMOOTH_NEGATIVE, 1, 1,
    _domain((2.0, 4.0), (0.3, 0.7), (0.4, 0.6), special=((3.0, 0.6, 0.45),)),
)  # fmt: skip

# Beta, solved for a shape.
_BETA: tuple[Slope, ...] = (
    beta_by_shape,
    lambda a, b, x: beta_by_shape(a, b, x, of_first=False),
    beta_density,
)
btdtria = _inverse(
    "btdtria", _BETA, 0, 0, _domain((0.3, 0.7), (1.0, 3.0), (0.3, 0.7), special=((0.5, 2.0, 0.5),))
)
btdtrib = _inverse(
    "btdtrib", _BETA, 1, 1, _domain((1.0, 3.0), (0.3, 0.7), (0.3, 0.7), special=((2.0, 0.5, 0.5),))
)

# The normal distribution, solved for its mean and its width.


def _slope_of_ndtri(p: Array) -> Array:
    z = ndtri(p)
    return np.exp(0.5 * z * z) / ONE_OVER_ROOT_TWO_PI


nrdtrimn = special(
    "nrdtrimn",
    lambda y, p, width, x: -width * _slope_of_ndtri(p),
    lambda y, p, width, x: -ndtri(p),
    lambda y, p, width, x: 1.0 + 0.0 * y,
    domain=_domain((0.2, 0.8), (0.5, 2.0), (0.5, 2.0), special=((0.5, 1.0, 1.0),)),
)
nrdtrisd = special(
    "nrdtrisd",
    lambda y, mean, p, x: -1.0 / ndtri(p),
    lambda y, mean, p, x: -(x - mean) / ndtri(p) ** 2 * _slope_of_ndtri(p),
    lambda y, mean, p, x: 1.0 / ndtri(p),
    domain=_domain((0.5, 2.0), (0.6, 0.8), (2.5, 4.0), special=((1.0, 0.75, 3.0),)),
)

# Kolmogorov's distribution: a theta function, in either of its two series.
_BORDER = 1.0


def kolmogorov_slope(x: Array) -> Array:
    """Return the derivative of kolmogorov."""
    is_far = x > _BORDER
    far, near = np.where(is_far, x, _BORDER), np.where(is_far, _BORDER, np.maximum(x, 1e-3))
    right: Any = 0.0
    for k in range(1, 6):
        right = right - (-1) ** (k - 1) * 8.0 * k * k * far * np.exp(-2.0 * k * k * far * far)
    left: Any = 0.0
    for k in range(1, 6):
        exponent = ((2 * k - 1) * math.pi) ** 2 / 8.0
        power = np.exp(-exponent / (near * near))
        left = left + power * (1.0 - 2.0 * exponent / (near * near)) / (near * near)
    left = math.sqrt(2.0 * math.pi) * left
    return np.where(is_far, right, np.where(x > 0.01, left, 0.0))


kolmogorov = special(
    "kolmogorov",
    lambda y, x: kolmogorov_slope(x),
    domain=Domain(((0.5, 2.0),), special=((0.7,), (1.0,), (2.0,))),
)
kolmogi = special(
    "kolmogi",
    lambda y, p: 1.0 / kolmogorov_slope(y),
    domain=Domain(((0.1, 0.9),), special=((0.5,), (0.2,))),
)
tklmbda = special(
    "tklmbda",
    lambda y, x, shape: 1.0 / (y ** (shape - 1.0) + (1.0 - y) ** (shape - 1.0)),
    None,
    domain=_domain((-0.5, 0.5), (0.3, 0.7), special=((0.0, 0.5), (0.3, 0.14))),
    kink="its derivative by the shape is not known: asking for it is refused",
)


def _noncentral_density(y: Array, x: Array, df: Array, nc: Array) -> Array:
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


# Noncentral chi-squared.
chndtr: Special = special(
    "chndtr",
    _noncentral_density,
    None,
    lambda y, x, df, nc: 0.5 * (chndtr(x, df + 2.0, nc) - chndtr(x, df, nc)),
    domain=_domain(
        (2.0, 5.0), (9.0, 12.0), (0.5, 2.0), special=((9.0, 10.0, 1.0), (2.5, 2.0, 1.5))
    ),
    kink="its derivative by the degrees of freedom is not known: asking for it is refused",
)

ROWS = rows_of(vars())

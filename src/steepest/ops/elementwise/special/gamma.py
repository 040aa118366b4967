"""The gamma and beta functions, their logarithms and derivatives, and what they count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.machine_code import HOST
from steepest.ops.row import Case, Domain

_POSITIVE = Domain(((0.5, 4.0),), special=((1.0,), (2.0,), (1e-9,), (30.0,)))
_PAIRS = Domain(((0.5, 3.0), (0.5, 3.0)), special=((1.0, 1.0), (0.01, 2.0)))

# Bernoulli's numbers divided by factorials, for Euler and Maclaurin's formula.
_TERMS = tuple(
    number / math.factorial(2 * j)
    for j, number in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798,
         -174611 / 330, 854513 / 138),
        start=1,
    )
)  # fmt: skip


def _slope_of_zeta_by_exponent(y: Array, s: Array, q: Array) -> Array:
    """Return the derivative by s, term by term in Euler and Maclaurin's formula."""
    total: Any = 0.0
    for k in range(12):
        total = total - np.log(q + k) * (q + k) ** -s
    end = q + 12.0
    log = np.log(end)
    power = end**-s
    total = total - power * end * (log / (s - 1.0) + 1.0 / (s - 1.0) ** 2) - 0.5 * log * power
    rising, inverse, power = s, 1.0 / s, power / end
    for j, factor in enumerate(_TERMS, start=1):
        total = total + factor * rising * power * (inverse - log)
        first, second = s + (2 * j - 1), s + 2 * j
        rising, power = rising * first * second, power / (end * end)
        inverse = inverse + 1.0 / first + 1.0 / second
    return np.where(q > 0, total, np.nan)


# Hurwitz's zeta function: the slopes of digamma, to any order.
zeta: Special = special(
    "zeta",
    _slope_of_zeta_by_exponent,
    lambda y, s, x: -s * zeta(s + 1.0, x),
    lower=HOST,
    domain=Domain(
        ((2.0, 4.0), (0.5, 3.0)),
        (Case(((3,), (3,))), Case(((), (4, 20)))),
        special=((2.0, 1.0), (3.0, 1e-6), (2.0, 50.0)),
    ),
)


def _slope_of_zetac(y: Array, s: Array) -> Array:
    """Return the derivative; far on the left by Riemann's reflection (DLMF 25.4.1)."""
    is_left = s < -1.0
    left, right = np.where(is_left, s, -2.0), np.where(is_left, 2.0, s)
    mirrored, angle = 1.0 - left, 0.5 * math.pi * left
    value, slope = zetac(mirrored) + 1.0, _slope_of_zeta_by_exponent(y, mirrored, 1.0)
    factor = np.exp(left * math.log(2.0 * math.pi)) / math.pi * gamma(mirrored)
    waves = 0.5 * math.pi * np.cos(angle) * value - np.sin(angle) * slope
    logarithmic = np.sin(angle) * value * (math.log(2.0 * math.pi) - psi(mirrored))
    reflected = factor * (waves + logarithmic)
    return np.where(is_left, reflected, _slope_of_zeta_by_exponent(y, right, 1.0))


zetac: Special = special(
    "zetac",
    _slope_of_zetac,
    domain=Domain(((1.5, 4.0),), special=((2.0,), (1.1,), (8.0,), (0.5,), (-5.5,))),
)
psi: Special = special(
    "psi",
    lambda y, x: zeta(np.full_like(x, 2.0), x),
    domain=_POSITIVE,
)
gammaln = special("gammaln", lambda y, x: psi(x), domain=_POSITIVE)
loggamma = special("loggamma", lambda y, x: psi(x), domain=_POSITIVE)
gamma = special("gamma", lambda y, x: y * psi(x), domain=_POSITIVE)
gammasgn = special("gammasgn", domain=Domain(((0.5, 4.0),), smooth=False))


def _slope_of_rgamma(y: Array, x: Array) -> Array:
    # Around the poles of gamma by the reflection formula.
    is_left = x < 0.5
    left, right = np.where(is_left, x, 0.0), np.where(is_left, 1.0, x)
    angle = math.pi * left
    mirrored = gamma(1.0 - left) * (np.cos(angle) - np.sin(angle) * psi(1.0 - left) / math.pi)
    return np.where(is_left, mirrored, -rgamma(right) * psi(right))


rgamma: Special = special(
    "rgamma",
    _slope_of_rgamma,
    domain=Domain(((0.6, 4.0),), special=((0.0,), (-1.0,), (1.0,), (-2.5,), (30.0,))),
)


def _torch_beta(t: Torch, a: Tensor, b: Tensor) -> Tensor:
    return t.exp(t.lgamma(a) + t.lgamma(b) - t.lgamma(a + b))


betaln = special(
    "betaln",
    lambda y, a, b: psi(a) - psi(a + b),
    lambda y, a, b: psi(b) - psi(a + b),
    domain=_PAIRS,
)
beta = special(
    "beta",
    lambda y, a, b: y * (psi(a) - psi(a + b)),
    lambda y, a, b: y * (psi(b) - psi(a + b)),
    domain=_PAIRS,
)


def _slope_of_poch_by_start(y: Array, z: Array, m: Array) -> Array:
    is_near = (z < 0.5) & (z + m > 0)
    near, far = np.where(is_near, z, 0.25), np.where(is_near, 1.0, z)
    end, far_end = np.where(is_near, z + m, 1.0), np.where(is_near, 1.0, z + m)
    at_pole = gamma(end) * (psi(end) * rgamma(near) + _slope_of_rgamma(near, near))
    return np.where(is_near, at_pole, y * (psi(far_end) - psi(far)))


poch = special(
    "poch",
    _slope_of_poch_by_start,
    lambda y, z, m: y * psi(z + m),
    domain=Domain(((0.6, 3.0), (0.5, 3.0)), special=((1.0, 1.5), (2.0, 0.5), (0.0, 2.5))),
    kink="nan where z and z + m are both poles of the gamma function",
)


def _slope_of_binom_by_count(y: Array, n: Array, k: Array) -> Array:
    # At whole numbers k > n the value is 0 and its slope is not: by rgamma, which has no poles.
    rest = n - k + 1.0
    is_near = (rest < 0.5) & (n > -0.5)
    near, far = np.where(is_near, rest, 0.0), np.where(is_near, 1.0, rest)
    top, far_top = np.where(is_near, n + 1.0, 1.0), np.where(is_near, 1.0, n + 1.0)
    bottom = np.where(is_near, k + 1.0, 1.0)
    product = psi(top) * rgamma(near) + _slope_of_rgamma(near, near)
    at_pole = gamma(top) * rgamma(bottom) * product
    return np.where(is_near, at_pole, y * (psi(far_top) - psi(far)))


def _slope_of_binom_by_choice(y: Array, n: Array, k: Array) -> Array:
    rest = n - k + 1.0
    is_near = ((rest < 0.5) | (k < -0.5)) & (n > -0.5)
    near, far = np.where(is_near, rest, 0.0), np.where(is_near, 1.0, rest)
    top = np.where(is_near, n + 1.0, 1.0)
    bottom, far_bottom = np.where(is_near, k + 1.0, 1.0), np.where(is_near, 1.0, k + 1.0)
    product = rgamma(near) * _slope_of_rgamma(bottom, bottom)
    at_pole = gamma(top) * (product - rgamma(bottom) * _slope_of_rgamma(near, near))
    return np.where(is_near, at_pole, y * (psi(far) - psi(far_bottom)))


binom = special(
    "binom",
    _slope_of_binom_by_count,
    _slope_of_binom_by_choice,
    domain=Domain(((2.0, 4.0), (0.5, 1.5)), special=((4.0, 2.5), (2.0, 3.5), (5.5, 1.2))),
    kink="nan where n is a negative whole number",
)

ROWS = rows_of(vars())

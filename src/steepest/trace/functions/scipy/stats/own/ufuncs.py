"""SciPy's private ufuncs that formulas of distributions call, as compositions."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.functions.registry import Array, as_plain
from steepest.trace.functions.scipy.stats.formulas import NO_FORMULA
from steepest.trace.functions.scipy.stats.helpers import helps


def special(name: str, *arguments: Any) -> Array:
    """Return a special function of SciPy's, which the user's code has imported."""
    return getattr(sys.modules["scipy.special"], name)(*arguments)


def log1mexp(x: Array) -> Array:
    """Return ``log(1 - exp(x))`` of negative numbers."""
    return np.where(x > -np.log(2), np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


helps("_log1mexp")(log1mexp)


@helps("_beta_pdf")
def beta_pdf(x: Array, a: Array, b: Array) -> Array:
    """Return the density of the beta distribution."""
    powers = special("xlog1py", b - 1.0, -x) + special("xlogy", a - 1.0, x)
    return np.exp(powers - special("betaln", a, b))


@helps("_beta_ppf")
def beta_ppf(q: Array, a: Array, b: Array) -> Array:
    """Return the quantile of the beta distribution."""
    return special("betaincinv", a, b, q)


def _log_choose(n: Array, k: Array) -> Array:
    return special("gammaln", n + 1) - special("gammaln", k + 1) - special("gammaln", n - k + 1)


@helps("_binom_pmf")
def binom_pmf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of `k` successes in `n` trials."""
    powers = special("xlogy", k, p) + special("xlog1py", n - k, -p)
    return np.exp(_log_choose(n, k) + powers)


@helps("_binom_cdf")
def binom_cdf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of at most `k` successes in `n` trials."""
    return np.where(k < n, special("betaincc", k + 1.0, np.maximum(n - k, 1.0), p), 1.0)


@helps("_binom_sf")
def binom_sf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of more than `k` successes in `n` trials."""
    return np.where(k < n, special("betainc", k + 1.0, np.maximum(n - k, 1.0), p), 0.0)


@helps("_nbinom_pmf")
def nbinom_pmf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of `k` failures before `n` successes."""
    powers = n * np.log(p) + special("xlog1py", k, -p)
    coefficient = special("gammaln", n + k) - special("gammaln", k + 1) - special("gammaln", n)
    return np.exp(coefficient + powers)


@helps("_nbinom_cdf")
def nbinom_cdf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of at most `k` failures before `n` successes."""
    return special("betainc", n, k + 1.0, p)


@helps("_nbinom_sf")
def nbinom_sf(k: Array, n: Array, p: Array) -> Array:
    """Return the probability of more than `k` failures before `n` successes."""
    return special("betaincc", n, k + 1.0, p)


@helps("_hypergeom_pmf")
def hypergeom_pmf(k: Array, good: Array, draws: Array, total: Array) -> Array:
    """Return the probability of `k` good ones among draws without replacement."""
    logarithm = _log_choose(good, k) + _log_choose(total - good, draws - k)
    return np.exp(logarithm - _log_choose(total, draws))


@helps("_cauchy_ppf")
def cauchy_ppf(q: Array, loc: Array, scale: Array) -> Array:
    """Return the quantile of the Cauchy distribution."""
    low, high = -1 / np.tan(np.pi * q), 1 / np.tan(np.pi * (1 - q))
    middle = np.tan(np.pi * (q - 0.5))
    return loc + scale * np.where(q < 0.25, low, np.where(q > 0.75, high, middle))


@helps("_cauchy_isf")
def cauchy_isf(q: Array, loc: Array, scale: Array) -> Array:
    """Return the inverse of the survival function of the Cauchy distribution."""
    return 2 * loc - cauchy_ppf(q, loc, scale)


_COSINE = tuple((-1) ** i / float(np.prod(np.arange(1.0, 2 * i + 4))) for i in range(10))
"""Coefficients of ``(t - sin(t)) / t**3`` by powers of ``t**2``."""


@helps("_cosine_cdf")
def cosine_cdf(x: Array) -> Array:
    """Return the distribution function ``(pi + x + sin(x)) / (2 pi)``, without cancellation."""
    t = x + np.pi
    square = np.where(t < 1.5, t * t, 0.0)
    total: Any = _COSINE[-1]
    for coefficient in _COSINE[-2::-1]:
        total = total * square + coefficient
    return np.where(t < 1.5, total * t**3, t + np.sin(x)) / (2 * np.pi)


@helps("_normalized_gen_harmonic")
def normalized_harmonic(first: Array, last: Array, count: Array, power: Array) -> Array:
    """Return the sum of ``k**-power`` over some ranks, divided by that over all up to a count."""
    top = int(np.max(as_plain(stop_gradient(count))))
    ranks = np.arange(1.0, min(top, _MOST_RANKS) + 1.0)
    if top > _MOST_RANKS:
        raise UnsupportedError(NO_FORMULA)
    terms = np.exp(-power[:, None] * np.log(ranks))
    total = np.sum(np.where(ranks <= count[:, None], terms, 0.0), axis=-1)
    is_inside = (ranks >= np.reshape(first, (-1, 1))) & (ranks <= last[:, None])
    return np.sum(np.where(is_inside, terms, 0.0), axis=-1) / total


_MOST_RANKS = 100_000


_RANKS = np.arange(1, 9.0)


def _kolmogorov(x: Array) -> tuple[Array, Array]:
    """Return the distribution function of Kolmogorov's distribution and its density."""
    is_zero, is_small, is_one = x < 0.035, x < 0.9, x > 20  # the outer ones to rounding
    small = np.where(is_small & ~is_zero, x, 0.9)
    large = np.where(is_small | is_one, 0.9, x)
    near: Any = 0.0
    near_slope: Any = 0.0
    far: Any = 0.0
    far_slope: Any = 0.0
    for rank in _RANKS:
        exponent = (2 * rank - 1) ** 2 * np.pi**2 / (8 * small**2)
        term = np.exp(-exponent) * np.sqrt(2 * np.pi) / small
        near, near_slope = near + term, near_slope + term * (2 * exponent - 1) / small
        term = 2 * (-1.0) ** (rank - 1) * np.exp(-2 * rank**2 * large**2)
        far, far_slope = far + term, far_slope + 4 * rank**2 * large * term
    value, slope = np.where(is_small, near, 1 - far), np.where(is_small, near_slope, far_slope)
    value = np.where(is_zero, 0.0, np.where(is_one, 1.0, value))
    return value, np.where(is_zero | is_one, 0.0, slope)


@helps("_kolmogc")
def kolmogc(x: Array) -> Array:
    """Return the distribution function of Kolmogorov's distribution."""
    return _kolmogorov(x)[0]


@helps("_kolmogp")
def kolmogp(x: Array) -> Array:
    """Return the slope of the survival function of Kolmogorov's distribution."""
    return -_kolmogorov(x)[1]

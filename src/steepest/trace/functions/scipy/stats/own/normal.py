"""Formulas that stand in for SciPy's: normal distributions and those that tend to them.

SciPy's own ones select elements, or are the limit at a single value of a shape parameter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.trace.arrays.dispatch import truth_of
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.stats.formulas import COMPUTED, Formulas
from steepest.trace.functions.scipy.stats.helpers import helps
from steepest.trace.functions.scipy.stats.own.formulas import owns
from steepest.trace.functions.scipy.stats.own.ufuncs import log1mexp, special


def _norm_logpdf(x: Array) -> Array:
    return -(x**2) / 2.0 - np.log(np.sqrt(2 * np.pi))


@owns("skewnorm_gen", "_logpdf")
def _skewnorm_logpdf(self: Formulas, x: Array, a: Array) -> Array:
    return np.log(2) + _norm_logpdf(x) + special("log_ndtr", a * x)


@owns("skewnorm_gen", "_pdf")
def _skewnorm_pdf(self: Formulas, x: Array, a: Array) -> Array:
    return 2.0 * np.exp(_norm_logpdf(x)) * special("ndtr", a * x)


_NODES, _WEIGHTS = np.polynomial.laguerre.laggauss(40)


def _skewnorm_tail(x: Array, a: Array) -> Array:
    """Return the probability far on the left for ``a > 0``, by Gauss-Laguerre quadrature."""
    rate = np.abs(x) * (1 + a * a)
    total: Any = 0.0
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        step = node / rate
        logarithm = x * step - step * step / 2 + special("log_ndtr", a * (x - step)) + node
        total = total + weight * np.exp(logarithm)
    return 2 * np.exp(_norm_logpdf(x)) * total / rate


@owns("skewnorm_gen", "_cdf")
def _skewnorm_cdf(self: Formulas, x: Array, a: Array) -> Array:
    value = special("ndtr", x) - 2 * special("owens_t", x, a)
    is_far = (value < 1e-6) & (a > 0) & (x < 0)
    if truth_of(np.any(is_far)):  # as in SciPy, whose formula cancels there
        far = np.where(is_far, x, -5.0)
        value = np.where(is_far, _skewnorm_tail(far, np.where(is_far, a, 1.0)), value)
    return np.where(value > 1, 1.0, np.where(value < 0, 0.0, value))


@helps("_log_diff")
def log_difference(log_p: Array, log_q: Array) -> Array:
    """Return the logarithm of a difference of numbers, given by their logarithms."""
    return log_p + log1mexp(log_q - log_p)


@helps("_log_gauss_mass")
def log_gauss_mass(a: Array, b: Array) -> Array:
    """Return the logarithm of the normal probability between `a` and `b`."""
    left, right = b <= 0, a > 0
    low, high = np.where(right, -b, a), np.where(right, -a, b)  # by symmetry in the left tail
    center = np.log1p(-special("ndtr", a) - special("ndtr", -b))
    tail = log_difference(special("log_ndtr", high), special("log_ndtr", low))
    return np.where(left | right, tail, center)


@owns("truncnorm_gen", "_logcdf")
def _truncnorm_logcdf(self: Formulas, x: Array, a: Array, b: Array) -> Array:
    total = log_gauss_mass(a, b)
    value, rest = log_gauss_mass(a, x) - total, log_gauss_mass(x, b) - total
    return np.where(value > -0.1, np.log1p(-np.exp(rest)), value)


@owns("truncnorm_gen", "_logsf")
def _truncnorm_logsf(self: Formulas, x: Array, a: Array, b: Array) -> Array:
    total = log_gauss_mass(a, b)
    value, rest = log_gauss_mass(x, b) - total, log_gauss_mass(a, x) - total
    return np.where(value > -0.1, np.log1p(-np.exp(rest)), value)


@owns("dpareto_lognorm_gen", "_logcdf")
def _dpareto_lognorm_logcdf(
    self: Formulas, x: Array, u: Array, s: Array, a: Array, b: Array
) -> Array:
    z = (np.log(x) - u) / s
    whole = special("log_ndtr", z)
    shared = _norm_logpdf(z) - whole - np.log(a + b)

    def part(weight: Array, at: Array) -> Array:
        ratio = special("log_ndtr", -at) - _norm_logpdf(at)
        return np.exp(shared + np.log(weight) + ratio)

    share = part(b, a * s - z) - part(a, b * s + z)
    return np.where(x == 0, -np.inf, whole + np.log1p(-share))


# Pearson's third distribution is a gamma distribution that tends to a normal one.

_SMOOTH, _NEARLY_NORMAL = 0.2, 1.6e-5
_TERMS = tuple((-1.0) ** (i + 1) / (i + 2) for i in range(22))
"""Coefficients of ``(log1p(x) - x) / x**2``."""


def _bend(x: Array) -> Array:
    """Return ``(log1p(x) - x) / x**2``, which is -1/2 at 0."""
    is_near = np.abs(x) < 0.15
    small, large = np.where(is_near, x, 0.0), np.where(is_near, 1.0, x)
    total: Any = _TERMS[-1]
    for term in _TERMS[-2::-1]:
        total = total * small + term
    return np.where(is_near, total, (np.log1p(large) - large) / large**2)


def _as_gamma(x: Array, skew: Array) -> tuple[Array, Array, Array]:
    """Return the shape and the argument of the gamma distribution, and its factor."""
    factor = 2.0 / skew
    return factor**2, factor * x + factor**2, factor


@owns("pearson3_gen", "_logpdf")
def _pearson3_logpdf(self: Formulas, x: Array, skew: Array) -> Array:
    is_smooth = np.abs(skew) < _SMOOTH
    half = np.where(is_smooth, skew, 0.0) / 2
    product, square = half * x, half * half
    # The gamma distribution's, with Stirling's series of the gamma function.
    rest = square * (1 / 12 - square**2 * (1 / 360 - square**2 * (1 / 1260 - square**2 / 1680)))
    normal = -0.5 * np.log(2 * np.pi) + x**2 * _bend(product) - np.log1p(product) - rest
    shape, at, factor = _as_gamma(x, np.where(is_smooth, 1.0, skew))
    other = special("xlogy", shape - 1.0, at) - at - special("gammaln", shape)
    value = np.where(is_smooth, normal, np.log(np.abs(factor)) + other)
    return np.where(1 + skew * x / 2 > 0, value, -np.inf)


@owns("pearson3_gen", "_pdf")
def _pearson3_pdf(self: Formulas, x: Array, skew: Array) -> Array:
    return np.where(np.isinf(x), 0.0, np.exp(self._logpdf(x, skew)))


def _pearson3_probability(x: Array, skew: Array, is_upper: bool) -> Array:
    is_normal = np.abs(skew) < _NEARLY_NORMAL
    shape, at, _ = _as_gamma(x, np.where(is_normal, 1.0, skew))
    inside = np.where(at > 0, at, 0.0)
    lower, upper = special("gammainc", shape, inside), special("gammaincc", shape, inside)
    other = np.where((skew > 0) != is_upper, lower, upper)
    # Edgeworth's series in the skewness, with Hermite's polynomials.
    s = np.where(is_normal, skew, 0.0)
    hermite = [np.ones_like(x), x]
    for i in range(1, 8):
        hermite.append(x * hermite[i] - i * hermite[i - 1])
    first = hermite[2] / 6
    second = hermite[3] / 16 + hermite[5] / 72
    third = hermite[4] / 40 + hermite[6] / 96 + hermite[8] / 1296
    series = s * (first + s * (second + s * third)) * np.exp(_norm_logpdf(x))
    normal = special("ndtr", -x) + series if is_upper else special("ndtr", x) - series
    return np.where(is_normal, normal, other)


@owns("pearson3_gen", "_cdf")
def _pearson3_cdf(self: Formulas, x: Array, skew: Array) -> Array:
    return _pearson3_probability(x, skew, is_upper=False)


@owns("pearson3_gen", "_sf")
def _pearson3_sf(self: Formulas, x: Array, skew: Array) -> Array:
    return _pearson3_probability(x, skew, is_upper=True)


@owns("pearson3_gen", "_ppf")
def _pearson3_ppf(self: Formulas, q: Array, skew: Array) -> Array:
    return COMPUTED["method"](self, "ppf")(q, skew)

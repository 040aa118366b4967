"""Formulas that stand in for SciPy's.

SciPy's own ones select elements, search for the result, or are the limit at a single value of
a shape parameter, which has no slope by that parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.stats.formulas import COMPUTED, OWN, Formulas
from steepest.trace.functions.scipy.stats.own.ufuncs import special


def owns(cls: str, *names: str) -> Callable[..., Any]:
    """Register the formula that stands in for methods of a class of SciPy's."""

    def register(formula: Callable[..., Any]) -> Callable[..., Any]:
        OWN.update({(cls, name): formula for name in names})
        return formula

    return register


@owns("rv_continuous", "_logcdf")
def _logcdf(self: Formulas, x: Array, *shapes: Array) -> Array:
    low, high = self._cdf(x, *shapes), self._sf(x, *shapes)
    return np.where(low < 0.5, np.log(low), np.log1p(-high))


@owns("rv_continuous", "_logsf")
def _logsf(self: Formulas, x: Array, *shapes: Array) -> Array:
    low, high = self._cdf(x, *shapes), self._sf(x, *shapes)
    return np.where(low > 0.5, np.log(high), np.log1p(-low))


@owns("rv_generic", "_ppf")
def _ppf(self: Formulas, q: Array, *shapes: Array) -> Array:
    return COMPUTED["method"](self, "ppf")(q, *shapes)


@owns("nbinom_gen", "_logcdf")
def _nbinom_logcdf(self: Formulas, k: Array, n: Array, p: Array) -> Array:
    low, high = self._cdf(k, n, p), self._sf(k, n, p)
    return np.where(low > 0.5, np.log1p(-high), np.log(low))


# Generalized Pareto, extreme value and kappa distributions: functions of log1p(c * x) / c.

_TERMS = tuple((-1.0) ** i / (i + 1) for i in range(22))
"""Coefficients of ``log1p(x) / x``."""

_NEAR = 0.15


def log1p_ratio(weight: Array, c: Array, x: Array) -> Array:
    """Return ``weight * log1p(c * x) / c``, which is ``weight * x`` for ``c = 0``."""
    product = c * np.where((c == 0) & np.isinf(x), 0.0, x)
    is_near = np.abs(product) < _NEAR
    small, divisor = np.where(is_near, product, 0.0), np.where(is_near, 1.0, c)
    total: Any = _TERMS[-1]
    for term in _TERMS[-2::-1]:
        total = total * small + term
    return np.where(is_near, weight * x * total, special("xlog1py", weight, product) / divisor)


def _power_ratio(log_x: Array, c: Array) -> Array:
    """Return ``(x**c - 1) / c``, which is ``log(x)`` for ``c = 0``."""
    return log_x * special("exprel", c * log_x)


@owns("genpareto_gen", "_logsf")
def _genpareto_logsf(self: Formulas, x: Array, c: Array) -> Array:
    return -log1p_ratio(1.0, c, x)


@owns("genpareto_gen", "_logpdf")
def _genpareto_logpdf(self: Formulas, x: Array, c: Array) -> Array:
    return -log1p_ratio(c + 1.0, c, x)


@owns("genextreme_gen", "_loglogcdf")
def _genextreme_loglogcdf(self: Formulas, x: Array, c: Array) -> Array:
    return -log1p_ratio(1.0, -c, x)


@owns("genextreme_gen", "_logpdf")
def _genextreme_logpdf(self: Formulas, x: Array, c: Array) -> Array:
    value = -np.exp(self._loglogcdf(x, c)) - log1p_ratio(1.0 - c, -c, x)
    is_end = (c * x == 1) | np.isinf(x)
    return np.where(is_end, np.where((c == 1) & (x == 1), 0.0, -np.inf), value)


@owns("genextreme_gen", "_ppf")
def _genextreme_ppf(self: Formulas, q: Array, c: Array) -> Array:
    return -_power_ratio(np.log(-np.log(q)), c)


@owns("genextreme_gen", "_isf")
def _genextreme_isf(self: Formulas, q: Array, c: Array) -> Array:
    return -_power_ratio(np.log(-np.log1p(-q)), c)


def _kappa4_power(x: Array, k: Array) -> Array:
    return np.exp(-log1p_ratio(1.0, -k, x))


@owns("kappa4_gen", "_logcdf")
def _kappa4_logcdf(self: Formulas, x: Array, h: Array, k: Array) -> Array:
    return -log1p_ratio(1.0, -h, _kappa4_power(x, k))


@owns("kappa4_gen", "_logpdf")
def _kappa4_logpdf(self: Formulas, x: Array, h: Array, k: Array) -> Array:
    return -log1p_ratio(1.0 - k, -k, x) - log1p_ratio(1.0 - h, -h, _kappa4_power(x, k))


@owns("kappa4_gen", "_ppf")
def _kappa4_ppf(self: Formulas, q: Array, h: Array, k: Array) -> Array:
    return -_power_ratio(np.log(-_power_ratio(np.log(q), h)), k)


# Hyperbolic distributions, which SciPy computes in compiled code.


@owns("genhyperbolic_gen", "_logpdf")
def _genhyperbolic_logpdf(self: Formulas, x: Array, p: Array, a: Array, b: Array) -> Array:
    root, gamma = np.hypot(1, x), np.sqrt((a - b) * (a + b))
    scaled = np.log(special("kve", p - 0.5, a * root)) - a * root + b * x
    norm = np.log(special("kve", p, gamma)) - gamma
    powers = p * np.log(gamma) + (p - 0.5) * (np.log(root) - np.log(a))
    return powers + scaled - norm - 0.5 * np.log(2 * np.pi)


@owns("genhyperbolic_gen", "_pdf")
def _genhyperbolic_pdf(self: Formulas, x: Array, p: Array, a: Array, b: Array) -> Array:
    return np.exp(self._logpdf(x, p, a, b))


@owns("geninvgauss_gen", "_logpdf")
def _geninvgauss_logpdf(self: Formulas, x: Array, p: Array, b: Array) -> Array:
    norm = np.log(special("kve", p, b)) - b + np.log(2.0)
    return special("xlogy", p - 1, x) - 0.5 * b * (x + 1 / x) - norm

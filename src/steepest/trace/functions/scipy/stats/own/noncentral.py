"""Noncentral distributions, which SciPy computes in compiled code."""

from __future__ import annotations

import numpy as np

from steepest.ops.elementwise.special.distributions import noncentral
from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.helpers import helps
from steepest.trace.functions.scipy.stats.own.formulas import owns
from steepest.trace.functions.scipy.stats.own.ufuncs import special


def _doubles(*arrays: Array) -> list[Array]:
    return [as_traced(x).astype(np.float64) for x in arrays]


@helps("_ncx2_pdf")
def ncx2_pdf(x: Array, df: Array, nc: Array) -> Array:
    """Return the density of the noncentral chi-squared distribution."""
    half, root_x, root_nc = df / 2.0 - 1.0, np.sqrt(x), np.sqrt(nc)
    logarithm = special("xlogy", half / 2.0, x / nc) - 0.5 * (root_x - root_nc) ** 2
    return 0.5 * np.exp(logarithm) * special("ive", half, root_x * root_nc)


@helps("_ncx2_sf")
def ncx2_sf(x: Array, df: Array, nc: Array) -> Array:
    """Return the probability above `x` of the noncentral chi-squared distribution."""
    x, df, nc = _doubles(x, df, nc)
    inside = np.where((x > 0) & (x < np.inf), x, 1.0)
    value = noncentral.upper_part_of_chi(inside, df, nc)
    return np.where(x > 0, np.where(x < np.inf, value, 0.0), 1.0)


def _log_density_of_f(x: Array, dfn: Array, dfd: Array, nc: Array) -> Array:
    x, dfn, dfd, nc = _doubles(x, dfn, dfd, nc)
    inside = np.where((x >= 0) & (x < np.inf), x, 1.0)
    value = noncentral.log_density_of_f(inside, dfn, dfd, nc)
    value = np.where((x > 0) | (nc == 0), value, -np.inf)  # as SciPy has it at 0
    return np.where(x < np.inf, value, np.nan)


@owns("ncf_gen", "_logpdf")
def _ncf_logpdf(self: Formulas, x: Array, dfn: Array, dfd: Array, nc: Array) -> Array:
    return _log_density_of_f(x, dfn, dfd, nc)


@helps("_ncf_pdf")
def ncf_pdf(x: Array, dfn: Array, dfd: Array, nc: Array) -> Array:
    """Return the density of the noncentral F distribution."""
    return np.exp(_log_density_of_f(x, dfn, dfd, nc))


@helps("_ncf_sf")
def ncf_sf(x: Array, dfn: Array, dfd: Array, nc: Array) -> Array:
    """Return the probability above `x` of the noncentral F distribution."""
    x, dfn, dfd, nc = _doubles(x, dfn, dfd, nc)
    inside = np.where((x > 0) & (x < np.inf), x, 1.0)
    value = noncentral.upper_part_of_f(inside, dfn, dfd, nc)
    return np.where(x > 0, np.where(x < np.inf, value, 0.0), 1.0)


def _log_density_of_t(x: Array, df: Array, nc: Array) -> Array:
    x, df, nc = _doubles(x, df, nc)
    is_finite = np.isfinite(x)
    value = noncentral.log_density_of_t(np.where(is_finite, x, 0.0), df, nc)
    return np.where(is_finite, value, np.nan)


@owns("nct_gen", "_logpdf")
def _nct_logpdf(self: Formulas, x: Array, df: Array, nc: Array) -> Array:
    return _log_density_of_t(x, df, nc)


@helps("_nct_pdf")
def nct_pdf(x: Array, df: Array, nc: Array) -> Array:
    """Return the density of the noncentral t distribution."""
    return np.exp(_log_density_of_t(x, df, nc))


@helps("_nct_sf")
def nct_sf(x: Array, df: Array, nc: Array) -> Array:
    """Return the probability above `x` of the noncentral t distribution."""
    x, df, nc = _doubles(x, df, nc)
    is_finite = np.isfinite(x)
    value = noncentral.upper_part_of_t(np.where(is_finite, x, 0.0), df, nc)
    return np.where(is_finite, value, np.where(x < 0, 1.0, 0.0))


@helps("_nct_isf")
def nct_isf(q: Array, df: Array, nc: Array) -> Array:
    """Return the inverse of the survival function: by symmetry, a quantile."""
    return -special("nctdtrit", df, -nc, q)

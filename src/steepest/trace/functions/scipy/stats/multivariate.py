"""Densities of vectors and matrices: normal, t, Dirichlet, multinomial and Wishart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.helpers import as_array
from steepest.trace.functions.scipy.stats.own.ufuncs import special

MULTIVARIATE: dict[str, dict[str, Callable[..., Any]]] = {}
"""Methods that record, by the name of the distribution."""


def _method(distribution: str) -> Callable[..., Any]:
    """Register ``logpdf`` or ``logpmf`` of a distribution, and what follows from it."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        methods = MULTIVARIATE.setdefault(distribution, {})
        name = function.__name__.removeprefix(f"_{distribution}_")
        methods[name] = function
        if name.startswith("log"):
            methods[name.removeprefix("log")] = lambda *args, **kwargs: np.exp(
                function(*args, **kwargs)
            )
        return function

    return register


def _squeezed(value: Array) -> Array:
    return np.reshape(value, tuple(extent for extent in np.shape(value) if extent != 1))


def _log_det(factor: Array) -> Array:
    """Return the logarithm of the determinant of matrices with this Cholesky factor."""
    return 2 * np.sum(np.log(np.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)


def _matrix(value: ArrayLike, size: int | None, name: str) -> Array:
    """Return a covariance matrix that is given as a number, a diagonal or a matrix."""
    if not hasattr(value, "shape") and hasattr(type(value), "whiten"):
        raise UnsupportedError(
            f"a Covariance object{at(user_source())} cannot be recorded: give the matrix"
        )
    matrix = as_array(value).astype(np.float64)
    if size == 1:
        matrix = np.reshape(matrix, (1, 1))
    if matrix.ndim < 2:
        matrix = matrix * np.eye(size or max(matrix.size, 1))
    if (
        matrix.ndim > 2
        or matrix.shape[0] != matrix.shape[1]
        or matrix.shape[0] != (size or matrix.shape[0])
    ):
        raise InputError(
            f"{name}{at(user_source())} has shape {matrix.shape}, wanted a square one"
        )
    return as_traced(matrix)


def _centered(x: ArrayLike, mean: ArrayLike | None, matrix: ArrayLike, name: str) -> Any:
    """Return the distances of points from a mean, and the Cholesky factor of a matrix."""
    size = None if mean is None else as_array(mean).size
    if size is None and np.ndim(matrix) < 2:
        size = 1
    scale = _matrix(matrix, size, name)
    size = scale.shape[0]
    middle = np.zeros(size) if mean is None else np.reshape(as_array(mean), (size,))
    points = as_array(x).astype(np.float64)
    if points.ndim == 0:
        points = np.reshape(points, (1,))
    elif points.ndim == 1:
        points = np.reshape(points, (-1, 1) if size == 1 else (1, -1))
    return points - middle, np.linalg.cholesky(scale)


def _squared_distance(distances: Array, factor: Array) -> Array:
    """Return the squared distances as a covariance matrix measures them."""
    size = factor.shape[0]
    columns = np.transpose(np.reshape(distances, (-1, size)))
    whitened = solve_lower(factor, as_traced(columns), transposed=False)
    return np.reshape(np.sum(whitened**2, axis=0), np.shape(distances)[:-1])


@_method("multivariate_normal")
def _multivariate_normal_logpdf(
    x: ArrayLike, mean: ArrayLike | None = None, cov: ArrayLike = 1, allow_singular: bool = False
) -> Array:
    distances, factor = _centered(x, mean, cov, "cov")
    constant = factor.shape[0] * math.log(2 * math.pi) + _log_det(factor)
    return _squeezed(-0.5 * (constant + _squared_distance(distances, factor)))


@_method("multivariate_normal")
def _multivariate_normal_entropy(mean: ArrayLike | None = None, cov: ArrayLike = 1) -> Array:
    _, factor = _centered(0.0 if mean is None else mean, mean, cov, "cov")
    return 0.5 * (factor.shape[0] * (math.log(2 * math.pi) + 1) + _log_det(factor))


@_method("multivariate_t")
def _multivariate_t_logpdf(
    x: ArrayLike, loc: ArrayLike | None = None, shape: ArrayLike = 1, df: ArrayLike = 1,
    allow_singular: bool = False,
) -> Array:  # fmt: skip
    where = at(user_source())
    distances, factor = _centered(x, loc, shape, "shape")
    demand(df > 0, lambda: InputError(f"df{where} must be greater than zero"))
    demand(
        np.isfinite(df),
        lambda: UnsupportedError(f"df=inf{where} cannot be recorded: use multivariate_normal"),
    )
    size = factor.shape[0]
    half = 0.5 * (df + size)
    constant = special("gammaln", half) - special("gammaln", 0.5 * df)
    constant = constant - 0.5 * size * np.log(df * np.pi) - 0.5 * _log_det(factor)
    return _squeezed(constant - half * np.log(1 + _squared_distance(distances, factor) / df))


@_method("dirichlet")
def _dirichlet_logpdf(x: ArrayLike, alpha: ArrayLike) -> Array:
    powers, shares = _checked_alpha(alpha), as_array(x)
    if shares.shape[0] == powers.size - 1:
        shares = np.concatenate([shares, 1 - np.sum(shares, axis=0, keepdims=True)])
    _demand_shares(shares, powers)
    terms = special("xlogy", np.transpose(powers - 1), np.transpose(shares))
    return np.sum(terms, axis=-1) - _log_beta(powers)


def _checked_alpha(alpha: ArrayLike) -> Array:
    where, powers = at(user_source()), as_array(alpha)
    demand(np.all(powers > 0), lambda: InputError(f"alpha{where} must be greater than 0"))
    if powers.ndim != 1:
        raise InputError(f"alpha{where} must be a vector, got shape {powers.shape}")
    return powers


def _demand_shares(shares: Array, powers: Array) -> None:
    where = at(user_source())
    if shares.shape[0] != powers.size:
        raise InputError(
            f"x{where} has {shares.shape[0]} rows, wanted {powers.size} as alpha, or one fewer"
        )
    columns = np.transpose(shares)
    lies_within = np.all((shares >= 0) & (shares <= 1))
    sums = np.all(np.abs(np.sum(shares, axis=0) - 1.0) <= 10e-10)
    is_finite = np.all((columns > 0) | (np.transpose(powers) >= 1))
    demand(
        lies_within & sums & is_finite,
        lambda: InputError(
            f"x{where} must be shares that sum to 1, and greater than 0 where alpha is below 1"
        ),
    )


def _log_beta(powers: Array) -> Array:
    return np.sum(special("gammaln", powers)) - special("gammaln", np.sum(powers))


@_method("dirichlet")
def _dirichlet_mean(alpha: ArrayLike) -> Array:
    powers = _checked_alpha(alpha)
    return _squeezed(powers / np.sum(powers))


@_method("dirichlet")
def _dirichlet_var(alpha: ArrayLike) -> Array:
    powers = _checked_alpha(alpha)
    total = np.sum(powers)
    return _squeezed(powers * (total - powers) / (total * total * (total + 1)))


@_method("dirichlet")
def _dirichlet_entropy(alpha: ArrayLike) -> Array:
    powers = _checked_alpha(alpha)
    total = np.sum(powers)
    own = np.sum((powers - 1) * special("psi", powers))
    return _log_beta(powers) + (total - powers.size) * special("psi", total) - own


@_method("multinomial")
def _multinomial_logpmf(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Array:
    counts, number, shares = as_array(x), as_array(n), as_array(p)
    rest = 1.0 - np.sum(shares[..., :-1], axis=-1)
    tolerance = 10 * np.finfo(np.result_type(shares.dtype, np.float32)).eps
    is_whole = np.abs(1.0 - np.sum(shares, axis=-1)) <= tolerance
    last = np.where(is_whole, shares[..., -1], rest)  # as SciPy repairs it
    shares = np.concatenate([shares[..., :-1], last[..., np.newaxis]], axis=-1)
    terms = special("xlogy", counts, shares) - special("gammaln", counts + 1.0)
    value = special("gammaln", number + 1.0) + np.sum(terms, axis=-1)
    whole = np.all((counts == np.floor(counts)) & (counts >= 0), axis=-1)
    is_possible = whole & (np.sum(counts, axis=-1) == number)
    is_valid = np.all((shares >= 0) & (shares <= 1), axis=-1) & (number >= 0)
    return np.where(is_valid, np.where(is_possible, value, -np.inf), np.nan)


@_method("multinomial")
def _multinomial_entropy(n: ArrayLike, p: ArrayLike) -> Array:
    raise UnsupportedError(
        f"scipy.stats.multinomial.entropy{at(user_source())} cannot be recorded: it is a sum "
        "whose number of terms depends on n; compute it outside"
    )


def _multigammaln(a: Array, size: int) -> Array:
    steps = sum(special("gammaln", a - 0.5 * i) for i in range(size))
    return 0.25 * size * (size - 1) * math.log(math.pi) + steps


def _factors(x: ArrayLike, df: ArrayLike, scale: ArrayLike) -> Any:
    """Return the Cholesky factors of matrices, with the matrices first, and that of the scale."""
    where = at(user_source())
    of_scale = np.linalg.cholesky(_matrix(scale, None, "scale"))
    size, points = of_scale.shape[0], as_array(x).astype(np.float64)
    if points.ndim == 0:
        points = points * np.eye(size)
    if points.ndim == 1:
        points = np.reshape(points, (1, 1, -1)) if size == 1 else np.diag(points)
    if points.ndim == 2:
        points = points[:, :, np.newaxis]
    if points.shape[:2] != (size, size):
        raise InputError(f"x{where} has shape {points.shape}, wanted {size} rows and columns")
    demand(
        df > size - 1,
        lambda: InputError(f"df{where} must be greater than the size of the scale minus 1"),
    )
    return np.linalg.cholesky(np.transpose(as_traced(points), (2, 0, 1))), of_scale, size


@_method("wishart")
def _wishart_logpdf(x: ArrayLike, df: ArrayLike, scale: ArrayLike) -> Array:
    of_x, of_scale, size = _factors(x, df, scale)
    columns = np.reshape(np.transpose(of_x, (1, 0, 2)), (size, -1))
    halves = np.reshape(solve_lower(of_scale, columns, transposed=False), (size, -1, size))
    trace = np.sum(halves**2, axis=(0, 2))
    value = 0.5 * (df - size - 1) * _log_det(of_x) - 0.5 * trace
    constant = 0.5 * df * (size * math.log(2.0) + _log_det(of_scale))
    return _squeezed(value - constant - _multigammaln(0.5 * df, size))


@_method("invwishart")
def _invwishart_logpdf(x: ArrayLike, df: ArrayLike, scale: ArrayLike) -> Array:
    of_x, of_scale, size = _factors(x, df, scale)
    scales = np.broadcast_to(of_scale, of_x.shape)
    trace = np.sum(solve_lower(of_x, scales, transposed=False) ** 2, axis=(1, 2))
    value = 0.5 * df * (_log_det(of_scale) - size * math.log(2.0)) - 0.5 * trace
    value = value - 0.5 * (df + size + 1) * _log_det(of_x)
    return _squeezed(value - _multigammaln(0.5 * df, size))

"""Parameters and data of a fit as tables, and parameters as numbers with uncertainties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.descent.problem.data import Data
from steepest.descent.problem.transforms import Fixed, Tied
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.errors import InputError, optional
from steepest.graph import trees


def kinds(fit: Any) -> tuple[str, ...]:
    """Return for each parameter what restricts it; "" for those that nothing does."""
    expand, box = fit.expand, fit.end.box
    marks = [""] * len(fit.names)
    if expand is not None:
        sizes = [np.size(leaf) for leaf in trees.leaves(fit.end.x)]
        marks = [
            mark
            for marker, size in zip(expand.markers, sizes, strict=True)
            for mark in [_words(marker)] * size
        ]
    if box is None:
        return tuple(marks)
    for row, slopes in enumerate(fit.value_slopes):
        depends = np.flatnonzero(slopes)
        if not marks[row] and len(depends) == 1:
            (i,) = depends
            marks[row] = _bounds(float(fit.vector[i]), float(box.lower[i]), float(box.upper[i]))
    return tuple(marks)


def _words(marker: Any) -> str:
    """Return a marker in words: "fixed", "unit interval"; "" for none."""
    if marker is None:
        return ""
    if isinstance(marker, Fixed | Tied):
        return "fixed" if isinstance(marker, Fixed) else "tied"
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(marker).__name__).lower()


def _bounds(value: float, lower: float, upper: float) -> str:
    if value <= lower or value >= upper:
        return "on its lower bound" if value <= lower else "on its upper bound"
    if np.isfinite([lower, upper]).all():
        return f"within {lower:g} to {upper:g}"
    if np.isfinite(lower):
        return f"at least {lower:g}"
    return f"at most {upper:g}" if np.isfinite(upper) else ""


def leverages(fit: FitStatistics, data: Data | None) -> np.ndarray:
    """Return how far each datum pulls its own fitted value, shape (m,).

    It is the diagonal of the hat matrix ``J @ inv(J.T @ inv(C) @ J) @ J.T @ inv(C)``, with J the
    derivatives of the model, and C the covariance of the data up to a factor. They sum up to the
    number of parameters that the data determine.
    """
    left = _left_vectors(fit)
    if data is None or data.kind != "matrix":
        return np.asarray(np.sum(left**2, axis=1))
    whitening = np.asarray(fit.problem.args[2], np.float64)
    return np.asarray(np.sum(np.linalg.solve(whitening, left) * (left.T @ whitening).T, axis=1))


def _left_vectors(fit: FitStatistics) -> np.ndarray:
    """Return an orthonormal basis of the columns of the Jacobian of the residuals."""
    jacobian = fit.jacobian[:, fit.is_free]
    norms = np.sqrt(np.sum(jacobian**2, axis=0))
    left, _, _ = np.linalg.svd(jacobian / np.where(norms > 0, norms, 1), full_matrices=False)
    return np.asarray(left[:, : fit.rank])


def standardized_residuals(fit: FitStatistics, data: Data | None) -> np.ndarray:
    """Return data minus model over the standard deviation of that difference, shape (m,).

    Its covariance is ``C - J @ inv(J.T @ inv(C) @ J) @ J.T``, in the words of :func:`leverages`.
    """
    scale = 1.0 if fit.absolute_sigma else fit.residual_standard_deviation
    residuals, left = fit.residuals, _left_vectors(fit)
    if data is None or data.kind != "matrix":
        variance = 1 - np.sum(left**2, axis=1)
    else:
        root = np.linalg.inv(np.asarray(fit.problem.args[2], np.float64))
        residuals = root @ residuals
        variance = np.sum(root**2, axis=1) - np.sum((root @ left) ** 2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-residuals / (scale * np.sqrt(variance)))


def normal_quantiles(values: np.ndarray) -> np.ndarray:
    """Return the quantile of the normal distribution for the rank of each value, as R's qqnorm.

    NaN for NaN.
    """
    from scipy.special import ndtri

    known = np.flatnonzero(~np.isnan(values))
    count = len(known)
    offset = 3 / 8 if count <= 10 else 1 / 2
    ranks = np.full(len(values), np.nan)
    ranks[known[np.argsort(values[known], kind="stable")]] = np.arange(1, count + 1)
    return np.asarray(ndtri((ranks - offset) / (count + 1 - 2 * offset)))


def to_frame(fit: FitStatistics, data: Data | None) -> Any:
    """Return data, fitted values and residuals as a data frame."""
    pandas = optional("pandas", "to_frame")
    standardized = standardized_residuals(fit, data)
    columns: dict[Any, np.ndarray] = {}
    if data is None:
        columns["residual"] = -fit.residuals
    else:
        columns |= _x_columns(data)
        fitted = np.asarray(data.model(data.x, fit.x), np.float64)
        fitted = np.broadcast_to(fitted, data.y.shape).reshape(-1)
        columns["y"] = data.y.reshape(-1)
        if data.kind == "each":
            columns["sigma"] = np.reshape(fit.problem.args[2], -1)
        columns |= {"fitted": fitted, "residual": columns["y"] - fitted}
    columns["leverage"] = leverages(fit, data)
    columns["standardized_residual"] = standardized
    columns["normal_quantile"] = normal_quantiles(standardized)
    return pandas.DataFrame(columns, index=None if data is None else data.rows)


def _x_columns(data: Data) -> dict[Any, np.ndarray]:
    """Return the parts of x that have a number for each datum, by name."""
    if isinstance(data.x, Mapping):  # flattening would sort it
        pairs = [pair for key, part in data.x.items() for pair in _named(part, str(key))]
    else:
        pairs = _named(data.x, "x")
    columns: dict[Any, np.ndarray] = {}
    for name, leaf in pairs:
        array = np.asarray(leaf)
        if array.shape == data.y.shape:
            columns[name] = array.reshape(-1)
        elif array.ndim == 2 and array.shape[1:] == data.y.shape:
            columns |= {f"{name}[{i}]": row for i, row in enumerate(array)}
    return columns


def _named(tree: Any, name: str) -> list[tuple[str, Any]]:
    return list(zip(trees.leaf_names(tree, name), trees.leaves(tree), strict=True))


def parameters_frame(fit: Any, intervals: np.ndarray, level: float) -> Any:
    """Return parameters, standard errors and intervals as a data frame."""
    pandas = optional("pandas", "parameters_frame")
    errors = np.sqrt(np.diag(fit.covariance))
    ends = [f"{100 * share:.4g}%" for share in (0.5 - 0.5 * level, 0.5 + 0.5 * level)]
    with np.errstate(divide="ignore", invalid="ignore"):
        relative, t = errors / np.abs(fit.values), fit.values / errors
    columns = {
        "value": fit.values,
        "standard_error": errors,
        "relative": relative,
        "t": t,
        "p_value": _two_sided(fit, t),
        ends[0]: intervals[:, 0],
        ends[1]: intervals[:, 1],
        "kind": kinds(fit),
    }
    return pandas.DataFrame(columns, index=pandas.Index(fit.names, name="parameter"))


def _two_sided(fit: Any, t: np.ndarray) -> np.ndarray:
    """Return the probability of values at least as far from 0 as t, if 0 is the true value."""
    from scipy.special import ndtr, stdtr

    if fit.absolute_sigma:
        return np.asarray(2 * ndtr(-np.abs(t)))
    return np.asarray(2 * stdtr(max(fit.degrees_of_freedom, 0), -np.abs(t)))


def uncertain(fit: Any) -> dict[str, Any]:
    """Return the parameters as numbers of the package uncertainties, correlated, by name.

    Raises
    ------
    InputError
        If the data do not determine all standard errors.
    """
    package = optional("uncertainties", "uncertain")
    if not np.isfinite(fit.covariance).all():
        raise InputError(
            f"some standard errors are unknown: {' '.join(fit.remarks) or fit.message}"
        )
    varies = np.diag(fit.covariance) > 0
    numbers = package.correlated_values(fit.values[varies], fit.covariance[np.ix_(varies, varies)])
    result = {name: 0 * numbers[0] + value for name, value in zip(fit.names, fit.values.tolist())}
    names = np.array(fit.names, object)[varies].tolist()
    return result | dict(zip(names, numbers, strict=True))

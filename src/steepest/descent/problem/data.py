"""The data of a fit: conversion to arrays, and checks."""

from __future__ import annotations

import decimal
import numbers
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.problem.parameters import first_not_finite
from steepest.descent.problem.streamed import refuse_blocks
from steepest.errors import InputError
from steepest.graph import trees
from steepest.trace.following.tables.columns import columns_of, is_data_frame


class Data(NamedTuple):
    """Model and data of a curve fit.

    Attributes
    ----------
    model
        ``model(x, parameters)``.
    x, y
        The data that were used.
    kind
        What sigma is: ``"none"``, ``"each"`` or ``"matrix"``, as for :class:`Residuals`.
    is_named
        Whether the parameters are a dict.
    nan_policy
        What was done with points that are not finite.
    rows
        Labels of the data, from a pandas index, or their positions if points were left out; None
        if neither is the case.
    labels
        What x and y say that they are, with their units: ``"time [s]"``; "" if they do not.
    """

    model: Callable[[Any, Any], Any]
    x: Any
    y: np.ndarray
    kind: str = "none"
    is_named: bool = False
    nan_policy: str | None = None
    rows: Any = None
    labels: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return f"Data(y of shape {np.shape(self.y)}, kind={self.kind!r})"


def validate_data(
    x: Any,
    y: Any,
    sigma: Any,
    check_finite: bool | None,
    nan_policy: str | None,
    single: bool = False,
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return x, y and sigma as arrays of real numbers, without points to be omitted.

    float32 becomes float64 unless `single` is true.
    """
    check_nan_policy(nan_policy)
    y = real(y, "y", single)
    x = as_real_x(x, single)
    if sigma is not None:
        sigma = real(sigma, "sigma", single)
        if sigma.ndim == 0:
            sigma = np.full(y.shape, sigma)
        if sigma.ndim == 1 == y.ndim and sigma.shape != y.shape:
            _check_length_of_y(x, y, sigma)
        if sigma.shape not in (y.shape, (y.size, y.size)):
            raise InputError(
                f"sigma must have the shape of y, {y.shape}, or be a covariance of shape "
                f"{(y.size, y.size)}: got {sigma.shape}"
            )
        if sigma.shape == y.shape:
            sigma = np.abs(sigma)  # as in SciPy, which squares sigma
            check_positive(sigma)
    if nan_policy == "omit":
        x, y, sigma = _without_nan(x, y, sigma)
    elif nan_policy != "propagate" and check_finite is not False:
        for name, tree in (("x", x), ("y", y), ("sigma", sigma)):
            found = None if tree is None else first_not_finite(tree, name)
            if found:
                raise InputError(
                    f"{found}: clean the data, or leave such points out with nan_policy='omit'"
                )
    if sigma is not None and sigma.ndim == 2 and sigma.shape != y.shape:
        sigma = _whitening(sigma)
    return x, y, sigma


def _check_length_of_y(x: Any, y: np.ndarray, sigma: np.ndarray) -> None:
    """Raise if x and sigma have the same length, and y another one."""
    lengths = {leaf.shape[-1:] for leaf in trees.leaves(x)}
    if lengths == {sigma.shape}:
        raise InputError(
            f"y has {y.size} data, but x and sigma have {sigma.size}: one for each point is needed"
        )


def kind_of(sigma: Any, y: Any) -> str:
    """Return what a checked sigma is, as :attr:`Data.kind` says it."""
    if sigma is None:
        return "none"
    return "each" if sigma.shape == y.shape else "matrix"


def check_nan_policy(nan_policy: str | None) -> None:
    """Raise for an unknown policy."""
    if nan_policy not in (None, "raise", "omit", "propagate"):
        raise InputError(f"nan_policy must be 'raise', 'omit' or 'propagate', got {nan_policy!r}")


def check_positive(sigma: np.ndarray) -> None:
    """Raise if a standard deviation is 0."""
    for index in np.argwhere(sigma == 0)[:1]:
        where = f"sigma[{', '.join(map(str, index))}]" if len(index) else "sigma"
        raise InputError(f"{where} is 0: standard deviations must be positive")


def as_x(x: Any) -> Any:
    """Return x as an array, if it is a list or tuple that is one."""
    if type(x) not in (list, tuple):
        return x
    try:
        array = np.asarray(x)
    except ValueError:  # of different lengths: stays nested
        return x
    return array if array.dtype.kind in "fiub" else x


def as_real_x(x: Any, single: bool = True) -> Any:
    """Return x as the models of curve fits get it: arrays of real numbers, maybe nested."""
    x = columns_of(x) if is_data_frame(x) else as_x(x)
    return trees.map_leaves(lambda leaf: real(leaf, "x", single), x)


def is_single(start: Any) -> bool:
    """Whether all start values are of single precision."""
    kinds = {getattr(leaf, "dtype", None) for leaf in trees.leaves(start)}
    return kinds == {np.dtype(np.float32)}


def real(value: Any, name: str, single: bool = True) -> np.ndarray:
    """Return data as an array of real numbers: float64, or float32 if `single` is true."""
    if np.ma.is_masked(value):
        raise InputError(
            f"{name} is a masked array, and some of it is masked: leave such points out, or give "
            f"{name}.filled(np.nan) and nan_policy='omit'"
        )
    array = np.asarray(value)
    if array.dtype.kind == "O":
        refuse_blocks(value)
        array = _numbers(array)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} has dtype {array.dtype}: real numbers are needed")
    is_fine = array.dtype.isnative and array.dtype.char in ("df" if single else "d")
    return array if is_fine else array.astype(np.float64)


def _numbers(array: np.ndarray) -> np.ndarray:
    """Return an array of objects as floats if all are real numbers, else as it is."""
    kinds = numbers.Real | np.bool_ | decimal.Decimal
    if not all(isinstance(item, kinds) for item in array.flat):
        return array
    return array.astype(np.float64)


def label_of(values: Any) -> str:
    """Return name and unit of data that have them, such as a Series of pandas; else ""."""
    if type(values) is np.ndarray or hasattr(values, "columns"):  # a table has many names
        return ""
    name = getattr(values, "name", None)
    attributes = getattr(values, "attrs", None)
    noted = attributes.get("units") if isinstance(attributes, Mapping) else None
    units = next((u for u in (noted, getattr(values, "unit", None)) if u is not None), None)
    label = name if isinstance(name, str) else ""
    return f"{label} [{units}]".strip() if units is not None and str(units) else label


_MAX_COPY = 1 << 26
"""Largest size of data that a fit keeps a copy of, in bytes."""


def snapshot_data(data: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return copies of the data, so that later changes of the caller's arrays do not matter."""
    size = sum(leaf.nbytes for leaf in trees.leaves(data) if isinstance(leaf, np.ndarray))
    if size > _MAX_COPY:
        return data
    copy = lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf
    copies: tuple[Any, ...] = trees.map_leaves(copy, data)
    return copies


def row_labels(x: Any, y: Any, sigma: Any, nan_policy: str | None) -> Any:
    """Return :attr:`Data.rows` for x, y and sigma as the user gave them."""
    pandas = sys.modules.get("pandas")
    tables = () if pandas is None else (pandas.Series, pandas.DataFrame)
    rows = next((part.index for part in (y, x) if isinstance(part, tables)), None)
    size = np.size(y)
    if rows is not None and len(rows) != size:
        rows = None
    if nan_policy == "omit":
        keep = _is_complete(
            as_real_x(x), real(y, "y"), None if sigma is None else real(sigma, "sigma")
        )
        rows = np.flatnonzero(keep) if rows is None else rows[keep]
    return rows


def _is_complete(x: Any, y: np.ndarray, sigma: np.ndarray | None) -> np.ndarray:
    """Return which points have no NaN or infinity."""
    complete = np.isfinite(y)
    for leaf in trees.leaves(x):
        if leaf.shape[-1:] == y.shape:
            complete &= np.isfinite(leaf).reshape(-1, y.size).all(axis=0)
    if sigma is not None and sigma.shape == y.shape:
        complete &= np.isfinite(sigma)
    return np.asarray(complete)


def _without_nan(
    x: Any, y: np.ndarray, sigma: np.ndarray | None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    keep = _is_complete(x, y, sigma)
    x = trees.map_leaves(lambda leaf: leaf[..., keep] if leaf.shape[-1:] == y.shape else leaf, x)
    if sigma is not None:
        sigma = sigma[keep] if sigma.shape == y.shape else sigma[np.ix_(keep, keep)]
    return x, y[keep], sigma


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """Return the inverse Cholesky factor of a covariance, which makes residuals independent."""
    if not np.allclose(covariance, covariance.T, rtol=1e-6, atol=0):
        raise InputError("sigma is no covariance: the matrix must be symmetric")
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise InputError("sigma is no covariance: the matrix must be positive definite") from None
    return np.linalg.inv(lower)

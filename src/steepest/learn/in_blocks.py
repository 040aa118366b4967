"""Samples that are read in blocks, because they are larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    _check_y,
    validate_data,
)

from steepest.errors import InputError
from steepest.streams import Source, is_read, opened, opening
from steepest.streams.arrays import is_sliced, of_array

FLOATS = [np.float64, np.float32]
"""Dtypes in which samples are kept; others become the first."""


def validated(
    estimator: Any, X: Any, y: Any, why: str, reset: bool = True, **options: Any
) -> tuple[Any, Any]:
    """Return checked samples and targets; samples may stay where they are, and be read in blocks.

    Parameters
    ----------
    estimator, X, y
        The estimator, samples and targets, which are read whole.
    why
        Why samples must be in memory, and what to write instead; empty if they need not.
    reset, **options
        As for scikit-learn's ``validate_data``.
    """
    if why and is_sliced(X):  # as scikit-learn does
        X = np.asarray(X)
    if is_read(X) or is_read(y):
        X, y = opened((X, y), ("X", "y"))
    y = y.whole() if isinstance(y, Source) else y
    X = _samples(X, not why)
    if not isinstance(X, Source):
        return tuple(validate_data(estimator, X, y, dtype=FLOATS, reset=reset, **options))
    if why:
        raise InputError(f"{type(estimator).__name__}: {X.name} is read in blocks, but {why}")
    X = _real_samples(estimator, X, reset)
    targets = {k: v for k, v in options.items() if k in ("multi_output", "y_numeric")}
    y = _check_y(y, estimator=estimator, **targets)
    check_consistent_length(X, y)
    found = X.first_not_finite()
    if found:
        raise InputError(f"{type(estimator).__name__}.fit: {found}: clean the data")
    return X, y


def validated_samples(estimator: Any, X: Any) -> Any:
    """Return checked samples to predict for, which may be read in blocks."""
    if is_read(X):
        (X,) = opened((X,), ("X",))
    X = _samples(X, True)
    if not isinstance(X, Source):
        return validate_data(estimator, X, dtype=FLOATS, reset=False)
    X = _real_samples(estimator, X, False)

    def checked(rows: np.ndarray) -> np.ndarray:
        if not np.isfinite(rows).all():
            raise InputError(f"{X.first_not_finite()}: clean the data")
        return rows

    return X.map(checked)


def _samples(X: Any, may_be_read: bool) -> Any:
    """Return samples with a source in place of a large array that is mapped from disk."""
    is_mapped = isinstance(X, np.memmap) and X.ndim == 2 and X.nbytes > opening.READ_WHOLE
    return of_array(X, "X") if is_mapped and may_be_read else X


def _real_samples(estimator: Any, X: Source, reset: bool) -> Source:
    """Return samples of real numbers in two axes, and note or compare the number of features."""
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise InputError(
            f"{type(estimator).__name__}: samples need real numbers in two axes, (n_samples, "
            f"n_features), and {X.name} has shape {X.shape} and dtype {X.dtype}"
        )
    _check_feature_names(estimator, X, reset=reset)
    _check_n_features(estimator, X, reset=reset)
    return X if X.dtype in FLOATS else X.astype(np.float64)


def first_rows(X: Any, count: int) -> np.ndarray:
    """Return a copy of the first samples."""
    rows = X.read(0, min(count, len(X))) if isinstance(X, Source) else X[:count]
    return np.array(rows)


def moments(X: Source, weights: np.ndarray, has_center: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the weighted mean of each feature, or 0, and the root mean square around it.

    The mean is that of differences from a row, so that the mean of a constant is exact. Numbers
    are divided by the largest, so that no sum overflows or vanishes. Rows without weight are left
    out.
    """
    lowest, highest = np.full(X.shape[1], np.inf), np.full(X.shape[1], -np.inf)
    for rows, _ in _weighted(X, weights):
        lowest = np.minimum(lowest, np.min(rows, axis=0))
        highest = np.maximum(highest, np.max(rows, axis=0))
    center = np.zeros(X.shape[1])
    if has_center:
        peak = _or_one(np.maximum(-lowest, highest))
        first = int(np.argmax(weights > 0))
        origin = X.read(first, first + 1)[0] / peak
        center = (origin + _mean(X, weights, lambda rows: rows / peak - origin)) * peak
    far = _or_one(np.maximum(center - lowest, highest - center))
    return center, far * np.sqrt(_mean(X, weights, lambda rows: ((rows - center) / far) ** 2))


def _or_one(sizes: np.ndarray) -> np.ndarray:
    return np.where(sizes == 0, 1.0, sizes)


def _weighted(X: Source, weights: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the rows that have a weight, in double precision, and their weights."""
    for start, stop in X.spans():
        has_weight = weights[start:stop] > 0
        if has_weight.any():
            rows = X.read(start, stop)[has_weight]
            yield rows.astype(float, copy=False), weights[start:stop][has_weight]


def _mean(
    X: Source, weights: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Return the weighted mean of a function of the rows."""
    total = np.zeros(X.shape[1])
    for rows, of_rows in _weighted(X, weights):
        total += of_rows @ function(rows)
    return np.asarray(total / np.sum(weights))


def triangle(X: Source, columns: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return R of the QR decomposition of samples and further columns, their rows weighted.

    Parameters
    ----------
    X, columns
        Samples, shape (n, k), and columns, shape (n, q).
    root
        What rows are multiplied by, shape (n,).

    Returns
    -------
    ndarray
        In double precision, shape (m, k + q); m is k + q, or n if that is less.
    """
    factor = np.zeros((0, X.shape[1] + columns.shape[1]))
    for start, stop in X.spans():
        rows = np.concatenate([X.read(start, stop), columns[start:stop]], axis=1)
        stacked = np.concatenate([factor, root[start:stop, None] * rows])
        factor = np.asarray(np.linalg.qr(stacked, "r"))
    return factor

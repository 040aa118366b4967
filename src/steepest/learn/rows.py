"""How many rows code is compiled for: folds of about one size share it.

Compiled code knows the number of its rows. Data that are a little shorter are filled up by copies
of a row that weigh nothing, so that they change no sum. A model that looks across rows, such as
one that subtracts their mean, sees the copies: its data are not filled up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

from steepest.graph import trees
from steepest.lazy import keep_recent
from steepest.learn.objective import Data

_MOST_KEYS = 128
_STEP, _SLACK = 8, 32
"""Row numbers are multiples of the step, with room for one in 32 rows more."""

_MOST_CHECKED = 1000
"""Samples on which a model is checked."""

_known: OrderedDict[Hashable, set[int]] = OrderedDict()
_lock = threading.Lock()


def compiled_rows(key: Hashable, rows: int) -> int:
    """Return for how many rows to compile, at least `rows`.

    It is a number that was returned before for this key, if one is at most an eighth too large.

    Parameters
    ----------
    key
        What the compiled code depends on besides.
    rows
        Number of samples.
    """
    with _lock:
        numbers = _known.get(key) or set()
        fitting = [number for number in numbers if rows <= number <= rows + rows // 8 + _STEP]
        if fitting:
            return min(fitting)
        number = -(-(rows + rows // _SLACK) // _STEP) * _STEP
        keep_recent(_known, key, numbers | {number}, _MOST_KEYS)
        return number


def filled(data: Data, rows: int) -> Data:
    """Return data of at least so many rows: the first one is repeated, with weight 0."""
    missing = rows - data.rows
    if missing <= 0:
        return data
    taken = data.take(with_copies(data.rows, rows))
    taken.weights[data.rows :] = 0
    return taken


def with_copies(rows: int, wanted: int) -> np.ndarray:
    """Return the numbers of all rows, and the first one's again up to the number wanted."""
    return np.concatenate([np.arange(rows), np.zeros(wanted - rows, np.int64)])


def is_row_wise(predict: Callable[[Any, np.ndarray], Any], start: Any, X: np.ndarray) -> bool:
    """Whether a model predicts each row by itself, as seen on some of them.

    It is called with and without copies of the first row, near the start values: at values of
    zero, many a model does not depend on its samples. Predictions that do not vary show nothing,
    and count as no.

    Parameters
    ----------
    predict
        Returns predictions from parameters and samples.
    start
        Start values.
    X
        Samples.
    """
    random = np.random.default_rng(0)
    near = trees.map_leaves(lambda leaf: _moved(np.asarray(leaf), random), start)
    X = X[:_MOST_CHECKED]  # parts of which are copies: a model may change them
    rows = len(X)
    taken = with_copies(rows, rows + _STEP + rows // _SLACK)
    try:
        with np.errstate(all="ignore"):
            alone, longer = [np.asarray(predict(near, X[part])) for part in (taken[:rows], taken)]
    except Exception:  # whatever the model raises for another number of rows
        return False
    if longer.shape != (len(taken), *alone.shape[1:]):
        return False
    if not np.isfinite(alone).any() or np.array_equal(alone, alone[:1].repeat(rows, axis=0)):
        return False
    precision = 1e3 * np.finfo(X.dtype).eps
    size = np.max(np.abs(alone), where=np.isfinite(alone), initial=0.0)
    return np.allclose(longer, alone[taken], precision, precision * size, equal_nan=True)


def _moved(leaf: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return values that differ a little from those of a leaf, of the same signs."""
    if leaf.dtype.kind != "f":
        return leaf
    shift = random.uniform(0.02, 0.1, leaf.shape)
    return np.asarray(np.where(leaf == 0, shift, leaf * (1 + shift)), leaf.dtype)

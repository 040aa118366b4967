"""Formulas that stand in for SciPy's of discrete distributions: sums of probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.functions.registry import Array, as_plain
from steepest.trace.functions.scipy.stats.formulas import NO_FORMULA, Formulas
from steepest.trace.functions.scipy.stats.helpers import as_array
from steepest.trace.functions.scipy.stats.own.formulas import owns

_MOST_TERMS = 4096


@owns("rv_discrete", "_cdf")
def _cdf(self: Formulas, k: Array, *shapes: Array) -> Array:
    """Return the sum of the probabilities up to `k`; its number of terms is a guard."""
    low, high = (as_array(end) for end in self._get_support(*shapes))
    first, last = (as_plain(stop_gradient(_whole(x))) for x in (np.min(low), _largest(k, high)))
    if not 0 <= last - first <= _MOST_TERMS:
        raise UnsupportedError(NO_FORMULA)
    counts = np.arange(int(first), int(last) + 1, dtype=np.float64)
    shape = np.broadcast_shapes(np.shape(k), *map(np.shape, shapes))
    columns = np.repeat(counts, shape[0])
    repeated = [_repeated(x, counts.size, shape[0]) for x in shapes]
    terms = np.reshape(self._pmf(columns, *repeated), (counts.size, shape[0]))
    ahead = np.reshape(counts, (-1, 1))
    return np.sum(np.where((ahead <= k) & (ahead >= low), terms, 0.0), axis=0)


def _whole(x: Any) -> Any:
    return np.where(np.isfinite(x), np.floor(x), 0.0)


def _largest(k: Array, high: Array) -> Array:
    within = np.where(np.isfinite(k) & (k <= high), k, -np.inf)
    return np.max(within)


def _repeated(x: Array, number: int, size: int) -> Array:
    if np.size(x) == 1:
        return x
    return np.tile(np.broadcast_to(x, (size,)), number)

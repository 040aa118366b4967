"""Starts that are drawn between bounds."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.errors import InputError


def drawn_between(bounds: Any, count: Any, seed: Any) -> Any:
    """Return starts that cover a box evenly, with a row for each: scrambled Sobol points.

    Parameters
    ----------
    bounds
        Pairs (low, high), or an object with ``lb`` and ``ub``; or a dict of pairs, or of lists of
        pairs for arrays.
    count
        Number of starts.
    seed
        Seed or generator of the scrambling.

    Raises
    ------
    InputError
        If a bound is not finite, or the count is not a positive whole number.
    """
    is_count = isinstance(count, int | np.integer) and not isinstance(count, bool)
    if not is_count or count < 1:
        raise InputError(f"count must be a positive whole number, got {count!r}")
    if not isinstance(bounds, Mapping):
        low, high = _finite_ends(bounds)
        return _points(low, high, int(count), seed)
    tables = [_finite_ends(pairs) for pairs in bounds.values()]
    low, high = (np.concatenate(ends) for ends in zip(*tables, strict=True))
    points = _points(low, high, int(count), seed)
    sizes = [len(ends[0]) for ends in tables]
    columns = np.split(points, np.cumsum(sizes)[:-1], axis=1)
    is_number = [np.ndim(pairs) == 1 for pairs in bounds.values()]
    parts = [c[:, 0] if one else c for c, one in zip(columns, is_number, strict=True)]
    return OrderedDict(zip(bounds, parts, strict=True))


def ends_of(bounds: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of a pair, of a list of pairs, or of SciPy's ``Bounds``.

    They are infinite where there is no bound, which may also be written as None.
    """
    if hasattr(bounds, "lb"):
        low, high = np.broadcast_arrays(*map(np.atleast_1d, (bounds.lb, bounds.ub)))
        table = np.stack([low, high], axis=-1)
    else:
        try:
            table = np.asarray(bounds, np.float64)
        except (TypeError, ValueError):
            table = np.zeros(0)
    if table.ndim == 1 and table.size == 2:
        table = table[None]
    if table.ndim != 2 or table.shape[1] != 2:
        raise InputError(f"bounds must be a pair (low, high) for each parameter, got {bounds!r}")
    table = np.where(np.isnan(table), [-np.inf, np.inf], table)
    if (table[:, 0] > table[:, 1]).any():
        raise InputError(f"a lower bound is above its upper one: {bounds!r}")
    return table[:, 0], table[:, 1]


def _finite_ends(bounds: Any) -> tuple[np.ndarray, np.ndarray]:
    low, high = ends_of(bounds)
    if not np.isfinite([low, high]).all():
        raise InputError(
            "starts are drawn between the bounds, which must be finite, or give starts: "
            f"{bounds!r}"
        )
    return low, high


def _points(low: np.ndarray, high: np.ndarray, count: int, seed: Any) -> np.ndarray:
    from scipy.stats import qmc

    power = int(np.ceil(np.log2(count)))
    unit = qmc.Sobol(len(low), scramble=True, seed=seed).random_base2(power)[:count]
    return np.asarray(low + unit * (high - low))

"""The data of a fit, some of which may be read in blocks of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.data import (
    as_real_x,
    check_nan_policy,
    check_positive,
    real,
    validate_data,
)
from steepest.descent.problem.parameters import first_not_finite
from steepest.descent.problem.streamed import opened_for, sources_in
from steepest.engines import Engine, get_engine
from steepest.errors import InputError
from steepest.graph import trees
from steepest.streams import Source
from steepest.trace.following.tables.columns import is_data_frame

_PLAIN = frozenset({np.ndarray, float, int, bool, np.float64, type(None)})
_NAMES = ("x", "y", "sigma")
_SAMPLED_ROWS, _SAMPLED_PIECES = 200, 10
"""Rows of each piece of the data from which start values are guessed, and the pieces."""


def opened_data(engine: str | Engine, *data: Any, names: Sequence[str] = _NAMES) -> Sequence[Any]:
    """Return data of a fit with a source in place of each array that is read in blocks.

    Raises
    ------
    InputError
        If the engine needs all data in memory, or if numbers of rows differ.
    """
    if all([_is_plain(part) for part in data]):
        return data
    return opened_for(get_engine(engine), data, names[: len(data)])


def any_in_blocks(*data: Any) -> bool:
    """Whether any of some data are sources."""
    return not all([_is_plain(part) for part in data]) and bool(sources_in(data))


def _is_plain(part: Any) -> bool:
    """Whether data are arrays or numbers, without a look at each number of a list."""
    if type(part) is list or type(part) is tuple:
        return _PLAIN.issuperset(map(type, part))
    return type(part) in _PLAIN


def valid_data(
    x: Any,
    y: Any,
    sigma: Any,
    check_finite: bool | None,
    nan_policy: str | None,
    single: bool = False,
) -> tuple[Any, Any, Any]:
    """Return x, y and sigma as real numbers, as :func:`validate_data` does.

    What is read in blocks stays so. It is read once, to check it.
    """
    if not any_in_blocks(x, y, sigma):
        return validate_data(x, y, sigma, check_finite, nan_policy, single)
    check_nan_policy(nan_policy)
    if nan_policy == "omit":
        raise InputError(
            f"nan_policy='omit' needs all data in memory, and {_name(x, y, sigma)} is read in "
            "blocks: leave such rows out where the data are written, or give a function to "
            "st.blocks that yields the others"
        )
    y, x = real_rows(y, "y", single), real_x(x, single)
    if sigma is not None:
        sigma = _deviations(sigma, y, single)
    is_checked = nan_policy != "propagate" and check_finite is not False
    _check(x, y, sigma, is_checked)
    return x, y, sigma


def real_x(x: Any, single: bool = True) -> Any:
    """Return x as models get it: real numbers, in arrays or read in blocks, maybe nested."""
    if is_data_frame(x) or not any_in_blocks(x):
        return as_real_x(x, single)
    return trees.map_leaves(lambda leaf: real_rows(leaf, "x", single), x)


def real_rows(value: Any, name: str, single: bool = True) -> Any:
    """Return data as an array of real numbers, as :func:`real` does; or as a source of them."""
    if not isinstance(value, Source):
        return real(value, name, single)
    if value.dtype.kind not in "fiub":
        raise InputError(f"{value.name} has dtype {value.dtype}: real numbers are needed")
    return value if value.dtype.char in ("df" if single else "d") else value.astype(np.float64)


def sample_of(*data: Any) -> tuple[Any, ...]:
    """Return some rows of the data, from all over, if any are read in blocks; else all."""
    if not any_in_blocks(*data):
        return data
    rows = len(sources_in(data)[0])
    count = min(rows, _SAMPLED_ROWS)
    starts = np.linspace(0, rows - count, _SAMPLED_PIECES).astype(int)
    chosen = np.unique(starts[:, None] + np.arange(count))

    def some(leaf: Any) -> Any:
        if isinstance(leaf, Source):
            return leaf.take(chosen)
        if not isinstance(leaf, np.ndarray):
            return leaf
        if leaf.shape[-1:] == (rows,):
            return leaf[..., chosen]
        return leaf[chosen] if leaf.shape[:1] == (rows,) else leaf

    sampled: tuple[Any, ...] = trees.map_leaves(some, data)
    return sampled


def _name(*data: Any) -> str:
    return sources_in(data)[0].name


def _deviations(sigma: Any, y: Any, single: bool) -> Any:
    """Return standard deviations, in the shape of y."""
    sigma = real_rows(sigma, "sigma", single)
    if sigma.shape == () and isinstance(y, Source):
        number, row = np.abs(sigma), y.shape[1:]
        check_positive(sigma)
        rows = lambda start, stop: np.full((stop - start, *row), number)
        return Source("sigma", y.shape, sigma.dtype, rows, mark=lambda: str(number))
    if sigma.shape == ():
        sigma = np.full(y.shape, sigma)
    if sigma.shape != y.shape:
        raise InputError(
            f"sigma must have the shape of y, {y.shape}, got {sigma.shape}: data that are read in "
            "blocks take standard deviations, and no covariance"
        )
    return sigma if isinstance(sigma, Source) else np.abs(sigma)


def _check(x: Any, y: Any, sigma: Any, is_checked: bool) -> None:
    """Raise if data are not finite, unless that is not checked, or if a sigma is 0."""
    sources = sources_in((x, y, sigma)) if is_checked else []
    scales = sources_in((sigma,))
    finite, least = _SURVEY(sources, scales) if sources or scales else ((), ())
    for source, is_finite in zip(sources, finite, strict=True):
        if not is_finite:
            raise _not_finite(f"{source.first_not_finite()}")
    for source, size in zip(scales, least, strict=True):
        if size == 0:
            found = source.first_where(lambda rows: rows == 0)
            raise InputError(f"{found}: standard deviations must be positive")
    for name, tree in zip(_NAMES, (x, y, sigma), strict=True):
        for leaf in [leaf for leaf in trees.leaves(tree) if isinstance(leaf, np.ndarray)]:
            found = first_not_finite(leaf, name) if is_checked else None
            if found:
                raise _not_finite(found)
    if isinstance(sigma, np.ndarray):
        check_positive(sigma)


def _not_finite(found: str) -> InputError:
    return InputError(
        f"{found}: clean the data; where some are read in blocks, rows cannot be left out here"
    )


def _survey(sources: Sequence[Any], scales: Sequence[Any]) -> Any:
    """Return which arrays are finite, and the least sizes of the numbers in others."""
    finite = [np.all(np.isfinite(rows)) for rows in sources]
    return finite, [np.min(np.abs(rows)) for rows in scales]


_SURVEY = Function(_survey)

"""What is read in blocks: sources by the kind of data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.streams.arrays import is_readable, is_sliced, of_array, of_reader
from steepest.streams.iterators import of_iterator
from steepest.streams.parquet import of_parquet
from steepest.streams.parquet_table import is_table
from steepest.streams.source import Source


def blocks(source: Any, columns: str | Sequence[str] | None = None) -> Any:
    """Return data that are read in blocks of rows: an argument of a loss, or data of a fit.

    A loss that sums over rows then needs little memory, however many rows there are. So do fits
    and estimators, such as :func:`curve_fit`.

    Parameters
    ----------
    source : path, pyarrow.dataset.Dataset, callable or array
        A Parquet file, a folder of Parquet files or a dataset of pyarrow; a function that returns
        an iterator of blocks, each an array or a tuple of arrays; or an array of NumPy, Zarr,
        h5py or Dask.
    columns : str or list of str, optional
        The columns of a table: a name gives an array of shape (n,), k names one of shape (n, k).

    Returns
    -------
    Source or tuple of Source
        With ``shape`` and ``dtype``; ``read(start, stop)`` returns some rows. A tuple if the
        blocks are tuples: their items are read together.

    Raises
    ------
    InputError
        If there is no such file or column, or if columns or blocks have no numbers.
    SettingError
        If `source` is something else.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def halves():
    ...     yield np.arange(0.0, 500.0), np.ones(500)
    ...     yield np.arange(500.0, 1000.0), np.ones(500)
    >>> x, y = st.blocks(halves)
    >>> x.shape, x.read(498, 502)
    ((1000,), array([498., 499., 500., 501.]))
    """
    if is_table(source):
        if columns is None:
            raise SettingError(
                "st.blocks needs columns for a table: a name, or a list of names such as "
                "columns=['x1', 'x2']"
            )
        return of_parquet(source, columns)
    if columns is not None:
        raise SettingError(f"columns is for tables in Parquet, and {source!r} is none")
    found = source_of(source, _UNNAMED)
    if found is not None:
        return found
    if isinstance(source, np.ndarray):
        return of_array(source, _UNNAMED)
    if callable(source):
        return of_iterator(source, getattr(source, "__name__", "the function"))
    if hasattr(source, "__next__"):
        raise SettingError(
            "st.blocks needs a function that returns a new iterator each time, since data are "
            "read several times: give lambda: iterator_of(...), not the iterator itself"
        )
    raise SettingError(
        "st.blocks takes the path of a Parquet file, a dataset, an array, or a function that "
        f"returns an iterator of blocks; got {source!r}"
    )


def source_of(value: Any, name: str) -> Source | None:
    """Return the source of a value that is read in blocks; None if it is something else."""
    if isinstance(value, Source):
        return value
    if is_sliced(value):
        return of_array(value, name)
    return of_reader(value, name) if is_readable(value) else None


_UNNAMED = "the array"
"""What messages call an array until it is an argument, which has a name."""

READ_WHOLE = 1 << 25
"""Data of up to so many bytes are read as a whole."""


def opened(args: Sequence[Any], names: Sequence[str]) -> tuple[Any, ...]:
    """Return arguments with sources in place of what is read in blocks.

    If all of it is small, or one row, it is read now.

    Parameters
    ----------
    args, names
        The arguments, maybe nested, and a name for each.

    Raises
    ------
    InputError
        If what is read in blocks has different numbers of rows.
    """
    if not any(is_read(leaf) for leaf in trees.leaves(tuple(args), is_leaf=is_read)):
        return tuple(args)
    named = zip(args, names, strict=True)
    found = tuple([trees.map_named(_source_or_array, *pair, is_read) for pair in named])
    sources = [leaf for leaf in trees.leaves(found) if isinstance(leaf, Source)]
    if len({len(source) for source in sources}) > 1:
        lengths = ", ".join(f"{source.name} has {len(source)}" for source in sources)
        raise InputError(f"what is read in blocks must have the same number of rows: {lengths}")
    has_blocks = any(len(source) > 1 for source in sources)
    if has_blocks and sum(source.nbytes for source in sources) > READ_WHOLE:
        return found
    whole: tuple[Any, ...] = trees.map_leaves(
        lambda leaf: leaf.whole() if isinstance(leaf, Source) else leaf, found
    )
    return whole


def is_read(value: Any) -> bool:
    """Whether a value is read in blocks."""
    return isinstance(value, Source) or is_sliced(value) or is_readable(value)


def _source_or_array(leaf: Any, name: str) -> Any:
    """Return the source of what is read in blocks, and anything else as it is."""
    if isinstance(leaf, np.ma.MaskedArray):
        if np.ma.is_masked(leaf):
            raise InputError(
                f"{name} is a masked array, and some of it is masked: beside data that are read "
                "in blocks, fill it, or give weights that are 0 there"
            )
        return leaf.data
    found = source_of(leaf, name)
    if found is None:
        return leaf
    return found.named(name) if found.name == _UNNAMED else found

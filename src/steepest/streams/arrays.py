"""Arrays of other libraries, of which rows are read by slices: Zarr, HDF5, Dask."""

from __future__ import annotations

import contextlib
import inspect
import math
import threading
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.streams.source import Source, plain
from steepest.streams.units import Units

_LEAST_BYTES = 1 << 23
"""Bytes of chunks that are read at a time."""


def is_sliced(value: Any) -> bool:
    """Whether a value is an array that is stored in chunks, such as Zarr's, h5py's or Dask's."""
    return _has(value, "chunks", "shape", "dtype", "__getitem__")


def is_readable(value: Any) -> bool:
    """Whether a value reads rows itself: it has `shape`, `dtype` and ``read(start, stop)``."""
    return _has(value, "read", "shape", "dtype") and callable(value.read)


def _has(value: Any, *names: str) -> bool:
    """Whether an object has attributes of its own, found without a call of its ``__getattr__``.

    That of a user's object may raise, or answer any name.
    """
    if isinstance(value, np.ndarray | np.generic):
        return False
    return all(inspect.getattr_static(value, name, None) is not None for name in names)


def of_array(array: Any, name: str) -> Source:
    """Return the source of an array whose slices can be made NumPy's.

    Raises
    ------
    InputError
        If it has no rows, or if their number is not known.
    """
    shape, dtype = _shape(array, name), np.dtype(array.dtype)
    ends = _ends(getattr(array, "chunks", None), shape, dtype)
    if ends is None:
        is_ours = isinstance(array, np.ndarray)
        lock = contextlib.nullcontext() if is_ours else threading.Lock()

        def rows(start: int, stop: int) -> Any:
            # A copy, so that the reading thread waits for the disk where an array is mapped.
            with lock:
                return array[start:stop].copy() if is_ours else array[start:stop]

        return Source(name, shape, dtype, rows, origin=array)

    def unit(number: int) -> np.ndarray:
        start, stop = ends[number], ends[number + 1]
        chunks = array[start:stop]
        return plain(chunks.compute() if hasattr(chunks, "compute") else chunks, name, start)

    units = Units(ends, unit)

    def read(start: int, stop: int) -> np.ndarray:
        parts = [unit[low:high] for unit, _, low, high in units.between(start, stop)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, *shape[1:]), dtype)

    locate = lambda row: f"chunk {units.number_of(row)}"
    return Source(name, shape, dtype, read, origin=array, locate=locate)


def _ends(chunks: Any, shape: tuple[int, ...], dtype: np.dtype) -> list[int] | None:
    """Return where the chunks along the first axis begin, and the number of rows.

    Small chunks are read several at a time. None if there are no chunks.
    """
    if not chunks:
        return None
    if not isinstance(chunks[0], int):  # Dask's chunks have different lengths
        return [0, *np.cumsum(chunks[0]).tolist()]
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    together = max(1, _LEAST_BYTES // max(1, chunks[0] * row_bytes))
    return [*range(0, shape[0], chunks[0] * together), shape[0]]


def of_reader(reader: Any, name: str) -> Source:
    """Return the source of an object that has `shape`, `dtype` and ``read(start, stop)``."""
    lock = threading.Lock()

    def read(start: int, stop: int) -> np.ndarray:
        with lock:  # it may use the same memory again
            return plain(reader.read(start, stop), name, start).copy()

    return Source(name, _shape(reader, name), np.dtype(reader.dtype), read)


def _shape(array: Any, name: str) -> tuple[int, ...]:
    shape = tuple(array.shape)
    if not shape:
        raise InputError(f"{name} is a single number: what is read in blocks needs rows")
    if any([math.isnan(extent) for extent in shape]):
        raise InputError(
            f"{name} has shape {shape}, where a number of rows is unknown: call its "
            "compute_chunk_sizes() first"
        )
    return tuple(map(int, shape))

"""Blocks of rows that an iterator yields, one after the other."""

from __future__ import annotations

import bisect
import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError
from steepest.streams.source import Source, plain

Factory = Callable[[], Any]
"""Returns a new iterator of blocks: of arrays, or of tuples of arrays."""

Kinds = list[tuple[tuple[int, ...], np.dtype]]
"""The shape of a row and the dtype of each array."""


class _Walk:
    """A walk through the blocks of an iterator, which several sources share.

    Rows are asked for in order. Blocks are kept as long as rows of them may be asked for.

    Parameters
    ----------
    factory, name
        Of the iterator.
    rows, kinds
        Number of all rows; shape of a row and dtype of each array.
    """

    def __init__(self, factory: Factory, name: str, rows: int, kinds: Kinds) -> None:
        self._factory, self._name, self._rows, self._kinds = factory, name, rows, kinds
        self._lock = threading.Lock()
        self._blocks: Iterator[Block] = iter(())
        self._kept: list[tuple[int, tuple[np.ndarray, ...]]] = []
        self._starts: dict[int, int] = {}
        self._end = 0
        self._is_begun = False

    def _begin(self) -> None:
        self._blocks = blocks_of(self._factory, self._name)
        self._is_begun = True
        self._kept, self._starts, self._end = [], {}, 0

    def read(self, number: int, start: int, stop: int) -> np.ndarray:
        """Return rows of one of the arrays."""
        with self._lock:
            if not self._is_begun or start < (self._kept[0][0] if self._kept else self._end):
                self._begin()
            self._starts[number] = start  # each array is read in order, but not by equal steps
            first = min(self._starts.values())
            while self._kept and self._kept[0][0] + len(self._kept[0][1][0]) <= first:
                del self._kept[0]
            while self._end < stop:
                self._add(first)
            parts = [
                block[number][max(start - low, 0) : stop - low]
                for low, block in self._kept
                if low < stop
            ]
        shape, dtype = self._kinds[number]
        return np.concatenate(parts) if parts else np.empty((0, *shape), dtype)

    def _add(self, first: int) -> None:
        """Take the next block, and keep it if it has rows from `first` on."""
        found = next(self._blocks, None)
        end = self._end + (0 if found is None else len(found.arrays[0]))
        is_last = end >= self._rows
        if found is None or end > self._rows or (is_last and self._has_more()):
            was = f"ends after {end} rows, but had more" if found is None else "has more rows than"
            raise InputError(
                f"{self._name} {was} when they were counted: it must return a new iterator each "
                "time, over the same blocks"
            )
        if end > first:
            own = tuple([part.copy() for part in found.arrays])  # it may yield them again
            self._kept.append((self._end, own))
        self._end = end

    def _has_more(self) -> bool:
        return any(len(block.arrays[0]) > 0 for block in self._blocks)


class Block(NamedTuple):
    """A block that an iterator yields: its arrays, and whether it is a tuple of them."""

    arrays: tuple[np.ndarray, ...]
    is_tuple: bool


def blocks_of(factory: Factory, name: str) -> Iterator[Block]:
    """Yield blocks, all of them like the first.

    Raises
    ------
    InputError
        If a block is no array, has another number of arrays, another width or dtype, masked rows,
        or arrays of different lengths.
    """
    iterator = factory()
    if not hasattr(iterator, "__iter__"):
        raise InputError(
            f"{name} must return an iterator of blocks, and returned {iterator!r}: give a "
            "function such as lambda: (np.load(path) for path in paths)"
        )
    kinds: Kinds | None = None
    rows = 0
    for place, block in enumerate(iterator):
        parts = block if isinstance(block, tuple) else (block,)
        for part in parts:
            if isinstance(part, list | dict | tuple | set):
                raise InputError(
                    f"block {place} of {name} has a {type(part).__name__}: yield an array, or a "
                    "tuple of arrays that are read together, such as (X, y)"
                )
        arrays = tuple([plain(part, name, rows) for part in parts])
        lengths = {array.shape[:1] for array in arrays}
        if len(lengths) != 1 or () in lengths:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise InputError(
                f"block {place} of {name} has arrays of shapes {shapes}: they must have the same "
                "number of rows"
            )
        found = [(array.shape[1:], array.dtype) for array in arrays]
        kinds = kinds or found
        if found != kinds:
            raise InputError(
                f"block {place} of {name} has {_described(found)}, but the first block has "
                f"{_described(kinds)}: all blocks must be alike"
            )
        for _, dtype in found:
            if dtype.kind not in "fiubc":
                raise InputError(f"block {place} of {name} has dtype {dtype}: numbers are needed")
        rows += len(arrays[0])
        yield Block(arrays, isinstance(block, tuple))


def _described(kinds: Kinds) -> str:
    parts = [
        f"rows of shape {shape} and dtype {dtype}" if shape else f"numbers of dtype {dtype}"
        for shape, dtype in kinds
    ]
    return " and ".join(parts)


def of_iterator(factory: Factory, name: str) -> Source | tuple[Source, ...]:
    """Return the source of a function that returns iterators of blocks.

    The blocks are walked through once, to count the rows. If they are tuples, there is a source
    for each item, and one walk reads all of them.
    """
    starts, rows, kinds, is_tuple = [], 0, None, False
    for arrays, is_tuple in blocks_of(factory, name):  # noqa: B007
        starts.append(rows)
        rows += len(arrays[0])
        kinds = kinds or [(array.shape[1:], array.dtype) for array in arrays]
    if kinds is None or rows == 0:
        raise InputError(f"{name} yields no rows: there is no data to fit")
    walk = _Walk(factory, name, rows, kinds)
    sources = tuple(
        Source(
            f"{name}[{number}]" if is_tuple else name,
            (rows, *shape),
            dtype,
            functools.partial(walk.read, number),
            is_sequential=True,
            locate=lambda row: f"block {bisect.bisect_right(starts, row) - 1}",
        )
        for number, (shape, dtype) in enumerate(kinds)
    )
    return sources if is_tuple else sources[0]

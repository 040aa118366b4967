"""The rows of minibatches in their order: numbers of rows in memory, or rows that are read."""

from __future__ import annotations

import abc
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import numpy as np

from steepest.activity import is_interrupted
from steepest.engines.native.runs.read_ahead import read_ahead
from steepest.engines.program import BatchPlan
from steepest.engines.protocol import Start
from steepest.streams import Source

_ROWS_IN_ORDER = 1 << 20
"""Rows of data that are put in order at a time."""


class Supply(NamedTuple):
    """Rows for some iterations.

    Attributes
    ----------
    steps
        Number of iterations for which there are rows.
    first
        Number of the first iteration whose rows are in `order`.
    order
        Numbers of rows, batch by batch.
    data
        The arrays that the numbers refer to, by the number of the data input; nothing if they
        are the whole arrays.
    """

    steps: int
    first: int
    order: np.ndarray
    data: dict[int, np.ndarray]


class Rows(abc.ABC):
    """Supplies the rows of batches."""

    _unread: Generator[Any] | None = None

    @abc.abstractmethod
    def supply(self, count: int) -> Supply:
        """Return rows for the iterations after `count` updates."""

    def close(self) -> None:
        """End the threads that read, if there are any."""
        if self._unread is not None:
            self._unread.close()


def rows_of(plan: BatchPlan | None, start: Start) -> Rows:
    """Return what supplies the rows of a run."""
    if plan is None:
        return _AllRows()
    if any(isinstance(value, Source) for value in start.data):
        return _ReadRows(plan, start)
    return _RowsInMemory(plan, start)


class _AllRows(Rows):
    """Every iteration takes all rows."""

    def supply(self, count: int) -> Supply:
        """Return rows for as many iterations as are wanted."""
        return Supply(1 << 62, 0, np.zeros(0, np.int64), {})


class _RowsInMemory(Rows):
    """The rows of some epochs, whose data are in memory."""

    def __init__(self, plan: BatchPlan, start: Start) -> None:
        self._plan, self._start = plan, start
        self._epochs, self._order = range(0), np.zeros(0, np.int64)

    def supply(self, count: int) -> Supply:
        """Return rows for the rest of some epochs."""
        steps, start = self._plan.steps_per_epoch, self._start
        if count >= self._epochs.stop * steps:
            first = count // steps
            last = min(start.epochs, first + max(1, _ROWS_IN_ORDER // self._plan.samples))
            self._epochs = range(first, last)
            self._order = np.concatenate([_order(start, e) for e in self._epochs])
        before = self._epochs.start * steps
        return Supply(self._epochs.stop * steps - count, before, self._order, {})


def _order(start: Start, epoch: int) -> np.ndarray:
    assert start.pieces is not None
    return np.concatenate(list(start.pieces(epoch)))


class _ReadRows(Rows):
    """Rows that are read while others are used.

    What was read last is kept as one array for each of the data, with the numbers of the rows in
    it that are not used yet, in their order.
    """

    def __init__(self, plan: BatchPlan, start: Start) -> None:
        self._plan, self._start = plan, start
        self._data = {i: v for i, v in enumerate(start.data) if plan.is_batched(i)}
        self._last: Supply | None = None

    def supply(self, count: int) -> Supply:
        """Return rows for the batches that have been read.

        Raises
        ------
        InterruptedPassError
            If Ctrl-C was pressed while rows were read.
        """
        plan, last, self._last = self._plan, self._last, None
        if last is not None and last.first <= count <= last.first + last.steps:
            order, rows = last.order[(count - last.first) * plan.size :], last.data
        else:
            order, rows = self._begin(count)
        in_epoch = plan.steps_per_epoch - count % plan.steps_per_epoch
        left = plan.samples - (count % plan.steps_per_epoch) * plan.size
        while len(order) < min(plan.size, left):
            order, rows = self._read_more(order, rows)
        steps = in_epoch if len(order) == left else len(order) // plan.size
        self._last = Supply(steps, count, order, rows)
        return self._last

    def _begin(self, count: int) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Begin to read at an iteration; return rows as :meth:`_read_more` does, but none."""
        epoch, number = divmod(count, self._plan.steps_per_epoch)
        pieces = self._pieces(epoch, number * self._plan.size)
        is_sequential = any(getattr(v, "is_sequential", False) for v in self._data.values())
        self.close()
        self._unread = read_ahead(pieces, self._read, is_sequential, is_interrupted)
        return np.zeros(0, np.int64), {}

    def _pieces(self, epoch: int, skipped: int) -> Iterator[np.ndarray]:
        """Yield the order of rows from an epoch on, piece by piece, without the first ones."""
        assert self._start.pieces is not None
        for each in range(epoch, self._start.epochs):
            for piece in self._start.pieces(each):
                if skipped < len(piece):
                    yield piece[skipped:]
                skipped = max(0, skipped - len(piece))

    def _read(self, piece: np.ndarray) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        first, end = int(piece.min()), int(piece.max()) + 1
        rows = {
            i: value.read(first, end) if isinstance(value, Source) else value[first:end]
            for i, value in self._data.items()
        }
        return piece - first, rows

    def _read_more(
        self, order: np.ndarray, before: dict[int, np.ndarray]
    ) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Return rows that were read before, those in use first, with further ones."""
        assert self._unread is not None
        piece, rows = next(self._unread)
        if not len(order):
            return piece, {i: np.ascontiguousarray(part) for i, part in rows.items()}
        joined = {i: np.concatenate([before[i][order], part]) for i, part in rows.items()}
        return np.concatenate([np.arange(len(order)), piece + len(order)]), joined

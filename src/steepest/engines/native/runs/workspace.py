"""The memory that Python and the machine code of a descent share."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence

import numpy as np

from steepest.engines.native.programs.evaluation import CompiledEvaluation
from steepest.engines.native.programs.layout import (
    COUNT,
    RECORDED,
    BlockLayout,
    current,
    previous,
)
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of, aligned_bytes
from steepest.engines.protocol import Snapshot

_HISTORY_BYTES, _HISTORY_ROWS = 1 << 22, 1 << 15
"""Most memory for the points of a history, and most rows, before Python copies them out."""


_IMAGE_BYTES = 1 << 14
"""Largest state of which a copy is kept, for later runs that start in the same state."""


class RunCopy:
    """A copy of a run at some time: integers, losses, report and vectors.

    Parameters
    ----------
    memory
        The layout.
    run_bytes
        The copied bytes.
    swapped
        For each vector, whether its copies have changed places.
    """

    def __init__(
        self, memory: BlockLayout, run_bytes: np.ndarray, swapped: Sequence[bool]
    ) -> None:
        self._memory, self._bytes, self._swapped = memory, run_bytes, swapped

    def view(self, name: str) -> np.ndarray:
        """Return one of the arrays."""
        return self._memory.view(name, self._bytes, self._memory.run_start)

    @property
    def count(self) -> int:
        """Updates made."""
        return int(self.view("integers")[COUNT])

    @property
    def previous_loss(self) -> float:
        """The loss before the last update."""
        return float(self.view("losses")[0])

    def vector(self, number: int) -> np.ndarray:
        """Return the current copy of a carried vector."""
        return self.view(previous(number) if self._swapped[number] else current(number))

    def previous_vector(self, number: int) -> np.ndarray:
        """Return the copy of a carried vector from before the last update."""
        return self.view(current(number) if self._swapped[number] else previous(number))

    @property
    def state(self) -> list[np.ndarray]:
        """The method's state."""
        return [self.vector(number) for number in range(1, len(self._memory.vectors))]

    def snapshot(self) -> Snapshot:
        """Return the copy as a snapshot, from which a run can continue."""
        return Snapshot(
            self.vector(0), self.previous_vector(0), self.state, self.count, self.previous_loss
        )


class Columns:
    """Copies of the first rows of a history's columns."""

    def __init__(self, block: np.ndarray, kinds: Sequence[np.dtype], rows: int) -> None:
        self._copies, self._kinds, self._rows = block[:, :rows].copy(), kinds, rows

    def __iter__(self) -> Iterator[np.ndarray]:
        for copy, kind in zip(self._copies, self._kinds, strict=True):
            yield copy.view(kind)[: self._rows]


class Workspace:
    """The memory of a run: a block of a layout, its arrays, and the table of pointers to them.

    Attributes
    ----------
    integers, losses, gradient, report
        Arrays that the machine code writes.
    run_bytes
        The bytes that describe the run: everything but the arena and the history.
    xs, history_rows
        Memory for the points of the history, and the number of its rows.
    copies
        For x and each vector of the state, two copies.
    table
        The table of pointers of the loop.
    evaluated
        The table of pointers of the evaluation, if the descent is in two parts.
    """

    def __init__(self, memory: BlockLayout, evaluation: CompiledEvaluation | None = None) -> None:
        block = aligned_bytes(memory.size)
        self._memory, self._block, self._evaluation = memory, block, evaluation
        self._vectors = block[memory.fields[current(0)][0] :]
        self.run_bytes = block[memory.run_start :]
        self._loaded: Sequence[np.ndarray] | None = None
        self._image = self._vectors[:0]

        def view(name: str) -> np.ndarray:
            return memory.view(name, block)

        self.integers, self.losses, self.gradient = map(view, ("integers", "losses", "gradient"))
        numbers = range(len(memory.vectors))
        self.copies = [(view(current(i)), view(previous(i))) for i in numbers]
        self.report = [view(f"report.{i}") for i in range(memory.reports)]
        self.table, base = memory.table.empty_table(), address_of(block)
        self._addresses = {name: base + offset for name, (offset, *_) in memory.fields.items()}
        for name, address in self._addresses.items():
            self._bind(name, address)
        self._add_history(memory)
        self._bind("queue", address_of(thread_pool.queue()))
        if evaluation is not None:
            self._add_evaluation(evaluation)

    def _bind(self, name: str, address: int) -> None:
        self._memory.table.bind(self.table, name, address)

    def _add_history(self, memory: BlockLayout) -> None:
        """Allocate memory for the history, for all runs: new memory is slow at first use."""
        point = 0 if memory.x is None else memory.x.size * memory.x.dtype.itemsize
        self.history_rows = min(_HISTORY_ROWS, max(16, _HISTORY_BYTES // max(point, 1)))
        rows = self.history_rows
        # All columns are one array, so that one copy takes all; no number is longer than a word.
        self._columns = np.empty((len(memory.records), rows), np.int64)
        self._kinds = [node.dtype for node in memory.records]
        self.xs = None if memory.x is None else np.empty((rows, memory.x.size), memory.x.dtype)
        for number, column in enumerate(self._columns):
            self._bind(f"column.{number}", address_of(column))
        if self.xs is not None:
            self._bind("x history", address_of(self.xs))

    def _add_evaluation(self, evaluation: CompiledEvaluation) -> None:
        """Make the evaluation's table, whose results are the loop's data."""
        self._arena = aligned_bytes(evaluation.arena_size)
        table = evaluation.table
        self.evaluated = table.empty_table()
        table.bind(self.evaluated, "arena", address_of(self._arena))
        table.bind(self.evaluated, "queue", address_of(thread_pool.queue()))
        for number in range(evaluation.number_of_outputs):
            table.bind(self.evaluated, f"output.{number}", self._addresses[f"data.{number}"])
        self._bind("evaluated", ctypes.addressof(self.evaluated))

    def load(self, state: Sequence[np.ndarray]) -> None:
        """Write the first state; the one that was written last is copied in one piece."""
        if state is not self._loaded:
            for (first, _), value in zip(self.copies[1:], state, strict=True):
                first[...] = value
            is_small = self._vectors.nbytes <= _IMAGE_BYTES
            self._loaded = state if is_small else None
            self._image = self._vectors.copy() if is_small else self._vectors[:0]
        else:
            self._vectors[...] = self._image

    def copy_run(self, swapped: Sequence[bool]) -> RunCopy:
        """Return a copy of everything but the arena and the history."""
        return RunCopy(self._memory, self.run_bytes.copy(), swapped)

    def history(self) -> tuple[Columns, np.ndarray | None]:
        """Return copies of the recorded rows: of the columns, and of the points."""
        rows = self.integers.item(RECORDED)
        xs = None if self.xs is None else self.xs[:rows].copy()
        return Columns(self._columns, self._kinds, rows), xs

    def bind_data(self, number: int, address: int) -> None:
        """Set the address of a data input; those of the tail come after the others."""
        if self._evaluation is not None:  # its first input is x
            self._evaluation.table.bind(self.evaluated, f"input.{number + 1}", address)
        else:
            self._bind(self._memory.data_slots[number], address)

    def bind_order(self, address: int) -> None:
        """Set the address of the order of rows."""
        self._bind("order", address)

    def bind_evaluation(self) -> None:
        """Set the addresses of the evaluation's machine code, as it is now."""
        evaluation = self._evaluation
        assert evaluation is not None
        self._bind("evaluate", evaluation.address)
        if len(evaluation.paths) > 1:
            self._chain = evaluation.chain()
            evaluation.table.bind(self.evaluated, "chain", address_of(self._chain))

    def order_copies(self, swapped: list[bool], numbers: Sequence[int]) -> None:
        """Set the addresses of the current and the previous copy of some vectors."""
        for number in numbers:
            slots = current(number), previous(number)
            fields = slots[::-1] if swapped[number] else slots
            for slot, field in zip(slots, fields, strict=True):
                self._bind(slot, self._addresses[field])

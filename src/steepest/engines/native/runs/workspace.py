"""The memory that Python and the machine code of a descent share."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence

import numpy as np

from steepest.engines.native.programs.function import CompiledGraph
from steepest.engines.native.programs.layout import COUNT, RECORDED, BlockLayout, here, there
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of, aligned_bytes
from steepest.engines.protocol import Snapshot

_HISTORY_BYTES, _HISTORY_ROWS = 1 << 22, 1 << 15
"""Most memory of the points in a history, and most rows, before Python takes them out."""


_IMAGE_BYTES = 1 << 14
"""Most bytes of state of which a copy is kept, for runs that start in the same."""


class Copied:
    """What a workspace held at some time: integers, losses, report and vectors.

    Parameters
    ----------
    memory, block, start
        The layout, and the bytes of a block from `start` on.
    swapped
        For each vector, whether its copies have changed places.
    """

    def __init__(
        self, memory: BlockLayout, block: np.ndarray, start: int, swapped: Sequence[bool]
    ) -> None:
        self._memory, self._block, self._start = memory, block, start
        self._swapped = swapped

    def view(self, name: str) -> np.ndarray:
        """Return one of its arrays."""
        return self._memory.view(name, self._block, self._start)

    @property
    def count(self) -> int:
        """Updates made."""
        return int(self.view("integers")[COUNT])

    @property
    def previous_loss(self) -> float:
        """The loss before the last update."""
        return float(self.view("losses")[0])

    def now(self, number: int) -> np.ndarray:
        """Return a carried vector."""
        return self.view(there(number) if self._swapped[number] else here(number))

    def before(self, number: int) -> np.ndarray:
        """Return what it was before the last update."""
        return self.view(here(number) if self._swapped[number] else there(number))

    @property
    def state(self) -> list[np.ndarray]:
        """The method's state."""
        return [self.now(number) for number in range(1, len(self._memory.vectors))]

    def snapshot(self) -> Snapshot:
        """Return where the run was."""
        return Snapshot(self.now(0), self.before(0), self.state, self.count, self.previous_loss)


class Columns:
    """Copies of the first rows of columns, out of the block in which they lie."""

    def __init__(self, block: np.ndarray, kinds: Sequence[np.dtype], rows: int) -> None:
        self._copies, self._kinds, self._rows = block[:, :rows].copy(), kinds, rows

    def __iter__(self) -> Iterator[np.ndarray]:
        for copy, kind in zip(self._copies, self._kinds, strict=True):
            yield copy.view(kind)[: self._rows]


class Workspace:
    """A block of that layout, its arrays, and the table of pointers to them.

    Attributes
    ----------
    integers, losses, gradient, report
        Arrays that the machine code writes.
    changing
        The bytes of everything but the arena and the history.
    xs, history_rows
        Where the points of the history are written, and for how many iterations there is room.
    copies
        For x and each vector of the state, two copies.
    table
        The pointers, as the machine code wants them.
    evaluated
        Those of what evaluates the loop's data, where that is compiled by itself: x and the
        data proper come first.
    """

    def __init__(self, memory: BlockLayout, evaluation: CompiledGraph | None = None) -> None:
        block = aligned_bytes(memory.size)
        self._memory, self._block, self._evaluation = memory, block, evaluation
        self._vectors = block[memory.fields[here(0)][0] :]
        self.changing = block[memory.changing :]
        self._loaded: Sequence[np.ndarray] | None = None
        self._image = self._vectors[:0]

        def view(name: str) -> np.ndarray:
            return memory.view(name, block)

        self.integers, self.losses, self.gradient = map(view, ("integers", "losses", "gradient"))
        numbers = range(len(memory.vectors))
        self.copies = [(view(here(i)), view(there(i))) for i in numbers]
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
        """Take memory for the history; it is kept, because fresh memory is slow to touch."""
        point = 0 if memory.x is None else memory.x.size * memory.x.dtype.itemsize
        self.history_rows = min(_HISTORY_ROWS, max(16, _HISTORY_BYTES // max(point, 1)))
        rows = self.history_rows
        # They lie in one block, to be copied in one go; no number takes more than a word.
        self._columns = np.empty((len(memory.records), rows), np.int64)
        self._kinds = [node.dtype for node in memory.records]
        self.xs = None if memory.x is None else np.empty((rows, memory.x.size), memory.x.dtype)
        for number, column in enumerate(self._columns):
            self._bind(f"column.{number}", address_of(column))
        if self.xs is not None:
            self._bind("x history", address_of(self.xs))

    def _add_evaluation(self, evaluation: CompiledGraph) -> None:
        """Let the loop find the evaluation's table, and both of them what is evaluated."""
        self._arena = aligned_bytes(evaluation.arena_size)
        table = evaluation.table
        self.evaluated = table.empty_table()
        table.bind(self.evaluated, "arena", address_of(self._arena))
        table.bind(self.evaluated, "queue", address_of(thread_pool.queue()))
        for number in range(len(evaluation.outputs)):
            table.bind(self.evaluated, f"output.{number}", self._addresses[f"data.{number}"])
        self._bind("evaluated", ctypes.addressof(self.evaluated))

    def load(self, state: Sequence[np.ndarray]) -> None:
        """Write a first state; one that was written before is copied in one piece."""
        if state is not self._loaded:
            for (here, _), value in zip(self.copies[1:], state, strict=True):
                here[...] = value
            is_small = self._vectors.nbytes <= _IMAGE_BYTES
            self._loaded = state if is_small else None
            self._image = self._vectors.copy() if is_small else self._vectors[:0]
        else:
            self._vectors[...] = self._image

    def copied(self, swapped: Sequence[bool]) -> Copied:
        """Return a copy of everything but the arena and the history."""
        return Copied(self._memory, self.changing.copy(), self._memory.changing, swapped)

    def history(self) -> tuple[Columns, np.ndarray | None]:
        """Return copies of the rows that were recorded: of the columns, and of the points."""
        rows = self.integers.item(RECORDED)
        xs = None if self.xs is None else self.xs[:rows].copy()
        return Columns(self._columns, self._kinds, rows), xs

    def bind_data(self, number: int, address: int) -> None:
        """Let one of the data be found: those of the tail come after the others."""
        if self._evaluation is not None:  # whose first input is x
            self._evaluation.table.bind(self.evaluated, f"input.{number + 1}", address)
        else:
            self._bind(self._memory.data_slots[number], address)

    def bind_order(self, address: int) -> None:
        """Let the order of the rows be found."""
        self._bind("order", address)

    def let_evaluate(self, address: int) -> None:
        """Let the loop call machine code for its data."""
        self._bind("evaluate", address)

    def order_copies(self, swapped: list[bool], numbers: Sequence[int]) -> None:
        """Let the machine code find the current copy of some vectors first."""
        for number in numbers:
            names = here(number), there(number)
            first, second = names[::-1] if swapped[number] else names
            self._bind(names[0], self._addresses[first])
            self._bind(names[1], self._addresses[second])

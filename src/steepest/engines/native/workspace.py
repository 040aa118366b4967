"""The memory that Python and the machine code of a descent share."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence

import numpy as np

from steepest.engines.native import threads
from steepest.engines.native.buffers import address_of, aligned_bytes
from steepest.engines.native.program import Program as CompiledGraph
from steepest.engines.program import Program, Snapshot

# Places in the block of integers.
COUNT, RECORDED, REASON, SWAPPED = 0, 1, 2, 3

# Positions in the table of pointers; the other columns of the history, the report, the
# carried vectors and the data follow. What evaluates the data has a table of its own.
ARENA, INTEGERS, LOSSES, GRADIENT, ORDER, BOARD, X_HISTORY = range(7)
EVALUATE, EVALUATED, COLUMNS = 7, 8, 9


_HISTORY_BYTES, _HISTORY_ROWS = 1 << 22, 1 << 15
"""Most memory of the points in a history, and most rows, before Python takes them out."""


_IMAGE_BYTES = 1 << 14
"""Most bytes of state of which a copy is kept, for runs that start in the same."""


class Memory:
    """The layout of the block: every array but history and data.

    Attributes
    ----------
    fields
        Offset, shape and dtype of each array, by name.
    size, changing
        Bytes in all, and those before what changes: the arena.
    reports, first, data
        Positions of the report, the first carried vector and the data in the table of
        pointers.
    """

    def __init__(self, program: Program, arena_size: int, in_parts: bool = False) -> None:
        it = program.full
        self.records, self.x = it.records, it.x if program.record_x else None
        self.reports = [COLUMNS + len(it.records) + i for i in range(len(it.report))]
        self.first = COLUMNS + len(it.records) + len(it.report)
        self.vectors = (it.x, *it.state)
        self.fields: dict[str, tuple[int, tuple[int, ...], np.dtype]] = {}
        self.size = 0
        self._add("arena", (arena_size,), np.dtype(np.uint8))
        self.changing = self.size
        self._add("integers", (SWAPPED + len(self.vectors),), np.dtype(np.int64))
        self._add("losses", (2,), it.loss.dtype)
        self._add("gradient", it.gradient.shape, it.gradient.dtype)
        for number, node in enumerate(it.report):
            self._add(f"report{number}", node.shape, node.dtype)
        for number, node in enumerate(self.vectors):
            self._add(f"here{number}", node.shape, node.dtype)
            self._add(f"there{number}", node.shape, node.dtype)
        self.data = self.first + 2 * len(self.vectors)
        if in_parts:
            for number, node in enumerate(it.data):
                self._add(f"data{number}", node.shape, node.dtype)
        tail = program.tail.data if program.tail else ()
        self.pointers = self.data + len(it.data) + len(tail)

    def _add(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.fields[name] = (self.size, shape, dtype)
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        self.size += -(-size // 64) * 64

    def view(self, name: str, block: np.ndarray, start: int = 0) -> np.ndarray:
        """Return an array of a block, of which `start` bytes are missing."""
        offset, shape, dtype = self.fields[name]
        return np.ndarray(shape, dtype, block, offset - start)


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
        self, memory: Memory, block: np.ndarray, start: int, swapped: Sequence[bool]
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
        return self.view(f"there{number}" if self._swapped[number] else f"here{number}")

    def before(self, number: int) -> np.ndarray:
        """Return what it was before the last update."""
        return self.view(f"here{number}" if self._swapped[number] else f"there{number}")

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

    def __init__(self, memory: Memory, evaluation: CompiledGraph | None = None) -> None:
        block = aligned_bytes(memory.size)
        self._memory, self._block = memory, block
        self._vectors = block[memory.fields["here0"][0] :]
        self.changing = block[memory.changing :]
        self._loaded: Sequence[np.ndarray] | None = None
        self._image = self._vectors[:0]
        self._first = memory.first

        def view(name: str) -> np.ndarray:
            return memory.view(name, block)

        self.integers, self.losses, self.gradient = map(view, ("integers", "losses", "gradient"))
        numbers = range(len(memory.vectors))
        self.copies = [(view(f"here{i}"), view(f"there{i}")) for i in numbers]
        self.table = (ctypes.c_void_p * memory.pointers)()
        base = address_of(block)
        for position, name in enumerate(("arena", "integers", "losses", "gradient")):
            self.table[position] = base + memory.fields[name][0]
        self._add_history(memory)
        self.report = [view(f"report{i}") for i in range(len(memory.reports))]
        for number, position in enumerate(memory.reports):
            self.table[position] = base + memory.fields[f"report{number}"][0]
        self._addresses = [
            (base + memory.fields[f"here{i}"][0], base + memory.fields[f"there{i}"][0])
            for i in numbers
        ]

        self.order_copies([False] * len(self.copies), numbers)
        self.table[BOARD] = address_of(threads.board())
        if evaluation is not None:
            self._add_evaluation(memory, evaluation, base)

    def _add_history(self, memory: Memory) -> None:
        """Take memory for the history; it is kept, because fresh memory is slow to touch."""
        point = 0 if memory.x is None else memory.x.size * memory.x.dtype.itemsize
        self.history_rows = min(_HISTORY_ROWS, max(16, _HISTORY_BYTES // max(point, 1)))
        rows = self.history_rows
        # They lie in one block, to be copied in one go; no number takes more than a word.
        self._columns = np.empty((len(memory.records), rows), np.int64)
        self._kinds = [node.dtype for node in memory.records]
        self.xs = None if memory.x is None else np.empty((rows, memory.x.size), memory.x.dtype)
        for number, column in enumerate(self._columns):
            self.table[COLUMNS + number] = address_of(column)
        if self.xs is not None:
            self.table[X_HISTORY] = address_of(self.xs)

    def _add_evaluation(self, memory: Memory, evaluation: CompiledGraph, base: int) -> None:
        """Let the loop find the evaluation's table, and both of them what is evaluated."""
        names = [f"data{i}" for i in range(len(evaluation.outputs))]
        places = [base + memory.fields[name][0] for name in names]
        self._arena = aligned_bytes(evaluation.arena_size)
        first = len(evaluation.paths[-1].inputs)
        self.evaluated = (ctypes.c_void_p * (first + 2 + len(places)))()
        self.evaluated[first] = address_of(self._arena)
        self.evaluated[first + 1] = self.table[BOARD]
        for number, place in enumerate(places):
            self.table[memory.data + number] = place
            self.evaluated[first + 2 + number] = place
        self.table[EVALUATED] = ctypes.addressof(self.evaluated)

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

    def let_evaluate(self, address: int) -> None:
        """Let the loop call machine code for its data."""
        self.table[EVALUATE] = address

    def order_copies(self, swapped: list[bool], numbers: Sequence[int]) -> None:
        """Let the machine code find the current copy of some vectors first."""
        for number in numbers:
            is_swapped = swapped[number]
            here, there = self._addresses[number]
            position = self._first + 2 * number
            self.table[position] = there if is_swapped else here
            self.table[position + 1] = here if is_swapped else there

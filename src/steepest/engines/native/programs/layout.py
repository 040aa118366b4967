"""The layout of memory that Python and machine code share: tables of pointers, and blocks.

Both sides look up places by name.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any

import numpy as np

from steepest.engines.batch import ManyProgram
from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.memory import table_entry
from steepest.engines.program import Program


class TableLayout:
    """Named slots of a table of pointers.

    Parameters
    ----------
    names
        Names of the slots, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}
        assert len(self._places) == len(self.names), "two slots have the same name"

    def place(self, name: str) -> int:
        """Return the position of a slot."""
        return self._places[name]

    def pointer(self, builder: Builder, table: ir.Value, name: str) -> ir.Value:
        """Emit the load of a slot's pointer."""
        return table_entry(builder, table, self._places[name])

    def empty_table(self) -> Any:
        """Return an empty table as a C array."""
        return (ctypes.c_void_p * len(self.names))()

    def bind(self, table: Any, name: str, address: int) -> None:
        """Set the address in a slot of a table."""
        table[self._places[name]] = address


def current(number: int) -> str:
    """Return the name of a carried vector's current copy: x is 0, then comes the state."""
    return f"vector.{number}.current"


def previous(number: int) -> str:
    """Return the name of a carried vector's previous copy."""
    return f"vector.{number}.previous"


def function_table(inputs: int, outputs: int) -> TableLayout:
    """Return the table of a function of flat inputs.

    The modules that call the function without Python
    (:mod:`~steepest.engines.native.runtime.c_entry`,
    :mod:`~steepest.engines.native.runtime.numpy_abi`) fill the table in this order.
    """
    return TableLayout(
        [
            *(f"input.{i}" for i in range(inputs)),
            "arena",
            "queue",
            *(f"output.{i}" for i in range(outputs)),
        ]
    )


CHAIN = 2
"""Position of the slot of an evaluation's table that holds the addresses of its paths."""


def evaluation_table(outputs: int, inputs: int) -> TableLayout:
    """Return the table of an evaluation: a path that is found later may have further inputs."""
    layout = TableLayout(
        [
            *("arena", "queue", "chain"),
            *(f"output.{i}" for i in range(outputs)),
            *(f"input.{i}" for i in range(inputs)),
        ]
    )
    assert layout.place("chain") == CHAIN
    return layout


def descent_table(program: Program) -> TableLayout:
    """Return the table of a descent.

    The evaluation of a descent in two parts has a table of its own.
    """
    it = program.full
    tail = program.tail.data if program.tail else ()
    vectors = range(1 + len(it.state))
    return TableLayout(
        [
            *("arena", "integers", "losses", "gradient", "order", "queue", "x history"),
            *("evaluate", "evaluated"),
            *(f"column.{i}" for i in range(len(it.records))),
            *(f"report.{i}" for i in range(len(it.report))),
            *(name for i in vectors for name in (current(i), previous(i))),
            *(f"data.{i}" for i in range(len(it.data))),
            *(f"tail data.{i}" for i in range(len(tail))),
        ]
    )


def batch_table(program: ManyProgram) -> TableLayout:
    """Return the table of many problems side by side.

    Slots ``.in_lanes`` hold the vectors of the current problems, lane by lane. Slots
    ``.source`` hold those of all problems, one after the other.
    """
    own, shared = own_and_shared(program)
    return TableLayout(
        [
            *("arena", "words", "lanes", "codes"),
            *(f"answer.{i}" for i in range(len(program.answer))),
            *("count.in_lanes", "x.in_lanes", "x.source"),
            *(f"state.{i}.in_lanes" for i in range(len(program.state))),
            *(f"data.{i}.{side}" for i in own for side in ("in_lanes", "source")),
            *(f"data.{i}" for i in shared),
        ]
    )


def own_and_shared(program: ManyProgram) -> tuple[list[int], list[int]]:
    """Return the numbers of the data that differ between problems, and of the others."""
    numbers = range(len(program.data))
    own = [i for i in numbers if program.is_own[i]]
    return own, [i for i in numbers if not program.is_own[i]]


# Places in a descent's block of integers: updates made, rows of history, the reason to stop,
# and from SWAPPED on, for each carried vector, whether its copies have changed places.
COUNT, RECORDED, REASON, SWAPPED = 0, 1, 2, 3


class BlockLayout:
    """The layout of a descent's block of memory: every array but history and data.

    Attributes
    ----------
    fields
        Offset, shape and dtype of each array, by name.
    size
        Number of bytes.
    run_start
        Offset of the arrays that describe a run; before them is the arena.
    table, data_slots
        The table of pointers, and its slots of the data, those of the tail last.
    """

    def __init__(self, program: Program, arena_size: int, in_parts: bool = False) -> None:
        it = program.full
        self.records, self.x = it.records, it.x if program.record_x else None
        self.vectors = (it.x, *it.state)
        self.reports = len(it.report)
        self.table = descent_table(program)
        tail = program.tail.data if program.tail else ()
        self.data_slots = [f"data.{i}" for i in range(len(it.data))]
        self.data_slots += [f"tail data.{i}" for i in range(len(tail))]
        self.fields: dict[str, tuple[int, tuple[int, ...], np.dtype]] = {}
        self.size = 0
        self._add("arena", (arena_size,), np.dtype(np.uint8))
        self.run_start = self.size
        self._add("integers", (SWAPPED + len(self.vectors),), np.dtype(np.int64))
        self._add("losses", (2,), it.loss.dtype)
        self._add("gradient", it.gradient.shape, it.gradient.dtype)
        for number, node in enumerate(it.report):
            self._add(f"report.{number}", node.shape, node.dtype)
        for number, node in enumerate(self.vectors):
            self._add(current(number), node.shape, node.dtype)
            self._add(previous(number), node.shape, node.dtype)
        if in_parts:
            for number, node in enumerate(it.data):
                self._add(f"data.{number}", node.shape, node.dtype)

    def _add(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.fields[name] = (self.size, shape, dtype)
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        self.size += -(-size // 64) * 64

    def view(self, name: str, block: np.ndarray, start: int = 0) -> np.ndarray:
        """Return an array of a block whose first `start` bytes are missing."""
        offset, shape, dtype = self.fields[name]
        return np.ndarray(shape, dtype, block, offset - start)

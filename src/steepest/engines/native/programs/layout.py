"""What Python and machine code share: tables of pointers and blocks of memory, laid out once.

Both sides look a place up by its name, so that neither counts.
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
        Of the slots, in order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}
        assert len(self._places) == len(self.names), "two slots have the same name"

    def place(self, name: str) -> int:
        """Return the position of a slot."""
        return self._places[name]

    def pointer(self, builder: Builder, table: ir.Value, name: str) -> ir.Value:
        """Emit a look at a slot."""
        return table_entry(builder, table, self._places[name])

    def empty_table(self) -> Any:
        """Return a table, as C wants it, with nothing in it yet."""
        return (ctypes.c_void_p * len(self.names))()

    def bind(self, table: Any, name: str, address: int) -> None:
        """Let a slot of a table point somewhere."""
        table[self._places[name]] = address


def here(number: int) -> str:
    """Return the name of a carried vector's current copy: x is 0, then comes the state."""
    return f"vector.{number}.here"


def there(number: int) -> str:
    """Return the name of a carried vector's other copy."""
    return f"vector.{number}.there"


def function_table(inputs: int, outputs: int) -> TableLayout:
    """Return the table of a function of flat inputs.

    What calls it without Python (:mod:`~steepest.engines.native.runtime.c_entry`,
    :mod:`~steepest.engines.native.runtime.numpy_abi`) fills it in this order.
    """
    return TableLayout(
        [
            *(f"input.{i}" for i in range(inputs)),
            "arena",
            "queue",
            *(f"output.{i}" for i in range(outputs)),
        ]
    )


def descent_table(program: Program) -> TableLayout:
    """Return the table of a descent.

    What evaluates its data, where that is compiled by itself, has a table of its own.
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
            *(name for i in vectors for name in (here(i), there(i))),
            *(f"data.{i}" for i in range(len(it.data))),
            *(f"tail data.{i}" for i in range(len(tail))),
        ]
    )


def batch_table(program: ManyProgram) -> TableLayout:
    """Return the table of many problems side by side.

    What stands lane by lane is ``.here``; where it stands for all problems, one after the
    other, is its ``.source``.
    """
    own, shared = own_and_shared(program)
    return TableLayout(
        [
            *("arena", "words", "lanes", "codes"),
            *(f"answer.{i}" for i in range(len(program.answer))),
            *("count.here", "x.here", "x.source"),
            *(f"state.{i}.here" for i in range(len(program.state))),
            *(f"data.{i}.{side}" for i in own for side in ("here", "source")),
            *(f"data.{i}" for i in shared),
        ]
    )


def own_and_shared(program: ManyProgram) -> tuple[list[int], list[int]]:
    """Return the numbers of the data that each problem has of its own, and of the others."""
    numbers = range(len(program.data))
    own = [i for i in numbers if program.is_own[i]]
    return own, [i for i in numbers if not program.is_own[i]]


# Places in a descent's block of integers; whether each vector's copies have changed places
# comes last.
COUNT, RECORDED, REASON, SWAPPED = 0, 1, 2, 3


class BlockLayout:
    """The layout of the block: every array but history and data.

    Attributes
    ----------
    fields
        Offset, shape and dtype of each array, by name.
    size, changing
        Bytes in all, and those before what changes: the arena.
    table, data_slots
        The table of pointers, and its slots of the data, the tail's last.
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
        self.changing = self.size
        self._add("integers", (SWAPPED + len(self.vectors),), np.dtype(np.int64))
        self._add("losses", (2,), it.loss.dtype)
        self._add("gradient", it.gradient.shape, it.gradient.dtype)
        for number, node in enumerate(it.report):
            self._add(f"report.{number}", node.shape, node.dtype)
        for number, node in enumerate(self.vectors):
            self._add(here(number), node.shape, node.dtype)
            self._add(there(number), node.shape, node.dtype)
        if in_parts:
            for number, node in enumerate(it.data):
                self._add(f"data.{number}", node.shape, node.dtype)

    def _add(self, name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.fields[name] = (self.size, shape, dtype)
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        self.size += -(-size // 64) * 64

    def view(self, name: str, block: np.ndarray, start: int = 0) -> np.ndarray:
        """Return an array of a block, of which `start` bytes are missing."""
        offset, shape, dtype = self.fields[name]
        return np.ndarray(shape, dtype, block, offset - start)

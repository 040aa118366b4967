"""Machine code of a pass over the data whose rows arrive in blocks.

In memory, one function computes a whole pass (``kernels/row_panels.py``). Here, a function
computes some panels of one strip, and adds to the strip's sums so far. A second function adds up
the sums of all strips. Both do what the one in memory does, in the same order, so that results
have the same bits.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import (
    Arena,
    View,
    c_strides,
    contiguous,
    rearranged,
)
from steepest.engines.native.codegen.types import index
from steepest.engines.native.jit import program_cache
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.kernels.row_panels import (
    Sums,
    add_up,
    emit_panels,
    is_carried,
    reduction_of,
)
from steepest.engines.native.programs.function import FUNCTION_TYPE, LONG_PROGRAM
from steepest.engines.native.programs.layout import TableLayout
from steepest.engines.native.runtime.buffer_pool import address_of, aligned_bytes
from steepest.graph import Node, Shape
from steepest.rewrite.panels import Panels, Result

MOST_ROWS = 1 << 19
"""Most coordinates of a block."""


def room_for(spans: Iterable[int]) -> int:
    """Return how many rows memory for computed rows has room for.

    Parameters
    ----------
    spans
        For each pass, the rows beyond a block that it may need.
    """
    return (2 + sum(spans) // MOST_ROWS) * MOST_ROWS


def shape_in_block(result: Result, rows: int, room: int) -> Shape:
    """Return the shape of the memory for some rows of a result.

    The distances between elements must be known at compile time, so that there is room for more
    rows than there are, unless they are along the first axis.
    """
    assert result.axis is not None
    assert rows <= room, "memory has room for a block and what is needed beyond it"
    return _with_room(result.shape, result.axis, rows, room)


def _with_room(shape: Shape, axis: int, rows: int, room: int) -> Shape:
    return (*shape[:axis], rows if axis == 0 else room, *shape[axis + 1 :])


def _in_block(
    pointer: ir.Value, dtype: np.dtype, shape: Shape, axis: int, room: int, tag: ir.Value
) -> View:
    """Return an array of which some rows are in memory."""
    strides = c_strides(_with_room(shape, axis, shape[axis], room))
    return View(pointer, dtype, shape, strides, 0, tag)


@dataclass(frozen=True)
class StripSums:
    """The sums of the strips of a pass.

    Attributes
    ----------
    values, errors
        For each result that is a sum over rows, by its number: an array with a row for each
        strip, and the same of the rounding errors, if they are carried along.
    """

    values: Mapping[int, np.ndarray]
    errors: Mapping[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class StripCode:
    """Machine code of a pass over the data.

    Attributes
    ----------
    plan
        The pass.
    panels
        Computes some panels of a strip, and adds to its sums.
    arena_size
        Bytes of memory that a call needs.
    total
        Adds up the sums of all strips; None if the pass has no sums.
    room
        Rows for which there is room in memory for computed rows.
    """

    plan: Panels
    panels: Code
    arena_size: int
    total: Code | None
    room: int

    def new_sums(self) -> StripSums:
        """Return the sums of all strips before any row."""
        values, errors = {}, {}
        for number, result in _sums_of(self.plan):
            shape = (self.plan.strips, *result.shape)
            initial = reduction_of(result.combine).initial(result.dtype)
            values[number] = np.full(shape, initial, result.dtype)
            if is_carried(result):
                errors[number] = np.zeros(shape, result.dtype)
        return StripSums(values, errors)

    def new_arena(self) -> np.ndarray:
        """Return memory for calls of :meth:`add`, one at a time."""
        return aligned_bytes(self.arena_size)

    def add(
        self,
        strip: int,
        panels: tuple[int, int],
        operands: Sequence[int],
        rows: Mapping[int, int],
        sums: StripSums,
        arena: np.ndarray,
    ) -> None:
        """Compute some panels of a strip.

        Parameters
        ----------
        strip
            Number of the strip.
        panels
            The first panel, and the one after the last.
        operands
            For each operand, the address that its first row has, or would have if the rows before
            were in memory.
        rows
            The same for each result that has rows, by its number.
        sums
            The sums so far, which are changed.
        arena
            Memory that no other call uses now.
        """
        layout = _panels_table(self.plan, len(operands))
        table = layout.empty_table()
        layout.bind(table, "arena", address_of(arena))
        for place, address in enumerate(operands):
            layout.bind(table, f"operand.{place}", address)
        for number, address in rows.items():
            layout.bind(table, f"rows.{number}", address)
        for number, array in sums.values.items():
            layout.bind(table, f"values.{number}", address_of(array[strip : strip + 1]))
        for number, array in sums.errors.items():
            layout.bind(table, f"errors.{number}", address_of(array[strip : strip + 1]))
        began = time.perf_counter()
        self.panels.call(ctypes.addressof(table), *panels)
        if self.panels.is_baseline:
            self.panels.record_use(time.perf_counter() - began)

    def totals(self, sums: StripSums) -> dict[int, np.ndarray]:
        """Return the sums over all strips, by the numbers of the results."""
        if self.total is None:
            return {}
        totals = {n: np.empty(r.shape, r.dtype) for n, r in _sums_of(self.plan)}
        layout = _total_table(self.plan)
        table = layout.empty_table()
        for number, array in totals.items():
            # The first strip's sums become the total, so that a copy is added up.
            layout.bind(table, f"total.{number}", address_of(array))
        copies = StripSums(
            {n: a.copy() for n, a in sums.values.items()},
            {n: a.copy() for n, a in sums.errors.items()},
        )
        for number, array in copies.values.items():
            layout.bind(table, f"values.{number}", address_of(array))
        for number, array in copies.errors.items():
            layout.bind(table, f"errors.{number}", address_of(array))
        self.total.call(ctypes.addressof(table), 0, 0)
        return totals


def strip_of(plan: Panels, strip: int) -> tuple[int, int]:
    """Return the first panel of a strip, and the panel after its last."""
    return strip * plan.count // plan.strips, (strip + 1) * plan.count // plan.strips


def coordinate_of(plan: Panels, panel: int) -> int:
    """Return the first coordinate of a panel; where the last one ends for the one after it."""
    for segment in plan.segments:
        if panel < segment.count:
            return segment.start + panel * segment.size
        panel -= segment.count
    return segment.start + segment.count * segment.size


def panel_at(plan: Panels, coordinate: int) -> int:
    """Return the panel with a coordinate; the nearest one if there is none."""
    before = 0
    for segment in plan.segments:
        number = (coordinate - segment.start) // segment.size
        if number < segment.count:
            return before + max(0, number)
        before += segment.count
    return before - 1


Operand = tuple[Sequence[Node], int | None]
"""An array, followed by the views of one another that lead from it to an operand: ``x``, ``x.T``,
``x.T[1:]``. And the axis of the array's rows, if only some of them are in memory at a time."""


def compile_strips(plan: Panels, operands: Sequence[Operand], room: int) -> StripCode:
    """Compile a pass whose rows arrive in blocks.

    Parameters
    ----------
    plan
        The pass.
    operands
        The operands of its nodes.
    room
        Rows for which there is room in memory for computed rows.
    """
    written = _write_panels(plan, operands, room)
    made = program_cache.of_program(written, "add_panels", LONG_PROGRAM)
    total = None
    if _sums_of(plan):
        total = program_cache.of_program(_write_total(plan), "add_strips", None).code
    return StripCode(plan, made.code, made.arena_size, total, room)


def _sums_of(plan: Panels) -> list[tuple[int, Result]]:
    return [(n, result) for n, result in enumerate(plan.results) if result.axis is None]


def _rows_of(plan: Panels) -> list[tuple[int, Result]]:
    return [(n, result) for n, result in enumerate(plan.results) if result.axis is not None]


def _names_of_sums(plan: Panels) -> list[str]:
    numbered = _sums_of(plan)
    errors = [f"errors.{number}" for number, result in numbered if is_carried(result)]
    return [*(f"values.{number}" for number, _ in numbered), *errors]


def _panels_table(plan: Panels, operands: int) -> TableLayout:
    rows = (f"rows.{number}" for number, _ in _rows_of(plan))
    places = (f"operand.{i}" for i in range(operands))
    return TableLayout(["arena", *places, *rows, *_names_of_sums(plan)])


def _total_table(plan: Panels) -> TableLayout:
    totals = (f"total.{number}" for number, _ in _sums_of(plan))
    return TableLayout([*totals, *_names_of_sums(plan)])


def _begin(name: str) -> tuple[ir.Module, ir.Function, Builder]:
    module = ir.Module()
    function = ir.Function(module, FUNCTION_TYPE, name)
    return module, function, Builder(function)


def _views_of_sums(
    plan: Panels, layout: TableLayout, arena: Arena, table: ir.Value, strips: int
) -> list[Sums]:
    sums = []
    for number, result in _sums_of(plan):
        shape = (strips, *result.shape)
        values, errors = (
            contiguous(
                layout.pointer(arena.builder, table, f"{name}.{number}"),
                result.dtype,
                shape,
                arena.new_tag(),
            )
            if name == "values" or is_carried(result)
            else None
            for name in ("values", "errors")
        )
        assert values is not None
        sums.append(Sums(number, result.shape, result.combine, values, errors))
    return sums


def _enter(function: ir.Function, builder: Builder) -> None:
    """Begin a block of its own: more is written to the entry later."""
    body = function.append_basic_block("body")
    builder.ir.branch(body)
    builder.ir.position_at_end(body)


def _operand(pointer: ir.Value, operand: Operand, room: int, tag: ir.Value) -> View:
    """Return the view of an operand, with the strides that it has in memory."""
    (first, *views), axis = operand
    if axis is None:
        view = contiguous(pointer, first.dtype, first.shape, tag)
    else:
        view = _in_block(pointer, first.dtype, first.shape, axis, room, tag)
    for node in views:
        found = rearranged(view, node)
        assert found is not None, "NumPy makes a view of it"
        view = found
    return view


def _write_panels(
    plan: Panels, operands: Sequence[Operand], room: int
) -> program_cache.EmittedProgram:
    module, function, builder = _begin("add_panels")
    table, first, end = function.args
    layout = _panels_table(plan, len(operands))
    arena = Arena(builder, layout.pointer(builder, table, "arena"))
    read_only = arena.new_tag()
    inputs = [
        _operand(layout.pointer(builder, table, f"operand.{i}"), operand, room, read_only)
        for i, operand in enumerate(operands)
    ]
    written = {
        number: _in_block(
            layout.pointer(builder, table, f"rows.{number}"),
            result.dtype,
            result.shape,
            axis,
            room,
            arena.new_tag(),
        )
        for number, result in _rows_of(plan)
        if (axis := result.axis) is not None
    }
    sums = _views_of_sums(plan, layout, arena, table, 1)
    _enter(function, builder)
    emit_panels(Lowering, arena, plan, (first, end), inputs, written, sums, index(0))
    assert not builder.checked_nodes, "what is computed by rows cannot fail"
    builder.ir.ret(index(0))
    return program_cache.EmittedProgram(
        module, arena.size, builder.checked_nodes, builder.hosts, False
    )


def _write_total(plan: Panels) -> program_cache.EmittedProgram:
    module, function, builder = _begin("add_strips")
    (table, *_), layout = function.args, _total_table(plan)
    arena = Arena(builder, table)  # nothing is allocated
    sums = _views_of_sums(plan, layout, arena, table, plan.strips)
    totals = [
        contiguous(
            layout.pointer(builder, table, f"total.{number}"),
            result.dtype,
            result.shape,
            arena.new_tag(),
        )
        for number, result in _sums_of(plan)
    ]
    _enter(function, builder)
    for each, target in zip(sums, totals, strict=True):
        add_up(builder, each, target, plan.strips)
    builder.ir.ret(index(0))
    return program_cache.EmittedProgram(module, 0, (), (), False)

"""Scans, while loops and conditionals of the graph."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, View, contiguous, copy
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import INDEX, index, memory_type
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.graph import Graph, Node
from steepest.ops.arrays.collect import CollectLayout
from steepest.ops.arrays.loops import ScanLayout


def _emit_step(lowering: Lowering, step: Graph, inputs: Sequence[View | np.ndarray]) -> Lowering:
    """Emit a step on inputs in memory or registers; return its lowering, with its outputs."""
    inner = type(lowering)(lowering.builder, lowering.arena, make_plan([((), [step.outputs])]))
    for node, value in zip(step.inputs, inputs, strict=True):
        if isinstance(value, View):
            inner.memory.bind(node, value)
        else:
            inner.elements[node] = value
    inner.emit(step.outputs)
    return inner


def _part(lowering: Lowering, view: View, start: ir.Value, size: int) -> View:
    """Return a slice of a vector in memory, from a computed offset."""
    pointer = view.at_offset(lowering.builder, start)
    return contiguous(pointer, view.dtype, (size,), view.tag, view.is_common)


@contextlib.contextmanager
def _carried(lowering: Lowering, node: Node) -> Iterator[tuple[View, View]]:
    """Yield memory for a carried vector, which holds its first value, and for its next value."""
    arena = lowering.arena
    (carry, first), (following, second) = (
        arena.allocate(node.dtype, node.shape) for _ in range(2)
    )
    copy(lowering.builder, lowering.packed(node), carry)
    yield carry, following
    arena.release(first)
    arena.release(second)


class _RegisterCarry:
    """A small carried vector, whose elements stay in registers."""

    def __init__(self, lowering: Lowering, start: Node) -> None:
        self._builder = lowering.builder
        elements = lowering.in_registers(start).reshape(-1)
        self._cells = [Cell(lowering.builder, element) for element in elements]

    def value(self) -> np.ndarray:
        """Return the elements."""
        elements = np.empty(len(self._cells), object)
        elements[:] = [cell.get() for cell in self._cells]
        return elements

    def advance(self, step: Lowering, output: Node) -> None:
        """Take over the next value."""
        for cell, element in zip(self._cells, step.in_registers(output), strict=True):
            cell.set(element)

    def store(self, target: View) -> None:
        """Write the value to memory."""
        target.store_all(self._builder, self.value())


class _MemoryCarry:
    """A carried vector in memory, with a second place for its next value."""

    def __init__(self, lowering: Lowering, current: View, following: View) -> None:
        self._builder, self._current, self._following = lowering.builder, current, following

    def value(self) -> View:
        """Return where the value is."""
        return self._current

    def advance(self, step: Lowering, output: Node) -> None:
        """Take over the next value."""
        step.store(output, self._following)
        copy(self._builder, self._following, self._current)

    def store(self, target: View) -> None:
        """Copy the value."""
        copy(self._builder, self._current, target)


@contextlib.contextmanager
def _carry(lowering: Lowering, start: Node) -> Iterator[_RegisterCarry | _MemoryCarry]:
    if start.size <= REGISTER_LIMIT:
        yield _RegisterCarry(lowering, start)
    else:
        with _carried(lowering, start) as (current, following):
            yield _MemoryCarry(lowering, current, following)


@kernel("scan")
def scan(lowering: Lowering, node: Node) -> None:
    """Run the step for each row; store all carries if kept, all results, and the last carry."""
    builder, step = lowering.builder, node.attributes["step"]
    layout = ScanLayout.of(node)
    start, rows, *others = node.operands
    operands = [lowering.packed(operand) for operand in others]
    table = lowering.packed(rows)
    n, k = layout.carry, layout.yielded
    with _carry(lowering, start) as carry, lowering.packed_target(node) as target:
        with builder.loop(layout.rows) as i:
            b = builder.ir
            if layout.keeps:
                carry.store(_part(lowering, target, b.mul(i, index(n)), n))
            row = _part(lowering, table, b.mul(i, index(rows.shape[1])), rows.shape[1])
            inner = _emit_step(lowering, step, [carry.value(), row, *operands])
            place = b.add(b.mul(i, index(k)), index(layout.results))
            inner.store(step.outputs[1], _part(lowering, target, place, k))
            carry.advance(inner, step.outputs[0])
        carry.store(_part(lowering, target, index(layout.last), n))


@kernel("while_")
def while_(lowering: Lowering, node: Node) -> None:
    """Run the step while the condition holds, at most as often as the limit says."""
    builder, b = lowering.builder, lowering.builder.ir
    start, *others = node.operands
    attributes = node.attributes
    operands = [lowering.packed(operand) for operand in others]
    with _carried(lowering, start) as (carry, following):
        head, body, after = map(builder.function.append_basic_block, ("while", "step", "after"))
        before = b.block
        b.branch(head)
        b.position_at_end(head)
        count = b.phi(INDEX)
        count.add_incoming(index(0), before)
        inner = _emit_step(lowering, attributes["condition"], [carry, *operands])
        goes_on = inner.in_registers(attributes["condition"].outputs[0])[()].value
        if attributes["limit"] is not None:
            goes_on = b.and_(goes_on, b.icmp_unsigned("<", count, index(attributes["limit"])))
        b.cbranch(goes_on, body, after)
        b.position_at_end(body)
        inner = _emit_step(lowering, attributes["step"], [carry, *operands])
        inner.store(attributes["step"].outputs[0], following)
        copy(builder, following, carry)
        count.add_incoming(b.add(count, index(1)), b.block)
        b.branch(head)
        b.position_at_end(after)
        with lowering.packed_target(node) as target:
            copy(builder, carry, target)


@kernel("collect")
def collect(lowering: Lowering, node: Node) -> None:
    """Run the step while the condition holds; store each row that is kept, if there is room."""
    builder, b = lowering.builder, lowering.builder.ir
    start, *others = node.operands
    condition, step = node.attributes["condition"], node.attributes["step"]
    layout = CollectLayout.of(node)
    operands = [lowering.packed(operand) for operand in others]
    names = ("collect", "step", "keep", "next", "after")
    with _carry(lowering, start) as carry, lowering.packed_target(node) as target:
        zero = ir.Constant(memory_type(node.dtype, builder.lanes), 0.0)
        with builder.loop(layout.limit * layout.row) as i:
            place = b.add(i, index(layout.rows))
            b.store(zero, target.at_offset(builder, place))
        head, body, kept, following, after = map(builder.function.append_basic_block, names)
        count = builder.alloca(INDEX)
        b.store(index(0), count)
        b.branch(head)
        b.position_at_end(head)
        inner = _emit_step(lowering, condition, [carry.value(), *operands])
        b.cbranch(inner.in_registers(condition.outputs[0])[()].value, body, after)
        b.position_at_end(body)
        inner = _emit_step(lowering, step, [carry.value(), *operands])
        keeps = inner.in_registers(step.outputs[2])[()].value
        number = b.load(count, typ=INDEX)
        has_room = b.icmp_unsigned("<", number, index(layout.limit))
        b.store(b.add(number, b.zext(keeps, INDEX)), count)
        b.cbranch(b.and_(keeps, has_room), kept, following)
        b.position_at_end(kept)
        place = b.add(b.mul(number, index(layout.row)), index(layout.rows))
        inner.store(step.outputs[1], _part(lowering, target, place, layout.row))
        b.branch(following)
        b.position_at_end(following)
        carry.advance(inner, step.outputs[0])
        b.branch(head)
        b.position_at_end(after)
        carry.store(_part(lowering, target, index(0), layout.carry))
        found = b.sitofp(b.load(count, typ=INDEX), memory_type(node.dtype, builder.lanes))
        b.store(found, target.at_offset(builder, index(layout.carry)))


@kernel("newton")
def newton(lowering: Lowering, node: Node) -> None:
    """Make a fixed number of Newton's steps."""
    start, *others = node.operands
    step = node.attributes["step"]
    operands = [lowering.packed(operand) for operand in others]
    with _carry(lowering, start) as carry, lowering.packed_target(node) as target:
        with lowering.builder.loop(node.attributes["number"]):
            inner = _emit_step(lowering, step, [carry.value(), *operands])
            carry.advance(inner, step.outputs[0])
        carry.store(target)


@kernel("cond")
def cond(lowering: Lowering, node: Node) -> None:
    """Run one of two graphs."""
    builder, b = lowering.builder, lowering.builder.ir
    choice, *others = node.operands
    operands = [lowering.packed(operand) for operand in others]
    truth = lowering.in_registers(choice).reshape(-1)[0].value
    yes, no, after = (builder.function.append_basic_block(name) for name in ("yes", "no", "after"))
    with lowering.packed_target(node) as target:
        b.cbranch(truth, yes, no)
        for block, graph in ((yes, node.attributes["yes"]), (no, node.attributes["no"])):
            b.position_at_end(block)
            _emit_step(lowering, graph, operands).store(graph.outputs[0], target)
            b.branch(after)
        b.position_at_end(after)

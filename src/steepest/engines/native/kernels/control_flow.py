"""Loops and branches of the graph as loops and branches of machine code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, Slot, View, contiguous, copy
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import INDEX, index
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.graph import Graph, Node


def _emit_step(lowering: Lowering, step: Graph, inputs: Sequence[View | np.ndarray]) -> Lowering:
    """Emit a step on inputs in memory or in registers; return what knows its outputs."""
    inner = type(lowering)(lowering.builder, lowering.arena, make_plan([((), [step.outputs])]))
    for node, value in zip(step.inputs, inputs, strict=True):
        if isinstance(value, View):
            inner.memory.bind(node, value)
        else:
            inner.elements[node] = value
    inner.emit(step.outputs)
    return inner


def _part(lowering: Lowering, view: View, start: ir.Value, size: int) -> View:
    """Return a slice of a vector in memory, from an offset that is not known before."""
    pointer = view.at_offset(lowering.builder, start)
    return contiguous(pointer, view.dtype, (size,), view.tag, view.is_common)


def _own_copies(lowering: Lowering, node: Node) -> tuple[View, View, list[Slot]]:
    """Return two places for a carried vector, the first holding its value now."""
    (here, first), (there, second) = (
        lowering.arena.allocate(node.dtype, node.shape) for _ in range(2)
    )
    copy(lowering.builder, lowering.packed(node), here)
    return here, there, [first, second]


@kernel("scan")
def scan(lowering: Lowering, node: Node) -> None:
    """Run the step for each row, keeping carries and results one after the other."""
    step = node.attributes["step"]
    carry, rows, *around = node.operands
    operands = [lowering.packed(operand) for operand in around]
    table = lowering.packed(rows)
    target = _flat_target(lowering, node)
    emit = _scan_in_registers if carry.size <= REGISTER_LIMIT else _scan_in_memory
    keeps = node.attributes.get("keeps", True)
    slots = emit(lowering, carry, step, table, operands, target, keeps)
    _finish(lowering, node, target, slots)


def _scan_in_registers(
    lowering: Lowering,
    carry: Node,
    step: Graph,
    table: View,
    operands: Sequence[View],
    target: View,
    keeps: bool,
) -> list[Slot]:
    builder, b = lowering.builder, lowering.builder.ir
    number, n, k = table.shape[0], carry.size, step.outputs[1].size
    cells = [Cell(builder, x) for x in lowering.in_registers(carry).reshape(-1)]

    def keep(start: ir.Value) -> None:
        for i, cell in enumerate(cells):
            place = b.add(start, index(i))
            target.store(builder, cell.get(), target.at_offset(builder, place))

    first = number * n if keeps else 0  # where what the steps yield begins
    with builder.loop(number) as i:
        if keeps:
            keep(b.mul(i, index(n)))
        row = _part(lowering, table, b.mul(i, index(table.shape[1])), table.shape[1])
        before = np.empty(n, object)
        before[:] = [cell.get() for cell in cells]
        inner = _emit_step(lowering, step, [before, row, *operands])
        after = inner.in_registers(step.outputs[0])
        place = b.add(b.mul(i, index(k)), index(first))
        inner.store(step.outputs[1], _part(lowering, target, place, k))
        for cell, value in zip(cells, after, strict=True):
            cell.set(value)
    keep(index(first + number * k))
    return []


def _scan_in_memory(
    lowering: Lowering,
    carry: Node,
    step: Graph,
    table: View,
    operands: Sequence[View],
    target: View,
    keeps: bool,
) -> list[Slot]:
    builder, b = lowering.builder, lowering.builder.ir
    here, there, slots = _own_copies(lowering, carry)
    number, n, k = table.shape[0], carry.size, step.outputs[1].size
    first = number * n if keeps else 0
    with builder.loop(number) as i:
        if keeps:
            copy(builder, here, _part(lowering, target, b.mul(i, index(n)), n))
        row = _part(lowering, table, b.mul(i, index(table.shape[1])), table.shape[1])
        inner = _emit_step(lowering, step, [here, row, *operands])
        inner.store(step.outputs[0], there)
        place = b.add(b.mul(i, index(k)), index(first))
        inner.store(step.outputs[1], _part(lowering, target, place, k))
        copy(builder, there, here)
    copy(builder, here, _part(lowering, target, index(first + number * k), n))
    return slots


@kernel("while_")
def while_(lowering: Lowering, node: Node) -> None:
    """Run the step as long as the condition holds, and not more often than the limit."""
    builder, b = lowering.builder, lowering.builder.ir
    carry, *around = node.operands
    attributes = node.attributes
    operands = [lowering.packed(operand) for operand in around]
    here, there, slots = _own_copies(lowering, carry)
    head, body, after = (
        builder.function.append_basic_block(name) for name in ("while", "step", "after")
    )
    before = b.block
    b.branch(head)
    b.position_at_end(head)
    count = b.phi(INDEX)
    count.add_incoming(index(0), before)
    inner = _emit_step(lowering, attributes["condition"], [here, *operands])
    goes_on = inner.in_registers(attributes["condition"].outputs[0])[()].value
    if attributes["limit"] is not None:
        goes_on = b.and_(goes_on, b.icmp_unsigned("<", count, index(attributes["limit"])))
    b.cbranch(goes_on, body, after)
    b.position_at_end(body)
    inner = _emit_step(lowering, attributes["step"], [here, *operands])
    inner.store(attributes["step"].outputs[0], there)
    copy(lowering.builder, there, here)
    count.add_incoming(b.add(count, index(1)), b.block)
    b.branch(head)
    b.position_at_end(after)
    target = _flat_target(lowering, node)
    copy(lowering.builder, here, target)
    _finish(lowering, node, target, slots)


@kernel("cond")
def cond(lowering: Lowering, node: Node) -> None:
    """Run one of two graphs."""
    builder, b = lowering.builder, lowering.builder.ir
    choice, vector, *around = node.operands
    operands = [lowering.packed(operand) for operand in (vector, *around)]
    truth = lowering.in_registers(choice).reshape(-1)[0].value
    target = _flat_target(lowering, node)
    blocks = [builder.function.append_basic_block(name) for name in ("yes", "no", "after")]
    b.cbranch(truth, blocks[0], blocks[1])
    for block, name in zip(blocks, ("yes", "no"), strict=False):
        b.position_at_end(block)
        side = node.attributes[name]
        _emit_step(lowering, side, operands).store(side.outputs[0], target)
        b.branch(blocks[2])
    b.position_at_end(blocks[2])
    _finish(lowering, node, target, [])


def _flat_target(lowering: Lowering, node: Node) -> View:
    target = lowering.memory.allocate(node)
    if target.is_contiguous:
        return target
    view, _ = lowering.arena.allocate(node.dtype, node.shape)
    return view


def _finish(lowering: Lowering, node: Node, target: View, slots: Sequence[Slot]) -> None:
    place = lowering.memory.views[node]
    if place is not target:
        copy(lowering.builder, target, dataclasses.replace(place))
    for slot in slots:
        lowering.arena.release(slot)

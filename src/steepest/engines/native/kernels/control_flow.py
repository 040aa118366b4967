"""Loops and branches of the graph as loops and branches of machine code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from steepest.engines.native import ir
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Slot, View, contiguous, copy
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import INDEX, index
from steepest.engines.native.schedule.plan import make_plan
from steepest.graph import Graph, Node


def _emit_step(lowering: Lowering, step: Graph, inputs: Sequence[View]) -> Lowering:
    """Emit a step on inputs in memory; return what knows where its outputs are."""
    inner = type(lowering)(lowering.builder, lowering.arena, make_plan([((), [step.outputs])]))
    for node, view in zip(step.inputs, inputs, strict=True):
        inner.memory.bind(node, view)
    inner.emit(step.outputs)
    return inner


def _part(lowering: Lowering, view: View, start: ir.Value, size: int) -> View:
    """Return a slice of a vector in memory, from an offset that is not known before."""
    pointer = view.at_offset(lowering.builder, start)
    return contiguous(pointer, view.dtype, (size,), view.tag)


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
    builder, step = lowering.builder, node.attributes["step"]
    carry, rows, *around = node.operands
    operands = [lowering.packed(operand) for operand in around]
    table = lowering.packed(rows)
    here, there, slots = _own_copies(lowering, carry)
    target = _flat_target(lowering, node)
    number, n, k = rows.shape[0], carry.size, step.outputs[1].size
    with builder.loop(number) as i:
        b = builder.ir
        copy(lowering.builder, here, _part(lowering, target, b.mul(i, index(n)), n))
        row = _part(lowering, table, b.mul(i, index(rows.shape[1])), rows.shape[1])
        inner = _emit_step(lowering, step, [here, row, *operands])
        inner.store(step.outputs[0], there)
        place = b.add(b.mul(i, index(k)), index(number * n))
        inner.store(step.outputs[1], _part(lowering, target, place, k))
        copy(lowering.builder, there, here)
    copy(lowering.builder, here, _part(lowering, target, index(number * (n + k)), n))
    _finish(lowering, node, target, slots)


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

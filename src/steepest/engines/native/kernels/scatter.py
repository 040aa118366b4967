"""Results that are assembled from parts, or by writes at indices."""

from __future__ import annotations

from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import View
from steepest.engines.native.codegen.registers import rearranged
from steepest.engines.native.codegen.registry import kernel, tiny_kernel
from steepest.engines.native.codegen.types import index
from steepest.graph import Node


@kernel("concatenate")
def concatenate(lowering: Lowering, node: Node) -> None:
    """Copy each operand to its part of the result, unless it is there already."""
    builder, axis = lowering.builder, node.attributes["axis"]
    target = lowering.memory.allocate(node)
    start = 0
    for operand in node.operands:
        part = View(
            target.pointer,
            target.dtype,
            operand.shape,
            target.strides,
            target.offset + start * target.strides[axis],
            target.tag,
        )
        start += operand.shape[axis]
        if lowering.memory.view_of(operand) == part:
            continue
        with builder.loops(operand.shape) as position, lowering.scope():
            element = lowering.element(operand, position)
            part.store(builder, element, part.address(builder, position))


@kernel("pack")
def pack(lowering: Lowering, node: Node) -> None:
    """Store each operand, a number, at its position."""
    builder, target = lowering.builder, lowering.memory.allocate(node)
    for place, operand in enumerate(node.operands):
        address = target.at_offset(builder, index(place))
        target.store(builder, lowering.element(operand, ()), address)


@kernel("add_at")
def add_at(lowering: Lowering, node: Node) -> None:
    """Set the result to 0, then add each value at its index."""
    builder = lowering.builder
    values, *indices = node.operands
    target = lowering.memory.allocate(node)
    with builder.loops(node.shape) as position:
        target.store(builder, builder.zero(node.dtype), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = lowering.position_of(indices, node.shape, node, position[:ndim])
        address = target.address(builder, (*where, *position[ndim:]))
        before = target.load(builder, address)
        target.store(builder, before + lowering.element(values, position), address)


@kernel("put_at")
def put_at(lowering: Lowering, node: Node) -> None:
    """Copy the array, then store each value at its index, in order."""
    builder = lowering.builder
    x, values, *indices = node.operands
    differs_at = lowering.memory.differs_at(node)
    target = lowering.memory.allocate(node)
    with builder.loops(node.shape[len(differs_at) :]) as rest, lowering.scope():
        position = (*differs_at, *rest)
        target.store(builder, lowering.element(x, position), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = lowering.position_of(indices, node.shape, node, position[:ndim])
        address = target.address(builder, (*where, *position[ndim:]))
        target.store(builder, lowering.element(values, position), address)


for _name in ("concatenate", "pack"):
    tiny_kernel(_name)(rearranged)

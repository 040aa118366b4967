"""Ops whose loops are written by hand; each is named by its row of the op table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llvmlite import ir

from steepest.engines.native.matmul import matmul
from steepest.engines.native.memory import Cell, View
from steepest.engines.native.small import is_better
from steepest.engines.native.types import index
from steepest.graph import Node

if TYPE_CHECKING:
    from steepest.engines.native.lower import Lowering


def concatenate(lowering: Lowering, node: Node) -> None:
    """Copy each operand to its part of the result."""
    builder, axis = lowering.builder, node.attributes["axis"]
    target = lowering.allocate(node)
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
        with builder.loops(operand.shape) as position, lowering.scope():
            element = lowering.element(operand, position)
            part.store(builder, element, part.address(builder, position))
        start += operand.shape[axis]


def add_at(lowering: Lowering, node: Node) -> None:
    """Zero the result, then add each value at its place."""
    builder = lowering.builder
    values, *indices = node.operands
    target = lowering.allocate(node)
    with builder.loops(node.shape) as position:
        target.store(builder, builder.zero(node.dtype), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = tuple(
            builder.checked_index(lowering.element(i, position[:ndim]), node.shape[axis], node)
            for axis, i in enumerate(indices)
        )
        address = target.address(builder, (*where, *position[ndim:]))
        before = target.load(builder, address)
        target.store(builder, before + lowering.element(values, position), address)


def pack(lowering: Lowering, node: Node) -> None:
    """Store each number at its place."""
    builder, target = lowering.builder, lowering.allocate(node)
    for place, operand in enumerate(node.operands):
        address = target.at_offset(builder, index(place))
        target.store(builder, lowering.element(operand, ()), address)


def put_at(lowering: Lowering, node: Node) -> None:
    """Copy the array, then store each value at its place, in order."""
    builder = lowering.builder
    x, values, *indices = node.operands
    target = lowering.allocate(node)
    with builder.loops(node.shape) as position, lowering.scope():
        target.store(builder, lowering.element(x, position), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = tuple(
            builder.checked_index(lowering.element(i, position[:ndim]), node.shape[axis], node)
            for axis, i in enumerate(indices)
        )
        address = target.address(builder, (*where, *position[ndim:]))
        target.store(builder, lowering.element(values, position), address)


def argmax(lowering: Lowering, node: Node) -> None:
    """Find the first largest element along an axis."""
    _extreme_position(lowering, node, ">")


def argmin(lowering: Lowering, node: Node) -> None:
    """Find the first smallest element along an axis."""
    _extreme_position(lowering, node, "<")


def _extreme_position(lowering: Lowering, node: Node, better: str) -> None:
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    target = lowering.allocate(node)

    def at(position: tuple[ir.Value, ...], i: ir.Value) -> tuple[ir.Value, ...]:
        return (*position[:axis], i, *position[axis:])

    with builder.loops(node.shape) as position, lowering.scope():
        best = Cell(builder, lowering.element(operand, at(position, index(0))))
        place = Cell(builder, builder.zero(node.dtype))
        with builder.loop(operand.shape[axis]) as i, lowering.scope():
            element, leader = lowering.element(operand, at(position, i)), best.get()
            wins = is_better(element, leader, better)
            best.set(builder.select(wins, element, leader))
            place.set(builder.select(wins, builder.element(i, node.dtype), place.get()))
        target.store(builder, place.get(), target.address(builder, position))


__all__ = ["add_at", "argmax", "argmin", "concatenate", "matmul", "pack", "put_at"]

"""Ops whose loops are written by hand; each is named by its row of the op table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from steepest.engines.native import factor, ir
from steepest.engines.native.element import Element
from steepest.engines.native.factor import solve_triangle
from steepest.engines.native.loops import cond, scan, while_
from steepest.engines.native.matmul import matmul
from steepest.engines.native.memory import Cell, View, copy
from steepest.engines.native.panels import panels
from steepest.engines.native.small import comes_before, is_better
from steepest.engines.native.types import index
from steepest.graph import Node

if TYPE_CHECKING:
    from steepest.engines.native.lower import Lowering


def concatenate(lowering: Lowering, node: Node) -> None:
    """Copy each operand to its part of the result, unless it was computed there."""
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
        start += operand.shape[axis]
        if lowering.view_of(operand) == part:
            continue
        with builder.loops(operand.shape) as position, lowering.scope():
            element = lowering.element(operand, position)
            part.store(builder, element, part.address(builder, position))


def add_at(lowering: Lowering, node: Node) -> None:
    """Zero the result, then add each value at its place."""
    builder = lowering.builder
    values, *indices = node.operands
    target = lowering.allocate(node)
    with builder.loops(node.shape) as position:
        target.store(builder, builder.zero(node.dtype), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = lowering.place_in(node.shape, indices, node, position[:ndim])
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
    differs_at = lowering.differs_at.get(node, ())
    target = lowering.allocate(node)
    with builder.loops(node.shape[len(differs_at) :]) as rest, lowering.scope():
        position = (*differs_at, *rest)
        target.store(builder, lowering.element(x, position), target.address(builder, position))
    ndim = indices[0].ndim
    with builder.loops(values.shape) as position, lowering.scope():
        where = lowering.place_in(node.shape, indices, node, position[:ndim])
        address = target.address(builder, (*where, *position[ndim:]))
        target.store(builder, lowering.element(values, position), address)


def argmax(lowering: Lowering, node: Node) -> None:
    """Find the first largest element along an axis."""
    _extreme_position(lowering, node, ">")


def argmin(lowering: Lowering, node: Node) -> None:
    """Find the first smallest element along an axis."""
    _extreme_position(lowering, node, "<")


def cumsum(lowering: Lowering, node: Node) -> None:
    """Add up along an axis, keeping every sum."""
    _running(lowering, node, lambda total, element: total + element)


def cumprod(lowering: Lowering, node: Node) -> None:
    """Multiply along an axis, keeping every product."""
    _running(lowering, node, lambda total, element: total * element)


def _running(
    lowering: Lowering, node: Node, combine: Callable[[Element, Element], Element]
) -> None:
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    target = lowering.allocate(node)
    if node.size == 0:
        return
    rest = (*node.shape[:axis], *node.shape[axis + 1 :])
    with builder.loops(rest) as position, lowering.scope():
        first = (*position[:axis], index(0), *position[axis:])
        total = Cell(builder, lowering.element(operand, first))
        target.store(builder, total.get(), target.address(builder, first))
        with builder.loop(node.shape[axis] - 1) as i, lowering.scope():
            following = builder.ir.add(i, index(1))
            place = (*position[:axis], following, *position[axis:])
            total.set(combine(total.get(), lowering.element(operand, place)))
            target.store(builder, total.get(), target.address(builder, place))


_RANKING_LIMIT = 256
"""Axes up to so long are sorted by counting, for each element, those that come before."""


def argsort(lowering: Lowering, node: Node) -> None:
    """Put each element's number where as many others come before it."""
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    extent = node.shape[axis]
    if extent > _RANKING_LIMIT:
        host(lowering, node)
        return
    lowering.in_memory(operand)
    target = lowering.allocate(node)
    rest = (*node.shape[:axis], *node.shape[axis + 1 :])
    one, nothing = builder.number(1, node.dtype), builder.number(0, node.dtype)
    with builder.loops(rest) as position, lowering.scope(), builder.loop(extent) as i:
        own = lowering.element(operand, (*position[:axis], i, *position[axis:]))
        rank = Cell(builder, nothing)
        with builder.loop(extent) as j, lowering.scope():
            other = lowering.element(operand, (*position[:axis], j, *position[axis:]))
            earlier = builder.truth_of(builder.ir.icmp_unsigned("<", j, i))
            ahead = comes_before(other, own) | (~comes_before(own, other) & earlier)
            rank.set(rank.get() + builder.select(ahead, one, nothing))
        place = (*position[:axis], rank.get().value, *position[axis:])
        target.store(builder, builder.element(i, node.dtype), target.address(builder, place))


def triangle(lowering: Lowering, node: Node) -> None:
    """Factor a small matrix by loops, and leave a large one to LAPACK."""
    columns = node.shape[-1]
    is_small = node.operands[0].size * columns <= factor.SMALL
    (factor.triangle if is_small else host)(lowering, node)


def host(lowering: Lowering, node: Node) -> None:
    """Call back to NumPy: the row's own function, on views of the operands' memory."""
    builder = lowering.builder
    operands = [lowering.packed(operand) for operand in node.operands]
    target = lowering.allocate(node)
    result = target if target.is_contiguous else lowering.arena.allocate(node.dtype, node.shape)[0]
    builder.call_host(node, [view.at_offset(builder, None) for view in (*operands, result)])
    if result is not target:
        copy(builder, result, target)


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


__all__ = [
    "add_at",
    "argmax",
    "argmin",
    "argsort",
    "concatenate",
    "cond",
    "cumprod",
    "cumsum",
    "host",
    "matmul",
    "pack",
    "panels",
    "put_at",
    "scan",
    "solve_triangle",
    "triangle",
    "while_",
]

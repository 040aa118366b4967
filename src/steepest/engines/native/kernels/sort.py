"""Positions along an axis: of the largest or smallest element, or of all in sorted order."""

from __future__ import annotations

import functools

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell
from steepest.engines.native.codegen.registers import comes_before, is_better, reduced_elements
from steepest.engines.native.codegen.registry import kernel, tiny_kernel
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.host import host
from steepest.graph import Node

_RANKING_LIMIT = 256
"""Longest axis that is sorted by counting, for each element, those that come before."""


@kernel("argsort")
def argsort(lowering: Lowering, node: Node) -> None:
    """Store each element's index at its rank, which is the number of elements before it."""
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    extent = node.shape[axis]
    if extent > _RANKING_LIMIT:
        host(lowering, node)
        return
    lowering.in_memory(operand)
    target = lowering.memory.allocate(node)
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


def _extreme_position(lowering: Lowering, node: Node, better: str) -> None:
    """Find the first best element along an axis."""
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    target = lowering.memory.allocate(node)

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


def _extreme_in_registers(lowering: Lowering, node: Node, better: str) -> np.ndarray:
    """Find the first best element along an axis, in registers."""
    builder = lowering.builder
    result = np.empty(node.size, object)
    for i, row in enumerate(reduced_elements(lowering, node)):
        best, place = row[0], builder.number(0, node.dtype)
        for k, element in enumerate(row[1:], 1):
            wins = is_better(element, best, better)
            best = builder.select(wins, element, best)
            place = builder.select(wins, builder.number(k, node.dtype), place)
        result[i] = place
    return result.reshape(node.shape)


for _name, _better in {"argmax": ">", "argmin": "<"}.items():
    kernel(_name)(functools.partial(_extreme_position, better=_better))
    tiny_kernel(_name)(functools.partial(_extreme_in_registers, better=_better))


@tiny_kernel("argsort")
def _argsort_in_registers(lowering: Lowering, node: Node) -> np.ndarray:
    """Store each element's index at its rank, which is the number of elements before it."""
    builder = lowering.builder
    one, nothing = builder.number(1, node.dtype), builder.number(0, node.dtype)
    axis = node.attributes["axis"]
    elements = np.moveaxis(lowering.in_registers(node.operands[0]), axis, -1)
    result = np.empty(elements.shape, object)
    for position in np.ndindex(elements.shape[:-1]):
        row = elements[position]
        ranks = []
        for i, own in enumerate(row):
            rank = nothing
            for j, other in enumerate(row):
                if j != i:
                    ahead = comes_before(other, own) if j > i else ~comes_before(own, other)
                    rank = rank + builder.select(ahead, one, nothing)
            ranks.append(rank)
        for place in range(len(row)):
            chosen = nothing
            for i, rank in enumerate(ranks):
                chosen = builder.select(rank == place, builder.number(i, node.dtype), chosen)
            result[(*position, place)] = chosen
    return np.moveaxis(result, -1, axis)

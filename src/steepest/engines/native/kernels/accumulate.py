"""Sums and products along an axis, every one of them kept."""

from __future__ import annotations

from collections.abc import Callable

from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import index
from steepest.graph import Node


@kernel
def cumsum(lowering: Lowering, node: Node) -> None:
    """Add up along an axis, keeping every sum."""
    _accumulate(lowering, node, lambda total, element: total + element)


@kernel
def cumprod(lowering: Lowering, node: Node) -> None:
    """Multiply along an axis, keeping every product."""
    _accumulate(lowering, node, lambda total, element: total * element)


def _accumulate(
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

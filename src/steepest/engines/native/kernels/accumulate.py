"""Cumulative sums and products along an axis."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable

import numpy as np

from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell
from steepest.engines.native.codegen.registry import kernel, tiny_kernel
from steepest.engines.native.codegen.types import index
from steepest.graph import Node

Combine = Callable[[Element, Element], Element]


def _in_loops(lowering: Lowering, node: Node, combine: Combine) -> None:
    builder, axis = lowering.builder, node.attributes["axis"]
    (operand,) = node.operands
    target = lowering.memory.allocate(node)
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


def _in_registers(lowering: Lowering, node: Node, combine: Combine) -> np.ndarray:
    axis = node.attributes["axis"]
    result = np.moveaxis(lowering.in_registers(node.operands[0]).copy(), axis, 0)
    for i in range(1, len(result)):
        result[i] = combine(result[i - 1], result[i])
    return np.moveaxis(result, 0, axis)


for _name, _combine in {"cumsum": operator.add, "cumprod": operator.mul}.items():
    kernel(_name)(functools.partial(_in_loops, combine=_combine))
    tiny_kernel(_name)(functools.partial(_in_registers, combine=_combine))

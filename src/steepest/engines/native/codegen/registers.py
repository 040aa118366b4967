"""Tiny arrays in registers: each element is a value of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native.codegen.context import LoweringContext
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.registry import tiny_kernel_named
from steepest.graph import Node, Shape
from steepest.ops import Elementwise, Indexed, Reduction


def element_array(shape: Shape, element: Callable[[tuple[int, ...]], Element]) -> np.ndarray:
    """Return the object array whose elements a function of the position returns."""
    result = np.empty(shape, object)
    for position in np.ndindex(*shape):
        result[position] = element(position)
    return result


def lower_small(lowering: LoweringContext, node: Node) -> np.ndarray:
    """Return the elements of a node whose operands are all in registers."""
    lower = node.op.lower
    if isinstance(lower, Elementwise):
        return _elementwise(lowering, node)
    if isinstance(lower, Indexed):
        return rearranged(lowering, node)
    if isinstance(lower, Reduction):
        return _reduced(lowering, node, lower)
    return tiny_kernel_named(lower.name)(lowering, node)


def _elementwise(lowering: LoweringContext, node: Node) -> np.ndarray:
    operands: list[Any] = [
        np.broadcast_to(lowering.in_registers(operand), node.shape) for operand in node.operands
    ]
    return element_array(node.shape, lambda at: lowering.apply(node, [x[at] for x in operands]))


def rearranged(lowering: LoweringContext, node: Node) -> np.ndarray:
    """Return the elements of a node that only rearranges the elements of its operands."""
    # NumPy says which element comes from where: it applies the op to their numbers.
    pool: list[Element] = [lowering.builder.zero(node.dtype)]
    numbers = []
    for operand in node.operands:
        elements = lowering.in_registers(operand).reshape(-1)
        count = len(elements)
        numbers.append(np.arange(len(pool), len(pool) + count).reshape(operand.shape))
        pool.extend(elements)
    moved = np.asarray(node.op.evaluate(*numbers, **node.attributes))
    return element_array(node.shape, lambda at: pool[int(moved[at])])


def reduced_elements(lowering: LoweringContext, node: Node) -> np.ndarray:
    """Return, for each element of a reduction's result, a row of the elements it reduces."""
    (operand,) = node.operands
    axes = node.attributes["axis"]
    axes = axes if isinstance(axes, tuple) else (axes,)
    kept = tuple(i for i in range(operand.ndim) if i not in axes)
    elements = np.transpose(lowering.in_registers(operand), (*kept, *axes))
    return elements.reshape(node.size, elements.size // max(node.size, 1))


def _reduced(lowering: LoweringContext, node: Node, lower: Reduction) -> np.ndarray:
    builder = lowering.builder
    result = np.empty(node.size, object)
    for i, row in enumerate(reduced_elements(lowering, node)):
        if len(row) == 0:
            result[i] = builder.number(lower.initial(node.dtype), node.dtype)
        elif node.op.name == "sum" and len(row) >= 8:
            result[i] = _pairwise(row)
        else:
            total = row[0]
            for element in row[1:]:
                total = lower.combine(builder, total, element)
            result[i] = total
    return result.reshape(node.shape)


def _pairwise(row: np.ndarray) -> Element:
    """Add up in NumPy's order for 8 to 128 numbers, with eight running sums."""
    sums = list(row[:8])
    whole = len(row) - len(row) % 8
    for i in range(8, whole):
        sums[i % 8] = sums[i % 8] + row[i]
    return total_of(sums, row[whole:])


def total_of(sums: Sequence[Element], rest: Iterable[Element]) -> Element:
    """Add up NumPy's eight running sums pair by pair, and the remaining elements one by one."""
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
    (total,) = sums
    for element in rest:
        total = total + element
    return total


def comes_before(a: Element, b: Element) -> Element:
    """Whether an element sorts before another; NaN sorts after every number."""
    if a.dtype.kind != "f":
        return a < b
    return (a < b) | ((b != b) & (a == a))


def is_better(element: Element, best: Element, better: str) -> Element:
    """Whether an element beats the best one so far; the first NaN does, as in NumPy."""
    ahead = element > best if better == ">" else element < best
    return ahead | ((element != element) & (best == best))

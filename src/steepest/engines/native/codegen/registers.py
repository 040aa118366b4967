"""Tiny arrays, in registers: every element is a value of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native.codegen.context import LoweringContext
from steepest.engines.native.codegen.element import Element
from steepest.graph import Node
from steepest.ops import Elementwise, Indexed, Reduction


def lower_small(lowering: LoweringContext, node: Node) -> np.ndarray:
    """Return the elements of a node whose operands are all in registers."""
    lower = node.op.lower
    if isinstance(lower, Elementwise):
        return _elementwise(lowering, node)
    if isinstance(lower, Indexed):
        return _rearranged(lowering, node)
    if isinstance(lower, Reduction):
        return _reduced(lowering, node, lower)
    return _KERNELS[lower.name](lowering, node)


def _elementwise(lowering: LoweringContext, node: Node) -> np.ndarray:
    operands: list[Any] = [
        np.broadcast_to(lowering.in_registers(operand), node.shape) for operand in node.operands
    ]
    result = np.empty(node.shape, object)
    for position in np.ndindex(*node.shape):
        result[position] = lowering.apply(node, [operand[position] for operand in operands])
    return result


def _rearranged(lowering: LoweringContext, node: Node) -> np.ndarray:
    # The op itself, in NumPy, says which element comes from where: it moves their numbers.
    pool: list[Element] = [lowering.builder.zero(node.dtype)]
    numbers = []
    for operand in node.operands:
        elements = lowering.in_registers(operand).reshape(-1)
        count = len(elements)
        numbers.append(np.arange(len(pool), len(pool) + count).reshape(operand.shape))
        pool.extend(elements)
    moved = np.asarray(node.op.evaluate(*numbers, **node.attributes))
    result = np.empty(node.shape, object)
    for position in np.ndindex(*node.shape):
        result[position] = pool[int(moved[position])]
    return result


def _lanes(lowering: LoweringContext, node: Node) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return the operand as a list of elements for each element of the result."""
    (operand,) = node.operands
    axes = node.attributes["axis"]
    axes = axes if isinstance(axes, tuple) else (axes,)
    kept = tuple(i for i in range(operand.ndim) if i not in axes)
    elements = np.transpose(lowering.in_registers(operand), (*kept, *axes))
    return elements.reshape(node.size, elements.size // max(node.size, 1)), node.shape


def _reduced(lowering: LoweringContext, node: Node, lower: Reduction) -> np.ndarray:
    builder = lowering.builder
    lanes, shape = _lanes(lowering, node)
    result = np.empty(node.size, object)
    for i, lane in enumerate(lanes):
        if len(lane) == 0:
            result[i] = builder.number(lower.initial(node.dtype), node.dtype)
        elif node.op.name == "sum" and len(lane) >= 8:
            result[i] = _pairwise(lane)
        else:
            total = lane[0]
            for element in lane[1:]:
                total = lower.combine(builder, total, element)
            result[i] = total
    return result.reshape(shape)


def _pairwise(lane: np.ndarray) -> Element:
    """Add up in NumPy's own order for 8 to 128 numbers: eight running sums."""
    sums = list(lane[:8])
    whole = len(lane) - len(lane) % 8
    for i in range(8, whole):
        sums[i % 8] = sums[i % 8] + lane[i]
    return total_of(sums, lane[whole:])


def total_of(sums: Sequence[Element], rest: Iterable[Element]) -> Element:
    """Add up NumPy's eight running sums, pair by pair, and what is left one by one."""
    while len(sums) > 1:
        sums = [a + b for a, b in zip(sums[::2], sums[1::2], strict=True)]
    (total,) = sums
    for element in rest:
        total = total + element
    return total


def _extreme_position(lowering: LoweringContext, node: Node, better: str) -> np.ndarray:
    builder = lowering.builder
    lanes, shape = _lanes(lowering, node)
    result = np.empty(node.size, object)
    for i, lane in enumerate(lanes):
        best, place = lane[0], builder.number(0, node.dtype)
        for k, element in enumerate(lane[1:], 1):
            wins = is_better(element, best, better)
            best = builder.select(wins, element, best)
            place = builder.select(wins, builder.number(k, node.dtype), place)
        result[i] = place
    return result.reshape(shape)


def comes_before(a: Element, b: Element) -> Element:
    """Whether an element sorts before another; NaN sorts behind every number."""
    if a.dtype.kind != "f":
        return a < b
    return (a < b) | ((b != b) & (a == a))


def _argsort(lowering: LoweringContext, node: Node) -> np.ndarray:
    builder = lowering.builder
    one, nothing = builder.number(1, node.dtype), builder.number(0, node.dtype)
    axis = node.attributes["axis"]
    elements = np.moveaxis(lowering.in_registers(node.operands[0]), axis, -1)
    result = np.empty(elements.shape, object)
    for position in np.ndindex(elements.shape[:-1]):
        lane = elements[position]
        ranks = []
        for i, own in enumerate(lane):
            rank = nothing
            for j, other in enumerate(lane):
                if j != i:
                    ahead = comes_before(other, own) if j > i else ~comes_before(own, other)
                    rank = rank + builder.select(ahead, one, nothing)
            ranks.append(rank)
        for place in range(len(lane)):
            chosen = nothing
            for i, rank in enumerate(ranks):
                chosen = builder.select(rank == place, builder.number(i, node.dtype), chosen)
            result[(*position, place)] = chosen
    return np.moveaxis(result, -1, axis)


def _running(lowering: LoweringContext, node: Node) -> np.ndarray:
    axis = node.attributes["axis"]
    result = np.moveaxis(lowering.in_registers(node.operands[0]).copy(), axis, 0)
    for i in range(1, len(result)):
        before = result[i - 1]
        result[i] = before + result[i] if node.op.name == "cumsum" else before * result[i]
    return np.moveaxis(result, 0, axis)


def is_better(element: Element, best: Element, better: str) -> Element:
    """Whether an element takes the lead; the first NaN does, as in NumPy."""
    ahead = element > best if better == ">" else element < best
    return ahead | ((element != element) & (best == best))


def _argmax(lowering: LoweringContext, node: Node) -> np.ndarray:
    return _extreme_position(lowering, node, ">")


def _argmin(lowering: LoweringContext, node: Node) -> np.ndarray:
    return _extreme_position(lowering, node, "<")


def _matmul(lowering: LoweringContext, node: Node) -> np.ndarray:
    left, right = (lowering.in_registers(operand) for operand in node.operands)
    batch = node.shape[:-2]
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    result = np.empty(node.shape, object)
    for position in np.ndindex(*node.shape):
        *where, i, j = position
        total = lowering.builder.zero(node.dtype)
        for k in range(left.shape[-1]):
            product = left[(*where, i, k)] * right[(*where, k, j)]
            total = product if k == 0 else total + product
        result[position] = total
    return result


_KERNELS = {
    "pack": _rearranged,
    "concatenate": _rearranged,
    "argmax": _argmax,
    "argmin": _argmin,
    "argsort": _argsort,
    "cumprod": _running,
    "cumsum": _running,
    "matmul": _matmul,
}

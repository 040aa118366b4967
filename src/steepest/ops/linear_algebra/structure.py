"""What is known of a cotangent from the nodes that it was computed by.

Rules of factorizations are linear in the cotangent. Terms of a known form cost less than an
arbitrary matrix: an outer product, a diagonal, a multiple of another array.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Array
from steepest.ops.leaves import constant_value

_DEPTH = 12
"""Most nodes in a row that are looked at."""

_LOW = 4
"""A product counts as one of low rank if its rank is at most the size over this."""


def terms(node: Node) -> Iterator[tuple[float, Node]]:
    """Yield the terms of a sum of arrays of the same shape, each with its sign."""
    stack = [(1.0, node)]
    while stack:
        sign, term = stack.pop()
        name, operands = term.op.name, term.operands
        if any(operand.shape != term.shape for operand in operands):
            yield sign, term
        elif name in ("add", "subtract"):
            stack.append((sign if name == "add" else -sign, operands[1]))
            stack.append((sign, operands[0]))
        elif name == "negative":
            stack.append((-sign, operands[0]))
        else:
            yield sign, term


def product_of(node: Node) -> tuple[Node, Node] | None:
    """Return the factors of a product of matrices of low rank; None for any other node."""
    if node.ndim != 2 or node.op.name not in ("matmul", "multiply"):
        return None
    left, right = node.operands
    if left.ndim != 2 or right.ndim != 2:
        return None
    if node.op.name == "multiply":
        is_outer = left.shape[1] == 1 == right.shape[0] and 1 not in node.shape
        return (left, right) if is_outer else None
    return (left, right) if _LOW * left.shape[1] <= min(node.shape) else None


def diagonal_of(node: Node) -> Node | None:
    """Return the vector that a node puts on the diagonal of a matrix; None for other nodes."""
    if node.ndim != 2 or node.op.name != "reshape" or node.operands[0].op.name != "embed":
        return None
    (flat,) = node.operands
    return flat.operands[0] if flat.attributes["slices"] == _along(node.shape[0]) else None


def takes_diagonal(node: Node, matrix: Node) -> bool:
    """Return whether a node is the diagonal of a square matrix."""
    if node.op.name != "getitem" or node.attributes["slices"] != _along(matrix.shape[-1]):
        return False
    return node.operands[0].op.name == "reshape" and node.operands[0].operands[0] is matrix


def _along(size: int) -> tuple[tuple[int, int, int], ...]:
    return ((0, size, size + 1),)


def multiple(node: Node, like: Array, depth: int = _DEPTH) -> tuple[Any, Node]:
    """Return a number and the node that a node is a multiple of, both up to their shapes.

    `like` is a traced array, which shows how to record with the number.
    """
    factor: Any = 1.0
    for _ in range(depth):
        name, operands = node.op.name, node.operands
        if name == "negative":
            factor, node = -factor, operands[0]
        elif name in ("reshape", "transpose") and _is_vector(node):
            node = operands[0]
        elif name in ("multiply", "matmul") and (found := _scaled(node, like)) is not None:
            factor, node = factor * found[0], found[1]
        elif name == "add" and depth > 1:
            (one, first), (two, second) = (multiple(x, like, depth // 2) for x in operands)
            if first is not second:
                break
            factor, node = factor * (one + two), first
        else:
            break
    return factor, node


def _scaled(node: Node, like: Array) -> tuple[Any, Node] | None:
    for scale, other in (node.operands, node.operands[::-1]):
        if other.size != node.size:
            continue
        number = uniform(scale, like) if node.op.name == "multiply" or scale.size == 1 else None
        if number is not None:
            return number, other
    return None


def uniform(node: Node, like: Array) -> Any:
    """Return the number that all elements are known to equal, or None."""
    value = constant_value(node)
    if value is not None:
        first = value.reshape(-1)[:1]
        same = value.size > 0 and value.tobytes() == first.tobytes() * value.size
        return float(first[0]) if same else None
    while node.size > 1 and node.op.name in ("reshape", "broadcast_to"):
        (node,) = node.operands
    return np.reshape(traced(node, like), ()) if node.size == 1 else None


def traced(node: Node, like: Array) -> Array:
    """Return a node as a traced array of the same session as another."""
    return type(like)(node, like.session)


def _is_vector(node: Node) -> bool:
    return node.size == max(node.shape, default=1)

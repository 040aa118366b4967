"""The nodes that a loop computes and reads."""

from __future__ import annotations

from collections.abc import Iterator

from steepest.graph import Node
from steepest.ops import Indexed, Kernel

REGISTER_LIMIT = 16
"""Most elements of an array in registers."""


def is_leaf(node: Node) -> bool:
    """Whether a node is an input or a constant."""
    return node.op.name in ("input", "constant")


def is_view(node: Node) -> bool:
    """Whether a node only rearranges its operand."""
    return isinstance(node.op.lower, Indexed) and node.op.lower.view


def is_dynamic_slice(node: Node) -> bool:
    """Whether a node is a slice, at a computed index, of an array that will be in memory."""
    if node.op.name != "take_at" or node.size <= REGISTER_LIMIT:
        return False
    array, *places = node.operands
    is_there = array.op.name == "input" or isinstance(array.op.lower, Kernel)
    return is_there and places[0].ndim == 0


def is_dynamic_update(node: Node, array: Node) -> bool:
    """Whether a node is a large array into which a slice is put, at a computed index."""
    if node.op.name != "put_at" or array.size <= REGISTER_LIMIT:
        return False
    before, _, *places = node.operands
    return before is array and places[0].ndim == 0


def region(
    node: Node, small: frozenset[Node], stored: frozenset[Node] | set[Node]
) -> Iterator[Node]:
    """Yield the nodes that a node's loop reads: fused ones, and those in memory or registers."""
    seen: set[Node] = set()
    stack = list(node.operands)
    while stack:
        operand = stack.pop()
        if operand in seen:
            continue
        seen.add(operand)
        yield operand
        if operand not in small and operand not in stored:
            stack.extend(operand.operands)

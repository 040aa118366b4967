"""What a loop computes on the way, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator

from steepest.graph import Node
from steepest.ops import Indexed

REGISTER_LIMIT = 16
"""Arrays of at most so many elements live in registers."""


def is_leaf(node: Node) -> bool:
    """Whether a node is an input or a constant."""
    return node.op.name in ("input", "constant")


def is_view(node: Node) -> bool:
    """Whether a node only rearranges its operand."""
    return isinstance(node.op.lower, Indexed) and node.op.lower.view


def region(
    node: Node, small: frozenset[Node], stored: frozenset[Node] | set[Node]
) -> Iterator[Node]:
    """Yield what the loops of a node read: first the fused nodes, then what they end at."""
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

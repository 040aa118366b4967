"""What lives where: which nodes stay in registers, which fuse, which become arrays.

A node whose operands and result are tiny is computed in registers, element by element.
Any other elementwise or shaping node fuses into the loops of whoever needs it, unless that
would compute it more than once; reductions, products and results become arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steepest.graph import Guard, Node, order
from steepest.ops import Elementwise, Indexed, Kernel, Reduction

REGISTER_LIMIT = 16
"""Arrays of at most so many elements live in registers."""

_DEPTH_LIMIT = 40
"""Longest chain of nodes that fuse into one loop."""


@dataclass(frozen=True)
class Plan:
    """How every node of a program is computed.

    Attributes
    ----------
    nodes
        All of them, operands first.
    small
        Those computed in registers.
    stored
        Those computed by loops of their own.
    last_use
        For each stored node, the last node whose loops read it.
    """

    nodes: list[Node]
    small: frozenset[Node]
    stored: frozenset[Node]
    last_use: dict[Node, Node]


def is_leaf(node: Node) -> bool:
    """Whether a node is an input or a constant."""
    return node.op.name in ("input", "constant")


def is_view(node: Node) -> bool:
    """Whether a node only rearranges its operand."""
    return isinstance(node.op.lower, Indexed) and node.op.lower.view


_IN_MEMORY = ("host", "scan", "while_", "cond", "panels")
"""Kernels whose operands are looked at in memory, however small they are."""


def _fits_registers(node: Node) -> bool:
    if node.size > REGISTER_LIMIT or is_leaf(node):
        return False
    if node.op.name in ("take_at", "add_at", "put_at"):
        return False  # an index that is not known when compiling needs memory
    if isinstance(node.op.lower, Kernel) and node.op.lower.name in _IN_MEMORY:
        return False
    return all(operand.size <= REGISTER_LIMIT for operand in node.operands)


def make_plan(paths: Sequence[tuple[Sequence[Guard], Sequence[Node]]]) -> Plan:
    """Decide for all nodes that the guards and outputs of some paths need."""
    results: list[Node] = []
    for guards, outputs in paths:
        results += [guard.condition for guard in guards]
        results += outputs
    nodes = order(results)
    consumers: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for operand in dict.fromkeys(node.operands):
            consumers[operand].append(node)
    small = frozenset(filter(_fits_registers, nodes))
    needed = set(results)
    stored: set[Node] = set()
    readers: dict[Node, set[Node]] = {}
    for node in reversed(nodes):
        if node in small or is_leaf(node):
            continue
        loops = set().union(*(_loops_of(c, stored, small, readers) for c in consumers[node]))
        readers[node] = loops
        if node in needed or _must_store(node, consumers[node], loops, small):
            stored.add(node)
    _cut_chains(nodes, small, stored)
    # Paths differ in what comes last: with several, nothing is given back.
    last_use = _last_uses(nodes, small, stored) if len(paths) == 1 else {}
    return Plan(nodes, small, frozenset(stored), last_use)


def _loops_of(
    node: Node, stored: set[Node], small: frozenset[Node], readers: dict[Node, set[Node]]
) -> set[Node]:
    return {node} if node in stored or node in small else readers[node]


def _must_store(
    node: Node, consumers: Sequence[Node], loops: set[Node], small: frozenset[Node]
) -> bool:
    lower = node.op.lower
    if isinstance(lower, Reduction | Kernel) or node.size <= REGISTER_LIMIT:
        return True
    if is_view(node):
        return False
    if any(isinstance(consumer.op.lower, Kernel) for consumer in consumers):
        return True
    if len(consumers) > 1 and any(isinstance(c.op.lower, Indexed) for c in consumers):
        return True  # read at different indices: computed more than once
    if isinstance(lower, Elementwise) and any(c.size > node.size for c in consumers):
        return not all(isinstance(c.op.lower, Reduction) for c in consumers)
    return len(loops) > 1


def _cut_chains(nodes: Sequence[Node], small: frozenset[Node], stored: set[Node]) -> None:
    depth: dict[Node, int] = {}
    for node in nodes:
        if node in small or node in stored or is_leaf(node):
            depth[node] = 0
            continue
        depth[node] = 1 + max((depth[operand] for operand in node.operands), default=0)
        if depth[node] > _DEPTH_LIMIT:
            stored.add(node)
            depth[node] = 0


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


def _last_uses(
    nodes: Sequence[Node], small: frozenset[Node], stored: set[Node]
) -> dict[Node, Node]:
    last: dict[Node, Node] = {}
    for node in nodes:
        if node in small or node in stored:
            for operand in region(node, small, stored):
                if operand in stored:
                    last[operand] = node
    return last

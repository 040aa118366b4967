"""The plan of a program: which nodes stay in registers, which fuse, which become arrays.

A node whose operands and result are tiny is computed in registers, element by element. Another
elementwise or shaping node fuses into the loop that reads it, unless it would be computed more
than once. Reductions, products and results become arrays.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steepest.engines.native.schedule.fusion import group_loops, in_order
from steepest.engines.native.schedule.regions import (
    REGISTER_LIMIT,
    is_dynamic_slice,
    is_leaf,
    is_view,
    region,
)
from steepest.graph import Guard, Node, order
from steepest.ops import Elementwise, Indexed, Kernel, Reduction

_DEPTH_LIMIT = 40
"""Longest chain of nodes that fuse into one loop."""


@dataclass(frozen=True)
class Plan:
    """The plan of a program: how each node is computed.

    Attributes
    ----------
    nodes
        All nodes, operands first.
    small
        Nodes that are computed in registers.
    stored
        Nodes that are in memory: with loops of their own, or as a slice of another array.
    dynamic_slices
        Slices of other arrays, which are read where they are.
    together
        For each node that is computed in one loop with others: all of these, operands first.
    parts
        For each node that is computed in its part of a concatenation: the concatenation, and
        the number of elements before the part.
    last_use
        For each stored node, the last node whose loop reads it.
    """

    nodes: list[Node]
    small: frozenset[Node]
    stored: frozenset[Node]
    dynamic_slices: frozenset[Node]
    together: Mapping[Node, tuple[Node, ...]]
    parts: Mapping[Node, tuple[Node, int]]
    last_use: dict[Node, Node]


def _fits_registers(node: Node) -> bool:
    if node.size > REGISTER_LIMIT or is_leaf(node):
        return False
    if node.op.looks_up:
        return False  # an index that is not known at compile time needs memory
    if isinstance(node.op.lower, Kernel) and not node.op.lower.in_registers:
        return False
    return all(operand.size <= REGISTER_LIMIT for operand in node.operands)


def make_plan(paths: Sequence[tuple[Sequence[Guard], Sequence[Sequence[Node]]]]) -> Plan:
    """Return the plan of all nodes that the guards and outputs of some paths need.

    The outputs of a path come in stages, in the order in which they will be emitted. Memory is
    given back after its last use in that order.
    """
    stages: list[Sequence[Node]] = []
    for guards, outputs in paths:
        stages += [[guard.condition] for guard in guards]
        stages += outputs
    results = [node for stage in stages for node in stage]
    nodes = order(results)
    consumers: dict[Node, list[Node]] = {node: [] for node in nodes}
    for node in nodes:
        for operand in dict.fromkeys(node.operands):
            consumers[operand].append(node)
    small = frozenset(filter(_fits_registers, nodes))
    needed = set(results)
    # A slice that is a result is copied: its array may be overwritten when it is read.
    dynamic_slices = frozenset(
        node for node in nodes if is_dynamic_slice(node) and node not in needed
    )
    stored: set[Node] = set()
    readers: dict[Node, set[Node]] = {}
    for node in reversed(nodes):
        if node in small or is_leaf(node):
            continue
        loops = set().union(*(_loops_of(c, stored, small, readers) for c in consumers[node]))
        readers[node] = loops
        if node in needed or node in dynamic_slices or _must_store(node, consumers[node], loops):
            stored.add(node)
    stored |= {node for node in nodes if _joins_stored_operand(node, small, stored)}
    _cut_chains(nodes, small, stored)
    groups = group_loops(nodes, consumers, small, stored, stages)
    if groups:
        nodes = in_order(nodes, groups, small, stored)
    # The last use differs between paths: with several, no memory is given back.
    parts = _parts(nodes, stored, frozenset(results))
    last_use = _last_uses(nodes, small, stored, dynamic_slices, parts) if len(paths) == 1 else {}
    for result in stages[-1] if stages else ():  # it is read when all is emitted
        last_use.pop(result, None)
    together = {node: members for members in groups for node in members}
    return Plan(nodes, small, frozenset(stored), dynamic_slices, together, parts, last_use)


def _loops_of(
    node: Node, stored: set[Node], small: frozenset[Node], readers: dict[Node, set[Node]]
) -> set[Node]:
    return {node} if node in stored or node in small else readers[node]


def _must_store(node: Node, consumers: Sequence[Node], loops: set[Node]) -> bool:
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


def _joins_stored_operand(node: Node, small: frozenset[Node], stored: set[Node]) -> bool:
    """Whether a node becomes an array because an operand is one (``Elementwise.beside``)."""
    lower = node.op.lower
    if node in small or not isinstance(lower, Elementwise) or lower.shares_steps_with is None:
        return False
    return node.operands[lower.shares_steps_with] in stored and node.size > REGISTER_LIMIT


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


def _parts(
    nodes: Sequence[Node], stored: set[Node], results: frozenset[Node]
) -> dict[Node, tuple[Node, int]]:
    """Return the stored nodes that can be computed as parts of a concatenation."""
    parts: dict[Node, tuple[Node, int]] = {}
    for whole in nodes:
        if whole.op.name != "concatenate" or whole not in stored:
            continue
        if math.prod(whole.shape[: whole.attributes["axis"]]) != 1:
            continue  # the parts are not contiguous
        start = 0
        for operand in whole.operands:
            part = operand
            while part.op.name == "reshape":
                (part,) = part.operands
            if part in stored and part.dtype == whole.dtype and part not in results:
                parts.setdefault(part, (whole, start))
            start += operand.size
    return parts


def _last_uses(
    nodes: Sequence[Node],
    small: frozenset[Node],
    stored: set[Node],
    dynamic_slices: frozenset[Node],
    parts: Mapping[Node, tuple[Node, int]],
) -> dict[Node, Node]:
    last: dict[Node, int] = {}
    for place, node in enumerate(nodes):
        if node in small or node in stored:
            for operand in region(node, small, stored):
                if operand in stored:
                    last[operand] = place
    for node in dynamic_slices & last.keys():  # reading a slice of an array needs the array
        if node.operands[0] in stored:
            last[node.operands[0]] = max(last[node.operands[0]], last[node])
    for part, (whole, _) in parts.items():  # reading a part needs the whole
        if part in last and whole in last:
            last[whole] = max(last[whole], last[part])
    return {node: nodes[place] for node, place in last.items()}

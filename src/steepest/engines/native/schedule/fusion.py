"""Fusion: loops over the same positions that read the same arrays run as one loop.

An array that only this loop reads, each element at its own position, is not stored.
"""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from steepest.engines.native.schedule.regions import REGISTER_LIMIT, is_leaf, region
from steepest.graph import Node, Shape
from steepest.ops import Elementwise, Indexed, Reduction

_MOST_TOGETHER = 8
"""Most results of one loop; more would not fit in registers."""

LoopSpace = tuple[int, Shape]
"""The stage of a loop and the shape that it runs over; only loops with equal ones may fuse."""

Uses = dict[Node, bool]
"""The loops that read a node, and whether each reads it only at the loop's own position."""


@dataclass(eq=False)
class _Group:
    """Loops over the same positions, the last one first, and all arrays that they touch."""

    members: list[Node] = field(default_factory=list)
    touches: set[Node] = field(default_factory=set)

    @property
    def is_full(self) -> bool:
        return len(self.members) >= _MOST_TOGETHER


def group_loops(
    nodes: Sequence[Node],
    consumers: Mapping[Node, Sequence[Node]],
    small: frozenset[Node],
    stored: set[Node],
    stages: Sequence[Sequence[Node]],
) -> list[tuple[Node, ...]]:
    """Return the groups of several loops, operands first.

    A node that only its own group reads, each element at its own position, is removed from
    `stored`, unless it is a result. Loops of several stages do not run as one, because a later
    stage may never run.
    """
    spaces = _loop_spaces(nodes, small, stored, stages)
    uses = _uses(nodes, consumers, small, stored, spaces)
    groups = [tuple(reversed(g.members)) for g in _groups(nodes, small, stored, uses, spaces)]
    groups = [members for members in groups if len(members) > 1]
    results = set().union(*stages)
    for members in groups:
        for node in members:
            inside = (aligned and reader in members for reader, aligned in uses[node].items())
            if _is_elementwise(node) and node not in results and all(inside):
                stored.remove(node)
    return groups


def _groups(
    nodes: Sequence[Node],
    small: frozenset[Node],
    stored: set[Node],
    uses: Mapping[Node, Uses],
    spaces: Mapping[Node, LoopSpace],
) -> Iterable[_Group]:
    """Return groups of loops.

    Nodes are visited backwards. The level of a loop is above the levels of all loops that read
    it, except those in its own group. So no group depends on itself through another group.
    """
    levels: dict[Node, int] = {}
    group_of: dict[Node, _Group] = {}
    at_level: dict[tuple[LoopSpace, int], list[_Group]] = {}
    for node in reversed(nodes):
        if node not in stored and node not in small:
            continue
        space = spaces.get(node)
        same = {r for r, aligned in uses[node].items() if aligned and spaces[r] == space}
        inside = same if _is_elementwise(node) else set()
        above = max((levels[reader] + 1 for reader in uses[node].keys() - inside), default=0)
        level = max([above, *(levels[reader] for reader in inside)])
        if space is None:
            levels[node] = level
            continue
        around = set(region(node, small, stored))
        readers = [group_of[reader] for reader in inside if levels[reader] == level]
        if readers and any(group is not readers[0] or group.is_full for group in readers):
            readers, level = [], level + 1
        others = at_level.setdefault((space, level), [])
        related = (g for g in others if not g.is_full and not g.touches.isdisjoint(around))
        group = readers[0] if readers else next(related, None)
        if group is None:
            group = _Group()
            others.append(group)
        group.members.append(node)
        group.touches.update(x for x in (node, *around) if x.size > 1)
        levels[node], group_of[node] = level, group
    return dict.fromkeys(group_of.values())


def in_order(
    nodes: Sequence[Node],
    groups: Sequence[tuple[Node, ...]],
    small: frozenset[Node],
    stored: set[Node],
) -> list[Node]:
    """Return the nodes in an order that keeps groups together, operands first."""
    position = {node: i for i, node in enumerate(nodes)}
    unit_of = {node: members for members in groups for node in members}
    result: dict[Node, None] = {}
    for first in nodes:
        stack = [(unit_of.get(first, (first,)), False)]
        while stack:
            unit, is_ready = stack.pop()
            if unit[-1] in result:
                continue
            around = {x for n in unit for x in region(n, small, stored) if x not in result}
            found = sorted(around.union(unit), key=position.__getitem__)
            if is_ready:
                result.update(dict.fromkeys(found))
                continue
            ends = (x for x in found if x in small or x in stored or is_leaf(x))
            before = [(unit_of.get(x, (x,)), False) for x in ends if x not in unit]
            stack += [(unit, True), *reversed(before)]
    return list(result)


def _is_elementwise(node: Node) -> bool:
    return isinstance(node.op.lower, Elementwise)


def _loop_spaces(
    nodes: Sequence[Node],
    small: frozenset[Node],
    stored: set[Node],
    stages: Sequence[Sequence[Node]],
) -> dict[Node, LoopSpace]:
    """Return the stage and the shape of every loop that may fuse with others."""
    position = {node: i for i, node in enumerate(nodes)}
    last = (max(position[node] for node in stage) for stage in stages if stage)
    ends = list(itertools.accumulate(last, max))
    spaces: dict[Node, LoopSpace] = {}
    for node in stored - small:
        shape = _loop_shape(node)
        if shape is not None:
            spaces[node] = bisect.bisect_left(ends, position[node]), shape
    return spaces


def _loop_shape(node: Node) -> Shape | None:
    """Return the shape that a node's loop runs over; None if it does not fuse with others."""
    if isinstance(node.op.lower, Reduction):
        (operand,) = node.operands
        whole = len(node.attributes["axis"]) == operand.ndim
        return operand.shape if whole and operand.size > REGISTER_LIMIT else None
    return node.shape if _is_elementwise(node) and node.size > REGISTER_LIMIT else None


def _uses(
    nodes: Sequence[Node],
    consumers: Mapping[Node, Sequence[Node]],
    small: frozenset[Node],
    stored: set[Node],
    spaces: Mapping[Node, LoopSpace],
) -> dict[Node, Uses]:
    uses: dict[Node, Uses] = {}
    for node in reversed(nodes):
        mine: Uses = {}
        for consumer in consumers[node]:
            if consumer in small or consumer in stored:
                is_aligned = consumer in spaces and spaces[consumer][1] == node.shape
                mine[consumer] = mine.get(consumer, True) and is_aligned
                continue
            same = not isinstance(consumer.op.lower, Indexed) and consumer.shape == node.shape
            for reader, is_aligned in uses[consumer].items():
                mine[reader] = mine.get(reader, True) and is_aligned and same
        uses[node] = mine
    return uses

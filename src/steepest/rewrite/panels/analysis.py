"""Find the nodes that are computed by rows, and the pass over the data of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from steepest.graph import Node, order
from steepest.ops import Elementwise, Indexed
from steepest.ops.rows import WHOLE, Need
from steepest.rewrite.panels.row_rules import needs_of, row_bytes_of, sums_over

_SMALLEST_SHARE = 8
"""An array with fewer rows than the data axis divided by this is read as a whole."""


@dataclass(frozen=True)
class Mapped:
    """A node that is computed by rows: their axis, and the coordinate of the first."""

    axis: int
    start: int
    needs: tuple[Need, ...] = ()
    one_is_enough: bool = False


class _Effort(NamedTuple):
    """The cost of computing a row from memory: operations on each number, bytes read."""

    flops: float
    read: int


_HARD_OPERATIONS, _CHEAP_OPERATIONS = 10, 30
"""Operations that a hard op counts as, and most operations that cost less than a write."""


class Analysis:
    """The nodes that are computed by rows, and the pass (round) of each.

    Attributes
    ----------
    mapped
        How each node is computed by rows; also arrays in memory that can be sliced by rows.
    sums
        For each node that combines rows: the reduction, and the rows it needs of operands.
    rounds
        Number of the pass over the data that computes a node.
    obstacles
        Nodes that need all rows at once, so that their operands are not computed by panels.
    in_memory
        Arrays that are whole in memory and can be sliced by rows.
    """

    def __init__(self, nodes: Sequence[Node], rows: int, first: Sequence[Node]) -> None:
        self.rows = rows
        self._first = frozenset(order(first))
        self._after_first = 0
        self.mapped: dict[Node, Mapped] = {}
        self.sums: dict[Node, tuple[str, list[Need]]] = {}
        self.rounds: dict[Node, int] = {}
        self.obstacles: list[Node] = []
        self.in_memory: set[Node] = set()
        self._effort: dict[Node, _Effort] = {}
        for node in nodes:
            self._classify(node)

    def _classify(self, node: Node) -> None:
        if not node.operands:
            self._note_in_memory(node)
            self.rounds[node] = 0
            return
        found = self._as_rows(node)
        combined = None if found else self._as_sum(node)
        self.rounds[node] = max(
            self.rounds[x] + (x in self.sums or self._needs_all_rows(x, found, combined))
            for x in node.operands
        )
        if node in self._first:
            self._after_first = max(self._after_first, self.rounds[node] + 1)
        else:
            self.rounds[node] = max(self.rounds[node], self._after_first)
        if found:
            self.mapped[node] = found
            self._effort[node] = self._effort_of(node, found)
        elif combined:
            self.sums[node] = combined
        else:
            if any(x in self.mapped and not self.is_free(x) for x in node.operands):
                self.obstacles.append(node)
            self._note_in_memory(node)

    def _effort_of(self, node: Node, found: Mapped) -> _Effort:
        if not isinstance(node.op.lower, Elementwise | Indexed):
            return _Effort(math.inf, 0)
        flops: float = _HARD_OPERATIONS if self.is_hard(node) else 1
        read = 0
        for operand, need in zip(node.operands, found.needs, strict=True):
            if operand in self._effort:
                flops += self._effort[operand].flops
                read += self._effort[operand].read
            elif need is not WHOLE:
                read += row_bytes_of(operand, need[0])
        return _Effort(flops, read)

    def is_hard(self, node: Node) -> bool:
        """Whether a number of a node takes many operations, or a slow one."""
        is_written = callable(getattr(node.op.lower, "emit", None)) and node.dtype.kind == "f"
        return is_written or node.op.name in ("divide", "sqrt")

    def is_computed_again(self, node: Node) -> bool:
        """Whether a later pass computes a row again, rather than reading it from memory."""
        if node not in self._effort:
            return False
        size = row_bytes_of(node, self.mapped[node].axis)
        effort = self._effort[node]
        return effort.flops <= _CHEAP_OPERATIONS and effort.read <= 2 * size

    def _note_in_memory(self, node: Node) -> None:
        """Note that an array in memory can be sliced by rows, if one axis has as many."""
        axes = [axis for axis, extent in enumerate(node.shape) if extent == self.rows]
        if len(axes) == 1:
            self.mapped[node] = Mapped(axes[0], 0)
            self.in_memory.add(node)

    def _needs_all_rows(self, operand: Node, found: Any, combined: Any) -> bool:
        """Whether a node needs all rows of an operand, and so runs in a later pass."""
        is_rows = operand in self.mapped and not self.is_free(operand)
        return is_rows and not found and not combined

    def _fits(self, operand: Node, need: Need) -> bool:
        mapped = self.mapped.get(operand)
        if need is WHOLE:
            return mapped is None or self.is_free(operand)
        if mapped is None:
            return True  # an array in memory, which can be sliced
        return mapped.axis == need[0] or operand in self.in_memory

    def leader_of(self, node: Node, needs: Sequence[Need]) -> tuple[Node, tuple[int, int]] | None:
        """Return an operand that sets the coordinates, and its need; None if one does not fit."""
        pairs = list(zip(node.operands, needs, strict=True))
        if not all(self._fits(operand, need) for operand, need in pairs):
            return None
        for operand, need in pairs:
            mapped = self.mapped.get(operand)
            if mapped and need is not WHOLE and mapped.axis == need[0]:
                return operand, need
        return None

    def _as_rows(self, node: Node) -> Mapped | None:
        for axis in range(node.ndim):
            found = needs_of(node, axis)
            if found is None or node.shape[axis] * _SMALLEST_SHARE < self.rows:
                continue
            needs, one_is_enough = found
            leader = self.leader_of(node, needs)
            if leader is not None:
                operand, (_, further) = leader
                start = self.mapped[operand].start + further
                return Mapped(axis, start, tuple(needs), one_is_enough)
        return None

    def _as_sum(self, node: Node) -> tuple[str, list[Need]] | None:
        for combine, needs in sums_over(node):
            if self.leader_of(node, needs) is not None:
                return combine, needs
        return None

    def start_of(self, node: Node) -> int:
        """Return the coordinate of a node's first row."""
        mapped = self.mapped.get(node)
        return mapped.start if mapped else 0

    def is_free(self, node: Node) -> bool:
        """Whether a node is an array in memory or a view of one."""
        while node not in self.in_memory and node.operands:
            if not (isinstance(node.op.lower, Indexed) and node.op.lower.view):
                return False
            (node,) = node.operands
        return True

"""One pass over the data, and the graph of a panel on each segment of coordinates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, make, order
from steepest.ops import TABLE, constant_node
from steepest.ops.arrays.loops import step_input
from steepest.ops.rows import WHOLE, Need
from steepest.rewrite.panels.analysis import Analysis
from steepest.rewrite.panels.op import Result, SlicedOperand
from steepest.rewrite.panels.row_rules import row_bytes_of, some_rows, with_rows

MOST_COPIES = 3
"""Most copies of a node at different distances."""


@dataclass(frozen=True)
class _Copy:
    """A node whose rows are read at a distance from the coordinates."""

    node: Node
    distance: int


class Round:
    """One pass over the data, which computes its targets segment by segment."""

    def __init__(self, analysis: Analysis, number: int, targets: Sequence[Node]) -> None:
        self.analysis, self.number, self.targets = analysis, number, targets
        self.operands: list[Node] = []
        self.sliced: dict[tuple[Node, int, int, int], SlicedOperand] = {}
        self.whole: dict[Node, int] = {}
        self._copies: list[_Copy] = []
        self._collect()
        self._halos = self._find_halos()

    def _is_inside(self, node: Node) -> bool:
        analysis = self.analysis
        if node not in analysis.mapped or node in analysis.in_memory:
            return False
        number = analysis.rounds[node]
        return number == self.number or (number < self.number and analysis.is_computed_again(node))

    def _extent(self, copy: _Copy) -> tuple[int, int]:
        """Return the coordinates at which a copy has rows."""
        axis = self.analysis.mapped[copy.node].axis
        return self._operand_extent(copy.node, (axis, 0), copy.distance)

    def _operand_extent(self, operand: Node, need: Need, distance: int) -> tuple[int, int]:
        """Return the coordinates at which a node has rows, at a distance."""
        assert need is not None
        first = self.analysis.start_of(operand) - distance
        return first, first + operand.shape[need[0]]

    def _operands_of(self, copy: _Copy) -> list[tuple[Node, Need, int]]:
        """Return for each operand its need and its distance."""
        mapped = self.analysis.mapped[copy.node]
        return [
            (x, need, self._distance(x, need, mapped.start, copy.distance))
            for x, need in zip(copy.node.operands, mapped.needs, strict=True)
        ]

    def _distance(self, operand: Node, need: Need, start: int, distance: int) -> int:
        if need is WHOLE:
            return 0
        return self.analysis.start_of(operand) + need[1] - start + distance

    def _roots(self, target: Node) -> list[tuple[Node, Need, int]]:
        """Return what a sum over rows needs, with distances."""
        _, needs = self.analysis.sums[target]
        start, _ = self._sum_extent(target)
        pairs = zip(target.operands, needs, strict=True)
        return [(x, need, self._distance(x, need, start, 0)) for x, need in pairs]

    def _sum_extent(self, target: Node) -> tuple[int, int]:
        """Return the coordinates that a sum over rows takes in."""
        _, needs = self.analysis.sums[target]
        leader = self.analysis.leader_of(target, needs)
        assert leader is not None
        return self._operand_extent(*leader, 0)

    def _collect(self) -> None:
        """List the copies of nodes that are needed, and the operands they come from."""
        seen: dict[_Copy, None] = {}
        stack: list[tuple[Node, Need, int]] = []
        for target in self.targets:
            if target in self.analysis.sums:
                stack += self._roots(target)
            else:
                stack.append((target, (self.analysis.mapped[target].axis, 0), 0))
        while stack:
            node, need, distance = stack.pop()
            if need is WHOLE:
                self._note_whole(node)
            elif not self._is_inside(node):
                self._note_sliced(node, need[0], distance)
            elif _Copy(node, distance) not in seen:
                seen[_Copy(node, distance)] = None
                stack += self._operands_of(_Copy(node, distance))
        position = {node: i for i, node in enumerate(order([copy.node for copy in seen]))}
        self._copies = sorted(seen, key=lambda copy: position[copy.node])

    def _note_whole(self, node: Node) -> None:
        if node.op.name != "constant" and node not in self.whole:
            self.whole[node] = len(self.operands)
            self.operands.append(node)

    def _find_halos(self) -> dict[Node, tuple[int, int]]:
        """Return nodes computed once for several distances: the least, and the rows added.

        These are the expensive ones. Cheap ones are computed for each distance, in registers.
        """
        distances: dict[Node, list[int]] = {}
        for copy in self._copies:
            distances.setdefault(copy.node, []).append(copy.distance)
        halos = {}
        for node, found in distances.items():
            if len(found) > 1 and self.analysis.is_hard(node) and self._can_have_halo(node):
                low, more = min(found), max(found) - min(found)
                halos[node] = low, more
                self._note_halo(node, low, more)
        return halos

    def _can_have_halo(self, node: Node) -> bool:
        """Whether a node and all that it is computed from can have more rows than the panel."""
        if not self._is_inside(node):
            return True
        mapped = self.analysis.mapped[node]
        pairs = zip(node.operands, mapped.needs, strict=True)
        return not mapped.one_is_enough and all(
            need is WHOLE or self._can_have_halo(operand) for operand, need in pairs
        )

    def _note_halo(self, node: Node, distance: int, more: int) -> None:
        for operand, need, further in self._operands_of(_Copy(node, distance)):
            if need is WHOLE:
                continue
            if self._is_inside(operand):
                self._note_halo(operand, further, more)
            else:
                self._note_sliced(operand, need[0], further, more)

    def _note_sliced(self, node: Node, axis: int, distance: int, more: int = 0) -> None:
        key = (node, axis, distance, more)
        if key not in self.sliced:
            first = distance - self.analysis.start_of(node)
            self.sliced[key] = SlicedOperand(len(self.operands), axis, first)
            self.operands.append(node)

    def is_too_wide(self) -> bool:
        """Whether nodes would be computed at too many distances."""
        counts = Counter(copy.node for copy in self._copies)
        return any(number > MOST_COPIES for number in counts.values())

    def row_bytes(self) -> tuple[int, int]:
        """Return the bytes of a row: what is read, and what is computed from it."""
        read = sum(row_bytes_of(node, axis) for node, axis in {k[:2] for k in self.sliced})
        made = sum(
            row_bytes_of(copy.node, self.analysis.mapped[copy.node].axis)
            for copy in self._copies
            if not self.analysis.is_free(copy.node)
        )
        return read, made

    def row_flops(self) -> int:
        """Return the operations that products of matrices take for a row.

        Those of products that a row has for itself do not count: they are small.
        """
        copies = [(copy.node, self.analysis.mapped[copy.node].axis) for copy in self._copies]
        inside = sum(
            2 * node.size // max(node.shape[axis], 1) * node.operands[0].shape[-1]
            for node, axis in copies
            if node.op.name == "matmul" and axis >= node.ndim - 2
        )
        return inside + sum(2 * x.size for x in self.targets if self._is_product_over_rows(x))

    def _is_product_over_rows(self, target: Node) -> bool:
        return target in self.analysis.sums and target.op.name == "matmul"

    def boundaries(self) -> list[int]:
        """Return the ends of segments: each node has rows on all of a segment or on none."""
        points: set[int] = set()
        for copy in self._copies:
            points.update(self._extent(copy))
            if self.analysis.mapped[copy.node].one_is_enough:
                for operand, need, distance in self._operands_of(copy):
                    points.update(self._operand_extent(operand, need, distance))
        for target in self.targets:
            if target in self.analysis.sums:
                points.update(self._sum_extent(target))
        return sorted(points)

    def results(self) -> tuple[Result, ...]:
        """Return the shapes of the results, and how panels are put together."""
        found = []
        for target in self.targets:
            if target in self.analysis.sums:
                combine, _ = self.analysis.sums[target]
                found.append(Result(target.shape, target.dtype, None, 0, combine))
            else:
                mapped = self.analysis.mapped[target]
                found.append(Result(target.shape, target.dtype, mapped.axis, mapped.start))
        return tuple(found)

    def step(self, start: int, size: int) -> tuple[Graph, tuple[int, ...]]:
        """Return the graph of a panel at a coordinate, and the numbers of its results."""
        inputs: list[Node] = []
        known: dict[Any, Node] = {}
        for key in self.sliced:
            node, axis, _, more = key
            shape = (*node.shape[:axis], size + more, *node.shape[axis + 1 :])
            known[key] = step_input(len(inputs), shape, node.dtype)
            inputs.append(known[key])
        for node in self.whole:
            known[node] = step_input(len(inputs), node.shape, node.dtype)
            inputs.append(known[node])

        def value(node: Node, need: Need, distance: int, more: int = 0) -> Node:
            if need is WHOLE:
                return known.get(node, node)
            if not self._is_inside(node):
                return known[node, need[0], distance, more]
            return with_more(node, distance, more) if more else known[_Copy(node, distance)]

        def with_more(node: Node, distance: int, more: int) -> Node:
            key = (node, distance, more)
            if key not in known:
                operands = [value(*x, more) for x in self._operands_of(_Copy(node, distance))]
                axis = self.analysis.mapped[node].axis
                known[key] = with_rows(node, axis, operands, size + more)
            return known[key]

        for copy in self._copies:
            low, more = self._halos.get(copy.node, (0, 0))
            if more and self._has_rows(_Copy(copy.node, low), start, size + more):
                whole = with_more(copy.node, low, more)
                axis = self.analysis.mapped[copy.node].axis
                known[copy] = some_rows(whole, axis, copy.distance - low, size)
            elif self._has_rows(copy, start, size):
                known[copy] = self._copied(copy, start, size, value)
        outputs, numbers = [], []
        for number, target in enumerate(self.targets):
            if target in self.analysis.sums:
                first, end = self._sum_extent(target)
                if first <= start and start + size <= end:
                    operands = [value(*root) for root in self._roots(target)]
                    outputs.append(make(target.op, operands, **target.attributes))
                    numbers.append(number)
            elif _Copy(target, 0) in known:
                outputs.append(known[_Copy(target, 0)])
                numbers.append(number)
        return Graph(tuple(inputs), tuple(outputs)), tuple(numbers)

    def _has_rows(self, copy: _Copy, start: int, size: int) -> bool:
        first, end = self._extent(copy)
        return first <= start and start + size <= end

    def _copied(
        self, copy: _Copy, start: int, size: int, value: Callable[[Node, Need, int], Node]
    ) -> Node:
        node, mapped = copy.node, self.analysis.mapped[copy.node]
        operands = self._operands_of(copy)
        if not mapped.one_is_enough:
            return with_rows(node, mapped.axis, [value(*x) for x in operands], size)
        for operand, need, distance in reversed(operands):
            first, end = self._operand_extent(operand, need, distance)
            if first <= start and start + size <= end:
                return value(operand, need, distance)
        shape = (*node.shape[: mapped.axis], size, *node.shape[mapped.axis + 1 :])
        zero = constant_node(np.zeros((), node.dtype))
        return make(TABLE["broadcast_to"], (zero,), shape=shape)

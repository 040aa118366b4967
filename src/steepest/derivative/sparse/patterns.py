"""Sparsity patterns: by which variables each element of a graph's outputs has derivatives.

Nodes are visited from the variables forward. The sets of variables of a node are unions of those
of the elements of its operands that it is computed from. A loop is followed step by step. What is
not known to be sparse counts as dense, so that a pattern contains every element that can be
nonzero.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.derivative.sparse.links import Facts, Link, link, slope_positions
from steepest.derivative.sparse.rows import BitRows, TooDenseError, empty_rows, unit_rows
from steepest.graph import Graph, Node, order
from steepest.graph.evaluate import evaluate
from steepest.ops import SCAN

_MOST_STEPS = 200_000
"""Number of nodes in all steps of a loop from which on it is not followed."""


@dataclass
class Pattern:
    """Where the Jacobian of some outputs by a vector can be nonzero.

    Attributes
    ----------
    rows
        A sparse matrix of truth values for each output, shape (size, n); None if it is dense.
    varies
        Whether a branch depends on the vector, so that the pattern may be another one elsewhere.
    consulted
        Values of nodes on which the pattern depends.
    """

    rows: list[Any] | None
    varies: bool = False
    consulted: dict[Node, np.ndarray] = field(default_factory=dict)

    def holds(self, graph: Graph, values: Sequence[np.ndarray]) -> bool:
        """Whether the pattern is the same for other values of the inputs of its graph."""
        nodes = list(self.consulted)
        found = evaluate(nodes, dict(zip(graph.inputs, values, strict=True)))
        return all(
            np.array_equal(value != 0 if known.dtype == bool else value, known)
            for value, known in zip(found, self.consulted.values(), strict=True)
        )


def pattern_of(graph: Graph, values: Sequence[np.ndarray]) -> Pattern:
    """Return the pattern of a graph's outputs by its first input, which is a vector.

    Parameters
    ----------
    graph
        The graph.
    values
        Values of all its inputs.
    """
    number = graph.inputs[0].size
    ends = [*graph.outputs, *[guard.condition for guard in graph.guards]]
    known = {n: Facts(np.asarray(v)) for n, v in zip(graph.inputs, values, strict=True)}
    everywhere = BitRows(np.ones((number, 1), np.uint64))
    try:
        known[graph.inputs[0]] = Facts(np.asarray(values[0]), everywhere, unit_rows(number))
        visit = _Visit()
        with np.errstate(all="ignore"):
            facts = visit.facts_of(ends, known)
    except TooDenseError:
        return Pattern(None)
    few, like = len(graph.outputs), known[graph.inputs[0]].rows
    rows = [
        (empty_rows(node.size, like) if fact.rows is None else fact.rows).matrix(number)
        for node, fact in zip(graph.outputs, facts[:few], strict=True)
    ]
    varies = any(fact.varies is not None for fact in facts[few:])
    return Pattern(rows, varies, visit.consulted)


class _Visit:
    """One visit of the nodes of a graph."""

    def __init__(self) -> None:
        self.consulted: dict[Node, np.ndarray] = {}
        self._depth = 0
        self._links: dict[tuple[Node, int], Link] = {}

    def facts_of(self, outputs: Sequence[Node], known: Mapping[Node, Facts]) -> list[Facts]:
        """Return what is known of nodes, from what is known of others."""
        facts = dict(known)
        for node in _between(tuple(outputs), frozenset(known)):
            facts[node] = self._of(node, [facts[operand] for operand in node.operands])
        return [facts[node] for node in outputs]

    def _of(self, node: Node, facts: list[Facts]) -> Facts:
        varying = [i for i, fact in enumerate(facts) if not fact.is_fixed()]
        if node.op is SCAN and varying:
            rows, step = node.operands[1].shape[0], node.attributes["step"]
            if rows * len(order(step.outputs)) < _MOST_STEPS:
                return self._scanned(node, facts)
        values = [fact.value for fact in facts]
        value = np.asarray(node.op.evaluate(*values, **node.attributes))
        if not varying:
            return Facts(value)
        links = {i: self._link(node, i, facts) for i in varying}
        varies = _union([links[i](facts[i].varies) for i in varying])
        if not varies.any().any():
            return Facts(value)
        smooth = set(slope_positions(node))
        slopes = [links[i](facts[i].rows) for i in varying if i in smooth and facts[i].rows]
        return Facts(value, varies, _union(slopes) if slopes else None)

    def _link(self, node: Node, position: int, facts: list[Facts]) -> Link:
        """Return a link, which is kept for the next step of a loop if no value matters."""
        found = self._links.get((node, position))
        if found is not None:
            return found
        noted: list[int] = []

        def note(operand: int, value: np.ndarray) -> None:
            noted.append(operand)
            if not self._depth:
                self.consulted[node.operands[operand]] = value

        is_sensitive = node.op.name == "matmul" or node.op.looks_up
        made = link(node, position, facts, note)
        if self._depth and not is_sensitive:
            self._links[node, position] = made
        return made

    def _scanned(self, node: Node, facts: list[Facts]) -> Facts:
        """Follow a loop step by step."""
        if not self._depth:
            for operand, fact in zip(node.operands, facts, strict=True):
                if fact.is_fixed():
                    self.consulted[operand] = fact.value
        step: Graph = node.attributes["step"]
        carry, rows, *around = facts
        number, width = rows.value.shape
        before, yielded = [], []
        self._depth += 1
        for i in range(number):
            index = np.arange(i * width, (i + 1) * width)
            row = Facts(
                rows.value[i],
                None if rows.varies is None else rows.varies.take(index),
                None if rows.rows is None else rows.rows.take(index),
            )
            before.append(carry)
            inputs = dict(zip(step.inputs, (carry, row, *around), strict=True))
            carry, result = self.facts_of(step.outputs, inputs)
            yielded.append(result)
        self._depth -= 1
        kept = before if node.attributes.get("keeps", True) else []
        return _joined([*kept, *yielded, carry])


@functools.lru_cache(maxsize=64)
def _between(outputs: tuple[Node, ...], known: frozenset[Node]) -> list[Node]:
    return [node for node in order(outputs, stop=known) if node not in known]


def _union(parts: Sequence[Any]) -> Any:
    return functools.reduce(lambda a, b: a.united(b), parts)


def _joined(parts: Sequence[Facts]) -> Facts:
    """Return what is known of vectors that are put one after the other."""
    value = np.concatenate([part.value for part in parts])
    varies = _joined_rows([part.varies for part in parts], parts)
    return Facts(value, varies, _joined_rows([part.rows for part in parts], parts))


def _joined_rows(found: Sequence[Any], parts: Sequence[Facts]) -> Any:
    like = next((rows for rows in found if rows is not None), None)
    if like is None:
        return None
    whole = [
        empty_rows(part.value.size, like) if rows is None else rows
        for rows, part in zip(found, parts, strict=True)
    ]
    return whole[0].followed_by(whole[1:])

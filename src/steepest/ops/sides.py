"""On which side of a kink a point lies that lies on it.

A function may say so itself: ``np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), ...)`` takes
``z = 0`` for a point of the upper side. There ``np.abs(z)`` must have the slope of that side, or
the slope of the whole, which is smooth, would be wrong.

A derivative that has been through ``np.abs(z)`` is multiplied by its slope, which is 0 at 0. Once
more differentiated, an even function such as ``np.log1p(np.exp(-2 * np.abs(z))) + np.abs(z)`` has
the square of that slope as a factor, which is 1 on either side: there the upper side is taken,
for absolute values and extremes alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node, make
from steepest.ops.arithmetic import STOP_GRADIENT, WHERE
from steepest.ops.comparison import EQUAL
from steepest.ops.kinks import SLOPE_OF_ABSOLUTE, TIE
from steepest.ops.leaves import CONSTANT, constant_node, constant_value
from steepest.ops.row import Derivative, Side

_ABOVE = {"greater": False, "less_equal": False, "greater_equal": True, "less": True}
"""Comparisons, and whether of equal operands the first counts as the larger."""


@dataclass(frozen=True)
class Sides:
    """What is known of the kinks in a graph.

    Attributes
    ----------
    kinks
        Ops with a kink of which the side is known.
    factors
        What derivatives hold for the mean of both sides, and what they must hold beside it.
    """

    kinks: Mapping[Node, Side]
    factors: Mapping[Node, Node]

    def rule(self, node: Node) -> Derivative:
        """Return how to differentiate a node."""
        return self.kinks.get(node, node.op).derivative

    def operands(self, node: Node) -> list[Node]:
        """Return what a node's partial derivatives are computed from."""
        return [self.factors.get(operand, operand) for operand in node.operands]


_UNKNOWN = Sides({}, {})


def sides_of(nodes: Sequence[Node], conditions: Iterable[Node] = ()) -> Sides:
    """Return what comparisons, and earlier derivatives, tell about the kinks in a graph.

    Parameters
    ----------
    nodes
        The graph.
    conditions
        What it takes for granted besides. Comparisons that contradict each other tell nothing.
    """
    kinks = [node for node in nodes if node.op.sides is not None and node.dtype.kind == "f"]
    means = [node for node in nodes if node.op in (SLOPE_OF_ABSOLUTE, TIE)]
    if not kinks and not means:
        return _UNKNOWN
    told: dict[Any, bool | None] = {}
    for node in (*nodes, *conditions):
        above = _ABOVE.get(node.op.name)
        if above is not None:
            first, second = map(_key, node.operands)
            for pair, side in (((first, second), above), ((second, first), not above)):
                told[pair] = side if told.get(pair, side) is side else None
    for node in kinks:
        for chosen in _of_own_operand(node):
            told.setdefault(_pair(chosen), True)
    for node in means:
        told[_pair(node)] = told.get(_pair(node)) is not False
    found = {node: told.get(_pair(node)) for node in kinks}
    return Sides(
        {node: node.op.sides[side] for node, side in found.items() if side is not None},
        {node: _beside(node, told[_pair(node)]) for node in means},
    )


def _of_own_operand(node: Node) -> Iterator[Node]:
    """Yield a kink that a second one compares with one of its own operands, as np.clip may."""
    for inner, other in zip(map(_origin, node.operands), reversed(node.operands), strict=True):
        if inner.op.sides is not None and _key(other) in _pair(inner):
            yield inner


def _beside(mean: Node, is_above: bool | None) -> Node:
    """Return what a derivative holds where it holds the mean of both sides."""
    if mean.op is TIE:
        return constant_node(np.zeros((), np.bool_)) if is_above else mean
    (x,) = mean.operands
    sign = 1.0 if is_above else -1.0
    zero, value = (constant_node(np.asarray(number), x.dtype) for number in (0.0, sign))
    return make(WHERE, (make(EQUAL, (x, zero)), value, mean))


def _pair(node: Node) -> tuple[Any, Any]:
    keys = [*map(_key, node.operands), 0.0]
    return keys[0], keys[1]


def _origin(node: Node) -> Node:
    while (inner := _moved(node)) is not None:
        node = inner
    return node


def _moved(node: Node) -> Node | None:
    """Return where the elements of a node come from; a selection may put in harmless numbers."""
    if node.op.name in _MOVES:
        return node.operands[0]
    if node.op is WHERE:
        steady = [x.op is CONSTANT or x.op is STOP_GRADIENT for x in node.operands[1:]]
        if steady[0] != steady[1]:
            return node.operands[2 if steady[0] else 1]
    return None


_MOVES = frozenset({"reshape", "transpose", "broadcast_to", "take_at", "getitem"})


def _key(node: Node) -> Any:
    """Return the number that all elements of a constant are, or the node they come from."""
    node = _origin(node)
    constant = constant_value(node)
    if constant is None or constant.size == 0 or (constant != constant.flat[0]).any():
        return node
    return float(constant.flat[0])

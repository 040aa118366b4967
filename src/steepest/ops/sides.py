"""One-sided derivatives at kinks, where the mean of both sides would be wrong.

A kink has the mean of the slopes of both sides, so that kinks which cancel each other leave the
slope of the smooth function. Two cases need one side, the same for all of them:

- ``np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), ...)`` takes ``z = 0`` for a point of the upper
  side. What is computed for this selection alone has the slopes of that side.
- The derivative of a derivative squares slopes. That of ``np.abs(z)`` is -1 and 1 on its sides,
  and its square is 1; the square of their mean is 0. So in higher derivatives one of two equal
  operands counts as the larger one, the same for all kinks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node, make, substitute
from steepest.ops.derivative_rules import Derivative
from steepest.ops.elementwise.arithmetic import STOP_GRADIENT, WHERE
from steepest.ops.elementwise.comparison import EQUAL, GREATER, GREATER_EQUAL
from steepest.ops.elementwise.kinks import LARGER, MAXIMUM, MINIMUM, SLOPE_OF_ABSOLUTE, TIE
from steepest.ops.leaves import CONSTANT, constant_node, constant_value
from steepest.ops.row import Side

_ABOVE = {"greater": False, "less_equal": False, "greater_equal": True, "less": True}
"""Comparisons, and whether of equal operands the first counts as the larger."""

_MOVES = frozenset({"reshape", "transpose", "broadcast_to"})

_REDUCTIONS = frozenset({"max", "min"})
"""Kinks of which there is always the mean."""


@dataclass(frozen=True)
class Sides:
    """What is known of the kinks in a graph.

    Attributes
    ----------
    kinks
        Ops with a kink that have the slopes of one side.
    beside
        Nodes of an earlier derivative, and what they are beside the kinks.
    """

    kinks: Mapping[Node, Side]
    beside: Mapping[Node, Node]

    def rule(self, node: Node) -> Derivative:
        """Return how to differentiate a node."""
        derivative: Derivative = self.kinks.get(node, node.op).derivative
        return derivative

    def value(self, node: Node) -> Node:
        """Return what partial derivatives take a node for."""
        return self.beside.get(node, node)


_UNKNOWN = Sides({}, {})


def sides_of(outputs: Sequence[Node], nodes: Sequence[Node]) -> Sides:
    """Return which kinks in a graph have the slopes of one side.

    Parameters
    ----------
    outputs
        What is differentiated.
    nodes
        All that it needs, operands first.
    """
    kinks = [node for node in nodes if node.op.sides is not None and node.dtype.kind == "f"]
    means = [node for node in nodes if node.op in (SLOPE_OF_ABSOLUTE, TIE, LARGER)]
    if not kinks and not means:
        return _UNKNOWN
    place = {node: i for i, node in enumerate(nodes)}
    selected = _selected(outputs, nodes, kinks, place)
    if not means:
        return Sides(selected, {})
    changed = {node: _beside(node, _pair(node.operands, place)[1]) for node in means}
    rebuilt = substitute(nodes, changed)
    sides = {node: node.op.sides[_pair(node.operands, place)[1]] for node in kinks}
    return Sides(
        sides | selected,
        {node: new for node, new in zip(nodes, rebuilt, strict=True) if new is not node},
    )


def _selected(
    outputs: Sequence[Node], nodes: Sequence[Node], kinks: Sequence[Node], place: dict[Node, int]
) -> dict[Node, Side]:
    """Return the kinks that count for selections by a comparison of the same operands alone."""
    selections: dict[Any, list[Node]] = {}
    for node in nodes:
        if node.op is WHERE and (told := _told(node.operands[0], place)) is not None:
            selections.setdefault(told, []).append(node)
    found: dict[Node, Side] = {}
    for (pair, above), wheres in selections.items():
        elsewhere = _reached(outputs, frozenset(wheres))
        inside = [node for node in nodes if node not in elsewhere]
        if any(node.op.name in _REDUCTIONS for node in inside):
            continue
        for kink in set(kinks).intersection(inside):
            own, is_first = _pair(kink.operands, place)
            if own == pair:
                found[kink] = kink.op.sides[above == is_first]
    return found


def _reached(outputs: Sequence[Node], selections: frozenset[Node]) -> set[Node]:
    """Return all that outputs need otherwise than as a choice of some selections."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += node.operands[:1] if node in selections else node.operands
    return seen


def _told(condition: Node, place: dict[Node, int]) -> tuple[Any, bool] | None:
    """Return the operands that a condition compares, and whether the first counts as larger."""
    is_negated = False
    while condition.op.name in _MOVES or condition.op.name == "logical_not":
        is_negated ^= condition.op.name == "logical_not"  # of equal operands, too
        (condition,) = condition.operands
    above = _ABOVE.get(condition.op.name)
    if above is None or condition.operands[0].dtype.kind != "f":
        return None
    pair, is_first = _pair(condition.operands, place)
    return pair, above == is_first


def _beside(mean: Node, is_above: bool) -> Node:
    """Return what a derivative that holds the mean of both sides holds on one of them."""
    if mean.op is TIE:
        return constant_node(np.zeros(mean.shape, np.bool_))
    if mean.op is LARGER:
        return make(GREATER_EQUAL if is_above else GREATER, mean.operands)
    (x,) = mean.operands
    zero, sign = (
        constant_node(np.asarray(number), x.dtype) for number in (0.0, 1.0 if is_above else -1.0)
    )
    return make(WHERE, (make(EQUAL, (x, zero)), sign, mean))


def _pair(operands: Sequence[Node], place: dict[Node, int]) -> tuple[Any, bool]:
    """Return two operands in an order that all spellings share, and whether it is theirs.

    One operand stands for itself and 0, and a difference and 0 for the operands of the difference.
    Of a variable and a number, and of two variables, the one that comes first is the first.
    """
    first = _key(operands[0])
    second = _key(operands[1]) if len(operands) > 1 else 0.0
    is_first = True
    if isinstance(first, float):
        first, second, is_first = second, first, False
    if isinstance(first, float):  # two numbers
        return (first, second), is_first
    first = _within(first, second)
    while second == 0.0 and first.op.name == "negative":
        first, is_first = _key(first.operands[0]), not is_first
    if second == 0.0 and first.op.name == "subtract":
        inner, is_inner = _pair(first.operands, place)
        return inner, is_inner == is_first
    if not isinstance(second, float) and place.get(second, -1) < place.get(first, -1):
        return (second, first), not is_first
    return (first, second), is_first


def _within(node: Node, other: Any) -> Any:
    """Return what a node is an extreme of, as in np.clip, if that alone can meet a number."""
    while node.op in (MAXIMUM, MINIMUM) and isinstance(other, float):
        keys = [_key(operand) for operand in node.operands]
        ends = [key for key in keys if isinstance(key, float)]
        if len(ends) != 1 or not (ends[0] < other if node.op is MAXIMUM else ends[0] > other):
            break
        (node,) = (key for key in keys if not isinstance(key, float))
    return node


def _key(node: Node) -> Any:
    node = _origin(node)
    number = _number(node)
    return node if number is None else number


def _number(node: Node) -> float | None:
    """Return the number that all elements of a constant are."""
    constant = constant_value(node)
    if constant is None or constant.size == 0 or (constant != constant.flat[0]).any():
        return None
    return float(constant.flat[0])


def _origin(node: Node) -> Node:
    while (inner := _moved(node)) is not None:
        node = inner
    return node


def _moved(node: Node) -> Node | None:
    """Return where all elements of a node come from; a selection may put in harmless numbers."""
    if node.op.name in _MOVES:
        return node.operands[0]
    if node.op is WHERE:
        steady = [x.op is CONSTANT or x.op is STOP_GRADIENT for x in node.operands[1:]]
        if steady[0] != steady[1]:
            return node.operands[2 if steady[0] else 1]
    return None

"""One-sided derivatives at kinks, where the mean of both sides would be wrong.

At a kink, the slope is the mean of the slopes of both sides. So where two kinks cancel, the result
has the slope of the smooth function. Two cases need the slopes of one side, the same side for all
kinks with the same operands:

- ``np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), ...)`` treats ``z = 0`` as a point of the upper
  side. Nodes that only this selection uses have the slopes of that side.
- A second derivative contains squares of slopes. The slope of ``np.abs(z)`` is -1 and 1 on its
  sides, and its square is 1, but the square of their mean is 0. So higher
  derivatives break ties: of two equal operands one is always the larger, for all kinks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node, make, substitute
from steepest.ops.derivative_rules import Derivative
from steepest.ops.elementwise.arithmetic import ROOT, STOP_GRADIENT, WHERE
from steepest.ops.elementwise.comparison import EQUAL, GREATER, GREATER_EQUAL
from steepest.ops.elementwise.kinks import LARGER, MAXIMUM, MINIMUM, SLOPE_OF_ABSOLUTE, TIE
from steepest.ops.leaves import CONSTANT, constant_node, constant_value
from steepest.ops.norms import norms
from steepest.ops.row import Side

_ABOVE = {"greater": False, "less_equal": False, "greater_equal": True, "less": True}
"""Comparisons, and whether the first of two equal operands counts as the larger one."""

_MOVES = frozenset({"reshape", "transpose", "broadcast_to"})

_REDUCTIONS = frozenset({"max", "min"})
"""Ops whose kinks always have the mean of both sides."""


@dataclass(frozen=True)
class Sides:
    """What is known of the kinks in a graph.

    Attributes
    ----------
    kinks
        Nodes with a kink that have the slopes of one side, and which side.
    one_sided
        Nodes of an earlier derivative, and the nodes that stand for them on one side.
    norms
        Square roots that have slope 0 at 0.
    """

    kinks: Mapping[Node, Side]
    one_sided: Mapping[Node, Node]
    norms: frozenset[Node] = frozenset()

    def rule(self, node: Node) -> Derivative:
        """Return how to differentiate a node."""
        op: Any = ROOT if node in self.norms else node.op
        derivative: Derivative = self.kinks.get(node, op).derivative
        return derivative

    def value(self, node: Node) -> Node:
        """Return the node that partial derivatives use in place of a node."""
        return self.one_sided.get(node, node)


def sides_of(outputs: Sequence[Node], nodes: Sequence[Node], active: AbstractSet[Node]) -> Sides:
    """Return which kinks in a graph have the slopes of one side.

    Parameters
    ----------
    outputs
        The nodes that are differentiated.
    nodes
        All nodes that they need, operands first.
    active
        Those of them that are computed from the variables.
    """
    kinks = [node for node in nodes if node.op.sides is not None and node.dtype.kind == "f"]
    means = [node for node in nodes if node.op in (SLOPE_OF_ABSOLUTE, TIE, LARGER)]
    roots = norms(nodes, active)
    if not kinks and not means:
        return Sides({}, {}, roots)
    rank = {node: i for i, node in enumerate(nodes)}
    selected = _selected(outputs, nodes, kinks, rank)
    if not means:
        return Sides(selected, {}, roots)
    changed = {node: _on_side(node, _pair(node.operands, rank)[1]) for node in means}
    rebuilt = substitute(nodes, changed)
    sides = {node: node.op.sides[_pair(node.operands, rank)[1]] for node in kinks}
    return Sides(
        sides | selected,
        {node: new for node, new in zip(nodes, rebuilt, strict=True) if new is not node},
        roots,
    )


def _selected(
    outputs: Sequence[Node], nodes: Sequence[Node], kinks: Sequence[Node], rank: dict[Node, int]
) -> dict[Node, Side]:
    """Return the kinks read only inside an ``np.where`` that compares the same operands."""
    selections: dict[Any, list[Node]] = {}
    for node in nodes:
        if node.op is WHERE and (compared := _compared(node.operands[0], rank)) is not None:
            selections.setdefault(compared, []).append(node)
    found: dict[Node, Side] = {}
    for (pair, above), wheres in selections.items():
        elsewhere = _reached(outputs, frozenset(wheres))
        inside = [node for node in nodes if node not in elsewhere]
        if any(node.op.name in _REDUCTIONS for node in inside):
            continue
        for kink in set(kinks).intersection(inside):
            own, is_first = _pair(kink.operands, rank)
            if own == pair:
                found[kink] = kink.op.sides[above == is_first]
    return found


def _reached(outputs: Sequence[Node], selections: frozenset[Node]) -> set[Node]:
    """Return the nodes that outputs need other than as a choice of these selections."""
    seen: set[Node] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack += node.operands[:1] if node in selections else node.operands
    return seen


def _compared(condition: Node, rank: dict[Node, int]) -> tuple[Any, bool] | None:
    """Return the operands that a condition compares, and whether the first counts as larger."""
    while condition.op.name in _MOVES or condition.op.name == "logical_not":
        (condition,) = condition.operands  # a negation leaves equal operands on their side
    above = _ABOVE.get(condition.op.name)
    if above is None or condition.operands[0].dtype.kind != "f":
        return None
    pair, is_first = _pair(condition.operands, rank)
    return pair, above == is_first


def _on_side(mean: Node, is_above: bool) -> Node:
    """Return the node that replaces, on one side, a node with the mean of both sides."""
    if mean.op is TIE:
        return constant_node(np.zeros(mean.shape, np.bool_))
    if mean.op is LARGER:
        return make(GREATER_EQUAL if is_above else GREATER, mean.operands)
    (x,) = mean.operands
    zero, sign = (
        constant_node(np.asarray(number), x.dtype) for number in (0.0, 1.0 if is_above else -1.0)
    )
    return make(WHERE, (make(EQUAL, (x, zero)), sign, mean))


def _pair(operands: Sequence[Node], rank: dict[Node, int]) -> tuple[Any, bool]:
    """Return two operands in a canonical order, and whether this is the given order.

    A single operand is compared with 0. A difference that is compared with 0 is replaced by its
    operands. A variable comes before a number, and of two variables the one computed first.
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
        inner, is_inner = _pair(first.operands, rank)
        return inner, is_inner == is_first
    if not isinstance(second, float) and rank.get(second, -1) < rank.get(first, -1):
        return (second, first), not is_first
    return (first, second), is_first


def _within(node: Node, other: Any) -> Any:
    """Return x for ``maximum(x, c)`` compared with a number that c cannot equal."""
    while node.op in (MAXIMUM, MINIMUM) and isinstance(other, float):
        keys = [_key(operand) for operand in node.operands]
        ends = [key for key in keys if isinstance(key, float)]
        if len(ends) != 1 or not (ends[0] < other if node.op is MAXIMUM else ends[0] > other):
            break
        (node,) = (key for key in keys if not isinstance(key, float))
    return node


def _key(node: Node) -> Any:
    while (source := _source(node)) is not None:
        node = source
    number = _number(node)
    return node if number is None else number


def _number(node: Node) -> float | None:
    """Return the number that all elements of a constant equal, or None."""
    constant = constant_value(node)
    if constant is None or constant.size == 0 or (constant != constant.flat[0]).any():
        return None
    return float(constant.flat[0])


def _source(node: Node) -> Node | None:
    """Return the operand that all elements come from, apart from constants in np.where."""
    if node.op.name in _MOVES:
        return node.operands[0]
    if node.op is WHERE:
        is_constant = [x.op is CONSTANT or x.op is STOP_GRADIENT for x in node.operands[1:]]
        if is_constant[0] != is_constant[1]:
            return node.operands[2 if is_constant[0] else 1]
    return None

"""Where a result can be nonzero, given where its operands can.

Some elements are zero by construction: on the side of ``np.where`` that was not chosen, where
no index picks an element, where a mask multiplies by 0. The *support* of a node is all its
other elements: truth values that broadcast to its shape, or None for everywhere. An element that
is zero by accident, such as a residual that vanishes at this point, belongs to the support.

A rule is a function of ``(node, operands, supports)`` that returns the support of the node's
result; operands are traced arrays, and so are supports, in the order of the operands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import Linear
from steepest.ops.leaves import is_zero
from steepest.ops.row import RECORD

Support = Array | None
"""Where an array can be nonzero; None for everywhere."""


def moving(node: Node) -> Sequence[int]:
    """Return the positions of the operands whose elements move; the others are indices."""
    derivative = node.op.derivative
    if isinstance(derivative, Linear):
        return tuple(derivative.transposes)
    return range(len(node.operands))


def _applied(
    node: Node, operands: Sequence[Array], supports: Sequence[Support], dtype: Any
) -> Array:
    given = list(operands)
    for i in moving(node):
        support = supports[i]
        if support is None:
            given[i] = np.ones_like(operands[i], dtype=dtype)
        else:
            given[i] = np.broadcast_to(support, operands[i].shape).astype(dtype)
    return getattr(operands[0], RECORD)(node.op, *given, **node.attributes)


def moved(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a result whose elements are elements of the operands."""
    if all(supports[i] is None for i in moving(node)):
        return None
    return _applied(node, operands, supports, np.bool_)


def chosen(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of ``np.where``."""
    condition, (_, first, second) = operands[0], supports
    if first is None and second is None:
        return None
    chosen_first = condition if first is None else np.logical_and(condition, first)
    if is_zero(node.operands[2]):
        return chosen_first
    other = np.logical_not(condition)
    chosen_second = other if second is None else np.logical_and(other, second)
    if is_zero(node.operands[1]):
        return chosen_second
    return np.logical_or(chosen_first, chosen_second)


def placed(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a result whose elements are elements of an operand, or zero."""
    return _applied(node, operands, supports, np.bool_)


def summed(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a result whose elements are sums of elements of an operand."""
    if all(supports[i] is None for i in moving(node)):
        return None
    return _applied(node, operands, supports, node.dtype) != 0


def gathered(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a result whose elements are sums of any number of elements."""
    return _applied(node, operands, supports, node.dtype) != 0


def either(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a sum of two operands."""
    first, second = supports
    return None if first is None or second is None else np.logical_or(first, second)


def both(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a product of two operands."""
    first, second = supports
    if first is None or second is None:
        return second if first is None else first
    return np.logical_and(first, second)


def of_first(node: Node, operands: Sequence[Array], supports: Sequence[Support]) -> Support:
    """Return the support of a multiple of the first operand."""
    return supports[0]

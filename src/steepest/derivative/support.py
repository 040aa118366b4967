"""The support of cotangents and tangents: the elements that are not zero by construction.

A partial derivative may be infinite or NaN at an element that ``np.where`` did not select.
There, its product with a cotangent must be zero. A cotangent that only happens to be zero is
different: the slope of ``np.sqrt(x) ** 2`` at 0 is 1, and 0 would be wrong. So the graph is
searched for the selections that made the zeros.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops import constant_value, is_zero
from steepest.ops.support import moving
from steepest.trace import TracedArray, as_traced, current, node_of

_EVERYWHERE = object()


def support(node: Node) -> Any:
    """Return where a node is not zero by construction, as truth values.

    Parameters
    ----------
    node
        A cotangent or a tangent.

    Returns
    -------
    TracedArray or None
        It broadcasts to the node's shape. None stands for the whole array.

    Notes
    -----
    Zeros of data, comparisons and constants count, because no variable changes them: a product
    with such a zero does not depend on the other factor.
    """
    known = current().supports
    stack = [node]
    while stack:
        top = stack[-1]
        if top in known:
            stack.pop()
            continue
        rule = None if constant_value(top) is not None else top.op.support
        needed = [top.operands[i] for i in moving(top)] if rule else []
        wanted = [operand for operand in needed if operand not in known]
        if wanted:
            stack.extend(wanted)
            continue
        stack.pop()
        known[top] = _as_node(_by_rule(top) if rule else _by_value(top))
    found = known[node]
    return None if found is _EVERYWHERE else TracedArray(found, current())


def _by_rule(node: Node) -> Any:
    session = current()
    operands = [TracedArray(operand, session) for operand in node.operands]
    counts = moving(node)
    supports = [support(x) if i in counts else None for i, x in enumerate(node.operands)]
    return node.op.support(node, operands, supports)


def _by_value(node: Node) -> Any:
    constant = constant_value(node)
    if constant is not None:
        return None if constant.all() else np.asarray(constant != 0)
    if not current().has_slope(node):
        return np.not_equal(TracedArray(node, current()), 0)
    return None


def _as_node(found: Any) -> Any:
    if found is None:
        return _EVERYWHERE
    node = node_of(as_traced(found))
    constant = constant_value(node)
    return _EVERYWHERE if constant is not None and constant.all() else node


def scale(partial: Any, tangent: Any) -> Any:
    """Return ``partial * tangent``, zero outside the tangent's support.

    Parameters
    ----------
    partial
        A number or an array, which may be infinite or NaN.
    tangent
        A tangent or a cotangent.
    """
    if isinstance(partial, float):
        if partial == 1.0:
            return tangent
        return -tangent if partial == -1.0 else tangent * partial
    if _is_finite(partial):
        return tangent * partial
    within = support(tangent.node)
    if within is None:
        return tangent * partial
    return np.where(within, _selected(tangent) * partial, 0)


def _is_finite(partial: Any) -> bool:
    constant = constant_value(node_of(partial))
    return constant is not None and bool(np.isfinite(constant).all())


def _selected(tangent: TracedArray) -> Any:
    """Return the array that selections chose elements of; the caller selects again."""
    node = tangent.node
    while node.op.name == "where":
        _, first, second = node.operands
        if is_zero(second):
            node = first
        elif is_zero(first):
            node = second
        else:
            break
    return TracedArray(node, tangent.session)

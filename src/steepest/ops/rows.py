"""Rules that say which rows of its operands a row of a result needs.

A rule is a function of ``(node, axis)``, where rows are counted along an axis of the node. It
returns the :data:`Needs` of one row, or None if they are no rows at a fixed offset.
"""

from __future__ import annotations

import numpy as np

from steepest.graph import Node

WHOLE = None
Need = tuple[int, int] | None
"""Axis of an operand and the offset of the needed row along it, or all of the operand."""

Needs = tuple[list[Need], bool]
"""The need for each operand, and whether a row needs only one of the operands."""


def aligned_rows(node: Node, operand: Node, axis: int) -> Need:
    """Return the need for an operand that broadcasts."""
    position = axis - (node.ndim - operand.ndim)
    if position < 0 or (operand.shape[position] == 1 and node.shape[axis] != 1):
        return WHOLE
    return position, 0


def of_reshape(node: Node, axis: int) -> Needs | None:
    """Return the needs of a reshape: an axis that stays whole keeps its rows."""
    (operand,) = node.operands
    before = int(np.prod(node.shape[:axis], dtype=int))
    for i, extent in enumerate(operand.shape):
        same = int(np.prod(operand.shape[:i], dtype=int)) == before
        if same and extent == node.shape[axis] and extent > 1:
            return [(i, 0)], False
    return None


def of_matmul(node: Node, axis: int) -> Needs | None:
    """Return the needs of a product of matrices."""
    a, b = node.operands
    if axis == node.ndim - 2:
        return [(a.ndim - 2, 0), WHOLE], False
    if axis == node.ndim - 1:
        return [WHOLE, (b.ndim - 1, 0)], False
    return [aligned_rows(node, operand, axis) for operand in node.operands], False


def _is_full(part: tuple[int, int, int], extent: int) -> bool:
    return part == (0, extent, 1)


def of_getitem(node: Node, axis: int) -> Needs | None:
    """Return the needs of a slice, whose rows are offset by its first index."""
    first, _, step = node.attributes["slices"][axis]
    return ([(axis, first)], False) if step == 1 else None


def of_put(node: Node, axis: int) -> Needs | None:
    """Return the needs of embed and setitem, whose last operand fills a slice of the result."""
    slices = node.attributes["slices"]
    first, _, step = slices[axis]
    base: list[Need] = [(axis, 0)] * (len(node.operands) - 1)
    if _is_full(slices[axis], node.shape[axis]):
        return [*base, (axis, 0)], False
    others = [i for i in range(node.ndim) if i != axis]
    if step != 1 or not all(_is_full(slices[i], node.shape[i]) for i in others):
        return None
    return [*base, (axis, -first)], True


def of_windows(node: Node, axis: int) -> Needs | None:
    """Return the needs of windows and of their sum: rows along the axes before the windows."""
    before = min(node.ndim, node.operands[0].ndim) - len(node.attributes["windows"])
    return ([(axis, 0)], False) if axis < before else None


def of_concatenate(node: Node, axis: int) -> Needs | None:
    """Return the needs of a concatenation: a row along its axis comes from one operand."""
    if node.attributes["axis"] != axis:
        return [(axis, 0)] * len(node.operands), False
    needs: list[Need] = []
    start = 0
    for operand in node.operands:
        needs.append((axis, -start))
        start += operand.shape[axis]
    return needs, True


def along_others(node: Node, axis: int) -> Needs | None:
    """Return the needs of a cumulative op, whose rows along its axis depend on one another."""
    return None if node.attributes["axis"] == axis else ([(axis, 0)], False)


def of_transpose(node: Node, axis: int) -> Needs | None:
    """Return the needs of a transpose."""
    return [(node.attributes["axes"][axis], 0)], False


def of_broadcast(node: Node, axis: int) -> Needs | None:
    """Return the needs of a broadcast."""
    return [aligned_rows(node, node.operands[0], axis)], False


def of_reduction(node: Node, axis: int) -> Needs | None:
    """Return the needs of a reduction along other axes."""
    reduced = node.attributes["axis"]
    reduced = reduced if isinstance(reduced, tuple) else (reduced,)
    kept = [i for i in range(node.operands[0].ndim) if i not in reduced]
    return [(kept[axis], 0)], False

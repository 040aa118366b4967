"""Which rows of its operands a row of a node needs, by op."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, make
from steepest.ops import TABLE, Elementwise, Reduction
from steepest.rewrite.panels.op import COMBINE

WHOLE = None
Need = tuple[int, int] | None
"""Axis of an operand, and how much further on its row lies; or all of the operand."""


def needs_of(node: Node, axis: int) -> tuple[list[Need], bool] | None:
    """Return what the rows of a node need of each operand, and whether one of them is enough.

    One is enough where the rows of a result come from one operand or another.
    """
    rule = _RULES.get(node.op.name)
    if rule is not None:
        return rule(node, axis)
    if isinstance(node.op.lower, Elementwise):
        return [_aligned(node, operand, axis) for operand in node.operands], False
    if isinstance(node.op.lower, Reduction) or node.op.name in ("argmax", "argmin"):
        reduced = node.attributes["axis"]
        reduced = reduced if isinstance(reduced, tuple) else (reduced,)
        kept = [i for i in range(node.operands[0].ndim) if i not in reduced]
        return [(kept[axis], 0)], False
    return None


def _aligned(node: Node, operand: Node, axis: int) -> Need:
    position = axis - (node.ndim - operand.ndim)
    if position < 0 or (operand.shape[position] == 1 and node.shape[axis] != 1):
        return WHOLE
    return position, 0


def _needs_of_reshape(node: Node, axis: int) -> Any:
    (operand,) = node.operands
    before = int(np.prod(node.shape[:axis], dtype=int))
    for place, extent in enumerate(operand.shape):
        same = int(np.prod(operand.shape[:place], dtype=int)) == before
        if same and extent == node.shape[axis] and extent > 1:
            return [(place, 0)], False
    return None


def _needs_of_matmul(node: Node, axis: int) -> Any:
    a, b = node.operands
    if axis == node.ndim - 2:
        return [(a.ndim - 2, 0), WHOLE], False
    if axis == node.ndim - 1:
        return [WHOLE, (b.ndim - 1, 0)], False
    return [_aligned(node, operand, axis) for operand in node.operands], False


def _is_full(part: tuple[int, int, int], extent: int) -> bool:
    return part == (0, extent, 1)


def _needs_of_getitem(node: Node, axis: int) -> Any:
    first, _, step = node.attributes["slices"][axis]
    return ([(axis, first)], False) if step == 1 else None


def _needs_of_put(node: Node, axis: int) -> Any:
    """Return the needs of embed and setitem, whose last operand lies within the result."""
    slices = node.attributes["slices"]
    first, _, step = slices[axis]
    base: list[Need] = [(axis, 0)] * (len(node.operands) - 1)
    if _is_full(slices[axis], node.shape[axis]):
        return [*base, (axis, 0)], False
    others = [i for i in range(node.ndim) if i != axis]
    if step != 1 or not all(_is_full(slices[i], node.shape[i]) for i in others):
        return None
    return [*base, (axis, -first)], True


def _needs_of_concatenate(node: Node, axis: int) -> Any:
    if node.attributes["axis"] != axis:
        return [(axis, 0)] * len(node.operands), False
    needs, start = [], 0
    for operand in node.operands:
        needs.append((axis, -start))
        start += operand.shape[axis]
    return needs, True


def _needs_along_others(node: Node, axis: int) -> Any:
    return None if node.attributes["axis"] == axis else ([(axis, 0)], False)


_RULES: dict[str, Callable[[Node, int], Any]] = {
    "reshape": _needs_of_reshape,
    "transpose": lambda node, axis: ([(node.attributes["axes"][axis], 0)], False),
    "broadcast_to": lambda node, axis: ([_aligned(node, node.operands[0], axis)], False),
    "matmul": _needs_of_matmul,
    "getitem": _needs_of_getitem,
    "embed": _needs_of_put,
    "setitem": _needs_of_put,
    "concatenate": _needs_of_concatenate,
    "cumsum": _needs_along_others,
    "cumprod": _needs_along_others,
}


def sums_over(node: Node) -> Iterator[tuple[str, list[Need]]]:
    """Yield the ways in which a node combines rows: how, and the rows' axis in the operands."""
    if isinstance(node.op.lower, Reduction) and node.op.name in COMBINE:
        for axis in node.attributes["axis"]:
            yield node.op.name, [(axis, 0)]
    elif node.op.name == "matmul":
        a, b = node.operands
        yield "sum", [(a.ndim - 1, 0), (b.ndim - 2, 0)]


def with_rows(node: Node, axis: int, operands: Sequence[Node], rows: int) -> Node:
    """Return a node on so many rows."""
    attributes = dict(node.attributes)
    if "shape" in attributes:
        shape = attributes["shape"]
        attributes["shape"] = (*shape[:axis], rows, *shape[axis + 1 :])
    if "slices" in attributes:
        slices = attributes["slices"]
        attributes["slices"] = (*slices[:axis], (0, rows, 1), *slices[axis + 1 :])
    return make(node.op, operands, **attributes)


def some_rows(node: Node, axis: int, first: int, rows: int) -> Node:
    """Return some rows of a node, as a view."""
    slices = [(0, extent, 1) for extent in node.shape]
    slices[axis] = (first, rows, 1)
    return make(TABLE["getitem"], [node], slices=tuple(slices))


def row_bytes_of(node: Node, axis: int) -> int:
    """Return the bytes of one row of an array."""
    return node.size // max(node.shape[axis], 1) * node.dtype.itemsize

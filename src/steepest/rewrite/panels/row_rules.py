"""Rows of nodes: which rows of operands they need, and how sums combine them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steepest.graph import Node, make
from steepest.ops import TABLE, Elementwise, Reduction
from steepest.ops.rows import Need, aligned_rows, of_reduction


def needs_of(node: Node, axis: int) -> tuple[list[Need], bool] | None:
    """Return what the rows of a node need of each operand, and whether one operand is enough.

    One is enough where each row of a result comes from one of the operands.
    """
    if node.op.rows is not None:
        found: tuple[list[Need], bool] | None = node.op.rows(node, axis)
        return found
    if isinstance(node.op.lower, Elementwise):
        return [aligned_rows(node, operand, axis) for operand in node.operands], False
    return of_reduction(node, axis) if isinstance(node.op.lower, Reduction) else None


def sums_over(node: Node) -> Iterator[tuple[str, list[Need]]]:
    """Yield the ways in which a node combines rows: how, and the rows' axis in the operands."""
    if isinstance(node.op.lower, Reduction):
        for axis in node.attributes["axis"]:
            yield node.op.name, [(axis, 0)]
    elif node.op.name == "matmul":
        a, b = node.operands
        yield "sum", [(a.ndim - 1, 0), (b.ndim - 2, 0)]


def with_rows(node: Node, axis: int, operands: Sequence[Node], rows: int) -> Node:
    """Return a node computed on another number of rows."""
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

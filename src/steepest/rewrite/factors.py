"""Systems whose matrix has been factored, or needs no factorization."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

import numpy as np

from steepest.graph import Node, Source, make, order, rebuild, verify_pass, with_operands
from steepest.ops import TABLE, constant_value


def without_transpose(node: Node) -> tuple[Node, bool]:
    """Return the node whose matrices a node transposes, and whether it does."""
    axes = tuple(range(node.ndim))
    is_transposed = node.op.name == "transpose"
    is_transposed = is_transposed and node.attributes["axes"] == (*axes[:-2], *axes[:-3:-1])
    return (node.operands[0], True) if is_transposed else (node, False)


def is_identity(node: Node) -> bool:
    """Whether a node is known to be identity matrices."""
    value = constant_value(node.operands[0] if node.op.name == "broadcast_to" else node)
    if value is None or value.ndim < 2 or value.shape[-1] != value.shape[-2] or not value.size:
        return False
    return bool(np.array_equal(value, np.broadcast_to(np.eye(value.shape[-1]), value.shape)))


def triangle_of(node: Node) -> tuple[Node, bool] | None:
    """Return a node with the triangle of a triangular matrix; None if it is not known to be one.

    Only the lower triangle of that node counts. The second value is whether the matrix is its
    transpose.
    """
    node, is_transposed = without_transpose(node)
    if node.op.name in ("cholesky", "lower_part"):
        return node, is_transposed
    if node.op.name != "where":
        return None
    mask, first, second = node.operands
    where, n = constant_value(mask), node.shape[-1]
    if where is None or node.ndim != 2 or node.shape != (n, n):
        return None
    for other, kept, is_upper in ((second, first, False), (first, second, True)):
        value = constant_value(other)
        is_zero = value is not None and not value.any()
        if is_zero and kept.shape == node.shape:
            if np.array_equal(where, np.tri(n, k=-1 if is_upper else 0, dtype=bool)):
                return (_swapped(kept) if is_upper else kept), is_transposed != is_upper
    return None


def _swapped(node: Node) -> Node:
    axes = tuple(range(node.ndim))
    return make(TABLE["transpose"], (node,), axes=(*axes[:-2], *axes[:-3:-1]))


def use_factors(
    outputs: Sequence[Node],
    sources: MutableMapping[Node, Source] | None = None,
    conditions: int = 0,
) -> list[Node]:
    """Return the outputs with systems solved by Cholesky factors that are computed anyway.

    The machine code uses a factor only if it finds the matrix symmetric, because the factor is
    of the lower triangle.

    Parameters
    ----------
    outputs
        Nodes to rebuild.
    sources
        Lines of nodes; new nodes get those of the nodes they replace.
    conditions
        So many of the last outputs are conditions of guards. They stay as they are: where they do
        not hold, no matrix may be factored for the other outputs.
    """
    nodes = order(outputs)
    factors: dict[Node, Node] = {}
    for node in nodes:
        if node.op.name == "cholesky":
            factors[without_transpose(node.operands[0])[0]] = node
    fixed = set(order(outputs[len(outputs) - conditions :]))
    if not factors or all(node.op.name != "solve" for node in nodes):
        return list(outputs)

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        same = with_operands(node, new)
        if node.op.name != "solve" or node in fixed:
            return same
        factor = factors.get(without_transpose(node.operands[0])[0])
        if factor is None:
            return same
        (matrix,) = (new[operand] for operand in factor.operands)
        lower = make(factor.op, (matrix,))
        a, b = same.operands
        return make(TABLE["solve_positive"], (a, lower, b))

    result = rebuild(outputs, visit, sources)
    verify_pass("use factors", outputs, result)
    return result

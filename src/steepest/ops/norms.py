"""Roots of what cannot be negative, and has slope 0 where it is 0.

The slope of a square root at 0 is infinite. That of what is under the root is 0 there if it is a
sum of squares: their product would be NaN. Such a root is a norm, and has the slope 0 at 0, as
``np.linalg.norm``, ``np.hypot`` and ``np.abs`` have.
"""

from __future__ import annotations

from collections.abc import Sequence

from steepest.graph import Node
from steepest.ops.elementwise.arithmetic import SQRT
from steepest.ops.leaves import constant_value

_KEEP = frozenset({
    "reshape", "transpose", "getitem", "take_at", "broadcast_to", "sum", "square_of_root",
})  # fmt: skip
_COMBINE = frozenset({"multiply", "divide", "maximum", "concatenate", "where"})


def norms(nodes: Sequence[Node]) -> frozenset[Node]:
    """Return the square roots whose slope at 0 is 0, among the nodes of a graph.

    Parameters
    ----------
    nodes
        Nodes, operands before what is computed from them.
    """
    roots = [node for node in nodes if node.op is SQRT]
    if not roots:
        return frozenset()
    flat: set[Node] = set()
    for node in nodes:
        if _is_flat(node, flat):
            flat.add(node)
    return frozenset([node for node in roots if node.operands[0] in flat])


def _is_flat(node: Node, flat: set[Node]) -> bool:
    """Whether a node is at least 0, and has no slope where it is 0; `flat` are those known."""
    name, operands = node.op.name, node.operands
    if node.dtype.kind != "f":
        return False
    constant = constant_value(node)
    if constant is not None:
        return bool((constant >= 0).all())
    if name in _KEEP:
        return operands[0] in flat
    if _is_square(node):  # the square of a square has a second derivative, which a norm has not
        return operands[0] not in flat
    is_sum = name in _COMBINE or name == "add"
    if is_sum and all([x in flat for x in operands if x.dtype.kind != "b"]):
        return True
    if name in ("add", "subtract"):
        return _is_excess(node)
    return name == "matmul" and _is_scalar_square(node)


def _is_square(node: Node) -> bool:
    name, operands = node.op.name, node.operands
    if name == "power":
        exponent = constant_value(operands[1])
        return exponent is not None and bool((exponent == 2).all())
    is_product = name == "multiply" and operands[0] is operands[1]
    return is_product or name in ("square", "square_of_hypot")


def _is_excess(node: Node) -> bool:
    """Whether a node is the excess of a complex number's absolute value over a part of it."""
    first, second = node.operands
    if node.op.name == "add" and second.op.name == "hypot":
        first, second = second, first
    return first.op.name == "hypot" and second in first.operands


def _is_scalar_square(node: Node) -> bool:
    """Whether a node is a product of a vector, or of each of many vectors, with itself."""
    first, second = (x.operands[0] if x.op.name == "reshape" else x for x in node.operands)
    return first is second and node.shape[-2:] == (1, 1)

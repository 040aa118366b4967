"""Roots of what cannot be negative, and has slope 0 where it is 0.

The slope of a square root at 0 is infinite. That of what is under the root is 0 there if it is a
sum of squares: their product would be NaN. Such a root is a norm, and has the slope 0 at 0, as
``np.linalg.norm``, ``np.hypot`` and ``np.abs`` have. That holds for squares of what has finite
slopes: the square of ``np.arccos(x)`` is 0 at 1, and its root has an infinite slope.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from steepest.graph import Node
from steepest.ops.derivative_rules import JointLinear, Linear, Partials, Zero
from steepest.ops.domains import REALS
from steepest.ops.elementwise.arithmetic import SQRT
from steepest.ops.leaves import constant_value
from steepest.ops.row import Row

_KEEP = frozenset({
    "reshape", "transpose", "getitem", "take_at", "broadcast_to", "sum", "square_of_root",
})  # fmt: skip
_COMBINE = frozenset({"multiply", "divide", "maximum", "concatenate", "pack", "where"})

_UNKNOWN, _WHERE_FINITE, _EVERYWHERE = range(3)
"""Where a node's slopes by the variables are finite: not known, where its value is, everywhere."""

_KEEP_INFINITY = frozenset({
    "add", "subtract", "multiply", "negative", "square", "absolute", "hypot", "square_of_hypot",
    "square_of_root", "root",
})  # fmt: skip
_LOGARITHMS = frozenset({"log", "log2", "log10", "log1p", "tan"})
_QUOTIENTS = frozenset({"divide", "reciprocal"})
_SOLUTIONS = frozenset({
    "solve", "solve_band", "solve_lower", "solve_positive", "solve_triangle", "inverse",
})  # fmt: skip
_FINITE = frozenset({
    "maximum", "minimum", "max", "min", "arctan", "arcsinh", "sinc", "erf", "erfc", "expit",
    "ndtr", "logaddexp", "logaddexp2",
})  # fmt: skip


def norms(nodes: Sequence[Node], active: AbstractSet[Node]) -> frozenset[Node]:
    """Return the square roots whose slope at 0 is 0, among the nodes of a graph.

    Parameters
    ----------
    nodes
        Nodes, operands before what is computed from them.
    active
        Those of them that are computed from the variables.
    """
    roots = [node for node in nodes if node.op is SQRT]
    if not roots:
        return frozenset()
    flat: set[Node] = set()
    slopes: dict[Node, int] = {}
    for node in nodes:
        slopes[node] = _finite_slopes(node, slopes, flat) if node in active else _EVERYWHERE
        if _is_flat(node, flat, slopes):
            flat.add(node)
    return frozenset([node for node in roots if node.operands[0] in flat])


def _finite_slopes(node: Node, slopes: dict[Node, int], flat: set[Node]) -> int:
    """Return where the slopes of a node are finite, given those of its operands."""
    op, operands = node.op, [x for x in node.operands if x.dtype.kind == "f"]
    if node.dtype.kind != "f" or isinstance(op.derivative, Zero):
        return _EVERYWHERE
    least = min([slopes[x] for x in operands], default=_EVERYWHERE)
    if op.name == "power":
        exponent = constant_value(node.operands[1])
        if exponent is not None and bool((exponent >= 1).all()):
            return least
        is_quotient = exponent is not None and bool((exponent < 0).all())
    else:
        is_quotient = op.name in _QUOTIENTS and slopes[operands[-1]] == _EVERYWHERE
        is_quotient |= op.name in _SOLUTIONS and least == _EVERYWHERE
    if op is SQRT:
        return least if operands[0] in flat else _UNKNOWN
    if op.name in _KEEP_INFINITY or isinstance(op.derivative, Linear | JointLinear):
        return least
    if is_quotient or op.name in _LOGARITHMS:
        return min(least, _WHERE_FINITE)
    return _EVERYWHERE if least == _EVERYWHERE and _is_smooth(op) else _UNKNOWN


def _is_smooth(op: Row) -> bool:
    """Whether the slopes of an elementwise op are finite wherever its operands are."""
    is_real = op.domain.smooth and set(op.domain.intervals) == set(REALS.intervals)
    is_elementwise = isinstance(op.derivative, Partials) and not op.domain.cases
    return op.name in _FINITE or (is_real and is_elementwise)


def _is_flat(node: Node, flat: set[Node], slopes: dict[Node, int]) -> bool:
    """Whether a node is at least 0, and has no slope where it is 0; `flat` are those known."""
    name, operands = node.op.name, node.operands
    if node.dtype.kind != "f":
        return False
    constant = constant_value(node)
    if constant is not None:
        return bool((constant >= 0).all())
    if name in _KEEP:
        return operands[0] in flat
    is_sum = name in _COMBINE or name == "add"
    if is_sum and all([x in flat for x in operands if x.dtype.kind != "b"]):
        return name != "multiply" or operands[0] is not operands[1]
    if not all([slopes.get(x) for x in operands if x.dtype.kind == "f"]):
        return False
    if _is_square(node):  # the square of a square has a second derivative, which a norm has not
        return operands[0] not in flat
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

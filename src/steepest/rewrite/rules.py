"""The rewrite rules. An exact replacement is equal in every bit, except the sign of a zero.

Another one rounds differently, and is at least as accurate.

A rule gets a node whose operands are already rewritten. It returns a simpler node, or None
if it does not apply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steepest.graph import Node, make
from steepest.ops import TABLE, Elementwise, constant_node, constant_value
from steepest.rewrite.factors import is_identity, triangle_of

_FOLDING_LIMIT = 16

Rewrite = Callable[[Node], Node | None]


@dataclass(frozen=True)
class RewriteRule:
    """A named rewrite.

    Attributes
    ----------
    name
        What it does.
    ops
        Names of the ops it looks at; empty for every op.
    apply
        Returns the simpler node, or None where the rule does not fit.
    is_exact
        Whether the replacement is equal in every bit, except the sign of a zero.
    """

    name: str
    ops: frozenset[str]
    apply: Callable[[Node], Node | None]
    is_exact: bool = True


RULES: list[RewriteRule] = []
"""All of them, in the order in which they are tried."""


def rule(name: str, ops: str = "", is_exact: bool = True) -> Callable[[Rewrite], Rewrite]:
    """Decorate a function as the last rule, for the ops with some names, or for every op."""

    def register(apply: Rewrite) -> Rewrite:
        RULES.append(RewriteRule(name, frozenset(ops.split()), apply, is_exact))
        return apply

    return register


def _is_constant(node: Node, value: float) -> bool:
    constant = constant_value(node)
    if constant is None or constant.size == 0:
        return False
    return bool(np.all(constant == value)) and not np.signbit(constant).any()


def _only_if_same(node: Node, replacement: Node) -> Node | None:
    same = replacement.shape == node.shape and replacement.dtype == node.dtype
    return replacement if same else None


def _before_broadcast(node: Node) -> Node:
    """Return the operand that a node broadcasts; the node itself if it broadcasts nothing."""
    if node.op.name == "broadcast_to":
        return node.operands[0]
    value = constant_value(node)
    if value is not None and node.ndim and (value.size == 1 or value.size > _FOLDING_LIMIT):
        first = value.reshape(-1)[0]
        if value.tobytes() == first.tobytes() * value.size:
            return constant_node(first, node.dtype)
    return node


def _nonzero_parts(node: Node) -> list[tuple[int, Node]] | None:
    """Return (start, values) of the parts of a vector that are not known to be zero.

    None if they are not known to be parts.
    """
    if node.ndim != 1:
        return None
    if node.op.name == "embed":
        first, _, step = node.attributes["slices"][0]
        return [(first, node.operands[0])] if step == 1 else None
    if node.op.name != "concatenate":
        return None
    parts, start = [], 0
    for operand in node.operands:
        if not _is_constant(operand, 0):
            parts.append((start, operand))
        start += operand.size
    return parts


def _is_power_of_two(value: np.ndarray) -> bool:
    if value.dtype.kind != "f" or not value >= 1:
        return False
    return bool(np.frexp(value)[0] == 0.5)


@rule("fold constants")
def _fold_constants(node: Node) -> Node | None:
    if not node.operands or node.size > _FOLDING_LIMIT:
        return None
    values = [constant_value(operand) for operand in node.operands]
    if any(value is None for value in values):
        return None
    with np.errstate(all="ignore"):
        return constant_node(node.op.evaluate(*values, **node.attributes), node.dtype)


@rule("x * 1 = x", "multiply")
def _times_one(node: Node) -> Node | None:
    a, b = node.operands
    if _is_constant(b, 1):
        return _only_if_same(node, a)
    return _only_if_same(node, b) if _is_constant(a, 1) else None


@rule("c * (2**k * x) = (c * 2**k) * x", "multiply")
def _scale_scaled(node: Node) -> Node | None:
    """C * (2**k * x) = (c * 2**k) * x, exact for k >= 0 and |c| >= 1.

    Doubling only rounds where it overflows, and then both sides do.
    """
    for scale, product in (node.operands, node.operands[::-1]):
        outer = constant_value(scale)
        if outer is None or outer.shape != () or product.op.name != "multiply":
            continue
        for inner, x in (product.operands, product.operands[::-1]):
            factor = constant_value(inner)
            if factor is None or factor.shape != () or not _is_power_of_two(factor):
                continue
            if abs(outer) >= 1 and np.isfinite(outer * factor):
                return make(node.op, (constant_node(outer * factor, node.dtype), x))
    return None


@rule("x / 1 = x", "divide")
def _over_one(node: Node) -> Node | None:
    a, b = node.operands
    return _only_if_same(node, a) if _is_constant(b, 1) else None


@rule("x - 0 = x", "subtract")
def _minus_zero(node: Node) -> Node | None:
    a, b = node.operands
    return _only_if_same(node, a) if _is_constant(b, 0) else None


@rule("-(-x) = x", "negative")
def _double_negative(node: Node) -> Node | None:
    (inner,) = node.operands
    return inner.operands[0] if inner.op.name == "negative" else None


@rule("a + -b = a - b", "add")
def _add_negative(node: Node) -> Node | None:
    a, b = node.operands
    if b.op.name == "negative":
        return make(TABLE["subtract"], (a, b.operands[0]))
    if a.op.name == "negative":
        return make(TABLE["subtract"], (b, a.operands[0]))
    return None


@rule("a - -b = a + b", "subtract")
def _subtract_negative(node: Node) -> Node | None:
    a, b = node.operands
    return make(TABLE["add"], (a, b.operands[0])) if b.op.name == "negative" else None


@rule("reshape to the same shape", "reshape broadcast_to")
def _same_shape(node: Node) -> Node | None:
    return _only_if_same(node, node.operands[0])


@rule("reshape of reshape", "reshape")
def _reshape_reshape(node: Node) -> Node | None:
    (inner,) = node.operands
    if inner.op.name != "reshape":
        return None
    return make(node.op, inner.operands, **node.attributes)


@rule("a vector along the diagonal", "reshape")
def _on_diagonal(node: Node) -> Node | None:
    """Place the elements by row and column, without a division for each."""
    (flat,) = node.operands
    if flat.op.name != "embed" or node.ndim != 2 or node.shape[0] != node.shape[1]:
        return None
    n = node.shape[0]
    if flat.attributes["slices"] != ((0, n, n + 1),):
        return None
    repeated = make(TABLE["broadcast_to"], flat.operands, shape=node.shape)
    return make(TABLE["lower_part"], (repeated,), diagonal=True, below=False)


@rule("transpose of transpose", "transpose")
def _transpose_transpose(node: Node) -> Node | None:
    (inner,) = node.operands
    if inner.op.name != "transpose":
        return None
    inner_axes = inner.attributes["axes"]
    axes = tuple(inner_axes[axis] for axis in node.attributes["axes"])
    if axes == tuple(range(node.ndim)):
        return inner.operands[0]
    return make(node.op, inner.operands, axes=axes)


@rule("astype to the same dtype", "astype")
def _same_dtype(node: Node) -> Node | None:
    return _only_if_same(node, node.operands[0])


@rule("astype there and back", "astype")
def _narrow_widened(node: Node) -> Node | None:
    (inner,) = node.operands
    if inner.op.name != "astype":
        return None
    source = inner.operands[0]
    widened = np.can_cast(source.dtype, inner.dtype, "safe")
    return source if widened and source.dtype == node.dtype else None


@rule("broadcast last")
def _broadcast_last(node: Node) -> Node | None:
    """Let operands broadcast by themselves, and compute before repeating."""
    if not isinstance(node.op.lower, Elementwise) or not node.operands:
        return None
    operands = tuple(map(_before_broadcast, node.operands))
    if operands == node.operands:
        return None
    small = make(node.op, operands, **node.attributes)
    small = _fold_constants(small) or small
    if small.shape == node.shape:
        return small
    return make(TABLE["broadcast_to"], (small,), shape=node.shape)


@rule("x ** 2 = x * x, x ** 1 = x", "power")
def _easy_power(node: Node) -> Node | None:
    base, exponent = node.operands
    if node.dtype.kind != "f" or exponent.size != 1 or node.shape != base.shape:
        return None
    if _is_constant(exponent, 2):
        return make(TABLE["square"], (base,))
    return base if _is_constant(exponent, 1) else None


@rule("x and x = x, x or x = x", "logical_and logical_or")
def _either_alike(node: Node) -> Node | None:
    a, b = node.operands
    return _only_if_same(node, a) if a is b else None


@rule("concatenation of concatenations", "concatenate")
def _flat_concatenation(node: Node) -> Node | None:
    axis = node.attributes["axis"]
    parts: list[Node] = []
    for operand in node.operands:
        inner = operand.op is node.op and operand.attributes["axis"] == axis
        parts += operand.operands if inner else [operand]
    return None if len(parts) == len(node.operands) else make(node.op, tuple(parts), axis=axis)


@rule("parts of a vector side by side", "add")
def _join_embedded(node: Node) -> Node | None:
    """Vectors that are zero where the other is not lie side by side.

    Only the sign of a zero may differ: -0.0 stays, where -0.0 + 0.0 is 0.0.
    """
    left, right = (_nonzero_parts(operand) for operand in node.operands)
    if left is None or right is None or node.operands[0].shape != node.operands[1].shape:
        return None
    pieces: list[Node] = []
    end = 0
    for start, values in sorted(left + right, key=lambda part: part[0]):
        if start < end:
            return None
        if start > end:
            pieces.append(constant_node(np.zeros(start - end, node.dtype)))
        pieces.append(values)
        end = start + values.size
    if end < node.size:
        pieces.append(constant_node(np.zeros(node.size - end, node.dtype)))
    return make(TABLE["concatenate"], pieces, axis=0)


@rule("a system with a triangle", "solve", is_exact=False)
def _solve_triangle(node: Node) -> Node | None:
    """Substitute instead of factoring. A triangle's own LU factors may exchange rows."""
    a, b = node.operands
    found = triangle_of(a)
    if found is None:
        return None
    lower, is_transposed = found
    return make(TABLE["solve_lower"], (lower, b), transposed=is_transposed)


@rule("the solution for the identity matrix is the inverse", "solve")
def _inverse(node: Node) -> Node | None:
    a, b = node.operands
    return _only_if_same(node, make(TABLE["inverse"], (a,))) if is_identity(b) else None

"""The Cholesky factorization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import Rule
from steepest.ops.linear_algebra.factors import outer, positive_inverse, solve_lower
from steepest.ops.linear_algebra.lower_part import half_lower, lower_part
from steepest.ops.linear_algebra.matrices import ENTRIES, SQUARE_CASES, from_lower, square, swap
from steepest.ops.linear_algebra.structure import (
    diagonal_of,
    multiple,
    product_of,
    takes_diagonal,
    terms,
    traced,
    uniform,
)
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Domain, Row

NOT_POSITIVE = "Matrix is not positive definite"


def _cholesky_pullback(cotangent: Array, lower: Array, a: Array) -> tuple[Array, ...]:
    """Pull back by ``inv(L).T @ S @ inv(L) / 2``, where S is symmetric (Murray 2016).

    The lower triangle of S is that of ``L.T @ cotangent``. For the logarithm of the determinant,
    S is a multiple of 1, and for a sum of squares of ``inv(L) @ y`` it is an outer product. Then
    no product of matrices is needed, and the inverse costs a third of two triangular systems.
    """
    known = _known_slopes(cotangent, lower) if a.ndim == 2 else None
    if known is None:
        inner = _inner(cotangent, lower)
        half = solve_lower(lower, inner + swap(inner), transposed=True)
        known = solve_lower(lower, swap(half), transposed=True)
    return (half_lower(known),)


def _known_slopes(cotangent: Array, lower: Array) -> Array | None:
    """Return ``inv(L).T @ S @ inv(L)`` if every term of S has a simple form, else None."""
    total: Any = None
    for sign, node in terms(cotangent.node):
        found = _of_log_diagonal(node, lower)
        if found is None:
            found = _of_squares(node, lower)
        if found is None:
            return None
        total = _plus(total, sign, found)
    return total


def _plus(total: Any, sign: float, term: Array) -> Array:
    if total is None:
        return term if sign > 0 else -term
    return total + term if sign > 0 else total - term


def _of_log_diagonal(node: Node, lower: Array) -> Array | None:
    """Return the term of a diagonal that is a multiple of 1 over that of the factor."""
    vector = diagonal_of(node)
    if vector is None:
        return None
    factor, quotient = multiple(vector, lower)
    if quotient.op.name != "divide" or not takes_diagonal(quotient.operands[1], lower.node):
        return None
    number = uniform(quotient.operands[0], lower)
    return None if number is None else _times(factor * number, positive_inverse(lower))


def _times(factor: Any, x: Array) -> Array:
    return x if isinstance(factor, float) and factor == 1 else factor * x


def _of_squares(node: Node, lower: Array) -> Array | None:
    """Return the term of a product ``inv(L).T @ (c * x) @ x.T``, for a number c."""
    found = _solved_product(node, lower.node)
    if found is None:
        return None
    right, other = found
    (one, left), (two, same) = multiple(right, lower), multiple(other, lower)
    if right.shape[1] > 1 and same.op.name == "transpose" and same.ndim == 2:
        (same,) = same.operands
    if left is not same or left.size != right.size:
        return None
    column = np.reshape(traced(left, lower), right.shape)
    w = solve_lower(lower, column, transposed=True)
    return outer(_times(one * two, w), w)


def _solved_product(node: Node, lower: Node) -> tuple[Node, Node] | None:
    """Return c and R of a term ``inv(L).T @ c @ R``."""
    factors = product_of(node)
    if factors is None:
        return None
    solved, other = factors
    name, operands = solved.op.name, solved.operands
    if name == "solve_lower" and operands[0] is lower and solved.attributes["transposed"]:
        return operands[1], other
    if name == "solve" and operands[0].op.name == "transpose" and operands[0].operands[0] is lower:
        return operands[1], other
    return None


def _inner(cotangent: Array, lower: Array) -> Array:
    """Return the lower triangle of ``L.T @ cotangent`` with half of the diagonal."""
    rest: Any = None
    result: Any = None
    for sign, node in terms(cotangent.node):
        found = _solved_product(node, lower.node)
        if found is None:
            rest = _plus(rest, sign, traced(node, lower))
        else:
            left, right = (traced(x, lower) for x in found)
            result = _plus(result, sign, outer(left, swap(right)))
    if rest is not None:
        result = _plus(result, 1.0, np.matmul(swap(lower), lower_part(rest)))
    return half_lower(result)


def _cholesky_pushforward(tangents: Sequence[Array], lower: Array, a: Array) -> Array:
    half = solve_lower(lower, from_lower(tangents[0]), transposed=False)
    inner = solve_lower(lower, swap(half), transposed=False)
    return np.matmul(lower, half_lower(inner))


CHOLESKY = Row(
    name="cholesky",
    evaluate=np.linalg.cholesky,
    infer=square,
    derivative=Rule(_cholesky_pullback, _cholesky_pushforward),
    torch=lambda t, a: t.linalg.cholesky(t.tril(a) + t.tril(a, -1).mT),
    lower=Kernel("cholesky", in_registers=True, may_raise=True, failure=NOT_POSITIVE),
    domain=Domain(ENTRIES, SQUARE_CASES),
    kink="slopes are of the lower triangle, the only one that is read",
)

ROWS: tuple[Row, ...] = (CHOLESKY,)

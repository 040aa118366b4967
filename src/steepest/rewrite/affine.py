"""Least squares without touching the data again: sums over rows of affine functions.

Let the rows of a residual be ``M @ u + c``, with a matrix `M` and rows `c` that do not vary.
The sum of their squares is then ``u.T @ (M.T @ M) @ u`` plus terms in `c`. The Gram matrix
``M.T @ M`` is computed once, and an iteration costs the square of the number of columns.

In exact arithmetic both are the same. In rounded arithmetic the new form subtracts larger
numbers: the error of the sum of squares is relative to the sum of the squares of `c`, and the
gradient's error grows with the square of the condition number of `M`. So this is only done
if the user asks for it (``fast=True``).
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.graph import Node, Shape, make, rebuild, verify_pass, with_operands
from steepest.ops import TABLE, constant_node
from steepest.rewrite.hoist import invariants

_WORTH_IT = 4
"""Fewest rows per column for which a matrix is replaced by its Gram matrix."""


@dataclass(frozen=True)
class _Affine:
    """Rows that are a sum of products ``matrix @ coefficients``.

    Attributes
    ----------
    terms
        Pairs of a matrix that does not vary and its coefficients, which may.
    rows, columns
        Of each product.
    """

    terms: tuple[tuple[Node, Node], ...]
    rows: int
    columns: int


def without_rows(outputs: Sequence[Node], varying: Collection[Node]) -> list[Node]:
    """Return the same outputs, with Gram matrices for sums over rows of affine functions."""
    fixed = invariants(outputs, varying)
    affine: dict[Node, _Affine] = {}

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        if node in fixed:
            return node
        found = _affine_form(node, fixed, affine, new)
        if found is not None:
            affine[node] = found
        return _sum_over_rows(node, fixed, affine) or with_operands(node, new)

    result = rebuild(outputs, visit)
    verify_pass("without_rows", outputs, result)
    return result


def _op(name: str, *operands: Node, **attributes: object) -> Node:
    return make(TABLE[name], operands, **attributes)


def _number(value: float, like: Node) -> Node:
    return constant_node(np.asarray(value, like.dtype))


def _reshaped(node: Node, shape: Shape) -> Node:
    return node if node.shape == shape else _op("reshape", node, shape=shape)


def _transposed(node: Node) -> Node:
    return _op("transpose", node, axes=(1, 0))


def _rows_and_columns(shape: Shape) -> tuple[int, int] | None:
    """Return the numbers of rows and columns of a vector or matrix; None for other arrays."""
    if len(shape) == 1:
        return shape[0], 1
    return (shape[0], shape[1]) if len(shape) == 2 else None


# Nodes whose rows are affine functions of what varies.


def _affine_form(
    node: Node,
    fixed: frozenset[Node],
    affine: dict[Node, _Affine],
    new: Mapping[Node, Node],
) -> _Affine | None:
    size = _rows_and_columns(node.shape)
    if size is None or node.dtype.kind != "f":
        return None
    rows, columns = size
    name = node.op.name
    if name == "matmul":
        matrix, coefficients = node.operands
        is_tall = matrix.ndim == 2 and matrix.shape[0] >= _WORTH_IT * matrix.shape[1]
        if is_tall and matrix in fixed and coefficients not in affine and coefficients.ndim == 2:
            return _Affine(((matrix, new[coefficients]),), rows, columns)
        return None
    if name == "reshape":
        inner = affine.get(node.operands[0])
        return inner if inner and (inner.rows, inner.columns) == (rows, columns) else None
    if name == "negative":
        inner = affine.get(node.operands[0])
        return _scaled(inner, _number(-1.0, node)) if inner else None
    if name in ("multiply", "divide"):
        return _product_with_number(node, affine, new)
    if name in ("add", "subtract"):
        return _sum(node, rows, columns, fixed, affine, new)
    return None


def _scaled(affine: _Affine, factor: Node) -> _Affine:
    factor = _reshaped(factor, ())
    terms = tuple((m, _op("multiply", factor, u)) for m, u in affine.terms)
    return _Affine(terms, affine.rows, affine.columns)


def _product_with_number(
    node: Node, affine: dict[Node, _Affine], new: Mapping[Node, Node]
) -> _Affine | None:
    first, second = node.operands
    if node.op.name == "divide":
        if first not in affine or second.size != 1 or first.shape != node.shape:
            return None
        inverse = _op("divide", _number(1.0, node), _reshaped(new[second], ()))
        return _scaled(affine[first], inverse)
    for number, rows in ((first, second), (second, first)):
        if number.size == 1 and rows in affine and rows.shape == node.shape:
            return _scaled(affine[rows], new[number])
    return None


def _sum(
    node: Node,
    rows: int,
    columns: int,
    fixed: frozenset[Node],
    affine: dict[Node, _Affine],
    new: Mapping[Node, Node],
) -> _Affine | None:
    if not any(operand in affine for operand in node.operands):
        return None
    terms: list[tuple[Node, Node]] = []
    for position, operand in enumerate(node.operands):
        found = affine.get(operand) if operand.shape == node.shape else None
        if found is None:
            found = _constant_rows(operand, node, rows, columns, fixed, new)
        if found is None:
            return None
        if position == 1 and node.op.name == "subtract":
            found = _scaled(found, _number(-1.0, node))
        terms += found.terms
    return _Affine(tuple(terms), rows, columns)


def _constant_rows(
    operand: Node,
    node: Node,
    rows: int,
    columns: int,
    fixed: frozenset[Node],
    new: Mapping[Node, Node],
) -> _Affine | None:
    """Return rows that do not vary, or a number or row of numbers that all rows share."""
    if operand in fixed and operand.shape == node.shape:
        identity = constant_node(np.eye(columns, dtype=node.dtype))
        return _Affine(((_reshaped(operand, (rows, columns)), identity),), rows, columns)
    shared = operand.shape if operand.ndim == node.ndim else (1,) * node.ndim
    if operand.size == 1 or (columns > 1 and operand.shape in ((columns,), (1, columns))):
        if shared[0] == 1:
            ones = _op("broadcast_to", _number(1.0, node), shape=(rows, 1))
            row = _reshaped(new[operand], (1, operand.size))
            return _Affine(((ones, _op("broadcast_to", row, shape=(1, columns))),), rows, columns)
    return None


# Sums over rows, as products with Gram matrices.


def _sum_over_rows(node: Node, fixed: frozenset[Node], affine: dict[Node, _Affine]) -> Node | None:
    if node.op.name == "matmul":
        left, right = node.operands
        if left in fixed and right in affine and left.ndim == right.ndim == 2:
            if left.shape[1] == affine[right].rows >= _WORTH_IT * left.shape[0]:
                terms = affine[right].terms
                return _total([_op("matmul", _op("matmul", left, m), u) for m, u in terms])
        return None
    if node.op.name != "sum" or 0 not in node.attributes["axis"]:
        return None
    (summed,) = node.operands
    if summed in affine:
        form = affine[summed]
        ones = _op("broadcast_to", _number(1.0, node), shape=(1, form.rows))
        row = _total([_op("matmul", _op("matmul", ones, m), u) for m, u in form.terms])
        return _sum_of_all(row) if node.shape == () else _reshaped(row, node.shape)
    if node.shape != ():
        return None
    if summed.op.name == "square":
        pair = summed.operands * 2
    elif summed.op.name == "multiply":
        pair = summed.operands
    else:
        return None
    if not all(x in affine and x.shape == summed.shape for x in pair):
        return None
    return _total(
        [
            _sum_of_all(_op("multiply", u, _op("matmul", _op("matmul", _transposed(m), n), v)))
            for m, u in affine[pair[0]].terms
            for n, v in affine[pair[1]].terms
        ]
    )


def _sum_of_all(node: Node) -> Node:
    return _op("sum", node, axis=tuple(range(node.ndim)))


def _total(parts: Sequence[Node]) -> Node:
    return functools.reduce(lambda x, y: _op("add", x, y), parts)

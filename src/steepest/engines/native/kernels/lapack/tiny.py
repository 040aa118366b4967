"""Factorizations of matrices of few elements, which stay in registers.

Loops are unrolled, and rows are exchanged by selecting each element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import part, with_batch
from steepest.engines.native.codegen.registers import element_array
from steepest.engines.native.codegen.registry import TinyKernel, tiny_kernel
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.lapack.calls import UNROLLED
from steepest.graph import Node, Shape

Rows = list[list[Element]]


def _of_matrices(name: str) -> Callable[[Callable[..., Any]], TinyKernel]:
    """Register a function of ``(lowering, node, *matrices)`` that returns one matrix's result.

    It is called for each matrix of the batch, with the operands' matrices as lists of rows.
    """

    def register(emit: Callable[..., Any]) -> TinyKernel:
        def over_batch(lowering: Lowering, node: Node) -> np.ndarray:
            batch = _batch(node)
            result = np.empty(node.shape, object)
            if 0 in node.operands[0].shape[-2:]:
                return element_array(node.shape, lambda at: _of_nothing(lowering, node))
            operands = []
            for operand in node.operands:
                elements = lowering.in_registers(operand)
                operands.append(np.broadcast_to(elements, (*batch, *elements.shape[-2:])))
            for place in np.ndindex(*batch):
                matrices = [operand[place].tolist() for operand in operands]
                found = emit(lowering, node, *matrices)
                result[place] = np.array(found, object) if node.shape[len(batch) :] else found
            return result

        def in_loop(lowering: Lowering, node: Node) -> None:
            _over_stack(lowering, node, emit)

        UNROLLED[name] = in_loop
        return tiny_kernel(name)(over_batch)

    return register


def _batch(node: Node) -> Shape:
    """Return the leading axes; a determinant has no others."""
    ndim = len(node.operands[0].shape) - 2
    return node.shape[:ndim] if len(node.operands) == 1 else node.shape[:-2]


def _over_stack(lowering: Lowering, node: Node, emit: Callable[..., Any]) -> None:
    """Emit a loop over a stack of matrices in memory, each of which is computed in registers."""
    builder, batch = lowering.builder, _batch(node)
    views = [with_batch(lowering.in_memory(operand), (*batch, 1, 1)) for operand in node.operands]
    target = lowering.memory.allocate(node)
    with builder.loops(batch) as at:
        matrices = []
        for view in views:
            one = part(builder, view, at)
            places = [
                [(index(i), index(j)) for j in range(one.shape[1])] for i in range(one.shape[0])
            ]
            matrices.append(
                [[one.load(builder, one.address(builder, x)) for x in row] for row in places]
            )
        found = np.array(emit(lowering, node, *matrices), object)
        for place, element in np.ndenumerate(found):
            address = target.address(builder, (*at, *map(index, place)))
            target.store(builder, element, address)


def _of_nothing(lowering: Lowering, node: Node) -> Element:
    """Return a determinant of a matrix without elements, its sign or its logarithm."""
    return lowering.builder.number(0 if node.op.name == "logabsdet" else 1, node.dtype)


def _fail(lowering: Lowering, node: Node, condition: Element) -> None:
    lowering.builder.fail_if(lowering.builder.any(condition), node)


def _eliminated(builder: Builder, rows: Rows, columns: int) -> tuple[Rows, Element]:
    """Eliminate below the diagonal of the first columns; return rows and the sign of exchanges.

    The row of the largest element becomes the next one, as in LAPACK.
    """
    rows = [list(row) for row in rows]
    sign = builder.number(1, rows[0][0].dtype)
    for k in range(columns):
        best, chosen = builder.fabs(rows[k][k]), dict[int, Element]()
        for i in range(k + 1, columns):
            size = builder.fabs(rows[i][k])
            is_larger = size > best
            best = builder.select(is_larger, size, best)
            chosen = {j: found & ~is_larger for j, found in chosen.items()}
            chosen[i] = is_larger
        first = rows[k]
        for i, is_chosen in chosen.items():
            other = rows[i]
            sign = builder.select(is_chosen, -sign, sign)
            rows[k] = [
                builder.select(is_chosen, b, a) for a, b in zip(rows[k], other, strict=True)
            ]
            rows[i] = [builder.select(is_chosen, a, b) for a, b in zip(first, other, strict=True)]
        for i in range(k + 1, columns):
            factor = rows[i][k] / rows[k][k]
            rest = zip(rows[i][k + 1 :], rows[k][k + 1 :], strict=True)
            rows[i] = rows[i][: k + 1] + [a - factor * b for a, b in rest]
    return rows, sign


def _selected(
    builder: Builder, condition: Element, row: list[Element], other: list[Element]
) -> list[Element]:
    return [builder.select(condition, a, b) for a, b in zip(row, other, strict=True)]


def _any_zero(rows: Rows, columns: int) -> Element:
    found = rows[0][0] == 0
    for k in range(1, columns):
        found = found | (rows[k][k] == 0)
    return found


def _substituted(rows: Rows, right: Rows, places: Sequence[int]) -> Rows:
    """Solve a triangular system; each row needs the solutions of those before it in `places`."""
    found: dict[int, list[Element]] = {}
    for i in places:
        rest = list(right[i])
        for j, known in found.items():
            rest = [x - rows[i][j] * y for x, y in zip(rest, known, strict=True)]
        found[i] = [x / rows[i][i] for x in rest]
    return [found[i] for i in range(len(right))]


def _solved(lowering: Lowering, node: Node, a: Rows, b: Rows) -> Rows:
    n = len(a)
    rows, _ = _eliminated(lowering.builder, [x + y for x, y in zip(a, b, strict=True)], n)
    _fail(lowering, node, _any_zero(rows, n))
    return _substituted(rows, [row[n:] for row in rows], range(n - 1, -1, -1))


_of_matrices("solve")(_solved)


@_of_matrices("inverse")
def _inverse(lowering: Lowering, node: Node, a: Rows) -> Rows:
    identity = np.eye(len(a)).tolist()
    b = [[lowering.builder.number(x, node.dtype) for x in row] for row in identity]
    return _solved(lowering, node, a, b)


@_of_matrices("cholesky")
def _cholesky(lowering: Lowering, node: Node, a: Rows) -> Rows:
    builder, n = lowering.builder, len(a)
    nothing = builder.zero(node.dtype)
    lower = [[nothing] * n for _ in range(n)]
    for j in range(n):
        for i in range(j, n):
            rest = a[i][j]
            for k in range(j):
                rest = rest - lower[i][k] * lower[j][k]
            if i == j:
                _fail(lowering, node, rest <= 0)
                lower[j][j] = builder.sqrt(rest)
            else:
                lower[i][j] = rest / lower[j][j]
    return lower


@_of_matrices("solve_lower")
def _solve_lower(lowering: Lowering, node: Node, lower: Rows, b: Rows) -> Rows:
    n = len(lower)
    _fail(lowering, node, _any_zero(lower, n))
    if node.attributes["transposed"]:
        turned = [list(column) for column in zip(*lower, strict=True)]
        return _substituted(turned, b, range(n - 1, -1, -1))
    return _substituted(lower, b, range(n))


def _determinant(lowering: Lowering, node: Node, a: Rows) -> Element:
    builder, n = lowering.builder, len(a)
    rows, sign = _eliminated(builder, a, n)
    total = builder.zero(node.dtype)
    for k in range(n):
        total = total + builder.libm("log", builder.fabs(rows[k][k]))
        sign = builder.select(rows[k][k] < 0, -sign, sign)
    is_singular = _any_zero(rows, n)
    sign = builder.select(is_singular, builder.zero(node.dtype), sign)
    total = builder.select(is_singular, builder.number(-np.inf, node.dtype), total)
    if node.op.name == "det":
        return sign * builder.libm("exp", total)
    return sign if node.op.name == "detsign" else total


for _name in ("det", "detsign", "logabsdet"):
    _of_matrices(_name)(_determinant)


@_of_matrices("cofactors")
def _cofactors(lowering: Lowering, node: Node, a: Rows) -> Rows:
    places = range(len(a))

    def cofactor(i: int, j: int) -> Element:
        rows = [k for k in places if k != i]
        columns = [k for k in places if k != j]
        minor = _minor(lowering, node, a, rows, columns)
        return -minor if (i + j) % 2 else minor

    return [[cofactor(i, j) for j in places] for i in places]


def _minor(
    lowering: Lowering, node: Node, a: Rows, rows: Sequence[int], columns: Sequence[int]
) -> Element:
    """Return the determinant of some rows and columns, expanded along the first row."""
    if not rows:
        return lowering.builder.number(1, node.dtype)
    terms = []
    for column in columns:
        others = [k for k in columns if k != column]
        first = a[rows[0]][column]
        rest = _minor(lowering, node, a, rows[1:], others) if others else None
        terms.append(first if rest is None else first * rest)
    total = terms[0]
    for place, term in enumerate(terms[1:]):
        total = total + term if place % 2 else total - term
    return total

"""LU factors: general systems, inverses and determinants of one matrix share them."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from steepest.engines.native import ir
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, View, part, transposed, with_batch
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.lapack.calls import (
    INT,
    INT_DTYPE,
    Caller,
    calling,
    copy_matrix,
    invert_upper,
    lapack_kernel,
    space,
)
from steepest.graph import Node


class Factors(NamedTuple):
    """LU factors of matrices, in memory.

    Attributes
    ----------
    lu
        Both triangles, in column-major order.
    pivots
        For each row the row, from 1, with which it was exchanged.
    code
        Not 0 if the matrix is singular.
    """

    lu: View
    pivots: View
    code: View


class Known(NamedTuple):
    """The factors of a node's matrices, or of the transposed ones, and the node they are for."""

    factors: Factors
    is_transposed: bool
    owner: Node


class _Inverse(NamedTuple):
    """A solution of a square system, and whether it turned out to be an inverse."""

    is_inverse: Cell
    view: View
    is_transposed: bool
    owner: Node


def base_of(node: Node) -> tuple[Node, bool]:
    """Return the node whose matrices a node transposes, and whether it does."""
    axes = tuple(range(node.ndim))
    swapped = (*axes[:-2], *axes[:-3:-1])
    is_transposed = False
    while node.op.name == "transpose" and node.attributes["axes"] == swapped:
        node, is_transposed = node.operands[0], not is_transposed
    return node, is_transposed


def factor_matrix(lowering: Lowering, call: Caller, a: View) -> Factors:
    """Emit the factorization of one matrix, in memory of its own."""
    arena, n = lowering.arena, a.shape[0]
    lu, _ = arena.allocate(a.dtype, a.shape)
    pivots, _ = arena.allocate(INT_DTYPE, (n,))
    code, _ = arena.allocate(INT_DTYPE, ())
    factors = Factors(lu, pivots, code)
    _factor(lowering, call, a, factors)
    return factors


def _factor(lowering: Lowering, call: Caller, a: View, into: Factors) -> None:
    """Emit a factorization; that of a lower triangle needs no elimination."""
    builder, n = lowering.builder, a.shape[0]
    lu, pivots = (view.at_offset(builder, None) for view in (into.lu, into.pivots))
    code = into.code.at_offset(builder, None)
    with builder.ir.if_else(_is_lower(lowering, a)) as (yes, no):
        with yes:
            _factor_lower(lowering, a, into)
        with no:
            copy_matrix(builder, a, transposed(into.lu))
            call.lapack("getrf", n, n, lu, n, pivots)
            into.code.store(builder, builder.element(call.code, INT_DTYPE), code)


def _is_lower(lowering: Lowering, a: View) -> ir.Value:
    """Return whether a matrix is a lower triangle; few elements of most others are read."""
    builder, b, n = lowering.builder, lowering.builder.ir, a.shape[0]
    same = Cell(builder, builder.truth(True))
    with (
        builder.loop(n) as i,
        b.if_then(same.get().value),
        builder.range(b.add(i, index(1)), index(n)) as j,
    ):
        element = a.load(builder, a.address(builder, (i, j)))
        same.set(same.get() & (element == 0))
    return same.get().value


def _factor_lower(lowering: Lowering, a: View, into: Factors) -> None:
    """Emit the factors of a lower triangle: its columns over their diagonal, and the diagonal."""
    builder, b, n = lowering.builder, lowering.builder.ir, a.shape[0]
    lu = transposed(into.lu)
    nothing = builder.zero(a.dtype)
    with builder.loops((n, n)) as (i, j):
        element = a.load(builder, a.address(builder, (i, j)))
        diagonal = a.load(builder, a.address(builder, (j, j)))
        is_below = builder.compare_places(">", i, j)
        element = builder.select(is_below, element / diagonal, element)
        is_above = builder.compare_places("<", i, j)
        lu.store(builder, builder.select(is_above, nothing, element), lu.address(builder, (i, j)))
    code = Cell(builder, builder.zero(INT_DTYPE))
    with builder.loop(n) as i:
        number = builder.element(b.trunc(b.add(i, index(1)), INT), INT_DTYPE)
        pivots = into.pivots
        pivots.store(builder, number, _pivot_place(lowering, pivots, i))
        diagonal = a.load(builder, a.address(builder, (i, i)))
        is_first = (diagonal == 0) & (code.get() == 0)
        code.set(builder.select(is_first, number, code.get()))
    into.code.store(builder, code.get(), into.code.at_offset(builder, None))


def factored(lowering: Lowering, call: Caller, a: Node, reader: Node) -> tuple[Factors, bool]:
    """Return the LU factors of a node's matrices, and whether they are of the transposed ones.

    The first node that reads a matrix factors it, and its memory is never used again. If its
    loops are written a second time, it is factored a second time.
    """
    base, is_transposed = base_of(a)
    known = lowering.factors.get(("lu", base))
    if known is not None and known.owner is not reader:
        return known.factors, known.is_transposed != is_transposed
    builder, arena = lowering.builder, lowering.arena
    batch, n = a.shape[:-2], a.shape[-1]
    if known is None:
        shapes = ((a.dtype, (*batch, n, n)), (INT_DTYPE, (*batch, n)), (INT_DTYPE, batch))
        views = [arena.allocate(dtype, shape)[0] for dtype, shape in shapes]
        known = lowering.factors["lu", base] = Known(Factors(*views), is_transposed, reader)
    source = lowering.in_memory(base)
    source = transposed(source) if is_transposed else source
    with builder.loops(batch) as at:
        into = Factors(*[part(builder, view, at) for view in known.factors])
        _factor(lowering, call, part(builder, source, at), into)
    return known.factors, False


def _with_batch(factors: Factors, node: Node) -> Factors:
    """Return factors with the leading axes of a result."""
    tall = dataclasses.replace(
        factors.pivots,
        shape=(*factors.pivots.shape, 1),
        strides=(*factors.pivots.strides, 1),
    )
    flat = dataclasses.replace(
        factors.code, shape=(*factors.code.shape, 1, 1), strides=(*factors.code.strides, 1, 1)
    )
    lu, pivots, code = (with_batch(view, node.shape) for view in (factors.lu, tall, flat))
    return Factors(lu, pivots, code)


def is_singular(lowering: Lowering, factors: Factors) -> ir.Value:
    """Return whether the factorization of one matrix found it singular."""
    code = factors.code.load(lowering.builder, factors.code.at_offset(lowering.builder, None))
    return lowering.builder.ir.icmp_unsigned("!=", code.value, ir.Constant(INT, 0))


@lapack_kernel("solve")
def solve(lowering: Lowering, node: Node) -> None:
    """Solve general systems."""
    builder = lowering.builder
    right = with_batch(lowering.in_memory(node.operands[1]), node.shape)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        factors, is_transposed = factored(lowering, call, node.operands[0], node)
        if node.shape == node.operands[0].shape == node.operands[1].shape and node.ndim == 2:
            _solve_square(lowering, call, node, factors, right, target, is_transposed)
            return
        wide = _with_batch(factors, node)
        with builder.loops(node.shape[:-2]) as batch:
            mine = Factors(*[part(builder, view, batch) for view in wide])
            builder.fail_if(is_singular(lowering, mine), node)
            b, result = part(builder, right, batch), part(builder, target, batch)
            solve_factored(lowering, call, mine, b, result, is_transposed)


def _solve_square(
    lowering: Lowering,
    call: Caller,
    node: Node,
    factors: Factors,
    right: View,
    target: View,
    is_transposed: bool,
) -> None:
    """Solve for a square right side, which is the identity matrix where ``inv`` was called.

    A large identity matrix is an input, so that only machine code sees its values.
    """
    builder, n = lowering.builder, node.shape[-1]
    builder.fail_if(is_singular(lowering, factors), node)
    is_identity = _is_identity(lowering, right)
    work = space(lowering, node.dtype, (n, n))
    with builder.ir.if_else(is_identity) as (yes, no):
        with yes:
            invert(lowering, call, factors, work)
            copy_matrix(builder, work if is_transposed else transposed(work), target)
        with no:
            solve_factored(lowering, call, factors, right, target, is_transposed, work)
    base, is_of_transpose = base_of(node.operands[0])
    known = lowering.factors.get(("inverse", base))
    if known is not None and known.owner is node:  # its loops are written a second time
        known.is_inverse.set(builder.truth_of(is_identity))
    elif known is None and target is lowering.memory.views[node]:
        lowering.memory.keep.add(node)
        cell = Cell(builder, builder.truth_of(is_identity))
        lowering.factors["inverse", base] = _Inverse(cell, target, is_of_transpose, node)


def _is_identity(lowering: Lowering, right: View) -> ir.Value:
    """Return whether a matrix is the identity matrix; few elements of most others are read."""
    builder, b, n = lowering.builder, lowering.builder.ir, right.shape[0]
    same = Cell(builder, builder.truth(True))
    with builder.loop(n) as i, b.if_then(same.get().value), builder.loop(n) as j:
        element = right.load(builder, right.address(builder, (i, j)))
        one, nothing = builder.number(1, right.dtype), builder.zero(right.dtype)
        wanted = builder.select(builder.compare_places("==", i, j), one, nothing)
        same.set(same.get() & (element == wanted))
    return same.get().value


def solve_factored(
    lowering: Lowering,
    call: Caller,
    factors: Factors,
    right: View,
    result: View,
    is_transposed: bool,
    work: View | None = None,
) -> None:
    """Emit the solution of a system with a factored matrix, by way of an array `work`."""
    builder = lowering.builder
    n, columns = result.shape
    if columns == 1:  # is in column-major order as it is
        x = result
    else:
        x = transposed(work or space(lowering, result.dtype, (columns, n)))
    copy_matrix(builder, right, x)
    lu, pivots, place = (view.at_offset(builder, None) for view in (factors.lu, factors.pivots, x))
    call.lapack("getrs", "T" if is_transposed else "N", n, columns, lu, n, pivots, place, n)
    if x is not result:
        copy_matrix(builder, x, result)


@lapack_kernel("inverse")
def inverse(lowering: Lowering, node: Node) -> None:
    """Invert matrices, or copy an inverse that has been computed."""
    builder, n = lowering.builder, node.shape[-1]
    base, is_transposed = base_of(node.operands[0])
    known = lowering.factors.get(("inverse", base))
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        factors, turned = factored(lowering, call, node.operands[0], node)
        work = space(lowering, node.dtype, (n, n))

        def compute() -> None:
            with builder.loops(node.shape[:-2]) as batch:
                mine = Factors(*[part(builder, view, batch) for view in factors])
                builder.fail_if(is_singular(lowering, mine), node)
                invert(lowering, call, mine, work)
                found = work if turned else transposed(work)
                copy_matrix(builder, found, part(builder, target, batch))

        if known is None:
            compute()
            return
        with builder.ir.if_else(known.is_inverse.get().value) as (yes, no):
            with yes:
                is_same = known.is_transposed == is_transposed
                copy_matrix(builder, known.view if is_same else transposed(known.view), target)
            with no:
                compute()


def invert(lowering: Lowering, call: Caller, factors: Factors, work: View) -> None:
    """Invert in column-major order: the inverse of U, times that of L, its columns in order."""
    builder, n = lowering.builder, work.shape[0]
    _copy_upper(lowering, factors.lu, work)
    inner, lu = work.at_offset(builder, None), factors.lu.at_offset(builder, None)
    invert_upper(builder, call, work)
    call.blas("trsm", "R", "L", "N", "U", n, n, 1.0, lu, n, inner, n)
    with builder.loop(n) as step:
        column = builder.ir.sub(index(n - 1), step)
        _exchange(lowering, call, work, column, pivot(lowering, factors, column))


def _copy_upper(lowering: Lowering, lu: View, target: View) -> None:
    """Copy U, which is a lower triangle in C order; zeros elsewhere."""
    builder = lowering.builder
    with builder.loops(target.shape) as (row, column):
        element = lu.load(builder, lu.address(builder, (row, column)))
        is_within = builder.compare_places("<=", column, row)
        element = builder.select(is_within, element, builder.zero(target.dtype))
        target.store(builder, element, target.address(builder, (row, column)))


def _pivot_place(lowering: Lowering, pivots: View, row: ir.Value) -> ir.Value:
    """Return the address of a pivot. Pivots may be a column, so that they have a batch."""
    return pivots.address(lowering.builder, (row, *[index(0)] * (len(pivots.shape) - 1)))


def pivot(lowering: Lowering, factors: Factors, place: ir.Value) -> ir.Value:
    """Return the row, from 0, with which a row was exchanged."""
    builder, pivots = lowering.builder, factors.pivots
    found = pivots.load(builder, _pivot_place(lowering, pivots, place))
    return builder.ir.sub(builder.ir.sext(found.value, ir.IntType(64)), index(1))


def _exchange(
    lowering: Lowering, call: Caller, matrix: View, one: ir.Value, other: ir.Value
) -> None:
    """Exchange two columns of a matrix in column-major order."""
    builder, n = lowering.builder, matrix.shape[0]
    with builder.ir.if_then(builder.ir.icmp_unsigned("!=", one, other)):
        left, right = (matrix.address(builder, (column, index(0))) for column in (one, other))
        call.blas("swap", n, left, 1, right, 1)

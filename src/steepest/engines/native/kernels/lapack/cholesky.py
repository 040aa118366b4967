"""Cholesky factors, and what is computed from them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, View, part, with_batch
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.lapack.calls import (
    Caller,
    calling,
    copy_lower,
    copy_matrix,
    invert_upper,
    lapack_kernel,
)
from steepest.engines.native.kernels.lapack.lu import (
    base_of,
    factor_matrix,
    is_singular,
    solve_factored,
)
from steepest.graph import Node


@lapack_kernel("cholesky")
def cholesky(lowering: Lowering, node: Node) -> None:
    """Factor matrices of which the lower triangle is read."""
    with _lower_triangles(lowering, node) as (call, lower):
        n = lower.shape[0]
        call.lapack("potrf", "U", n, lower.at_offset(lowering.builder, None), n)
        lowering.builder.fail_if(call.failed(), node)


@lapack_kernel("positive_inverse")
def positive_inverse(lowering: Lowering, node: Node) -> None:
    """Invert positive definite matrices, given their factors, into their lower triangles."""
    with _lower_triangles(lowering, node) as (call, lower):
        n = lower.shape[0]
        invert_upper(lowering.builder, call, lower, node)
        call.lapack("lauum", "U", n, lower.at_offset(lowering.builder, None), n)


@contextlib.contextmanager
def _lower_triangles(lowering: Lowering, node: Node) -> Iterator[tuple[Caller, View]]:
    """Yield each lower triangle of the operand, copied into the result, to be replaced."""
    builder = lowering.builder
    source = lowering.in_memory(node.operands[0])
    with (
        lowering.packed_target(node) as target,
        calling(lowering, node.dtype) as call,
        builder.loops(node.shape[:-2]) as batch,
    ):
        lower = part(builder, target, batch)
        copy_lower(builder, part(builder, source, batch), lower)
        yield call, lower


@lapack_kernel("solve_lower")
def solve_lower(lowering: Lowering, node: Node) -> None:
    """Solve systems of which the lower triangle, or its transpose, is read."""
    builder = lowering.builder
    factor = with_batch(lowering.packed(node.operands[0]), node.shape)
    right = with_batch(lowering.in_memory(node.operands[1]), node.shape)
    with (
        lowering.packed_target(node) as target,
        calling(lowering, node.dtype) as call,
        builder.loops(node.shape[:-2]) as batch,
    ):
        lower, result = part(builder, factor, batch), part(builder, target, batch)
        copy_matrix(builder, part(builder, right, batch), result)
        builder.fail_if(_has_zero(builder, lower), node)
        solve_in_place(builder, call, lower, result, node.attributes["transposed"])


def solve_in_place(
    builder: Builder, call: Caller, lower: View, right: View, is_transposed: bool
) -> None:
    """Replace a right side by the solution. Both arrays are in C order.

    For LAPACK, the triangle is the transpose U of the lower one, and the right side is
    transposed, so that it multiplies from the other side.
    """
    n, columns = right.shape
    factor, x = lower.at_offset(builder, None), right.at_offset(builder, None)
    if columns == 1:
        call.blas("trsv", "U", "N" if is_transposed else "T", "N", n, factor, n, x, 1)
    else:
        trans = "T" if is_transposed else "N"
        call.blas("trsm", "R", "U", trans, "N", columns, n, 1.0, factor, n, x, columns)


def _has_zero(builder: Builder, lower: View) -> ir.Value:
    """Return whether there is a zero on the diagonal."""
    found = Cell(builder, builder.truth(False))
    with builder.loop(lower.shape[0]) as i:
        element = lower.load(builder, lower.address(builder, (i, i)))
        found.set(found.get() | (element == 0))
    return found.get().value


@lapack_kernel("solve_positive")
def solve_positive(lowering: Lowering, node: Node) -> None:
    """Solve systems by a Cholesky factor if the matrix is symmetric, else by factoring it."""
    builder = lowering.builder
    base, is_transposed = base_of(node.operands[0])
    a = with_batch(lowering.in_memory(base), node.shape)
    factor = with_batch(lowering.packed(node.operands[1]), node.shape)
    right = with_batch(lowering.in_memory(node.operands[2]), node.shape)
    with (
        lowering.packed_target(node) as target,
        calling(lowering, node.dtype) as call,
        builder.loops(node.shape[:-2]) as batch,
    ):
        matrix, lower = part(builder, a, batch), part(builder, factor, batch)
        b, result = part(builder, right, batch), part(builder, target, batch)
        with builder.ir.if_else(_is_symmetric(builder, matrix)) as (yes, no):
            with yes:
                copy_matrix(builder, b, result)
                solve_in_place(builder, call, lower, result, False)
                solve_in_place(builder, call, lower, result, True)
            with no:
                factored = factor_matrix(lowering, call, matrix)
                builder.fail_if(is_singular(lowering, factored), node)
                solve_factored(lowering, call, factored, b, result, is_transposed)


def _is_symmetric(builder: Builder, a: View) -> ir.Value:
    """Return whether a matrix equals its transpose, element by element."""
    same = Cell(builder, builder.truth(True))
    n = a.shape[0]
    tile = 8 if n >= 64 else 1
    # Tiles of the columns of one side are rows of the other, so that both stay in the cache.
    with builder.range(index(0), index(-(-n // tile))) as block:
        start = builder.ir.mul(block, index(tile))
        stop = builder.ir.add(start, index(tile))
        stop = builder.ir.select(builder.ir.icmp_signed("<", stop, index(n)), stop, index(n))
        with builder.range(start, index(n)) as i, builder.range(start, stop) as j:
            one = a.load(builder, a.address(builder, (i, j)))
            other = a.load(builder, a.address(builder, (j, i)))
            same.set(same.get() & (one == other))
    return same.get().value

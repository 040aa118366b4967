"""Determinants and cofactors, and whether a factorization succeeds."""

from __future__ import annotations

import numpy as np

from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, part, transposed
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.kernels.host import host
from steepest.engines.native.kernels.lapack.calls import (
    calling,
    copy_lower,
    lapack_kernel,
    space,
)
from steepest.engines.native.kernels.lapack.lu import (
    Factors,
    factored,
    invert,
    is_singular,
    pivot,
)
from steepest.graph import Node


def _sign_and_logarithm(lowering: Lowering, factors: Factors) -> tuple[Element, Element]:
    """Return the sign of a determinant and the logarithm of its size, as NumPy computes them."""
    builder, lu = lowering.builder, factors.lu
    n, dtype = lu.shape[-1], lu.dtype
    sign, total = Cell(builder, builder.number(1, dtype)), Cell(builder, builder.zero(dtype))
    with builder.loop(n) as i:
        element = lu.load(builder, lu.address(builder, (i, i)))
        is_exchanged = builder.truth_of(
            builder.ir.icmp_unsigned("!=", pivot(lowering, factors, i), i)
        )
        turns = is_exchanged ^ (element < 0)
        sign.set(builder.select(turns, -sign.get(), sign.get()))
        total.set(total.get() + builder.libm("log", builder.fabs(element)))
    fails = builder.truth_of(is_singular(lowering, factors))
    nothing, least = builder.zero(dtype), builder.number(-np.inf, dtype)
    return (
        builder.select(fails, nothing, sign.get()),
        builder.select(fails, least, total.get()),
    )


def _determinant(lowering: Lowering, node: Node) -> None:
    builder = lowering.builder
    target = lowering.memory.allocate(node)
    with calling(lowering, node.dtype) as call:
        factors, _ = factored(lowering, call, node.operands[0], node)
    with builder.loops(node.shape) as batch:
        mine = Factors(*[part(builder, view, batch) for view in factors])
        sign, logarithm = _sign_and_logarithm(lowering, mine)
        if node.op.name == "det":
            result = sign * builder.libm("exp", logarithm)
        else:
            result = sign if node.op.name == "detsign" else logarithm
        target.store(builder, result, target.address(builder, batch))


for _name in ("det", "detsign", "logabsdet"):
    lapack_kernel(_name)(_determinant)


@lapack_kernel("cofactors")
def cofactors(lowering: Lowering, node: Node) -> None:
    """Compute the determinant times the transposed inverse; NumPy takes singular matrices.

    Derivatives of a determinant use the cofactors of singular matrices only.
    """
    builder, n = lowering.builder, node.shape[-1]
    with lowering.packed_target(node) as target:
        with calling(lowering, node.dtype) as call:
            factors, is_transposed = factored(lowering, call, node.operands[0], node)
            work = space(lowering, node.dtype, (n, n))
            fails = Cell(builder, builder.truth(False))
            with builder.loops(node.shape[:-2]) as batch:
                mine = Factors(*[part(builder, view, batch) for view in factors])
                sign, logarithm = _sign_and_logarithm(lowering, mine)
                determinant = sign * builder.libm("exp", logarithm)
                fails.set(fails.get() | (determinant == 0))
                invert(lowering, call, mine, work)
                # The inverse is in column-major order.
                found = transposed(work) if is_transposed else work
                result = part(builder, target, batch)
                with builder.loops((n, n)) as place, lowering.scope():
                    element = found.load(builder, found.address(builder, place)) * determinant
                    result.store(builder, element, result.address(builder, place))
        with builder.ir.if_then(fails.get().value, likely=False):
            pointers = [lowering.packed(node.operands[0]), target]
            builder.call_host(node, [view.at_offset(builder, None) for view in pointers])


@kernel("succeeds")
def succeeds(lowering: Lowering, node: Node) -> None:
    """Factor a matrix to see whether that raises an error."""
    of = node.attributes["of"]
    emit = {"cholesky": _succeeds_cholesky, "solve": _succeeds_solve}.get(of, host)
    emit(lowering, node)


@lapack_kernel("succeeds.cholesky")
def _succeeds_cholesky(lowering: Lowering, node: Node) -> None:
    builder, (operand,) = lowering.builder, node.operands
    n = operand.shape[-1]
    source, target = lowering.in_memory(operand), lowering.memory.allocate(node)
    fine = Cell(builder, builder.truth(True))
    work = space(lowering, operand.dtype, (n, n))
    with (
        calling(lowering, operand.dtype) as call,
        builder.loops(operand.shape[:-2]) as batch,
    ):
        copy_lower(builder, part(builder, source, batch), work)
        call.lapack("potrf", "U", n, work.at_offset(builder, None), n)
        fine.set(fine.get() & ~builder.truth_of(call.failed()))
    target.store(builder, fine.get(), target.at_offset(builder, None))


@lapack_kernel("succeeds.solve")
def _succeeds_solve(lowering: Lowering, node: Node) -> None:
    builder, a = lowering.builder, node.operands[0]
    target = lowering.memory.allocate(node)
    fine = Cell(builder, builder.truth(True))
    with calling(lowering, a.dtype) as call:
        factors, _ = factored(lowering, call, a, node)
        with builder.loops(a.shape[:-2]) as batch:
            mine = Factors(*[part(builder, view, batch) for view in factors])
            fine.set(fine.get() & ~builder.truth_of(is_singular(lowering, mine)))
    target.store(builder, fine.get(), target.at_offset(builder, None))

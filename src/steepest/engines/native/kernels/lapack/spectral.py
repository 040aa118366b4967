"""Eigenvalues, singular values and orthogonal factors, by the drivers that NumPy calls.

Results are packed into one vector for each matrix, as the ops have them.
"""

from __future__ import annotations

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import View, copy, part, transposed
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.lapack.calls import (
    INT_DTYPE,
    Caller,
    calling,
    copy_lower,
    copy_matrix,
    lapack_kernel,
    vector_at,
)
from steepest.graph import Node
from steepest.ops.linear_algebra.triangular import rows_of_block


@lapack_kernel("eigh")
def eigh(lowering: Lowering, node: Node) -> None:
    """Compute eigenvalues and eigenvectors of symmetric matrices."""
    builder, (operand,) = lowering.builder, node.operands
    n = operand.shape[-1]
    a = lowering.in_memory(operand)
    uplo = "U" if node.attributes.get("upper", False) else "L"
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        sizes = call.work_sizes("syevd", "V", uplo, n, None, n, None, of=("real", "int"))
        vectors = _kept(lowering, node, (n, n))
        work, whole = _kept(lowering, node, sizes[:1]), _integers(lowering, sizes[1])
        with builder.loops(node.shape[:-1]) as batch:
            result = part(builder, target, batch)
            copy_matrix(builder, part(builder, a, batch), transposed(vectors))
            call.lapack(
                *("syevd", "V", uplo, n, vectors.at_offset(builder, None), n),
                *(result.at_offset(builder, None), work.at_offset(builder, None), sizes[0]),
                *(whole.at_offset(builder, None), sizes[1]),
            )
            builder.fail_if(call.failed(), node)
            copy_matrix(builder, transposed(vectors), vector_at(result, n, (n, n)))


def _kept(lowering: Lowering, node: Node, shape: tuple[int, ...] | list[int]) -> View:
    """Return memory that no other array of the kernel has; it stays taken."""
    return lowering.arena.allocate(node.dtype, tuple(shape))[0]


def _integers(lowering: Lowering, size: int) -> View:
    return lowering.arena.allocate(INT_DTYPE, (size,))[0]


class _Decomposition:
    """A thin singular value decomposition of the matrices of a node's operand."""

    def __init__(self, lowering: Lowering, call: Caller, node: Node) -> None:
        (operand,) = node.operands
        self._lowering, self._call, self._node = lowering, call, node
        m, n = self._shape = operand.shape[-2:]
        k = min(m, n)
        self._source = lowering.in_memory(operand)
        self._matrix = _kept(lowering, node, (n, m))
        # In column-major order: (m, k) and (k, n).
        self.u, self.vh = _kept(lowering, node, (k, m)), _kept(lowering, node, (n, k))
        self.s = _kept(lowering, node, (k,))
        arguments = ("S", m, n, None, m, None, None, m, None, k)
        (self._size,) = call.work_sizes("gesdd", *arguments, of=("real", "array"))
        self._work, self._whole = _kept(lowering, node, (self._size,)), _integers(lowering, 8 * k)

    def compute(self, batch: tuple[ir.Value, ...]) -> None:
        """Emit the decomposition of one matrix of the batch."""
        builder, (m, n) = self._lowering.builder, self._shape
        copy_matrix(builder, part(builder, self._source, batch), transposed(self._matrix))
        views = (self._matrix, self.s, self.u, self.vh, self._work, self._whole)
        a, s, u, vh, work, whole = (view.at_offset(builder, None) for view in views)
        call, k = self._call, min(m, n)
        call.lapack("gesdd", "S", m, n, a, m, s, u, m, vh, k, work, self._size, whole)
        builder.fail_if(call.failed(), self._node)


@lapack_kernel("svd")
def svd(lowering: Lowering, node: Node) -> None:
    """Compute thin singular value decompositions."""
    builder, (m, n) = lowering.builder, node.operands[0].shape[-2:]
    k = min(m, n)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        found = _Decomposition(lowering, call, node)
        with builder.loops(node.shape[:-1]) as batch:
            found.compute(batch)
            result = part(builder, target, batch)
            copy_matrix(builder, transposed(found.u), vector_at(result, 0, (m, k)))
            copy_matrix(builder, vector_at(found.s, 0, (1, k)), vector_at(result, m * k, (1, k)))
            copy_matrix(builder, transposed(found.vh), vector_at(result, (m + 1) * k, (k, n)))


@lapack_kernel("pinv")
def pinv(lowering: Lowering, node: Node) -> None:
    """Compute pseudo-inverses from singular values above the cutoff."""
    builder, (m, n) = lowering.builder, node.operands[0].shape[-2:]
    k = min(m, n)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        found = _Decomposition(lowering, call, node)
        with builder.loops(node.shape[:-2]) as batch:
            found.compute(batch)
            _divide_columns(builder, found.u, found.s, node.attributes["rcond"])
            result = part(builder, target, batch)
            u, vh, place = (x.at_offset(builder, None) for x in (found.u, found.vh, result))
            # The transposed result is u / s @ vh, in column-major order.
            call.blas("gemm", "N", "N", m, n, k, 1.0, u, m, vh, k, 0.0, place, m)


def _divide_columns(builder: Builder, u: View, s: View, rcond: float) -> None:
    """Divide vectors by their singular values; those below the cutoff become 0."""
    dtype = s.dtype
    largest = s.load(builder, s.address(builder, (index(0),)))
    cutoff = largest * builder.number(rcond, dtype)
    with builder.loop(s.shape[0]) as i:
        value = s.load(builder, s.address(builder, (i,)))
        is_kept = value > cutoff
        inverse = builder.select(is_kept, builder.number(1, dtype) / value, builder.zero(dtype))
        with builder.loop(u.shape[1]) as j:
            place = u.address(builder, (i, j))
            u.store(builder, u.load(builder, place) * inverse, place)


@lapack_kernel("qr")
def qr(lowering: Lowering, node: Node) -> None:
    """Compute an orthogonal and a triangular factor."""
    _factor(lowering, node, with_q=True)


def triangle_by_lapack(lowering: Lowering, node: Node) -> None:
    """Compute the triangular factor alone."""
    _factor(lowering, node, with_q=False)


def _factor(lowering: Lowering, node: Node, with_q: bool) -> None:
    builder, (operand,) = lowering.builder, node.operands
    m, n = operand.shape[-2:]  # m >= n
    a = lowering.in_memory(operand)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        (size,) = call.work_sizes("geqrf", m, n, None, m, None, of=("real",))
        if with_q:
            size = max(size, *call.work_sizes("orgqr", m, n, n, None, m, None, of=("real",)))
        matrix, tau = _kept(lowering, node, (n, m)), _kept(lowering, node, (n,))
        work = _kept(lowering, node, (size,)).at_offset(builder, None)
        place, scales = matrix.at_offset(builder, None), tau.at_offset(builder, None)
        with builder.loops(operand.shape[:-2]) as batch:
            result = part(builder, target, batch)
            copy_matrix(builder, part(builder, a, batch), transposed(matrix))
            call.lapack("geqrf", m, n, place, m, scales, work, size)
            r = vector_at(result, m * n, (n, n)) if with_q else result
            copy_lower(builder, _square(matrix), transposed(r))
            if with_q:
                call.lapack("orgqr", m, n, n, place, m, scales, work, size)
                copy_matrix(builder, transposed(matrix), vector_at(result, 0, (m, n)))


class _Blocks:
    """Factors a triangle with further rows beneath, again and again.

    Parameters
    ----------
    rows
        Number of the further rows.
    """

    def __init__(self, lowering: Lowering, call: Caller, node: Node, rows: int) -> None:
        n = node.shape[-1]
        self._builder, self._call, self._shape = lowering.builder, call, (n + rows, n)
        (self._size,) = call.work_sizes("geqrf", *self._shape, None, n + rows, None, of=("real",))
        self._matrix = _kept(lowering, node, (n, n + rows))
        self._tau, self._work = _kept(lowering, node, (n,)), _kept(lowering, node, (self._size,))

    def add(self, block: View, triangle: View) -> None:
        """Replace a triangle by that of itself and a block of rows."""
        builder, (m, n), matrix = self._builder, self._shape, self._matrix
        whole = transposed(matrix)
        for source, first in ((triangle, 0), (block, n)):
            offset = whole.offset + first * whole.strides[0]
            below = View(
                whole.pointer, whole.dtype, source.shape, whole.strides, offset, whole.tag
            )
            copy_matrix(builder, source, below)
        places = (view.at_offset(builder, None) for view in (matrix, self._tau, self._work))
        place, scales, work = places
        self._call.lapack("geqrf", m, n, place, m, scales, work, self._size)
        copy_lower(builder, _square(matrix), transposed(triangle))


def triangle_by_blocks(lowering: Lowering, node: Node) -> None:
    """Compute the triangular factor of a tall matrix, by blocks of its rows in their order."""
    builder, (operand,) = lowering.builder, node.operands
    rows, columns = operand.shape
    a, size = lowering.in_memory(operand), rows_of_block(columns)
    count, rest = divmod(rows, size)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        with builder.loops(target.shape) as place:
            zero = builder.zero(target.dtype)
            target.store(builder, zero, target.address(builder, place))
        work = _Blocks(lowering, call, node, size)
        with builder.loop(count) as number:
            work.add(_rows(builder, a, builder.affine(number, 0, size), size), target)
        if rest:
            work = _Blocks(lowering, call, node, rest)
            work.add(_rows(builder, a, index(count * size), rest), target)


def _rows(builder: Builder, view: View, first: ir.Value, rows: int) -> View:
    start = view.at_offset(builder, builder.ir.mul(first, index(view.strides[0])))
    return View(start, view.dtype, (rows, view.shape[1]), view.strides, 0, view.tag)


@kernel("triangle_of_more_rows")
def triangle_of_more_rows(lowering: Lowering, node: Node) -> None:
    """Compute the triangular factor of a triangle with further rows beneath."""
    builder, (above, block) = lowering.builder, node.operands
    before, rows = lowering.in_memory(above), lowering.in_memory(block)
    with lowering.packed_target(node) as target, calling(lowering, node.dtype) as call:
        copy(builder, before, target)
        _Blocks(lowering, call, node, block.shape[0]).add(rows, target)


def _square(matrix: View) -> View:
    """Return the leading rows and columns of a matrix, as many as it has rows."""
    n = matrix.shape[0]
    return View(matrix.pointer, matrix.dtype, (n, n), matrix.strides, matrix.offset, matrix.tag)

"""Matrix products: blocks of the result in vector registers."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from llvmlite import ir

from steepest.engines.native.builder import CONTRACT, Builder
from steepest.engines.native.jit import vector_bytes
from steepest.engines.native.memory import View, table_entry
from steepest.engines.native.rows import rows_times_vector
from steepest.engines.native.sharing import PIECE, share_out
from steepest.engines.native.types import INDEX, index, literal, memory_type
from steepest.graph import Node

if TYPE_CHECKING:
    from steepest.engines.native.lower import Lowering

_VECTORS = 3
"""Vector registers for the columns that are computed together."""

_SHARED_FLOPS = 1 << 21
"""Operations from which on threads share a product."""

_PIECES = 16

_COPIED = 16
"""Rows of memory that are read at a time to be copied to columns."""

_SUMS = 8
"""Additions that have to be on their way to keep the processor busy."""


def matmul(lowering: Lowering, node: Node) -> None:
    """Emit ``C = A @ B``, or the transposed product where that reads rows of memory."""
    builder = lowering.builder
    a, b = (lowering.in_memory(operand) for operand in node.operands)
    c = lowering.allocate(node)
    a, b = _with_batch(a, node), _with_batch(b, node)
    if a.shape[-2] == 1 or (b.strides[-1] != 1 and a.strides[-2] == 1 and b.shape[-1] > 1):
        a, b, c = _transposed(b), _transposed(a), _transposed(c)
    emit: Callable[..., None] = _product
    if b.shape[-1] == 1 and a.dtype.kind == "f":
        if a.strides[-1] == 1 or a.shape[-1] == 1:
            emit, b = rows_times_vector, _in_order(lowering, b, -2)
        elif a.strides[-2] == 1:
            a, b, c = _transposed(b), _transposed(a), _transposed(c)
    if emit is _product:
        b = _in_order(lowering, b, -1)
    is_large = emit is _product and 2 * node.size * a.shape[-1] >= _SHARED_FLOPS
    with builder.loops(node.shape[:-2]) as batch:
        views = [_matrix(builder, view, batch) for view in (a, b, c)]
        if is_large and builder.board is not None and c.dtype.kind == "f":
            _shared(builder, views)
        else:
            emit(builder, *views)


def _with_batch(view: View, node: Node) -> View:
    """Return a view whose leading axes are the result's: stride 0 where it repeats."""
    ndim = len(node.shape)
    missing = ndim - len(view.shape)
    shape = (*node.shape[:-2], *view.shape[-2:])
    strides = [0] * missing
    strides += [
        0 if n == 1 else s for n, s in zip(view.shape[:-2], view.strides[:-2], strict=True)
    ]
    return dataclasses.replace(view, shape=shape, strides=(*strides, *view.strides[-2:]))


def _transposed(view: View) -> View:
    def swap(values: tuple[int, ...]) -> tuple[int, ...]:
        return (*values[:-2], values[-1], values[-2])

    return dataclasses.replace(view, shape=swap(view.shape), strides=swap(view.strides))


def _in_order(lowering: Lowering, view: View, axis: int) -> View:
    """Copy a matrix unless neighbors along an axis are neighbors in memory."""
    if view.strides[axis] == 1 or view.shape[axis] == 1:
        return view
    copy, _ = lowering.arena.allocate(view.dtype, view.shape)
    builder = lowering.builder
    *batch, rows, columns = view.shape
    for first, count, width in _blocks(columns, _COPIED):  # as many rows of memory at a time
        with builder.loops((*batch, count, rows, width)) as (*where, block, row, column):
            place = builder.ir.add(builder.affine(block, first, width), column)
            element = view.load(builder, view.address(builder, (*where, row, place)))
            copy.store(builder, element, copy.address(builder, (*where, row, place)))
    return copy


def _matrix(builder: Builder, view: View, batch: tuple[ir.Value, ...]) -> View:
    """Return one matrix of a batch."""
    zero = (index(0),) * 2
    return View(
        view.address(builder, (*batch, *zero)),
        view.dtype,
        view.shape[-2:],
        view.strides[-2:],
        0,
        view.tag,
    )


def _product(builder: Builder, a: View, b: View, c: View, piece: ir.Value | None = None) -> None:
    """Emit a product, or one of :data:`_PIECES` pieces of its rows."""
    rows, columns = c.shape
    lanes = max(vector_bytes() // c.dtype.itemsize, 1)
    width = lanes * (_VECTORS if rows > 1 else 4)
    together = 8 if vector_bytes() == 64 else 4  # wide machines have more registers, too
    across = [(first, count, extent, None) for first, count, extent in _blocks(columns, width)]
    down = [(first, count, extent, piece) for first, count, extent in _blocks(rows, together)]
    # What lies scattered in memory is read once, in the outer loop.
    by_rows = a.strides[1] != 1
    outer, inner = (down, across) if by_rows else (across, down)
    for first, count, extent, part in outer:
        with _some_blocks(builder, count, part) as block:
            start = builder.affine(block, first, extent)
            for inner_first, inner_count, inner_extent, inner_part in inner:
                with _some_blocks(builder, inner_count, inner_part) as inner_block:
                    inner_start = builder.affine(inner_block, inner_first, inner_extent)
                    row, column = (start, inner_start) if by_rows else (inner_start, start)
                    height, span = (extent, inner_extent) if by_rows else (inner_extent, extent)
                    _tile(builder, a, b, c, row, column, height, _split(span, lanes))


@contextlib.contextmanager
def _some_blocks(builder: Builder, count: int, piece: ir.Value | None) -> Iterator[ir.Value]:
    """Repeat for every block, or for those that belong to a piece."""
    if piece is None:
        with builder.loop(count) as block:
            yield block
        return
    b = builder.ir
    start, stop = (
        b.udiv(b.mul(number, index(count)), index(_PIECES))
        for number in (piece, b.add(piece, index(1)))
    )
    with builder.range(start, stop) as block:
        yield block


def _shared(builder: Builder, views: Sequence[View]) -> None:
    """Let threads share a product: a function of its own computes a piece."""
    module = builder.module
    function = ir.Function(module, PIECE, module.get_unique_name("product"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    inner = Builder(function)
    context, piece = function.args
    moved = [
        dataclasses.replace(view, pointer=table_entry(inner, context, place), offset=0)
        for place, view in enumerate(views)
    ]
    left, right, result = moved
    _product(inner, left, right, result, piece)
    inner.ir.ret_void()
    pointers = [view.at_offset(builder, None) for view in views]
    share_out(builder, function, pointers, _PIECES, sum(view.size_in_bytes for view in views))


def _blocks(extent: int, size: int) -> list[tuple[int, int, int]]:
    """Return (first, number of blocks, block size) covering an extent."""
    whole = extent // size
    blocks = [(0, whole, size)] if whole else []
    return blocks + ([(whole * size, 1, extent % size)] if extent % size else [])


def _split(extent: int, lanes: int) -> list[tuple[int, int]]:
    """Return (offset, lanes) of the vectors that cover some columns."""
    return [(start, min(lanes, extent - start)) for start in range(0, extent, lanes)]


def _tile(
    builder: Builder,
    a: View,
    b: View,
    c: View,
    row: ir.Value,
    column: ir.Value,
    height: int,
    vectors: list[tuple[int, int]],
) -> None:
    """Emit one block of the result, every element summed in the order of the inner axis."""
    depth = a.shape[1]
    kinds = [ir.VectorType(memory_type(c.dtype), lanes) for _, lanes in vectors]
    zero = literal(0, c.dtype)
    start = [ir.Constant(kind, [zero] * kind.count) for kind in kinds] * height
    # An addition takes some cycles: with few sums, two of each go on at a time.
    phases = 2 if len(start) < _SUMS and depth > 1 and c.dtype.kind == "f" else 1
    sums = [start] * phases

    def step(k: ir.Value, sums: list[list[ir.Value]], count: int) -> list[list[ir.Value]]:
        following = list(sums)
        for phase in range(count):
            place = builder.affine(k, phase, 1)
            following[phase] = _rank_one_update(
                builder, a, b, row, column, place, height, vectors, sums[phase]
            )
        return following

    if depth >= phases:
        before = builder.ir.block
        body = builder.function.append_basic_block("product")
        after = builder.function.append_basic_block("stored")
        builder.ir.branch(body)
        builder.ir.position_at_end(body)
        k = builder.ir.phi(INDEX, "k")
        k.add_incoming(index(0), before)
        phis = [[builder.ir.phi(value.type) for value in values] for values in sums]
        for phi, value in _pairs(phis, sums):
            phi.add_incoming(value, before)
        sums = step(k, phis, phases)
        following = builder.ir.add(k, index(phases), flags=("nuw", "nsw"))
        k.add_incoming(following, body)
        for phi, value in _pairs(phis, sums):
            phi.add_incoming(value, body)
        last = index(depth - depth % phases)
        builder.ir.cbranch(builder.ir.icmp_unsigned("<", following, last), body, after)
        builder.ir.position_at_end(after)
    sums = step(index(depth - depth % phases), sums, depth % phases)
    total = sums[0]
    if phases > 1:
        total = [builder.ir.fadd(x, y) for x, y in zip(*sums, strict=True)]
    _store_tile(builder, c, row, column, vectors, total)


def _pairs(
    phis: list[list[ir.Value]], sums: list[list[ir.Value]]
) -> Iterator[tuple[ir.Value, ir.Value]]:
    for mine, values in zip(phis, sums, strict=True):
        yield from zip(mine, values, strict=True)


def _rank_one_update(
    builder: Builder,
    a: View,
    b: View,
    row: ir.Value,
    column: ir.Value,
    k: ir.Value,
    height: int,
    vectors: list[tuple[int, int]],
    sums: list[ir.Value],
) -> list[ir.Value]:
    is_real = b.dtype.kind == "f"
    right = [
        b.load_vector(builder, b.address(builder, (k, builder.affine(column, offset, 1))), lanes)
        for offset, lanes in vectors
    ]
    result = []
    for i in range(height):
        address = a.address(builder, (builder.affine(row, i, 1), k))
        element = a.load(builder, address).value
        for j, vector in enumerate(right):
            left = _splat(builder, element, vector.type)
            total = sums[i * len(vectors) + j]
            if is_real:
                product = builder.ir.fmul(left, vector, flags=CONTRACT)
                result.append(builder.ir.fadd(total, product, flags=CONTRACT))
            else:
                result.append(builder.ir.add(total, builder.ir.mul(left, vector)))
    return result


def _splat(builder: Builder, element: ir.Value, kind: ir.VectorType) -> ir.Value:
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.ir.insert_element(undefined, element, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.ir.shuffle_vector(one, undefined, mask)


def _store_tile(
    builder: Builder,
    c: View,
    row: ir.Value,
    column: ir.Value,
    vectors: list[tuple[int, int]],
    sums: list[ir.Value],
) -> None:
    for number, value in enumerate(sums):
        i, j = divmod(number, len(vectors))
        offset, lanes = vectors[j]
        position = (builder.affine(row, i, 1), builder.affine(column, offset, 1))
        if c.strides[1] == 1:
            c.store_vector(builder, value, c.address(builder, position))
            continue
        for lane in range(lanes):
            element = builder.ir.extract_element(value, ir.Constant(ir.IntType(32), lane))
            place = (position[0], builder.affine(column, offset + lane, 1))
            c.store(builder, builder.element(element, c.dtype), c.address(builder, place))

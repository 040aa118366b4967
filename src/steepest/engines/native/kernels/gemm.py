"""Matrix products by blocks, which are packed for the caches and shared by threads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import (
    Cell,
    View,
    contiguous,
    copy,
    part,
    table_entry,
    transposed,
    with_batch,
)
from steepest.engines.native.codegen.registry import kernel, tiny_kernel
from steepest.engines.native.codegen.types import index, memory_type
from steepest.engines.native.codegen.work_queue import PIECE_TYPE, share_out
from steepest.engines.native.jit.compile import vector_bytes
from steepest.engines.native.kernels.gemm_tile import split, tile
from steepest.engines.native.kernels.gemv import rows_times_vector
from steepest.graph import Node

_VECTORS = 3
"""Vector registers for the columns of a block."""

_SHARED_FLOPS = 1 << 21
"""Least operations of a product that threads share."""

_PIECES = 16
"""Most pieces of a product that threads share."""

_COLUMN_BLOCKS = 4
"""Least blocks of columns that threads share; if there are fewer, they share rows."""

_OFTEN, _PACKED_LEAST, _PACKED_MOST = 32, 1 << 14, 1 << 18
"""Least rows for which columns are packed, and the least and most bytes of packed columns."""

_UNCACHED = 1 << 20
"""Least bytes of a matrix that is slow to read across its rows many times."""

_CONFLICT = 512
"""Rows whose distance is a multiple of so many bytes share few lines of the caches."""

_COPIED = 16
"""Columns that are copied at a time when a matrix is transposed in memory."""


@kernel("matmul")
def matmul(lowering: Lowering, node: Node) -> None:
    """Emit ``C = A @ B``, or the transposed product if that reads contiguous memory."""
    builder = lowering.builder
    a, b = (lowering.in_memory(operand) for operand in node.operands)
    c = lowering.memory.allocate(node)
    a, b = with_batch(a, node.shape), with_batch(b, node.shape)
    if builder.lanes > 1:
        _in_lanes(builder, a, b, c)
        return
    if a.shape[-2] == 1 or _is_better_transposed(a, b):
        a, b, c = transposed(b), transposed(a), transposed(c)
    emit: Callable[..., None] = _product
    if b.shape[-1] == 1 and a.dtype.kind == "f":
        if a.strides[-1] == 1 or a.shape[-1] == 1:
            emit, b = rows_times_vector, _in_order(lowering, b, -2)
        elif a.strides[-2] == 1:
            a, b, c = transposed(b), transposed(a), transposed(c)
    if emit is _product:
        b = _in_order(lowering, b, -1)
        if b.shape[-1] >= _OFTEN and a.size_in_bytes >= _UNCACHED:
            a = _in_order(lowering, a, -1)
        if a.strides[-1] != 1 and _collides(b, node.shape[-2]):
            b = _spread(lowering, b)
    flops = 2 * math.prod(node.shape[-2:]) * a.shape[-1]  # of each matrix of a batch
    is_large = emit is _product and flops >= _SHARED_FLOPS
    with builder.loops(node.shape[:-2]) as batch:
        views = [part(builder, view, batch) for view in (a, b, c)]
        if is_large and builder.queue is not None and c.dtype.kind == "f":
            _shared(builder, views)
        else:
            emit(builder, *views)


def _is_better_transposed(a: View, b: View) -> bool:
    """Whether the transposed product copies less: the right matrix is read along its rows."""
    if b.strides[-1] == 1 or b.shape[-1] == 1:
        return False
    return a.strides[-2] == 1 or 2 * a.size_in_bytes <= b.size_in_bytes


def _in_lanes(builder: Builder, a: View, b: View, c: View) -> None:
    """Emit a product whose elements hold numbers of several problems."""
    with builder.loops(c.shape) as place:
        *batch, i, j = place
        total = Cell(builder, builder.zero(c.dtype))
        with builder.loop(a.shape[-1]) as k:
            left = a.load(builder, a.address(builder, (*batch, i, k)))
            right = b.load(builder, b.address(builder, (*batch, k, j)))
            total.set(total.get() + left * right)
        c.store(builder, total.get(), c.address(builder, place))


def _in_order(lowering: Lowering, view: View, axis: int) -> View:
    """Return a matrix whose neighbors along an axis are neighbors in memory; copy if needed."""
    if view.strides[axis] == 1 or view.shape[axis] == 1:
        return view
    copied, _ = lowering.arena.allocate(view.dtype, view.shape)
    builder = lowering.builder
    *batch, rows, columns = view.shape
    for first, count, width in _blocks(columns, _COPIED):  # as many rows of memory at a time
        with builder.loops((*batch, count, rows, width)) as (*where, block, row, column):
            place = builder.ir.add(builder.affine(block, first, width), column)
            element = view.load(builder, view.address(builder, (*where, row, place)))
            copied.store(builder, element, copied.address(builder, (*where, row, place)))
    return copied


def _collides(b: View, rows: int) -> bool:
    """Whether rows of the right matrix, read often, evict each other from the caches."""
    distance = b.strides[-2] * b.dtype.itemsize
    size = b.shape[-2] * b.shape[-1] * b.dtype.itemsize
    return (
        len(b.shape) == 2 and rows >= _OFTEN and size >= _PACKED_LEAST and not distance % _CONFLICT
    )


def _spread(lowering: Lowering, view: View) -> View:
    """Return a copy of a matrix whose rows are one cache line further apart."""
    depth, columns = view.shape
    distance = columns + 64 // view.dtype.itemsize
    space, _ = lowering.arena.allocate(view.dtype, (depth, distance))
    spread = dataclasses.replace(space, shape=view.shape)
    copy(lowering.builder, view, spread)
    return spread


class _Part(NamedTuple):
    """Piece `number` of the blocks along one axis of a product."""

    axis: int
    number: ir.Value
    pieces: int


def _product(builder: Builder, a: View, b: View, c: View, part: _Part | None = None) -> None:
    """Emit a product, or a part of it."""
    rows, columns = c.shape
    lanes = _lanes(c)
    down, across = _blocks(rows, _height()), _blocks(columns, _width(c))
    # The outer loop reads the matrix whose rows are not contiguous, once.
    if a.strides[1] != 1:
        for row, height in _each_block(builder, down, part, 0):
            for column, width in _each_block(builder, across, part, 1):
                tile(builder, a, b, c, row, column, height, split(width, lanes))
        return
    for column, width in _each_block(builder, across, part, 1):
        for layer, left, right in _layers(builder, a, b, c, width):
            if _is_worth_packing(right, rows, width):
                right = _packed(builder, right, column, width)
            for row, height in _each_block(builder, down, part, 0):
                tile(builder, left, right, c, row, column, height, split(width, lanes), layer)


def _layers(
    builder: Builder, a: View, b: View, c: View, width: int
) -> Iterator[tuple[ir.Value | None, View, View]]:
    """Yield layers: parts of the inner axis whose packed columns fit; with their starts."""
    depth, size = a.shape[1], _PACKED_MOST // (width * b.dtype.itemsize)
    is_plain = c.strides[1] == 1 and c.dtype.kind == "f"
    if depth <= size or c.shape[0] < _OFTEN or b.strides[0] <= width or not is_plain:
        yield None, a, b
        return
    for first, count, extent in _blocks(depth, size):
        with builder.loop(count) as number:
            start = builder.affine(number, first, extent)
            place = builder.ir.mul(start, index(b.strides[0]))
            left = dataclasses.replace(
                a, pointer=a.at_offset(builder, start), shape=(a.shape[0], extent), offset=0
            )
            right = dataclasses.replace(
                b, pointer=b.at_offset(builder, place), shape=(extent, b.shape[1]), offset=0
            )
            yield start, left, right


def _each_block(
    builder: Builder, blocks: list[tuple[int, int, int]], part: _Part | None, axis: int
) -> Iterator[tuple[ir.Value, int]]:
    """Yield the start and the size of blocks, inside a loop over blocks of the same size."""
    b = builder.ir
    for first, count, size in blocks:
        if part is None or part.axis != axis:
            loop = builder.loop(count)
        else:
            start, stop = (
                b.udiv(b.mul(number, index(count)), index(part.pieces))
                for number in (part.number, b.add(part.number, index(1)))
            )
            loop = builder.range(start, stop)
        with loop as block:
            yield builder.affine(block, first, size), size


def _height() -> int:
    """Return the rows of a block; machines with wide registers have more of them, too."""
    return 8 if vector_bytes() == 64 else 4


def _lanes(c: View) -> int:
    return max(vector_bytes() // c.dtype.itemsize, 1)


def _width(c: View) -> int:
    """Return the columns of a block."""
    rows, columns = c.shape
    if rows == 1:
        return 4 * _lanes(c)
    is_even = columns % (2 * _lanes(c)) == 0 and columns % (_VECTORS * _lanes(c)) != 0
    return (2 if is_even else _VECTORS) * _lanes(c)


def _is_worth_packing(b: View, rows: int, width: int) -> bool:
    """Whether packing the columns of a block pays off: they are read often, and far apart."""
    size = b.shape[0] * width * b.dtype.itemsize
    return rows >= _OFTEN and b.strides[0] > width and _PACKED_LEAST <= size <= _PACKED_MOST


def _packed(builder: Builder, b: View, column: ir.Value, width: int) -> View:
    """Copy the columns of a block next to each other; return a view with the same indices."""
    shape = (b.shape[0], width)
    kind = ir.ArrayType(memory_type(b.dtype), b.shape[0] * width)
    packed = contiguous(builder.alloca(kind, align=64), b.dtype, shape)
    with builder.loop(b.shape[0]) as k:
        for offset, lanes in split(width, _lanes(b)):
            place = (k, builder.affine(column, offset, 1))
            vector = b.load_vector(builder, b.address(builder, place), lanes)
            packed.store_vector(builder, vector, packed.address(builder, (k, index(offset))))
    before = builder.ir.neg(column)
    return dataclasses.replace(packed, pointer=packed.at_offset(builder, before))


def _shared(builder: Builder, views: Sequence[View]) -> None:
    """Emit a product that threads share; a function of its own computes a piece."""
    module = builder.module
    function = ir.Function(module, PIECE_TYPE, module.get_unique_name("product"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    inner = Builder(function)
    context, number = function.args
    moved = [
        dataclasses.replace(view, pointer=table_entry(inner, context, place), offset=0)
        for place, view in enumerate(views)
    ]
    left, right, result = moved
    rows, columns = result.shape
    blocks = [rows // _height(), columns // _width(result)]
    # Pieces are rows, or columns if the right matrix is large: every row piece reads it whole.
    axis = int(
        blocks[1] >= _COLUMN_BLOCKS and left.strides[1] == 1 and rows < columns + left.shape[1]
    )
    pieces = min(blocks[axis], _PIECES)
    _product(inner, left, right, result, _Part(axis, number, pieces))
    inner.ir.ret_void()
    pointers = [view.at_offset(builder, None) for view in views]
    share_out(builder, function, pointers, pieces, sum(view.size_in_bytes for view in views))


def _blocks(extent: int, size: int) -> list[tuple[int, int, int]]:
    """Return (first, number of blocks, block size) covering an extent."""
    whole = extent // size
    blocks = [(0, whole, size)] if whole else []
    return blocks + ([(whole * size, 1, extent % size)] if extent % size else [])


@tiny_kernel("matmul")
def _matmul_in_registers(lowering: Lowering, node: Node) -> np.ndarray:
    """Multiply tiny matrices, without loops."""
    left, right = (lowering.in_registers(operand) for operand in node.operands)
    batch = node.shape[:-2]
    left = np.broadcast_to(left, (*batch, *left.shape[-2:]))
    right = np.broadcast_to(right, (*batch, *right.shape[-2:]))
    result = np.empty(node.shape, object)
    for position in np.ndindex(*node.shape):
        *where, i, j = position
        total = lowering.builder.zero(node.dtype)
        for k in range(left.shape[-1]):
            product = left[(*where, i, k)] * right[(*where, k, j)]
            total = product if k == 0 else total + product
        result[position] = total
    return result

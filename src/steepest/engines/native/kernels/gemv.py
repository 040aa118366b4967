"""The product of a matrix with contiguous rows and a vector."""

from __future__ import annotations

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.memory import View
from steepest.engines.native.codegen.types import index, literal, memory_type
from steepest.engines.native.jit.compile import vector_bytes

_UNROLLED = 8
"""Longest row, in vector registers, whose sum is written without a loop."""


def rows_times_vector(builder: Builder, a: View, b: View, c: View) -> None:
    """Emit ``c = a @ b`` for a `b` with one column.

    Each row has a vector register of partial sums. As many rows as a register has lanes are
    computed together, so that their totals fit in one register.
    """
    rows = c.shape[0]
    lanes = max(vector_bytes() // c.dtype.itemsize, 2)
    with builder.loop(rows // lanes) as block:
        _block(builder, a, b, c, builder.affine(block, 0, lanes), lanes, lanes)
    if rows % lanes:
        _block(builder, a, b, c, index(rows - rows % lanes), rows % lanes, lanes)


def _block(
    builder: Builder, a: View, b: View, c: View, first: ir.Value, height: int, lanes: int
) -> None:
    depth = a.shape[1]
    kind = ir.VectorType(memory_type(c.dtype), lanes)
    zero: ir.Value = ir.Constant(kind, [literal(0, c.dtype)] * lanes)
    whole, rest = divmod(depth, lanes)
    sums = [zero] * height
    if whole > _UNROLLED:
        cells = [builder.alloca(kind) for _ in sums]
        for cell in cells:
            builder.ir.store(zero, cell)
        with builder.loop(whole) as chunk:
            before: list[ir.Value] = [builder.ir.load(cell, typ=kind) for cell in cells]
            place = builder.affine(chunk, 0, lanes)
            after = _products(builder, a, b, first, place, lanes, before)
            for cell, value in zip(cells, after, strict=True):
                builder.ir.store(value, cell)
        sums = [builder.ir.load(cell, typ=kind) for cell in cells]
    else:
        for number in range(whole):
            sums = _products(builder, a, b, first, index(number * lanes), lanes, sums)
    if rest:
        sums = _products(builder, a, b, first, index(whole * lanes), rest, sums)
    total = _sums_over_lanes(builder, sums + [zero] * (lanes - height))
    if height == lanes and c.strides[0] == 1:
        c.store_vector(builder, total, c.address(builder, (first, index(0))))
        return
    for lane in range(height):
        value = builder.ir.extract_element(total, ir.Constant(ir.IntType(32), lane))
        address = c.address(builder, (builder.affine(first, lane, 1), index(0)))
        c.store(builder, builder.element(value, c.dtype), address)


def _products(
    builder: Builder,
    a: View,
    b: View,
    first: ir.Value,
    place: ir.Value,
    count: int,
    sums: list[ir.Value],
) -> list[ir.Value]:
    """Add the products of `count` neighbors to each row's sums."""
    right = b.load_vector(builder, b.address(builder, (place, index(0))), count)
    following = []
    for row, total in enumerate(sums):
        address = a.address(builder, (builder.affine(first, row, 1), place))
        left = a.load_vector(builder, address, count)
        left, other = _widened(builder, left, total), _widened(builder, right, total)
        following.append(builder.add_product(total, left, other))
    return following


def _widened(builder: Builder, value: ir.Value, like: ir.Value) -> ir.Value:
    """Extend a short vector with zeros."""
    count, lanes = value.type.count, like.type.count
    if count == lanes:
        return value
    zero = ir.Constant(value.type, [ir.Constant(value.type.element, 0.0)] * count)
    order = [i if i < count else count for i in range(lanes)]
    return builder.ir.shuffle_vector(value, zero, _mask(order))


def _mask(order: list[int]) -> ir.Constant:
    whole = ir.IntType(32)
    return ir.Constant(ir.VectorType(whole, len(order)), [ir.Constant(whole, i) for i in order])


def _sums_over_lanes(builder: Builder, values: list[ir.Value]) -> ir.Value:
    """Return a vector whose lanes are the sums over the lanes of each vector.

    There are as many vectors as lanes. Two vectors become one, which has the sums of
    neighboring lanes of both, until one vector is left.
    """
    lanes = len(values)
    even, odd = _mask(list(range(0, 2 * lanes, 2))), _mask(list(range(1, 2 * lanes, 2)))
    while len(values) > 1:
        values = [
            builder.ir.fadd(
                builder.ir.shuffle_vector(x, y, even), builder.ir.shuffle_vector(x, y, odd)
            )
            for x, y in zip(values[::2], values[1::2], strict=True)
        ]
    return values[0]

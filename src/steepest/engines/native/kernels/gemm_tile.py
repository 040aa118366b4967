"""A block of a matrix product that is computed in vector registers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.memory import View
from steepest.engines.native.codegen.types import INDEX, index, literal, memory_type

_SUMS = 8
"""Independent additions that keep the processor busy."""


def split(extent: int, lanes: int) -> list[tuple[int, int]]:
    """Return (offset, lanes) of the vectors that cover a number of columns."""
    return [(start, min(lanes, extent - start)) for start in range(0, extent, lanes)]


def tile(
    builder: Builder,
    a: View,
    b: View,
    c: View,
    row: ir.Value,
    column: ir.Value,
    height: int,
    vectors: list[tuple[int, int]],
    layer: ir.Value | None = None,
) -> None:
    """Emit one block of the result; each element is a sum in the order of the inner axis.

    If the inner axis is split into layers, `layer` is the start of this one; its sums are added
    to those of the layers before. The first layer starts at 0.
    """
    depth = a.shape[1]
    kinds = [ir.VectorType(memory_type(c.dtype), lanes) for _, lanes in vectors]
    zero = literal(0, c.dtype)
    zeros: list[ir.Value] = [ir.Constant(kind, [zero] * kind.count) for kind in kinds]
    start = zeros * height
    # An addition takes some cycles. If there are few sums, each is split into two.
    phases = 2 if len(start) < _SUMS and depth > 1 and c.dtype.kind == "f" else 1
    sums: list[Sequence[ir.Value]] = [start] * phases

    def step(
        k: ir.Value, sums: Sequence[Sequence[ir.Value]], count: int
    ) -> list[Sequence[ir.Value]]:
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
        k = builder.ir.phi(INDEX)
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
    if layer is not None:
        total = _added(builder, c, row, column, vectors, total, layer)
    _store_tile(builder, c, row, column, vectors, total)


def _pairs(
    phis: list[list[ir.Phi]], sums: Sequence[Sequence[ir.Value]]
) -> Iterator[tuple[ir.Phi, ir.Value]]:
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
    sums: Sequence[ir.Value],
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
            left = builder.splat(element, vector.type.count)
            total = sums[i * len(vectors) + j]
            if is_real:
                result.append(builder.add_product(total, left, vector))
            else:
                result.append(builder.ir.add(total, builder.ir.mul(left, vector)))
    return result


def _added(
    builder: Builder,
    c: View,
    row: ir.Value,
    column: ir.Value,
    vectors: list[tuple[int, int]],
    sums: Sequence[ir.Value],
    layer: ir.Value,
) -> list[ir.Value]:
    """Add the sums of the layers before."""
    is_first = builder.ir.icmp_signed("==", layer, index(0))
    result = []
    for value, position, lanes in _placed(builder, row, column, vectors, sums):
        before = c.load_vector(builder, c.address(builder, position), lanes)
        result.append(builder.ir.select(is_first, value, builder.ir.fadd(before, value)))
    return result


def _store_tile(
    builder: Builder,
    c: View,
    row: ir.Value,
    column: ir.Value,
    vectors: list[tuple[int, int]],
    sums: Sequence[ir.Value],
) -> None:
    for value, position, lanes in _placed(builder, row, column, vectors, sums):
        if c.strides[1] == 1:
            c.store_vector(builder, value, c.address(builder, position))
            continue
        for lane in range(lanes):
            element = builder.ir.extract_element(value, ir.Constant(ir.IntType(32), lane))
            place = (position[0], builder.affine(position[1], lane, 1))
            c.store(builder, builder.element(element, c.dtype), c.address(builder, place))


def _placed(
    builder: Builder,
    row: ir.Value,
    column: ir.Value,
    vectors: list[tuple[int, int]],
    sums: Sequence[ir.Value],
) -> Iterator[tuple[ir.Value, tuple[ir.Value, ir.Value], int]]:
    """Yield each vector of a block, its position in the result, and its lanes."""
    for number, value in enumerate(sums):
        i, j = divmod(number, len(vectors))
        offset, lanes = vectors[j]
        yield value, (builder.affine(row, i, 1), builder.affine(column, offset, 1)), lanes

"""Reductions as loops, in a fixed order that does not depend on the number of threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.context import LoweringContext
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.memory import Cell, Flat, Slot, View, contiguous
from steepest.engines.native.codegen.registers import total_of
from steepest.engines.native.codegen.types import POINTER, index, memory_type
from steepest.engines.native.jit.compile import vector_bytes
from steepest.graph import Node, Shape
from steepest.ops import Reduction

_BLOCK = 512
"""Elements of a block, which is added up before its sum is added with the rounding error."""

_TOGETHER, _WHOLE = 8, 128
"""Running sums in NumPy's order, and the most numbers that it adds up without halving them."""

_INLINE = 64
"""Most numbers of such a sum that optimization may write in place."""


def reduce_loops(lowering: LoweringContext, node: Node, lower: Reduction) -> None:
    """Emit the loops of a reduction whose operand is an array."""
    (operand,) = node.operands
    axes = node.attributes["axis"]
    if lowering.is_flat(operand) or _is_contiguous_leaf(lowering, operand):
        if len(axes) == operand.ndim:
            _reduce_flat(lowering, node, operand)
            return
    if not axes or axes[-1] == operand.ndim - 1:
        _reduce_rows(lowering, node, operand)
    else:
        _reduce_columns(lowering, node, lower, operand)


def _is_contiguous_leaf(lowering: LoweringContext, operand: Node) -> bool:
    view = lowering.memory.view_of(operand)
    return view is not None and view.is_contiguous and operand.ndim > 0


def _reduce_flat(lowering: LoweringContext, node: Node, operand: Node) -> None:
    def at(_: tuple[ir.Value, ...], i: ir.Value) -> Element:
        return lowering.element(operand, Flat(i))

    total = accumulate(lowering, node, (), operand.size, at)
    lowering.elements[node] = np.full(node.shape, total, object)


def _operand_position(
    node: Node, position: Sequence[ir.Value], reduced: Sequence[ir.Value]
) -> tuple[ir.Value, ...]:
    """Return the position in the operand for a position in the result and reduced indices."""
    kept, within = iter(position), dict(zip(node.attributes["axis"], reduced, strict=True))
    return tuple(
        within[axis] if axis in within else next(kept) for axis in range(node.operands[0].ndim)
    )


def _reduce_rows(lowering: LoweringContext, node: Node, operand: Node) -> None:
    builder, axes = lowering.builder, node.attributes["axis"]
    outer, last = tuple(operand.shape[i] for i in axes[:-1]), operand.shape[axes[-1]]

    def row(position: tuple[ir.Value, ...]) -> Element:
        def at(where: tuple[ir.Value, ...], i: ir.Value) -> Element:
            return lowering.element(operand, _operand_position(node, position, (*where, i)))

        return accumulate(lowering, node, outer, last, at)

    if node.size == 1:
        total = row((index(0),) * node.ndim)
        lowering.elements[node] = np.full(node.shape, total, object)
        return
    target = lowering.memory.allocate(node)
    with builder.loops(node.shape) as position, lowering.scope():
        target.store(builder, row(position), target.address(builder, position))


def _reduce_columns(
    lowering: LoweringContext, node: Node, lower: Reduction, operand: Node
) -> None:
    builder, axes = lowering.builder, node.attributes["axis"]
    target = lowering.memory.allocate(node)
    initial = builder.number(lower.initial(node.dtype), node.dtype)
    with builder.loops(node.shape) as position:
        target.store(builder, initial, target.address(builder, position))
    with (
        builder.loops(tuple(operand.shape[i] for i in axes)) as where,
        builder.loops(node.shape) as position,
        lowering.scope(),
    ):
        address = target.address(builder, position)
        before = target.load(builder, address)
        element = lowering.element(operand, _operand_position(node, position, where))
        target.store(builder, lower.combine(builder, before, element), address)


def reduce_together(lowering: LoweringContext, nodes: Sequence[Node]) -> None:
    """Emit one loop that computes arrays and sums over the same positions."""
    sums = [node for node in nodes if isinstance(node.op.lower, Reduction)]
    arrays = [node for node in nodes if node not in sums]
    summed = [node.operands[0] for node in sums]
    stored = [node for node in arrays if node in lowering.plan.stored]
    targets = {node: lowering.memory.allocate(node) for node in stored}
    (shape,) = {x.shape for x in (*arrays, *summed)}
    is_flat = all(map(lowering.is_flat, arrays)) and all(
        lowering.is_flat(x) or _is_contiguous_leaf(lowering, x) for x in summed
    )

    def body(where: tuple[ir.Value, ...], i: ir.Value) -> list[Element]:
        at: Any = Flat(i) if is_flat else (*where, i)
        for node in arrays:
            element = lowering.computed(node, at)
            if node in targets:
                lowering.store_at(targets[node], element, at)
        return [lowering.element(x, at) for x in summed]

    extents = ((), math.prod(shape)) if is_flat else (shape[:-1], shape[-1])
    for node, total in zip(sums, accumulate_all(lowering, sums, *extents, body), strict=True):
        lowering.elements[node] = np.full(node.shape, total, object)


def accumulate(
    lowering: LoweringContext,
    node: Node,
    outer: Shape,
    last: int,
    at: Callable[[tuple[ir.Value, ...], ir.Value], Element],
) -> Element:
    """Emit loops that combine elements as a reduction does, and return the result."""
    (result,) = accumulate_all(lowering, [node], outer, last, lambda where, i: [at(where, i)])
    return result


def accumulate_all(
    lowering: LoweringContext,
    nodes: Sequence[Node],
    outer: Shape,
    last: int,
    body: Callable[[tuple[ir.Value, ...], ir.Value], Sequence[Element]],
) -> list[Element]:
    """Emit loops that combine elements as some reductions do, and return their results.

    Parameters
    ----------
    outer, last
        Extents of the reduced axes; the last one runs fastest.
    body
        Returns an element for each reduction, at a position of the outer axes and an index
        of the last.

    Notes
    -----
    Long real sums carry the rounding error of adding blocks along, so that the error does not
    grow with the number of blocks. A block is added up in NumPy's order, or inside another loop
    by eight running sums. Either is the same however the loop is compiled, and for many problems
    side by side.
    """
    builder = lowering.builder
    if not builder.is_in_loop and not outer and last >= _TOGETHER:
        return _in_order(lowering, nodes, last, body)
    is_long = last > _BLOCK or math.prod(outer) > 1
    totals = [_Total(builder, node, is_long) for node in nodes]
    in_chunks = last >= _TOGETHER and any([total.is_sum for total in totals])

    def block(where: tuple[ir.Value, ...], start: ir.Value | None, extent: int) -> None:
        """Reduce `extent` neighbors, and add the results to the totals."""
        parts = [_Eight(t) if in_chunks and t.is_sum else _OneByOne(t) for t in totals]

        def reduce(first: ir.Value, size: int, skipped: int = 0) -> None:
            """Reduce `size` neighbors, but not those that were `skipped` at first."""
            first = first if start is None else builder.ir.add(start, first)
            with builder.loop(size) as i, lowering.scope():
                elements = body(where, builder.ir.add(first, i))
                for total, part, element in zip(totals, parts, elements, strict=True):
                    if skipped:
                        is_new = builder.ir.icmp_signed(">=", i, index(skipped))
                        counts = builder.element(is_new, np.dtype(np.bool_))
                        element = builder.select(counts, element, total.nothing)
                    part.add(element, i)

        chunks, rest = divmod(extent, _TOGETHER) if in_chunks else (0, extent)
        if chunks:
            with builder.loop(chunks) as chunk:
                reduce(builder.affine(chunk, 0, _TOGETHER), _TOGETHER)
        if chunks and rest:  # as one more chunk, which overlaps the one before
            reduce(index(extent - _TOGETHER), _TOGETHER, _TOGETHER - rest)
        elif rest:
            reduce(index(0), rest)
        for total, part in zip(totals, parts, strict=True):
            total.add(part.value())

    with builder.loops(outer) as where:
        if last <= _BLOCK or not any(total.exact for total in totals):
            if last:
                block(where, None, last)
        else:
            with builder.loop(last // _BLOCK) as number:
                block(where, builder.ir.mul(number, index(_BLOCK)), _BLOCK)
            if last % _BLOCK:
                block(where, index(last - last % _BLOCK), last % _BLOCK)
    return [total.value() for total in totals]


def _in_order(
    lowering: LoweringContext,
    nodes: Sequence[Node],
    extent: int,
    body: Callable[[tuple[ir.Value, ...], ir.Value], Sequence[Element]],
) -> list[Element]:
    """Emit reductions whose results do not depend on how loops are compiled."""
    builder, length = lowering.builder, min(extent, _BLOCK)
    totals = {node: _Total(builder, node, extent > _BLOCK) for node in nodes}
    scratch = {
        node: _scratch(lowering, node.dtype, length) for node in filter(_is_real_sum, nodes)
    }

    def block(start: ir.Value | None, size: int) -> dict[Node, Element]:
        """Reduce `size` neighbors; return the sums of them alone."""
        terms = {node: replace(view, shape=(size,)) for node, (view, _) in scratch.items()}
        with builder.loop(size) as i, lowering.scope():
            elements = body((), i if start is None else builder.ir.add(start, i))
            for node, element in zip(nodes, elements, strict=True):
                if node in terms:
                    lowering.store_at(terms[node], element, Flat(i))
                else:
                    totals[node].add(element)
        return {node: _added_up(builder, view) for node, view in terms.items()}

    def add_block(start: ir.Value, size: int) -> None:
        for node, element in block(start, size).items():
            totals[node].add(element)

    whole, sums = extent - extent % _BLOCK, dict[Node, Element]()
    if extent <= _BLOCK:
        sums = block(None, extent)
    else:
        with builder.loop(extent // _BLOCK) as number:
            add_block(builder.ir.mul(number, index(_BLOCK)), _BLOCK)
        if whole < extent:
            add_block(index(whole), extent - whole)
    for _, slot in scratch.values():
        if slot is not None:
            lowering.arena.release(slot)
    return [sums[node] if node in sums else totals[node].value() for node in nodes]


def _scratch(lowering: LoweringContext, dtype: np.dtype, extent: int) -> tuple[View, Slot | None]:
    """Return memory for the terms of a sum; in the arena if lanes make it large."""
    builder = lowering.builder
    if builder.lanes > 1:
        return lowering.arena.allocate(dtype, (extent,))
    memory = builder.alloca(ir.ArrayType(memory_type(dtype), extent), 64)
    return contiguous(memory, dtype, (extent,)), None


def _added_up(builder: Builder, terms: View) -> Element:
    """Emit the sum of a vector in memory, in NumPy's order."""
    extent = terms.shape[0]
    # A function of its own: several sums of one length need not be compiled each, and many long
    # ones in place would not fit in the instruction cache.
    kind = memory_type(terms.dtype, builder.lanes)
    name = f"sum.{terms.dtype}.{extent}"  # the number of lanes is the same in a module
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(kind, [POINTER]), name)
        function.linkage = "internal"
        if extent > _INLINE:
            function.attributes.add("noinline")
        inner = Builder(function, builder.lanes)
        own = contiguous(function.args[0], terms.dtype, (extent,))
        total = _sum_of_halves if extent > _WHOLE else _sum_of_block
        inner.ir.ret(total(inner, own).value)
    value = builder.ir.call(function, [terms.at_offset(builder, None)])
    return builder.element(value, terms.dtype)


def _sum_of_halves(builder: Builder, terms: View) -> Element:
    extent = terms.shape[0]
    half = extent // 2 - extent // 2 % _TOGETHER
    left, right = replace(terms, shape=(half,)), replace(terms, shape=(extent - half,))
    return _added_up(builder, left) + _added_up(builder, replace(right, offset=half))


def _sum_of_block(builder: Builder, terms: View) -> Element:
    extent = terms.shape[0]
    whole = extent - extent % _TOGETHER
    rest = [terms.load(builder, terms.at_offset(builder, index(i))) for i in range(whole, extent)]
    if not whole:
        return total_of(rest[:1], rest[1:])
    return total_of(_running_sums(builder, terms, extent // _TOGETHER), rest)


def _running_sums(builder: Builder, terms: View, chunks: int) -> list[Element]:
    """Emit the eight running sums over `chunks` times eight neighbors."""
    if builder.lanes > 1:
        places = [terms.at_offset(builder, index(k)) for k in range(_TOGETHER)]
        cells = [Cell(builder, terms.load(builder, place)) for place in places]
        with builder.loop(chunks - 1) as chunk:
            start = builder.affine(chunk, _TOGETHER, _TOGETHER)
            for k, cell in enumerate(cells):
                place = terms.at_offset(builder, builder.affine(start, k, 1))
                cell.set(cell.get() + terms.load(builder, place))
        return [cell.get() for cell in cells]

    # In whole registers, and from one to another through memory, also in baseline code.
    b, wide = builder.ir, min(vector_bytes() // terms.dtype.itemsize, _TOGETHER)
    kind = ir.VectorType(memory_type(terms.dtype), wide)
    parts = range(0, _TOGETHER, wide)
    running = [builder.alloca(kind) for _ in parts]

    def part(start: ir.Value, first: int) -> ir.Value:
        place = terms.at_offset(builder, builder.affine(start, first, 1))
        return terms.load_vector(builder, place, wide)

    for first, room in zip(parts, running, strict=True):
        b.store(part(index(0), first), room)
    with builder.loop(chunks - 1) as chunk:
        start = builder.affine(chunk, _TOGETHER, _TOGETHER)
        for first, room in zip(parts, running, strict=True):
            b.store(b.fadd(b.load(room, typ=kind), part(start, first)), room)
    memory = builder.alloca(ir.ArrayType(memory_type(terms.dtype), _TOGETHER), 64)
    sums = contiguous(memory, terms.dtype, (_TOGETHER,))
    for first, room in zip(parts, running, strict=True):
        place = sums.at_offset(builder, index(first))
        sums.store_vector(builder, b.load(room, typ=kind), place)
    places = [sums.at_offset(builder, index(k)) for k in range(_TOGETHER)]
    return [sums.load(builder, place) for place in places]


def add_carrying(
    builder: Builder, total: Element, error: Element, element: Element
) -> tuple[Element, Element]:
    """Emit an addition; return the sum, and by how much it is too large (Kahan 1965)."""
    corrected = element - error
    after = total + corrected
    error = (after - total) - corrected
    rest = error - error
    is_finite = rest == rest  # an infinite sum has no error
    return after, builder.select(is_finite, error, builder.zero(error.dtype))


def _is_real_sum(node: Node) -> bool:
    assert isinstance(node.op.lower, Reduction)
    return node.op.lower.initial(node.dtype) == 0 and node.dtype.kind == "f"


class _OneByOne:
    """The result of a block, whose elements are combined one after the other."""

    def __init__(self, total: _Total) -> None:
        self._total, self._cell = total, Cell(total.builder, total.nothing)

    def add(self, element: Element, i: ir.Value) -> None:
        """Combine the result so far with the i-th element."""
        combine = self._total.lower.combine
        self._cell.set(combine(self._total.builder, self._cell.get(), element))

    def value(self) -> Element:
        """Return the result."""
        return self._cell.get()


class _Eight:
    """Eight running sums of a block, which neighbors are added to in turn."""

    def __init__(self, total: _Total) -> None:
        builder, dtype = total.builder, total.nothing.dtype
        kind = ir.ArrayType(memory_type(dtype, builder.lanes), _TOGETHER)
        self._builder = builder
        self._sums = contiguous(builder.alloca(kind, 64), dtype, (_TOGETHER,))
        with builder.loop(_TOGETHER) as i:
            self._sums.store(builder, total.nothing, self._sums.at_offset(builder, i))

    def add(self, element: Element, i: ir.Value) -> None:
        """Add an element to the i-th sum."""
        place = self._sums.at_offset(self._builder, i)
        self._sums.store(self._builder, self._sums.load(self._builder, place) + element, place)

    def value(self) -> Element:
        """Return the sum of all eight."""
        builder = self._builder
        places = [self._sums.at_offset(builder, index(k)) for k in range(_TOGETHER)]
        return total_of([self._sums.load(builder, place) for place in places], [])


class _Total:
    """A running result; exact sums carry their rounding error along."""

    def __init__(self, builder: Builder, node: Node, is_long: bool) -> None:
        assert isinstance(node.op.lower, Reduction)
        self.builder, self.lower = builder, node.op.lower
        self.is_sum = _is_real_sum(node)
        self.exact = self.is_sum and is_long
        self.nothing = builder.number(self.lower.initial(node.dtype), node.dtype)
        self.total = Cell(builder, self.nothing)
        if self.exact:
            self.error = Cell(builder, builder.zero(node.dtype))

    def add(self, element: Element) -> None:
        builder = self.builder
        before = self.total.get()
        if not self.exact:
            self.total.set(self.lower.combine(builder, before, element))
            return
        after, error = add_carrying(builder, before, self.error.get(), element)
        self.error.set(error)
        self.total.set(after)

    def value(self) -> Element:
        return self.total.get()

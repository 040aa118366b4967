"""Computation by panels of rows, in a function whose calls threads share.

A call does one strip, which is some neighboring panels. Each strip adds up sums over rows in
memory of its own. When all strips are done, their sums are added up in order. Additions carry
their rounding errors along.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Arena, View, contiguous, table_entry
from steepest.engines.native.codegen.reductions import add_carrying
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import index
from steepest.engines.native.codegen.work_queue import PIECE_TYPE, share_out
from steepest.engines.native.schedule.plan import make_plan
from steepest.graph import Node, Shape
from steepest.ops import TABLE, Reduction
from steepest.rewrite.panels import Panels, Result, Segment

_STACK = 1 << 18
"""Most bytes that a strip may use of its thread's stack."""

_BYTE = ir.IntType(8)


@dataclass(frozen=True)
class Sums:
    """Memory for a sum: an array for each strip, and as many for the rounding errors.

    Attributes
    ----------
    number
        Number of the result.
    shape, combine
        Its shape, and the name of the reduction over rows.
    values, errors
        The arrays; no errors are carried along if `errors` is None.
    """

    number: int
    shape: Shape
    combine: str
    values: View
    errors: View | None

    def of_strip(self, builder: Builder, view: View, strip: ir.Value) -> View:
        """Return a strip's part of the values or of the errors."""
        size = int(np.prod(self.shape, dtype=int))
        start = view.at_offset(builder, builder.ir.mul(strip, index(size)))
        return contiguous(start, view.dtype, self.shape, view.tag)

    def moved(self, arena: Arena, pointer: Callable[[], ir.Value]) -> Sums:
        """Return the same memory in another function; `pointer` loads the next address."""
        tag = arena.new_tag()
        values = contiguous(pointer(), self.values.dtype, self.values.shape, tag)
        errors = None
        if self.errors is not None:
            errors = contiguous(pointer(), values.dtype, values.shape, arena.new_tag())
        return Sums(self.number, self.shape, self.combine, values, errors)

    @property
    def views(self) -> list[View]:
        """The values, and the errors if there are any."""
        return [self.values] if self.errors is None else [self.values, self.errors]


@kernel("panels")
def panels(lowering: Lowering, node: Node) -> None:
    """Emit the computation of all results of the panels, at the first result."""
    plan: Panels = node.attributes["plan"]
    builder, arena = lowering.builder, lowering.arena
    results = {x.attributes["number"]: x for x in lowering.plan.nodes if _belongs(x, plan)}
    operands = [lowering.in_memory(operand) for operand in node.operands]
    rows: dict[int, View] = {}
    sums: list[Sums] = []
    slots = []
    for number, result in enumerate(plan.results):
        if result.axis is not None:
            rows[number] = lowering.memory.allocate(results[number])
            continue
        has_errors = is_carried(result)
        views = []
        for _ in range(1 + has_errors):
            view, slot = arena.allocate(result.dtype, (plan.strips, *result.shape))
            views.append(view)
            slots.append(slot)
        errors = views[1] if has_errors else None
        sums.append(Sums(number, result.shape, result.combine, views[0], errors))
    pointers = [view.at_offset(builder, None) for view in (*operands, *rows.values())]
    pointers += [view.pointer for each in sums for view in each.views]
    work, scratch = _strip_function(lowering, plan, operands, rows, sums)
    if scratch:
        space, slot = arena.allocate(np.dtype(np.uint8), (plan.strips * scratch,))
        slots.append(slot)
        pointers.append(space.pointer)
    read = dict(zip(node.operands, operands, strict=True))
    size = sum(view.size_in_bytes for view in (*read.values(), *rows.values()))
    share_out(builder, work, pointers, plan.strips, size, plan.backwards)
    for each in sums:
        target = lowering.memory.allocate(results[each.number])
        add_up(builder, each, target, plan.strips)
    for slot in slots:
        arena.release(slot)


def _belongs(node: Node, plan: Panels) -> bool:
    return node.op.name == "panels" and node.attributes["plan"] is plan


def _strip_function(
    lowering: Lowering,
    plan: Panels,
    operands: Sequence[View],
    rows: dict[int, View],
    sums: Sequence[Sums],
) -> tuple[ir.Function, int]:
    """Return the function of a strip, and the scratch memory that it needs from its caller.

    Its context has the addresses of operands, results and sums, in this order. Intermediate
    arrays are on the stack, and no scratch memory is needed. If they are too large for the
    stack, the last address is that of the scratch memory of all strips, so many bytes each.
    """
    module = lowering.builder.module
    function = ir.Function(module, PIECE_TYPE, module.get_unique_name("strip"))
    function.linkage = "internal"
    function.attributes.add("noinline")
    builder = Builder(function)
    context, strip = function.args
    places = itertools.count()

    def pointer() -> ir.Value:
        return table_entry(builder, context, next(places))

    room = builder.alloca(ir.ArrayType(_BYTE, 0), align=64)  # its size is known at the end
    memory = Arena(builder, room)
    read_only = memory.new_tag()
    inputs = [
        View(pointer(), view.dtype, view.shape, view.strides, 0, read_only) for view in operands
    ]
    written = {
        number: View(pointer(), view.dtype, view.shape, view.strides, 0, memory.new_tag())
        for number, view in rows.items()
    }
    sums = [each.moved(memory, pointer) for each in sums]
    body = function.append_basic_block("body")
    builder.ir.branch(body)
    builder.ir.position_at_end(body)
    for each in sums:
        _reset(builder, each, strip)
    first = builder.ir.udiv(builder.ir.mul(strip, index(plan.count)), index(plan.strips))
    after = builder.ir.add(strip, index(1))
    end = builder.ir.udiv(builder.ir.mul(after, index(plan.count)), index(plan.strips))
    emit_panels(type(lowering), memory, plan, (first, end), inputs, written, sums, strip)
    builder.ir.ret_void()
    if memory.size <= _STACK:
        room.kind = ir.ArrayType(_BYTE, memory.size)
        return function, 0
    with builder.ir.at_start(builder.entry):
        offset = builder.ir.mul(strip, index(memory.size))
        room.replace_by(builder.ir.gep(pointer(), [offset], source_etype=_BYTE))
    return function, memory.size


def emit_panels(
    kind: Callable[..., Lowering],
    memory: Arena,
    plan: Panels,
    between: tuple[ir.Value, ir.Value],
    inputs: Sequence[View],
    written: dict[int, View],
    sums: Sequence[Sums],
    strip: ir.Value,
) -> None:
    """Emit the computation of some panels, which add to the sums of a strip.

    Parameters
    ----------
    kind
        The class that emits a graph.
    memory
        Memory for intermediate arrays.
    plan
        The computation.
    between
        The first panel, and the one after the last.
    inputs, written
        The operands, and for each result with rows its memory.
    sums, strip
        The sums of all strips, and the number of the strip.
    """
    builder, (first, end), before = memory.builder, between, 0
    for segment in plan.segments:
        low = _clipped(builder, builder.ir.sub(first, index(before)), segment.count)
        high = _clipped(builder, builder.ir.sub(end, index(before)), segment.count)
        with builder.range(low, high) as panel:
            start = builder.affine(panel, segment.start, segment.size)
            outputs = segment.step.outputs
            inner = kind(builder, memory, make_plan([((), [outputs])]))
            _panel(inner, plan, segment, start, inputs, written)
            for each in sums:
                if each.number in segment.results:
                    _accumulate(inner, each, outputs[segment.results.index(each.number)], strip)
        memory.restore(memory.slots)
        before += segment.count


def _clipped(builder: Builder, value: ir.Value, limit: int) -> ir.Value:
    """Return a value clipped to the range from 0 to a limit."""
    b = builder.ir
    value = b.select(b.icmp_signed("<", value, index(0)), index(0), value)
    return b.select(b.icmp_signed(">", value, index(limit)), index(limit), value)


def _part(builder: Builder, view: View, axis: int, start: ir.Value, size: int) -> View:
    """Return some rows of an array; they may lie outside of it if they are never read."""
    offset = builder.ir.mul(start, index(view.strides[axis]))
    shape = (*view.shape[:axis], size, *view.shape[axis + 1 :])
    pointer = view.at_offset(builder, offset)
    return View(pointer, view.dtype, shape, view.strides, 0, view.tag)


def _panel(
    inner: Lowering,
    plan: Panels,
    segment: Segment,
    start: ir.Value,
    inputs: Sequence[View],
    written: dict[int, View],
) -> None:
    """Emit the computation of one panel; rows of results are written in their places."""
    builder = inner.builder
    nodes = iter(segment.step.inputs)
    for dealt in plan.sliced:
        first = builder.affine(start, dealt.distance, 1)
        node = next(nodes)
        rows = node.shape[dealt.axis]
        view = _part(builder, inputs[dealt.operand], dealt.axis, first, rows)
        inner.memory.bind(node, view)
    for number in plan.whole:
        inner.memory.bind(next(nodes), inputs[number])
    targets = []
    for number, node in zip(segment.results, segment.step.outputs, strict=True):
        result = plan.results[number]
        if result.axis is not None:
            first = builder.affine(start, -result.start, 1)
            target = _part(builder, written[number], result.axis, first, segment.size)
            targets.append((node, target))
            if not inner.is_there(node):
                inner.memory.bind_output(node, target)
    inner.emit(segment.step.outputs)
    for node, target in targets:
        inner.store(node, target)


def is_carried(result: Result) -> bool:
    """Whether rounding errors are carried along where the panels of a result are added up."""
    return result.combine == "sum" and result.dtype.kind == "f"


def reduction_of(combine: str) -> Reduction:
    """Return the reduction of a name."""
    lower = TABLE[combine].lower
    assert isinstance(lower, Reduction)
    return lower


def _reset(builder: Builder, each: Sums, strip: ir.Value) -> None:
    """Set a strip's sum to its initial value, and its error to 0."""
    for view in each.views:
        initial = 0 if view is each.errors else reduction_of(each.combine).initial(view.dtype)
        start = builder.number(initial, view.dtype)
        part = each.of_strip(builder, view, strip)
        with builder.loops(each.shape) as position:
            part.store(builder, start, part.address(builder, position))


def _accumulate(inner: Lowering, each: Sums, node: Node, strip: ir.Value) -> None:
    """Add a panel's sum to the strip's."""
    builder = inner.builder
    values = each.of_strip(builder, each.values, strip)
    errors = None if each.errors is None else each.of_strip(builder, each.errors, strip)
    if node in inner.elements:
        for position in np.ndindex(*node.shape):
            place = tuple(map(index, position))
            _join(builder, each, values, errors, place, inner.elements[node][position])
        return
    with builder.loops(node.shape) as place, inner.scope():
        _join(builder, each, values, errors, place, inner.element(node, place))


def _join(
    builder: Builder,
    each: Sums,
    values: View,
    errors: View | None,
    place: tuple[ir.Value, ...],
    element: Element,
) -> None:
    """Combine one element of a sum with another one, and update its error."""
    address = values.address(builder, place)
    before = values.load(builder, address)
    if errors is None:
        joined = reduction_of(each.combine).combine(builder, before, element)
        values.store(builder, joined, address)
        return
    error_address = errors.address(builder, place)
    after, error = add_carrying(builder, before, errors.load(builder, error_address), element)
    errors.store(builder, error, error_address)
    values.store(builder, after, address)


def add_up(builder: Builder, each: Sums, target: View, strips: int) -> None:
    """Add the sums of all strips to the first one's, in order, and store the total."""
    first = each.of_strip(builder, each.values, index(0))
    errors = None if each.errors is None else each.of_strip(builder, each.errors, index(0))
    with builder.loop(strips - 1) as number:
        strip = builder.ir.add(number, index(1))
        part = each.of_strip(builder, each.values, strip)
        with builder.loops(each.shape) as place:
            element = part.load(builder, part.address(builder, place))
            if each.errors is not None:
                error = each.of_strip(builder, each.errors, strip)
                element = element - error.load(builder, error.address(builder, place))
            _join(builder, each, first, errors, place, element)
    with builder.loops(each.shape) as place:
        total = first.load(builder, first.address(builder, place))
        target.store(builder, total, target.address(builder, place))

"""Many problems side by side, one in each lane of the vector registers.

All lanes make an iteration at the same time. When a problem is over, its answer is stored and
the next problem starts in its lane, so no lane waits for another. Problems whose control flow
depends on values have one lane: each thread runs one of them at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from steepest.engines.batch import INTERRUPTED, ManyProgram
from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Arena, View, contiguous
from steepest.engines.native.codegen.types import INDEX, in_lanes, index, memory_type
from steepest.engines.native.jit.compile import Code, vector_bytes
from steepest.engines.native.programs.function import FUNCTION_TYPE, cached, leave_on_error
from steepest.engines.native.programs.layout import TableLayout, batch_table, own_and_shared
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.graph import Graph, Node, order
from steepest.ops import Elementwise, Indexed, Kernel, Reduction
from steepest.ops.machine_code import HOST

# Words that all threads share: the number of the next problem, and whether to stop.
NEXT, STOP = 0, 8

_BYTE = ir.IntType(8)


def lanes_for(program: ManyProgram) -> int:
    """Return how many problems a thread runs at once; 0 if NumPy computes a part of them.

    Loops whose length depends on values, and indices that depend on values, need their own control
    flow for each problem: a thread then runs one after the other.
    """
    nodes = order(program.outputs)
    if any(map(_calls_numpy, nodes)):
        return 0
    if not all(map(_runs_in_lanes, nodes)):
        return 1
    # Two registers for each element: one is computed while the other waits for its result.
    return 2 * vector_bytes() // program.x.dtype.itemsize


def _calls_numpy(node: Node) -> bool:
    """Whether a node, or a node of its loops, is computed by a call of NumPy."""
    steps = [value for value in node.attributes.values() if isinstance(value, Graph)]
    is_host = node.op.lower is HOST
    return is_host or any(_calls_numpy(x) for g in steps for x in order(g.outputs))


def _runs_in_lanes(node: Node) -> bool:
    """Whether all lanes take the same steps to compute a node."""
    lower = node.op.lower
    if node.op.looks_up:
        return all(i.op.name == "constant" for i in node.operands if i.dtype.kind in "iu")
    if isinstance(lower, Kernel):
        is_served = lower.in_lanes(node) if callable(lower.in_lanes) else lower.in_lanes
        steps = [value for value in node.attributes.values() if isinstance(value, Graph)]
        return is_served and all(_runs_in_lanes(x) for g in steps for x in order(g.outputs))
    return isinstance(lower, Elementwise | Indexed | Reduction) or not node.operands


class Lane(NamedTuple):
    """A vector that each problem has, which the iteration reads or replaces.

    Attributes
    ----------
    slot
        The slot of `current` in the table of pointers.
    node
        The input.
    current
        The vectors of the current problems, lane by lane.
    following
        Memory for their next values; None if these are in registers.
    source
        Address of the vectors of all problems, one after the other; None if problems do not
        start with a value of their own.
    """

    slot: str
    node: Node
    current: View
    following: View | None
    source: ir.Value | None


@dataclass(frozen=True)
class LanesCode:
    """Machine code that works through many problems.

    Attributes
    ----------
    program
        The program that was compiled.
    code
        The machine code. Its arguments are the table of pointers and the number of problems.
    lanes
        Number of problems that run side by side.
    arena_size
        Bytes of static memory that each thread needs.
    in_lanes
        Inputs whose values are stored lane by lane, by the names of their slots.
    table
        Slots of the table of pointers.
    """

    program: ManyProgram
    code: Code
    lanes: int
    arena_size: int
    in_lanes: Mapping[str, Node]
    table: TableLayout


def compile_lanes(program: ManyProgram, lanes: int) -> LanesCode:
    """Compile a program for many problems, or return the code compiled before."""
    return cached((program, lanes), lambda: _Writer(program, lanes).write())


class _Writer:
    """Writes the function."""

    def __init__(self, program: ManyProgram, lanes: int) -> None:
        self.program, self.lanes = program, lanes
        self.module = ir.Module()
        self.function = ir.Function(self.module, FUNCTION_TYPE, "descend_many")
        self.builder = Builder(self.function, lanes)
        self.table, self.total = self.function.args[:2]
        self.layout = batch_table(program)
        self.arena = Arena(self.builder, self._pointer("arena"))
        self.words, self.lane_problems = self._pointer("words"), self._pointer("lanes")
        self.codes = self._pointer("codes")
        self.answers = [self._pointer(f"answer.{i}") for i in range(len(program.answer))]
        p = program
        self.count = self._lane(p.count, "count", starts=False)
        self.carried = [self._lane(p.x, "x", is_carried=True)]
        self.carried += [
            self._lane(node, f"state.{i}", starts=False, is_carried=True)
            for i, node in enumerate(p.state)
        ]
        own, shared = own_and_shared(program)
        self.data = [self._lane(p.data[i], f"data.{i}") for i in own]
        self.shared = {p.data[i]: self._pointer(f"data.{i}") for i in shared}
        self.read_only = self.arena.new_tag()

    def _pointer(self, name: str) -> ir.Value:
        return self.layout.pointer(self.builder, self.table, name)

    def _lane(self, node: Node, name: str, starts: bool = True, is_carried: bool = False) -> Lane:
        tag = self.arena.new_tag()
        slot = f"{name}.in_lanes"
        current = contiguous(self._pointer(slot), node.dtype, node.shape, tag)
        source = self._pointer(f"{name}.source") if starts else None
        following = None
        if is_carried and node.size > REGISTER_LIMIT:
            following, _ = self.arena.allocate(node.dtype, node.shape)
        return Lane(slot, node, current, following, source)

    def write(self) -> LanesCode:
        builder, b, program = self.builder, self.builder.ir, self.program
        with builder.loop(self.lanes) as lane:
            self._refill(lane)
        head, end = (self.function.append_basic_block(k) for k in ("iteration", "end"))
        b.cbranch(builder.any(self._are_busy()), head, end)
        b.position_at_end(head)
        lowering = self._iteration()
        leave_on_error(builder)
        over = lowering.in_registers(program.over)[()]
        interrupted = builder.truth_of(b.icmp_signed("!=", self._word(STOP), index(0)))
        done = self._are_busy() & ((over != 0) | interrupted)
        code = builder.select(over != 0, over, builder.number(INTERRUPTED, over.dtype))
        flags = self._on_stack(b.zext(done.value, in_lanes(_BYTE, self.lanes)))
        codes = self._on_stack(code.value)
        some_done = builder.any(done)
        with b.if_then(some_done):
            self._each_done(flags, lambda lane: self._finish(lowering, lane, codes))
        self._advance(lowering)
        after = self.function.append_basic_block("after")
        b.cbranch(some_done, after, head)
        b.position_at_end(after)
        self._each_done(flags, self._refill)
        b.cbranch(builder.any(self._are_busy()), head, end)
        b.position_at_end(end)
        b.ret(index(0))
        compiled = Code(self.module, "descend_many", keep=not builder.hosts)
        lanes = (self.count, *self.carried, *self.data)
        vectors = {lane.slot: lane.node for lane in lanes}
        return LanesCode(program, compiled, self.lanes, self.arena.size, vectors, self.layout)

    def _iteration(self) -> Lowering:
        """Emit one iteration in all lanes."""
        builder, program = self.builder, self.program
        plan = make_plan([((), [program.outputs])])
        lowering = Lowering(builder, self.arena, plan)
        for lane in (self.count, *self.carried, *self.data):
            lowering.memory.bind(lane.node, lane.current)
        for node, pointer in self.shared.items():
            view = contiguous(pointer, node.dtype, node.shape, self.read_only, is_common=True)
            lowering.memory.bind(node, view)
        for lane in (self.count, *self.carried):
            if lane.node.size <= REGISTER_LIMIT:
                lowering.in_registers(lane.node)
        lowering.memory.keep = {*program.answer, *self._next_values, program.over}
        lowering.emit(program.outputs)
        for lane, node in zip(self.carried, self._next_values, strict=True):
            if lane.following is not None:
                lowering.store(node, lane.following)
        return lowering

    @property
    def _next_values(self) -> tuple[Node, ...]:
        return (self.program.next_x, *self.program.next_state)

    def _advance(self, lowering: Lowering) -> None:
        """Replace the values of this iteration by the next ones."""
        next_elements = [
            lowering.in_registers(node) if lane.following is None else None
            for lane, node in zip(self.carried, self._next_values, strict=True)
        ]
        for lane, elements in zip(self.carried, next_elements, strict=True):
            if elements is not None:
                lane.current.store_all(self.builder, elements.reshape(-1))
            elif lane.following is not None:
                self._copy_all(lane.following, lane.current)
        count = lowering.in_registers(self.program.count)[()]
        self.count.current.store_all(self.builder, [count + 1])

    def _copy_all(self, source: View, target: View) -> None:
        builder = self.builder
        with builder.loop(source.size_in_bytes // source.dtype.itemsize) as i:
            element = source.load(builder, source.at_offset(builder, i))
            target.store(builder, element, target.at_offset(builder, i))

    def _word(self, place: int) -> ir.Value:
        return self.builder.ir.load_atomic(self._word_at(place), "monotonic", 8, typ=INDEX)

    def _word_at(self, place: int) -> ir.Value:
        return self.builder.ir.gep(self.words, [index(place)], source_etype=INDEX)

    def _are_busy(self) -> Element:
        """Return which lanes have a problem."""
        numbers = self.builder.ir.load(self.lane_problems, typ=in_lanes(INDEX, self.lanes))
        return self.builder.element(numbers, np.dtype(np.int64)) >= 0

    def _on_stack(self, value: ir.Value) -> ir.Value:
        memory = self.builder.alloca(value.type)
        self.builder.ir.store(value, memory)
        return memory

    def _each_done(self, flags: ir.Value, emit: Callable[[ir.Value], None]) -> None:
        """Emit instructions for each lane whose problem is over."""
        b = self.builder.ir
        with self.builder.loop(self.lanes) as lane:
            flag = b.load(b.gep(flags, [lane], source_etype=_BYTE), typ=_BYTE)
            with b.if_then(b.icmp_unsigned("!=", flag, ir.Constant(_BYTE, 0))):
                emit(lane)

    def _finish(self, lowering: Lowering, lane: ir.Value, codes: ir.Value) -> None:
        """Write the answer of the problem in a lane."""
        b = self.builder.ir
        problem = b.load(b.gep(self.lane_problems, [lane], source_etype=INDEX), typ=INDEX)
        code = b.load(b.gep(codes, [lane], source_etype=INDEX), typ=INDEX)
        b.store(code, b.gep(self.codes, [problem], source_etype=INDEX))
        for node, target in zip(self.program.answer, self.answers, strict=True):
            self._answer(lowering.in_memory(node), node, lane, problem, target)

    def _answer(
        self, view: View, node: Node, lane: ir.Value, problem: ir.Value, target: ir.Value
    ) -> None:
        """Copy one lane of a vector to the answers of a problem."""
        builder, b = self.builder, self.builder.ir
        lanes = 1 if view.is_common else self.lanes
        kind = memory_type(node.dtype)
        start = b.mul(problem, index(node.size))
        with builder.loops(node.shape) as position:
            address = view.address(builder, position)
            if lanes > 1:
                address = b.gep(address, [lane], source_etype=kind)
            value = b.load(address, typ=kind)
            flat = builder.ravel(position, node.shape)
            b.store(value, b.gep(target, [b.add(start, flat)], source_etype=kind))

    def _refill(self, lane: ir.Value) -> None:
        """Start the next problem in a lane, if one is left."""
        builder, b = self.builder, self.builder.ir
        problem = b.atomic_rmw("add", self._word_at(NEXT), index(1), "monotonic")
        stopped = b.icmp_signed("!=", self._word(STOP), index(0))
        is_left = b.and_(b.icmp_signed("<", problem, self.total), b.not_(stopped))
        number = b.select(is_left, problem, index(-1))
        b.store(number, b.gep(self.lane_problems, [lane], source_etype=INDEX))
        b.store(index(0), b.gep(self.count.current.pointer, [lane], source_etype=INDEX))
        with b.if_then(is_left):
            for vector in (self.carried[0], *self.data):
                assert vector.source is not None
                size, kind = vector.node.size, memory_type(vector.node.dtype)
                start = b.mul(problem, index(size))
                with builder.loop(size) as i:
                    source = b.gep(vector.source, [b.add(start, i)], source_etype=kind)
                    place = b.add(b.mul(i, index(self.lanes)), lane)
                    target = b.gep(vector.current.pointer, [place], source_etype=kind)
                    b.store(b.load(source, typ=kind), target)

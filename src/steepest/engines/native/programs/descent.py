"""A whole descent as one compiled loop.

Loss, gradient, stop rule, history and update are one function; it runs for a given number
of iterations and keeps everything in registers or in memory of its own. Small vectors are
carried from iteration to iteration in registers; of larger ones there are two copies, the
point now and the one before, which change places at each update.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.decision_tree import emit_tree
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Arena, View, contiguous
from steepest.engines.native.codegen.types import INDEX, index, register_type
from steepest.engines.native.jit import program_cache
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.jit.host_calls import HostCall
from steepest.engines.native.programs.function import (
    FUNCTION_TYPE,
    CompiledGraph,
    cached,
    compile_evaluation,
    leave_on_error,
)
from steepest.engines.native.programs.layout import (
    COUNT,
    REASON,
    RECORDED,
    SWAPPED,
    BlockLayout,
    descent_table,
    here,
    there,
)
from steepest.engines.native.programs.loop_carried import Carried, as_elements
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.native.schedule.regions import REGISTER_LIMIT
from steepest.engines.protocol import Iteration, Outcome, Program
from steepest.graph import Node, decision_tree
from steepest.rewrite.panels import with_panels


@dataclass(frozen=True)
class DescentCode:
    """Machine code of a descent.

    Attributes
    ----------
    program
        What it was compiled from.
    code
        The machine code.
    memory
        Layout of the memory it works on.
    checked
        Nodes whose indices it checks, or that NumPy computes.
    hosts
        Calls back to NumPy; the code needs them as long as it lives.
    in_memory
        Numbers of the carried vectors that are not in registers: x is 0, then the state.
    shares_work
        Whether threads share some of it.
    evaluation
        Machine code of what the loop looks at, where that is compiled by itself.
    spare
        Workspaces of finished runs, for use again.
    """

    program: Program
    code: Code
    memory: BlockLayout
    checked: Sequence[Node]
    hosts: Sequence[HostCall]
    in_memory: Sequence[int]
    shares_work: bool
    evaluation: CompiledGraph | None = None
    spare: list[Any] = field(default_factory=list)

    @property
    def codes(self) -> list[Code]:
        """All of its machine code."""
        return [self.code] if self.evaluation is None else [self.code, self.evaluation.code]


def compile_descent(program: Program) -> DescentCode:
    """Compile a descent, or return what was compiled for an equal one before."""
    return cached(program, lambda: _compiled(program))


def _compiled(program: Program) -> DescentCode:
    if program.evaluation is None:
        return _whole(program)
    # The loop is the same for every problem of as many parameters.
    alone = dataclasses.replace(program, evaluation=None)
    loop = cached(("in parts", alone), lambda: _whole(alone, in_parts=True))
    evaluation = compile_evaluation(program.evaluation)
    return dataclasses.replace(
        loop,
        program=program,
        checked=evaluation.checked,
        hosts=evaluation.hosts,
        shares_work=evaluation.shares_work,
        evaluation=evaluation,
        spare=[],
    )


def _whole(program: Program, in_parts: bool = False) -> DescentCode:
    """Return the machine code of a descent whose data are given, or evaluated by another's."""
    write = lambda: _Writer(program, in_parts).write()
    it = program.full
    if len(program.iterations) > 1 or it.guards:
        found = program_cache.of_program(write(), "descend", baseline=True)
    else:
        lengths = [len(part) for part in (it.state, it.data, it.records, it.report)]
        kind = f"{lengths} {it.due is None} {program.batches} {program.record_x} {in_parts}"
        said = (*it.inputs, it.variable, *it.outputs)
        found = program_cache.compiled("descend", said, kind, write, baseline=True)
    carried = (it.x, *it.state)
    return DescentCode(
        program,
        found.code,
        BlockLayout(program, found.arena_size, in_parts),
        found.checked,
        found.hosts,
        [i for i, node in enumerate(carried) if node.size > REGISTER_LIMIT],
        found.shares_work,
    )


class _Writer:
    """Writes the function of one descent; `in_parts` if it calls another for its data."""

    def __init__(self, program: Program, in_parts: bool = False) -> None:
        self.program, self.in_parts = program, in_parts
        self.module = ir.Module()
        self.function = ir.Function(self.module, FUNCTION_TYPE, "descend")
        self.builder = Builder(self.function)
        self.table = self.function.args[0]
        self.layout = descent_table(program)
        self.arena = Arena(self.builder, self._pointer("arena"))
        self.builder.queue = self._pointer("queue")
        self.integers = self._pointer("integers")
        self.losses = self._pointer("losses")
        self.order = self._pointer("order")
        it = program.full
        tag = self.arena.new_tag()  # what is only written, for Python to read afterwards
        self.gradient = contiguous(
            self._pointer("gradient"), it.gradient.dtype, it.gradient.shape, tag
        )
        self.columns = [
            contiguous(self._pointer(f"column.{i}"), node.dtype, (), tag)
            for i, node in enumerate(it.records)
        ]
        self.x_history = contiguous(self._pointer("x history"), it.x.dtype, it.x.shape, tag)
        self.report = [
            contiguous(self._pointer(f"report.{i}"), node.dtype, node.shape, tag)
            for i, node in enumerate(it.report)
        ]
        self.carried: list[Carried] = []
        self.paths, self.tail_paths = map(_by_panels, (program.paths, program.tail_paths))
        paths = (*self.paths, *self.tail_paths)
        following = zip(*[(it.next_x, *it.next_state) for it in paths], strict=True)
        for number, (node, new) in enumerate(zip((it.x, *it.state), following, strict=True)):
            tag = self.arena.new_tag()
            now, before = (
                contiguous(self._pointer(name), node.dtype, node.shape, tag)
                for name in (here(number), there(number))
            )
            # x before is the answer if the run diverges.
            puts = new if self.carried else ()
            self.carried.append(Carried(self.builder, node, now, before, puts))
        self.data = self._data_pointers("data", it)
        if program.tail is not None:
            self.tail_data = self._data_pointers("tail data", program.tail)
        self.read_only = self.arena.new_tag()

    def _pointer(self, name: str) -> ir.Value:
        return self.layout.pointer(self.builder, self.table, name)

    def _data_pointers(self, name: str, it: Iteration) -> list[ir.Value]:
        return [self._pointer(f"{name}.{i}") for i in range(len(it.data))]

    def _block(self, name: str) -> ir.Block:
        return self.function.append_basic_block(name)

    def _integer(self, place: int) -> ir.Value:
        return self.builder.ir.gep(self.integers, [index(place)], source_etype=INDEX)

    def write(self) -> program_cache.EmittedProgram:
        b, program = self.builder.ir, self.program
        x = self.carried[0]
        self.real = register_type(program.full.loss.dtype)
        start = [value for carried in self.carried for value in carried.load()]
        previous = [e.value for e in x.elements(x.there)] if x.in_registers else []
        loss = b.load(self.losses, typ=self.real)
        first = b.load(self._integer(COUNT), typ=INDEX)
        last = b.add(first, self.function.args[1])
        initial = [first, index(0), loss, *previous, *start]
        before = b.block
        head = self._block("iteration")
        b.branch(head)
        b.position_at_end(head)
        phis = [b.phi(value.type) for value in initial]
        for phi, value in zip(phis, initial, strict=True):
            phi.add_incoming(value, before)
        self.last = last
        if program.tail is None or program.batches is None:
            self._iterations(self.paths, phis, head)
        else:
            plan = program.batches
            number = b.urem(phis[0], index(plan.steps_per_epoch))
            is_tail = b.icmp_unsigned("==", number, index(plan.steps_per_epoch - 1))
            full, tail = self._block("full"), self._block("tail")
            b.cbranch(is_tail, tail, full)
            b.position_at_end(tail)
            self._iterations(self.tail_paths, phis, head)
            b.position_at_end(full)
            self._iterations(self.paths, phis, head)
        builder = self.builder
        return program_cache.EmittedProgram(
            self.module, self.arena.size, builder.checked_nodes, builder.hosts, builder.shares_work
        )

    def _iterations(self, paths: Sequence[Iteration], phis: list[ir.Phi], head: ir.Block) -> None:
        """Write one iteration along each known path, and the branches that lead there."""
        x = self.carried[0]
        count, _, previous_loss = phis[:3]
        width = x.node.size if x.in_registers else 0
        previous, values = phis[3 : 3 + width], phis[3 + width :]
        plan = make_plan([(it.guards, it.stages) for it in paths])
        lowering = Lowering(self.builder, self.arena, plan)
        parts = self._parts(values)
        if self.in_parts:
            self._evaluate(parts[0])
        for carried, part in zip(self.carried, parts, strict=True):
            carried.bind(lowering, part)
        last = paths[-1]
        self._bind_data(lowering, last, count)
        lowering.elements[last.count] = as_elements(self.builder, last.count, [count])

        def leaf(number: int) -> None:
            self._iteration(lowering, paths[number], phis, head, parts)

        def unknown() -> None:
            losses = (previous_loss, previous_loss)
            new_path = index(int(Outcome.NEW_PATH))
            self._leave(new_path, count, phis[1], *losses, previous, values)

        emit_tree(lowering, decision_tree([it.guards for it in paths]), leaf, unknown)

    def _iteration(
        self,
        lowering: Lowering,
        it: Iteration,
        phis: list[ir.Phi],
        head: ir.Block,
        parts: list[Sequence[ir.Value]],
    ) -> None:
        """Write one iteration: it ends by going back to the head, or by returning."""
        builder, b = self.builder, self.builder.ir
        x = self.carried[0]
        count, recorded_before, previous_loss = phis[:3]
        width = x.node.size if x.in_registers else 0
        previous, values = phis[3 : 3 + width], phis[3 + width :]
        lowering.keep = {it.gradient, it.loss, *it.report, it.next_x, *it.next_state}
        # Where the state before was is free at once; x before is wanted if the run diverges.
        for carried, node in zip(self.carried[1:], it.next_state, strict=True):
            carried.direct(lowering, node)
        before_stop, at_stop, on_update = it.stages
        lowering.emit(before_stop)
        loss = lowering.in_registers(it.loss)[()]
        for node in it.records:
            lowering.in_registers(node)
        if x.in_registers:  # here, where every way out can see it
            lowering.in_registers(it.gradient)
        recorded = self._record(lowering, it, recorded_before)
        stop, update, stopped = self._block("check"), self._block("update"), self._block("stop")
        diverged = self._block("diverged")
        leave_on_error(builder)
        b.cbranch(lowering.in_registers(it.finite)[()].value, stop, diverged)
        b.position_at_end(stop)
        lowering.emit(at_stop)
        reason = lowering.in_registers(it.stop)[()]
        b.cbranch((reason != 0).value, stopped, update)
        b.position_at_end(update)
        x.direct(lowering, it.next_x)
        lowering.emit(on_update)
        targets = (it.next_x, *it.next_state)
        following = [
            value
            for carried, node, part in zip(self.carried, targets, parts, strict=True)
            for value in carried.next(lowering, node, part)
        ]
        leave_on_error(builder)
        count_after = b.add(count, index(1))
        now = [element.value for element in x.bound.reshape(-1)] if x.in_registers else []
        after = [count_after, recorded, loss.value, *now, *following]
        for phi, value in zip(phis, after, strict=True):
            phi.add_incoming(value, b.block)
        pause = self._block("pause")
        b.cbranch(b.icmp_signed("<", count_after, self.last), head, pause)
        b.position_at_end(pause)
        paused = index(int(Outcome.PAUSED))
        self._leave(paused, count_after, recorded, loss.value, loss.value, now, following)
        b.position_at_end(stopped)
        b.store(reason.value, self._integer(REASON))
        for node, target in zip(it.report, self.report, strict=True):
            lowering.store(node, target)
        outcome = self._joined(b.block, diverged)
        lowering.store(it.gradient, self.gradient)
        self._leave(outcome, count, recorded, previous_loss, loss.value, previous, values)

    def _joined(self, stopped: ir.Block, diverged: ir.Block) -> ir.Value:
        """Go on where a run is over, and return how it ended."""
        b, over = self.builder.ir, self._block("over")
        for block in (stopped, diverged):
            b.position_at_end(block)
            b.branch(over)
        b.position_at_end(over)
        outcome = b.phi(INDEX)
        outcome.add_incoming(index(int(Outcome.STOPPED)), stopped)
        outcome.add_incoming(index(int(Outcome.DIVERGED)), diverged)
        return outcome

    def _parts(self, values: Sequence[ir.Value]) -> list[Sequence[ir.Value]]:
        """Return which of the values belong to each carried vector."""
        parts, start = [], 0
        for carried in self.carried:
            stop = start + carried.width
            parts.append(values[start:stop])
            start = stop
        return parts

    def _evaluate(self, x: Sequence[ir.Value]) -> None:
        """Let the data be computed at x; return at once where that fails."""
        b, carried = self.builder.ir, self.carried[0]
        table, evaluate = self._pointer("evaluated"), self._pointer("evaluate")
        carried.save(x)
        b.store(carried.here.pointer if carried.in_registers else x[0], table)
        code = b.call(evaluate, [table, index(0), index(0)], FUNCTION_TYPE)
        failed, fine = self._block("failed"), self._block("evaluated")
        b.cbranch(b.icmp_signed("<", code, index(0)), failed, fine)
        b.position_at_end(failed)
        b.ret(code)
        b.position_at_end(fine)

    def _bind_data(self, lowering: Lowering, it: Iteration, count: ir.Value) -> None:
        plan = self.program.batches
        tail = self.program.tail
        pointers = self.tail_data if tail and it.data is tail.data else self.data
        for i, (node, whole) in enumerate(zip(it.data, pointers, strict=True)):
            if plan is None or not plan.is_batched(i):
                view = contiguous(whole, node.dtype, node.shape, self.read_only)
            else:
                view = self._gather(node, whole, count)
            lowering.views[node] = view

    def _gather(self, node: Node, whole: ir.Value, count: ir.Value) -> View:
        """Copy the rows of this iteration's batch next to each other."""
        builder, b, plan = self.builder, self.builder.ir, self.program.batches
        assert plan is not None
        batch, _ = self.arena.allocate(node.dtype, node.shape)
        source = contiguous(whole, node.dtype, (plan.samples, *node.shape[1:]), self.read_only)
        done = b.sub(count, self.function.args[2])  # steps since the first row in order
        epoch = b.udiv(done, index(plan.steps_per_epoch))
        number = b.urem(done, index(plan.steps_per_epoch))
        start = b.add(b.mul(epoch, index(plan.samples)), b.mul(number, index(plan.size)))
        with builder.loop(node.shape[0]) as i:
            place = b.gep(self.order, [b.add(start, i)], source_etype=INDEX)
            row = b.load(place, typ=INDEX)
            with builder.loops(node.shape[1:]) as rest:
                element = source.load(builder, source.address(builder, (row, *rest)))
                batch.store(builder, element, batch.address(builder, (i, *rest)))
        return batch

    def _record(self, lowering: Lowering, it: Iteration, recorded: ir.Value) -> ir.Value:
        """Write a row of the history if it is due; return the number of rows so far."""
        b = self.builder.ir
        if not it.records:
            return recorded
        if it.due is not None:
            due = lowering.in_registers(it.due)[()].value
            before = b.block
            keep, after = self._block("record"), self._block("recorded")
            b.cbranch(due, keep, after)
            b.position_at_end(keep)
        for node, column in zip(it.records, self.columns, strict=True):
            value = lowering.in_registers(node).reshape(-1)[0]
            column.store(self.builder, value, column.at_offset(self.builder, recorded))
        if self.program.record_x:
            rows = self.x_history
            start = rows.at_offset(self.builder, b.mul(recorded, index(it.x.size)))
            lowering.store(it.x, dataclasses.replace(rows, pointer=start))
        following = b.add(recorded, index(1))
        if it.due is None:
            return following
        end = b.block
        b.branch(after)
        b.position_at_end(after)
        phi = b.phi(INDEX)
        phi.add_incoming(recorded, before)
        phi.add_incoming(following, end)
        return phi

    def _leave(
        self,
        outcome: ir.Value,
        count: ir.Value,
        recorded: ir.Value,
        previous_loss: ir.Value,
        loss: ir.Value,
        previous: Sequence[ir.Value],
        values: Sequence[ir.Value],
    ) -> None:
        """Write everything back and return."""
        b = self.builder.ir
        b.store(count, self._integer(COUNT))
        b.store(recorded, self._integer(RECORDED))
        for i, value in enumerate((previous_loss, loss)):
            b.store(value, b.gep(self.losses, [index(i)], source_etype=self.real))
        parts = self._parts(values)
        for number, (carried, part) in enumerate(zip(self.carried, parts, strict=True)):
            carried.save(part)
            if not carried.in_registers:
                swapped = b.icmp_unsigned("!=", part[0], carried.here.pointer)
                b.store(b.zext(swapped, INDEX), self._integer(SWAPPED + number))
        x = self.carried[0]
        if x.in_registers:
            for i, value in enumerate(previous):
                element = self.builder.element(value, x.node.dtype)
                x.there.store(self.builder, element, x.there.at_offset(self.builder, index(i)))
        b.ret(outcome)


def _by_panels(paths: Sequence[Iteration]) -> Sequence[Iteration]:
    """Return iterations computed by panels of rows where that is worth it."""
    if len(paths) != 1 or paths[0].guards:
        return paths  # they branch on nodes that they have in common
    (it,) = paths
    outputs, _ = with_panels(it.at_x, (it.next_x, *it.next_state))
    return [it.with_outputs(outputs)]

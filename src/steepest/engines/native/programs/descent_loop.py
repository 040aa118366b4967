"""The loop of a descent, emitted as one function.

Loss, gradient, stop rule, history and update are one function. It runs for a given number of
iterations and keeps everything in registers or in its own memory.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.decision_tree import emit_tree
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Arena, View, contiguous
from steepest.engines.native.codegen.types import INDEX, POINTER, index, register_type
from steepest.engines.native.jit import program_cache
from steepest.engines.native.programs.function import FUNCTION_TYPE, UNKNOWN_PATH, leave_on_error
from steepest.engines.native.programs.layout import (
    COUNT,
    REASON,
    RECORDED,
    SWAPPED,
    current,
    descent_table,
    evaluation_table,
    previous,
)
from steepest.engines.native.programs.loop_carried import Carried, as_elements
from steepest.engines.native.schedule.plan import make_plan
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Outcome
from steepest.graph import Node, decision_tree, trees
from steepest.rewrite.panels import with_panels

IN_EVALUATION = -(1 << 32)
"""What is added to the codes of errors in the evaluation; the loop's own are far above."""


class LoopState(NamedTuple):
    """The values that one iteration of the loop hands to the next.

    Attributes
    ----------
    iterations, recorded
        Iterations so far, and rows of the history.
    previous_loss
        The loss before the last update.
    previous_x
        The elements of the previous x, if they are in registers.
    carried
        For x and each vector of the state, the values that the loop carries for it.
    """

    iterations: ir.Value
    recorded: ir.Value
    previous_loss: ir.Value
    previous_x: Sequence[ir.Value]
    carried: Sequence[Sequence[ir.Value]]


def write_descent(program: Program, in_parts: bool) -> program_cache.EmittedProgram:
    """Return the function of a descent; if `in_parts`, it calls another one for its data."""
    return _DescentWriter(program, in_parts).write()


class _DescentWriter:
    """Writes the function of one descent."""

    def __init__(self, program: Program, in_parts: bool) -> None:
        self.program, self.in_parts = program, in_parts
        self.module = ir.Module()
        self.function = ir.Function(self.module, FUNCTION_TYPE, "descend")
        self.builder = Builder(self.function)
        self.table = self.function.args[0]
        self.layout = descent_table(program)
        self._input = evaluation_table(len(program.full.data), 1).place("input.0")
        self.arena = Arena(self.builder, self._pointer("arena"))
        self.builder.queue = self._pointer("queue")
        self.integers = self._pointer("integers")
        self.losses = self._pointer("losses")
        self.order = self._pointer("order")
        it = program.full
        tag = self.arena.new_tag()  # for memory that only Python reads, afterwards
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
            first, second = (
                contiguous(self._pointer(name), node.dtype, node.shape, tag)
                for name in (current(number), previous(number))
            )
            # The previous x is the answer if the run diverges: it must stay whole.
            slices = new if self.carried else ()
            self.carried.append(Carried(self.builder, node, first, second, slices))
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
        start = [carried.load() for carried in self.carried]
        previous_x = [e.value for e in x.previous.load_all(self.builder)] if x.in_registers else []
        loss = b.load(self.losses, typ=self.real)
        first = b.load(self._integer(COUNT), typ=INDEX)
        self.last = b.add(first, self.function.args[1])
        values, structure = trees.flatten(LoopState(first, index(0), loss, previous_x, start))
        before = b.block
        self.head = self._block("iteration")
        b.branch(self.head)
        b.position_at_end(self.head)
        self.phis = [b.phi(value.type) for value in values]
        for phi, value in zip(self.phis, values, strict=True):
            phi.add_incoming(value, before)
        state = trees.unflatten(structure, self.phis)
        if program.tail is None or program.batches is None:
            self._iterations(self.paths, state)
        else:
            plan = program.batches
            number = b.urem(state.iterations, index(plan.steps_per_epoch))
            is_tail = b.icmp_unsigned("==", number, index(plan.steps_per_epoch - 1))
            full, tail = self._block("full"), self._block("tail")
            b.cbranch(is_tail, tail, full)
            b.position_at_end(tail)
            self._iterations(self.tail_paths, state)
            b.position_at_end(full)
            self._iterations(self.paths, state)
        builder = self.builder
        return program_cache.EmittedProgram(
            self.module, self.arena.size, builder.checked_nodes, builder.hosts, builder.shares_work
        )

    def _iterations(self, paths: Sequence[Iteration], state: LoopState) -> None:
        """Write one iteration along each known path, and the branches that choose the path."""
        plan = make_plan([(it.guards, it.stages) for it in paths])
        lowering = Lowering(self.builder, self.arena, plan)
        if self.in_parts:
            self._evaluate(state)
        for carried, values in zip(self.carried, state.carried, strict=True):
            carried.bind(lowering, values)
        last = paths[-1]
        self._bind_data(lowering, last, state.iterations)
        lowering.elements[last.count] = as_elements(self.builder, last.count, [state.iterations])

        def leaf(number: int) -> None:
            self._iteration(lowering, paths[number], state)

        def unknown() -> None:
            self._leave(index(int(Outcome.NEW_PATH)), state, state.previous_loss)

        emit_tree(lowering, decision_tree([it.guards for it in paths]), leaf, unknown)

    def _iteration(self, lowering: Lowering, it: Iteration, state: LoopState) -> None:
        """Write one iteration; it ends by a jump to the head of the loop, or by returning."""
        builder, b = self.builder, self.builder.ir
        x = self.carried[0]
        lowering.memory.keep = {it.gradient, it.loss, *it.report, it.next_x, *it.next_state}
        # The previous state may be overwritten at once; the previous x only after the check.
        for carried, node in zip(self.carried[1:], it.next_state, strict=True):
            carried.direct(lowering, node)
        before_stop, at_stop, on_update = it.stages
        lowering.emit(before_stop)
        loss = lowering.in_registers(it.loss)[()]
        for node in it.records:
            lowering.in_registers(node)
        if x.in_registers:  # here, so that it dominates every exit
            lowering.in_registers(it.gradient)
        recorded = self._record(lowering, it, state.recorded)
        names = ("check", "update", "stopped", "diverged")
        check, update, stopped, diverged = map(self._block, names)
        leave_on_error(builder)
        b.cbranch(lowering.in_registers(it.finite)[()].value, check, diverged)
        b.position_at_end(check)
        lowering.emit(at_stop)
        reason = lowering.in_registers(it.stop)[()]
        b.cbranch((reason != 0).value, stopped, update)
        b.position_at_end(update)
        x.direct(lowering, it.next_x)
        lowering.emit(on_update)
        new = (it.next_x, *it.next_state)
        following = [
            carried.next(lowering, node, values)
            for carried, node, values in zip(self.carried, new, state.carried, strict=True)
        ]
        leave_on_error(builder)
        count = b.add(state.iterations, index(1))
        previous_x = [element.value for element in x.bound.reshape(-1)] if x.in_registers else []
        after = LoopState(count, recorded, loss.value, previous_x, following)
        for phi, value in zip(self.phis, trees.leaves(after), strict=True):
            phi.add_incoming(value, b.block)
        pause = self._block("pause")
        b.cbranch(b.icmp_signed("<", count, self.last), self.head, pause)
        b.position_at_end(pause)
        self._leave(index(int(Outcome.PAUSED)), after, loss.value)
        b.position_at_end(stopped)
        b.store(reason.value, self._integer(REASON))
        for node, target in zip(it.report, self.report, strict=True):
            lowering.store(node, target)
        outcome = self._joined(b.block, diverged)
        lowering.store(it.gradient, self.gradient)
        self._leave(outcome, state._replace(recorded=recorded), loss.value)

    def _joined(self, stopped: ir.Block, diverged: ir.Block) -> ir.Value:
        """Join the blocks in which a run is over; return its outcome."""
        b, over = self.builder.ir, self._block("over")
        for block in (stopped, diverged):
            b.position_at_end(block)
            b.branch(over)
        b.position_at_end(over)
        outcome = b.phi(INDEX)
        outcome.add_incoming(index(int(Outcome.STOPPED)), stopped)
        outcome.add_incoming(index(int(Outcome.DIVERGED)), diverged)
        return outcome

    def _evaluate(self, state: LoopState) -> None:
        """Call the evaluation, which computes the data at x; return at once if it fails."""
        b, carried, x = self.builder.ir, self.carried[0], state.carried[0]
        table, evaluate = self._pointer("evaluated"), self._pointer("evaluate")
        carried.save(x)
        pointer = carried.current.pointer if carried.in_registers else x[0]
        b.store(pointer, b.gep(table, [index(self._input)], source_etype=POINTER))
        code = b.call(evaluate, [table, index(0), index(0)], FUNCTION_TYPE)
        failed, fine = self._block("failed"), self._block("evaluated")
        b.cbranch(b.icmp_signed("<", code, index(0)), failed, fine)
        b.position_at_end(failed)
        unknown, error = self._block("unknown"), self._block("error")
        b.cbranch(b.icmp_signed("==", code, index(UNKNOWN_PATH)), unknown, error)
        b.position_at_end(unknown)
        self._leave(index(int(Outcome.NEW_PATH)), state, state.previous_loss)
        b.position_at_end(error)
        b.ret(b.add(code, index(IN_EVALUATION)))
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
            lowering.memory.bind(node, view)

    def _gather(self, node: Node, whole: ir.Value, count: ir.Value) -> View:
        """Copy the rows of this iteration's batch into one array."""
        builder, b, plan = self.builder, self.builder.ir, self.program.batches
        assert plan is not None
        batch, _ = self.arena.allocate(node.dtype, node.shape)
        source = contiguous(whole, node.dtype, (plan.samples, *node.shape[1:]), self.read_only)
        done = b.sub(count, self.function.args[2])  # steps since the first row of the order
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

    def _leave(self, outcome: ir.Value, state: LoopState, loss: ir.Value) -> None:
        """Write everything back and return."""
        b = self.builder.ir
        b.store(state.iterations, self._integer(COUNT))
        b.store(state.recorded, self._integer(RECORDED))
        for i, value in enumerate((state.previous_loss, loss)):
            b.store(value, b.gep(self.losses, [index(i)], source_etype=self.real))
        for number, (carried, values) in enumerate(zip(self.carried, state.carried, strict=True)):
            carried.save(values)
            if not carried.in_registers:
                swapped = b.icmp_unsigned("!=", values[0], carried.current.pointer)
                b.store(b.zext(swapped, INDEX), self._integer(SWAPPED + number))
        x = self.carried[0]
        if x.in_registers:
            elements = as_elements(self.builder, x.node, state.previous_x)
            x.previous.store_all(self.builder, elements.reshape(-1))
        b.ret(outcome)


def _by_panels(paths: Sequence[Iteration]) -> Sequence[Iteration]:
    """Return iterations that are computed by panels of rows, if that pays off."""
    if len(paths) != 1 or paths[0].guards:
        return paths  # paths branch on nodes that they share, which would become different
    (it,) = paths
    outputs, _ = with_panels(it.at_x, (it.next_x, *it.next_state))
    return [it.with_outputs(outputs)]

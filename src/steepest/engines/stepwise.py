"""A descent as a Python loop, for the engines that walk the graph node by node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.engines.program import Iteration, Outcome, Program, Recording, Start
from steepest.graph import Node, order
from steepest.ops import CONSTANT


class Tape:
    """The walk over a graph, laid out once.

    Parameters
    ----------
    outputs
        Nodes to compute.
    given
        Nodes whose values are known before.
    resolve
        Returns the function of values that computes a node.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        given: Sequence[Node],
        resolve: Callable[[Node], Callable[..., Any]],
    ) -> None:
        known = set(given)
        nodes = [node for node in order(outputs, stop=known) if node not in known]
        self.constants = [node for node in nodes if node.op is CONSTANT]
        self.steps = [
            (node, resolve(node), node.operands) for node in nodes if node.op is not CONSTANT
        ]

    def run(self, values: dict[Node, Any]) -> None:
        """Compute every node, adding its value."""
        for node, function, operands in self.steps:
            values[node] = function(*[values[operand] for operand in operands])


class Arithmetic:
    """What the loop needs of an array library; each engine makes one.

    Attributes
    ----------
    resolve
        Returns a node's function of its operands' values.
    differentiate
        Of an iteration: a function that adds loss and gradient to a dictionary of values.
    from_array, to_array
        Between NumPy's arrays and the library's.
    """

    def __init__(
        self,
        resolve: Callable[[Node], Callable[..., Any]],
        differentiate: Callable[[Iteration], Callable[[dict[Node, Any]], None]],
        from_array: Callable[[np.ndarray], Any],
        to_array: Callable[[Any], np.ndarray],
    ) -> None:
        self.resolve = resolve
        self.differentiate = differentiate
        self.from_array = from_array
        self.to_array = to_array


class Stepper:
    """One iteration, ready to be repeated."""

    def __init__(self, iteration: Iteration, arithmetic: Arithmetic) -> None:
        self.iteration = iteration
        self.differentiate = arithmetic.differentiate(iteration)
        at_x = [*iteration.inputs, iteration.variable, iteration.loss, iteration.gradient]
        self.check = Tape([iteration.finite, iteration.stop], at_x, arithmetic.resolve)
        known = [*at_x, *(node for node, _, _ in self.check.steps), *self.check.constants]
        self.update = Tape([iteration.next_x, *iteration.next_state], known, arithmetic.resolve)
        constants = {*self.check.constants, *self.update.constants}
        constants |= {n for n in order(iteration.outputs) if n.op is CONSTANT}
        self.constants = {
            node: arithmetic.from_array(node.op.evaluate(**node.attributes)) for node in constants
        }


class StepwiseRun:
    """A descent that Python drives iteration by iteration.

    Parameters
    ----------
    program, start
        What to run, and from where.
    full, tail
        The steppers of the program's iterations.
    arithmetic
        The array library.
    """

    def __init__(
        self,
        program: Program,
        start: Start,
        full: Stepper,
        tail: Stepper | None,
        arithmetic: Arithmetic,
    ) -> None:
        self.count = 0
        self.recording = Recording()
        self._program, self._start = program, start
        self._full, self._tail, self._arithmetic = full, tail, arithmetic
        self._x = self._previous_x = arithmetic.from_array(start.x)
        self._state = [arithmetic.from_array(value) for value in start.state]
        self._data = [arithmetic.from_array(value) for value in start.data]
        self._tail_data = [arithmetic.from_array(value) for value in start.tail_data]
        self._loss = self._previous_loss = float("nan")
        self._gradient: Any = None
        self._epoch = -1
        self._rows: Any = None

    @property
    def x(self) -> np.ndarray:
        return self._arithmetic.to_array(self._x)

    @property
    def previous_x(self) -> np.ndarray:
        return self._arithmetic.to_array(self._previous_x)

    @property
    def loss(self) -> float:
        return self._loss

    @property
    def previous_loss(self) -> float:
        return self._previous_loss

    @property
    def gradient(self) -> np.ndarray:
        return self._arithmetic.to_array(self._gradient)

    def release(self) -> None:
        """Nothing is held back."""

    def advance(self, steps: int) -> Outcome:
        """Make at most so many updates."""
        with np.errstate(all="ignore"):
            for _ in range(steps):
                outcome = self._step()
                if outcome is not Outcome.PAUSED:
                    return outcome
        return Outcome.PAUSED

    def _batch(self) -> tuple[Stepper, list[Any]]:
        plan = self._program.batches
        if plan is None:
            return self._full, self._data
        epoch, number = divmod(self.count, plan.steps_per_epoch)
        if epoch != self._epoch:
            assert self._start.order is not None
            self._rows = self._arithmetic.from_array(self._start.order(epoch))
            self._epoch = epoch
        rows = self._rows[number * plan.size : (number + 1) * plan.size]
        is_tail = self._tail is not None and len(rows) < plan.size
        data = [
            value[rows] if plan.is_batched(i) else value
            for i, value in enumerate(self._tail_data if is_tail else self._data)
        ]
        return (self._tail if is_tail else self._full), data  # type: ignore[return-value]

    def _step(self) -> Outcome:
        stepper, data = self._batch()
        it = stepper.iteration
        values: dict[Node, Any] = dict(stepper.constants)
        values[it.x] = self._x
        values[it.count] = self._arithmetic.from_array(np.asarray(self.count))
        values.update(zip(it.state, self._state, strict=True))
        values.update(zip(it.data, data, strict=True))
        stepper.differentiate(values)
        stepper.check.run(values)
        self._previous_loss, self._loss = self._loss, float(values[it.loss])
        self._gradient = values[it.gradient]
        self._record()
        if not bool(values[it.finite]):
            return Outcome.DIVERGED
        if bool(values[it.stop]):
            return Outcome.STOPPED
        stepper.update.run(values)
        # One assignment, so that an interrupt leaves a whole iteration or none.
        self._previous_x, self._x, self._state, self.count = (
            self._x,
            values[it.next_x],
            [values[node] for node in it.next_state],
            self.count + 1,
        )
        return Outcome.PAUSED

    def _record(self) -> None:
        every = self._program.record_every
        if every and self.count % every == 0:
            self.recording.iterations.append(np.array([self.count]))
            self.recording.losses.append(np.array([self._loss]))
            if self._program.record_x:
                self.recording.xs.append(np.array(self.x)[None])


def prepare(program: Program, arithmetic: Arithmetic) -> Callable[[Start], StepwiseRun]:
    """Return what starts a program's descent on an array library."""
    full = Stepper(program.full, arithmetic)
    tail = Stepper(program.tail, arithmetic) if program.tail else None
    return lambda start: StepwiseRun(program, start, full, tail, arithmetic)


def constant_values(tape: Tape, from_array: Callable[[np.ndarray], Any]) -> Mapping[Node, Any]:
    """Return the values of a tape's constants."""
    return {node: from_array(node.op.evaluate(**node.attributes)) for node in tape.constants}

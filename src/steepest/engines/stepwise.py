"""A descent as a Python loop, for engines that evaluate the graph node by node."""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Outcome, Recording, Run, Snapshot, Start
from steepest.graph import Graph, Guard, Node, decision_tree, order
from steepest.ops import CONSTANT
from steepest.rewrite import simplify_guarded


class Tape:
    """The functions that compute a graph, in order.

    Parameters
    ----------
    outputs
        Nodes to compute.
    given
        Nodes whose values are given.
    resolve
        Returns the function of values that computes a node.
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        given: Collection[Node],
        resolve: Callable[[Node], Callable[..., Any]],
    ) -> None:
        known = given if isinstance(given, set) else set(given)
        nodes = [node for node in order(outputs, stop=known) if node not in known]
        self.nodes = nodes
        self.constants = [node for node in nodes if node.op is CONSTANT]
        self.steps = [
            (node, resolve(node), node.operands) for node in nodes if node.op is not CONSTANT
        ]

    def run(self, values: dict[Node, Any]) -> None:
        """Compute every node, adding its value."""
        for node, function, operands in self.steps:
            values[node] = function(*[values[operand] for operand in operands])


@dataclass(frozen=True)
class Arithmetic:
    """The functions of an array library that the loop needs.

    Attributes
    ----------
    resolve
        Returns a node's function of its operands' values.
    differentiate
        Takes an iteration and the nodes known before it; returns a function that adds loss
        and gradient to a dictionary of values.
    from_array, to_array
        Convert NumPy's arrays to the library's, and back.
    name
        Name of the library.
    """

    resolve: Callable[[Node], Callable[..., Any]]
    differentiate: Callable[[Iteration, Collection[Node]], Callable[[dict[Node, Any]], None]]
    from_array: Callable[[np.ndarray], Any]
    to_array: Callable[[Any], np.ndarray]
    name: str


@dataclass
class Choice:
    """A branch: `tape` computes its condition, `cases` has what follows for each value."""

    condition: Node
    tape: Tape
    cases: dict[bytes, Choice | int]


class Chooser:
    """Finds the path that values take; computes only the conditions on the way.

    Parameters
    ----------
    paths
        The guards of each path.
    given
        Nodes whose values are given.
    arithmetic
        The array library.

    Attributes
    ----------
    known
        For each path, the nodes whose values are known when it has been chosen.
    constants
        Values of all constants that the conditions need.
    """

    def __init__(
        self, paths: Sequence[Sequence[Guard]], given: Sequence[Node], arithmetic: Arithmetic
    ) -> None:
        self._arithmetic = arithmetic
        self.known: dict[int, set[Node]] = {}
        self.constants: dict[Node, Any] = {}
        holder: dict[bytes, Choice | int] = {}
        work = [(decision_tree(paths), set(given), holder, b"")]
        while work:
            place, known, cases, key = work.pop()
            if isinstance(place, int):
                cases[key], self.known[place] = place, known
                continue
            tape = Tape([place.condition], known, arithmetic.resolve)
            self.constants.update(constant_values(tape.constants, arithmetic.from_array))
            choice = cases[key] = Choice(place.condition, tape, {})
            known.update(tape.nodes)
            for number, (k, case) in enumerate(place.cases.items()):
                work.append((case, set(known) if number else known, choice.cases, k))
        self._start = holder[b""]

    def choose(self, values: dict[Node, Any]) -> int | None:
        """Return the number of the path, adding values on the way; None if it is unknown."""
        place: Choice | int | None = self._start
        while isinstance(place, Choice):
            place.tape.run(values)
            value = self._arithmetic.to_array(values[place.condition])
            place = place.cases.get(value.tobytes())
        return place


def compile_paths(
    paths: Sequence[Graph], arithmetic: Arithmetic
) -> Callable[[Sequence[Any]], tuple[int, list[np.ndarray]] | None]:
    """Return the paths through a function as a function of flat inputs."""
    inputs = paths[-1].inputs
    simpler = [simplify_guarded(path.outputs, path.guards) for path in paths]
    chooser = Chooser([guards for _, guards in simpler], inputs, arithmetic)
    tapes = [
        Tape(outputs, chooser.known.get(number, inputs), arithmetic.resolve)
        for number, (outputs, _) in enumerate(simpler)
    ]
    constants = dict(chooser.constants)
    for tape in tapes:
        constants.update(constant_values(tape.constants, arithmetic.from_array))

    def run(values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
        known = dict(constants)
        known.update(zip(inputs, map(arithmetic.from_array, values), strict=True))
        with np.errstate(all="ignore"):
            number = chooser.choose(known)
            if number is None:
                return None
            tapes[number].run(known)
        return number, [arithmetic.to_array(known[node]) for node in simpler[number][0]]

    return run


class Stepper:
    """One iteration as tapes.

    Parameters
    ----------
    iteration
        The iteration.
    arithmetic
        The array library.
    known
        Nodes whose values are known before: the inputs, and the nodes that guards needed.
    """

    def __init__(
        self, iteration: Iteration, arithmetic: Arithmetic, known: Collection[Node]
    ) -> None:
        self.iteration = iteration
        self.differentiate = arithmetic.differentiate(iteration, known)
        at_x = [*known, iteration.variable, iteration.loss, iteration.gradient]
        self.check = Tape(iteration.at_x[2:], at_x, arithmetic.resolve)
        at_x += [*self.check.nodes, *self.check.constants]
        self.update = Tape([iteration.next_x, *iteration.next_state], at_x, arithmetic.resolve)
        constants = {*self.check.constants, *self.update.constants}
        constants |= {n for n in order(iteration.outputs) if n.op is CONSTANT}
        self.constants = constant_values(constants, arithmetic.from_array)


class Steppers:
    """An iteration along each of its known paths."""

    def __init__(self, iterations: Sequence[Iteration], arithmetic: Arithmetic) -> None:
        self.last = iterations[-1]
        paths = [iteration.guards for iteration in iterations]
        self.chooser = Chooser(paths, self.last.inputs, arithmetic)
        self.steppers = [
            Stepper(iteration, arithmetic, self.chooser.known.get(number, iteration.inputs))
            for number, iteration in enumerate(iterations)
        ]
        self.constants = dict(self.chooser.constants)
        for stepper in self.steppers:
            self.constants.update(stepper.constants)


class StepwiseRun:
    """A descent that Python drives iteration by iteration.

    Parameters
    ----------
    program, start
        The program, and where it starts.
    full, tail
        The program's iterations as tapes.
    arithmetic
        The array library.
    """

    def __init__(
        self,
        program: Program,
        start: Start,
        full: Steppers,
        tail: Steppers | None,
        arithmetic: Arithmetic,
    ) -> None:
        self.count = start.count
        self.recording, self.tiers = Recording(), dict[str, float]()
        self._program, self._start = program, start
        self._full, self._tail, self._arithmetic = full, tail, arithmetic
        self._x = self._previous_x = arithmetic.from_array(start.x)
        if start.previous_x is not None:
            self._previous_x = arithmetic.from_array(start.previous_x)
        self._state = [arithmetic.from_array(value) for value in start.state]
        self._data = [arithmetic.from_array(value) for value in start.data]
        self._tail_data = [arithmetic.from_array(value) for value in start.tail_data]
        self._loss, self._previous_loss = start.previous_loss, float("nan")
        self._loss_before = start.previous_loss
        self._gradient: Any = None
        self.reason = 0
        self.report: list[np.ndarray] = []
        self._epoch = -1
        self._rows: Any = None

    @property
    def x(self) -> np.ndarray:
        return self._arithmetic.to_array(self._x)

    @property
    def previous_x(self) -> np.ndarray:
        return self._arithmetic.to_array(self._previous_x)

    @property
    def state(self) -> list[np.ndarray]:
        return [self._arithmetic.to_array(value) for value in self._state]

    @property
    def loss(self) -> float:
        return self._loss

    @property
    def previous_loss(self) -> float:
        return self._previous_loss

    @property
    def gradient(self) -> np.ndarray:
        return self._arithmetic.to_array(self._gradient)

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return a function that returns the run's current state, also after later updates."""
        now = self._x, self._previous_x, self._state, self.count, self._loss_before
        to_array = self._arithmetic.to_array

        def read() -> Snapshot:
            x, previous_x, state, count, loss = now
            return Snapshot(
                to_array(x), to_array(previous_x), list(map(to_array, state)), count, loss
            )

        return read

    def release(self) -> None:
        """Do nothing: no memory is shared with other runs."""

    def advance(self, steps: int) -> Outcome:
        """Make at most `steps` updates."""
        began, outcome = time.perf_counter(), Outcome.PAUSED
        with np.errstate(all="ignore"):
            while steps > 0 and outcome is Outcome.PAUSED:
                outcome, steps = self._step(), steps - 1
        tier, seconds = self._arithmetic.name, time.perf_counter() - began
        self.tiers[tier] = self.tiers.get(tier, 0.0) + seconds
        return outcome

    def _batch(self) -> tuple[Steppers, list[Any]]:
        plan = self._program.batches
        if plan is None:
            return self._full, self._data
        epoch, number = divmod(self.count, plan.steps_per_epoch)
        if epoch != self._epoch:
            assert self._start.pieces is not None
            rows = np.concatenate(list(self._start.pieces(epoch)))
            self._rows = self._arithmetic.from_array(rows)
            self._epoch = epoch
        rows = self._rows[number * plan.size : (number + 1) * plan.size]
        steppers, data = self._full, self._data
        if self._tail is not None and len(rows) < plan.size:
            steppers, data = self._tail, self._tail_data
        return steppers, [x[rows] if plan.is_batched(i) else x for i, x in enumerate(data)]

    def _step(self) -> Outcome:
        steppers, data = self._batch()
        it = steppers.last
        values: dict[Node, Any] = dict(steppers.constants)
        values[it.x] = self._x
        values[it.count] = self._arithmetic.from_array(np.asarray(self.count))
        values.update(zip(it.state, self._state, strict=True))
        values.update(zip(it.data, data, strict=True))
        number = steppers.chooser.choose(values)
        if number is None:
            return Outcome.NEW_PATH
        stepper = steppers.steppers[number]
        it = stepper.iteration
        stepper.differentiate(values)
        stepper.check.run(values)
        self._previous_loss, self._loss = self._loss, float(values[it.loss])
        self._gradient = values[it.gradient]
        self._record(it, values)
        self._loss_before = self._previous_loss
        if not bool(values[it.finite]):
            return Outcome.DIVERGED
        self.reason = int(values[it.stop])
        if self.reason:
            self.report = [self._arithmetic.to_array(values[node]) for node in it.report]
            return Outcome.STOPPED
        stepper.update.run(values)
        # One assignment: an interrupt leaves a whole iteration or none.
        self._previous_x, self._x, self._state, self.count = (
            self._x,
            values[it.next_x],
            [values[node] for node in it.next_state],
            self.count + 1,
        )
        self._loss_before = self._loss
        return Outcome.PAUSED

    def _record(self, it: Iteration, values: Mapping[Node, Any]) -> None:
        if it.records and (it.due is None or bool(values[it.due])):
            numbers = [self._arithmetic.to_array(values[node]) for node in it.records]
            self.recording.columns.append(tuple([number.reshape(1) for number in numbers]))
            if self._program.record_x:
                self.recording.xs.append(np.array(self.x)[None])


class StepwiseEngine(abc.ABC):
    """An engine that evaluates graphs node by node; Python drives every iteration."""

    @abc.abstractmethod
    def _arithmetic(self) -> Arithmetic:
        """Return the functions of the array library."""

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs."""
        return compile_paths(paths, self._arithmetic())

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return a function that starts the descent."""
        arithmetic = self._arithmetic()
        full = Steppers(program.paths, arithmetic)
        tail = Steppers(program.tail_paths, arithmetic) if program.tail_paths else None
        return lambda start: StepwiseRun(program, start, full, tail, arithmetic)

    def first_budget(self, program: Program) -> int:
        """Return how many iterations to make before looking at the clock."""
        return 1

    def prepare_many(
        self, program: ManyProgram
    ) -> Callable[[ManyStart, Watch], ManyAnswers | None] | None:
        """Return None: problems are solved one at a time."""
        return None


def loss_and_gradient(
    resolve: Callable[[Node], Callable[..., Any]], iteration: Iteration, known: Collection[Node]
) -> Callable[[dict[Node, Any]], None]:
    """Return a function that computes loss and gradient, which are nodes of the graph."""
    return Tape([iteration.loss, iteration.gradient], known, resolve).run


def constant_values(
    constants: Iterable[Node], from_array: Callable[[np.ndarray], Any]
) -> dict[Node, Any]:
    """Return the values of constants."""
    return {node: from_array(node.op.evaluate(**node.attributes)) for node in constants}

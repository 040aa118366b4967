"""A descent whose data are read in blocks: passes over the data, and steps in machine code."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from steepest.activity import is_interrupted, tell
from steepest.engines.native.programs.function import simplified
from steepest.engines.native.programs.streamed import StreamedCode
from steepest.engines.native.programs.streamed_plan import StreamedPlan, room_of
from steepest.engines.native.programs.streamed_schedule import (
    check_guards,
    levels_of_loops,
    plan_iteration,
    plan_streamed,
)
from steepest.engines.native.programs.tiers import DescentTiers, compile_tiers
from steepest.engines.native.runs.descent_run import NativeRun
from steepest.engines.native.runs.streaming import Elsewhere, Evaluation
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Outcome, Start
from steepest.errors import ClusterError, UnsupportedError
from steepest.graph import Graph, Node
from steepest.rewrite import hoist
from steepest.streams import Source
from steepest.streams.evaluation import OFFERED, InterruptedPassError


class OnData(Protocol):
    """A graph that is evaluated on data: in this process (:class:`SplitCode`), or elsewhere."""

    @property
    def graph(self) -> Graph: ...

    def on(
        self,
        data: Sequence[Any],
        is_over: Callable[[], bool],
        on_rows: Callable[[int, int], None],
    ) -> Evaluation:
        """Return the graph as a function of its first inputs, on data."""
        ...

    def release(self) -> None:
        """Give back what the evaluations needed."""
        ...


@dataclass(frozen=True, eq=False)
class SplitCode:
    """Machine code of a graph in two parts: what depends on its first inputs, and the rest.

    Attributes
    ----------
    graph
        The graph.
    once
        What is computed once for all values of the first inputs, from the others.
    again
        The rest. Its last inputs are what `once` computes.
    """

    graph: Graph
    once: StreamedCode
    again: StreamedCode

    def on(
        self,
        data: Sequence[Any],
        is_over: Callable[[], bool] = lambda: False,
        on_rows: Callable[[int, int], None] = lambda done, rows: None,
        elsewhere: Elsewhere | None = None,
    ) -> Evaluation:
        """Return the graph as a function of its first inputs, on data."""
        known = {
            node: value
            if isinstance(value, Source)
            else np.require(value, node.dtype, ["C", "A"]).reshape(node.shape)
            for node, value in zip(self.once.inputs, data, strict=True)
        }
        constants = Evaluation(self.once, known, is_over, on_rows, elsewhere)({})
        known |= dict(zip(self.constants, constants, strict=True))
        return Evaluation(self.again, known, is_over, on_rows, elsewhere)

    def release(self) -> None:
        """Do nothing: runs share this code, and leave nothing behind."""

    @property
    def constants(self) -> tuple[Node, ...]:
        """The inputs of `again` that `once` computes."""
        return self.again.inputs[len(self.graph.inputs) :]


def compile_split(graph: Graph, varying: int, streamed: Sequence[bool]) -> SplitCode:
    """Compile a graph whose first inputs vary; of the others, some are read in blocks.

    What does not vary is taken out as it is in memory, so that the rest is divided into the same
    panels.
    """
    levels = levels_of_loops()
    plan = lambda rest, rows: plan_streamed(rest, rows, graph, levels)
    return _compiled(graph, varying, streamed, levels, plan)


def _compiled(
    graph: Graph,
    varying: int,
    streamed: Sequence[bool],
    levels: Iterator[int],
    plan: Callable[[Graph, Mapping[Node, int]], StreamedPlan],
) -> SplitCode:
    """Compile a graph whose part that varies is divided by a function."""
    data = graph.inputs[varying:]
    in_blocks = {node: 0 for node, is_read in zip(data, streamed, strict=True) if is_read}
    check_guards(graph, in_blocks)
    outputs, inputs, constants = hoist(graph.outputs, graph.inputs[:varying])
    before = simplified(Graph(data, tuple(constants), sources=graph.sources))
    once = plan_streamed(before, in_blocks, graph, levels)
    pairs = zip(inputs, once.axes, strict=True)
    rows = {node: axis for node, axis in pairs if axis is not None}
    again = plan(Graph((*graph.inputs, *inputs), tuple(outputs)), {**in_blocks, **rows})
    if any(axis is not None for axis in again.axes):
        names = dict(zip(graph.inputs, graph.input_names, strict=True))
        read = ", ".join(names[node] for node in in_blocks)
        raise UnsupportedError(
            f"{read} cannot be read in blocks: a result has as many numbers as there are rows, "
            "and is not known to be a sum over rows: read the rows into memory"
        )
    room = room_of([once, again])
    return SplitCode(graph, once.compile(room), again.compile(room))


def compile_streamed(program: Program) -> tuple[SplitCode, Program]:
    """Compile the evaluation of a descent; return it, and the step as a program.

    An iteration that is not given in two parts is cut where rows end. Its evaluation needs the
    count and the state, too.
    """
    if program.evaluations:
        (evaluation,) = program.evaluations
        step = dataclasses.replace(program, evaluations=(), streamed=())
        return compile_split(evaluation, 1, program.streamed), step
    it = program.full
    varying = (it.x, it.count, *it.state)
    names = (*(node.op.name for node in varying), *program.names)
    graph = Graph(it.inputs, it.outputs, names, it.sources, guards=it.guards)
    steps: list[Iteration] = []
    levels = levels_of_loops()

    def plan(rest: Graph, rows: Mapping[Node, int]) -> StreamedPlan:
        more = rest.inputs[len(it.inputs) :]
        planned, cut = plan_iteration(it.with_outputs(rest.outputs, more), rows, graph, levels)
        steps.append(dataclasses.replace(cut, guards=()))
        return planned

    code = _compiled(graph, len(varying), program.streamed, levels, plan)
    return code, dataclasses.replace(program, paths=tuple(steps), streamed=())


class StreamedRun(NativeRun):
    """A descent in progress whose data are read in blocks, before each iteration of its step.

    Parameters
    ----------
    tiers, program
        Machine code of the step, and the step as a program whose data are given.
    evaluation
        Machine code of the evaluation, which computes the step's data.
    start
        The start.
    needs_state
        Whether the evaluation needs the count and the state, and not only x.
    """

    def __init__(
        self,
        tiers: DescentTiers,
        program: Program,
        evaluation: OnData,
        start: Start,
        needs_state: bool = False,
    ) -> None:
        self._needs_state = needs_state
        self._on_data, self._given = evaluation, start.data
        self._data_of_guards = dict(
            zip(reversed(evaluation.graph.inputs), reversed(start.data), strict=False)
        )
        self._evaluated = [np.zeros(x.shape, x.dtype) for x in program.full.data]
        self._evaluated_at: np.ndarray | None = None
        self._gradient = program.full.data.index(program.full.gradient)
        self._evaluation: Evaluation | None = None
        self._passes, self.loss_of_machines = 0, ""
        super().__init__(tiers, program, dataclasses.replace(start, data=self._evaluated))

    def advance(self, steps: int) -> Outcome:
        """Make at most `steps` updates; none is made if Ctrl-C ends a pass over the data."""
        for _ in range(steps):
            if not self._on_data.graph.is_path_of(self._at_point() | self._data_of_guards):
                return Outcome.NEW_PATH
            began = time.perf_counter()
            try:
                found = self._values()
            except InterruptedPassError:
                return Outcome.PAUSED
            except ClusterError as error:
                if self.count == 0 and self._evaluated_at is None:
                    raise  # there is no point to return
                self.loss_of_machines = str(error)
                return Outcome.LOST
            finally:
                seconds = time.perf_counter() - began
                self.tiers["streamed"] = self.tiers.get("streamed", 0.0) + seconds
            for array, value in zip(self._evaluated, found, strict=True):
                array[...] = value
            self._evaluated_at = np.array(self.x)
            outcome = super().advance(1)
            if outcome is not Outcome.PAUSED:
                return outcome
        return Outcome.PAUSED

    @property
    def first_loss(self) -> float:
        """The loss at the start, before any update; NaN if it is not known yet."""
        return float("nan") if self._evaluated_at is None else self.loss

    def gradient_at(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient at a point, if the last evaluation was there; else NaN."""
        known = self._evaluated[self._gradient]
        is_there = self._evaluated_at is not None and np.array_equal(self._evaluated_at, x)
        return known.copy() if is_there else np.full_like(known, np.nan)

    def _values(self) -> Sequence[Any]:
        """Return what the step needs, at the current point."""
        self._passes += 1
        for value in self._given:
            if isinstance(value, Source):
                value.check()
        if self._evaluation is None:
            self._evaluation = self._on_data.on(self._given, is_interrupted, self._tell)
        return self._evaluation(self._at_point())

    def _at_point(self) -> dict[Node, Any]:
        """Return the values of the evaluation's inputs that vary."""
        given = (self.x, self.count, *self.state) if self._needs_state else (self.x,)
        nodes = self._on_data.graph.inputs
        return {x: np.array(v, x.dtype) for x, v in zip(nodes, given, strict=False)}

    def _tell(self, done: int, rows: int) -> None:
        tell(f"evaluation {self._passes}: {done:,} of {rows:,} rows")

    def release(self) -> None:
        """Give the memory back for the next run."""
        self._evaluation = None
        self._on_data.release()
        super().release()


@dataclass(frozen=True)
class StreamedStarter:
    """Starts descents whose data are read in blocks.

    Attributes
    ----------
    tiers, step
        Machine code of the step, and the step as a program whose data are given.
    code
        Machine code of the evaluation.
    needs_state
        Whether the evaluation needs the count and the state, and not only x.
    """

    tiers: DescentTiers
    step: Program
    code: SplitCode
    needs_state: bool

    def __call__(self, start: Start) -> StreamedRun:
        """Start a run."""
        return StreamedRun(self.tiers, self.step, self.code, start, self.needs_state)


def prepare_streamed(program: Program) -> StreamedStarter:
    """Compile a descent whose evaluation reads data in blocks."""
    code, step = compile_streamed(program)
    return StreamedStarter(compile_tiers(step), step, code, not program.evaluations)


def _executable(
    paths: Sequence[Graph],
) -> Callable[[Sequence[Any]], tuple[int, list[np.ndarray]] | None]:
    """Return the paths through a function as a function of flat inputs, some of them sources."""
    compiled: dict[tuple[int, tuple[bool, ...]], SplitCode] = {}

    def run(values: Sequence[Any]) -> tuple[int, list[np.ndarray]] | None:
        known = dict(zip(paths[-1].inputs, values, strict=True))
        holding = (i for i, graph in enumerate(paths) if graph.is_path_of(known))
        number = next(holding, None)
        if number is None:
            return None
        graph = paths[number]
        values = values[: len(graph.inputs)]  # later paths may read more
        streamed = tuple([isinstance(value, Source) for value in values])
        if (number, streamed) not in compiled:
            compiled[number, streamed] = compile_split(graph, 0, streamed)
        return number, compiled[number, streamed].on(values, is_interrupted)({})

    return run


OFFERED.append(_executable)

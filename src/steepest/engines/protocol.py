"""What an engine is given to run: one iteration of a descent, as a graph."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.graph import Graph, Guard, Node, Source, trees


class AtPoint(NamedTuple):
    """What an iteration computes first: see :class:`Iteration`."""

    loss: Any
    gradient: Any
    finite: Any
    records: tuple[Any, ...]
    due: Any


class AtStop(NamedTuple):
    """What it computes next, to know whether it stops."""

    stop: Any
    report: tuple[Any, ...]


class Update(NamedTuple):
    """What it computes last, unless it stops."""

    next_x: Any
    next_state: tuple[Any, ...]


class Stages(NamedTuple):
    """Everything that an iteration computes, in the order it is needed."""

    at_point: AtPoint
    at_stop: AtStop
    update: Update

    def named(self) -> dict[str, Any]:
        """Return all of it by name."""
        return {name: value for stage in self for name, value in stage._asdict().items()}


@dataclass(frozen=True)
class Iteration:
    """One iteration, as nodes over common inputs.

    Attributes
    ----------
    x
        Input: all parameters as one vector, as they are stored.
    variable
        The same vector in the arithmetic's precision; the gradient is with respect to it.
    count
        Input: how many updates were made before.
    state
        Inputs: the method's state.
    data
        Inputs: the loss's other arguments, then the captured arrays.
    loss, gradient, finite, stop
        At x: the loss, its gradient, whether the run may go on from there, and a number that
        is not 0 where it stops, and says why.
    next_x, next_state
        After the update.
    records
        What the history keeps of this iteration: numbers, of which the loss is the first.
    due
        Whether it keeps them; None where it always does.
    report
        What else is kept of the point where the run stops.
    guards
        What the path through loss, stop rule and method depends on, in order.
    sources
        The user's line for every node.
    """

    x: Node
    variable: Node
    count: Node
    state: tuple[Node, ...]
    data: tuple[Node, ...]
    loss: Node
    gradient: Node
    finite: Node
    stop: Node
    next_x: Node
    next_state: tuple[Node, ...]
    records: tuple[Node, ...] = ()
    due: Node | None = None
    report: tuple[Node, ...] = ()
    guards: tuple[Guard, ...] = ()
    sources: Mapping[Node, Source] = field(compare=False, repr=False, default_factory=dict)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """All inputs in order."""
        return (self.x, self.count, *self.state, *self.data)

    @property
    def computed(self) -> Stages:
        """Everything that is computed, in the order it is needed."""
        return Stages(
            AtPoint(self.loss, self.gradient, self.finite, self.records, self.due),
            AtStop(self.stop, self.report),
            Update(self.next_x, self.next_state),
        )

    @property
    def stages(self) -> tuple[tuple[Node, ...], ...]:
        """The same as nodes: up to the history, up to the stop rule, and the update."""
        return tuple(tuple(trees.leaves(stage)) for stage in self.computed)

    @property
    def at_x(self) -> tuple[Node, ...]:
        """Everything that is computed before the update."""
        at_point, at_stop, _ = self.stages
        return at_point + at_stop

    @property
    def outputs(self) -> tuple[Node, ...]:
        """Everything that is computed."""
        return tuple(trees.leaves(self.computed))

    def with_outputs(self, outputs: Sequence[Node], more_data: Sequence[Node] = ()) -> Iteration:
        """Return the same iteration with other nodes for its outputs, and further data."""
        computed: Stages = trees.unflatten(trees.structure(self.computed), outputs)
        return replace(self, data=(*self.data, *more_data), **computed.named())


@dataclass(frozen=True)
class BatchPlan:
    """How rows of data are dealt out to iterations.

    Attributes
    ----------
    samples
        Number of rows.
    size
        Rows of a batch; the last one of an epoch may be smaller.
    batched
        Which of the loss's arguments are dealt out; they come first among the data.
    """

    samples: int
    size: int
    batched: tuple[bool, ...]

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.samples // self.size)

    def is_batched(self, number: int) -> bool:
        """Whether a data input is dealt out."""
        return number < len(self.batched) and self.batched[number]

    @property
    def tail(self) -> int:
        """Rows of the last batch of an epoch if it is smaller, else 0."""
        return self.samples % self.size


@dataclass(frozen=True)
class Program:
    """A whole descent, ready for an engine.

    Attributes
    ----------
    paths
        The iteration, along each path that is known; data inputs are those of the last.
    tail_paths
        The same on the last, smaller batch of an epoch; none where there is no such batch.
    batches
        How data is dealt out; None for all of it in every iteration.
    record_x
        Whether the history keeps x too.
    evaluation
        What computes the iteration's data from x and the data proper, where the iteration is
        given in two parts: there is one path then, and no batches.
    """

    paths: tuple[Iteration, ...]
    tail_paths: tuple[Iteration, ...]
    batches: BatchPlan | None
    record_x: bool
    evaluation: Graph | None = None

    @property
    def full(self) -> Iteration:
        """The iteration along the path that was found last, which has every input."""
        return self.paths[-1]

    @property
    def tail(self) -> Iteration | None:
        """The same on the last batch of an epoch, if that is smaller."""
        return self.tail_paths[-1] if self.tail_paths else None

    @property
    def iterations(self) -> tuple[Iteration, ...]:
        """All of them."""
        return (*self.paths, *self.tail_paths)

    @property
    def traced(self) -> tuple[Iteration | Graph, ...]:
        """Everything that was traced."""
        evaluation = () if self.evaluation is None else (self.evaluation,)
        return (*self.paths, *self.tail_paths, *evaluation)


@dataclass(frozen=True)
class Start:
    """Where a descent starts.

    Attributes
    ----------
    x
        All parameters as one vector, in storage precision.
    state
        The method's state.
    data
        Values of the data inputs; whole arrays also where batches are taken.
    tail_data
        The same for the iteration on the last batch of an epoch.
    order
        Function of an epoch's number, returning the rows in the order of that epoch.
    epochs
        Number of epochs.
    count
        Updates made before: more than 0 where a run goes on from another.
    previous_x, previous_loss
        The point before the last update, and the loss there.
    """

    x: np.ndarray
    state: Sequence[np.ndarray]
    data: Sequence[np.ndarray]
    tail_data: Sequence[np.ndarray] = ()
    order: Callable[[int], np.ndarray] | None = None
    epochs: int = 0
    count: int = 0
    previous_x: np.ndarray | None = None
    previous_loss: float = float("nan")


@dataclass(frozen=True)
class Snapshot:
    """Where a run is, whole: another one may go on from there.

    Attributes
    ----------
    x, previous_x
        The point, and the one before the last update.
    state
        The method's state.
    count
        Updates made.
    previous_loss
        The loss before the last update.
    """

    x: np.ndarray
    previous_x: np.ndarray
    state: Sequence[np.ndarray]
    count: int
    previous_loss: float


class Outcome(enum.IntEnum):
    """Why a run came back."""

    PAUSED = 0
    STOPPED = 1
    DIVERGED = 2
    NEW_PATH = 3
    """The way leads where no path is known; nothing of this iteration has happened."""


@dataclass
class Recording:
    """What the history keeps, as lists of arrays that follow each other.

    Attributes
    ----------
    columns
        For each number that is kept, its values.
    xs
        The points, if they are kept.
    """

    columns: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    xs: list[np.ndarray] = field(default_factory=list)


class Run(Protocol):
    """A descent in progress on an engine.

    Attributes
    ----------
    count
        Updates made.
    x, previous_x
        The point now, and the one before the last update.
    state
        The method's state now.
    loss, previous_loss
        The losses last computed at these points; NaN where there is none.
    gradient
        The gradient at the point where the run stopped.
    reason
        The number that stopped it.
    report
        What else was kept of that point.
    recording
        The history so far.
    """

    recording: Recording

    @property
    def count(self) -> int: ...

    @property
    def x(self) -> np.ndarray: ...

    @property
    def previous_x(self) -> np.ndarray: ...

    @property
    def state(self) -> list[np.ndarray]: ...

    @property
    def loss(self) -> float: ...

    @property
    def previous_loss(self) -> float: ...

    @property
    def gradient(self) -> np.ndarray: ...

    @property
    def reason(self) -> int: ...

    @property
    def report(self) -> list[np.ndarray]: ...

    def advance(self, steps: int) -> Outcome:
        """Make at most so many updates."""
        ...

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return what will tell where the run is now, also when it is over."""
        ...

    def release(self) -> None:
        """Give memory back; the run is over, and its arrays are not looked at again."""
        ...


class Engine(Protocol):
    """Where graphs run."""

    @property
    def name(self) -> str: ...

    @property
    def takes_parts(self) -> bool:
        """Whether it takes an iteration in two parts."""
        ...

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs."""
        ...

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return what starts the descent (compiling here, once)."""
        ...

    def prepare_call(
        self, program: Program, state: Sequence[np.ndarray], steps: int
    ) -> Callable[[tuple[Any, ...]], Any] | None:
        """Return what makes a descent of at most so many steps in one call.

        It begins in a state, is given x and the values of the data inputs, and returns a
        :class:`Run` that is over; None where it did not stop, or an array is of another kind,
        or not finite. An engine that does not take parts need not have this.
        """
        ...

    def first_budget(self, program: Program) -> int:
        """Return how many iterations surely take less than some ten milliseconds."""
        ...

    def prepare_many(
        self, program: ManyProgram
    ) -> Callable[[ManyStart, Watch], ManyAnswers] | None:
        """Return what works through many problems; None if this engine takes one at a time."""
        ...

"""Programs that engines run: one iteration of a descent as a graph, and batches of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from steepest.graph import Graph, Guard, Node, Source, trees


class AtPoint(NamedTuple):
    """The values that an iteration computes first: see :class:`Iteration`."""

    loss: Any
    gradient: Any
    finite: Any
    records: tuple[Any, ...]
    due: Any


class AtStop(NamedTuple):
    """The values that an iteration computes to decide whether it stops."""

    stop: Any
    report: tuple[Any, ...]


class Update(NamedTuple):
    """The values that an iteration computes last, unless it stops."""

    next_x: Any
    next_state: tuple[Any, ...]


class Stages(NamedTuple):
    """All values that an iteration computes, in the order in which they are needed."""

    at_point: AtPoint
    at_stop: AtStop
    update: Update

    def named(self) -> dict[str, Any]:
        """Return all values by name."""
        return {name: value for stage in self for name, value in stage._asdict().items()}


@dataclass(frozen=True)
class Iteration:
    """One iteration, as nodes over common inputs.

    Attributes
    ----------
    x
        Input: all parameters as one vector, in storage precision.
    variable
        The same vector in the precision of the arithmetic; the gradient is with respect to it.
    count
        Input: the number of updates made before.
    state
        Inputs: the method's state.
    data
        Inputs: the loss's other arguments, then the captured arrays.
    loss, gradient, finite, stop
        At x: the loss, its gradient, whether the run can continue from there, and a number
        that says why the run stops (0 if it does not).
    next_x, next_state
        The values after the update.
    records
        The numbers that the history records of this iteration; the loss is the first.
    due
        Whether the history records this iteration; None if it records all.
    report
        Other values that are stored when the run stops.
    guards
        The guards of the path through loss, stop rule and method, in order.
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
        """All computed values, in the order in which they are needed."""
        return Stages(
            AtPoint(self.loss, self.gradient, self.finite, self.records, self.due),
            AtStop(self.stop, self.report),
            Update(self.next_x, self.next_state),
        )

    @property
    def stages(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes of each stage: up to the history, up to the stop rule, and the update."""
        return tuple(tuple(trees.leaves(stage)) for stage in self.computed)

    @property
    def at_x(self) -> tuple[Node, ...]:
        """All nodes that are computed before the update."""
        at_point, at_stop, _ = self.stages
        return at_point + at_stop

    @property
    def outputs(self) -> tuple[Node, ...]:
        """All computed nodes."""
        return tuple(trees.leaves(self.computed))

    def with_outputs(self, outputs: Sequence[Node], more_data: Sequence[Node] = ()) -> Iteration:
        """Return this iteration with other nodes as outputs, and further data inputs."""
        computed: Stages = trees.unflatten(trees.structure(self.computed), outputs)
        return replace(self, data=(*self.data, *more_data), **computed.named())


@dataclass(frozen=True)
class BatchPlan:
    """The batches of rows that iterations take.

    Attributes
    ----------
    samples
        Number of rows.
    size
        Rows of a batch; the last one of an epoch may be smaller.
    batched
        For each of the loss's arguments, which come first among the data, whether batches are
        taken of it.
    """

    samples: int
    size: int
    batched: tuple[bool, ...]

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.samples // self.size)

    def is_batched(self, number: int) -> bool:
        """Whether batches are taken of a data input."""
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
        The iteration along each known path; data inputs are those of the last.
    tail_paths
        The iteration on the last, smaller batch of an epoch; none if there is no such batch.
    batches
        The batches; None if every iteration takes all data.
    record_x
        Whether the history records x, too.
    evaluations
        If the iteration is given in two parts, the graph that computes the iteration's data
        from x and the data, along each known path. There is one iteration then, and no batches.
    streamed
        For each of the evaluation's inputs after x, whether it is read in blocks: the data have
        :class:`~steepest.streams.Source` in its place. Nothing if none is.
    names
        The names of the data inputs, for messages.
    """

    paths: tuple[Iteration, ...]
    tail_paths: tuple[Iteration, ...]
    batches: BatchPlan | None
    record_x: bool
    evaluations: tuple[Graph, ...] = ()
    streamed: tuple[bool, ...] = ()
    names: tuple[str, ...] = field(default=(), compare=False)

    @property
    def full(self) -> Iteration:
        """The iteration along the path that was found last, which has all inputs."""
        return self.paths[-1]

    @property
    def data(self) -> tuple[Node, ...]:
        """The inputs that are given: those of the iteration, or of the evaluation but x."""
        return self.evaluations[-1].inputs[1:] if self.evaluations else self.full.data

    @property
    def tail(self) -> Iteration | None:
        """The iteration on the last batch of an epoch, if that is smaller."""
        return self.tail_paths[-1] if self.tail_paths else None

    @property
    def iterations(self) -> tuple[Iteration, ...]:
        """The iterations along all paths."""
        return (*self.paths, *self.tail_paths)

    @property
    def traced(self) -> tuple[Iteration | Graph, ...]:
        """All traced graphs."""
        return (*self.paths, *self.tail_paths, *self.evaluations)

    @property
    def branches(self) -> bool:
        """Whether the course of an iteration depends on values."""
        return any(part.guards for part in self.traced)

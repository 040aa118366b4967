"""What an engine runs: one iteration of a descent as a graph, and the batches of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

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

"""What an engine is given to run: one iteration of a descent, as a graph."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from steepest.graph import Graph, Node, Source


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
        At x: the loss, its gradient, whether loss and x are finite, and whether to stop.
    next_x, next_state
        After the update.
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
    sources: Mapping[Node, Source] = field(compare=False, repr=False, default_factory=dict)

    @property
    def inputs(self) -> tuple[Node, ...]:
        """All inputs in order."""
        return (self.x, self.count, *self.state, *self.data)

    @property
    def outputs(self) -> tuple[Node, ...]:
        """Everything that is computed, in the order it is needed."""
        at_x = (self.loss, self.gradient, self.finite, self.stop)
        return (*at_x, self.next_x, *self.next_state)


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
    full
        The iteration.
    tail
        The iteration on the last, smaller batch of an epoch, if there is one.
    batches
        How data is dealt out; None for all of it in every iteration.
    record_every
        The history keeps every so manieth iteration; 0 keeps none.
    record_x
        Whether it keeps x too.
    """

    full: Iteration
    tail: Iteration | None
    batches: BatchPlan | None
    record_every: int
    record_x: bool


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
    """

    x: np.ndarray
    state: Sequence[np.ndarray]
    data: Sequence[np.ndarray]
    tail_data: Sequence[np.ndarray] = ()
    order: Callable[[int], np.ndarray] | None = None
    epochs: int = 0


class Outcome(enum.IntEnum):
    """Why a run came back."""

    PAUSED = 0
    STOPPED = 1
    DIVERGED = 2


@dataclass
class Recording:
    """What the history keeps, as lists of arrays that follow each other."""

    iterations: list[np.ndarray] = field(default_factory=list)
    losses: list[np.ndarray] = field(default_factory=list)
    xs: list[np.ndarray] = field(default_factory=list)


class Run(Protocol):
    """A descent in progress on an engine.

    Attributes
    ----------
    count
        Updates made.
    x, previous_x
        The point now, and the one before the last update.
    loss, previous_loss
        The losses last computed at these points; NaN where there is none.
    gradient
        The gradient at the point where the run stopped.
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
    def loss(self) -> float: ...

    @property
    def previous_loss(self) -> float: ...

    @property
    def gradient(self) -> np.ndarray: ...

    def advance(self, steps: int) -> Outcome:
        """Make at most so many updates."""
        ...

    def release(self) -> None:
        """Give memory back; the run is over, and its arrays are not looked at again."""
        ...


class Engine(Protocol):
    """Where graphs run."""

    @property
    def name(self) -> str: ...

    def compile(self, graph: Graph) -> Callable[[Sequence[Any]], list[np.ndarray]]:
        """Return the graph as a function of flat inputs."""
        ...

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return what starts the descent (compiling here, once)."""
        ...

    def first_budget(self, program: Program) -> int:
        """Return how many iterations surely take less than some ten milliseconds."""
        ...

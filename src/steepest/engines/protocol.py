"""What an engine is: it starts a program, runs it for some steps, and says how that ended."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.program import Program
from steepest.graph import Graph


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

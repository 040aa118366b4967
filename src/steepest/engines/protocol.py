"""The interface of engines: an engine compiles a program and runs descents of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.program import Program
from steepest.graph import Graph


@dataclass(frozen=True)
class Start:
    """The start of a descent.

    Attributes
    ----------
    x
        All parameters as one vector, in storage precision.
    state
        The method's state.
    data
        Values of the data inputs; whole arrays, also if batches are taken of them. Of what is
        read in blocks, the source.
    tail_data
        Values of the data inputs for the iteration on the last batch of an epoch.
    pieces
        Function of an epoch's number that yields the numbers of rows in the order of that epoch,
        piece by piece. The rows of a piece are near each other.
    epochs
        Number of epochs.
    count
        Updates made before; more than 0 if the run continues another one.
    previous_x, previous_loss
        The point before the last update, and the loss there.
    """

    x: np.ndarray
    state: Sequence[np.ndarray]
    data: Sequence[np.ndarray]
    tail_data: Sequence[np.ndarray] = ()
    pieces: Callable[[int], Iterable[np.ndarray]] | None = None
    epochs: int = 0
    count: int = 0
    previous_x: np.ndarray | None = None
    previous_loss: float = float("nan")


@dataclass(frozen=True)
class Snapshot:
    """The whole state of a run, from which another run can continue.

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
    """Why a run returned."""

    PAUSED = 0
    STOPPED = 1
    DIVERGED = 2
    NEW_PATH = 3
    """The iteration takes a path that is not known; nothing of it has happened."""
    LOST = 4
    """The machines that compute it are lost; nothing of the iteration has happened."""


@dataclass
class Recording:
    """The history of a run, in pieces that follow each other.

    Attributes
    ----------
    columns
        For each piece, the values of every recorded number.
    xs
        For each piece, the points, if they are recorded.
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
        The current point, and the one before the last update.
    state
        The method's current state.
    loss, previous_loss
        The losses last computed at these points; NaN if there is none.
    gradient
        The gradient at the point where the run stopped.
    reason
        The value of ``Iteration.stop`` that stopped it.
    report
        The values of ``Iteration.report`` at that point.
    recording
        The history so far.
    tiers
        Seconds of what ran so far, by its name.
    """

    recording: Recording
    tiers: dict[str, float]

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
        """Make at most `steps` updates; return why the run paused or ended."""
        ...

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return a function that returns the run's current state, also after later updates."""
        ...

    def release(self) -> None:
        """Give memory back; the run is over, and nobody reads its arrays any more."""
        ...


@runtime_checkable
class RunInPasses(Run, Protocol):
    """A run each of whose evaluations is a pass over data on disk, which may be given up.

    Attributes
    ----------
    first_loss
        The loss at the start, before any update; NaN if it is not known yet.
    loss_of_machines
        Why the outcome was ``LOST``; empty if it was not.
    """

    loss_of_machines: str

    @property
    def first_loss(self) -> float: ...

    def gradient_at(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient at a point, if the last evaluation was there; else NaN."""
        ...


OneCall = Callable[[tuple[Any, ...]], Any]
"""Makes a whole descent. It takes x and the values of the data inputs, and returns a :class:`Run`
that is over; None if the descent did not stop, or if an array is not finite or has another shape
or dtype."""


class Starter(Protocol):
    """Starts runs of a descent."""

    def __call__(self, start: Start) -> Run:
        """Start a run."""
        ...

    def one_call(
        self, steps: int
    ) -> Callable[[Sequence[np.ndarray], Sequence[int]], OneCall] | None:
        """Return what prepares whole descents of at most `steps` updates in one call.

        It takes the method's first state, and the numbers of its arrays that are the start. None
        if the engine makes none, or not yet. A starter need not have this method.
        """
        ...


class Engine(Protocol):
    """A way to evaluate graphs and to run descents."""

    @property
    def name(self) -> str: ...

    @property
    def takes_parts(self) -> bool:
        """Whether it runs iterations that are given in two parts (``Program.evaluation``)."""
        ...

    @property
    def takes_blocks(self) -> bool:
        """Whether data may be read in blocks (``Program.streamed``)."""
        ...

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs."""
        ...

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Compile a descent; return a function that starts runs of it."""
        ...

    def first_budget(self, program: Program) -> int:
        """Return a number of iterations that take less than some ten milliseconds, or 0."""
        ...

    def prepare_many(
        self, program: ManyProgram
    ) -> Callable[[ManyStart, Watch], ManyAnswers | None] | None:
        """Return a function that solves many problems; None if they go one at a time here."""
        ...

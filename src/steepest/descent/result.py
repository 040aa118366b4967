"""What a descent returns."""

from __future__ import annotations

import enum
import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.methods.protocol import Failure
from steepest.descent.stop import StopRule
from steepest.errors import InputError
from steepest.graph import Graph


class Status(enum.Enum):
    """How a descent ended; the value is the sentence for people."""

    CONVERGED = "The stop rule was met."
    EPOCHS_DONE = "All epochs were done."
    ITERATION_LIMIT = "The limit on iterations was reached before any other stop rule was met."
    PRECISION = "No lower point can be told from this one in this precision."
    STALLED = "The search found no lower point."
    UNBOUNDED = "The loss seems unbounded below."
    UNDERDETERMINED = "There are fewer data than parameters."
    FLAT = "The slopes are all zero or not finite, so that there is no direction to go."
    DIVERGED = "The descent diverged: the last finite point is returned."
    INTERRUPTED = "The run was interrupted: the point reached so far is returned."
    TIME_LIMIT = "The time limit was reached: the point reached so far is returned."
    CALLBACK = "The callback ended the run."
    SINGULAR = "The descent ended where the Jacobian is singular: start elsewhere."

    def __str__(self) -> str:
        return self.value

    @classmethod
    def of_failure(cls, number: int) -> Status:
        """Return what it means that a search failed for that reason."""
        return cls[Failure(number).name]

    @classmethod
    def of_rules(cls, met: Sequence[StopRule]) -> Status:
        """Return what it means that these stop rules were met."""
        return cls.CONVERGED if any([rule.is_goal for rule in met]) else cls.ITERATION_LIMIT

    @property
    def is_success(self) -> bool:
        """Whether the goal was reached."""
        return self in _SUCCESSES


_SUCCESSES = (Status.CONVERGED, Status.PRECISION, Status.EPOCHS_DONE)


@dataclass(frozen=True)
class History:
    """What was recorded on the way; all arrays have one row for each recorded iteration.

    Attributes
    ----------
    iteration
        Numbers of updates made before, starting with 0 at the start point.
    loss
        The loss there (of the batch, where batches are taken).
    x
        The parameters there, in their own structure with a leading axis; None if x was not
        recorded.
    gradient_norm
        The Euclidean norm of the gradient there.
    step_length
        The Euclidean norm of the update that led there; 0 at the start.
    evaluations
        How often loss and gradient had been computed.
    """

    iteration: np.ndarray
    loss: np.ndarray
    x: Any
    gradient_norm: np.ndarray
    step_length: np.ndarray
    evaluations: np.ndarray

    def __len__(self) -> int:
        return len(self.iteration)


@dataclass(frozen=True)
class Timings:
    """Seconds spent.

    Attributes
    ----------
    trace
        Recording and differentiating the loss; 0 where an earlier trace still held.
    compile
        Preparing the engine; 0 where compiled code was there already.
    run
        The descent itself.
    """

    trace: float
    compile: float
    run: float

    @property
    def total(self) -> float:
        """The sum."""
        return self.trace + self.compile + self.run


@dataclass(frozen=True)
class Result:
    """A finished descent.

    Attributes
    ----------
    x
        The parameters reached, in the structure of the start.
    loss
        The loss there (over all data, where batches were taken).
    gradient
        The gradient there, in the structure of the start; where start values are marked, by
        the free numbers, as a dict by name.
    iterations
        Updates made.
    evaluations
        How often loss and gradient were computed.
    status
        How it ended.
    look_back
        Returns what was recorded on the way.
    timings
        Seconds for trace, compile and run.
    explain
        Returns the message.
    graph
        The graph of the loss.
    engine
        Name of the engine.
    method, reason
        The descent method, and why it was taken if nobody asked for it.
    active
        Where there are bounds: -1 for each parameter on its lower one, 1 on its upper one, 0
        elsewhere; None where there are none.
    report
        What the method kept of the point where it stopped.
    observations
        Number of residuals, where there are any.
    vector
        The free parameters as a vector.
    store
        Writes to a file where the run ended.
    """

    x: Any
    loss: float
    gradient: Any
    iterations: int
    evaluations: int
    status: Status
    explain: Callable[[], str] = field(repr=False, compare=False)
    look_back: Callable[[], History] = field(repr=False, compare=False)
    timings: Timings
    graph: Graph = field(repr=False)
    engine: str = "native"
    method: Any = None
    reason: str = ""
    active: Any = None
    report: tuple[np.ndarray, ...] = field(default=(), repr=False)
    observations: int = 0
    vector: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)
    store: Callable[..., None] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        rows = {
            "message": self.message,
            "x": self.x,
            "loss": self.loss,
            "iterations": self.iterations,
            "method": f"{type(self.method).__name__}" + (self.reason and f" ({self.reason})"),
            "engine": self.engine,
        }
        return "\n".join(f"{name:>10}: {value}" for name, value in rows.items())

    @property
    def message(self) -> str:
        """How it ended, with the particulars."""
        return self.explain()

    @functools.cached_property
    def history(self) -> History:
        """What was recorded on the way."""
        return self.look_back()

    @property
    def converged(self) -> bool:
        """Whether the descent reached its goal."""
        return self.status.is_success

    def save(self, path: Any) -> None:
        """Write to a file where the run ended, for :func:`resume` to go on from there.

        Parameters
        ----------
        path
            The file: safetensors, with settings as JSON in its header. It is written whole
            or not at all.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        if self.store is None:
            raise InputError(
                "this run came out of a pickle, which does not hold what is needed to go on: "
                "save it before"
            )
        self.store(path)

    def __getstate__(self) -> dict[str, Any]:
        """Return what goes into a pickle: neither the graph, nor what is needed to go on."""
        left_out = ("explain", "look_back", "store", "graph")
        state = {k: v for k, v in vars(self).items() if k not in left_out}
        return state | {"message": self.message, "history": self.history}

    def __setstate__(self, state: dict[str, Any]) -> None:
        message = state.pop("message")
        self.__dict__.update(state, explain=functools.partial(str, message))
        self.__dict__.update(look_back=None, store=None, graph=None)

    # SciPy's names for the same things.

    @property
    def fun(self) -> float:
        """The loss, under SciPy's name."""
        return self.loss

    @property
    def jac(self) -> Any:
        """The gradient, under SciPy's name."""
        return self.gradient

    @property
    def nit(self) -> int:
        """The number of iterations, under SciPy's name."""
        return self.iterations

    @property
    def nfev(self) -> int:
        """The number of evaluations of loss and gradient, under SciPy's name."""
        return self.evaluations

    @property
    def njev(self) -> int:
        """The same: they are evaluated together."""
        return self.evaluations

    @property
    def success(self) -> bool:
        """Whether the descent reached its goal, under SciPy's name."""
        return self.converged

    def plot(self, path: Any = None) -> Any:
        """Plot the loss, and the path if x has two numbers (needs matplotlib).

        Parameters
        ----------
        path
            File to write; None returns the figure only.

        Returns
        -------
        matplotlib.figure.Figure
        """
        # Presentation stands above descent: reached by name, and only from here.
        return importlib.import_module("steepest.show.plot").plot(self, path)

"""What a descent returns."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.methods import NewtonCG, TrustRegion
from steepest.descent.methods.base import Failure
from steepest.descent.results.keyed_result import KeyedResult
from steepest.descent.stop_rules import MaxIterations, StopRule
from steepest.errors import InputError
from steepest.graph import Graph
from steepest.presentation import presenter

__all__ = ["History", "Result", "Status", "Timings"]


class Status(int, enum.Enum):
    """How a descent ended.

    Each is also the number that SciPy's ``minimize`` has for the same: 0 for a success, 1 for
    a limit, 2 where no lower point was found, 3 for a loss that is not finite, 99 for a
    callback; those that SciPy does not know are 4 to 9. Two of them are equal only if they are
    the same. The value, and ``str(status)``, is the sentence for people.
    """

    CONVERGED = 0, "The stop rule was met."
    EPOCHS_DONE = 0, "All epochs were done."
    ITERATION_LIMIT = 1, "The limit on iterations was reached before any other stop rule was met."
    LIMIT = 1, "A stop rule that is no goal was met before any that is one."
    PRECISION = 0, "No lower point can be told from this one in this precision."
    STALLED = 2, "The search found no lower point."
    UNBOUNDED = 4, "The loss seems unbounded below."
    UNDERDETERMINED = 6, "There are fewer data than parameters."
    FLAT = 5, "The slopes are all zero or not finite, so that there is no direction to go."
    DIVERGED = 3, "The descent diverged: the last finite point is returned."
    INTERRUPTED = 7, "The run was interrupted: the point reached so far is returned."
    TIME_LIMIT = 8, "The time limit was reached: the point reached so far is returned."
    SINGULAR = 9, "The descent ended where the Jacobian is singular: start elsewhere."
    CALLBACK = 99, "The callback ended the run."

    def __new__(cls, number: int, sentence: str) -> Status:
        """Return a member: a number, whose value is a sentence."""
        member = int.__new__(cls, number)
        member._value_ = sentence
        return member

    def __str__(self) -> str:
        return str(self._value_)

    def __format__(self, format_spec: str) -> str:
        as_number = format_spec[-1:] in tuple("bdoxXneEfFgG%")
        return format(int(self) if as_number else str(self), format_spec)

    def __repr__(self) -> str:
        return f"<Status.{self.name}: {int(self)}>"

    # Several are the number 0, and yet not the same.

    def __eq__(self, other: object) -> bool:
        return self is other if isinstance(other, Status) else int(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return getattr, (Status, self.name)

    @classmethod
    def of_failure(cls, number: int) -> Status:
        """Return what it means that a search failed for that reason."""
        return cls[Failure(number).name]

    @classmethod
    def of_rules(cls, met: Sequence[StopRule]) -> Status:
        """Return what it means that these stop rules were met."""
        if any([rule.is_goal for rule in met]):
            return cls.CONVERGED
        counts = any([type(rule) is MaxIterations for rule in met])
        return cls.ITERATION_LIMIT if counts else cls.LIMIT

    @property
    def is_success(self) -> bool:
        """Whether the goal was reached."""
        return int(self) == 0


_LOOKS_AT_HESSIANS = (NewtonCG, TrustRegion)
"""Methods that look at the loss's own curvature wherever they look at the loss."""


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


_SCIPYS = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "success", "message")
_OURS = ("loss", "gradient", "iterations", "evaluations", "converged", "history", "timings")
_HOW = ("method", "reason", "engine", "graph", "active", "notes")


@dataclass(frozen=True)
class Result(KeyedResult):
    """A finished descent.

    It also answers as SciPy's results do: ``run.fun``, ``run["x"]``, ``run.keys()``,
    ``dict(run)``, ``run.status == 0`` where it converged.

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
    curvature
        What returns what the method knows of the curvature, by SciPy's names: ``"hess_inv"``
        of BFGS (a matrix) and of L-BFGS (a linear operator), ``"hess"`` of trust regions.
    notes
        Sentences on what was asked for or given, and has no effect.
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
    curvature: Mapping[str, Callable[[], Any]] = field(
        default_factory=dict, repr=False, compare=False
    )
    notes: tuple[str, ...] = ()

    def _names(self) -> Sequence[str]:
        counted = ("nhev",) if isinstance(self.method, _LOOKS_AT_HESSIANS) else ()
        return (*_SCIPYS, *counted, *self.curvature, *_OURS, *_HOW)

    def values(self) -> ValuesView[Any]:
        """Return what the names stand for, as SciPy's results do."""
        return dict(self.items()).values()

    def __iter__(self) -> Iterator[str]:
        """Yield the names that the result answers to, as SciPy's results do."""
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

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
        return " ".join([self.explain(), *self.notes])

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
        curvature = {name: known() for name, known in self.curvature.items()}
        made = {"message": self.explain(), "history": self.history, "curvature": curvature}
        return state | made

    def __setstate__(self, state: dict[str, Any]) -> None:
        message, known = state.pop("message"), state.pop("curvature", {})
        curvature = {name: functools.partial(_itself, value) for name, value in known.items()}
        self.__dict__.update(state, explain=functools.partial(str, message), curvature=curvature)
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

    @property
    def nhev(self) -> int:
        """How often curvature was looked at, where the method does: with every evaluation."""
        if not isinstance(self.method, _LOOKS_AT_HESSIANS):
            raise AttributeError(f"{type(self.method).__name__} looks at no Hessian: no nhev")
        return self.evaluations

    @functools.cached_property
    def hess_inv(self) -> Any:
        """The inverse Hessian as BFGS and L-BFGS have learned it, as SciPy's.

        That of BFGS is a matrix, shape (n, n); that of L-BFGS SciPy's ``LbfgsInvHessProduct``.
        """
        return self._curvature("hess_inv", "keeps no inverse Hessian")

    @functools.cached_property
    def hess(self) -> Any:
        """The Hessian at the end, shape (n, n), of trust regions."""
        return self._curvature("hess", "keeps no Hessian: take st.hessian")

    def _curvature(self, name: str, otherwise: str) -> Any:
        if name not in self.curvature:
            raise AttributeError(f"{type(self.method).__name__} {otherwise}")
        return self.curvature[name]()

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
        return presenter("plot").plot(self, path)


def _itself(value: Any) -> Any:
    return value


Mapping.register(Result)

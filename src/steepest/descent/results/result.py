"""The result of a descent: its point, history and timings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.methods import NewtonCG, TrustRegion
from steepest.descent.results.history_frame import history_frame
from steepest.descent.results.keyed_result import KeyedResult, shortened
from steepest.descent.results.landscape import Landscape
from steepest.descent.results.status import Status
from steepest.errors import InputError
from steepest.graph import Graph
from steepest.presentation import presenter

__all__ = ["History", "Result", "Status", "Timings"]


_USES_HESSIANS = (NewtonCG, TrustRegion)
"""Methods that use the Hessian at each evaluation."""


@dataclass(frozen=True, repr=False)
class History:
    """The recorded iterations of a descent; arrays have one row for each.

    Attributes
    ----------
    iteration : ndarray
        Number of updates made before; 0 at the start point. Shape (k,).
    loss : ndarray
        The loss at that iterate (of the batch, if batches are used), shape (k,).
    x : ndarray or nested parameters
        The iterates, in the structure of the start values with a leading axis; None if they were
        not recorded.
    gradient_norm : ndarray
        Euclidean norm of the gradient at the iterate, shape (k,).
    step_length : ndarray
        Euclidean norm of the update that led to the iterate, 0 at the start, shape (k,).
    evaluations : ndarray
        Number of evaluations of loss and gradient so far, shape (k,).

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(x**2), np.ones(2), method=st.GradientDescent(0.25),
    ...                   stop=st.MaxIterations(3))
    >>> run.history.iteration, run.history.loss
    (array([0, 1, 2, 3]), array([2.     , 0.5    , 0.125  , 0.03125]))
    >>> run.history.x[1]
    array([0.5, 0.5])
    """

    iteration: np.ndarray
    loss: np.ndarray
    x: Any
    gradient_norm: np.ndarray
    step_length: np.ndarray
    evaluations: np.ndarray

    def __len__(self) -> int:
        return len(self.iteration)

    def __repr__(self) -> str:
        of_x = "without x" if self.x is None else "with x"
        ends = f", loss {self.loss[0]:.6g} to {self.loss[-1]:.6g}" if len(self) else ""
        return f"History({len(self)} iterations{ends}, {of_x})"

    def _repr_html_(self) -> str:
        text: str = presenter("descent_tables").history_html(self)
        return text

    def to_frame(self) -> Any:
        """Return the history as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each recorded iteration, with its number as index: ``loss``,
            ``gradient_norm``, ``step_length``, ``evaluations``, and a column for each number in
            x, if it was recorded.

        Raises
        ------
        EngineUnavailableError
            If pandas is not installed.
        """
        return history_frame(self)


@dataclass(frozen=True)
class Timings:
    """Seconds that the parts of a run took.

    Attributes
    ----------
    trace : float
        Recording and differentiating the loss; 0 if an earlier trace was used again.
    compile : float
        Preparing the engine; 0 if compiled code was found.
    run : float
        The descent itself.
    tiers : dict of str to float
        Seconds of the descent by what ran: ``"baseline"`` machine code made in haste,
        ``"optimized"`` code, the ``"fused"`` loop of function and method, ``"numpy"`` or
        ``"torch"``. All machine code computes the same bits.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(x**2), np.ones(2))
    >>> timings = run.timings
    >>> timings.total == timings.trace + timings.compile + timings.run
    True
    """

    trace: float
    compile: float
    run: float
    tiers: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def total(self) -> float:
        """Sum of the three."""
        return self.trace + self.compile + self.run


_SCIPYS = ("x", "fun", "jac", "nit", "nfev", "njev", "status", "success", "message")
_OURS = ("loss", "gradient", "iterations", "evaluations", "converged", "history", "timings")
_HOW = ("method", "reason", "engine", "graph", "active", "notes")


@dataclass(frozen=True, repr=False)
class Result(KeyedResult):
    """The result of :func:`minimize`: the point reached, and how the descent went.

    SciPy's names of fields work too: ``run.fun``, ``run["x"]``, ``run.keys()``, ``dict(run)``.
    ``run.status == 0`` if the run converged.

    Attributes
    ----------
    x : ndarray or nested parameters
        The point reached, in the structure of the start values.
    loss : float
        The loss at `x` (over all data, also if batches are used).
    gradient : ndarray or nested parameters
        The gradient at `x`, in the structure of the start values. If start values are marked, it
        is a dict of the gradients by the free parameters.
    iterations : int
        Number of updates made.
    evaluations : int
        Number of evaluations of loss and gradient.
    status : Status
        How the run ended.
    explain : callable
        Returns the message.
    look_back : callable
        Returns the history.
    timings : Timings
        Seconds for trace, compile and run.
    graph : Graph
        The graph of the loss.
    engine : str
        Name of the engine.
    method : Method or Search
        The descent method.
    reason : str
        Why the method was chosen; empty if the caller chose it.
    active : ndarray or nested parameters, optional
        For each parameter -1 if it is on its lower bound, 1 on its upper bound, else 0; None if
        there are no bounds.
    report : tuple of ndarray
        Arrays that the method reported at the point where it stopped.
    observations : int
        Number of residuals; 0 if the loss is not a sum of squares.
    vector : ndarray
        The free parameters as a vector, shape (n,).
    store : callable, optional
        Writes the run to a file.
    curvature : dict of callables
        Curvature that the method knows, by SciPy's names: ``"hess_inv"`` of BFGS (a matrix) and of
        L-BFGS (a linear operator), ``"hess"`` of :class:`TrustRegion`.
    notes : tuple of str
        Sentences on arguments that had no effect.
    look_around : callable, optional
        Returns the loss around the path, which plots draw; None if it is not known.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2))
    >>> run.x.round(6), run.converged, run.status.name
    (array([3., 3.]), True, 'CONVERGED')
    >>> type(run.method).__name__, run.history.loss[0].item()
    ('BFGS', 18.0)
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
    look_around: Callable[[], Landscape] | None = field(default=None, repr=False, compare=False)

    def _names(self) -> Sequence[str]:
        counted = ("nhev",) if isinstance(self.method, _USES_HESSIANS) else ()
        return (*_SCIPYS, *counted, *self.curvature, *_OURS, *_HOW)

    def values(self) -> ValuesView[Any]:
        """Return the values of the fields, as SciPy's results do."""
        return dict(self.items()).values()

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the fields, as SciPy's results do."""
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __repr__(self) -> str:
        return shortened(
            f"{type(self).__name__}({self.status.name}",
            self.x,
            f"loss={self.loss:.8g}, iterations={self.iterations})",
        )

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
        """How the run ended, with details and notes."""
        return " ".join([self.explain(), *self.notes])

    @functools.cached_property
    def history(self) -> History:
        """The recorded iterations."""
        return self.look_back()

    @property
    def converged(self) -> bool:
        """Whether the run met a goal."""
        return self.status.is_success

    def save(self, path: Any) -> None:
        """Save the end of the run to a file, for :func:`resume` to continue from.

        Parameters
        ----------
        path : path_like
            File to write, in the safetensors format, with settings as JSON in its header. An
            existing file is replaced only when the new one is complete.

        Raises
        ------
        InputError
            If the file cannot be written, or the result was loaded from a pickle.
        """
        if self.store is None:
            raise InputError(
                "this result was loaded from a pickle, which does not contain the state of the "
                "run: save the run before pickling it"
            )
        self.store(path)

    def __getstate__(self) -> dict[str, Any]:
        """Return the content of a pickle, without the graph and what :meth:`save` needs."""
        left_out = ("explain", "look_back", "look_around", "store", "graph")
        state = {k: v for k, v in vars(self).items() if k not in left_out}
        curvature = {name: known() for name, known in self.curvature.items()}
        computed = {"message": self.explain(), "history": self.history, "curvature": curvature}
        return state | computed

    def __setstate__(self, state: dict[str, Any]) -> None:
        message, known = state.pop("message"), state.pop("curvature", {})
        curvature = {name: functools.partial(_itself, value) for name, value in known.items()}
        self.__dict__.update(state, explain=functools.partial(str, message), curvature=curvature)
        self.__dict__.update(look_back=None, look_around=None, store=None, graph=None)

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
        """The number of gradients computed: one for each evaluation."""
        return self.evaluations

    @property
    def success(self) -> bool:
        """Whether the run met a goal, under SciPy's name."""
        return self.converged

    @property
    def nhev(self) -> int:
        """The number of Hessians or Hessian-vector products used: one for each evaluation."""
        if not isinstance(self.method, _USES_HESSIANS):
            raise AttributeError(f"{type(self.method).__name__} uses no Hessian: no nhev")
        return self.evaluations

    @functools.cached_property
    def hess_inv(self) -> Any:
        """The inverse Hessian that BFGS or L-BFGS has estimated, as in SciPy.

        A matrix of shape (n, n) for BFGS, SciPy's ``LbfgsInvHessProduct`` for L-BFGS.
        """
        return self._curvature("hess_inv", "keeps no inverse Hessian")

    @functools.cached_property
    def hess(self) -> Any:
        """The Hessian at `x`, shape (n, n), for :class:`TrustRegion`."""
        return self._curvature("hess", "keeps no Hessian: take st.hessian")

    def _curvature(self, name: str, otherwise: str) -> Any:
        if name not in self.curvature:
            raise AttributeError(f"{type(self.method).__name__} {otherwise}")
        return self.curvature[name]()

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Plot the descent (needs matplotlib).

        With one parameter, the loss as a curve and the points on it. With two, the path on
        contours of the loss (less its least value, on a logarithmic scale), with what constraints
        and bounds exclude hatched. Beside them, or with more parameters, the loss, the gradient
        norm and the step length by iteration, and the loss on the plane that holds start, end and
        the largest deviation of the path from the line between them.

        Parameters
        ----------
        path : path_like, optional
            File to write the figure to, in the format of its suffix: ``.png``, ``.svg``, ``.pdf``.
        ax : matplotlib.axes.Axes, optional
            Axes to draw one panel in: the curve, the contours, or for more parameters the loss.
            By default a new figure has all panels.

        Returns
        -------
        matplotlib.figure.Figure
            The figure. Notebooks show it, and so does ``plt.show()`` if pyplot was imported before
            and no path is given.
        """
        return presenter("descent_plots").plot(self, path, ax)

    def animate(
        self, path: Any, seconds: float = 5.0, metric: Any = None, name: str = "metric"
    ) -> Any:
        """Write the descent as a film (needs matplotlib).

        With one or two parameters, the path grows on the curve or on the contours of the loss.
        Otherwise, the loss by iteration does; with batches, the mean loss of each epoch.

        Parameters
        ----------
        path : path_like
            File to write: ``.gif``, ``.html`` (a page that needs no other file) or ``.mp4``
            (which needs the program ffmpeg).
        seconds : float, optional
            How long the film lasts.
        metric : array_like, optional
            Numbers to show below the loss, such as an accuracy that a callback has noted after
            each iteration or epoch.
        name : str, optional
            What `metric` is.

        Returns
        -------
        Path
            The file written.

        Raises
        ------
        InputError
            If the suffix is another one, or the history has no iterations.
        EngineUnavailableError
            If ffmpeg is needed and not installed.
        """
        return presenter("animations").animate(self, path, seconds, metric, name)

    def _repr_html_(self) -> str:
        text: str = presenter("descent_tables").result_html(self)
        return text


def _itself(value: Any) -> Any:
    return value


Mapping.register(Result)

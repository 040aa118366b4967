"""The minima that descents from several starts have found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.problem.parameters import as_plain_dict
from steepest.descent.results.batch import Many
from steepest.descent.results.keyed_result import KeyedResult
from steepest.errors import optional
from steepest.lazy import lazy
from steepest.presentation import presenter

__all__ = ["Minimum", "MultiStart"]


@dataclass(frozen=True)
class Minimum:
    """One minimum that several starts have led to, or an end of runs that met no goal.

    Attributes
    ----------
    x : ndarray or nested parameters
        The lowest point that was reached there.
    loss : float
        The loss at `x`.
    starts : int
        How many starts ended there.
    run : int
        The number of the run that reached `x`.
    converged : bool
        Whether a run that ended there met a goal. Otherwise it may be no minimum: a limit on
        iterations may have ended the runs.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> found = st.multistart(lambda x: (x[0] ** 2 - 1) ** 2, bounds=[(-2, 2)], count=32, seed=0)
    >>> sum(minimum.starts for minimum in found.minima)
    32
    """

    x: Any
    loss: float
    starts: int
    run: int
    converged: bool = True


@dataclass(frozen=True, eq=False)
class MultiStart(KeyedResult):
    """The result of :func:`multistart`: minima, the lowest first.

    Attributes
    ----------
    minima : tuple of Minimum
        The ends of all runs, ranked by their loss; ``converged`` says which met a goal. Runs that
        ended close to one another count as one.
    runs : Many
        All runs, with a row for each start.
    starts : ndarray
        The start points as vectors, shape (N, n).
    names : tuple of str
        A name for each parameter.
    again : callable
        Makes the run from a point as an ordinary one.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def loss(x):
    ...     return np.sum(x**4 - 2 * x**2 + 0.3 * x)
    >>> found = st.multistart(loss, bounds=[(-2, 2), (-2, 2)], count=64, seed=0)
    >>> len(found.minima), found.x.round(3)
    (4, array([-1.036, -1.036]))
    """

    minima: tuple[Minimum, ...]
    runs: Many = field(repr=False)
    starts: np.ndarray = field(repr=False)
    names: tuple[str, ...] = field(repr=False)
    again: Callable[[Any], Any] = field(repr=False)

    def _names(self) -> Sequence[str]:
        return ("x", "fun", "nfev", "nit", "success", "loss", "minima", "runs", "best")

    @property
    def x(self) -> Any:
        """The lowest minimum, in the structure of the start values."""
        return self.minima[0].x

    @property
    def loss(self) -> float:
        """The loss there."""
        return self.minima[0].loss

    @property
    def fun(self) -> float:
        """The loss, under SciPy's name."""
        return self.loss

    @property
    def nfev(self) -> int:
        """The number of evaluations of all runs together."""
        return int(np.sum(self.runs.evaluations))

    @property
    def nit(self) -> int:
        """The number of iterations of all runs together."""
        return int(np.sum(self.runs.iterations))

    @property
    def converged(self) -> bool:
        """Whether a run to the lowest minimum met a goal."""
        return self.minima[0].converged

    @property
    def success(self) -> bool:
        """Whether a run to the lowest minimum met a goal, under SciPy's name."""
        return self.converged

    @lazy
    def best(self) -> Any:
        """The run to the lowest minimum as an ordinary :class:`Result` or :class:`Fit`.

        It starts at the minimum, and has errors, a report and plots.
        """
        return self.again(self.x)

    def to_frame(self) -> Any:
        """Return the minima as a pandas data frame.

        Returns
        -------
        pandas.DataFrame
            A row for each minimum: the parameters by name, ``loss``, ``starts``, ``converged``.

        Raises
        ------
        EngineUnavailableError
            If pandas is not installed.
        """
        pandas = optional("pandas", "to_frame")
        vectors = self.runs.vectors[[minimum.run for minimum in self.minima]]
        frame = pandas.DataFrame(vectors, columns=list(self.names))
        frame["loss"] = [minimum.loss for minimum in self.minima]
        frame["starts"] = [minimum.starts for minimum in self.minima]
        frame["converged"] = [minimum.converged for minimum in self.minima]
        return frame

    def __repr__(self) -> str:
        return f"MultiStart(loss={self.loss:.6g}, minima={len(self.minima)}, x={self.x!r})"

    def __str__(self) -> str:
        text: str = presenter("tables").multistart(self)
        return text


def minima_of(runs: Many, sizes: np.ndarray, tolerance: float) -> tuple[Minimum, ...]:
    """Return the minima and other ends of runs, the lowest first.

    Parameters
    ----------
    runs
        The runs. Those that ended where something is not finite are left out.
    sizes
        The size of each parameter, shape (n,).
    tolerance
        Distance from the lowest point of a minimum, as a share of the sizes, up to which a run
        belongs to it.
    """
    vectors, loss, converged = runs.vectors, runs.loss, runs.converged
    rest = np.flatnonzero(np.isfinite(loss) & np.isfinite(vectors).all(axis=1))
    rest = rest[np.argsort(loss[rest], kind="stable")]
    points = vectors / np.where(sizes > 0, sizes, 1.0)
    found = []
    while rest.size:
        lowest = int(rest[0])
        is_near = np.abs(points[rest] - points[lowest]).max(axis=1) <= tolerance
        near, x = rest[is_near], as_plain_dict(runs.layout.unpack(vectors[lowest]))
        met_goal = bool(converged[near].any())
        found.append(Minimum(x, float(loss[lowest]), len(near), lowest, met_goal))
        rest = rest[~is_near]
    return tuple(found)

"""The interfaces of a descent method: :class:`Method` and :class:`Search`.

A method is written once in NumPy, and every engine runs it. It sees all parameters as one
vector. Its state is an array, or nested tuples, lists and dicts of arrays, and is handed from
call to call. A method is a frozen dataclass whose fields are its settings.
"""

from __future__ import annotations

import abc
import enum
from typing import Any, NamedTuple, Protocol

import numpy as np

from steepest.descent.problem.evaluation import Evaluation

__all__ = ["Failure", "Method", "Move", "Search"]


class Method(Protocol):
    """Interface of methods that always accept the point to which their update leads.

    A method is any object with ``init`` and ``update``, both written in NumPy. It need not inherit
    from this class.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class SignDescent:
    ...     step_size: float = 0.1
    ...     def init(self, x):
    ...         return ()
    ...     def update(self, x, gradient, state, iteration):
    ...         return x - self.step_size * np.sign(gradient), state
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=SignDescent(),
    ...                   stop=st.LossBelow(1e-6))
    >>> run.x.round(4), run.iterations
    (array([3., 3.]), 30)
    """

    def init(self, x: Any) -> Any:
        """Return the state at the start.

        Parameters
        ----------
        x : ndarray
            Start point, shape (n,).

        Returns
        -------
        array or nested arrays
            The state.
        """
        ...

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        """Return the next point and the next state.

        Parameters
        ----------
        x : ndarray
            Current iterate, shape (n,).
        gradient : ndarray
            Gradient of the loss at `x`, shape (n,).
        state : array or nested arrays
            The state that ``init`` or the last update returned.
        iteration : int
            Number of updates made before.

        Returns
        -------
        x : ndarray
            Next iterate, shape (n,).
        state : array or nested arrays
            The next state.
        """
        ...


class Failure(enum.IntEnum):
    """Why a :class:`Search` cannot go on.

    Each member but ``NONE`` has the name of the :class:`Status` that the run then has. That status
    holds the sentence for the user.
    """

    NONE = 0
    PRECISION = 2
    STALLED = 3
    UNBOUNDED = 4
    FLAT = 5
    SINGULAR = 6
    INFEASIBLE = 7
    DEGENERATE = 8
    NOISE = 9
    JUMPS = 10


class Incumbent(NamedTuple):
    """The current iterate of a search: the last point that was accepted.

    Attributes
    ----------
    x
        Point, shape (n,).
    loss
        The loss at `x`.
    """

    x: Any
    loss: Any


class Move(NamedTuple):
    """The answer of :meth:`Search.advance`: accept the candidate or not, and what to try next.

    Attributes
    ----------
    accepted : bool
        Whether the candidate becomes the current iterate.
    x : ndarray
        The next candidate, shape (n,).
    state : array or nested arrays
        The next state of the method.
    failure : Failure, optional
        If it is not 0, the run ends at the current iterate. It is ignored if the candidate is
        accepted.
    decrement : float, optional
        The largest decrease of the loss from the current iterate that the method's model predicts;
        NaN if the method has no such model.
    report : nested arrays, optional
        Arrays to return with the result, if the run ends at the current iterate.
    is_singular : bool, optional
        Whether goals of the stop rule are ignored at the current iterate: the Jacobian has lost
        rank there, or the point is a maximum or a saddle point, or infeasible.
    optimality : ndarray, optional
        What stop rules see in place of the gradient: a vector that is zero at a solution.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> class Doubling(st.Search):  # doubles the step size after a success, else halves it
    ...     def init(self, x):
    ...         return np.zeros_like(x), np.ones(())
    ...     def advance(self, base, trial, state, is_first):
    ...         gradient, step_size = state
    ...         accepted = is_first | (trial.loss < base.loss)
    ...         gradient = np.where(accepted, trial.gradient, gradient)
    ...         step_size = np.where(accepted, 2.0, 0.5) * step_size
    ...         x = np.where(accepted, trial.x, base.x) - step_size * gradient
    ...         failure = np.where(step_size < 1e-12, int(st.Failure.STALLED), 0)
    ...         return st.Move(accepted, x, (gradient, step_size), failure)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=Doubling())
    >>> run.x.round(4)
    array([3., 3.])
    """

    accepted: Any
    x: Any
    state: Any
    failure: Any = Failure.NONE
    decrement: Any = np.nan
    report: Any = ()
    is_singular: Any = False
    optimality: Any = None


class Search(abc.ABC):
    """Base class of methods that may reject candidates: line searches, trust regions.

    Each call of ``advance`` sees the loss at one more candidate, and names the next. A search is
    thus not a loop around the loss, and a run can be stopped and resumed after every evaluation. A
    run whose last 1,000 candidates were all rejected ends with the status ``STALLED``.

    Attributes
    ----------
    needs_residuals : bool
        Whether the method uses residuals and their Jacobian, and not only the loss.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> class Newton(st.Search):  # accepts every candidate
    ...     def init(self, x):
    ...         return ()
    ...     def advance(self, base, trial, state, is_first):
    ...         step = np.linalg.solve(trial.hessian, trial.gradient)
    ...         return st.Move(True, trial.x - step, state)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 4 + x**2), np.ones(2), method=Newton())
    >>> run.x.round(4), run.iterations
    (array([2., 2.]), 5)
    """

    needs_residuals = False
    """Whether the method uses residuals and their Jacobian, and not only the loss."""

    def bounded(self) -> Any:
        """Return the method to use if the parameters have bounds."""
        return self

    @abc.abstractmethod
    def init(self, x: Any) -> Any:
        """Return the state at the start point `x`, shape (n,)."""

    @abc.abstractmethod
    def advance(self, base: Incumbent, trial: Evaluation, state: Any, is_first: Any) -> Move:
        """Return whether the candidate is accepted, and the next candidate.

        Parameters
        ----------
        base : Incumbent
            The current iterate.
        trial : Evaluation
            The candidate, where the loss was just evaluated. Its loss may be infinite or NaN.
        state : array or nested arrays
            The state that ``init`` or the last call returned.
        is_first : bool
            Whether the candidate is the start point, which is always accepted.

        Returns
        -------
        Move
            The decision.
        """


class Driven:
    """Base class of methods that are loops in Python around compiled functions.

    They are no step that can be compiled, and so have neither batches nor many problems at a time.
    """

    def with_rows(self, rows: int) -> Any:
        """Return the method for a number of constraints."""
        return self


def needs_residuals(method: Any) -> bool:
    """Whether a method uses residuals; a user's own may lack the attribute that says so."""
    return bool(getattr(method, "needs_residuals", False))

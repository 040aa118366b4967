"""The solution of a system of equations."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.linalg import norm

from steepest.derivative import Function
from steepest.descent.problem.differencing import allowing_differences
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.descent.results.keyed_result import KeyedResult, shortened
from steepest.descent.results.result import Result
from steepest.descent.results.status import Status
from steepest.descent.stop_rules import LossBelow, StopRule
from steepest.graph import trees
from steepest.lazy import lazy
from steepest.presentation import presenter

__all__ = ["Root"]

_SMALL = 1e-10
"""Share of the terms of an equation that counts as zero, where terms are estimated."""

_NEAR = 1e-8
"""Length of a Newton step, as a share of the parameters, that counts as zero."""

_FALL = 0.5
"""Share of the residual that is left at most after a step to a root, of any multiplicity."""

_DENSE = 200
"""Most unknowns for which a Jacobian is computed to judge a solution."""

_PROBES = 8
"""Products with the Jacobian that estimate the terms of more equations."""

_FLAT = 1e-6
"""Share of the squared residual that counts as no decrease."""

_FAILURES = (Status.SINGULAR, Status.STALLED, Status.FLAT)
_LIMITS = (Status.ITERATION_LIMIT, Status.LIMIT)
"""Ends of a search that may be due to there being no solution."""

_SCIPYS = ("x", "fun", "jac", "success", "status", "message", "nfev", "njev", "nit")
_OURS = ("loss", "iterations", "evaluations", "converged", "method", "reason", "run")


@dataclass(frozen=True, eq=False, repr=False)
class Root(KeyedResult):
    """The result of :func:`root`: the point reached, and whether it solves the equations.

    SciPy's names of fields work: ``found.x``, ``found.fun``, ``found["success"]``. Its status is
    0 for a solution; SciPy's is 1 for ``"hybr"``.

    Attributes
    ----------
    descent : FitStatistics
        The descent of half the sum of squares of the equations.
    function : callable
        The equations.
    start : ndarray
        The free unknowns at the start.
    tolerance : float, optional
        Relative tolerance that the caller asked for; 0 if none.
    stop : StopRule, optional
        The caller's own stop rule.
    notes : tuple of str
        Sentences on arguments that had no effect.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> found = st.root(lambda x: [x[0] + x[1] - 3, x[0] * x[1] - 2], [0.0, 3.0])
    >>> found.x.round(6), found.success, found.status.name
    (array([1., 2.]), True, 'CONVERGED')
    >>> st.root(lambda x: x**2 + 1, [2.0]).status.name
    'NO_ROOT'
    """

    descent: FitStatistics = field(repr=False)
    function: Callable[..., Any] = field(repr=False)
    start: np.ndarray = field(repr=False)
    tolerance: float = field(default=0.0, repr=False)
    stop: StopRule | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()

    def _names(self) -> Sequence[str]:
        return (*_SCIPYS, *_OURS)

    @property
    def run(self) -> Result:
        """The descent, with its history, timings and graph."""
        run = self.descent.run
        return dataclasses.replace(run, status=self.status)

    @property
    def x(self) -> Any:
        """The point reached, in the structure of the start values."""
        return self.descent.x

    @lazy
    def fun(self) -> Any:
        """The values of the equations at `x`, as the function returns them."""
        with allowing_differences(self.function):
            return Function(self.function)(self.descent.end.x, *self.descent.problem.args)

    @property
    def jac(self) -> np.ndarray:
        """The Jacobian of the equations by the unknowns at `x`, shape (m, n)."""
        return self.descent.jacobian

    @property
    def loss(self) -> float:
        """Half the sum of squares of the equations at `x`."""
        return self.descent.end.loss

    @lazy
    def status(self) -> Status:
        """How the search ended."""
        if not np.isfinite(self.loss):
            return Status.DIVERGED
        with np.errstate(all="ignore"):
            if self._is_small_enough() or self._is_solved():
                return Status.CONVERGED
        ended = self.descent.run.status
        if not (ended.is_success or ended in (*_FAILURES, *_LIMITS)):
            return ended
        slopes = self._slopes
        if ended is Status.FLAT and not np.isfinite(slopes).all():
            return ended
        has_moved = self.iterations > 0 or slopes.any()  # else it may be where residuals are large
        if has_moved and self._is_least():
            return Status.NO_ROOT
        if ended in _LIMITS:
            return ended
        is_asked = self.stop is not None and ended is Status.CONVERGED
        return Status.CONVERGED if is_asked else Status.SINGULAR

    def _is_small_enough(self) -> bool:
        """Whether the loss is below a threshold of the caller."""
        rules = [] if self.stop is None else self.stop.rules()
        return any(isinstance(rule, LossBelow) and self.loss <= rule.threshold for rule in rules)

    def _is_solved(self) -> bool:
        """Whether the equations hold up to rounding, or a step to a root would hardly move x.

        Residuals are compared with the terms of their own equations, never with the start.
        """
        if self.loss == 0:
            return True
        x, triangle = self.descent.vector, self.descent.end.triangle
        is_square = self.descent.observations == x.size
        if triangle is not None and is_square:
            sizes = np.abs(triangle.diagonal())
            if sizes.min() > 100 * np.finfo(triangle.dtype).eps * sizes.max():
                short = np.linalg.solve(triangle[:, :-1], triangle[:, -1])
                if short @ short <= _NEAR**2 * (x @ x):  # the most common case, and fast
                    return True
        if x.size > _DENSE:
            return self._is_small_beside_terms()
        jacobian, residuals = self.jac, self.descent.residuals
        if not np.isfinite(jacobian).all():
            return False
        tiny = 100 * np.finfo(x.dtype).eps
        is_open = np.abs(residuals) > tiny * (np.abs(jacobian) @ np.abs(x))
        if not is_open.any():
            return True
        step = _newton_step(jacobian, residuals)
        if step is None:
            return False
        length = norm(step)
        if is_square and length <= _NEAR * norm(x):
            return True
        nearby = max(_NEAR * norm(self.start), self.tolerance * norm(x))
        return bool(length <= nearby and self._falls(step, is_open))

    def _falls(self, step: np.ndarray, is_open: np.ndarray) -> bool:
        """Whether a Newton step reduces the residuals of some equations as it does near a root.

        This shows roots at zero, where the terms of equations are as small as their residuals.
        """
        problem = self.descent.problem

        def evaluate(vector: Any, *arguments: Any) -> Any:
            return problem.objective(vector, problem.layout, arguments).plain

        at = (self.descent.vector - step).astype(problem.dtype)
        after = Function(evaluate)(at, *problem.args)
        return bool(norm(after[is_open]) <= _FALL * norm(self.descent.residuals[is_open]))

    def _is_small_beside_terms(self) -> bool:
        """Whether residuals are small beside the terms, which few products with J estimate.

        Where x has become zero, its size at the start takes its place.
        """
        problem, x = self.descent.problem, self.descent.vector.astype(self.descent.problem.dtype)
        sizes = self.start if norm(x) <= _NEAR * norm(self.start) else x

        def evaluate(vector: Any, directions: Any, *arguments: Any) -> Any:
            at = problem.objective(vector, problem.layout, arguments)
            return at.plain, [at.jacobian_times(directions[i]) for i in range(_PROBES)]

        signs = np.random.default_rng(0).choice([-1.0, 1.0], (_PROBES, x.size))
        directions = (signs * sizes).astype(x.dtype)
        residuals, products = Function(evaluate)(x, directions, *problem.args)
        terms = np.sqrt(np.mean(np.square(products), axis=0))
        return bool((np.abs(residuals) <= _SMALL * terms).all())

    @property
    def _slopes(self) -> np.ndarray:
        """The gradient as a vector."""
        return np.concatenate([np.ravel(g) for g in trees.leaves(self.descent.run.gradient)])

    def _is_least(self) -> bool:
        """Whether no parameter reduces the residual by changing as much as its own size."""
        sizes = np.maximum(np.abs(self.descent.vector), np.abs(self.start))
        share = max(_FLAT, self.tolerance)
        return bool((np.abs(self._slopes) * sizes <= share * 2 * self.loss).all())

    @property
    def success(self) -> bool:
        """Whether `x` solves the equations."""
        return self.status.is_success

    @property
    def converged(self) -> bool:
        """Whether `x` solves the equations: :attr:`success`."""
        return self.success

    @property
    def message(self) -> str:
        """How the search ended, with the largest residual, and notes."""
        end = self.status
        values = [np.abs(np.asarray(v)).max(initial=0.0) for v in trees.leaves(self.fun)]
        largest = f"(after {self.iterations} iterations, largest residual {max(values):.3g})."
        return " ".join([f"{str(end).removesuffix('.')} {largest}", *self.notes])

    @property
    def iterations(self) -> int:
        """Number of steps made."""
        return self.descent.run.iterations

    @property
    def evaluations(self) -> int:
        """Number of evaluations of the equations and their derivatives."""
        return self.descent.run.evaluations

    @property
    def method(self) -> Any:
        """The method."""
        return self.descent.run.method

    @property
    def reason(self) -> str:
        """Why the method was chosen; empty if the caller chose it."""
        return self.descent.run.reason

    @property
    def nit(self) -> int:
        """The number of steps, under SciPy's name."""
        return self.iterations

    @property
    def nfev(self) -> int:
        """The number of evaluations, under SciPy's name."""
        return self.evaluations

    @property
    def njev(self) -> int:
        """The number of Jacobians, or products with them: one for each evaluation at least."""
        return self.evaluations

    def __repr__(self) -> str:
        return shortened(f"Root({self.status.name}", self.x, f"iterations={self.iterations})")

    def _repr_html_(self) -> str:
        text: str = presenter("descent_tables").root_html(self)
        return text

    def __str__(self) -> str:
        rows = {
            "message": self.message,
            "x": self.x,
            "fun": self.fun,
            "iterations": self.iterations,
            "method": f"{type(self.method).__name__}" + (self.reason and f" ({self.reason})"),
        }
        return "\n".join(f"{name:>10}: {value}" for name, value in rows.items())


def _newton_step(jacobian: np.ndarray, residuals: np.ndarray) -> np.ndarray | None:
    """Return what leads from a root to x; None if the Jacobian is singular up to rounding.

    More equations than unknowns are solved in the sense of least squares.
    """
    sizes = np.abs(jacobian).max(axis=1)
    if not (np.isfinite(sizes).all() and sizes.any()):
        return None
    if len(residuals) == jacobian.shape[1]:  # the units of equations have no effect
        if not sizes.all():
            return None
        jacobian, residuals = jacobian / sizes[:, None], residuals / sizes
    if np.linalg.cond(jacobian) > 0.01 / np.finfo(jacobian.dtype).eps:
        return None
    return np.asarray(np.linalg.lstsq(jacobian, residuals)[0])

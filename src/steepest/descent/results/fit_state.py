"""The end of a fit, from which its statistics are computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from steepest.descent.iteration.fit_report import (
    COVARIANCE,
    DIAGONAL_RATIO,
    FACTOR,
    least_diagonal_ratio,
)
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.base import needs_residuals
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.result import Result
from steepest.lazy import lazy


class FitState(Protocol):
    """What the statistics of a fit need of its end."""

    vector: np.ndarray
    loss: float
    observations: int

    @property
    def run(self) -> Result:
        """The descent."""

    @property
    def problem(self) -> Problem:
        """The problem that was solved."""

    @property
    def x(self) -> Any:
        """The point reached, in the structure of the start values."""

    @property
    def converged(self) -> bool:
        """Whether the descent met a goal."""

    @property
    def triangle(self) -> np.ndarray | None:
        """R of [J r] at the point, shape (n, n + 1); None if the method did not report it."""

    @property
    def inverse(self) -> np.ndarray | None:
        """The inverse of ``J.T @ J``, if J certainly has full rank; else None."""

    @property
    def box(self) -> Box | None:
        """Bounds on the free parameters; None if there are none."""

    @property
    def expand(self) -> Reparametrization | None:
        """Map from the free parameters to all; None if no start value is marked."""


class FinishedFit:
    """The end of a fit. Fields that are rarely used are computed when they are read.

    Parameters
    ----------
    sum_up, state_problem, point
        Return the result of the descent, the problem, and the point reached in the structure of
        the start values.
    vector
        The free parameters reached, shape (n,).
    loss, converged
        The loss there, and whether the descent met a goal.
    report
        What the method reported of the point.
    observations
        Number of residuals.
    box, expand
        Bounds on the free parameters, and map from them to all.
    """

    def __init__(
        self,
        sum_up: Callable[[], Result],
        state_problem: Callable[[], Problem],
        point: Callable[[], Any],
        vector: np.ndarray,
        loss: float,
        converged: bool,
        report: Sequence[np.ndarray],
        observations: int,
        box: Box | None = None,
        expand: Reparametrization | None = None,
    ) -> None:
        self._sum_up, self._state_problem, self._point = sum_up, state_problem, point
        self.vector, self.loss, self.converged = vector, loss, converged
        self.observations, self.box, self.expand = observations, box, expand
        self._report = report

    @property
    def triangle(self) -> np.ndarray | None:
        """R of [J r] at the point, shape (n, n + 1); None if the method did not report it."""
        return self._report[FACTOR] if self._report else None

    @lazy
    def inverse(self) -> np.ndarray | None:
        """The inverse of ``J.T @ J``, if J certainly has full rank; else None."""
        report, number = self._report, len(self.vector)
        if len(report) <= DIAGONAL_RATIO or self.box is not None or self.observations <= number:
            return None
        least = least_diagonal_ratio(report[DIAGONAL_RATIO].dtype, number, self.observations)
        return report[COVARIANCE] if report[DIAGONAL_RATIO].item() > least else None

    @classmethod
    def of(cls, run: Result, problem: Problem) -> FinishedFit:
        """Return the end of a fit whose result exists already."""
        return cls(
            lambda: run,
            lambda: problem,
            lambda: run.x,
            run.vector.astype(problem.layout.dtype),
            run.loss,
            run.converged,
            run.report if needs_residuals(problem.method) else (),
            run.observations,
            problem.box,
            problem.objective.expand,
        )

    @lazy
    def run(self) -> Result:
        """The descent."""
        return self._sum_up()

    @lazy
    def problem(self) -> Problem:
        """The problem that was solved."""
        return self._state_problem()

    @lazy
    def x(self) -> Any:
        """The point reached, in the structure of the start values."""
        return self._point()

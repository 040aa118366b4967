"""How a fit ended: what its statistics are made of."""

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
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.result import Result
from steepest.lazy import lazy


class FitState(Protocol):
    """What a fit's statistics are made of."""

    vector: np.ndarray
    loss: float
    observations: int

    @property
    def run(self) -> Result:
        """The descent."""

    @property
    def problem(self) -> Problem:
        """What was fitted."""

    @property
    def x(self) -> Any:
        """The point reached, in the structure of the start."""

    @property
    def converged(self) -> bool:
        """Whether the descent reached its goal."""

    @property
    def triangle(self) -> np.ndarray | None:
        """What a QR decomposition has made of [J r] at the point, where the method kept it."""

    @property
    def inverse(self) -> np.ndarray | None:
        """The inverse of ``J.T @ J``, where the data determine all parameters beyond doubt."""

    @property
    def box(self) -> Box | None:
        """Where the parameters had to stay."""

    @property
    def expand(self) -> Reparametrization | None:
        """What makes the function's parameters from the free ones."""


class FinishedFit:
    """How a fit ended; what is seldom asked for is made then.

    Parameters
    ----------
    sum_up, state_problem, point
        Return the descent, what was fitted, and the point reached in the structure of the
        start.
    vector
        The free parameters reached, shape (n,).
    loss, converged
        The loss there, and whether the descent reached its goal.
    report
        What the method kept of the point.
    observations
        Number of residuals.
    box, expand
        Where the parameters had to stay, and what makes the function's parameters from the
        free ones.
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
        """What a QR decomposition has made of [J r] at the point, where the method kept it."""
        return self._report[FACTOR] if self._report else None

    @lazy
    def inverse(self) -> np.ndarray | None:
        """The inverse of ``J.T @ J``, where the data determine all parameters beyond doubt."""
        report, number = self._report, len(self.vector)
        if len(report) <= DIAGONAL_RATIO or self.box is not None or self.observations <= number:
            return None
        least = least_diagonal_ratio(report[DIAGONAL_RATIO].dtype, number, self.observations)
        return report[COVARIANCE] if report[DIAGONAL_RATIO].item() > least else None

    @classmethod
    def of(cls, run: Result, problem: Problem) -> FinishedFit:
        """Return how a descent ended that is summed up already."""
        return cls(
            lambda: run,
            lambda: problem,
            lambda: run.x,
            run.vector.astype(problem.layout.dtype),
            run.loss,
            run.converged,
            run.report,
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
        """What was fitted."""
        return self._state_problem()

    @lazy
    def x(self) -> Any:
        """The point reached, in the structure of the start."""
        return self._point()

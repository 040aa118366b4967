"""How a fit ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.descent.bounds import Box
from steepest.descent.markers import Expansion
from steepest.descent.memo import lazy
from steepest.descent.prepare import Problem
from steepest.descent.result import Result
from steepest.descent.statistics import EVENNESS, FACTOR, SPREAD, least_evenness


class FitEnd:
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
        expand: Expansion | None = None,
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
        if len(report) <= EVENNESS or self.box is not None or self.observations <= number:
            return None
        least = least_evenness(report[EVENNESS].dtype, number, self.observations)
        return report[SPREAD] if report[EVENNESS].item() > least else None

    @classmethod
    def of(cls, run: Result, problem: Problem) -> FitEnd:
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

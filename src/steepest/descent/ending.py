"""How a fit ended."""

from __future__ import annotations

from steepest.descent.prepare import Problem
from steepest.descent.result import Result


class Solved:
    """The ending of a fit that is summed up.

    Attributes
    ----------
    run, problem
        The descent, and what was fitted.
    x, vector
        The point reached: in the structure of the start, and the free parameters as a vector.
    loss, converged
        The loss there, and whether the descent reached its goal.
    report
        What the method kept of the point.
    observations, box, expand
        Number of residuals, where the parameters had to stay, and what makes the function's
        parameters from the free ones.
    """

    def __init__(self, run: Result, problem: Problem) -> None:
        self.run, self.problem = run, problem
        self.x, self.vector = run.x, run.vector.astype(problem.layout.dtype)
        self.loss, self.converged, self.report = run.loss, run.converged, run.report
        self.observations, self.box = run.observations, problem.box
        self.expand = problem.objective.expand

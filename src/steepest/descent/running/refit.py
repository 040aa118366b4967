"""Refits: fits of the same function to other data of the same shape, in one call.

A fit with the same function, settings, shapes and dtypes as an earlier one is one call of machine
code. If anything is unusual (a value that is not finite, no goal met), the full path runs
instead, which reports it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.fit_report import (
    COVARIANCE,
    DIAGONAL_RATIO,
    FACTOR,
    least_diagonal_ratio,
    tolerance,
)
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import OF_METHOD
from steepest.descent.methods.base import needs_residuals
from steepest.descent.results.covariance import rank_of
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.compile import known, remember
from steepest.descent.running.driver import StopReason
from steepest.descent.running.one_shot import Key, OneShot, one_shot
from steepest.descent.running.summarize import Summary
from steepest.lazy import lazy


class CompiledFit(NamedTuple):
    """A fit that was compiled before.

    Attributes
    ----------
    shot
        The fit as one call of machine code.
    diagonal_ratio
        The :func:`diagonal_ratio` above which the Jacobian has full rank; None if the ratio is
        not reported.
    """

    shot: OneShot
    diagonal_ratio: float | None

    def is_valid(self) -> bool:
        """Whether nothing has changed that the functions read."""
        return self.shot.is_valid()


class Refit:
    """The end of a refit.

    Parameters
    ----------
    fit
        The compiled fit.
    run
        The run of machine code, at its end.
    args
        The arguments.
    seconds
        Seconds that the run took.
    inverse
        The inverse of ``J.T @ J``, if J certainly has full rank; else None.
    """

    converged, box, expand = True, None, None

    def __init__(
        self,
        fit: CompiledFit,
        run: Any,
        args: tuple[Any, ...],
        seconds: float,
        inverse: np.ndarray | None,
    ) -> None:
        self._shot, self._run, self.args, self._seconds = fit.shot, run, args, seconds
        self.loss: float = run.loss
        self.vector: np.ndarray = run.x
        self.x: np.ndarray = run.x.copy()
        self.inverse = inverse
        self.observations = fit.shot.prepared.paths[-1].observations

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each parameter."""
        names: tuple[str, ...] = self._shot.more["names"]
        return names

    @property
    def function(self) -> Any:
        """The residuals."""
        return self._shot.problem.objective.function

    @property
    def triangle(self) -> np.ndarray | None:
        """R of [J r] at the point, shape (n, n + 1); None if the method did not report it."""
        report = self._run.report[OF_METHOD]
        return report[FACTOR] if report else None

    @lazy
    def problem(self) -> Problem:
        """The problem that was solved."""
        return self._shot.problem._replace(args=self.args)

    @lazy
    def run(self) -> Result:
        """The descent."""
        shot = self._shot
        timings = Timings(0.0, 0.0, self._seconds, {self._run.tier: self._seconds})
        summary = Summary(self.problem, shot.prepared, shot.reason, shot.more)
        return summary.result(self._run, StopReason.STOPPED, timings)


def refit(key: Key | None, start: Any, args: tuple[Any, ...]) -> Refit | None:
    """Return the end of a fit of other data; None if there is no such compiled fit.

    None is also returned if the fit did not converge, or the Jacobian lacks rank.
    """
    began = time.perf_counter()
    fit: CompiledFit | None = known(key, CompiledFit.is_valid)
    if fit is None:
        return None
    run = fit.shot.run(start, args)
    if run is None:
        return None
    report = run.report
    has_full_rank = (
        fit.diagonal_ratio is not None and report[DIAGONAL_RATIO].item() > fit.diagonal_ratio
    )
    if not has_full_rank:  # the Jacobian may lack rank there
        factor = report[FACTOR][:, :-1]
        observations = fit.shot.prepared.paths[-1].observations
        if rank_of(factor, tolerance(factor.dtype, observations)) < len(factor):
            return None
    has_freedom = fit.shot.prepared.paths[-1].observations > len(run.x)
    inverse = report[COVARIANCE] if has_full_rank and has_freedom else None
    args = tuple([argument.copy() for argument in args])  # the caller may change them
    return Refit(fit, run, args, time.perf_counter() - began, inverse)


def remember_fit(
    key: Key,
    problem: Problem,
    vector: np.ndarray,
    reason: str,
    more: Mapping[str, Any],
    evaluations: int,
) -> None:
    """Keep the compiled code of a converged fit, for refits."""
    before: CompiledFit | None = known(key, CompiledFit.is_valid)
    if before is not None or not needs_residuals(problem.method):
        return
    shot = one_shot(problem, vector, reason, more, evaluations)
    if shot is None:
        return
    prepared, diagonal_ratio = shot.prepared, None
    report = prepared.program.full.report[OF_METHOD]
    if not report:  # no triangle, which says whether the Jacobian has full rank
        return
    observations = prepared.paths[-1].observations
    if len(report) > DIAGONAL_RATIO and observations >= vector.size:
        diagonal_ratio = least_diagonal_ratio(
            report[DIAGONAL_RATIO].dtype, vector.size, observations
        )
    remember(key, CompiledFit(shot, diagonal_ratio))

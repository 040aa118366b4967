"""Refits: fits of the same function to other data of the same shape, in one call.

A fit with the same function, settings, shapes and dtypes as an earlier one is one call of machine
code. If anything is unusual (a value that is not finite, no goal met), the full path runs
instead, which reports it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
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
from steepest.descent.iteration.step import OF_METHOD, RULES, STOP_RULE
from steepest.descent.methods.base import needs_residuals
from steepest.descent.results.covariance import rank_of
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.compile import CompiledProblem, known, remember
from steepest.descent.running.driver import StopReason
from steepest.descent.running.summarize import Summary
from steepest.graph import evaluate, trees
from steepest.lazy import lazy

_LEAST_STEPS = 64
"""Smallest number of iterations in some milliseconds of machine code for a refit to be
worthwhile."""


class CompiledFit(NamedTuple):
    """A fit that was compiled before.

    Attributes
    ----------
    problem, prepared, reason, more
        As for :class:`~steepest.descent.running.summarize.Summary`; the problem has no arguments.
    call
        Fits from the start values and data, in one call of machine code.
    diagonal_ratio
        The :func:`diagonal_ratio` above which the Jacobian has full rank; None if the ratio is
        not reported.
    """

    problem: Problem
    prepared: CompiledProblem
    reason: str
    more: Mapping[str, Any]
    call: Callable[[tuple[Any, ...]], Any]
    diagonal_ratio: float | None

    def is_valid(self) -> bool:
        """Whether nothing has changed that the functions read."""
        return self.prepared.is_valid


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
        self._fit, self._run, self.args, self._seconds = fit, run, args, seconds
        self.loss: float = run.loss
        self.vector: np.ndarray = run.x
        self.x: np.ndarray = run.x.copy()
        self.inverse = inverse
        self.observations = fit.prepared.paths[-1].observations

    @property
    def names(self) -> tuple[str, ...]:
        """A name for each parameter."""
        names: tuple[str, ...] = self._fit.more["names"]
        return names

    @property
    def function(self) -> Any:
        """The residuals."""
        return self._fit.problem.objective.function

    @property
    def triangle(self) -> np.ndarray | None:
        """R of [J r] at the point, shape (n, n + 1); None if the method did not report it."""
        report = self._run.report[OF_METHOD]
        return report[FACTOR] if report else None

    @lazy
    def problem(self) -> Problem:
        """The problem that was solved."""
        return self._fit.problem._replace(args=self.args)

    @lazy
    def run(self) -> Result:
        """The descent."""
        fit = self._fit
        summary = Summary(self.problem, fit.prepared, fit.reason, fit.more)
        return summary.result(self._run, StopReason.STOPPED, Timings(0.0, 0.0, self._seconds))


Key = tuple[Any, Any]
"""What a refit must have in common: function and settings, and shape and dtype of the start and of
each argument."""


def key_of(settings: Any, start: Any, args: tuple[Any, ...]) -> Key | None:
    """Return what a fit depends on; None if its arguments are not all plain arrays."""
    kinds: list[Any] = []
    for value in (start, *args):
        if type(value) is not np.ndarray:
            return None
        kinds += (value.shape, value.dtype)
    return settings, tuple(kinds)


def refit(key: Key | None, start: Any, args: tuple[Any, ...]) -> Refit | None:
    """Return the end of a fit of other data; None if there is no such compiled fit.

    None is also returned if the fit did not converge, or the Jacobian lacks rank.
    """
    began = time.perf_counter()
    try:
        fit: CompiledFit | None = known(key, CompiledFit.is_valid)
    except TypeError:  # a setting is not hashable
        return None
    if fit is None:
        return None
    prepared, data = fit.prepared, args
    captured = prepared.paths[-1].captures.arrays
    if captured:
        data = (*data, *[read() for read, _ in captured])
    if prepared.constants:
        nodes = prepared.paths[-1].data
        data = (*data, *evaluate(prepared.constants, dict(zip(nodes, data, strict=True))))
    run = fit.call((start, *data))
    if run is None or run.reason != STOP_RULE:
        return None
    report = run.report
    status, _ = prepared.endings.get(report[RULES].item(), (None, None))
    if status is None or not status.is_success:
        return None
    has_full_rank = (
        fit.diagonal_ratio is not None and report[DIAGONAL_RATIO].item() > fit.diagonal_ratio
    )
    if not has_full_rank:  # the Jacobian may lack rank there
        factor = report[FACTOR][:, :-1]
        observations = prepared.paths[-1].observations
        if rank_of(factor, tolerance(factor.dtype, observations)) < len(factor):
            return None
    inverse = report[COVARIANCE] if has_full_rank else None
    args = tuple([argument.copy() for argument in args])  # the caller may change them
    return Refit(fit, run, args, time.perf_counter() - began, inverse)


def remember_fit(
    key: Key, problem: Problem, vector: np.ndarray, reason: str, more: Mapping[str, Any]
) -> None:
    """Keep the compiled code of a converged fit, for refits.

    This needs a method whose first state does not depend on the values of the start, as that of
    methods for residuals.
    """
    if problem.box is not None or problem.objective.expand is not None:
        return
    if not (problem.layout.is_array and len(problem.layout.shapes[0]) == 1):
        return
    try:
        prepared: CompiledProblem | None = known(problem.key(), lambda found: found.is_valid)
        before: CompiledFit | None = known(key, CompiledFit.is_valid)
    except TypeError:  # a setting is not hashable
        return
    if prepared is None or (before is not None and before.prepared is prepared):
        return
    is_shared = prepared.program.evaluation is not None
    if not (is_shared and needs_residuals(problem.method)) or math.isfinite(prepared.seconds):
        return
    if prepared.budget < _LEAST_STEPS:
        return
    state = [np.asarray(value) for value in trees.leaves(problem.first_state(vector))]
    call = problem.engine.prepare_call(prepared.program, state, prepared.budget)
    if call is None:  # possibly later, when the code is optimized
        return
    report, diagonal_ratio = prepared.program.full.report[OF_METHOD], None
    observations = prepared.paths[-1].observations
    if len(report) > DIAGONAL_RATIO and observations > vector.size:
        diagonal_ratio = least_diagonal_ratio(
            report[DIAGONAL_RATIO].dtype, vector.size, observations
        )
    remember(
        key, CompiledFit(problem._replace(args=()), prepared, reason, more, call, diagonal_ratio)
    )

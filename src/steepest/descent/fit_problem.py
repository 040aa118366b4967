"""The :class:`Problem` of a fit, from its residuals and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.calling.scipy_compat import GRADIENT_GOAL, SQUARES_GOAL, squares_stop
from steepest.descent.constraints.forms import as_list
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import SQP, Search
from steepest.descent.methods.base import needs_residuals
from steepest.descent.methods.registry import (
    choose_for_squares,
    is_for_losses,
    method_for_few_residuals,
)
from steepest.descent.minimize import check_kinds
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.problem.robust_loss import loss_called
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.stop_rules import (
    DecrementBelow,
    DecrementUnknown,
    MaxIterations,
    ResidualsAreRounding,
    StopRule,
)
from steepest.engines import Engine, get_engine
from steepest.errors import InputError

MAX_ITERATIONS = 10_000
"""Default limit on the iterations of a fit."""

FEW_GOAL: StopRule = DecrementBelow(1e-14) | ResidualsAreRounding()
"""Default goal for fewer residuals than parameters. It does not depend on the residuals' unit."""


@dataclass(frozen=True)
class FitOptions:
    """Arguments that all fits have, as the user gave them.

    Attributes
    ----------
    method, bounds, loss, f_scale, stop, engine, max_paths, constraints
        Arguments of :func:`least_squares`.
    tolerances
        SciPy's ``ftol``, ``xtol``, ``gtol`` and ``max_nfev``, which replace `stop`.
    """

    method: Search | str | None
    bounds: Any
    loss: str | Callable[[Any], Any]
    f_scale: float
    stop: StopRule | None
    tolerances: tuple[Any, Any, Any, Any]
    engine: str | Engine
    max_paths: int = MAX_PATHS
    constraints: Any = None


def squares_problem(
    residuals: Callable[..., Any],
    layout: ParameterLayout,
    args: Sequence[Any],
    box: Box | None,
    options: FitOptions,
    recorded: tuple[int, bool] = (0, False),
    expand: Reparametrization | None = None,
    limit: int = MAX_ITERATIONS,
) -> tuple[Problem, str]:
    """Return the problem of minimizing the squares of residuals, and why its method was chosen.

    Parameters
    ----------
    residuals, layout, args, box, options
        The residuals, the layout of their parameters, further arguments, bounds and options.
    recorded
        After how many iterations the history records one, and whether it records x.
    expand
        Map from the free parameters to all; None if no start value is marked.
    limit
        Default limit on the iterations of methods that use residuals.
    """
    method, reason = choose_for_squares(options.method, bool(as_list(options.constraints)))
    f_scale = options.f_scale
    check_kinds(residuals, options.stop, what="residuals")
    if not (np.isfinite(f_scale) and f_scale > 0):
        raise InputError(f"f_scale must be a positive number, got {f_scale!r}")
    method, stop = _method_and_stop(method, default_goal(method), box, options, limit)
    record_every, record_x = recorded
    problem = Problem(
        Objective(residuals, True, loss_called(options.loss), float(f_scale), expand),
        layout,
        args,
        method,
        stop,
        dtype=layout.dtype,
        record_every=record_every,
        record_x=record_x,
        engine=get_engine(options.engine),
        max_paths=options.max_paths,
        box=box,
    )
    return problem, reason


def problem_for_few_residuals(
    problem: Problem, size: int, options: FitOptions
) -> tuple[Problem, str] | None:
    """Return what to solve if there are fewer residuals than parameters, and why.

    Parameters
    ----------
    problem
        The problem with the usual method.
    size
        Number of parameters.
    options
        The options of the fit. If they name a method or have constraints, the result is None.
    """
    if options.method is not None or isinstance(problem.method, SQP):
        return None
    method, reason = method_for_few_residuals(size)
    method, stop = _method_and_stop(method, FEW_GOAL, problem.box, options, MAX_ITERATIONS)
    return problem._replace(method=method, stop=stop), reason


def _method_and_stop(
    method: Any, goal: StopRule, box: Box | None, options: FitOptions, limit: int
) -> tuple[Any, StopRule]:
    """Return a method as it is used within bounds, and its stop rule."""
    if isinstance(method, Search) and box is not None:
        method = method.bounded()
    stop = options.stop
    if stop is None:
        stop = squares_stop(*options.tolerances, goal)
    if stop is None:
        most = limit if needs_residuals(method) else MAX_ITERATIONS
        stop = goal | MaxIterations(most)
    return method, stop


def default_goal(method: Any) -> StopRule:
    """Return the goal of a method for least squares, if no stop rule is given.

    It is the decrement, which is the most exact, if the method estimates one; else the gradient
    norm. For a user's own method both are combined.
    """
    if needs_residuals(method) or isinstance(method, SQP):
        return SQUARES_GOAL
    if is_for_losses(method):
        return GRADIENT_GOAL
    return SQUARES_GOAL | (GRADIENT_GOAL & DecrementUnknown())

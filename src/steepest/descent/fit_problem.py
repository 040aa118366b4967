"""The :class:`Problem` of a fit, from its residuals and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
from steepest.descent.methods.base import needs_residuals
from steepest.descent.methods.registry import choose_for_squares, is_for_losses
from steepest.descent.minimize import check_kinds
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.problem.robust_loss import loss_called
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.scipy_compat import GRADIENT_GOAL, SQUARES_GOAL, squares_stop
from steepest.descent.stop_rules import DecrementUnknown, MaxIterations, StopRule
from steepest.engines import Engine, get_engine
from steepest.errors import InputError

MAX_ITERATIONS = 10_000
"""Default limit on the iterations of a fit."""


@dataclass(frozen=True)
class FitOptions:
    """Arguments that all fits have, as the user gave them.

    Attributes
    ----------
    method, bounds, loss, f_scale, stop, engine, max_paths
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
    method, reason = choose_for_squares(options.method)
    stop, f_scale = options.stop, options.f_scale
    check_kinds(residuals, stop, what="residuals")
    if not (np.isfinite(f_scale) and f_scale > 0):
        raise InputError(f"f_scale must be a positive number, got {f_scale!r}")
    if isinstance(method, Search) and box is not None:
        method = method.bounded()
    if stop is None:
        stop = squares_stop(*options.tolerances, default_goal(method))
    if stop is None:
        most = limit if needs_residuals(method) else MAX_ITERATIONS
        stop = default_goal(method) | MaxIterations(most)
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


def default_goal(method: Any) -> StopRule:
    """Return the goal of a method for least squares, if no stop rule is given.

    It is the decrement, which is the most exact, if the method estimates one; else the gradient
    norm. For a user's own method both are combined.
    """
    if needs_residuals(method):
        return SQUARES_GOAL
    if is_for_losses(method):
        return GRADIENT_GOAL
    return SQUARES_GOAL | (GRADIENT_GOAL & DecrementUnknown())

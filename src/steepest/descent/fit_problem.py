"""From residuals and a fit's options to a :class:`Problem`, for one fit or many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
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
"""Limit on the iterations of a fit where none is given."""


@dataclass(frozen=True)
class FitOptions:
    """The arguments of these names that every fit takes, as the user gave them.

    Attributes
    ----------
    tolerances
        SciPy's ``ftol``, ``xtol``, ``gtol`` and ``max_nfev``, which take the place of `stop`.
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
    """Return the problem of minimizing the squares of residuals, and why by its method.

    `recorded` says how often the history keeps the loss, and whether it keeps x too; `limit`
    holds for methods of least squares where neither a stop rule nor a tolerance is given.
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
        is_for_residuals = getattr(method, "needs_residuals", False)
        stop = default_goal(method) | MaxIterations(limit if is_for_residuals else MAX_ITERATIONS)
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
    """Return the rule by which a method of least squares converges, unless one is given.

    The goal is as exact as the method can tell: by the decrement where it estimates one, as a
    method of the user's own may, else by the gradient.
    """
    if getattr(method, "needs_residuals", False):
        return SQUARES_GOAL
    if is_for_losses(method):
        return GRADIENT_GOAL
    return SQUARES_GOAL | (GRADIENT_GOAL & DecrementUnknown())

"""``least_squares``: the entry point for residuals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.entry import entry_point
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Search
from steepest.descent.methods.registry import choose_for_squares, is_for_losses
from steepest.descent.minimize import (
    Record,
    check_kinds,
    recording,
    warn_of_idle,
    warn_of_interrupt,
)
from steepest.descent.problem.bounds import Box, box_of_ends
from steepest.descent.problem.data import Data, kept
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_x0,
    check_data,
    element_names,
    ravel_parameters,
)
from steepest.descent.problem.robust_loss import loss_called
from steepest.descent.problem.transforms import Reparametrization, split_transforms
from steepest.descent.results.fit import Fit, FitWarning
from steepest.descent.results.fit_state import FinishedFit
from steepest.descent.results.result import Status
from steepest.descent.running.callbacks import State
from steepest.descent.running.influence import doubted
from steepest.descent.running.refit import Key, key_of, refit, remember_fit
from steepest.descent.running.solve import solve
from steepest.descent.scipy_compat import (
    GRADIENT_GOAL,
    SQUARES,
    SQUARES_GOAL,
    check_no_slopes,
    squares_stop,
)
from steepest.descent.stop_rules import DecrementUnknown, MaxIterations, StopRule
from steepest.engines import Engine, get_engine
from steepest.errors import InputError
from steepest.frames import warn_user

MOST_ITERATIONS = 10_000
"""Limit where none is given."""


@entry_point(SQUARES)
def least_squares(
    residuals: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    method: Search | str | None = None,
    bounds: Any = None,
    loss: str | Callable[[Any], Any] = "linear",
    f_scale: float = 1.0,
    stop: StopRule | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_nfev: float | None = None,
    engine: str | Engine = "native",
    record: Record = "auto",
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    kwargs: dict[str, Any] | None = None,
    max_paths: int = MAX_PATHS,
) -> Fit:
    """Minimize half the sum of squares of residuals written in NumPy.

    Parameters
    ----------
    residuals
        ``residuals(x, *args, **kwargs)`` returns real numbers, nested or in arrays of any
        shape. Their slopes are exact.
    x0
        Start point: an array, a number, or nested tuples, lists and dicts of them; values may
        be marked, as for :func:`minimize`.
    args, kwargs
        Further arguments; a single one in `args` need not be put into a tuple.
    method
        ``st.LevenbergMarquardt()`` unless given, which SciPy's ``"lm"`` and ``"trf"`` mean
        too; any other that searches.
    bounds
        Two ends (lower, upper), each a number or in the structure of `x0`; SciPy's
        ``Bounds`` will do too. With marked start values two dicts, by name.
    loss
        ``"linear"``, ``"huber"``, ``"soft_l1"``, ``"cauchy"``, ``"arctan"``, or a function
        ``rho(z)`` of squared residuals, in NumPy.
    f_scale
        The residual from which on it counts as an outlier, in its units.
    stop
        Stop rule, checked before each update. Unless given: as exact as rounding allows, or
        10,000 iterations.
    ftol, xtol, gtol, max_nfev
        SciPy's, in place of `stop`: relative change of the loss, relative length of a step,
        largest slope, number of iterations.
    engine, record, callback, progress, max_paths
        As for :func:`minimize`.

    Returns
    -------
    Fit
        The point reached, how it ended, and statistics.

    Raises
    ------
    InputError
        If start, data, bounds or a setting do not make sense.
    SettingError
        If the residuals are no function, or a setting is of the wrong kind.
    UnsupportedError
        If the residuals do what cannot be recorded; the message names the line.

    Notes
    -----
    SciPy's other arguments are taken by name, and not needed (``jac``, ``x_scale``,
    ``tr_solver``...); ``verbose=1`` prints how the fit ended, ``verbose=2`` each iteration.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> y = np.array([2.0, 1.2, 0.8, 0.5])
    >>> fit = st.least_squares(lambda p: p[0] * np.exp(-p[1] * t) - y, np.array([1.0, 1.0]))
    >>> fit.x.round(4), fit.standard_errors.round(4)
    (array([1.985 , 0.4683]), array([0.0349, 0.0179]))
    """
    check_no_slopes(args)
    args = args if isinstance(args, tuple | list) else (args,)
    x0, key = as_x0(x0), None
    if not kwargs and bounds is None and callback is None and not progress:
        tolerances = stop, ftol, xtol, gtol, max_nfev
        settings = method, loss, f_scale, engine, record, max_paths
        key = key_of(("residuals", residuals, settings, tolerances), x0, tuple(args))
        made = None if key is None else refit(key, x0, tuple(args))
        if made is not None:
            return Fit(made, made.names)
    function = functools.partial(residuals, **kwargs) if kwargs else residuals
    return fit_residuals(
        function,
        x0,
        args,
        method=method,
        bounds=bounds,
        loss=loss,
        f_scale=f_scale,
        stop=stop,
        tolerances=(ftol, xtol, gtol, max_nfev),
        engine=engine,
        record=record,
        callback=callback,
        progress=progress,
        max_paths=max_paths,
        key=key,
    )


def fit_residuals(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    *,
    method: Any,
    bounds: Any,
    loss: Any,
    f_scale: float,
    stop: StopRule | None,
    tolerances: tuple[Any, Any, Any, Any],
    engine: str | Engine,
    record: Record,
    callback: Callable[[State], Any] | None,
    progress: bool,
    max_paths: int,
    names: Sequence[str] | None = None,
    absolute_sigma: bool = False,
    full_output: bool = False,
    data: Data | None = None,
    key: Key | None = None,
) -> Fit:
    """Return the fit of residuals.

    `names` of the parameters and `data` of a model are given if known; with a `key`, another
    fit may be made :func:`refit`.
    """
    x0, expand = split_transforms(x0)
    args = kept(tuple(args))
    if expand is not None and bounds is not None:
        if not isinstance(bounds, tuple | list) or len(bounds) != 2:
            raise InputError(f"with marked start values bounds are two dicts: got {bounds!r}")
        low, high = ({} if end is None else end for end in bounds)
        bounds = expand.free_bounds(low, -np.inf), expand.free_bounds(high, np.inf)
    layout, vector = ravel_parameters(x0)
    check_data(args)
    problem, reason = squares_problem(
        function,
        layout,
        args,
        box_of_ends(bounds, x0, layout, vector),
        method=method,
        loss=loss,
        f_scale=f_scale,
        stop=stop,
        tolerances=tolerances,
        engine=engine,
        max_paths=max_paths,
        recorded=recording(record, vector.size),
        expand=expand,
    )
    named = tuple(names) if names is not None else names_of(layout)
    model = None if data is None else (data.kind, data.is_named, data.nan_policy)
    more = {"model": model, "names": named, "absolute_sigma": absolute_sigma}
    run = solve(problem, vector, callback, progress, reason, None, more)
    run = doubted(run, problem, vector)
    if data is None:  # those of a model are warned of with what they do not determine
        warn_of_idle(run)
        warn_of_interrupt(run)
    if key is not None and run.converged and not run.notes:
        remember_fit(key, problem, vector, reason, more)
    return Fit(FinishedFit.of(run, problem), named, absolute_sigma, data, full_output)


def squares_problem(
    function: Callable[..., Any],
    layout: ParameterLayout,
    args: Sequence[Any],
    box: Box | None,
    *,
    method: Any,
    loss: Any,
    f_scale: float,
    stop: StopRule | None,
    tolerances: tuple[Any, Any, Any, Any],
    engine: str | Engine,
    max_paths: int,
    recorded: tuple[int, bool] = (0, False),
    expand: Reparametrization | None = None,
    usual_limit: int = MOST_ITERATIONS,
) -> tuple[Problem, str]:
    """Return what it is to minimize the squares of residuals, and why by that method.

    `tolerances` are SciPy's, in place of a stop rule; `usual_limit` is for methods that need
    residuals, where no limit is given; `recorded` is how often the history keeps something, and
    whether x too.
    """
    method, reason = choose_for_squares(method)
    check_kinds(function, stop, what="residuals")
    if not (np.isfinite(f_scale) and f_scale > 0):
        raise InputError(f"f_scale must be a positive number, got {f_scale!r}")
    if isinstance(method, Search) and box is not None:
        method = method.bounded()
    if stop is None:
        stop = squares_stop(*tolerances, goal_of(method))
    if stop is None:
        limit = usual_limit if getattr(method, "needs_residuals", False) else MOST_ITERATIONS
        stop = goal_of(method) | MaxIterations(limit)
    every, keep_x = recorded
    problem = Problem(
        Objective(function, True, loss_called(loss), float(f_scale), expand),
        layout,
        args,
        method,
        stop,
        dtype=layout.dtype,
        batches=None,
        plan=None,
        record_every=every,
        record_x=keep_x,
        engine=get_engine(engine),
        max_paths=max_paths,
        box=box,
    )
    return problem, reason


def goal_of(method: Any) -> StopRule:
    """Return where a method stops that minimizes squares, unless told: as exact as it can tell.

    A method of the user's own goes by what it says is left to gain, if it says so.
    """
    if getattr(method, "needs_residuals", False):
        return SQUARES_GOAL
    if is_for_losses(method):
        return GRADIENT_GOAL
    return SQUARES_GOAL | (GRADIENT_GOAL & DecrementUnknown())


@functools.lru_cache(maxsize=256)
def names_of(layout: ParameterLayout) -> tuple[str, ...]:
    """Return a name for each number of the start point."""
    name = element_names(layout)
    return tuple(name(i).replace("x0", "x", 1) for i in range(sum(layout.sizes)))


def warn_of(fit: Fit) -> None:
    """Warn of a fit that did not converge, and where standard errors cannot be given."""
    wanted = (Status.CALLBACK, Status.TIME_LIMIT)
    remarks = list(fit.remarks)
    if not fit.converged and fit.status not in wanted:
        remarks.insert(0, fit.run.message)
    if remarks:
        warn_user(" ".join(remarks), FitWarning)

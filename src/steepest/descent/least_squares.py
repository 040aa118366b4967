"""``least_squares``: the entry point for residuals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import (
    SQUARES,
    check_no_slopes,
)
from steepest.descent.constraints.attach import attach, own_dtypes
from steepest.descent.constraints.fit import ConstrainedFit
from steepest.descent.constraints.forms import as_list
from steepest.descent.fit_problem import FitOptions, problem_for_few_residuals, squares_problem
from steepest.descent.inference.fit import Fit, FitWarning
from steepest.descent.methods import SQP, Search
from steepest.descent.minimize import (
    Record,
    recording,
)
from steepest.descent.problem.bounds import box_of_ends
from steepest.descent.problem.data import Data, snapshot_data
from steepest.descent.problem.differencing import is_differenced
from steepest.descent.problem.objective import ByName, bound_to_data
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_x0,
    check_data,
    element_names,
    ravel_parameters,
)
from steepest.descent.problem.single_numbers import numbers_as_arrays
from steepest.descent.problem.streamed import (
    divided_rows,
    read_in_blocks,
    refuse_blocks,
    sources_in,
)
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.fit_state import FinishedFit
from steepest.descent.results.status import Status
from steepest.descent.running.callbacks import State
from steepest.descent.running.ends.influence import mark_if_singular
from steepest.descent.running.one_shot import Key, key_of
from steepest.descent.running.refit import refit, remember_fit
from steepest.descent.running.solve import solve
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine, get_engine
from steepest.errors import InputError
from steepest.frames import warn_user


@entry_point(SQUARES)
@numbers_as_arrays
def least_squares(
    residuals: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    *,
    method: Search | str | None = None,
    bounds: Any = None,
    constraints: Any = None,
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
    residuals : callable
        ``residuals(x, *args, **kwargs)`` returns real numbers, nested or in arrays of any shape.
        Their Jacobian is exact.
    x0 : array_like or nested parameters
        Start values: an array, a number, or nested tuples, lists and dicts of them. They may be
        marked, as for :func:`minimize`.
    args : tuple, optional
        Further arguments of the residuals. A single one need not be in a tuple.
    method : Search or str, optional
        Descent method, or its name, also SciPy's. By default :class:`LevenbergMarquardt`, which is
        also used for SciPy's ``"lm"`` and ``"trf"``. For fewer residuals than parameters it is
        :class:`TrustRegion`: a residual that is itself a sum of squares is far from linear.
    bounds : tuple or scipy.optimize.Bounds, optional
        Two ends (lower, upper), each a number or in the structure of `x0`. If start values are
        marked, two dicts by name.
    constraints : Constraint, dict, scipy.optimize.LinearConstraint, ... or list of them, optional
        Limits of functions of the parameters, as for :func:`minimize`. The method is then
        :class:`SQP`, with exact Hessians. The fit also has ``multipliers``,
        ``bound_multipliers``, ``constraint_violation``, ``constraint_values``,
        ``active_constraints`` and ``kkt_residual``. Its covariance is that of the parameters
        where constraints that are on a limit stay there.
    loss : str or callable, optional
        ``"linear"``, ``"huber"``, ``"soft_l1"``, ``"cauchy"``, ``"arctan"``, or a function
        ``rho(z)`` of squared residuals, in NumPy.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule, checked before each update. By default the fit goes on until rounding errors
        prevent a further decrease, for at most 10,000 iterations.
    ftol, xtol, gtol : float, optional
        SciPy's tolerances, in place of `stop`: relative change of the loss, relative length of a
        step, and largest slope.
    max_nfev : int, optional
        Largest number of iterations.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descent runs.
    record : {"auto", "all"}, int or None, optional
        What the history holds, as for :func:`minimize`.
    callback : callable, optional
        Called with a :class:`State` after every update, as for :func:`minimize`.
    progress : bool, optional
        Whether to show progress on stderr.
    kwargs : dict, optional
        Further arguments of the residuals, by name.
    max_paths : int, optional
        Largest number of paths to compile, as for :func:`minimize`.

    Returns
    -------
    Fit
        The point reached, how the descent ended, and statistics of the parameters.

    Raises
    ------
    InputError
        If start values, data, bounds, constraints or a setting are invalid, or if the residuals
        are not finite at the start. It is a ``ValueError``.
    SettingError
        If an argument has the wrong type, such as residuals that are not a function.
    UnsupportedError
        If the residuals contain code that cannot be traced. The message names the line.

    Warns
    -----
    FitWarning
        If the fit did not converge, which includes a limit on iterations that was reached
        (SciPy's ``least_squares`` returns without a warning then), if the residuals do not depend
        on a parameter, or if they do not determine the parameters.

    Notes
    -----
    SciPy's other arguments are accepted by name and have no effect (``jac``, ``x_scale``,
    ``tr_solver``...). ``verbose=1`` prints how the fit ended, ``verbose=2`` each iteration.

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
    if kwargs:
        refuse_blocks(kwargs, why="which is possible for args=(...) and not for kwargs")
        residuals = ByName(residuals, tuple(kwargs))
        args = (*args, *kwargs.values())
    x0, key = as_x0(x0), None
    is_plain = bounds is None and constraints is None and callback is None
    if is_plain and not progress:
        stopping = stop, ftol, xtol, gtol, max_nfev
        settings = method, loss, f_scale, engine, record, max_paths
        key = key_of(("residuals", residuals, settings, stopping), x0, tuple(args))
        end = None if key is None else refit(key, x0, tuple(args))
        if end is not None:
            fit = Fit(end, end.names)
            if not _lacks_rank(fit):
                return fit
    args = read_in_blocks(residuals, args, get_engine(engine))
    function, args = bound_to_data(residuals, args)
    tolerances = ftol, xtol, gtol, max_nfev
    options = FitOptions(
        method, bounds, loss, f_scale, stop, tolerances, engine, max_paths, constraints
    )
    return fit_residuals(function, x0, args, options, record, callback, progress, key=key)


def fit_residuals(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    options: FitOptions,
    record: Record,
    callback: Callable[[State], Any] | None,
    progress: bool,
    data: Data | None = None,
    **further: Any,
) -> Fit:
    """Return the fit of residuals, with warnings; takes what :func:`descend_squares` takes."""
    settings = options, record, callback, progress
    fit = descend_squares(function, x0, args, *settings, data=data, **further)
    if data is None:
        _check_first_loss(fit)
    warn_of(fit)
    return fit


def descend_squares(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    options: FitOptions,
    record: Record,
    callback: Callable[[State], Any] | None,
    progress: bool,
    *,
    names: Sequence[str] | None = None,
    absolute_sigma: bool = False,
    full_output: bool = False,
    data: Data | None = None,
    key: Key | None = None,
    reason: str | None = None,
    may_be_singular: bool = False,
) -> Fit:
    """Return the fit of residuals, without warnings.

    Parameters
    ----------
    function, x0, args, options, record, callback, progress
        Arguments of :func:`least_squares`.
    names
        Names of the parameters; those of the elements of x unless given.
    absolute_sigma, full_output
        Arguments of :func:`curve_fit`.
    data
        Model and data of a curve fit.
    key
        Key under which a converged fit is kept for :func:`refit`; None keeps nothing.
    reason
        Why the method was chosen; None to find it here.
    may_be_singular
        Whether an end where the Jacobian has lost rank is as good as any other, as it is for
        equations: they are solved or not.
    """
    x0, expand = split_transforms(x0)
    args = snapshot_data(tuple(args))
    bounds = options.bounds
    if expand is not None and bounds is not None:
        if not isinstance(bounds, tuple | list) or len(bounds) != 2:
            raise InputError(
                f"with marked start values, bounds must be two dicts by name: got {bounds!r}"
            )
        low, high = ({} if end is None else end for end in bounds)
        bounds = expand.free_bounds(low, -np.inf), expand.free_bounds(high, np.inf)
    layout, vector = ravel_parameters(x0)
    check_data(args)
    args = divided_rows(get_engine(options.engine), function, args)
    box = box_of_ends(bounds, x0, layout, vector, names)
    record_settings = recording(record, vector.size)
    problem, usual = squares_problem(function, layout, args, box, options, record_settings, expand)
    named = tuple(names) if names is not None else names_of(layout)
    model = None if data is None else (data.kind, data.is_named, data.nan_policy)
    saved_settings: dict[str, Any] = {
        "model": model,
        "names": named,
        "absolute_sigma": absolute_sigma,
    }
    attached = None
    if isinstance(problem.method, SQP):
        attached = attach(
            options.constraints, problem.objective, args, problem.method, layout, vector, box
        )
        problem = attached.problem(problem)
        vector = vector.astype(problem.dtype)
        saved_settings |= own_dtypes(layout)
    few = problem_for_few_residuals(problem, vector.size, options)
    why = usual if reason is None else reason
    run = solve(problem, vector, callback, progress, why, None, saved_settings, few)
    if few is not None and run.method == few[0].method:
        problem, why = few
    if not may_be_singular:
        run = mark_if_singular(run, problem, vector)
    if key is not None and run.converged and not run.notes and not is_differenced(function):
        remember_fit(key, problem, vector, why, saved_settings, run.evaluations)
    kind = Fit
    if attached is not None:
        run = attached.finish(run, problem)
        kind = ConstrainedFit if as_list(options.constraints) else Fit
    return kind(FinishedFit.of(run, problem), named, absolute_sigma, data, full_output)


def _check_first_loss(fit: Fit) -> None:
    """Raise if the residuals are not finite at the start, as SciPy's ``least_squares`` does."""
    run = fit.run
    if not (run.status is Status.DIVERGED and run.iterations == 0 and not np.isfinite(run.loss)):
        return
    if sources_in(fit.problem.args):
        raise InputError(f"residuals must be finite at the start, but {lowered(run.message)}")
    wrong = np.flatnonzero(~np.isfinite(fit.residuals))
    found = "the sum of their squares overflows"
    if wrong.size:
        found = f"residuals[{wrong[0]}] is {fit.residuals[wrong[0]]}"
    raise InputError(f"residuals must be finite at the start, but {found}: {lowered(run.message)}")


def lowered(sentence: str) -> str:
    """Return a sentence as a part of another one."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


@functools.lru_cache(maxsize=256)
def names_of(layout: ParameterLayout) -> tuple[str, ...]:
    """Return a name for each number of the start point."""
    name = element_names(layout)
    return tuple(name(i).replace("x0", "x", 1) for i in range(sum(layout.sizes)))


def warn_of(fit: Fit) -> None:
    """Warn once of a fit that did not converge, or whose standard errors are unknown.

    Residuals without a model often are equations to be solved, as many as parameters or fewer.
    They get no warning of unknown errors, but of parameters that do not change them, and of a
    Jacobian of lower rank than the method needs.
    """
    run, is_curve = fit.run, fit.data is not None
    wanted = (Status.CALLBACK, Status.TIME_LIMIT)
    if not is_curve and run.notes and (fit.converged or run.status is Status.FLAT):
        sentences = list(run.notes)
    else:
        sentences = [] if fit.converged or run.status in wanted else [run.message]
        if not _was_cut_off(fit) and (is_curve or _lacks_rank(fit)):
            sentences += fit.remarks
    if sentences:
        warn_user(" ".join(sentences), FitWarning)


def _was_cut_off(fit: Fit) -> bool:
    """Whether the fit ended in the middle of a pass over data on disk; none should follow."""
    is_ended = fit.run.status in (Status.INTERRUPTED, Status.TIME_LIMIT)
    return is_ended and bool(sources_in(fit.problem.args))


def _lacks_rank(fit: Fit) -> bool:
    """Whether the Jacobian, if the method reported it, has a lower rank than it could have."""
    if fit.end.triangle is None or fit.end.observations < len(fit.vector):
        return False
    return fit.is_short_of_rank

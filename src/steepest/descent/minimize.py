"""``minimize``: the entry point for a loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import GRADIENT_GOAL, LOSSES
from steepest.descent.calling.scipy_solvers import (
    is_always_run,
    is_run,
    solve_with_scipy,
    solver_of,
)
from steepest.descent.constraints.attach import attach, own_dtypes
from steepest.descent.constraints.forms import as_list, settings_key
from steepest.descent.iteration.problem import Problem
from steepest.descent.large.driven import solve_driven
from steepest.descent.methods import SQP, Method, Search
from steepest.descent.methods.base import Driven
from steepest.descent.methods.registry import default_method
from steepest.descent.problem.batches import Batches
from steepest.descent.problem.bounds import Box, box_of_pairs
from steepest.descent.problem.differencing import is_differenced
from steepest.descent.problem.objective import Objective, bound_to_data, further_arguments
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_x0,
    check_data,
    element_names,
    ravel_parameters,
)
from steepest.descent.problem.single_numbers import numbers_as_arrays
from steepest.descent.problem.streamed import divided_rows, read_in_blocks, sources_in
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.result import Result, Status
from steepest.descent.running.callbacks import State
from steepest.descent.running.one_shot import key_of, minimize_again, remember_descent
from steepest.descent.running.solve import solve
from steepest.descent.stop_rules import MaxIterations, StopRule
from steepest.engines import BatchPlan, Engine, get_engine
from steepest.errors import InputError, SettingError
from steepest.frames import warn_user
from steepest.graph import trees
from steepest.streams import Source
from steepest.trace.tracing import is_array_like

Record = Literal["auto", "all"] | int | None

DEFAULT_STOP: StopRule = GRADIENT_GOAL | MaxIterations(10_000)
"""Default stop rule of ``minimize``."""

_X_LIMIT = 16


@entry_point(LOSSES)
@numbers_as_arrays
def minimize(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: Method | Search | str | None = None,
    *,
    bounds: Any = None,
    constraints: Any = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    record: Record = "auto",
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    batches: Batches | None = None,
    compute_dtype: Any = None,
    max_paths: int = MAX_PATHS,
    fast: bool = False,
) -> Result:
    """Minimize a loss written in NumPy.

    Parameters
    ----------
    function : callable
        The loss: ``function(x, *args)`` returns one real number.
    x0 : array_like or nested parameters
        Start values: an array, a number, or nested tuples, lists and dicts of them. Integers
        become float64. A start value may be marked: :class:`Fixed`, :class:`Tied`,
        :class:`Positive`, :class:`UnitInterval`, :class:`Simplex`.
    args : tuple, optional
        Further arguments of the loss: arrays, numbers, or nested ones. A single one need not be
        in a tuple.
    method : Method, Search or str, optional
        Descent method, or its name, also SciPy's: ``"lbfgs"``, ``"L-BFGS-B"``. By default BFGS
        for up to 100 parameters, L-BFGS for more or with bounds, and Adam with batches. With
        constraints, SQP for up to 100 parameters and 200 constraints, InteriorPoint for more.
        ``"Nelder-Mead"`` and ``"Powell"`` run SciPy's own solver.
        ``run.method`` is the method used, and ``run.reason`` says why it was chosen.
    bounds : nested pairs or scipy.optimize.Bounds, optional
        A pair (low, high) for each parameter in the structure of `x0`, or one pair for all. None
        is no bound. A start outside is moved to the nearest bound, with an
        :class:`OptimizeWarning`. If start values are marked, a dict of pairs by name.
    constraints : Constraint, dict, scipy.optimize.LinearConstraint, ... or list of them, optional
        Limits of functions of the parameters: :class:`Constraint`, or any form of SciPy's. The
        result then also has ``multipliers``, ``bound_multipliers``, ``constraint_violation``,
        ``constraint_values``, ``active_constraints`` and ``kkt_residual``.
    stop : StopRule, optional
        Stop rule, checked before each update. By default a gradient norm of at most 1e-6, or
        10,000 iterations; with batches, the end of the last epoch. A rule without
        :class:`MaxIterations` has no limit. Ctrl-C returns the point reached.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descent runs.
    record : {"auto", "all"}, int or None, optional
        What the history holds. ``"auto"`` records the loss of every iteration, and x if it has at
        most 16 numbers; ``"all"`` records both. An int k records as ``"auto"``, but only every
        k-th iteration. None records nothing.
    callback : callable, optional
        ``callback(state)`` is called after every update. The :class:`State` is also the array that
        SciPy's ``callback(xk)`` expects. A parameter called ``intermediate_result`` is given the
        state by that name. Returning True or raising StopIteration ends the run.
    progress : bool, optional
        Whether to show progress on stderr.
    batches : Batches, optional
        Minibatches: how the rows of `args` are divided among iterations.
    compute_dtype : dtype, optional
        Precision of the arithmetic, float32 or float64, if it differs from that of the
        parameters. The parameters are rounded to their own precision after each update.
    max_paths : int, optional
        Largest number of paths to compile. A path is one combination of branches on values
        (``if x[0] > 0``); each is traced and compiled when it is first taken. Further paths are
        interpreted, with a :class:`PathLimitWarning`.
    fast : bool, optional
        Whether algebra may change how results are rounded. A least-squares loss of
        ``X @ w + b - y`` is then computed from the Gram matrix of `X`, so that an iteration does
        not read the data. The loss then has the rounding error of a difference of sums of squares
        of `y`.

    Returns
    -------
    Result
        The point reached, its loss, status, history, timings and graph.

    Raises
    ------
    InputError
        If start values, data or a setting are invalid, or if the loss does not return one real
        number.
    SettingError
        If an argument has the wrong type, such as a loss that is not a function.
    UnsupportedError
        If the loss contains code that cannot be traced. The message names the line.

    Warns
    -----
    OptimizeWarning
        If the start is outside of the bounds, or if the loss does not depend on a parameter.

    Notes
    -----
    The arguments of SciPy's ``minimize`` are accepted. ``jac``, ``hess`` and ``hessp`` are not
    called, since derivatives are exact. ``tol`` and ``options`` become stop rules and settings of
    the method. ``options={"disp": True}`` and ``verbose=1`` print how the run ended.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> run = st.minimize(rosenbrock, np.zeros(2), method=st.GradientDescent(0.001),
    ...                   stop=st.LossBelow(0.001) | st.MaxIterations(100_000))
    >>> run.iterations, run.converged
    (5771, True)
    """
    args = further_arguments(function, args)
    key = None
    if callback is None and batches is None and not progress:
        within = settings_key(bounds, constraints)
        settings = method, stop, engine, record, compute_dtype, max_paths, fast, within
        key = key_of(("minimize", function, settings), x0, tuple(args))
        again = None if key is None else minimize_again(key, x0, tuple(args))
        if again is not None:
            return again
    chosen = get_engine(engine)
    check_batches(batches)
    check_kinds(function, stop, callback)
    function, args = bound_to_data(function, read_in_blocks(function, args, chosen))
    x0, expand = split_transforms(as_x0(x0))
    if expand is not None and bounds is not None:
        bounds = expand.free_bounds(bounds, (None, None))
    layout, vector = ravel_parameters(x0)
    box = box_of_pairs(bounds, x0, layout)
    vector = inside(box, vector, layout)
    solver, is_limited = solver_of(method), bool(as_list(constraints))
    is_scipys, is_default = is_always_run(method, is_limited), method is None
    method, reason = default_method(
        SQP() if is_scipys else method,
        vector.size,
        batches is not None,
        box is not None,
        is_limited,
    )
    if isinstance(method, Search):
        _check_search(method, batches)
        method = method if box is None else method.bounded()
    check_data(args)
    finish: Callable[[Result, Problem], Result] = _unchanged
    more: dict[str, Any] = {}
    if stop is None:
        stop = MaxIterations(1 << 62) if batches else DEFAULT_STOP
    dtype = layout.dtype if compute_dtype is None else _compute_dtype(compute_dtype)
    record_every, record_x = recording(record, vector.size)
    problem = Problem(
        Objective(function, expand=expand),
        layout,
        divided_rows(chosen, function, args, batches is not None),
        method,
        stop,
        dtype=dtype,
        engine=chosen,
        max_paths=max_paths,
        batches=batches,
        plan=batch_plan(batches, args),
        record_every=record_every,
        record_x=record_x,
        fast=fast,
        box=box,
    )
    if isinstance(method, SQP | Driven):
        attached = attach(constraints, problem.objective, args, method, layout, vector, box)
        if is_default and is_limited:
            attached, reason = attached.with_default_method(vector.size)
        problem, finish = attached.problem(problem), attached.finish
        vector, more = vector.astype(problem.dtype), own_dtypes(layout)
    if solver is not None and is_run(solver, problem, vector):
        found = solve_with_scipy(solver, problem, vector, callback)
        return finish(found, problem) if is_limited else found
    given = problem, vector, callback, progress, reason
    is_driven = isinstance(problem.method, Driven)
    run = solve_driven(*given) if is_driven else solve(*given, None, more)
    warn_of_idle(run)
    warn_of_interrupt(run)
    has_notes, run = bool(run.notes), finish(run, problem)
    is_plain = not has_notes and not is_differenced(problem.objective.subject)
    if key is not None and run.converged and is_plain:
        remember_descent(key, problem, vector, reason, run.evaluations, len(args), finish)
    return run


def _unchanged(run: Result, problem: Problem) -> Result:
    return run


def warn_of_interrupt(run: Result) -> None:
    """Warn of a run that Ctrl-C or a lost cluster ended, since the calling script continues."""
    if run.status in (Status.INTERRUPTED, Status.CLUSTER_LOST):
        warn_user(run.message)


def warn_of_idle(run: Result) -> None:
    """Warn of parameters without influence, unless the run did not converge."""
    if run.notes and (run.converged or run.status is Status.FLAT):
        for note in run.notes:
            warn_user(note)


def check_kinds(function: Any, stop: Any, callback: Any = None, what: str = "loss") -> None:
    """Raise unless the loss is a function, `stop` a stop rule, and `callback` a function."""
    if not callable(function):
        raise SettingError(f"the {what} must be a function, got {function!r}")
    if callback is not None and not callable(callback):
        raise SettingError(f"callback must be a function of a state, got {callback!r}")
    if stop is not None and not isinstance(stop, StopRule):
        raise SettingError(f"stop must be a stop rule such as st.MaxIterations(100), got {stop!r}")


def check_batches(batches: Any) -> None:
    """Raise unless `batches` is None or :class:`Batches`."""
    if batches is None or isinstance(batches, Batches):
        return
    is_size = isinstance(batches, int | np.integer) and not isinstance(batches, bool)
    size = batches if is_size else "32"
    raise SettingError(
        f"batches must be st.Batches: did you mean batches=st.Batches(size={size})? Got "
        f"{batches!r}"
    )


def _check_search(method: Search, batches: Batches | None) -> None:
    name = type(method).__name__
    if batches is not None:
        raise InputError(
            f"{name} compares losses of successive points, but each batch has its own loss: use "
            "st.Adam() or st.Momentum(), or leave batches out"
        )


def _compute_dtype(dtype: Any) -> np.dtype:
    chosen: np.dtype = np.dtype(dtype)
    if chosen not in (np.float32, np.float64):
        raise InputError(f"compute_dtype must be float32 or float64, got {chosen}")
    return chosen


def inside(box: Box | None, vector: np.ndarray, layout: ParameterLayout) -> np.ndarray:
    """Return a start point clipped to its bounds, with a warning, as SciPy's ``minimize`` does."""
    if box is None:
        return vector
    for i in np.flatnonzero((vector < box.lower) | (vector > box.upper))[:1]:
        name, low, high = element_names(layout)(int(i)), box.lower[i], box.upper[i]
        warn_user(
            f"{name} starts at {vector[i]:g}, outside of its bounds {low:g} and {high:g}: it "
            "was moved to the nearer one"
        )
    clipped: np.ndarray = np.clip(vector, box.lower, box.upper)
    return clipped


def batch_plan(batches: Batches | None, args: Sequence[Any]) -> BatchPlan | None:
    """Return how the rows of the arguments are cut into batches; None without batches."""
    if batches is None:
        return None
    leaves = [leaf for leaf in trees.leaves(tuple(args)) if is_array_like(leaf)]
    batched = tuple(isinstance(leaf, np.ndarray | Source) and leaf.ndim > 0 for leaf in leaves)
    for source in sources_in(args):
        batches.check_stream(source.name)
    rows = {len(leaf) for leaf, cut in zip(leaves, batched, strict=True) if cut}
    if len(rows) != 1:
        shapes = [np.shape(leaf) for leaf in leaves]
        raise InputError(
            "batches cut every array in args along its first axis, which must be equally long: "
            f"got shapes {shapes}"
        )
    (samples,) = rows
    return BatchPlan(samples, min(batches.size, samples), batched)


def recording(record: Record, size: int) -> tuple[int, bool]:
    """Return after how many iterations the history records one, and whether it records x."""
    if record is None:
        return 0, False
    if record == "all":
        return 1, True
    if record == "auto":
        return 1, size <= _X_LIMIT
    if isinstance(record, int) and not isinstance(record, bool) and record > 0:
        return record, size <= _X_LIMIT
    raise InputError(
        f"record must be 'auto', 'all', a positive whole number or None, got {record!r}"
    )

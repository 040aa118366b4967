"""``minimize``: the entry point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.entry import entry_point
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Method, Search
from steepest.descent.methods.registry import default_method
from steepest.descent.problem.batches import Batches
from steepest.descent.problem.bounds import Box, box_of_pairs
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import (
    ParameterLayout,
    as_x0,
    check_data,
    element_names,
    ravel_parameters,
)
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.result import Result, Status
from steepest.descent.running.callbacks import State
from steepest.descent.running.solve import solve
from steepest.descent.scipy_compat import GRADIENT_GOAL, LOSSES
from steepest.descent.stop_rules import MaxIterations, StopRule
from steepest.engines import BatchPlan, Engine, get_engine
from steepest.errors import InputError, SettingError
from steepest.frames import warn_user
from steepest.graph import trees
from steepest.trace.tracing import is_array_like

Record = Literal["auto", "all"] | int | None

DEFAULT_STOP: StopRule = GRADIENT_GOAL | MaxIterations(10_000)
"""Stop rule of ``minimize`` where none is given."""

_X_LIMIT = 16


@entry_point(LOSSES)
def minimize(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    method: Method | Search | str | None = None,
    *,
    bounds: Any = None,
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
    function
        The loss: ``function(x, *args)`` returns one real number.
    x0
        Start point: an array, a number, or nested tuples, lists and dicts of them. Integers
        become float64. A start value may be marked: :class:`Fixed`, :class:`Tied`,
        :class:`Positive`, :class:`UnitInterval`, :class:`Simplex`.
    args
        Further arguments of the loss: arrays, numbers, or nested ones; a single one need not
        be put into a tuple.
    method
        Descent method, or its name, also SciPy's: ``"lbfgs"``, ``"L-BFGS-B"``. Unless given,
        the one that suits the problem: BFGS for up to 100 parameters, else L-BFGS, which also
        serves bounds; with batches, Adam. ``run.method`` is the one, and ``run.reason`` says
        why.
    bounds
        Pairs (low, high), one for each parameter in the structure of `x0`, or one for all;
        None is no bound. SciPy's ``Bounds`` will do too. A start outside is moved inside, and
        an :class:`OptimizeWarning` says so. With marked start values a dict, by
        name, of those that have some.
    stop
        Stop rule, checked before each update. Unless given: gradient norm at most 1e-6, or
        10,000 iterations; with batches, the last epoch's end. A rule without
        :class:`MaxIterations` has no limit; Ctrl-C returns the point reached.
    engine
        ``"native"``, ``"numpy"``, ``"torch"``, or an engine object.
    record
        ``"auto"`` keeps the loss of every iteration, and x too while it has at most 16
        numbers; ``"all"`` keeps both; a whole number k keeps what ``"auto"`` does of every
        k-th iteration; None keeps nothing.
    callback
        Called with a :class:`State` after every update, which is also the array that SciPy's
        ``callback(xk)`` expects; one whose parameter is called ``intermediate_result`` is
        given it by that name. Returning True or raising StopIteration ends the run.
    progress
        Whether to show progress on stderr.
    batches
        Deal the rows of `args` out in batches.
    compute_dtype
        Precision of the arithmetic, where it is not that of the parameters: they are
        rounded to their own after each update.
    max_paths
        Branches on values (``if x[0] > 0``) part the loss into paths, which are traced and
        compiled as they turn up. Beyond so many, each new one is interpreted, and a
        :class:`PathLimitWarning` says so.
    fast
        Let algebra move work out of the loop where that changes how results are rounded: a
        least-squares loss of ``X @ w + b - y`` is computed from the Gram matrix of `X`, so
        that an iteration does not touch the data. The loss is then a difference of sums
        over the squares of `y`, and has their rounding error.

    Returns
    -------
    Result
        The point reached, its loss, how it ended, the history, timings and graph.

    Raises
    ------
    InputError
        If the start, the data or a setting does not make sense; if the loss does not return
        one real number.
    SettingError
        If the loss is no function, or method, stop rule or engine is something else.
    UnsupportedError
        If the loss does what cannot be recorded; the message names the line.

    Warns
    -----
    OptimizeWarning
        If the start is outside of the bounds, and where a loss does not depend on parameters.

    Notes
    -----
    The arguments of SciPy's ``minimize`` will do: ``jac``, ``hess`` and ``hessp`` are not
    needed, and not called; ``tol`` and ``options`` are stop rules and settings of the method;
    ``options={"disp": True}`` and ``verbose=1`` print how the run ended.

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
    chosen = get_engine(engine)
    check_batches(batches)
    args = args if isinstance(args, tuple | list) else (args,)
    check_kinds(function, stop, callback)
    x0, expand = split_transforms(as_x0(x0))
    if expand is not None and bounds is not None:
        bounds = expand.free_bounds(bounds, (None, None))
    layout, vector = ravel_parameters(x0)
    box = box_of_pairs(bounds, x0, layout)
    vector = inside(box, vector, layout)
    method, reason = default_method(method, vector.size, batches is not None, box is not None)
    if isinstance(method, Search):
        _check_search(method, batches)
        method = method if box is None else method.bounded()
    check_data(args)
    if stop is None:
        stop = MaxIterations(1 << 62) if batches else DEFAULT_STOP
    dtype = layout.dtype if compute_dtype is None else _compute_dtype(compute_dtype)
    record_every, record_x = recording(record, vector.size)
    problem = Problem(
        Objective(function, expand=expand),
        layout,
        args,
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
    run = solve(problem, vector, callback, progress, reason)
    warn_of_idle(run)
    warn_of_interrupt(run)
    return run


def warn_of_interrupt(run: Result) -> None:
    """Warn of a run that Ctrl-C ended: the script that holds it goes on."""
    if run.status is Status.INTERRUPTED:
        warn_user(run.message)


def warn_of_idle(run: Result) -> None:
    """Warn of parameters that do not matter, unless the run says that it has not converged."""
    if run.notes and (run.converged or run.status is Status.FLAT):
        for note in run.notes:
            warn_user(note)


def check_kinds(function: Any, stop: Any, callback: Any = None, what: str = "loss") -> None:
    """Raise unless a loss is a function, a stop rule one, and a callback a function."""
    if not callable(function):
        raise SettingError(f"the {what} must be a function, got {function!r}")
    if callback is not None and not callable(callback):
        raise SettingError(f"callback must be a function of a state, got {callback!r}")
    if stop is not None and not isinstance(stop, StopRule):
        raise SettingError(f"stop must be a stop rule such as st.MaxIterations(100), got {stop!r}")


def check_batches(batches: Any) -> None:
    """Raise unless batches are batches."""
    if batches is None or isinstance(batches, Batches):
        return
    is_size = isinstance(batches, int | np.integer) and not isinstance(batches, bool)
    size = batches if is_size else "32"
    raise SettingError(
        f"batches say more than a number: did you mean batches=st.Batches(size={size})? Got "
        f"{batches!r}"
    )


def _check_search(method: Search, batches: Batches | None) -> None:
    name = type(method).__name__
    if batches is not None:
        raise InputError(
            f"{name} compares losses, which batches change from step to step: take st.Adam() or "
            "st.Momentum(), or leave batches out"
        )


def _compute_dtype(dtype: Any) -> np.dtype:
    chosen: np.dtype = np.dtype(dtype)
    if chosen not in (np.float32, np.float64):
        raise InputError(f"compute_dtype must be float32 or float64, got {chosen}")
    return chosen


def inside(box: Box | None, vector: np.ndarray, layout: ParameterLayout) -> np.ndarray:
    """Return a start point moved into its bounds, with a warning, as SciPy's ``minimize``."""
    if box is None:
        return vector
    for i in np.flatnonzero((vector < box.lower) | (vector > box.upper))[:1]:
        name, low, high = element_names(layout)(int(i)), box.lower[i], box.upper[i]
        warn_user(
            f"{name} starts at {vector[i]:g}, outside of its bounds {low:g} and {high:g}: it "
            "starts at the nearer one"
        )
    clipped: np.ndarray = np.clip(vector, box.lower, box.upper)
    return clipped


def batch_plan(batches: Batches | None, args: Sequence[Any]) -> BatchPlan | None:
    """Return how rows of the arguments are dealt out; None if they are not."""
    if batches is None:
        return None
    leaves = [leaf for leaf in trees.leaves(tuple(args)) if is_array_like(leaf)]
    batched = tuple(isinstance(leaf, np.ndarray) and leaf.ndim > 0 for leaf in leaves)
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
    """Return how often the history keeps something, and whether x too."""
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

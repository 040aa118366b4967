"""``minimize_many``: the entry point for many problems with one loss function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import LOSSES
from steepest.descent.constraints.attach import attach_many
from steepest.descent.constraints.forms import as_list
from steepest.descent.constraints.many import ConstrainedMany
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import SQP, Method, Search
from steepest.descent.methods.base import Driven
from steepest.descent.methods.registry import default_method
from steepest.descent.minimize import DEFAULT_STOP, check_kinds
from steepest.descent.problem.bounds import box_of_pairs
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.streamed import refuse_blocks
from steepest.descent.results.batch import Many
from steepest.descent.running.solve_many import (
    Problems,
    batch_fields,
    check_rows,
    check_starts,
    ravel_many,
    rows,
    solve_many,
)
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine, get_engine
from steepest.errors import InputError


@entry_point(LOSSES)
def minimize_many(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    shared: Sequence[Any] = (),
    *,
    method: Method | Search | str | None = None,
    bounds: Any = None,
    constraints: Any = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    progress: bool = False,
    max_paths: int = MAX_PATHS,
) -> Many:
    """Minimize one loss function for many sets of start values and data.

    The problems run side by side in SIMD lanes and on several threads. Each stops by itself, and
    the next problem takes its lane. The result of a problem does not depend on the others. The
    status of each problem says how it ended.

    Parameters
    ----------
    function : callable
        The loss of one problem: ``function(x, *args, *shared)`` returns one real number.
    x0 : array_like or nested parameters
        Start values: arrays with a row for each of N problems, in any nesting.
    args : tuple, optional
        Arguments that differ between problems: arrays with a row for each.
    shared : tuple, optional
        Arguments after `args`, the same for all problems.
    method : Method, Search or str, optional
        Descent method of all problems, as for :func:`minimize`.
    bounds : nested pairs or scipy.optimize.Bounds, optional
        Bounds of all problems, as for :func:`minimize`. A start outside is an error.
    constraints : Constraint, dict, scipy.optimize.LinearConstraint, ... or list of them, optional
        Limits of functions of the parameters, as for :func:`minimize`. Their `args` have a row
        for each problem. Limits are for all problems, or have one more axis than what the
        function returns, with a row for each problem. The method is then :class:`SQP`, and the
        result also has ``multipliers``, ``bound_multipliers``, ``constraint_violation``,
        ``constraint_values``, ``active_constraints`` and ``kkt_residual``.
    stop : StopRule, optional
        Stop rule of each problem, as for :func:`minimize`.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descents run.
    progress : bool, optional
        Whether to show progress on stderr.
    max_paths : int, optional
        Largest number of paths to compile, as for :func:`minimize`.

    Returns
    -------
    Many
        Arrays with a row for each problem: ``x``, ``loss``, ``status``, ``converged``,
        ``iterations``; with constraints also ``multipliers`` and the rest.

    Raises
    ------
    InputError
        If start values, data, bounds, constraints or a setting are invalid.
    SettingError
        If an argument has the wrong type, such as a loss that is not a function.
    UnsupportedError
        If the loss contains code that cannot be traced. The message names the line.

    Notes
    -----
    If the loss loops until something holds, factors matrices or has constraints, each thread
    solves one problem at a time instead of one in each SIMD lane. Problems are solved one after
    the other, on one thread, if the loss branches on values or calls back into NumPy, and on the
    engines ``"numpy"`` and ``"torch"``. There is no history.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def distance(x, target):
    ...     return np.sum((x - target) ** 4 + (x - target) ** 2)
    >>> targets = np.arange(6.0).reshape(3, 2)
    >>> many = st.minimize_many(distance, np.zeros((3, 2)), args=(targets,))
    >>> bool(many.converged.all()), bool(np.allclose(many.x, targets))
    (True, True)
    """
    args = args if isinstance(args, tuple | list) else (args,)
    shared = shared if isinstance(shared, tuple | list) else (shared,)
    refuse_blocks(*args, *shared)
    check_kinds(function, stop)
    layout, vectors, start = ravel_many(x0)
    check_rows(args, len(vectors))
    box = box_of_pairs(bounds, start, layout, vectors[0])
    check_starts(box, vectors)
    is_limited = bool(as_list(constraints))
    method, _ = default_method(method, vectors.shape[1], False, box is not None, is_limited)
    if isinstance(method, Driven):
        raise InputError(
            f"{type(method).__name__} solves one problem at a time: call st.minimize for each"
        )
    if isinstance(method, Search) and box is not None:
        method = method.bounded()
    objective, own, attached = Objective(function), tuple(args), None
    own_layout = layout
    if isinstance(method, SQP):
        layout, vectors = layout.in_double(), vectors.astype(np.float64)
    if is_limited and isinstance(method, SQP):
        attached = attach_many(
            constraints, objective, own, tuple(shared), method, layout, vectors, box
        )
        objective, own, method, box, *_ = attached
    first = Problem(
        objective,
        layout,
        rows(own, 0),
        method,
        DEFAULT_STOP if stop is None else stop,
        dtype=layout.dtype,
        engine=get_engine(engine),
        max_paths=max_paths,
        box=box,
    )
    solved = solve_many(Problems(first, vectors, own, shared), progress)
    fields = batch_fields(solved, first) | {"layout": own_layout}
    if attached is None:
        return Many(**fields)
    return ConstrainedMany(
        **fields, report=tuple(solved.report), given=attached.given, limits=attached.limits,
        is_single=attached.is_single,
    )  # fmt: skip

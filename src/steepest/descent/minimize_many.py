"""``minimize_many``: the entry point for many losses of the same form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steepest.derivative import MAX_PATHS
from steepest.descent.entry import entry_point
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods import Method, Search
from steepest.descent.methods.registry import default_method
from steepest.descent.minimize import DEFAULT_STOP, check_kinds
from steepest.descent.problem.bounds import box_of_pairs
from steepest.descent.problem.objective import Objective
from steepest.descent.results.batch import Many
from steepest.descent.running.solve_many import (
    Problems,
    check_own,
    check_starts,
    common,
    lay_out_many,
    rows,
    solve_many,
)
from steepest.descent.scipy_compat import LOSSES
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine, get_engine


@entry_point(LOSSES)
def minimize_many(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    shared: Sequence[Any] = (),
    *,
    method: Method | Search | str | None = None,
    bounds: Any = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    progress: bool = False,
    max_paths: int = MAX_PATHS,
) -> Many:
    """Minimize many losses of the same form, each from a start of its own.

    Problems run side by side in the lanes of vector registers, shared among threads, and
    each stops by itself; a lane that is free takes the next one. What a problem's answer is
    does not depend on its neighbors. A problem that fails says so in its status.

    Parameters
    ----------
    function
        The loss of one problem: ``function(x, *args, *shared)`` returns one real number.
    x0
        Start points: arrays with a row for each of N problems, in any nesting.
    args
        Arguments that differ from problem to problem: arrays with a row for each.
    shared
        Arguments that follow these, the same for all problems.
    method, bounds, stop, engine, max_paths
        As for :func:`minimize`; they are the same for all problems.
    progress
        Whether to show progress on stderr.

    Returns
    -------
    Many
        Arrays with a row for each problem: ``x``, ``loss``, ``status``, ``converged``,
        ``iterations``.

    Raises
    ------
    InputError
        If starts, data, bounds or a setting do not make sense.
    SettingError
        If the loss is no function, or a setting is of the wrong kind.
    UnsupportedError
        If the loss does what cannot be recorded; the message names the line.

    Notes
    -----
    A loss that branches on values, or that NumPy itself must help to compute, is taken one
    problem at a time, and so are all on the engines ``"numpy"`` and ``"torch"``. Nothing is
    recorded on the way.

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
    check_kinds(function, stop)
    layout, vectors, start = lay_out_many(x0)
    check_own(args, len(vectors))
    box = box_of_pairs(bounds, start, layout, vectors[0])
    check_starts(box, vectors)
    method, _ = default_method(method, vectors.shape[1], False, box is not None)
    if isinstance(method, Search) and box is not None:
        method = method.bounded()
    first = Problem(
        Objective(function),
        layout,
        rows(args, 0),
        method,
        DEFAULT_STOP if stop is None else stop,
        dtype=layout.dtype,
        engine=get_engine(engine),
        max_paths=max_paths,
        box=box,
    )
    solved = solve_many(Problems(first, vectors, args, shared), progress)
    return Many(**common(solved, first))

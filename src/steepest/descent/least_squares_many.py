"""``least_squares_many``: the entry point for many fits with one residual function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import SQUARES
from steepest.descent.fit_problem import FitOptions, problem_for_few_residuals, squares_problem
from steepest.descent.iteration.fit_report import FACTOR
from steepest.descent.methods import Search
from steepest.descent.problem.bounds import box_of_ends
from steepest.descent.results.batch import ManyFits
from steepest.descent.results.status import Status
from steepest.descent.running.ends.influence import mark_singular
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
from steepest.engines import Engine

MAX_ITERATIONS_EACH = 100
"""Default limit on the iterations of each of many fits."""


@entry_point(SQUARES)
def least_squares_many(
    residuals: Callable[..., Any],
    x0: Any,
    args: Sequence[Any] = (),
    shared: Sequence[Any] = (),
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
    progress: bool = False,
    max_paths: int = MAX_PATHS,
) -> ManyFits:
    """Minimize the sums of squares of one residual function for many sets of data.

    Parameters
    ----------
    residuals : callable
        The residuals of one problem: ``residuals(x, *args, *shared)`` returns real numbers.
    x0 : array_like or nested parameters
        Start values: arrays with a row for each of N problems, in any nesting.
    args : tuple, optional
        Arguments that differ between problems: arrays with a row for each.
    shared : tuple, optional
        Arguments after `args`, the same for all problems.
    method : Search or str, optional
        Descent method of all problems, as for :func:`least_squares`.
    bounds : tuple or scipy.optimize.Bounds, optional
        Bounds of all problems, as for :func:`least_squares`.
    loss : str or callable, optional
        Robust loss, as for :func:`least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule of each problem. By default a fit goes on until rounding errors prevent a further
        decrease, for at most 100 iterations.
    ftol, xtol, gtol, max_nfev : float, optional
        SciPy's tolerances, in place of `stop`, as for :func:`least_squares`.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descents run.
    progress : bool, optional
        Whether to show progress on stderr.
    max_paths : int, optional
        Largest number of paths to compile, as for :func:`minimize`.

    Returns
    -------
    ManyFits
        Arrays with a row for each problem: ``x``, ``loss``, ``status``, ``converged``,
        ``iterations``, ``covariance``, ``standard_errors``.

    Raises
    ------
    InputError
        If start values, data, bounds or a setting are invalid.
    SettingError
        If an argument has the wrong type, such as residuals that are not a function.
    UnsupportedError
        If the residuals contain code that cannot be traced. The message names the line.

    Notes
    -----
    Problems run side by side as in :func:`minimize_many`. The default limit is lower than that of
    :func:`least_squares`: a fit that does not converge in 10,000 iterations would cost as much as
    a thousand others.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 2, 12)
    >>> rates = np.array([0.5, 1.0, 2.0])
    >>> levels = np.exp(-rates[:, None] * t)
    >>> def residuals(p, level, t):
    ...     return p[0] * np.exp(-p[1] * t) - level
    >>> many = st.least_squares_many(residuals, np.ones((3, 2)), args=(levels,), shared=(t,))
    >>> bool(np.allclose(many.x[:, 1], rates))
    True
    """
    args = args if isinstance(args, tuple | list) else (args,)
    shared = shared if isinstance(shared, tuple | list) else (shared,)
    options = FitOptions(
        method, bounds, loss, f_scale, stop, (ftol, xtol, gtol, max_nfev), engine, max_paths
    )
    return fit_many(residuals, x0, args, shared, options, progress)


def fit_many(
    function: Callable[..., Any],
    x0: Any,
    args: Sequence[Any],
    shared: Sequence[Any],
    options: FitOptions,
    progress: bool,
    absolute_sigma: bool = False,
    observations: np.ndarray | None = None,
) -> ManyFits:
    """Return the fits of many problems; `observations` counts their unmasked residuals."""
    layout, vectors, start = ravel_many(x0)
    check_rows(args, len(vectors))
    box = box_of_ends(options.bounds, start, layout, vectors[0])
    check_starts(box, vectors)
    first, _ = squares_problem(
        function, layout, rows(args, 0), box, options, limit=MAX_ITERATIONS_EACH
    )
    problems = Problems(first, vectors, args, shared)
    solved = solve_many(problems, progress)
    size = vectors.shape[1]
    few = problem_for_few_residuals(first, size, options)
    if few is not None and solved.observations < size:
        first = few[0]
        problems = problems._replace(first=first)
        solved = solve_many(problems, progress)
    if solved.report:
        factor = solved.report[FACTOR][:, :, :-1].copy()
    else:
        factor = np.full((len(vectors), size, size), np.nan)
    on_bound = np.zeros(vectors.shape, bool)
    if box is not None:
        on_bound = ~box.inside(solved.x)
    if observations is None:
        observations = np.full(len(vectors), solved.observations)
    else:  # a fit with fewer unmasked data than parameters has no result
        few = observations < size
        solved.x[few], solved.loss[few], factor[few] = vectors[few], np.nan, np.nan
        solved.status[few] = Status.UNDERDETERMINED
    mark_singular(problems, solved, on_bound, observations)
    return ManyFits(
        **batch_fields(solved, first),
        factor=factor,
        observations=observations,
        on_bound=on_bound,
        absolute_sigma=absolute_sigma,
    )

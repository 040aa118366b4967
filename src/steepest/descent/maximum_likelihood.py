"""``maximum_likelihood``: the entry point for log-densities and data."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.curve_fit import applied_bounds, check_start, flat_names
from steepest.descent.inference.answers import FitWarning
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.descent.least_squares import names_of
from steepest.descent.methods import Method, Search
from steepest.descent.minimize import minimize
from steepest.descent.problem.bounds import Box, box_of_ends
from steepest.descent.problem.data import snapshot_data
from steepest.descent.problem.in_blocks.fit_data import any_in_blocks, opened_data, real_x
from steepest.descent.problem.in_blocks.row_by_row import values_in_blocks
from steepest.descent.problem.model import Model, NegativeLogLikelihood
from steepest.descent.problem.parameters import check_finite, first_not_finite, ravel_parameters
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.result import Result, Status
from steepest.descent.running.callbacks import State
from steepest.descent.starts.labels import in_order
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.frames import warn_user
from steepest.trace.following.tables.columns import is_data_frame


@entry_point()
def maximum_likelihood(
    logpdf: Callable[..., Any],
    data: Any,
    start: Any,
    *,
    bounds: Any = None,
    method: Method | Search | str | None = None,
    stop: StopRule | None = None,
    engine: str | Engine = "native",
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
) -> LikelihoodFit:
    """Find the parameters that make the data most likely.

    Parameters
    ----------
    logpdf : callable
        ``logpdf(data, a, b, ...)`` returns the log-density or log-probability of each datum, in
        NumPy code. Those of ``scipy.stats`` are such functions: ``scipy.stats.gamma.logpdf``.
    data : array_like, DataFrame, Source or nested ones
        First argument of `logpdf`. A dict or tuple can hold responses, predictors, and what is
        censored. Arrays may be read in blocks, as of :func:`blocks`.
    start : array_like or dict
        Start values: one for each parameter, or a dict by name. Values of a dict may be arrays,
        or marked as for :func:`minimize`, such as ``st.Positive(1.0)``.
    bounds : tuple or scipy.optimize.Bounds, optional
        Two ends (lower, upper), as for :func:`curve_fit`.
    method : Method, Search or str, optional
        Descent method, as for :func:`minimize`.
    stop : StopRule, optional
        Stop rule, as for :func:`minimize`.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descent runs.
    callback : callable, optional
        Called with a :class:`State` after every update, as for :func:`minimize`.
    progress : bool, optional
        Whether to show progress on stderr.

    Returns
    -------
    LikelihoodFit
        The parameters, standard errors from the observed information and from the sandwich,
        information criteria. ``print(fit)`` shows a report.

    Raises
    ------
    InputError
        If data, start values or bounds are invalid, if `logpdf` does not return a number for
        each datum, or if the log-likelihood is not finite at the start.
    SettingError
        If an argument has the wrong type, such as a `logpdf` that is not a function.
    UnsupportedError
        If `logpdf` contains code that cannot be traced. The message names the line.

    Warns
    -----
    FitWarning
        If the descent did not converge, if the data do not determine the parameters, or if a
        parameter is on its bound.

    Examples
    --------
    >>> import numpy as np, scipy.stats, steepest as st
    >>> data = scipy.stats.gamma.rvs(2.5, scale=1.5, size=500, random_state=1)
    >>> def logpdf(data, shape, scale):
    ...     return scipy.stats.gamma.logpdf(data, shape, scale=scale)
    >>> fit = st.maximum_likelihood(logpdf, data, {"shape": 1.0, "scale": 1.0})
    >>> shape, _, scale = scipy.stats.gamma.fit(data, floc=0)
    >>> bool(np.allclose([fit.x["shape"], fit.x["scale"]], [shape, scale], rtol=1e-6))
    True
    """
    start = in_order(logpdf, start, "start")
    names = logpdf_names(logpdf, start)
    start = check_start(logpdf, start, names, argument="start")
    check_finite(start, "start")
    is_of_frame, is_named = is_data_frame(data), isinstance(start, dict)
    (data,) = opened_data(engine, data, names=("data",))
    (data,) = snapshot_data((real_x(data),))
    free, expand = split_transforms(start)
    layout, vector = ravel_parameters(free)
    flat = tuple(flat_names(free) if is_named else names or names_of(layout))
    loss = NegativeLogLikelihood(Model(logpdf, is_named, is_of_frame), flat)
    box: Box | None = None
    given: Any = None
    if bounds is not None and expand is None:
        ends = applied_bounds(bounds, start, names)
        box = box_of_ends(ends, free, layout, vector, flat)
        given = None if box is None else SimpleNamespace(lb=box.lower, ub=box.upper)
    elif bounds is not None and expand is not None:
        is_pair = isinstance(bounds, tuple | list) and len(bounds) == 2
        if not is_pair or not all(end is None or isinstance(end, dict) for end in bounds):
            raise InputError(
                f"with marked start values, bounds must be two dicts by name: got {bounds!r}"
            )
        low, high = ({} if end is None else end for end in bounds)
        ends = expand.free_bounds(low, -np.inf), expand.free_bounds(high, np.inf)
        box = box_of_ends(ends, free, layout, vector, flat)
        given = {name: (low.get(name), high.get(name)) for name in {**low, **high}}
    run = minimize(
        loss,
        start,
        (data,),
        bounds=given,
        method=method,
        stop=stop,
        engine=engine,
        callback=callback,
        progress=progress,
    )
    _check_first_point(run, loss, data, start if expand is None else expand(free))
    fit = LikelihoodFit(run, loss, data, flat, layout, expand, box)
    _warn_of(fit)
    return fit


def logpdf_names(logpdf: Callable[..., Any], start: Any) -> list[str] | None:
    """Return the names of the parameters; those of SciPy's distributions are in their shapes."""
    names = parameter_names(logpdf, start, "logpdf")
    distribution: Any = getattr(logpdf, "__self__", None)
    if names is None or getattr(distribution, "numargs", None) is None:
        return names
    shapes = (distribution.shapes or "").replace(",", " ").split()
    known = [*shapes, "loc", "scale"]
    return known[: len(names)] if len(names) <= len(known) else names


def _check_first_point(run: Result, loss: NegativeLogLikelihood, data: Any, start: Any) -> None:
    """Raise if the log-likelihood is not finite at the start, naming the datum at fault."""
    if not (run.status is Status.DIVERGED and run.iterations == 0 and not np.isfinite(run.loss)):
        return
    found = first_not_finite(data, "data")
    if found:
        raise InputError(f"{found}: clean the data, or leave such points out")
    densities = _densities(loss, start, data)
    wrong = np.flatnonzero(~np.isfinite(densities))
    if not wrong.size:
        raise InputError("the log-likelihood overflows at the start: start elsewhere")
    first = int(wrong[0])
    if wrong.size == densities.size:
        raise InputError(
            f"the log-density of every datum is {densities[first]} at the start: start elsewhere"
        )
    datum = f"datum {first}"
    if isinstance(data, np.ndarray) and data.shape == densities.shape:
        datum = f"data[{first}], which is {data[first]:g},"
    raise InputError(
        f"the log-density of {datum} is {densities[first]} at the start: start where every datum "
        "is possible, or leave it out"
    )


def _densities(loss: NegativeLogLikelihood, start: Any, data: Any) -> np.ndarray:
    """Return the log-density of each datum."""
    with np.errstate(all="ignore"):
        if any_in_blocks(data):
            return values_in_blocks(lambda x: loss.densities(start, x), data, loss.model.model)
        return np.asarray(loss.densities(start, data), np.float64)


def _warn_of(fit: LikelihoodFit) -> None:
    warned_of = Status.INTERRUPTED, Status.CLUSTER_LOST
    if not fit.converged:
        if fit.status not in (Status.CALLBACK, Status.TIME_LIMIT, *warned_of):
            warn_user(fit.run.message, FitWarning)
    elif fit.remarks:
        warn_user(" ".join(fit.remarks), FitWarning)

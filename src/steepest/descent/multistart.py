"""``multistart``: the entry point for descents from several starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import SCALARS
from steepest.descent.curve_fit import applied_bounds, check_count, check_start, curve_fit
from steepest.descent.fit_problem import FitOptions
from steepest.descent.least_squares import least_squares, names_of
from steepest.descent.least_squares_many import fit_many
from steepest.descent.methods import Method, Search
from steepest.descent.methods.base import needs_residuals
from steepest.descent.minimize import check_kinds, minimize
from steepest.descent.minimize_many import minimize_many
from steepest.descent.problem.bounds import box_of_pairs
from steepest.descent.problem.data import is_single, kind_of, snapshot_data, validate_data
from steepest.descent.problem.differencing import allowing_differences, with_differences
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.streamed import refuse_blocks
from steepest.descent.results.batch import Many
from steepest.descent.running.solve_many import ravel_many
from steepest.descent.starts.draws import drawn_between, ends_of
from steepest.descent.starts.multistart_result import MultiStart, minima_of
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine, engine_of_one
from steepest.errors import InputError
from steepest.trace import trace_function
from steepest.trace.following.tables.columns import is_data_frame


@entry_point(SCALARS)
def multistart(
    f: Callable[..., Any],
    starts: Any = None,
    args: Sequence[Any] = (),
    *,
    bounds: Any = None,
    count: int = 100,
    seed: Any = None,
    x: Any = None,
    y: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    method: Method | Search | str | None = None,
    loss: str | Callable[[Any], Any] = "linear",
    f_scale: float = 1.0,
    stop: StopRule | None = None,
    tolerance: float = 1e-4,
    engine: str | Engine = "native",
    progress: bool = False,
) -> MultiStart:
    """Minimize from many starts, and rank the minima that are found.

    The descents run side by side in SIMD lanes and on several threads, as those of
    :func:`minimize_many`.

    Parameters
    ----------
    f : callable
        A loss, as for :func:`minimize`; or residuals, as for :func:`least_squares`, if it returns
        several numbers; or if `y` is given a model, as for :func:`curve_fit`.
    starts : array_like or nested parameters, optional
        Start values: arrays with a row for each start. By default they are drawn between the
        bounds: scrambled Sobol points [1]_, which cover the box evenly.
    args : tuple, optional
        Further arguments of a loss or of residuals, the same for all starts.
    bounds : sequence of pairs, tuple, dict or scipy.optimize.Bounds, optional
        A pair (low, high) for each parameter, or a dict of pairs by name; for a model, also two
        ends (lower, upper), as for :func:`curve_fit`. The descents stay within. With a dict, the
        parameters of a loss are a dict, too. If starts are given, an end may be infinite.
    count : int, optional
        Number of starts to draw.
    seed : int or numpy.random.Generator, optional
        Seed of the starts.
    x, y, sigma : array_like, optional
        Data of a model, as for :func:`curve_fit`.
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `y`.
    method : Method, Search or str, optional
        Descent method, as for :func:`minimize` or :func:`least_squares`.
    loss : str or callable, optional
        Robust loss of residuals, as for :func:`least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule of each descent.
    tolerance : float, optional
        How close runs must end to count as one minimum: a share of the width of the bounds, or of
        the spread of the starts.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descents run.
    progress : bool, optional
        Whether to show progress on stderr.

    Returns
    -------
    MultiStart
        ``minima`` (each with its x, loss and number of starts), ``x`` and ``loss`` of the lowest,
        ``runs``, and ``best``: an ordinary :class:`Result`, or a :class:`Fit` with errors.

    Raises
    ------
    InputError
        If starts, bounds, data or a setting are invalid, or if no run ended at a finite loss.
    SettingError
        If an argument has the wrong type.
    UnsupportedError
        If the function contains code that cannot be traced. The message names the line.

    References
    ----------
    .. [1] A. B. Owen, "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity
       14 (4), 466-489, 1998.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def rastrigin(x):
    ...     return np.sum(x**2 - 10 * np.cos(2 * np.pi * x) + 10)
    >>> found = st.multistart(rastrigin, bounds=[(-5, 5)] * 2, count=500, seed=0)
    >>> bool(found.loss < 1e-10), len(found.minima) > 50
    (True, True)
    >>> t = np.linspace(0, 10, 60)
    >>> wave = lambda t, a, w: a * np.sin(w * t)
    >>> found = st.multistart(wave, x=t, y=2 * np.sin(3 * t), bounds={"a": (0, 5), "w": (0.1, 9)})
    >>> found.best.x.round(6)
    array([2., 3.])
    """
    check_kinds(f, stop, what="function")
    args = args if isinstance(args, tuple | list) else (args,)
    refuse_blocks(*args)
    is_model = y is not None
    names = parameter_names(f, None) if is_model else None
    if is_model and isinstance(bounds, Mapping):
        bounds = _in_order(f, names, bounds, "bounds")
    elif is_model and bounds is not None:
        bounds = _pairs_for_model(bounds, names, starts)
    if starts is None:
        if bounds is None:
            raise InputError("multistart needs starts, or bounds to draw them between")
        starts = drawn_between(bounds, count, seed)
    elif is_model:
        starts = _rows_of(f, names, starts)
    starts = np.asarray(starts) if isinstance(starts, list) else starts
    layout, vectors, first = ravel_many(starts)
    as_search: Any = method
    options = FitOptions(
        as_search, _as_ends(bounds), loss, f_scale, stop, (None, None, None, None), engine
    )
    if is_model:
        check_start(f, first, names, argument="a start")
        runs, again = _fits(f, starts, (x, y, sigma), options, absolute_sigma, progress)
        found_names = tuple(names or names_of(layout))
    else:
        descend = lambda: _descents(f, starts, first, args, bounds, options, progress)
        runs, again = with_differences(f, descend)
        found_names = names_of(layout)
    box = box_of_pairs(bounds, first, layout)
    sizes = np.ptp(vectors, axis=0)
    if box is not None:
        width = box.upper - box.lower
        sizes = np.where(np.isfinite(width), width, sizes)
    minima = minima_of(runs, sizes, tolerance)
    if not minima:
        raise InputError(
            f"the function is not finite at any of {len(vectors)} starts, or where they lead"
        )
    return MultiStart(minima, runs, vectors, found_names, again)


def _in_order(
    model: Callable[..., Any], names: Sequence[str] | None, given: Mapping[str, Any], what: str
) -> list[Any]:
    """Return what is given by name in the order of a model's signature."""
    wrong = [name for name in given if names is not None and name not in names]
    missing = [name for name in names or [] if name not in given]
    if names is None or wrong or missing:
        fault = f"no parameter {wrong[0]!r}" if wrong else f"nothing for {(missing or ['?'])[0]!r}"
        name = getattr(model, "__name__", "the model")
        raise InputError(f"{name} takes {', '.join(names or [])}: {what} has {fault}")
    return [given[name] for name in names]


def _rows_of(model: Callable[..., Any], names: Sequence[str] | None, starts: Any) -> Any:
    if isinstance(starts, Mapping):
        columns = _in_order(model, names, starts, "starts")
        return np.stack(np.broadcast_arrays(*map(np.atleast_1d, columns)), axis=1)
    return starts


def _pairs_for_model(bounds: Any, names: Sequence[str] | None, starts: Any) -> Any:
    """Return the bounds of a model as pairs, shape (n, 2).

    They are given as two ends (lower, upper), as those of :func:`curve_fit`; or as pairs, which
    must not be mistaken for ends.
    """
    if hasattr(bounds, "lb"):
        bounds = bounds.lb, bounds.ub
    size = len(names) if names is not None else None
    if size is None and starts is not None and not isinstance(starts, Mapping):
        size = np.shape(starts)[-1]
    if size in (None, 2) and _may_be_both(bounds) and not _is_of_ends(bounds):
        first, second = names or ("a", "b")
        raise InputError(
            f"bounds={bounds!r} may be two ends (lower, upper) or two pairs (low, high): write "
            f"scipy.optimize.Bounds(lower, upper), or pairs by name, {{{first!r}: (low, high), "
            f"{second!r}: (low, high)}}"
        )
    is_of_two = isinstance(bounds, tuple | list) and len(bounds) == 2
    if not is_of_two or any(end is not None and len(np.shape(end)) > 1 for end in bounds):
        return bounds
    ends = applied_bounds(bounds, np.ones(size or 0), names)
    lower, upper = (
        np.asarray(fill if end is None else end, np.float64)
        for end, fill in zip(ends, (-np.inf, np.inf), strict=True)
    )
    size = size or np.broadcast(lower, upper).size
    if any(end.size not in (1, size) for end in (lower, upper)):
        raise InputError(f"bounds must be two ends with {size} numbers each: got {bounds!r}")
    return np.stack([np.broadcast_to(end.reshape(-1), size) for end in (lower, upper)], axis=1)


def _may_be_both(bounds: Any) -> bool:
    """Whether bounds of two parameters could be two pairs as well as two ends."""
    is_sequence = isinstance(bounds, tuple | list | np.ndarray) and len(bounds) == 2
    return is_sequence and all(np.shape(part) == (2,) for part in bounds)


def _is_of_ends(bounds: Any) -> bool:
    """Whether bounds are written as SciPy's ends are: a tuple of two lists or arrays."""
    return isinstance(bounds, tuple) and not any(isinstance(part, tuple) for part in bounds)


def _as_ends(bounds: Any) -> Any:
    """Return bounds as two ends, in the structure of the parameters."""
    if bounds is None:
        return None
    if not isinstance(bounds, Mapping):
        return ends_of(bounds)
    pairs = {name: ends_of(value) for name, value in bounds.items()}
    return tuple({name: ends[k] for name, ends in pairs.items()} for k in range(2))


def _fits(
    model: Callable[..., Any], starts: np.ndarray, data: tuple[Any, Any, Any],
    options: FitOptions, absolute_sigma: bool, progress: bool,
) -> tuple[Many, Callable[[Any], Any]]:  # fmt: skip
    """Return the fits of a model from all starts, and what makes one of them again."""
    x, y, sigma = validate_data(*data, None, None, is_single(np.asarray(starts)))
    kind = kind_of(sigma, y)
    shared = snapshot_data((x, y) if sigma is None else (x, y, sigma))
    check_count(model, np.size(y), np.shape(starts)[1])
    residuals = Residuals(Model(model, False, is_data_frame(data[0])), kind)
    runs = fit_many(residuals, starts, (), shared, options, progress, absolute_sigma)

    def again(p0: Any) -> Any:
        return curve_fit(
            model, *data[:2], p0, data[2], absolute_sigma, bounds=options.bounds,
            method=options.method, loss=options.loss, f_scale=options.f_scale,
            stop=options.stop, engine=engine_of_one(options.engine),
        )  # fmt: skip

    return runs, again


def _descents(
    f: Callable[..., Any], starts: Any, first: Any, args: Sequence[Any], bounds: Any,
    options: FitOptions, progress: bool,
) -> tuple[Many, Callable[[Any], Any]]:  # fmt: skip
    """Return the descents of a loss or of residuals, and what makes one of them again."""
    method, stop, engine = options.method, options.stop, options.engine
    if needs_residuals(method) or _returns_several(f, first, args):
        if _may_be_both(bounds) and _is_of_ends(bounds):
            raise InputError(
                f"bounds={bounds!r} may be two ends (lower, upper) or two pairs (low, high): "
                "write scipy.optimize.Bounds(lower, upper), or [(low, high), (low, high)]"
            )
        runs: Many = fit_many(f, starts, (), args, options, progress)
        again: Callable[[Any], Any] = lambda x0: least_squares(
            f, x0, args, method=method, bounds=options.bounds, loss=options.loss,
            f_scale=options.f_scale, stop=stop, engine=engine_of_one(engine),
        )  # fmt: skip
        return runs, again
    within = {"method": method, "bounds": bounds, "stop": stop}
    runs = minimize_many(f, starts, (), tuple(args), engine=engine, progress=progress, **within)
    return runs, lambda x0: minimize(f, x0, args, engine=engine_of_one(engine), **within)


def _returns_several(f: Callable[..., Any], first: Any, args: Sequence[Any]) -> bool:
    """Whether a function returns residuals, and not a loss."""
    with allowing_differences(f):
        graph = trace_function(f, (first, *args)).graph
    return sum(node.size for node in graph.outputs[: graph.returned]) != 1

"""``curve_fit``: the entry point for a model and data."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import CURVES, count
from steepest.descent.fit_problem import FitOptions
from steepest.descent.inference.fit import Fit
from steepest.descent.least_squares import fit_residuals, names_of
from steepest.descent.methods import Search
from steepest.descent.minimize import Record
from steepest.descent.problem.bounds import not_two_ends
from steepest.descent.problem.data import (
    Data,
    is_single,
    kind_of,
    label_of,
    row_labels,
    snapshot_data,
)
from steepest.descent.problem.in_blocks.fit_data import (
    any_in_blocks,
    opened_data,
    sample_of,
    valid_data,
)
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.parameters import check_finite as check_start_finite
from steepest.descent.problem.parameters import ravel_parameters
from steepest.descent.problem.transforms import is_marked, split_transforms
from steepest.descent.running.callbacks import State
from steepest.descent.running.one_shot import key_of
from steepest.descent.running.refit import refit
from steepest.descent.starts.guess import guess_start
from steepest.descent.starts.labels import in_order
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.trace.following.tables.columns import is_data_frame


@entry_point(CURVES)
def curve_fit(
    model: Callable[..., Any],
    x: Any,
    y: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = None,
    method: Search | str | None = None,
    *,
    nan_policy: str | None = None,
    loss: str | Callable[[Any], Any] = "linear",
    f_scale: float = 1.0,
    stop: StopRule | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_nfev: float | None = None,
    maxfev: float | None = None,
    full_output: bool = False,
    engine: str | Engine = "native",
    record: Record = "auto",
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
) -> Fit:
    """Fit a model written in NumPy to data.

    Parameters
    ----------
    model : callable
        ``model(x, a, b, ...)`` returns the expected `y`. The parameters are named as in its
        signature.
    x : array_like, Source or nested ones
        First argument of the model, usually an array of shape (m,) or (k, m). It may be read in
        blocks, as of :func:`blocks`, and so may `y` and `sigma`; its shape is (m, k) then.
    y : array_like or Source
        Data, shape (m,).
    p0 : array_like, dict or "guess", optional
        Start values: one for each parameter, or a dict by name. Values of a dict may be arrays,
        or marked as for :func:`minimize`, and ``fit.x`` is then a dict. A pandas Series whose
        labels are names of parameters is read by them. By default ones, or values between the
        bounds. ``"guess"`` finds some: parameters on which the model depends linearly are
        computed by linear least squares, and for the others 4,096 random values are tried, drawn
        at the scales of the data (64 if the model calls a black box). This takes a second at the
        first time.
    sigma : array_like or Source, optional
        Standard deviations of `y`: a number or shape (m,); or its covariance, shape (m, m).
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `y`. Otherwise only ratios of `sigma` count, and the
        size of the errors is estimated from the residuals. Without `sigma`, True means a `sigma`
        of 1, as in SciPy.
    check_finite : bool, optional
        Whether NaN and infinities in the data are an error. By default they are, unless
        `nan_policy` says otherwise.
    bounds : tuple or scipy.optimize.Bounds, optional
        Two ends (lower, upper), each a number, one number for each parameter, or a dict by name.
    method : Search or str, optional
        Descent method, as for :func:`least_squares`.
    nan_policy : {"raise", "omit", "propagate"}, optional
        What to do with points whose data are not finite. ``"omit"`` leaves them out.
    loss : str or callable, optional
        Robust loss, as for :func:`least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule, as for :func:`least_squares`.
    ftol, xtol, gtol, max_nfev, maxfev : float, optional
        SciPy's tolerances, in place of `stop`, as for :func:`least_squares`. ``maxfev`` is SciPy's
        older name of ``max_nfev``.
    full_output : bool, optional
        Whether the fit unpacks to five parts, as SciPy's does: ``popt, pcov, infodict, mesg,
        ier = fit``.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descent runs.
    record : {"auto", "all"}, int or None, optional
        What the history holds, as for :func:`minimize`.
    callback : callable, optional
        Called with a :class:`State` after every update, as for :func:`minimize`.
    progress : bool, optional
        Whether to show progress on stderr.

    Returns
    -------
    Fit
        ``popt, pcov = fit`` unpacks parameters and covariance. Rows of the covariance are in the
        order of the signature, and NaN for a parameter on its bound. ``print(fit)`` shows a
        report.

    Raises
    ------
    InputError
        If data, start values, bounds or a setting are invalid.
    SettingError
        If an argument has the wrong type, such as a model that is not a function.
    UnsupportedError
        If the model contains code that cannot be traced. The message names the line.

    Warns
    -----
    FitWarning
        If the fit did not converge (SciPy's ``curve_fit`` raises an error then), if the data do
        not determine the parameters or their standard errors, or if a parameter is on its bound.

    Notes
    -----
    SciPy's names of arguments are accepted (``f``, ``xdata``, ``ydata``). Its arguments on
    derivatives and scales have no effect (``jac``, ``x_scale``...). Data become float64, as in
    SciPy, unless the start values are float32. A fit keeps a copy of the data, up to 64 MiB.

    With a robust loss the covariance is that of the weighted residuals of Triggs et al. [1]_. They
    account for the second derivative of the loss, so that for ``"huber"`` and ``"cauchy"`` the
    covariance differs from SciPy's by some percent.

    References
    ----------
    .. [1] B. Triggs, P. F. McLauchlan, R. I. Hartley and A. W. Fitzgibbon, "Bundle adjustment - a
       modern synthesis", Vision Algorithms: Theory and Practice, Lecture Notes in Computer
       Science 1883, Springer, 298-372, 2000.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def decay(t, amplitude, rate):
    ...     return amplitude * np.exp(-rate * t)
    >>> t = np.array([0.0, 1.0, 2.0, 3.0])
    >>> popt, pcov = st.curve_fit(decay, t, np.array([2.0, 1.2, 0.8, 0.5]))
    >>> popt.round(4), np.sqrt(np.diag(pcov)).round(4)
    (array([1.985 , 0.4683]), array([0.0349, 0.0179]))
    """
    p0 = in_order(model, p0)
    given = x, y
    x, y, sigma = opened_data(engine, x, y, sigma)
    if isinstance(p0, str):
        data_given = sample_of(*valid_data(x, y, sigma, check_finite, nan_policy))
        p0 = guessed(model, p0, bounds, data_given, is_data_frame(x), (loss, f_scale, engine))
    start, key = _start_of(model, p0, bounds), None
    if bounds is None and callback is None and not progress and _is_plain(sigma, y):
        tolerances = stop, ftol, xtol, gtol, max_nfev, maxfev
        settings = check_finite, nan_policy, method, loss, f_scale, engine, record
        args = (x, y) if sigma is None else (x, y, sigma)
        key = key_of(("curve", model, settings, absolute_sigma, tolerances), start, args)
        end = None if key is None else refit(key, start, args)
        if end is not None:
            function = end.function
            data = Data(
                function.curve, end.args[0], end.args[1], function.kind, nan_policy=nan_policy
            )
            fit = Fit(end, end.names, absolute_sigma, data, full_output)
            if fit.is_determined:
                return fit
    names = parameter_names(model, p0)
    start = check_start(model, p0, names, bounds)
    check_start_finite(start, "p0")
    is_of_frame = is_data_frame(x)
    is_named = isinstance(start, dict)
    valid = valid_data(x, y, sigma, check_finite, nan_policy, is_single(start))
    rows, labels = row_labels(x, y, sigma, nan_policy), (label_of(given[0]), label_of(given[1]))
    x, y, sigma = valid
    if full_output and any_in_blocks(x, y, sigma):
        raise InputError(
            "full_output=True gives the residuals of all rows, which are not kept if data are "
            "read in blocks: leave it out, and read fit.nfev, fit.mesg and fit.ier"
        )
    kind = kind_of(sigma, y)
    args = snapshot_data((x, y) if sigma is None else (x, y, sigma))
    free, expand = split_transforms(start)
    check_count(model, np.size(y), sum(np.size(leaf) for leaf in trees.leaves(free)))
    limit = max_nfev
    if limit is None and maxfev is not None:  # 0 means the default, as in SciPy
        limit = count("maxfev", maxfev) or None
    curve = Model(model, is_named, is_of_frame)
    options = FitOptions(
        method,
        applied_bounds(bounds, start, names) if expand is None else bounds,
        loss,
        f_scale,
        stop,
        (ftol, xtol, gtol, limit),
        engine,
    )
    return fit_residuals(
        Residuals(curve, kind),
        start,
        args,
        options,
        record,
        callback,
        progress,
        names=flat_names(free) if is_named else names,
        absolute_sigma=absolute_sigma,
        full_output=full_output,
        data=Data(curve, args[0], args[1], kind, is_named, nan_policy, rows, labels),
        key=key,
    )


def guessed(
    model: Any, word: str, bounds: Any, data: Any, is_of_frame: bool, settings: tuple[Any, ...]
) -> np.ndarray:
    """Return start values for ``p0="guess"``."""
    names = parameter_names(model, None)
    inside = np.ones(0) if names is None else default_start(bounds, names)
    ends = _positional_bounds(bounds, inside, names)
    loss, f_scale, engine = settings
    options = FitOptions(None, ends, loss, f_scale, None, (None, None, None, None), engine)
    return guess_start(word, Model(model, False, is_of_frame), names, data, inside, options)


def _is_plain(sigma: Any, y: Any) -> bool:
    """Whether there is no sigma, or it is an array of positive numbers like y."""
    if sigma is None:
        return True
    if type(sigma) is not np.ndarray or type(y) is not np.ndarray or sigma.dtype.kind != "f":
        return False
    return sigma.ndim == 1 and sigma.shape == y.shape and bool(sigma.min(initial=np.inf) > 0)


def _start_of(model: Any, p0: Any, bounds: Any) -> Any:
    """Return the checked start values; an array of floats is returned as it is."""
    if type(p0) is np.ndarray and p0.ndim == 1 and p0.dtype.kind == "f":
        return p0
    return check_start(model, p0, parameter_names(model, p0), bounds)


def check_start(
    model: Callable[..., Any],
    p0: Any,
    names: list[str] | None,
    bounds: Any = None,
    argument: str = "p0",
) -> Any:
    """Return the start values, as an array or as a dict in the order of the signature.

    Errors call them by the name of an argument.
    """
    if type(p0) is np.ndarray:
        return _as_start(model, p0, names)
    if isinstance(p0, Mapping):
        unknown = [name for name in p0 if names is not None and name not in names]
        missing = [name for name in names or [] if name not in p0]
        if unknown or missing:
            wanted = ", ".join(map(repr, missing))
            wrong = f"no parameter {unknown[0]!r}" if unknown else f"no value for {wanted}"
            raise InputError(
                f"{_name_of(model)} takes {', '.join(names or [])}: {argument} has {wrong}"
            )
        return OrderedDict([(name, p0[name]) for name in names or p0])
    if is_marked(p0):
        raise InputError(f"{_name_of(model)}: marked start values are given by name, as a dict")
    if names == []:
        raise InputError(f"{_name_of(model)} takes x alone: there is no parameter to fit")
    if p0 is None:
        if names is None:
            raise InputError(
                f"{_name_of(model)} takes any number of parameters: give start values, {argument}"
            )
        return default_start(bounds, names)
    try:
        start = np.asarray(p0)
    except ValueError:  # of different lengths
        start = np.asarray(None)
    if start.dtype.kind not in "fiub":
        raise InputError(f"{_name_of(model)}: {argument} must be real numbers, got {p0!r}")
    return _as_start(model, start, names)


def default_start(bounds: Any, names: list[str]) -> np.ndarray:
    """Return default start values between the bounds; ones without bounds, as SciPy's."""
    ones = np.ones(len(names))
    bounds = _positional_bounds(bounds, ones, names)
    ends = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    shapes = [np.shape(end) for end in ends] if isinstance(ends, tuple | list) else []
    if len(shapes) != 2 or not {(), (1,), ones.shape}.issuperset(shapes):
        return ones  # no bounds, or invalid ones, for which an error follows
    low, high = (np.broadcast_to(np.asarray(end, float), ones.shape) for end in ends)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (low + high)
    one_end = np.where(np.isfinite(low), low + 1, np.where(np.isfinite(high), high - 1, 1.0))
    return np.where(np.isfinite(low) & np.isfinite(high), middle, one_end)


def _as_start(model: Callable[..., Any], start: np.ndarray, names: list[str] | None) -> np.ndarray:
    start = start.reshape(-1)
    if names is not None and len(start) != len(names):
        raise InputError(
            f"{_name_of(model)} takes {len(names)} parameters, {', '.join(names)}: got "
            f"{np.size(start)} start values"
        )
    return start.astype(np.float64) if start.dtype.kind in "iub" else start


def _name_of(model: Callable[..., Any]) -> str:
    return f"{getattr(model, '__name__', 'the model')}{at(function_source(model))}"


def flat_names(start: dict[str, Any]) -> list[str]:
    """Return a name for each element of named start values: ``b``, or ``b[2]``."""
    layout, _ = ravel_parameters(start)
    return [re.sub(r"^x\['(\w+)'\]", r"\1", name) for name in names_of(layout)]


def check_count(model: Callable[..., Any], observations: int, parameters: int) -> None:
    """Raise if there are fewer data than parameters."""
    if observations < parameters:
        raise InputError(
            f"{observations} data points cannot determine {parameters} parameters of "
            f"{getattr(model, '__name__', 'the model')}: give at least {parameters}"
        )


def applied_bounds(bounds: Any, start: Any, names: Sequence[str] | None) -> Any:
    """Return bounds in the structure of the start values.

    If the start values are named, ends in an array are in the order of `names`, which is that of
    the signature.
    """
    if bounds is None:
        return None
    if not isinstance(start, dict):
        return _positional_bounds(bounds, start, names)
    if hasattr(bounds, "lb"):
        bounds = bounds.lb, bounds.ub
    if not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise InputError(not_two_ends(bounds, names or list(start)))
    shapes = {name: np.shape(value) for name, value in start.items()}
    ends = []
    for given, unbounded in zip(bounds, (-np.inf, np.inf), strict=True):
        end = {} if given is None else given
        if not isinstance(end, Mapping):
            if np.ndim(end) and np.shape(end) != (len(start),):
                raise InputError(
                    f"bounds must be numbers, {len(start)} of them, or dicts by name: got {end!r}"
                )
            values = np.broadcast_to(np.asarray(end, float), (len(start),))
            end = dict(zip(names or start, values, strict=True))
        for name in end:
            if name not in start:
                raise InputError(f"bounds for {name!r}, which is no parameter")
        full = [(n, np.broadcast_to(end.get(n, unbounded), s)) for n, s in shapes.items()]
        ends.append(OrderedDict(full))
    return tuple(ends)


def _positional_bounds(bounds: Any, start: Any, names: Sequence[str] | None) -> Any:
    """Return bounds whose ends are arrays in the order of the start values, not dicts by name."""
    if not isinstance(bounds, tuple | list) or not any(isinstance(e, Mapping) for e in bounds):
        return bounds
    known = list(names or [f"p{i}" for i in range(len(start))])
    low, high = bounds
    named = applied_bounds((low, high), dict.fromkeys(known, 0.0), known)
    return tuple([np.array([float(end[name]) for name in known]) for end in named])

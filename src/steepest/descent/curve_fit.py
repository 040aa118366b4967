"""``curve_fit``: the entry point for a model and data."""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.descent.entry import entry_point
from steepest.descent.fit_problem import FitOptions
from steepest.descent.least_squares import fit_residuals, names_of, warn_of
from steepest.descent.methods import Search
from steepest.descent.minimize import Record
from steepest.descent.problem.data import Data, is_single, kept, validate_data
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.parameters import ravel_parameters
from steepest.descent.problem.transforms import is_marked, split_transforms
from steepest.descent.results.fit import Fit
from steepest.descent.running.callbacks import State
from steepest.descent.running.refit import key_of, refit
from steepest.descent.scipy_compat import CURVES, count
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.lazy import cached_by_args


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
    model
        ``model(x, a, b, ...)`` returns what is expected for `y`. The parameters are named as
        in its signature.
    x
        What the model wants as its first argument, most often an array of shape (m,) or
        (k, m).
    y
        Data, shape (m,).
    p0
        Start values: an array or list, one for each parameter, or a dict by name; ones
        unless given. From a dict, ``fit.x`` is a dict too, and its values may be arrays, or
        marked, as for :func:`minimize`.
    sigma
        Standard deviations of `y`: a number or shape (m,); or its covariance, shape (m, m).
    absolute_sigma
        Whether `sigma` is taken as it is. Otherwise only its proportions count, and the
        scatter is estimated from the residuals.
    check_finite
        Whether NaN and infinities in the data are an error, as they are unless `nan_policy`
        says otherwise.
    bounds
        Two ends (lower, upper), each a number, one number for each parameter, or a dict;
        SciPy's ``Bounds`` will do too.
    method, loss, f_scale, stop, ftol, xtol, gtol, max_nfev
        As for :func:`least_squares`; ``maxfev`` is SciPy's older name.
    full_output
        Whether the fit unpacks to five parts, as SciPy's does: ``popt, pcov, infodict, mesg,
        ier = fit``.
    nan_policy
        ``"raise"``, ``"omit"`` to leave out points whose data are NaN, ``"propagate"``.
    engine, record, callback, progress
        As for :func:`minimize`.

    Returns
    -------
    Fit
        ``popt, pcov = fit`` unpacks parameters and covariance, whose rows are in the order of
        the signature, and NaN for a parameter on its bound; ``print(fit)`` reports.

    Raises
    ------
    InputError
        If data, start values, bounds or a setting do not make sense.
    SettingError
        If the model is no function.

    Warns
    -----
    FitWarning
        If the fit did not converge (SciPy's ``curve_fit`` raises then), if the data do not
        determine the parameters, or their scatter, or if a parameter is on its bound.

    Notes
    -----
    SciPy's names of arguments will do (``f``, ``xdata``, ``ydata``), and what it is told of
    slopes and scales (``jac``, ``x_scale``...) is taken and not needed. Data are made float64,
    as by SciPy, unless the start values are float32. A fit keeps a copy of them, up to 64 MiB.

    With a robust loss the covariance is that of residuals in whose place it puts others
    (Triggs et al. 2000): what the loss's own curvature takes from J counts, so that for
    ``"huber"`` and ``"cauchy"`` it differs from SciPy's by some percent.

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
    start, key = _start_of(model, p0, bounds), None
    if bounds is None and callback is None and not progress and _is_plain(sigma, y):
        tolerances = stop, ftol, xtol, gtol, max_nfev, maxfev
        settings = check_finite, nan_policy, method, loss, f_scale, engine, record
        args = (x, y) if sigma is None else (x, y, sigma)
        key = key_of(("curve", model, settings, absolute_sigma, tolerances), start, args)
        made = None if key is None else refit(key, start, args)
        if made is not None:
            function = made.function
            data = Data(
                function.curve, made.args[0], made.args[1], function.kind, nan_policy=nan_policy
            )
            fit = Fit(made, made.names, absolute_sigma, data, full_output)
            if fit.is_determined:
                return fit
    names = parameter_names(model, p0)
    start = check_start(model, p0, names, bounds)
    is_named = isinstance(start, dict)
    x, y, sigma = validate_data(x, y, sigma, check_finite, nan_policy, is_single(start))
    kind = "none" if sigma is None else "matrix" if sigma.ndim == 2 else "each"
    args = kept((x, y) if sigma is None else (x, y, sigma))
    free, expand = split_transforms(start)
    check_count(model, np.size(y), sum(np.size(leaf) for leaf in trees.leaves(free)))
    limit = max_nfev
    if limit is None and maxfev is not None:  # 0 means the default, as in SciPy
        limit = count("maxfev", maxfev) or None
    curve = Model(model, is_named)
    options = FitOptions(
        method,
        applied_bounds(bounds, start, names) if expand is None else bounds,
        loss,
        f_scale,
        stop,
        (ftol, xtol, gtol, limit),
        engine,
    )
    fit = fit_residuals(
        Residuals(curve, kind),
        start,
        args,
        options,
        record,
        callback,
        progress,
        names=_flat_names(free) if is_named else names,
        absolute_sigma=absolute_sigma,
        full_output=full_output,
        data=Data(curve, args[0], args[1], kind, is_named, nan_policy),
        key=key,
    )
    if not (fit.converged and fit.is_determined) or fit.end.box is not None:
        warn_of(fit)
    return fit


def _is_plain(sigma: Any, y: Any) -> bool:
    """Whether standard deviations are none, or an array of positive numbers."""
    if sigma is None:
        return True
    if type(sigma) is not np.ndarray or type(y) is not np.ndarray or sigma.dtype.kind != "f":
        return False
    return sigma.ndim == 1 and sigma.shape == y.shape and bool(sigma.min(initial=np.inf) > 0)


def _start_of(model: Any, p0: Any, bounds: Any) -> Any:
    """Return the start values, checked; an array of real numbers only where it is new."""
    if type(p0) is np.ndarray and p0.ndim == 1 and p0.dtype.kind == "f":
        return p0
    return check_start(model, p0, parameter_names(model, p0), bounds)


def parameter_names(model: Any, p0: Any) -> list[str] | None:
    """Return the names of a model's parameters; None if its signature does not tell.

    Those that have a default and no start value are left out.
    """
    if not callable(model):
        raise SettingError(f"the model must be a function, got {model!r}")
    names, needed = _signature(model)
    if names is None:
        return None if p0 is None else [f"p{i}" for i in range(np.size(trees.leaves(p0)))]
    if isinstance(p0, Mapping):
        return [name for i, name in enumerate(names) if i < needed or name in p0]
    count = len(names) if p0 is None else sum(np.size(leaf) for leaf in trees.leaves(p0))
    return list(names[: max(count, needed)])


@cached_by_args
def _signature(model: Callable[..., Any]) -> tuple[tuple[str, ...] | None, int]:
    """Return the names of a model's parameters, and how many of them have no default.

    There are no names if it takes any number of them.
    """
    try:
        signature = inspect.signature(model)
    except ValueError:  # an object that can be called and has no hash
        callable_object: Any = model
        signature = inspect.signature(callable_object.__call__)
    everything = list(signature.parameters.values())
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in everything):
        return None, 0
    fixed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [p for p in everything[1:] if p.kind in fixed]
    needed = sum(p.default is inspect.Parameter.empty for p in parameters)
    return tuple([p.name for p in parameters]), needed


def check_start(
    model: Callable[..., Any], p0: Any, names: list[str] | None, bounds: Any = None
) -> Any:
    """Return the start values, as an array or as a dict that keeps the signature's order."""
    if type(p0) is np.ndarray:
        return _as_start(model, p0, names)
    if isinstance(p0, Mapping):
        unknown = [name for name in p0 if names is not None and name not in names]
        missing = [name for name in names or [] if name not in p0]
        if unknown or missing:
            wrong = f"no parameter {unknown[0]!r}" if unknown else f"no start for {missing[0]!r}"
            raise InputError(f"{_where(model)} takes {', '.join(names or [])}: p0 has {wrong}")
        return OrderedDict([(name, p0[name]) for name in names or p0])
    if is_marked(p0):
        raise InputError(f"{_where(model)}: marked start values are given by name, as a dict")
    if names == []:
        raise InputError(f"{_where(model)} takes x alone: there is no parameter to fit")
    if p0 is None:
        if names is None:
            raise InputError(
                f"{_where(model)} takes any number of parameters: give start values, p0"
            )
        return _within(bounds, names)
    try:
        start = np.asarray(p0)
    except ValueError:  # of different lengths
        start = np.asarray(None)
    if start.dtype.kind not in "fiub":
        raise InputError(f"{_where(model)}: p0 must be real numbers, got {p0!r}")
    return _as_start(model, start, names)


def _within(bounds: Any, names: list[str]) -> np.ndarray:
    """Return start values between bounds: ones without, as in SciPy's ``curve_fit``."""
    ones = np.ones(len(names))
    bounds = _by_place(bounds, ones, names)
    ends = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    shapes = [np.shape(end) for end in ends] if isinstance(ends, tuple | list) else []
    if len(shapes) != 2 or not {(), (1,), ones.shape}.issuperset(shapes):
        return ones  # without bounds, or with some of which it is said later what is wrong
    low, high = (np.broadcast_to(np.asarray(end, float), ones.shape) for end in ends)
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (low + high)
    one_end = np.where(np.isfinite(low), low + 1, np.where(np.isfinite(high), high - 1, 1.0))
    return np.where(np.isfinite(low) & np.isfinite(high), middle, one_end)


def _as_start(model: Callable[..., Any], start: np.ndarray, names: list[str] | None) -> np.ndarray:
    start = start.reshape(-1)
    if names is not None and len(start) != len(names):
        raise InputError(
            f"{_where(model)} takes {len(names or [])} parameters, {', '.join(names or [])}: got "
            f"{np.size(start)} start values"
        )
    return start.astype(np.float64) if start.dtype.kind in "iub" else start


def _where(model: Callable[..., Any]) -> str:
    return f"{getattr(model, '__name__', 'the model')}{at(function_source(model))}"


def _flat_names(start: dict[str, Any]) -> list[str]:
    """Return a name for each number of named start values: ``b``, or ``b[2]``."""
    layout, _ = ravel_parameters(start)
    return [re.sub(r"^x\['(\w+)'\]", r"\1", name) for name in names_of(layout)]


def check_count(model: Callable[..., Any], observations: int, parameters: int) -> None:
    """Raise for fewer data than parameters."""
    if observations < parameters:
        raise InputError(
            f"{observations} data points cannot determine {parameters} parameters of "
            f"{getattr(model, '__name__', 'the model')}: give at least {parameters}"
        )


def applied_bounds(bounds: Any, start: Any, names: Sequence[str] | None) -> Any:
    """Return bounds whose ends have the structure of the start values, where they are named.

    Ends in an array are in the order of the signature, which `names` is.
    """
    if bounds is None:
        return None
    if not isinstance(start, dict):
        return _by_place(bounds, start, names)
    if hasattr(bounds, "lb"):
        bounds = bounds.lb, bounds.ub
    if not isinstance(bounds, Sequence) or len(bounds) != 2:
        raise InputError(f"bounds must be two ends (lower, upper), got {bounds!r}")
    shapes = {name: np.shape(value) for name, value in start.items()}
    ends = []
    for given, nothing in zip(bounds, (-np.inf, np.inf), strict=True):
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
        full = [(n, np.broadcast_to(end.get(n, nothing), s)) for n, s in shapes.items()]
        ends.append(OrderedDict(full))
    return tuple(ends)


def _by_place(bounds: Any, start: Any, names: Sequence[str] | None) -> Any:
    """Return bounds whose ends are in the order of the start values; dicts are by name."""
    if not isinstance(bounds, tuple | list) or not any(isinstance(e, Mapping) for e in bounds):
        return bounds
    known = list(names or [f"p{i}" for i in range(len(start))])
    low, high = bounds
    named = applied_bounds((low, high), dict.fromkeys(known, 0.0), known)
    return tuple([np.array([float(end[name]) for name in known]) for end in named])

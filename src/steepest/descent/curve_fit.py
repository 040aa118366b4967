"""``curve_fit``: the front door for a model and data."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.derivative import MAX_PATHS
from steepest.descent.again import again
from steepest.descent.driver import State
from steepest.descent.fit import Data, Fit
from steepest.descent.least_squares import fit_residuals, names_of, scipy_stop, warn_of
from steepest.descent.markers import is_marked, unmark
from steepest.descent.memo import remembered
from steepest.descent.methods import Search
from steepest.descent.minimize import Record
from steepest.descent.parameters import lay_out
from steepest.descent.stop import StopRule
from steepest.engines import Engine
from steepest.errors import InputError, SettingError
from steepest.frames import hides_frames
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced


@hides_frames
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
    max_nfev: int | None = None,
    maxfev: int | None = None,
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
    nan_policy
        ``"raise"``, ``"omit"`` to leave out points whose data are NaN, ``"propagate"``.
    engine, record, callback, progress
        As for :func:`minimize`.

    Returns
    -------
    Fit
        ``popt, pcov = fit`` unpacks parameters and covariance; ``print(fit)`` reports.

    Raises
    ------
    InputError
        If data, start values, bounds or a setting do not make sense.
    SettingError
        If the model is no function.

    Warns
    -----
    FitWarning
        If the data do not determine the parameters, or their scatter.

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
    key = None
    if sigma is None and bounds is None and callback is None and not progress:
        tolerances = stop, ftol, xtol, gtol, max_nfev, maxfev
        settings = check_finite, nan_policy, method, loss, f_scale, engine, record
        key = "curve", model, settings, absolute_sigma, tolerances
        end = again(key, p0, (x, y))
        if end is not None:
            fit = Fit(end, end.names, absolute_sigma, Data(applied(model, False), x, y))
            if fit.is_determined:
                return fit
    names = parameter_names(model, p0)
    start = check_start(model, p0, names)
    is_named = isinstance(start, dict)
    x, y, sigma = clean(x, y, sigma, check_finite, nan_policy)
    kind = "none" if sigma is None else "matrix" if sigma.ndim == 2 else "each"
    args = (x, y) if sigma is None else (x, y, sigma)
    free, expand = unmark(start)
    count = sum(np.size(leaf) for leaf in trees.leaves(free))
    check_count(model, np.size(y), count)
    limit = max_nfev if max_nfev is not None else maxfev
    fit = fit_residuals(
        residuals_of(model, kind, is_named),
        start,
        args,
        method=method,
        bounds=applied_bounds(bounds, start, names) if expand is None else bounds,
        loss=loss,
        f_scale=f_scale,
        stop=stop if stop is not None else scipy_stop(ftol, xtol, gtol, limit),
        engine=engine,
        record=record,
        callback=callback,
        progress=progress,
        max_paths=MAX_PATHS,
        names=_flat_names(free) if is_named else names,
        absolute_sigma=absolute_sigma,
        data=Data(applied(model, is_named), x, y, kind, is_named, nan_policy),
        key=None if is_named else key,
    )
    if not (fit.converged and fit.is_determined):
        warn_of(fit)
    return fit


def parameter_names(model: Any, p0: Any) -> list[str] | None:
    """Return the names of a model's parameters; None if its signature does not tell."""
    if not callable(model):
        raise SettingError(f"the model must be a function, got {model!r}")
    names = _signature(model)
    if names is None:
        return None if p0 is None else [f"p{i}" for i in range(np.size(trees.leaves(p0)))]
    return list(names)


@remembered
def _signature(model: Callable[..., Any]) -> tuple[str, ...] | None:
    """Return the names of a model's parameters; None if it takes any number of them."""
    try:
        signature = inspect.signature(model)
    except ValueError:  # an object that can be called and has no hash
        callable_object: Any = model
        signature = inspect.signature(callable_object.__call__)
    parameters = list(signature.parameters.values())[1:]
    fixed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    return tuple([p.name for p in parameters if p.kind in fixed])


def check_start(model: Callable[..., Any], p0: Any, names: list[str] | None) -> Any:
    """Return the start values, as an array or as a dict in the order of the signature."""
    if isinstance(p0, Mapping):
        unknown = [name for name in p0 if names is not None and name not in names]
        missing = [name for name in names or [] if name not in p0]
        if unknown or missing:
            wrong = f"no parameter {unknown[0]!r}" if unknown else f"no start for {missing[0]!r}"
            raise InputError(f"{_where(model)} takes {', '.join(names or [])}: p0 has {wrong}")
        return dict(p0)
    if is_marked(p0):
        raise InputError(f"{_where(model)}: marked start values are given by name, as a dict")
    if p0 is None:
        if names is None:
            raise InputError(
                f"{_where(model)} takes any number of parameters: give start values, p0"
            )
        return np.ones(len(names))
    start = np.atleast_1d(np.asarray(p0))
    if start.ndim != 1 or (names is not None and len(start) != len(names)):
        raise InputError(
            f"{_where(model)} takes {len(names or [])} parameters, {', '.join(names or [])}: got "
            f"{np.size(start)} start values"
        )
    return start


def _where(model: Callable[..., Any]) -> str:
    return f"{getattr(model, '__name__', 'the model')}{at(function_source(model))}"


def _flat_names(start: dict[str, Any]) -> list[str]:
    """Return a name for each number of named start values: ``b``, or ``b[2]``."""
    layout, _ = lay_out(start)
    return [re.sub(r"^x\['(\w+)'\]", r"\1", name) for name in names_of(layout)]


def check_count(model: Callable[..., Any], observations: int, parameters: int) -> None:
    """Raise for fewer data than parameters."""
    if observations < parameters:
        raise InputError(
            f"{observations} data points cannot determine {parameters} parameters of "
            f"{getattr(model, '__name__', 'the model')}: give at least {parameters}"
        )


def clean(
    x: Any, y: Any, sigma: Any, check_finite: bool | None, nan_policy: str | None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return the data as arrays of real numbers, without points that are to be left out."""
    check_nan_policy(nan_policy)
    y = real(y, "y")
    x = trees.map_leaves(lambda leaf: real(leaf, "x"), x)
    if sigma is not None:
        sigma = real(sigma, "sigma")
        if sigma.ndim == 0:
            sigma = np.full(y.shape, sigma)
        if sigma.shape not in (y.shape, (y.size, y.size)):
            raise InputError(
                f"sigma must have the shape of y, {y.shape}, or be a covariance of shape "
                f"{(y.size, y.size)}: got {sigma.shape}"
            )
        if sigma.shape == y.shape:
            check_positive(sigma)
    if nan_policy == "omit":
        x, y, sigma = _without_nan(x, y, sigma)
    elif nan_policy != "propagate" and check_finite is not False:
        for name, tree in (("x", x), ("y", y), ("sigma", sigma)):
            for leaf in trees.leaves(tree) if tree is not None else []:
                _check_all_finite(name, leaf)
    if sigma is not None and sigma.ndim == 2 and sigma.shape != y.shape:
        sigma = _whitening(sigma)
    return x, y, sigma


def check_nan_policy(nan_policy: str | None) -> None:
    """Raise for what is no policy."""
    if nan_policy not in (None, "raise", "omit", "propagate"):
        raise InputError(f"nan_policy must be 'raise', 'omit' or 'propagate', got {nan_policy!r}")


def check_positive(sigma: np.ndarray) -> None:
    """Raise for a standard deviation that is 0 or less."""
    for place in np.argwhere(sigma <= 0)[:1]:
        where = f"sigma[{', '.join(map(str, place))}]" if len(place) else "sigma"
        value = sigma[tuple(place)]
        raise InputError(f"{where} is {value:g}: standard deviations must be positive")


def real(value: Any, name: str) -> np.ndarray:
    """Return data as an array of real numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name} has dtype {array.dtype}: real numbers are needed")
    return array if array.dtype.char in "fd" else array.astype(np.float64)


def _check_all_finite(name: str, array: np.ndarray) -> None:
    if np.isfinite(array).all():
        return
    for place in np.argwhere(~np.isfinite(array))[:1]:
        where = ", ".join(map(str, place))
        raise InputError(
            f"{name}[{where}] is {array[tuple(place)]}: clean the data, or leave such points out "
            "with nan_policy='omit'"
        )


def _without_nan(
    x: Any, y: np.ndarray, sigma: np.ndarray | None
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    keep = np.isfinite(y)
    for leaf in trees.leaves(x):
        if leaf.shape[-1:] == y.shape:
            keep &= np.isfinite(leaf).reshape(-1, y.size).all(axis=0)
    if sigma is not None and sigma.shape == y.shape:
        keep &= np.isfinite(sigma)
    x = trees.map_leaves(lambda leaf: leaf[..., keep] if leaf.shape[-1:] == y.shape else leaf, x)
    if sigma is not None:
        sigma = sigma[keep] if sigma.shape == y.shape else sigma[np.ix_(keep, keep)]
    return x, y[keep], sigma


def _whitening(covariance: np.ndarray) -> np.ndarray:
    """Return the matrix that makes residuals of a covariance independent, of unit variance."""
    try:
        lower = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise InputError("sigma is no covariance: the matrix must be positive definite") from None
    return np.linalg.inv(lower)


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
        ends.append({n: np.broadcast_to(end.get(n, nothing), s) for n, s in shapes.items()})
    return tuple(ends)


def _by_place(bounds: Any, start: Any, names: Sequence[str] | None) -> Any:
    """Return bounds whose ends are in the order of the start values; dicts are by name."""
    if not isinstance(bounds, tuple | list) or not any(isinstance(e, Mapping) for e in bounds):
        return bounds
    known = list(names or [f"p{i}" for i in range(len(start))])
    low, high = bounds
    named = applied_bounds((low, high), dict.fromkeys(known, 0.0), known)
    return tuple([np.array([float(end[name]) for name in known]) for end in named])


@remembered
def applied(model: Callable[..., Any], is_named: bool) -> Callable[[Any, Any], Any]:
    """Return a model as a function of x and its parameters.

    What the model reads from outside is seen while it is recorded.
    """

    def apply(x: Any, p: Any) -> Any:
        values, named = ((x,), p) if is_named else ((x, *p), {})
        if is_tracing():
            return call_traced(model, current(), values, named)
        return model(*values, **named)

    return apply


def difference_of(model: Callable[..., Any], is_named: bool) -> Callable[[Any, Any, Any], Any]:
    """Return by how much a model differs from data, as a function of parameters and data."""
    apply = applied(model, is_named)

    def difference(p: Any, x: Any, y: Any) -> Any:
        expected = apply(x, p)
        if np.shape(expected) != y.shape:
            where = at(function_source(model))
            name = getattr(model, "__name__", "the model")
            raise InputError(
                f"{name}{where} returns shape {np.shape(expected)} where y has shape {y.shape}"
            )
        return expected - y

    return difference


@remembered
def residuals_of(model: Callable[..., Any], kind: str, is_named: bool) -> Callable[..., Any]:
    """Return the residuals of a model as a function of its parameters and the data.

    It is the same function each time, so that what was compiled for it is found again.
    """
    difference = difference_of(model, is_named)
    if kind == "none":
        return difference
    if kind == "each":
        return lambda p, x, y, sigma: difference(p, x, y) / sigma
    return lambda p, x, y, whitening: np.matmul(whitening, difference(p, x, y))

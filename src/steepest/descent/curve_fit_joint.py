"""``curve_fit_joint``: the entry point for several data sets with shared parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import CURVES
from steepest.descent.curve_fit import curve_fit, default_start
from steepest.descent.inference.joint import JointFit
from steepest.descent.methods import Search
from steepest.descent.minimize import Record
from steepest.descent.problem.data import real, validate_data
from steepest.descent.problem.joint_model import JointModel
from steepest.descent.problem.transforms import is_marked
from steepest.descent.running.callbacks import State
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError


@entry_point(CURVES)
def curve_fit_joint(
    model: Callable[..., Any] | Sequence[Callable[..., Any]],
    x: Sequence[Any],
    y: Sequence[Any],
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    *,
    shared: str | Sequence[str],
    check_finite: bool | None = None,
    bounds: Any = None,
    method: Search | str | None = None,
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
) -> JointFit:
    """Fit several data sets together, with parameters that they share.

    This is what is called a global fit elsewhere. Each set has parameters of its own, except the
    shared ones, which have one value that all data determine.

    Parameters
    ----------
    model : callable or sequence of callable
        ``model(x, a, b, ...)``, as for :func:`curve_fit`, for all sets; or a model for each.
        Parameters of the same name belong together.
    x : sequence of array_like
        The first argument of the model, for each set.
    y : sequence of array_like
        The data of each set. Their lengths may differ.
    p0 : array_like, dict or "guess", optional
        Start values: one for each parameter, or a dict by name. A value of a dict may have one
        number for each set, or be marked, such as ``st.Positive(1.0)``. By default ones,
        or values between the bounds. ``"guess"`` finds some by fits of single sets.
    sigma : float or sequence, optional
        Standard deviations of the data: a number, or for each set a number or an array.
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `y`.
    shared : str or sequence of str
        Names of the parameters that all sets share.
    check_finite : bool, optional
        Whether NaN and infinities in the data are an error, as for :func:`curve_fit`.
    bounds : tuple of two dicts, optional
        Lower and upper ends by name.
    method : Search or str, optional
        Descent method, as for :func:`least_squares`.
    nan_policy : {"raise", "omit", "propagate"}, optional
        What to do with points whose data are not finite. ``"omit"`` leaves them out of their set.
    loss : str or callable, optional
        Robust loss, as for :func:`least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule, as for :func:`least_squares`.
    ftol, xtol, gtol, max_nfev, maxfev : float, optional
        SciPy's tolerances, in place of `stop`, as for :func:`curve_fit`.
    full_output : bool, optional
        Whether ``fit`` unpacks to five parts, as for :func:`curve_fit`.
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
    JointFit
        ``x`` and ``standard_errors`` by name, ``report()``, ``plot()``, ``sets`` with the curve
        of each set, and ``fit``, the :class:`Fit` of all data.

    Raises
    ------
    InputError
        If data, names, start values, bounds or a setting are invalid.
    SettingError
        If an argument has the wrong type.
    UnsupportedError
        If a model contains code that cannot be traced. The message names the line.

    Warns
    -----
    FitWarning
        As :func:`curve_fit`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def decay(t, amplitude, rate):
    ...     return amplitude * np.exp(-rate * t)
    >>> t, other_t = np.arange(6.0), np.arange(4.0)
    >>> ys = [decay(t, 3, 0.5), decay(other_t, 2, 0.5)]
    >>> joint = st.curve_fit_joint(decay, [t, other_t], ys, shared="rate")
    >>> float(joint.x["rate"].round(6)), joint.x["amplitude"].round(6)
    (0.5, array([3., 2.]))
    """
    xs, ys = _sets(x, "x"), _sets(y, "y")
    if len(xs) != len(ys):
        raise InputError(f"x has {len(xs)} data sets, and y {len(ys)}: give as many of both")
    models: list[Any] = list(model) if isinstance(model, list | tuple) else [model] * len(ys)
    if len(models) != len(ys):
        raise InputError(f"there are {len(models)} models for {len(ys)} data sets")
    common = (shared,) if isinstance(shared, str) else tuple(shared)
    names = [_names(one) for one in models]
    everything = list(dict.fromkeys(name for own in names for name in own))
    for name in common:
        if name not in everything:
            raise InputError(
                f"shared has {name!r}, which is no parameter: there are {', '.join(everything)}"
            )
    joint = _joined(models, names, common)
    sets = [
        _checked(number, one_x, one_y, one_sigma, check_finite, nan_policy)
        for number, (one_x, one_y, one_sigma) in enumerate(
            zip(xs, ys, _sigmas(sigma, len(ys)), strict=True)
        )
    ]
    sigmas = [one.sigma for one in sets]
    counts = {name: sum(name in own for own in names) for name in everything}
    if isinstance(p0, str):
        settings = {"loss": loss, "f_scale": f_scale, "engine": engine}
        p0 = _guessed(p0, models, names, sets, common, bounds, settings)
    fit = curve_fit(
        joint,
        OrderedDict((f"set {number}", one.x) for number, one in enumerate(sets)),
        np.concatenate([one.y for one in sets]),
        _start(p0, everything, counts, common, bounds),
        None if sigma is None else np.concatenate(sigmas),
        absolute_sigma,
        check_finite,
        bounds,
        method,
        nan_policy=None if nan_policy == "omit" else nan_policy,
        loss=loss,
        f_scale=f_scale,
        stop=stop,
        ftol=ftol,
        xtol=xtol,
        gtol=gtol,
        max_nfev=max_nfev,
        maxfev=maxfev,
        full_output=full_output,
        engine=engine,
        record=record,
        callback=callback,
        progress=progress,
    )
    return JointFit(fit, joint, tuple(len(one.y) for one in sets))


class _Set(NamedTuple):
    """The data of one set, without points that are left out."""

    x: Any
    y: np.ndarray
    sigma: Any


def _checked(
    number: int, x: Any, y: Any, sigma: Any, check_finite: bool | None, nan_policy: str | None
) -> _Set:
    """Return the data of a set; sigma is None or has the shape of y."""
    try:
        y = real(y, "y").reshape(-1)
        if sigma is not None:
            sigma = real(sigma, "sigma")
            if sigma.size not in (1, y.size):
                raise InputError(
                    f"sigma must be a number, or one for each of {y.size} data: its shape is "
                    f"{sigma.shape}"
                )
            sigma = np.full(y.shape, sigma) if sigma.size == 1 else sigma.reshape(-1)
        return _Set(*validate_data(x, y, sigma, check_finite, nan_policy))
    except InputError as error:
        raise InputError(f"data set {number}: {error}") from None


def _sigmas(sigma: Any, count: int) -> list[Any]:
    """Return the standard deviations of each set; None if there are none."""
    if sigma is None or isinstance(sigma, Real) or getattr(sigma, "shape", None) == ():
        return [sigma] * count
    if not isinstance(sigma, list | tuple | np.ndarray) or len(sigma) != count:
        raise InputError("sigma must be a number, or a list with that of each data set")
    for number, one in enumerate(sigma):
        if one is None:
            raise InputError(f"sigma has nothing for data set {number}: give it for all, or none")
    return list(sigma)


def _sets(values: Any, name: str) -> list[Any]:
    is_array = isinstance(values, np.ndarray) and values.ndim > 1
    if not (isinstance(values, list | tuple) or is_array) or not len(values):
        raise InputError(f"{name} must be a list with the {name} of each data set")
    return list(values)


def _names(model: Callable[..., Any]) -> list[str]:
    names = parameter_names(model, None)
    if not names:
        raise InputError("a joint fit needs models whose parameters have names: model(x, a, b)")
    return names


def _joined(
    models: Sequence[Callable[..., Any]], names: Sequence[Sequence[str]], common: Sequence[str]
) -> JointModel:
    """Return the models of all sets as one."""
    counts: dict[str, int] = {}
    places = []
    only_one = {name for own in names for name in own if sum(name in one for one in names) == 1}
    for own in names:
        row: list[tuple[str, int | None]] = []
        for name in own:
            if name in common or name in only_one:
                row.append((name, None))
            else:
                row.append((name, counts.setdefault(name, 0)))
                counts[name] += 1
        places.append(tuple(row))
    return JointModel(tuple(models), tuple(places))


def _start(
    p0: Any,
    everything: Sequence[str],
    counts: Mapping[str, int],
    common: Sequence[str],
    bounds: Any,
) -> dict[str, Any]:
    """Return start values by name, with one for each set where they are not shared."""
    given = p0
    if p0 is None:
        given = dict(
            zip(everything, default_start(bounds, list(everything)).tolist(), strict=True)
        )
    elif not isinstance(p0, Mapping):
        if np.shape(p0) != (len(everything),):
            raise InputError(
                f"p0 needs a number for each of {', '.join(everything)}, or values by name: got "
                f"{p0!r}"
            )
        given = dict(zip(everything, np.asarray(p0, np.float64).tolist(), strict=True))
    wrong = [name for name in given if name not in everything]
    missing = [name for name in everything if name not in given]
    if wrong or missing:
        fault = f"no parameter {wrong[0]!r}" if wrong else f"no value for {missing[0]!r}"
        raise InputError(f"the models take {', '.join(everything)}: p0 has {fault}")
    result = {}
    for name in everything:
        value, count = given[name], counts[name]
        is_one = name in common or count == 1
        if not is_one and not is_marked(value):
            if np.shape(value) not in ((), (count,)):
                raise InputError(f"p0[{name!r}] must be a number, or one for each of {count} sets")
            value = np.broadcast_to(np.asarray(value, np.float64), (count,)).copy()
        result[name] = value
    return result


def _guessed(
    word: str, models: Sequence[Any], names: Sequence[Sequence[str]], sets: Sequence[_Set],
    common: Sequence[str], bounds: Any, settings: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Return start values by name from fits of single sets."""
    found: dict[str, list[float]] = {}
    for model, own, one in zip(models, names, sets, strict=True):
        within = bounds
        if bounds is not None:
            within = tuple({n: end[n] for n in own if n in end} for end in bounds)
        fit = curve_fit(model, one.x, one.y, word, one.sigma, bounds=within, **settings)
        for name, value in zip(own, fit.x, strict=True):
            found.setdefault(name, []).append(float(value))
    return {
        name: float(np.median(values)) if name in common or len(values) == 1 else np.array(values)
        for name, values in found.items()
    }

"""``curve_fit_many``: the entry point for a model and many sets of data."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import CURVES
from steepest.descent.curve_fit import (
    applied_bounds,
    check_count,
    check_start,
    guessed,
)
from steepest.descent.fit_problem import FitOptions
from steepest.descent.least_squares_many import fit_many
from steepest.descent.methods import Search
from steepest.descent.problem.data import check_nan_policy, check_positive, is_single, real
from steepest.descent.problem.model import Model, Residuals
from steepest.descent.problem.transforms import check_unmarked
from steepest.descent.results.batch import ManyFits
from steepest.descent.starts.signature import parameter_names
from steepest.descent.stop_rules import StopRule
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.source import at, function_source


@entry_point(CURVES)
def curve_fit_many(
    model: Callable[..., Any],
    x: Any,
    y: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    bounds: Any = None,
    method: Search | str | None = None,
    *,
    mask: Any = None,
    nan_policy: str | None = None,
    loss: str | Callable[[Any], Any] = "linear",
    f_scale: float = 1.0,
    stop: StopRule | None = None,
    ftol: float | None = None,
    xtol: float | None = None,
    gtol: float | None = None,
    max_nfev: float | None = None,
    engine: str | Engine = "native",
    progress: bool = False,
) -> ManyFits:
    """Fit one model to many sets of data.

    Parameters
    ----------
    model : callable
        ``model(x, a, b, ...)`` returns the expected `y` of one set.
    x : array_like or nested arrays
        First argument of the model: shape (m,) if all sets share it, else (N, m); with k
        variables (k, m) or (N, k, m); nested if the model expects that. A list of N arrays if the
        sets have different lengths.
    y : array_like
        Data, shape (N, m), or a list of N arrays of shape (m_i,).
    p0 : array_like, dict or "guess", optional
        Start values: one for each parameter, or a row of them for each set; or a dict by name of
        numbers, or of N numbers each. Ones unless given. ``"guess"`` finds some for each set, as
        for :func:`curve_fit`, which takes about a tenth of a second a set.
    sigma : array_like, optional
        Standard deviations of `y`: a number, shape (m,) or (N, m), or a list.
    absolute_sigma : bool, optional
        Whether `sigma` is in the units of `y`. Otherwise the size of the errors is estimated from
        the residuals of each set.
    bounds : tuple or scipy.optimize.Bounds, optional
        Bounds of all sets, as for :func:`curve_fit`.
    method : Search or str, optional
        Descent method of all sets, as for :func:`least_squares`.
    mask : array_like of bool, optional
        Which data count, shape (N, m). By default all do.
    nan_policy : {"raise", "omit"}, optional
        What to do with points whose data are not finite: ``"omit"`` leaves them out, ``"raise"``
        raises an error. By default the status of a set with such a point says that it failed.
    loss : str or callable, optional
        Robust loss, as for :func:`least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    stop : StopRule, optional
        Stop rule of each set, as for :func:`least_squares_many`.
    ftol, xtol, gtol, max_nfev : float, optional
        SciPy's tolerances, in place of `stop`, as for :func:`least_squares`.
    engine : {"native", "numpy", "torch"} or Engine, optional
        Where the descents run.
    progress : bool, optional
        Whether to show progress on stderr.

    Returns
    -------
    ManyFits
        Arrays with a row for each set: ``x``, ``loss``, ``status``, ``converged``,
        ``iterations``, ``covariance``, ``standard_errors``.

    Raises
    ------
    InputError
        If data, start values, bounds or a setting are invalid.
    SettingError
        If an argument has the wrong type, such as a model that is not a function.
    UnsupportedError
        If the model contains code that cannot be traced. The message names the line.

    Notes
    -----
    Sets run side by side as in :func:`minimize_many`. If the model is computed point by point, the
    parameters of a set are bit for bit those of :func:`curve_fit` with the same `stop`, and its
    covariance agrees up to rounding. This does not hold for sets that are masked or differ in
    length.

    The model is also evaluated at masked points, and at points that fill up short sets (copies of
    the last x). Their residuals are set to 0. A model that uses all of x at once, such as its mean
    or its length, therefore raises an error for such sets.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def decay(t, amplitude, rate):
    ...     return amplitude * np.exp(-rate * t)
    >>> t = np.linspace(0, 2, 12)
    >>> rates = np.array([0.5, 1.0, 2.0])
    >>> many = st.curve_fit_many(decay, t, 3 * np.exp(-rates[:, None] * t))
    >>> many.x.round(6)
    array([[3. , 0.5],
           [3. , 1. ],
           [3. , 2. ]])
    """
    word, p0 = (p0, None) if isinstance(p0, str) else (None, p0)
    check_unmarked(p0)
    names = parameter_names(model, _one_start(p0))
    single = p0 is not None and is_single(p0)
    x, y, sigma, mask = _data(x, y, sigma, mask, nan_policy, single)
    number, points = y.shape
    if word is not None:
        p0 = _guesses(model, word, bounds, (x, y, sigma, mask), (loss, f_scale, engine))
    start = _starts(model, p0, names, number)
    count = sum(np.size(leaf) for leaf in trees.leaves(start)) // number
    check_count(model, points, count)
    is_own = any(_is_own(leaf, y) for leaf in trees.leaves(x))
    if is_own:

        def one_each(leaf: np.ndarray) -> np.ndarray:
            return leaf if _is_own(leaf, y) else np.broadcast_to(leaf, (number, *leaf.shape))

        x = trees.map_leaves(one_each, x)
    given = {"y": (y, True), "x": (x, is_own)}
    if sigma is not None:
        given["sigma"] = (sigma, sigma.shape == y.shape)
    if mask is not None:
        given["mask"] = (mask, True)
        _check_pointwise(model, x, is_own, mask, start)
    order = sorted(given, key=lambda name: not given[name][1])
    own = [given[name][0] for name in order if given[name][1]]
    bounds = applied_bounds(bounds, _one_start(start), names)
    options = FitOptions(method, bounds, loss, f_scale, stop, (ftol, xtol, gtol, max_nfev), engine)
    return fit_many(
        ResidualsAmongMany(Model(model, isinstance(p0, Mapping)), tuple(order)),
        start,
        own,
        [given[name][0] for name in order if not given[name][1]],
        options,
        progress,
        absolute_sigma,
        None if mask is None else np.sum(mask, axis=1),
    )


@dataclass(frozen=True)
class ResidualsAmongMany:
    """The residuals of one set, as a function of its parameters and of data in a given order.

    Attributes
    ----------
    curve
        The model.
    order
        Names of the data: ``"x"``, ``"y"``, and maybe ``"sigma"`` and ``"mask"``.
    """

    curve: Model
    order: tuple[str, ...]

    def __call__(self, p: Any, *data: Any) -> Any:
        """Return the residuals of one set, with 0 for masked points."""
        given = dict(zip(self.order, data, strict=True))
        sigma = given.get("sigma")
        residuals = Residuals(self.curve, "none" if sigma is None else "each")
        result = residuals(p, given["x"], given["y"], sigma)
        return np.where(given["mask"], result, 0.0) if "mask" in given else result


# Data and start values.


def _is_own(leaf: np.ndarray, y: np.ndarray) -> bool:
    """Whether an array of x has a row for each set."""
    return leaf.shape == y.shape or (leaf.ndim > 2 and len(leaf) == len(y))


def _data(
    x: Any, y: Any, sigma: Any, mask: Any, nan_policy: str | None, single: bool
) -> tuple[Any, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Return the data as arrays, and the mask; None if all points count."""
    check_nan_policy(nan_policy)
    if isinstance(y, list | tuple) and len({np.size(row) for row in y}) > 1:
        lengths = [np.size(row) for row in y]
        x, sigma = _filled_up(x, lengths, "x"), _filled_up(sigma, lengths, "sigma")
        y = _filled_up(y, lengths, "y")
        if mask is not None:
            raise InputError(
                "mask needs data of equal length: leave points out of the lists instead"
            )
        mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
    y = real(y, "y", single)
    if y.ndim == 2 and not len(y):
        raise InputError("y has no rows: there are no sets of data to fit")
    if y.ndim != 2:
        raise InputError(
            f"y needs a row for each set of data: shape (N, m), got {y.shape}; for one set, "
            "call st.curve_fit"
        )
    if isinstance(x, list):
        x = np.asarray(x)
    x = trees.map_leaves(lambda leaf: real(leaf, "x", single), x)
    if sigma is not None:
        sigma = np.abs(real(sigma, "sigma"))
        if sigma.shape not in ((), y.shape[1:], y.shape):
            raise InputError(
                f"sigma must have shape {y.shape} or {y.shape[1:]}, got {sigma.shape}"
            )
        check_positive(sigma)
        sigma = np.broadcast_to(sigma, y.shape[1:]) if sigma.ndim == 0 else sigma
    if mask is not None:
        mask = np.asarray(mask, bool)
        if mask.shape != y.shape:
            raise InputError(f"mask must have the shape of y, {y.shape}, got {mask.shape}")
    is_nan = ~np.isfinite(y)
    if sigma is not None:
        is_nan = is_nan | ~np.isfinite(sigma)
    for leaf in trees.leaves(x):
        if leaf.shape[-1:] == y.shape[1:]:
            found = ~np.isfinite(leaf)
            is_nan = is_nan | (
                found
                if leaf.ndim < 2 or (_is_own(leaf, y) and leaf.ndim == 2)
                else found.any(axis=-2)
            )
    if mask is not None:
        is_nan &= mask
    if nan_policy == "raise" and is_nan.any():
        row, point = np.argwhere(is_nan)[0]
        raise InputError(
            f"set {row} is not finite at point {point}: clean the data, or leave such points out "
            "with nan_policy='omit'"
        )
    if nan_policy == "omit" and is_nan.any():
        mask = ~is_nan if mask is None else mask & ~is_nan
        x = trees.map_leaves(np.nan_to_num, x)
        sigma = sigma if sigma is None else np.where(np.isfinite(sigma), sigma, 1.0)
    if mask is not None:
        y = np.where(mask, y, 0.0)
    return x, y, sigma, mask


def _check_pointwise(
    model: Callable[..., Any], x: Any, is_own: bool, mask: np.ndarray, start: Any
) -> None:
    """Raise if a model's value at one point depends on the other points.

    For a few sets, the model is compared with and without the points that do not count.
    """
    partial = np.flatnonzero(~mask.all(axis=1) & mask.any(axis=1))
    curve = Model(model, isinstance(start, Mapping))
    for number in partial[:: max(1, len(partial) // 4)][:4]:
        keep = mask[number]
        whole = _row(x, number) if is_own else x
        part, one = _points(whole, keep), _row(start, number)
        with np.errstate(all="ignore"):
            among, alone = np.asarray(curve(whole, one)), np.asarray(curve(part, one))
        if among.shape != mask.shape[1:] or alone.shape != (int(keep.sum()),):
            continue  # a wrong shape, for which tracing raises an error
        if not np.allclose(among[keep], alone, rtol=1e-6, atol=1e-12, equal_nan=True):
            raise InputError(
                f"{getattr(model, '__name__', 'the model')}{at(function_source(model))} looks at "
                "all points of a set at once, also at masked points and padding of short sets: "
                "pass such values in x, or fit sets of equal length without a mask"
            )


def _guesses(
    model: Callable[..., Any], word: str, bounds: Any, data: Any, settings: tuple[Any, ...]
) -> np.ndarray:
    """Return start values for each set, as ``p0="guess"`` of :func:`curve_fit` finds them."""
    x, y, sigma, mask = data
    found = []
    for number, own in enumerate(y):
        keep = np.isfinite(own) if mask is None else mask[number]
        rows = trees.map_leaves(functools.partial(_own_part, y, number), x)
        scatter = sigma if sigma is None or sigma.shape != y.shape else sigma[number]
        scatter = None if scatter is None else scatter[keep]
        given = _points(rows, keep), own[keep], scatter
        found.append(guessed(model, word, bounds, given, False, settings))
    return np.stack(found)


def _own_part(y: np.ndarray, number: int, leaf: np.ndarray) -> np.ndarray:
    """Return what an array of x has for one set."""
    part: np.ndarray = leaf[number] if _is_own(leaf, y) else leaf
    return part


def _row(tree: Any, number: int) -> Any:
    return trees.map_leaves(lambda leaf: leaf[number], tree)


def _points(tree: Any, keep: np.ndarray) -> Any:
    return trees.map_leaves(
        lambda leaf: leaf[..., keep] if leaf.shape[-1:] == keep.shape else leaf, tree
    )


def _filled_up(rows: Any, lengths: Sequence[int], name: str) -> Any:
    """Return rows of different lengths as one array, each padded with its last number."""
    if not isinstance(rows, list | tuple):
        return rows
    if [np.size(row) for row in rows] != list(lengths):
        raise InputError(
            f"{name} has rows of lengths {[np.size(row) for row in rows][:6]}..., y of "
            f"{list(lengths)[:6]}...: each set needs as many of both"
        )
    if 0 in lengths:
        raise InputError(f"set {list(lengths).index(0)} has no data")
    longest = max(lengths)
    return np.stack([np.pad(real(r, name), (0, longest - len(r)), "edge") for r in rows])


def _one_start(p0: Any) -> Any:
    """Return the start values of the first set."""
    if isinstance(p0, Mapping):
        return {name: np.asarray(v).reshape(-1)[0] for name, v in p0.items()}
    return p0 if p0 is None else np.atleast_2d(np.asarray(p0))[0]


def _starts(model: Callable[..., Any], p0: Any, names: list[str] | None, number: int) -> Any:
    """Return the start values with a row for each set."""
    one = check_start(model, _one_start(p0), names)
    if isinstance(p0, Mapping):
        full = OrderedDict()
        for name in one:
            value = p0[name]
            if np.shape(value) not in ((), (number,)):
                raise InputError(
                    f"p0[{name!r}] must be a number or one for each of {number} sets, got shape "
                    f"{np.shape(value)}"
                )
            full[name] = np.broadcast_to(np.asarray(value, float), (number,))
        return full
    given = one if p0 is None else np.asarray(p0)
    if given.ndim == 2 and len(given) != number:
        raise InputError(f"p0 has {len(given)} rows for {number} sets of data")
    return np.broadcast_to(given, (number, len(one)))

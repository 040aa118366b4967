"""Plots of fitted curves."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from steepest.descent import JointFit
from steepest.descent.inference.fitted_data import FittedData
from steepest.descent.problem.data import Data
from steepest.errors import InputError
from steepest.show.plots.components import given_components, own_components
from steepest.show.plots.figures import (
    BLACK,
    BLUE,
    GRAY,
    OTHER_COLORS,
    few_ticks,
    figure_of,
    new_figure,
    panels_of,
    save,
)
from steepest.show.plots.legends import legend_above

_POINTS = 400
"""Number of points of a curve, besides those of the data."""

_SAME = 1e-3
"""Relative difference of values that solvers of adaptive steps may have."""

_DECADES = 2
_SIZES = 1.5, 4.5
"""Smallest and largest size of the markers of data, in points."""

_MANY = 2000
"""Number of data from which on they are dots, without error bars."""


def plot_fit(
    fit: FittedData,
    path: str | Path | None = None,
    ax: Any = None,
    level: float = 0.95,
    components: Mapping[str, Callable[..., Any]] | None = None,
) -> Any:
    """Plot data, fitted curve and bands, and below them the standardized residuals.

    Parameters
    ----------
    fit
        All or some data of a fit.
    path
        File to write, in the format of its suffix; None returns the figure only.
    ax
        Axes for data and curve, or a pair of which the second is for residuals; those of a new
        figure if None.
    level
        Probability of the bands.
    components
        Functions of x and of parameters, by name.

    Returns
    -------
    matplotlib.figure.Figure
    """
    fit.fit.quantile(level)  # an error for a level that is no probability
    data = fit.data
    above, below = panels_of(ax, path)
    is_of_one = isinstance(data.x, np.ndarray) and data.x.shape == data.y.shape
    draw = _draw_curve if is_of_one else _draw_agreement
    if not is_of_one and components:
        raise InputError("components are drawn over x, which is not one number for each datum")
    legend_above(above, draw(above, fit, data, level, components))
    if below is not None:
        _draw_residuals(below, fit, data, data.x if is_of_one else fit.predict(data.x))
        below.set_xscale(above.get_xscale())
        below.set_xlabel(above.get_xlabel())
        above.set_xlabel("")
        above.tick_params(labelbottom=False)
        above.figure.align_ylabels([above, below])
    return save(figure_of(above), path)


def plot_joint(joint: JointFit, path: str | Path | None = None) -> Any:
    """Plot each data set of a joint fit as :func:`plot_fit` does, side by side."""
    fits = [one.fitted for one in joint.sets]
    figure = new_figure(4.8 * len(fits), 5.6, path)
    panels = figure.subplots(2, len(fits), sharex="col", height_ratios=(3, 1), squeeze=False)
    for number, (fit, column) in enumerate(zip(fits, panels.T, strict=True)):
        plot_fit(fit, ax=column)
        column[0].get_legend().set_title(f"data set {number}", {"size": 10})
    return save(figure, path)


def _draw_curve(
    ax: Any,
    fit: FittedData,
    data: Data,
    level: float,
    components: Mapping[str, Callable[..., Any]] | None,
) -> list[Any]:
    """Draw data, curve, bands and components over x; return legend entries."""
    x, y = data.x.reshape(-1), data.y.reshape(-1)
    if _is_of_decades(x):
        ax.set_xscale("log")
    if _is_of_decades(y):
        ax.set_yscale("log")
    fine, curve = _fine_curve(fit, data)
    entries = [_draw_data(ax, fit, x, y)]
    (line,) = ax.plot(fine, curve, color=BLUE, label="fit", zorder=3)
    entries.append(line)
    for kind, label, alpha in (
        ("mean", "confidence", 0.35),
        ("prediction", "prediction", 0.12),
    ):
        low, high = _band(fit, data, fine, level, kind)
        if np.isfinite(low).any():
            name = f"{level * 100:.4g}% {label}"
            fill = ax.fill_between(
                fine, low, high, color=BLUE, alpha=alpha, linewidth=0, label=name
            )
            entries.append(fill)
    parts = own_components(fit, fine) if components is None else {}
    if components is not None:
        parts = given_components(fit, components, fine)
    for color, (name, values) in zip(OTHER_COLORS * len(parts), parts.items(), strict=False):
        (part,) = ax.plot(fine, values, "--", color=color, linewidth=1.1, label=name)
        entries.append(part)
    _limit_to(ax, y, curve)
    name_x, name_y = axis_labels(data)
    ax.set(xlabel=name_x, ylabel=name_y)
    return entries


def _limit_to(ax: Any, y: np.ndarray, curve: np.ndarray) -> None:
    """Keep bands that are very wide, or reach 0 on a logarithmic axis, from hiding the data."""
    values = np.concatenate([y, curve[np.isfinite(curve)]])
    if ax.get_yscale() == "log":
        values = np.log(values[values > 0])
    extent = np.ptp(values) or 1.0
    low, high = values.min() - extent, values.max() + extent
    if ax.get_yscale() == "log":
        low, high = np.exp(low), np.exp(high)
    now = ax.get_ylim()
    ax.set_ylim(max(low, now[0]), min(high, now[1]))


def _fine_curve(fit: FittedData, data: Data) -> tuple[np.ndarray, np.ndarray]:
    """Return points along x and the curve there; those of the data if it takes no others."""
    x = np.unique(data.x)
    spaced = np.geomspace if _is_of_decades(x) else np.linspace
    fine = spaced(x[0], x[-1], _POINTS, dtype=x.dtype)
    if len(x) < _MANY:
        fine = np.unique(np.concatenate([fine, x]))
    if _takes_other_points(fit, data):
        curve = np.asarray(fit.predict(fine))
        if curve.shape == fine.shape:
            return fine, curve
    order = np.argsort(data.x, axis=None)
    return data.x.reshape(-1)[order], np.reshape(fit.predict(data.x), -1)[order]


def _takes_other_points(fit: FittedData, data: Data) -> bool:
    """Whether the model has the same values at some of its data if the others are missing.

    A model that holds a number for each datum, or that adds up or smooths over them, has not.
    """
    x = data.x.reshape(-1)
    order = np.argsort(x)
    some = np.sort(np.append(order[:-1:2], order[-1]))  # both ends and about half of the others
    expected = np.reshape(fit.predict(data.x), -1)[some]
    try:
        found = np.asarray(fit.predict(x[some]))
    except (ValueError, TypeError, IndexError):  # it has values there: their number is at fault
        return False
    extent = np.ptp(expected) or 1.0
    return found.shape == some.shape and np.allclose(
        found, expected, rtol=_SAME, atol=_SAME * extent, equal_nan=True
    )


def _band(
    fit: FittedData, data: Data, fine: np.ndarray, level: float, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return a band at the points of a curve."""
    order = np.argsort(data.x, axis=None)
    is_of_data = np.array_equal(fine, data.x.reshape(-1)[order])
    sigma = None
    if is_of_data:
        low, high = (np.reshape(end, -1)[order] for end in fit.band(data.x, level, kind))
        return low, high
    if kind == "prediction" and fit.deviations is not None:
        known = fit.deviations.reshape(-1)[order]
        sigma = np.interp(fine, data.x.reshape(-1)[order], known)
    low, high = fit.band(fine, level, kind, sigma)
    return low, high


def _draw_agreement(
    ax: Any, fit: FittedData, data: Data, level: float, components: Any
) -> list[Any]:
    """Draw the data over the fitted values; return legend entries."""
    fitted, y = np.reshape(fit.predict(data.x), -1), data.y.reshape(-1)
    entries = [_draw_data(ax, fit, fitted, y)]
    ends = [min(fitted.min(), y.min()), max(fitted.max(), y.max())]
    (line,) = ax.plot(ends, ends, color=BLUE, label="data = fit", zorder=3)
    ax.set(xlabel="fitted", ylabel=axis_labels(data)[1])
    return [*entries, line]


def _draw_data(ax: Any, fit: FittedData, x: np.ndarray, y: np.ndarray) -> Any:
    """Draw the data, with error bars if their standard deviations are known."""
    settings: dict[str, Any] = {"color": BLACK, "label": "data", "linestyle": "none", "zorder": 2}
    if len(y) > _MANY:
        return ax.plot(x, y, ".", markersize=2, alpha=0.5, rasterized=True, **settings)[0]
    size, sigma = _marker_size(ax, len(y)), fit.deviations
    settings |= {"marker": "o", "markersize": size, "markeredgewidth": 0}
    if sigma is None:
        return ax.plot(x, y, **settings)[0]
    share = size / _SIZES[1]
    return ax.errorbar(
        x, y, sigma.reshape(-1), elinewidth=share, capsize=2 * share, capthick=share, **settings
    )


def _marker_size(ax: Any, number: int) -> float:
    """Return the size of markers in points: half of their distance if they were side by side."""
    width = ax.get_window_extent().width * 72 / ax.figure.dpi
    return float(np.clip(0.5 * width / number, *_SIZES))


def _draw_residuals(ax: Any, fit: FittedData, data: Data, x: np.ndarray) -> None:
    """Draw standardized residuals, or plain ones where their scatter is not known."""
    residuals, label = fit.standardized_residuals, "standardized\nresidual"
    if not np.isfinite(residuals).any():
        residuals, label = np.reshape(data.y - fit.predict(data.x), -1), "residual"
    for height in (-2, 2) if label != "residual" else ():
        ax.axhline(height, color=GRAY, linestyle=":", linewidth=0.8)
    ax.axhline(0, color=BLUE, linewidth=1)
    size = _marker_size(ax, len(residuals))
    ax.plot(x.reshape(-1), residuals, "o", color=BLACK, markersize=size, markeredgewidth=0)
    most = np.nanmax(np.abs(residuals), initial=0.0)
    most = max(most, 2.0) if label != "residual" else most or 1.0
    ax.set_ylim(-1.2 * most, 1.2 * most)
    few_ticks(ax)
    ax.set_ylabel(label, fontsize=9)


def axis_labels(data: Data) -> tuple[str, str]:
    """Return labels of x and y: their own, else the names of the model and its argument."""
    function = getattr(data.model, "model", data.model)
    name_x, name_y = data.labels
    name = getattr(function, "__name__", "")
    if not name_y:
        name_y = name if name.isidentifier() else "y"
    if not name_x:
        try:
            first = next(iter(inspect.signature(function).parameters.values()), None)
        except (TypeError, ValueError):  # without a signature
            first = None
        is_named = first is not None and first.kind is not first.VAR_POSITIONAL
        name_x = first.name if first is not None and is_named else "x"
    return name_x, name_y


def _is_of_decades(values: np.ndarray) -> bool:
    """Whether values are positive and span more than two decades."""
    return bool(values.min() > 0 and values.max() > 10.0**_DECADES * values.min())

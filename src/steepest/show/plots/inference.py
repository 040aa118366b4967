"""Plots of what a fit tells: profiles, joint regions, correlations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.descent.inference.contour import Contour, critical_tau
from steepest.descent.inference.fit import Fit
from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.descent.inference.profile import Profile
from steepest.errors import InputError
from steepest.show.plots.figures import BLUE, GRAY, RED, Line, axes_of, figure_of, new_figure, save
from steepest.show.plots.legends import legend_above, legend_of_figure

AnyFit = Fit | LikelihoodFit

_PANEL = 2.9
"""Width of one of several panels, in inches."""

_TICKS = 3
"""Largest number of intervals between ticks in such a panel, so that long numbers fit."""

_BETWEEN = 20
"""Number of straight pieces that a profile is drawn with between two refits."""

_CELLS, _LETTER = 0.5, 0.64
"""Share of a figure's side that a matrix takes, and width of a letter as a share of its size."""

_LEVEL = 0.99
"""Probability of the interval out to which profiles are followed at least."""


def plot_profile(profile: Profile, ax: Any = None, level: float = 0.95, path: Any = None) -> Any:
    """Plot tau against a parameter, the tangent of the linear model, and an interval.

    Parameters
    ----------
    profile
        The profile.
    ax
        Axes to draw in; a new figure's if None.
    level
        Probability of the interval.
    path
        File to write, or None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ax = axes_of(ax, path)
    legend_above(ax, _draw_profile(ax, profile, level))
    return save(figure_of(ax), path)


def _draw_profile(ax: Any, profile: Profile, level: float) -> list[Any]:
    """Draw a profile; return legend entries."""
    low, high = profile.interval(level)
    goal = profile.fit.quantile(level)
    straight = (profile.values - profile.estimate) / profile.standard_error
    (curve,) = ax.plot(*_smooth(profile.values, profile.tau), color=BLUE, label="profile")
    (line,) = ax.plot(
        profile.values, straight, color=GRAY, linestyle="--", linewidth=1, label="linear model"
    )
    ax.plot(profile.estimate, 0, "o", color=BLUE, markersize=5)
    for end, tau in ((low, -goal), (high, goal)):
        ax.axhline(tau, color=GRAY, linewidth=0.6)
        if math.isfinite(end):
            ax.plot([end, end], [0, tau], color=RED, linewidth=1)
    ax.axhline(0, color=GRAY, linewidth=0.6)
    ax.set_xlim(*_shown(profile, goal))
    ax.set_ylim(-1.5 * goal, 1.5 * goal)
    ax.set_xlabel(profile.name)
    ax.set_ylabel("tau")
    ends = Line([], [], color=RED, linewidth=1, label=f"{level * 100:.4g}% interval")
    return [curve, line, ends]


def _smooth(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return many points of a curve through few, which rises where they rise."""
    from scipy.interpolate import PchipInterpolator

    is_finite = np.isfinite(x) & np.isfinite(y)
    x, first = np.unique(x[is_finite], return_index=True)
    y = y[is_finite][first]
    if len(x) < 2:
        return x, y
    number = np.arange(len(x))
    fine = np.interp(np.linspace(0, number[-1], _BETWEEN * number[-1] + 1), number, x)
    return fine, PchipInterpolator(x, y)(fine)


def _shown(profile: Profile, goal: float) -> tuple[float, float]:
    """Return the values out to somewhat beyond an interval, or not too far on an open side."""
    is_near = ~(np.abs(profile.values - profile.estimate) > 3 * goal * profile.standard_error)
    is_inside = np.abs(profile.tau) < 1.1 * goal
    at = np.flatnonzero(is_inside & (is_near | (np.abs(profile.tau[[0, -1]]).min() > goal)))
    first, last = max(at[0] - 1, 0), min(at[-1] + 1, len(profile.values) - 1)
    return float(profile.values[first]), float(profile.values[last])


def plot_profile_of(fit: AnyFit, name: str | int, ax: Any, level: float, path: Any = None) -> Any:
    """Plot the profile of a parameter of a fit; it is followed beyond the interval of a level."""
    return plot_profile(_followed(fit, name, level), ax, level, path)


def _followed(fit: AnyFit, name: str | int, level: float) -> Profile:
    """Return a profile that is followed beyond the interval of a level."""
    fit.quantile(level)  # an error for a level that is no probability
    return fit.profile(name, max(_LEVEL, level))


def plot_profiles(fit: AnyFit, level: float, path: Any = None) -> Any:
    """Plot the profiles of all parameters that have one, side by side."""
    names = _profiled(fit)
    if not names:
        raise InputError("no parameter has a profile")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = new_figure(_PANEL * columns, _PANEL * rows, path)
    panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
    entries: list[Any] = []
    for panel, name in zip(panels, names, strict=False):
        entries = _draw_profile(panel, _followed(fit, name, level), level)
        panel.locator_params(axis="x", nbins=_TICKS)
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    legend_of_figure(figure, entries)
    return save(figure, path)


def _profiled(fit: AnyFit) -> list[str]:
    depends = np.count_nonzero(fit.value_slopes, axis=1)
    return [name for name, count in zip(fit.names, depends, strict=True) if count == 1]


def _independent(fit: AnyFit) -> list[str]:
    """Return a parameter that has a profile for each free one; a tied one if there is no other."""
    chosen: dict[int, str] = {}
    for is_tied in (False, True):
        for name, slopes, kind in zip(fit.names, fit.value_slopes, fit.kinds, strict=True):
            depends = np.flatnonzero(slopes)
            if len(depends) == 1 and (kind == "tied") == is_tied:
                chosen.setdefault(int(depends[0]), name)
    return [name for name in fit.names if name in chosen.values()]


def plot_contour(
    contour: Contour,
    ax: Any = None,
    levels: Sequence[float] = (0.6827, 0.95),
    path: Any = None,
) -> Any:
    """Plot the edges of joint regions, and the ellipses of the linear model.

    Parameters
    ----------
    contour
        The joint region on a grid.
    ax
        Axes to draw in; a new figure's if None.
    levels
        Probabilities of the regions.
    path
        File to write, or None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    ax = axes_of(ax, path)
    check_levels(levels)
    legend_above(ax, _draw_contour(ax, contour, levels))
    return save(figure_of(ax), path)


def _draw_contour(ax: Any, contour: Contour, levels: Sequence[float]) -> list[Any]:
    """Draw joint regions; return legend entries."""
    levels = sorted(levels)
    edges = [contour.edge(level) for level in levels]
    for level, edge in zip(levels, edges, strict=True):
        top = edge[np.argmax(edge[:, 1])]
        ax.annotate(
            f"{level:.4g}",
            top,
            (0, 1),
            textcoords="offset points",
            ha="center",
            fontsize=7,
            color=BLUE,
        )
        ax.fill(*edge.T, facecolor=BLUE, alpha=0.15, linewidth=0)
        ax.plot(*np.vstack([edge, edge[:1]]).T, color=BLUE, linewidth=1.2)
    _plot_ellipses(ax, contour, levels)
    (estimate,) = ax.plot(*contour.estimate, "+", color=RED, markersize=9, label="fit")
    low, high = edges[-1].min(axis=0), edges[-1].max(axis=0)
    margin = 0.08 * (high - low)
    ax.set_xlim(low[0] - margin[0], high[0] + margin[0])
    ax.set_ylim(low[1] - margin[1], high[1] + 1.3 * margin[1])
    ax.set_xlabel(contour.names[0])
    ax.set_ylabel(contour.names[1])
    region = Line([], [], color=BLUE, linewidth=1.2, label="joint region")
    ellipse = Line([], [], color=GRAY, linestyle="--", linewidth=0.8, label="linear model")
    return [estimate, region, ellipse]


def check_levels(levels: Sequence[float]) -> None:
    """Raise unless levels are one or more probabilities."""
    if not len(levels) or not all(0 < level < 1 for level in levels):
        raise InputError(f"levels must be probabilities between 0 and 1, got {levels!r}")


def _plot_ellipses(ax: Any, contour: Contour, levels: Sequence[float]) -> None:
    if not np.isfinite(contour.covariance).all():
        return
    angle = np.linspace(0, 2 * np.pi, 200)
    circle = np.linalg.cholesky(contour.covariance) @ np.stack([np.cos(angle), np.sin(angle)])
    for level in levels:
        x, y = np.array(contour.estimate)[:, None] + critical_tau(contour.fit, level) * circle
        ax.plot(x, y, color=GRAY, linestyle="--", linewidth=0.8)


def plot_contours(fit: AnyFit, levels: Sequence[float], path: Any = None) -> Any:
    """Plot the joint regions of all pairs of parameters, and the profiles on the diagonal."""
    check_levels(levels)
    names = _independent(fit)
    if len(names) < 2:
        raise InputError("contours need two free parameters that have a profile")
    count = len(names)
    figure = new_figure(_PANEL * count, _PANEL * count, path)
    panels = figure.subplots(count, count, squeeze=False, sharex="col")
    entries: list[Any] = []
    for j, name in enumerate(names):
        diagonal = panels[j, j]
        _draw_profile(diagonal, fit.profile(name), 0.95)
        diagonal.yaxis.tick_right()
        diagonal.yaxis.set_label_position("right")
        if j < count - 1:
            diagonal.tick_params(labelbottom=False)
            diagonal.set_xlabel("")
        for i in range(j + 1, count):
            if j > 0:
                panels[i, j].sharey(panels[i, 0])
            contour = fit.contour(name, names[i], max(levels))
            entries = _draw_contour(panels[i, j], contour, levels)
            panels[i, j].label_outer()
        for i in range(j):
            panels[i, j].set_axis_off()
    for panel in panels.flat:
        panel.tick_params(labelsize=8)
        panel.locator_params(axis="x", nbins=_TICKS)
    legend_of_figure(figure, entries)
    return save(figure, path)


def plot_correlation(fit: AnyFit, ax: Any = None, path: Any = None) -> Any:
    """Plot the correlations of the parameters as a matrix of colors and numbers.

    Parameters
    ----------
    fit
        The fit.
    ax
        Axes to draw in; a new figure's if None.
    path
        File to write, or None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    count = len(fit.names)
    side = max(3.2, 0.6 * count + 1.5)
    ax = axes_of(ax, path, width=side + 0.8, height=side)
    image = ax.imshow(fit.correlation, cmap="RdBu_r", vmin=-1, vmax=1)
    cell = 72 * _CELLS * min(figure_of(ax).get_size_inches()) / count
    is_narrow = max(map(len, fit.names)) * _LETTER * 10 > cell
    ax.set_xticks(range(count), fit.names, rotation=90 if is_narrow else 0)
    ax.set_yticks(range(count), fit.names)
    size = min(9.0, cell / (_LETTER * len("-0.99")))
    for (i, j), value in np.ndenumerate(np.round(fit.correlation, 2) + 0.0):  # no -0.00
        color = "white" if abs(value) > 0.6 else "black"
        ax.text(j, i, f"{value:.2f}", ha="center", va="center", color=color, fontsize=size)
    ax.figure.colorbar(image, ax=ax, label="correlation", shrink=0.85)
    return save(figure_of(ax), path)

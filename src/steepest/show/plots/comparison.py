"""Plots of several descents of one loss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steepest.descent import MethodComparison, Result
from steepest.errors import InputError
from steepest.show.plots.contours import (
    draw_contours,
    draw_limits,
    draw_path,
    grid_around,
    own_plane,
)
from steepest.show.plots.descents import recorded_path
from steepest.show.plots.figures import (
    COLORS,
    Line,
    axes_of,
    figure_of,
    new_figure,
    save,
    set_log_y,
)
from steepest.show.plots.legends import legend_above, legend_of_figure

_LOWEST = 1e-18
"""The lowest loss that is shown, relative to the highest one."""


def plot_methods(
    comparison: MethodComparison, path: str | Path | None = None, ax: Any = None
) -> Any:
    """Plot several descents: paths on contours for two parameters, losses by cost.

    Parameters
    ----------
    comparison
        The descents.
    path
        File to write, in the format of its suffix; None returns the figure only.
    ax
        Axes to draw one panel in; a new figure's if None.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If the runs have no history.
    """
    runs = comparison.runs
    if not all(len(run.history) for run in runs):
        raise InputError("these runs have no history to plot: compare with record='auto'")
    paths = [recorded_path(run, run.look_around() if run.look_around else None) for run in runs]
    found = [points for points in paths if points is not None and points.shape[1] == 2]
    has_paths = len(found) == len(runs)
    if ax is not None:
        ax = axes_of(ax)
        if has_paths:
            legend_above(ax, _draw_paths(ax, comparison, found))
        else:
            _draw_losses(ax, comparison, of_time=False)
            legend_above(ax, _entries(comparison))
        return save(figure_of(ax), path)
    figure = new_figure(10 if has_paths else 8, 4.8 if has_paths else 4, path)
    if has_paths:
        left, right = figure.subfigures(1, 2, width_ratios=(1.5, 1))
        _draw_paths(left.subplots(), comparison, found)
        panels = right.subplots(2, 1)
    else:
        panels = figure.subplots(1, 2, sharey=True)
    for panel, of_time in zip(panels, (False, True), strict=True):
        _draw_losses(panel, comparison, of_time)
    if not has_paths:
        panels[1].set_ylabel("")
    legend_of_figure(figure, _entries(comparison))
    return save(figure, path)


def _entries(comparison: MethodComparison) -> list[Any]:
    """Return a legend entry for each descent."""
    return [
        Line([], [], color=_color(i), label=name, marker="*", ms=8)
        for i, name in enumerate(comparison.names)
    ]


def _color(i: int) -> str:
    return COLORS[i % len(COLORS)]


def _draw_paths(ax: Any, comparison: MethodComparison, paths: list[np.ndarray]) -> list[Any]:
    """Draw the paths of all descents on the contours of the loss; return legend entries."""
    first, limits = comparison.runs[0], list[Any]()
    landscape = first.look_around() if first.look_around else None
    plane = own_plane(("x[0]", "x[1]") if landscape is None else landscape.names)
    if landscape is not None:
        grid = grid_around(landscape, plane, np.concatenate(paths))
        if grid is not None:
            draw_contours(ax, grid, min(run.loss for run in comparison.runs))
            limits = draw_limits(ax, grid)
            ax.set(xlim=grid.x[[0, -1]], ylim=grid.y[[0, -1]])
    for i, points in enumerate(paths):
        draw_path(ax, points if landscape is None else landscape.shown(points), _color(i))
    ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    return [*_entries(comparison), *limits]


def _draw_losses(ax: Any, comparison: MethodComparison, of_time: bool) -> None:
    """Draw the losses of all descents by evaluations or by time."""
    least = min(_least(run) for run in comparison.runs)
    offset = 0.0 if least > 0 else least
    lengths = []
    for i, run in enumerate(comparison.runs):
        cost = run.history.evaluations
        if of_time:
            cost = cost * (run.timings.run * 1e3 / max(run.evaluations, 1))
        heights = run.history.loss - offset
        heights = np.where(heights > 0, heights, np.nan)
        marker = "." if len(heights) <= 60 else None
        ax.plot(cost, heights, color=_color(i), marker=marker, ms=4, linewidth=1.2)
        lengths.append(cost[-1])
    set_log_y(ax)
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, high * _LOWEST), high)
    if max(lengths) > 30 * min(lengths):
        ax.set_xscale("log")
    ax.set_ylabel("loss" if offset == 0 else "loss - minimum", fontsize=9)
    ax.set_xlabel("milliseconds" if of_time else "evaluations of loss and gradient", fontsize=9)
    ax.tick_params(labelsize=8)


def _least(run: Result) -> float:
    return float(np.min(run.history.loss, initial=run.loss, where=np.isfinite(run.history.loss)))

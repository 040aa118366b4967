"""Plots of one descent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steepest.descent import Result
from steepest.descent.results.landscape import Landscape
from steepest.descent.results.status import Status
from steepest.errors import InputError
from steepest.show.plots.contours import (
    draw_contours,
    draw_curve,
    draw_limits,
    draw_path,
    grid_around,
    has_even_logarithms,
    own_plane,
    plane_of_path,
)
from steepest.show.plots.figures import (
    BLACK,
    BLUE,
    MOST,
    MaxNLocator,
    axes_of,
    figure_of,
    new_figure,
    save,
    set_log_y,
)
from steepest.show.plots.legends import legend_above
from steepest.show.plots.scale import before_it_diverged


def plot(run: Result, path: str | Path | None = None, ax: Any = None) -> Any:
    """Plot a descent: the loss around its path, and its history.

    Parameters
    ----------
    run
        A finished descent with a history.
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
        If the run has no history.
    """
    if not len(run.history):
        raise InputError("this run has no history to plot: minimize with record='auto' or 'all'")
    landscape = None if run.look_around is None else run.look_around()
    points = recorded_path(run, landscape)
    if ax is not None:
        ax = axes_of(ax)
        if points is not None and points.shape[1] <= 2:
            plot_path(ax, run, landscape, points)
        else:
            plot_column(ax, run, "loss")
            ax.set_xlabel("iteration")
        return save(figure_of(ax), path)
    has_plane = points is not None and len(points) > 1
    if points is not None and points.shape[1] > 2:
        has_plane = landscape is not None and plane_of_path(points) is not None
    figure = new_figure(10 if has_plane else 7, 4.8, path)
    if has_plane and points is not None:
        left, right = figure.subfigures(1, 2, width_ratios=(1.5, 1))
        plot_path(left.subplots(), run, landscape, points)
    else:
        right = figure
    _plot_history(right, run)
    figure.suptitle(title_of(run), fontsize=10)
    return save(figure, path)


def title_of(run: Result) -> str:
    """Return a descent in a few words."""
    method, end = type(run.method).__name__, f"to loss {run.loss:.6g}"
    if run.status is Status.DIVERGED:
        end = f"until it diverged, at loss {run.loss:.6g}"
    return f"{method}, {run.iterations:,} iterations {end}"


def recorded_path(run: Result, landscape: Landscape | None) -> np.ndarray | None:
    """Return the recorded points that can be drawn, as vectors, shape (k, n); None without any."""
    path = landscape.path if landscape is not None else run.history.x
    if not isinstance(path, np.ndarray) or path.ndim not in (1, 2):
        return None
    path = path.reshape(len(path), -1)
    path = path[np.isfinite(path).all(axis=1)]
    return before_it_diverged(path, run.status is Status.DIVERGED) if len(path) else None


def plot_path(ax: Any, run: Result, landscape: Landscape | None, path: np.ndarray) -> None:
    """Plot the path on the loss around it."""
    if path.shape[1] == 1 and landscape is not None:
        entries, points = draw_curve(ax, landscape, path)
        legend_above(ax, [*entries, *_drawn(ax, run, points)])
        return
    if path.shape[1] == 1:
        points = np.column_stack([path[:, 0], run.history.loss[: len(path)]])
        entries = _drawn(ax, run, points)
        ax.set(xlabel="x", ylabel="loss")
        legend_above(ax, entries)
        return
    plane = own_plane(("x[0]", "x[1]") if landscape is None else landscape.names)
    if path.shape[1] > 2:
        found = plane_of_path(path)
        assert found is not None, "checked by the caller"
        plane = found
    coordinates = plane.coordinates(path)
    grid = None if landscape is None else grid_around(landscape, plane, coordinates)
    limits: list[Any] = []
    if grid is not None:
        draw_contours(ax, grid, run.loss)
        limits = draw_limits(ax, grid)
    is_own = path.shape[1] == 2 and landscape is not None
    shown = landscape.shown(path) if is_own and landscape is not None else coordinates
    entries = _drawn(ax, run, shown)
    if grid is not None:
        for values, set_scale in ((grid.x, ax.set_xscale), (grid.y, ax.set_yscale)):
            if has_even_logarithms(values):  # of a positive parameter
                set_scale("log")
        ax.set(xlim=grid.x[[0, -1]], ylim=grid.y[[0, -1]])
    ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1])
    legend_above(ax, [*entries, *limits])


def _drawn(ax: Any, run: Result, path: np.ndarray) -> list[Any]:
    """Draw the path of a descent, and say so if it diverged; return legend entries."""
    entries = draw_path(ax, path)
    if run.status is Status.DIVERGED:
        entries[-1].set_label("diverged")
    return entries


_MODERATE = 1e100
"""Numbers of both signs up to this are drawn on a linear axis."""

_COLUMNS = {"loss": "loss", "gradient_norm": "gradient norm", "step_length": "step length"}


def plot_column(ax: Any, run: Result, name: str) -> None:
    """Plot a column of the history by iteration, on a logarithmic scale if it is positive."""
    iteration, values = run.history.iteration, np.asarray(getattr(run.history, name), np.float64)
    if name == "step_length":
        iteration, values = iteration[1:], values[1:]  # there is no step to the start
    steps = epoch_length(run)
    fine = {"color": BLUE, "linewidth": 0.5, "alpha": 0.5} if steps else {"color": BLUE}
    marker = "." if len(values) <= 60 else None
    finite = values[np.isfinite(values)]
    positive = finite[finite > 0]
    if finite.size and np.abs(finite).max() > _MODERATE and (finite < 0).any():
        ax.set_autoscaley_on(False)
        ax.set_ylim(*np.clip([finite.min(), finite.max()], -(10.0**MOST), 10.0**MOST))
        ax.set_yscale("symlog")
    ax.plot(iteration, values, marker=marker, markersize=4, **fine)
    if steps and name == "loss":
        ends, means = epoch_means(run)
        ax.plot(ends, means, color=BLACK, linewidth=1.3, label="mean of the epoch")
        legend_above(ax, ax.lines[1:])
    if positive.size and (finite >= 0).all() and positive.max() > 20 * positive.min():
        set_log_y(ax)
        low, high = np.log10([positive.min(), positive.max()])
        margin = 0.05 * (high - low)
        ax.set_ylim(*10.0 ** np.clip([low - margin, high + margin], -MOST, MOST))
    ax.set_ylabel(_COLUMNS[name], fontsize=9)
    ax.tick_params(labelsize=8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def epoch_length(run: Result) -> int:
    """Return the number of iterations in an epoch; 0 without batches."""
    landscape = None if run.look_around is None else run.look_around()
    plan = None if landscape is None else landscape.problem.plan
    return 0 if plan is None else plan.steps_per_epoch


def epoch_means(run: Result) -> tuple[np.ndarray, np.ndarray]:
    """Return the iterations at which epochs ended, and the mean loss of the batches of each."""
    epoch = run.history.iteration // epoch_length(run)
    sums, counts = np.bincount(epoch, run.history.loss), np.bincount(epoch)
    seen = np.flatnonzero(counts)
    return (seen + 1) * epoch_length(run), sums[seen] / counts[seen]


def _plot_history(figure: Any, run: Result) -> None:
    panels = figure.subplots(len(_COLUMNS), 1, sharex=True)
    for ax, name in zip(panels, _COLUMNS, strict=True):
        plot_column(ax, run, name)
    panels[-1].set_xlabel("iteration")
    figure.align_ylabels(panels)

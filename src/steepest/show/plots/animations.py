"""Films of descents."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from steepest.descent import Result
from steepest.descent.results.landscape import Landscape
from steepest.errors import EngineUnavailableError, InputError
from steepest.files import write_atomically
from steepest.show.plots.contours import (
    draw_contours,
    draw_curve,
    draw_limits,
    grid_around,
    own_plane,
)
from steepest.show.plots.descents import epoch_length, epoch_means, recorded_path, title_of
from steepest.show.plots.figures import (
    BLUE,
    RED,
    Figure,
    MaxNLocator,
    animation,
    keep_still,
    new_figure,
    rc_context,
    set_log_y,
    suffix_of,
)
from steepest.show.plots.legends import legend_above

_FORMATS = ("gif", "html", "mp4")
_FRAMES, _END = 60, 12
"""Largest number of frames of the descent, and number of frames that show its end."""

_DPI = 80


def animate(run: Result, path: Any, seconds: float, metric: Any, name: str) -> Path:
    """Write a film of a descent.

    Parameters
    ----------
    run
        The descent.
    path
        File to write, ``.gif``, ``.html`` or ``.mp4``.
    seconds
        How long it lasts.
    metric, name
        Numbers to show below the loss, and what they are; None for none.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the file's format or an argument is not known, or the run has no history.
    EngineUnavailableError
        If the format needs ffmpeg, which is not installed.
    """
    suffix = suffix_of(path, _FORMATS)
    if suffix == "mp4" and shutil.which("ffmpeg") is None:
        raise EngineUnavailableError(
            "an mp4 needs the program ffmpeg, which is not installed: write a .gif or .html, or "
            "install it (apt install ffmpeg, brew install ffmpeg, conda install ffmpeg)"
        )
    if not seconds > 0:
        raise InputError(f"seconds must be positive, got {seconds!r}")
    if not len(run.history):
        raise InputError("this run has no history to show: minimize with record='auto' or 'all'")
    figure, draw, count = _scene(run, metric, name)
    figure.set_dpi(_DPI)
    keep_still(figure, draw(count - 1))
    numbers = np.unique(np.linspace(0, count - 1, min(count, _FRAMES)).round().astype(int))
    frames = [*numbers.tolist(), *[count - 1] * _END]
    film = animation.FuncAnimation(
        figure, draw, frames, interval=1000 * seconds / len(frames), cache_frame_data=False
    )
    rate = max(1, round(len(frames) / seconds))
    with rc_context({"savefig.dpi": "figure", "savefig.bbox": None}):
        write_atomically(Path(path), _encoded(film, suffix, rate))
    return Path(path)


def _encoded(film: Any, suffix: str, rate: int) -> bytes:
    """Return a film as the bytes of a file."""
    if suffix == "html":
        head = '<!DOCTYPE html>\n<html><head><meta charset="utf-8"><title>Descent</title></head>'
        page = _without_links(film.to_jshtml(fps=rate, default_mode="loop"))
        return f"{head}\n<body>\n{page}\n</body></html>\n".encode()
    writer: Any = animation.PillowWriter(fps=rate)
    if suffix == "mp4":
        writer = animation.FFMpegWriter(fps=rate, extra_args=["-pix_fmt", "yuv420p"])
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, f"film.{suffix}")
        film.save(file, writer=writer)
        return Path(file).read_bytes()


_ICONS = {
    "minus": "\u2212",
    "fast-backward": "\u23ee",
    "step-backward": "\u23f4",
    "play fa-flip-horizontal": "\u25c0",
    "pause": "\u23f8",
    "play": "\u25b6",
    "step-forward": "\u23f5",
    "fast-forward": "\u23ed",
    "plus": "+",
}
"""Signs for the buttons of matplotlib's page, whose own are in a font on the network."""


def _without_links(page: str) -> str:
    """Return a page that needs no other file."""
    page = re.sub(r"<link[^>]*font-awesome[^>]*>", "", page)
    return re.sub(
        r'<i class="fa fa-([\w -]+)"></i>', lambda found: _ICONS.get(found[1], found[1]), page
    )


_Scene = tuple[Any, Callable[[int], list[Any]], int]
"""A figure, what draws a frame in it, and the number of points of the film."""


def _scene(run: Result, metric: Any, name: str) -> _Scene:
    """Return the scene of a film: the path where it can be drawn, else the loss."""
    landscape = None if run.look_around is None else run.look_around()
    path = recorded_path(run, landscape)
    if metric is None and path is not None and path.shape[1] <= 2 and landscape is not None:
        return _moving_point(run, landscape, path)
    return _growing_lines(run, metric, name)


def _moving_point(run: Result, landscape: Landscape, path: np.ndarray) -> _Scene:
    """Return the scene of a path that grows on the curve or the contours of the loss."""
    figure = new_figure(7, 5, path="file")
    ax = figure.subplots()
    if path.shape[1] == 1:
        limits, shown = draw_curve(ax, landscape, path)
    else:
        grid = grid_around(landscape, own_plane(landscape.names), path)
        shown, limits = landscape.shown(path), []
        if grid is not None:
            draw_contours(ax, grid, run.loss)
            limits = draw_limits(ax, grid)
            ax.set(xlim=grid.x[[0, -1]], ylim=grid.y[[0, -1]])
        ax.set(xlabel=landscape.names[0], ylabel=landscape.names[1])
    marker = "." if len(path) <= 200 else None
    (line,) = ax.plot([], [], color=RED, linewidth=1.3, marker=marker, ms=4, label="steps")
    (point,) = ax.plot([], [], "o", color=RED, ms=8, mec="white", label="now")
    legend_above(ax, [line, point, *limits])
    title = figure.suptitle(title_of(run), fontsize=10)
    iterations, losses = run.history.iteration, run.history.loss

    def draw(i: int) -> list[Any]:
        line.set_data(*shown[: i + 1].T)
        point.set_data(*shown[i : i + 1].T)
        title.set_text(f"iteration {iterations[i]:,}: loss {losses[i]:.4g}")
        return [line, point, title]

    return figure, draw, len(path)


def _places(count: int, iterations: int, x: np.ndarray, steps: int) -> np.ndarray:
    """Return where numbers were noted: at the points of x, after each iteration, or evenly."""
    if count == len(x):
        return x
    if count == iterations:
        return np.arange(1, iterations + 1) / (steps or 1)
    return np.linspace(x[0], x[-1], count)


def _growing_lines(run: Result, metric: Any, name: str) -> _Scene:
    """Return the scene of a loss by iteration, or by epoch, and of a metric below it."""
    steps = epoch_length(run)
    x, losses = run.history.iteration, run.history.loss
    if steps:
        ends, losses = epoch_means(run)
        x = ends / steps
    columns = [("loss", x, losses)]
    if metric is not None:
        values = np.asarray(metric, np.float64)
        if values.ndim != 1 or not len(values):
            raise InputError(f"metric must be a list of numbers, got shape {values.shape}")
        columns.append((name, _places(len(values), run.iterations, x, steps), values))
    figure: Figure = new_figure(7, 2.4 + 1.6 * len(columns), path="file")
    panels = figure.subplots(len(columns), 1, sharex=True, squeeze=False)[:, 0]
    lines = []
    for ax, (label, at, values) in zip(panels, columns, strict=True):
        ax.plot(at, values, color=BLUE, linewidth=0.8, alpha=0.25)
        if label == "loss" and (values[np.isfinite(values)] > 0).all():
            set_log_y(ax)
        lines.append(ax.plot([], [], color=RED)[0])
        ax.set_ylabel(label)
    panels[-1].set_xlabel("epoch" if steps else "iteration")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    title = figure.suptitle(title_of(run), fontsize=10)
    count = len(x)

    def draw(i: int) -> list[Any]:
        for line, (_, at, values) in zip(lines, columns, strict=True):
            seen = at <= x[i]
            line.set_data(at[seen], values[seen])
        what = "epoch" if steps else "iteration"
        title.set_text(f"{what} {x[i]:,.0f}: loss {losses[i]:.4g}")
        return [*lines, title]

    return figure, draw, count

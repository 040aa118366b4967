"""Plots of descents."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from steepest.descent import Fit, Result
from steepest.errors import EngineUnavailableError, InputError
from steepest.files import write_atomically


def import_matplotlib() -> Any:
    """Return matplotlib's ``figure`` module; this is the only place that imports it.

    Raises
    ------
    EngineUnavailableError
        If it is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise EngineUnavailableError(
            "plots need matplotlib, which is not installed: pip install 'steepest[plot]'"
        ) from error


def plot(run: Result, path: str | Path | None = None) -> Any:
    """Plot a descent's loss, and its path on the loss's contours if x has two numbers.

    Parameters
    ----------
    run
        A finished descent with a history.
    path
        File to write, in the format of its suffix; None returns the figure only.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = import_matplotlib().Figure(figsize=(10, 4), layout="constrained")
    has_path = isinstance(run.history.x, np.ndarray) and run.history.x.shape[1:] == (2,)
    axes = figure.subplots(1, 2 if has_path else 1, squeeze=False)[0]
    _plot_loss(axes[0], run)
    if has_path:
        _plot_path(axes[1], run)
    _save(figure, path)
    return figure


def plot_fit(fit: Fit, path: str | Path | None = None) -> Any:
    """Plot data, fitted curve and its 95% band, and below them the residuals.

    Parameters
    ----------
    fit
        A fit of a model of one variable.
    path
        File to write, in the format of its suffix; None returns the figure only.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If x is not one variable, of the shape of y.
    """
    data = fit.data
    if data is None or not isinstance(data.x, np.ndarray) or data.x.shape != data.y.shape:
        raise InputError("a plot of a fit needs x of the shape of y, one number for each point")
    figure = import_matplotlib().Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    fine = np.linspace(data.x.min(), data.x.max(), 200, dtype=data.x.dtype)
    low, high = fit.band(fine)
    above.fill_between(fine, low, high, color="#1f5fa8", alpha=0.2, linewidth=0)
    above.plot(fine, fit.predict(fine), color="#1f5fa8")
    above.plot(data.x, data.y, "o", color="#333333", markersize=4)
    below.axhline(0, color="#1f5fa8")
    below.plot(data.x, data.y - fit.predict(data.x), "o", color="#333333", markersize=4)
    below.set_ylabel("residual")
    _save(figure, path)
    return figure


def _save(figure: Any, path: str | Path | None) -> None:
    if path is not None:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=Path(path).suffix.lstrip(".") or "png")
        write_atomically(Path(path), buffer.getvalue())


def _plot_loss(axes: Any, run: Result) -> None:
    loss = run.history.loss
    axes.plot(run.history.iteration, loss, color="#1f5fa8")
    if len(loss) and np.all(loss[np.isfinite(loss)] > 0):
        axes.set_yscale("log")
    axes.set_xlabel("iteration")
    axes.set_ylabel("loss")
    axes.set_title(f"{run.iterations} iterations on the engine {run.engine}")


def _plot_path(axes: Any, run: Result) -> None:
    path = run.history.x
    path = path[np.isfinite(path).all(axis=1)]
    low, high = path.min(axis=0), path.max(axis=0)
    margin = 0.35 * np.maximum(high - low, 1e-3)
    xs, ys = (
        np.linspace(start - extra, end + extra, 121)
        for start, end, extra in zip(low, high, margin, strict=True)
    )
    if not run.graph.captured and len(run.graph.inputs) == 1:
        dtype = run.graph.inputs[0].dtype
        points = np.stack(np.meshgrid(xs, ys), axis=-1).astype(dtype)
        losses = np.array([[float(run.graph(point)[0]) for point in row] for row in points])
        positive = losses - np.nanmin(losses) + 1e-12
        levels = np.quantile(positive, np.linspace(0, 1, 24) ** 2)
        axes.contour(xs, ys, positive, levels=np.unique(levels), cmap="viridis", linewidths=0.7)
    axes.plot(path[:, 0], path[:, 1], color="#c23b22", linewidth=1.6)
    axes.plot(*path[0], "o", color="#c23b22", label="start")
    axes.plot(*path[-1], "*", color="#c23b22", markersize=12, label="end")
    axes.set_xlabel("x[0]")
    axes.set_ylabel("x[1]")
    axes.legend()

"""Plots of maximum-likelihood fits: data and fitted density, else profiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.inference.likelihood import LikelihoodFit
from steepest.errors import InputError
from steepest.show.plots.figures import BLACK, BLUE, GRAY, few_ticks, figure_of, panels_of, save
from steepest.show.plots.inference import plot_profiles
from steepest.show.plots.legends import legend_above

_POINTS = 2001
"""Number of points at which a density is computed."""

_BEYOND = 1.0
"""How far beyond the data a density is computed, as a share of their range."""

_DISTINCT = 300
"""Largest range of whole numbers that are drawn one by one."""

_TOTAL = 0.02
"""How far from 1 the total of a density may be: beyond, it is none."""


class Density(NamedTuple):
    """A fitted density.

    Attributes
    ----------
    data
        The data, sorted.
    at, heights
        Points, and the density there; probabilities if the data are whole numbers.
    below
        Probability of values up to each point.
    is_of_counts
        Whether the data are whole numbers.
    """

    data: np.ndarray
    at: np.ndarray
    heights: np.ndarray
    below: np.ndarray
    is_of_counts: bool

    @property
    def quantiles(self) -> np.ndarray:
        """Where the density has each datum, by its rank."""
        shares = (np.arange(len(self.data)) + 0.5) / len(self.data)
        rising = np.concatenate([[True], np.diff(self.below) > 0])
        return np.asarray(np.interp(shares, self.below[rising], self.at[rising]))


def fitted_density(fit: LikelihoodFit) -> Density | None:
    """Return the density of a fit; None if its data are not numbers that each have one."""
    data = fit.data
    if not isinstance(data, np.ndarray) or data.ndim != 1 or not np.isfinite(data).all():
        return None
    data = np.sort(data.astype(np.float64))
    low, high = data[[0, -1]]
    is_of_counts = bool((data == np.round(data)).all()) and high - low <= _DISTINCT
    room = _BEYOND * (high - low) or 1.0
    if is_of_counts:
        at = np.arange(low - np.ceil(room), high + np.ceil(room) + 1)
    else:
        at = np.linspace(low - room, high + room, _POINTS)
    try:
        with np.errstate(all="ignore"):
            heights = np.exp(np.asarray(fit.objective.densities(fit.x, at), np.float64))
    except (ValueError, TypeError, IndexError):  # it holds a number for each datum
        return None
    heights = np.where(np.isfinite(heights), heights, 0.0)
    if heights.shape != at.shape:
        return None
    steps = heights if is_of_counts else (heights[1:] + heights[:-1]) / 2 * np.diff(at)
    below = np.cumsum(steps) if is_of_counts else np.concatenate([[0.0], np.cumsum(steps)])
    if not abs(below[-1] - 1) <= _TOTAL:
        return None
    return Density(data, at, heights, below, is_of_counts)


def plot_likelihood(fit: LikelihoodFit, path: str | Path | None = None, ax: Any = None) -> Any:
    """Plot data and density, or the profiles of all parameters, or the descent.

    Parameters
    ----------
    fit
        The fit.
    path
        File to write, in the format of its suffix; None returns the figure only.
    ax
        Axes for data and density, or a pair of which the second is for quantiles; those of a new
        figure if None.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    InputError
        If axes are given, but there is no density to draw in them.
    """
    density = fitted_density(fit)
    if density is not None:
        above, below = panels_of(ax, path)
        legend_above(above, _draw_density(above, density))
        if below is not None:
            (_draw_residuals if density.is_of_counts else _draw_quantiles)(below, density)
            few_ticks(below)
        return save(figure_of(above), path)
    if ax is not None:
        raise InputError(
            "there is no density to draw in these axes, because the data are not one array of "
            "numbers or the density does not add up to 1: leave ax out, or name a parameter in "
            "fit.plot_profile"
        )
    if fit.remarks or not np.isfinite(fit.covariance).all():
        return fit.run.plot(path)
    return plot_profiles(fit, 0.95, path)


def _draw_density(ax: Any, density: Density) -> list[Any]:
    """Draw a histogram of the data and the density; return legend entries."""
    data, shown = density.data, density.heights > 1e-3 * density.heights.max()
    if density.is_of_counts:
        values, counts = np.unique(data, return_counts=True)
        bars = ax.bar(values, counts / len(data), 0.8, color=GRAY, alpha=0.5, label="data")
        (line,) = ax.plot(
            density.at[shown], density.heights[shown], "o-", color=BLUE, ms=4, linewidth=1,
            label="fitted probability",
        )  # fmt: skip
        ax.set_ylabel("probability")
        return [bars, line]
    edges = np.histogram_bin_edges(data, "auto" if np.ptp(data) else 1)
    shares, edges = np.histogram(data, edges, density=True)
    bars = ax.stairs(shares, edges, fill=True, color=GRAY, alpha=0.5, label="data")
    first, last = np.flatnonzero(shown)[[0, -1]]
    within = slice(max(first - 1, 0), last + 2)
    (line,) = ax.plot(
        density.at[within], density.heights[within], color=BLUE, label="fitted density"
    )
    ax.set_ylabel("density")
    return [bars, line]


def _draw_residuals(ax: Any, density: Density) -> None:
    """Draw how many data there are beyond those expected, over the standard deviation of that."""
    shown = density.heights > 1e-3 * density.heights.max()
    at, p, number = density.at[shown], density.heights[shown], len(density.data)
    counts = np.sum(density.data == at[:, None], axis=1)
    for height in (-2, 2):
        ax.axhline(height, color=GRAY, linestyle=":", linewidth=0.8)
    ax.axhline(0, color=BLUE, linewidth=1)
    ax.plot(at, (counts - number * p) / np.sqrt(number * p * (1 - p)), "o", color=BLACK, ms=4)
    ax.set_xlabel("data")
    ax.set_ylabel("standardized\nresidual", fontsize=9)


def _draw_quantiles(ax: Any, density: Density) -> None:
    """Draw the data over the quantiles of the density, and where both would be the same."""
    quantiles, data = density.quantiles, density.data
    ends = [min(quantiles[0], data[0]), max(quantiles[-1], data[-1])]
    ax.plot(ends, ends, color=BLUE, linewidth=1)
    ax.plot(quantiles, data, ".", color=BLACK, ms=3)
    ax.set(xlabel="data, or quantile of the fit", ylabel="data")

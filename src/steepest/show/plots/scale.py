"""What part of a plane contours show, and how losses that span many decades are told apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_LEVELS = 14
"""Number of contours."""


class Heights(NamedTuple):
    """Losses above the least one, on a logarithmic scale.

    Attributes
    ----------
    logs
        Decimal logarithms of the heights; NaN where there is no loss. Heights below the lowest
        level are raised to it.
    levels
        Logarithms at which contours are drawn, in rising order. They leave out the last two
        percent of either end, so that a valley shows beside high walls.
    """

    logs: np.ndarray
    levels: np.ndarray


def heights_of(losses: np.ndarray, least: float, levels: int = _LEVELS) -> Heights | None:
    """Return the heights of losses on a grid.

    Parameters
    ----------
    losses
        Losses, of any shape.
    least
        The least loss that is known; the least on the grid is taken if that is lower.
    levels
        How many contours to draw.

    Returns
    -------
    Heights or None
        None if no loss is finite, or all are the same.
    """
    finite = np.isfinite(losses)
    if not finite.any():
        return None
    least = min(least, float(losses[finite].min()))
    heights = np.where(finite, losses - least, np.nan)
    positive = heights[finite & (heights > 0)]
    if not positive.size:
        return None
    low, high = np.log10(np.quantile(positive, [0.015, 0.98]))
    top = float(np.log10(positive.max()))
    low = min(max(low, high - 12), top - 1e-3)
    logs = np.log10(np.maximum(heights, 10.0**low))
    return Heights(logs, np.linspace(low, max(high, low + 1e-3), levels))


_MODERATE = 1e100
"""Larger coordinates are not drawn: squares of them overflow."""

_FAR = 100
"""How many times farther than it began a descent that diverged is followed."""


def before_it_diverged(path: np.ndarray, diverged: bool) -> np.ndarray:
    """Return the first points of a path that can be told apart in one picture.

    Parameters
    ----------
    path
        Finite points, shape (k, n).
    diverged
        Whether the descent diverged. Its last points are so far away that nothing else would
        show beside them.

    Returns
    -------
    ndarray
        The points up to the first one that is far away, and at least two of them.
    """
    sizes = np.abs(path).max(axis=1).astype(float)  # the limit may be beyond single precision
    limit = _MODERATE
    if diverged:
        first = max(float(sizes[:2].max()), float(np.finfo(float).tiny))
        limit = min(limit, _FAR * first)
    outside = np.flatnonzero(sizes > limit)
    return path[: max(int(outside[0]), 2)] if outside.size else path


def with_margin(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a rectangle with some space around points."""
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    extent = high - low
    least = np.maximum(0.15 * extent.max(), 1e-3 * np.maximum(np.abs(high), np.abs(low)))
    half = 0.5 * np.maximum(extent, np.where(least > 0, least, 1.0))
    middle = 0.5 * (low + high)
    return middle - 1.5 * half, middle + 1.5 * half

"""Leave out points of lines that no pixel would show."""

from __future__ import annotations

import numpy as np

_FAR = 50.0
"""How many windows away from the middle of the window points are drawn."""


def in_pixels(
    points: np.ndarray, low: np.ndarray, high: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return points, shape (k, 2), in pixels of a window of some size."""
    share = (points - low) / np.where(high > low, high - low, 1.0)
    return np.asarray(share * size)


def within(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the points of a path, shape (k, 2), as far as they are near a window.

    A path that leaves the surroundings of the window ends there, in the direction of its next
    point. A path also ends before a point that is not finite.
    """
    extent = np.where(high > low, high - low, 1.0)
    middle = 0.5 * (low + high)
    with np.errstate(over="ignore", invalid="ignore"):
        away = np.abs(points - middle) / extent
        is_near = (away <= _FAR).all(axis=1)
    if is_near.all():
        return points
    end = int(np.argmin(is_near))
    inside = points[:end]
    if end == 0 or not np.isfinite(points[end]).all():
        return inside
    direction = points[end] / extent - inside[-1] / extent
    part = inside[-1] + extent * direction * (_FAR / np.abs(direction).max())
    return np.concatenate([inside, part[None]])


def visible(
    points: np.ndarray, low: np.ndarray, high: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """Return the numbers of the points of a path that pixels can show.

    A point is left out if it is in the pixel of the one before. First and last point stay.

    Parameters
    ----------
    points
        Shape (k, 2).
    low, high
        Corners of the window, shape (2,).
    size
        Its width and height in pixels.
    """
    pixels = np.floor(in_pixels(points, low, high, size))
    is_new = np.ones(len(points), bool)
    is_new[1:] = (pixels[1:] != pixels[:-1]).any(axis=1)
    is_new[-1:] = True
    return np.flatnonzero(is_new)


def sparse(points: np.ndarray, apart: float) -> np.ndarray:
    """Return the numbers of the first points, in pixels, in each square of some width."""
    cells = np.floor(points / apart)
    keys = cells[:, 0] + 1j * cells[:, 1]  # sorted much faster than rows
    return np.sort(np.unique(keys, return_index=True)[1])


def extremes(values: np.ndarray, columns: int) -> np.ndarray:
    """Return numbers of values of which a curve over so many columns of pixels is made.

    They are the first, the last, and the largest and smallest value in each column.
    """
    count = len(values)
    if count <= 2 * columns:
        return np.arange(count)
    width = -(-count // columns)
    padded = np.full(width * columns, np.nan)
    padded[:count] = values
    table = padded.reshape(columns, width)[: -(-count // width)]
    starts = width * np.arange(len(table))
    known = np.isfinite(table)
    lows = starts + np.argmin(np.where(known, table, np.inf), axis=1)
    highs = starts + np.argmax(np.where(known, table, -np.inf), axis=1)
    return np.unique(np.concatenate([[0], lows, highs, [count - 1]]))

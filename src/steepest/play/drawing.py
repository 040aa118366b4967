"""What is drawn for a state: columns of numbers, and texts."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.play.choices import CHOICES
from steepest.play.descents import Descent, grid_size, losses_at
from steepest.play.state import State, Window, descents_of, shown_step
from steepest.play.subject import Subject
from steepest.play.thinning import extremes, in_pixels, sparse, visible, within
from steepest.show.plots.scale import Heights, heights_of

MAP_SIZE = 640, 520
"""Size of the map in pixels that points are told apart by."""

_COLUMNS = 400
"""Width in pixels of the plot of losses."""

BANDS = 18
"""Number of colors of the map."""

SHADES = 4
"""Into how many shades each color is divided, from its own to that of contours."""

_FINE = 240
"""Least number of pixels on a side of the image."""

_DENSEST = 0.4
"""Largest number of contours in a pixel; denser ones would be a blur."""

NOWHERE = BANDS * SHADES
"""The color where there is no loss."""

_DOTS, _MOST_DOTS = 9.0, 300
"""How many pixels apart single steps are marked, and how many are."""

Columns = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Terrain:
    """The function in the window.

    Attributes
    ----------
    shades
        For each pixel the number of its color, shape (m, m); of one pixel with one parameter.
    curve
        With one parameter, columns ``x`` and ``y`` of the function's curve; else empty.
    window
        The window; with one parameter, bottom and top hold the curve.
    lowest
        The least loss in it.
    """

    shades: np.ndarray
    curve: Columns
    window: Window
    lowest: float


@functools.lru_cache(maxsize=16)
def terrain(
    subject: Subject, others: tuple[float, ...], axes: tuple[int, ...], window: Window
) -> Terrain:
    """Return the function in a window.

    Parameters
    ----------
    subject
        The function.
    others
        Values of all numbers; those of the axes are not read.
    axes, window
        What varies, and where.
    """
    return _curve(subject, window) if subject.size == 1 else _map(subject, others, axes, window)


def terrain_of(state: State) -> Terrain:
    """Return the function in the window of a state."""
    others = tuple(0.0 if i in state.axes else value for i, value in enumerate(state.start))
    return terrain(state.subject, others, state.axes, state.window)


def _map(
    subject: Subject, others: tuple[float, ...], axes: tuple[int, ...], window: Window
) -> Terrain:
    size = grid_size(subject, 2)
    x = np.linspace(window.left, window.right, size)
    y = np.linspace(window.bottom, window.top, size)
    points = np.tile(np.array(others), (size * size, 1))
    points[:, axes[0]] = np.tile(x, size)
    points[:, axes[1]] = np.repeat(y, size)
    losses = losses_at(subject, points).reshape(size, size)
    finite = losses[np.isfinite(losses)]
    lowest = float(finite.min()) if finite.size else np.nan
    known = np.inf if subject.lowest is None or subject.size > 2 else subject.lowest
    heights = heights_of(losses, known, BANDS)
    if heights is None:
        flat = np.where(np.isfinite(losses), NOWHERE - SHADES, NOWHERE).astype(np.uint8)
        return Terrain(flat, _EMPTY, window, lowest)
    return Terrain(_shades(heights), _EMPTY, window, lowest)


def _shades(heights: Heights) -> np.ndarray:
    """Return the number of each pixel's color: of its band, mixed with the contour's nearby.

    Contours are part of the image, since a browser draws one image faster than many lines.
    """
    bottom, between = heights.levels[0], heights.levels[1] - heights.levels[0]
    scaled = _finer((heights.logs - bottom) / between)  # levels are evenly spaced
    bands = np.clip(np.floor(scaled), 0, BANDS - 1)
    slopes = np.hypot(*np.gradient(scaled))  # levels in a pixel
    away = np.abs(scaled - np.round(scaled)) / np.maximum(slopes, 1e-9)  # pixels to a contour
    is_line = (scaled > 0.5) & (scaled < BANDS - 0.5) & (slopes < _DENSEST)
    mixed = np.where(is_line, np.rint((SHADES - 1) * np.clip(1.1 - away, 0, 1)), 0)
    shades = SHADES * bands + mixed
    return np.where(np.isnan(shades), NOWHERE, shades).astype(np.uint8)


def _finer(values: np.ndarray) -> np.ndarray:
    """Return values on a grid that is fine enough for smooth contours, linear in between."""
    factor = -(-_FINE // len(values))
    for _ in range(2 if factor > 1 else 0):  # along either axis
        places = np.linspace(0, len(values) - 1, factor * len(values))
        before = np.minimum(places.astype(int), len(values) - 2)
        share = (places - before)[:, None]
        values = ((1 - share) * values[before] + share * values[before + 1]).T
    return values


_EMPTY: Columns = {"x": np.zeros(0), "y": np.zeros(0)}


def _curve(subject: Subject, window: Window) -> Terrain:
    x = np.linspace(window.left, window.right, _COLUMNS)
    y = losses_at(subject, x[:, None])
    finite = y[np.isfinite(y)]
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    margin = 0.06 * (high - low or 1.0)
    seen = Window(window.left, window.right, float(low - margin), float(high + margin))
    nowhere = np.full((1, 1), NOWHERE, np.uint8)
    return Terrain(nowhere, {"x": x, "y": y}, seen, float(low))


def on_map(state: State, found: Descent) -> np.ndarray:
    """Return the points of a descent where they are drawn, shape (k + 1, 2)."""
    if state.subject.size == 1:
        return np.column_stack([found.points[:, 0], found.losses])
    return found.points[:, list(state.axes)]


def start_on_map(state: State) -> tuple[float, float]:
    """Return where the start is drawn."""
    if state.subject.size > 1:
        first, second = state.axes
        return state.start[first], state.start[second]
    return state.start[0], float(losses_at(state.subject, np.array([state.start]))[0])


def paths_of(state: State) -> dict[str, Columns]:
    """Return the columns of the paths: whole, as far as the step shown, its points, and dots.

    There is a line for each method of the page, which is empty if it is not chosen.
    """
    window = np.array(terrain_of(state).window)
    low, high = window[[0, 2]], window[[1, 3]]
    descents, now = descents_of(state), shown_step(state)
    nothing = np.zeros(0, np.float32)
    whole: list[tuple[np.ndarray, np.ndarray]] = []
    walked: list[tuple[np.ndarray, np.ndarray]] = []
    heads: list[tuple[float, float]] = []
    dots: dict[str, list[Any]] = {"x": [], "y": [], "method": []}
    for number, choice in enumerate(CHOICES):
        found = descents.get(choice.name)
        if found is None:
            whole.append((nothing, nothing))
            walked.append((nothing, nothing))
            heads.append((np.nan, np.nan))
            continue
        points = within(on_map(state, found), low, high)
        numbers = visible(points, low, high, MAP_SIZE)
        line = points[numbers].astype(np.float32)
        is_over = now >= found.last
        whole.append((nothing, nothing) if is_over else (line[:, 0], line[:, 1]))
        step = min(now, found.last)
        head = points[step] if step < len(points) else np.full(2, np.nan)
        before = line[numbers < now]
        part = np.concatenate([before, points[step : step + 1].astype(np.float32)])
        walked.append((part[:, 0], part[:, 1]))
        heads.append((float(head[0]), float(head[1])))
        pixels = in_pixels(before[:_MOST_DOTS], low, high, MAP_SIZE)
        apart = before[sparse(pixels, _DOTS)]
        dots["x"].append(apart[:, 0])
        dots["y"].append(apart[:, 1])
        dots["method"].append(np.full(len(apart), number, np.float32))
    return {
        "whole": _lines(whole),
        "walked": _lines(walked),
        "heads": {"x": [x for x, _ in heads], "y": [y for _, y in heads]},
        "dots": {key: np.concatenate([nothing, *parts]) for key, parts in dots.items()},
    }


def _lines(pairs: list[tuple[np.ndarray, np.ndarray]]) -> Columns:
    return {"xs": [x for x, _ in pairs], "ys": [y for _, y in pairs]}


def least_loss(state: State) -> float:
    """Return what losses are drawn above: 0 if all are positive, else the least that is known."""
    ends = [np.nanmin(found.losses) for found in descents_of(state).values()
            if np.isfinite(found.losses).any()]  # fmt: skip
    known = [] if state.subject.lowest is None else [state.subject.lowest]
    least = min([*ends, *known, terrain_of(state).lowest], default=0.0)
    return 0.0 if not np.isfinite(least) or least >= 0 else float(least)


def losses_of_paths(state: State) -> dict[str, Columns]:
    """Return the columns of the losses by step, for a logarithmic axis, and the points on them."""
    least, now = least_loss(state), shown_step(state)
    descents = descents_of(state)
    pairs: list[tuple[np.ndarray, np.ndarray]] = []
    heads: list[tuple[float, float]] = []
    nothing = np.zeros(0, np.float32)
    for choice in CHOICES:
        found = descents.get(choice.name)
        if found is None:
            pairs.append((nothing, nothing))
            heads.append((np.nan, np.nan))
            continue
        heights = _drawable(found.losses - least)
        numbers = extremes(np.log(heights), _COLUMNS)
        pairs.append((numbers.astype(np.float32), heights[numbers].astype(np.float32)))
        step = min(now, found.last)
        heads.append((float(step), float(heights[step])))
    return {
        "losses": _lines(pairs),
        "loss_heads": {"x": [x for x, _ in heads], "y": [y for _, y in heads]},
    }


_LOWEST, _HIGHEST = 1e-16, 1e8
"""Range of losses that is drawn, relative to the loss at the start."""


def _drawable(heights: np.ndarray) -> np.ndarray:
    """Return heights with NaN where a logarithmic axis has no place for them."""
    first = heights[0] if np.isfinite(heights[0]) and heights[0] > 0 else 1.0
    inside = (heights > 0) & (heights <= _HIGHEST * first)
    return np.where(inside, np.maximum(heights, _LOWEST * first), np.nan)


def terrain_columns(found: Terrain) -> dict[str, Columns]:
    """Return the columns of the map: its image, its contours, the curve."""
    left, right, bottom, top = found.window
    width = 0.0 if len(found.curve["x"]) else right - left
    return {
        "image": {
            "image": [found.shades], "x": [left], "y": [bottom], "dw": [width],
            "dh": [top - bottom],
        },
        "curve": found.curve,
    }  # fmt: skip


def drawn(state: State) -> dict[str, Columns]:
    """Return the columns of everything that is drawn, by the name of its source."""
    x, y = start_on_map(state)
    return {
        **terrain_columns(terrain_of(state)),
        **paths_of(state),
        **losses_of_paths(state),
        "start": {"x": [x], "y": [y]},
    }


def changed(before: Mapping[str, Columns], after: Mapping[str, Columns]) -> dict[str, Columns]:
    """Return the columns that differ, by source."""
    found: dict[str, Columns] = {}
    for name, columns in after.items():
        old = before.get(name, {})
        new = {key: value for key, value in columns.items() if not _same(old.get(key), value)}
        if new:
            found[name] = (
                new if old.keys() == columns.keys() and _one_length(new, old) else columns
            )
    return found


def _one_length(new: Columns, old: Columns) -> bool:
    """Whether changed columns are as long as those that stay."""
    return len({len(column) for column in [*new.values(), *old.values()]}) <= 1


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if one is None or len(one) != len(other):
        return False
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=True))
    return all(_equal(a, b) for a, b in zip(one, other, strict=True))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other or bool(np.array_equal(one, other, equal_nan=True))
    return bool(one == other or (one != one and other != other))

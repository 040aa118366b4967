"""The loss on a plane or on a line, and the paths of descents there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.results.landscape import Landscape, Limited
from steepest.show.plots.figures import BLUE, GRAY, GREEN, RED, Line, Patch, set_log_y
from steepest.show.plots.scale import heights_of, with_margin

_SECONDS, _MOST_SECONDS = 1.0, 10.0
"""How long the losses on a grid should take, and take at most."""

_SIDE = 21, 121
"""Range of the number of points on a side of a grid."""


class Plane(NamedTuple):
    """A plane in the space of free parameters.

    Attributes
    ----------
    origin, directions
        A point, shape (n,), and two directions, shape (2, n).
    labels
        What the two coordinates are.
    """

    origin: np.ndarray
    directions: np.ndarray
    labels: tuple[str, str]

    def points(self, coordinates: np.ndarray) -> np.ndarray:
        """Return points of the plane, from coordinates of shape (m, 2)."""
        return np.asarray(self.origin + coordinates @ self.directions)

    def coordinates(self, points: np.ndarray) -> np.ndarray:
        """Return the coordinates of points projected onto the plane, shape (m, 2)."""
        return np.asarray((points - self.origin) @ np.linalg.pinv(self.directions))


def own_plane(names: Sequence[str]) -> Plane:
    """Return the plane of a problem of two parameters."""
    return Plane(np.zeros(2), np.eye(2), (names[0], names[1]))


def plane_of_path(path: np.ndarray) -> Plane | None:
    """Return the plane of start, end and the point farthest from the line between them.

    Its coordinates are distances from the start. None if the path does not span a plane.
    """
    start, along = path[0], path[-1] - path[0]
    length = np.linalg.norm(along)
    if not length > 0:
        return None
    along = along / length
    aside = (path - start) - np.outer((path - start) @ along, along)
    distances = np.linalg.norm(aside, axis=1)
    farthest = int(np.argmax(distances))
    if not distances[farthest] > 1e-9 * length:
        return None
    across = aside[farthest] / distances[farthest]
    labels = ("from start to end", "largest deviation from it")
    return Plane(start, np.stack([along, across]), labels)


class Grid(NamedTuple):
    """Losses on a rectangle of a plane.

    Attributes
    ----------
    x, y
        Coordinates of columns and rows, as they are shown. They are evenly spaced, or their
        logarithms are.
    losses
        Shape (len(y), len(x)).
    limited
        What constraints and bounds limit there; None without them.
    """

    x: np.ndarray
    y: np.ndarray
    losses: np.ndarray
    limited: Limited | None


def grid_size(landscape: Landscape, dimensions: int = 2) -> int:
    """Return how many points on a side a grid may have; 0 if the loss takes too long."""
    seconds = max(landscape.seconds(), 1e-9)
    least, most = _SIDE
    if seconds * least**dimensions > _MOST_SECONDS:
        return 0
    return int(np.clip((_SECONDS / seconds) ** (1 / dimensions), least, most))


def grid_around(landscape: Landscape, plane: Plane, coordinates: np.ndarray) -> Grid | None:
    """Return the losses on a rectangle that holds points with these coordinates."""
    size = grid_size(landscape)
    if not size:
        return None
    low, high = with_margin(coordinates)
    sides = np.linspace(low, high, size, axis=1)
    mesh = np.stack(np.meshgrid(*sides), axis=-1).reshape(-1, 2)
    points = plane.points(mesh)
    losses = landscape.losses()(points).reshape(size, size)
    limited = landscape.limited(points) if landscape.has_limits else None
    x, y = sides
    if plane.origin.size == 2:
        x, y = landscape.shown(sides.T).T
    return Grid(x, y, losses, limited)


def draw_contours(ax: Any, grid: Grid, least: float) -> None:
    """Draw contours of the loss less its least value, on a logarithmic scale, with a bar.

    Parameters
    ----------
    ax
        Axes to draw in.
    grid
        The losses.
    least
        The least loss that is known.
    """
    heights = heights_of(grid.losses, least)
    if heights is None:
        return
    levels = heights.levels
    low, high = levels[[0, -1]]
    masked = np.ma.masked_invalid(heights.logs)
    filled = ax.contourf(
        grid.x, grid.y, masked, levels=levels, cmap="Blues_r", alpha=0.55, extend="max"
    )
    ax.contour(grid.x, grid.y, masked, levels=levels, colors=BLUE, linewidths=0.4, alpha=0.7)
    bar = ax.figure.colorbar(filled, ax=ax, pad=0.02, aspect=30, shrink=0.95)
    decades = np.arange(np.ceil(low), np.floor(high) + 1)
    if len(decades) < 2:
        ticks = np.linspace(low, high, 4)
        bar.set_ticks(ticks, labels=[f"{10**tick:.2g}" for tick in ticks])
    else:
        decades = decades[:: -(-len(decades) // 7)]
        bar.set_ticks(decades, labels=[f"$10^{{{int(decade)}}}$" for decade in decades])
    bar.set_label("loss - minimum", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def draw_limits(ax: Any, grid: Grid) -> list[Any]:
    """Hatch what constraints and bounds exclude, and draw their limits; return legend entries."""
    if grid.limited is None:
        return []
    shape = grid.losses.shape
    worst, entries = grid.limited.violation.reshape(shape), list[Any]()
    for values, limit in grid.limited.edges:
        field = values.reshape(shape) - limit
        if np.nanmin(field) < 0 < np.nanmax(field):
            ax.contour(grid.x, grid.y, field, levels=[0.0], colors=GREEN, linewidths=1.4)
            entries = [Line([], [], color=GREEN, linewidth=1.4, label="limit")]
    excluded = worst > 0
    if excluded.any() and not excluded.all():
        most = float(np.nanmax(worst))
        levels = [1e-9 * most, 2 * most]
        hatched = ax.contourf(grid.x, grid.y, worst, levels=levels, colors="none", hatches=["///"])
        hatched.set(edgecolor=GRAY, linewidth=0)
        entries.append(Patch(facecolor="none", edgecolor=GRAY, hatch="///", label="excluded"))
    return entries


def draw_path(ax: Any, path: np.ndarray, color: str = RED, label: str = "steps") -> list[Any]:
    """Draw a path, shape (k, 2), with its start and end; return legend entries."""
    marker = "." if len(path) <= 200 else None
    (line,) = ax.plot(*path.T, color=color, linewidth=1.3, marker=marker, ms=4, label=label)
    (end,) = ax.plot(*path[-1], "*", color=color, ms=12, mec="white", mew=0.7, zorder=5)
    (start,) = ax.plot(*path[0], "o", color=color, ms=7, mec="white", mew=0.7, zorder=5)
    start.set_label("start")
    end.set_label("end")
    return [start, line, end]


def has_even_logarithms(values: np.ndarray) -> bool:
    """Whether the ratio of successive values is the same."""
    if not (values > 0).all():
        return False
    steps = np.diff(np.log(values))
    return bool(np.ptp(steps) < 1e-6 * np.abs(steps).max())


def draw_curve(ax: Any, landscape: Landscape, path: np.ndarray) -> tuple[list[Any], np.ndarray]:
    """Draw the loss of one parameter as a curve around a path.

    Returns
    -------
    entries : list
        Legend entries.
    points : ndarray
        The points of the path on the curve, shape (k, 2).
    """
    losses, entries = landscape.losses(), list[Any]()
    low, high = with_margin(path)
    points = np.column_stack([landscape.shown(path)[:, 0], losses(path)])
    heights = points[:, 1]
    count = grid_size(landscape, 1)
    if count:
        fine = np.linspace(low, high, max(count, 2))
        curve = losses(fine)
        heights = np.concatenate([heights, curve])
        entries += ax.plot(landscape.shown(fine)[:, 0], curve, color=BLUE, label="loss")
    heights = heights[np.isfinite(heights)]
    if heights.size and heights.min() > 0 and heights.max() > 1e3 * heights.min():
        set_log_y(ax)
    ax.set(xlabel=landscape.names[0], ylabel="loss")
    ax.autoscale_view()
    return entries, points

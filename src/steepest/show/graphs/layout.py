"""Where the boxes of a picture lie, in rows, and how edges go around them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Key = Hashable
Point = tuple[float, float]

GAP_X, GAP_Y = 22.0, 34.0
_LANE = 10.0
"""Width of the lane of an edge that passes a row of boxes."""

_WIDEST = 1500.0
"""Width of a row, in pixels, from which on it is broken into several."""

_ORDERINGS, _PLACEMENTS = 12, 24
"""Numbers of sweeps that order the rows, and that place what is in them."""


@dataclass(frozen=True)
class Lane:
    """Where edges from a box pass a row of boxes.

    Attributes
    ----------
    source, row
        The box that they come from, and the row.
    """

    source: Key
    row: int


@dataclass(frozen=True)
class Layout:
    """The places of boxes and edges.

    Attributes
    ----------
    centers
        The center of each box.
    routes
        For each edge its points: a curve leads from each odd one to the next, a straight line from
        each even one.
    width, height
        Size of the picture.
    """

    centers: dict[Key, Point]
    routes: dict[tuple[Key, Key], list[Point]]
    width: float
    height: float


def layout(
    sizes: Mapping[Key, tuple[float, float]], operands: Mapping[Key, Sequence[Key]]
) -> Layout:
    """Return a layout in rows: each box is below its operands.

    Parameters
    ----------
    sizes
        Width and height of each box, operands first.
    operands
        The boxes that edges to each box come from.
    """
    row_of = _broken(_rows(sizes, operands), sizes)
    rows, routes = _with_lanes(row_of, operands)
    lane = _LANE - GAP_X, 0.0
    extents = {i: lane if isinstance(i, Lane) else sizes[i] for row in rows for i in row}
    spaces = {item: width + GAP_X for item, (width, _) in extents.items()}
    neighbors = _neighbors(routes)
    _order(rows, neighbors)
    x = _place(rows, spaces, neighbors)
    heights = [max(extents[item][1] for item in row) for row in rows]
    tops = np.concatenate([[0.0], np.cumsum(np.array(heights) + GAP_Y)]) + 0.5 * GAP_Y
    centers = {key: (x[key], float(tops[row] + 0.5 * heights[row])) for key, row in row_of.items()}
    width = max((x[item] + 0.5 * space for item, space in spaces.items()), default=0.0)
    points = _ports(routes, centers, sizes, x, tops, heights)
    bottom = float(tops[-1]) - 0.5 * GAP_Y if rows else GAP_Y
    return Layout(centers, points, width, bottom)


def _rows(sizes: Mapping[Key, object], operands: Mapping[Key, Sequence[Key]]) -> dict[Key, int]:
    """Return a row for each box: below its operands, and those without right above their users."""
    rows: dict[Key, int] = {}
    for key in sizes:
        rows[key] = max((rows[one] + 1 for one in operands[key]), default=0)
    first_use: dict[Key, int] = {}
    for key in sizes:
        for one in operands[key]:
            first_use[one] = min(first_use.get(one, rows[key]), rows[key])
    for key in sizes:
        if not operands[key] and key in first_use:
            rows[key] = first_use[key] - 1
    used = sorted(set(rows.values()))
    return {key: used.index(row) for key, row in rows.items()}


def _broken(rows: Mapping[Key, int], sizes: Mapping[Key, tuple[float, float]]) -> dict[Key, int]:
    """Return rows of which none is too wide: those that are become several."""
    result: dict[Key, int] = {}
    now = -1
    for number in range(max(rows.values(), default=-1) + 1):
        members = [key for key, row in rows.items() if row == number]
        total = sum(sizes[key][0] + GAP_X for key in members)
        share = total / max(1, np.ceil(total / _WIDEST))  # of about the same width
        now, filled = now + 1, 0.0
        for key in members:
            if filled > 0 and filled + sizes[key][0] / 2 > share:
                now, filled = now + 1, 0.0
            result[key] = now
            filled += sizes[key][0] + GAP_X
    return result


def _with_lanes(
    row_of: Mapping[Key, int], operands: Mapping[Key, Sequence[Key]]
) -> tuple[list[list[Key]], dict[tuple[Key, Key], list[Key]]]:
    """Return the rows with the lanes in them, and the way of each edge through lanes.

    All edges from a box share its lanes.
    """
    rows: list[list[Key]] = [[] for _ in range(max(row_of.values(), default=-1) + 1)]
    for key, row in row_of.items():
        rows[row].append(key)
    routes: dict[tuple[Key, Key], list[Key]] = {}
    known: set[Lane] = set()
    for key in row_of:
        for one in dict.fromkeys(operands[key]):
            lanes = [Lane(one, row) for row in range(row_of[one] + 1, row_of[key])]
            for lane in lanes:
                if lane not in known:
                    known.add(lane)
                    rows[lane.row].append(lane)
            routes[one, key] = [one, *lanes, key]
    return rows, routes


def _neighbors(
    routes: Mapping[tuple[Key, Key], Sequence[Key]],
) -> tuple[dict[Key, list[Key]], dict[Key, list[Key]]]:
    """Return for each item of a row what it is connected to above and below."""
    above: dict[Key, dict[Key, None]] = {}
    below: dict[Key, dict[Key, None]] = {}
    for route in routes.values():
        for upper, lower in pairwise(route):
            above.setdefault(lower, {})[upper] = None
            below.setdefault(upper, {})[lower] = None
    return _as_lists(above), _as_lists(below)


def _as_lists(known: Mapping[Key, Mapping[Key, None]]) -> dict[Key, list[Key]]:
    return {key: list(found) for key, found in known.items()}


def _order(rows: list[list[Key]], neighbors: tuple[Mapping[Key, Sequence[Key]], ...]) -> None:
    """Order the rows, so that few edges cross: each item near the mean place of its neighbors."""
    place = {item: (i + 0.5) / len(row) for row in rows for i, item in enumerate(row)}
    for sweep in range(_ORDERINGS):
        is_down = sweep % 2 == 0
        near = neighbors[0 if is_down else 1]
        for row in rows if is_down else rows[::-1]:
            means = {
                item: float(np.mean([place[one] for one in near[item]]))
                if near.get(item)
                else place[item]
                for item in row
            }
            row.sort(key=means.__getitem__)
            place |= {item: (i + 0.5) / len(row) for i, item in enumerate(row)}


def _place(
    rows: Sequence[Sequence[Key]],
    spaces: Mapping[Key, float],
    neighbors: tuple[Mapping[Key, Sequence[Key]], ...],
) -> dict[Key, float]:
    """Return the horizontal center of each item: near its neighbors, apart from others."""
    totals = [sum(spaces[item] for item in row) for row in rows]
    widest = max(totals, default=0.0)
    x: dict[Key, float] = {}
    for row, total in zip(rows, totals, strict=True):
        left = 0.5 * (widest - total)
        for item in row:
            x[item] = left + 0.5 * spaces[item]
            left += spaces[item]
    for sweep in range(_PLACEMENTS):
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            wanted = [
                np.mean([x[one] for side in neighbors for one in side.get(item, ())] or [x[item]])
                for item in row
            ]
            x |= zip(row, _apart(np.array(wanted), [spaces[i] for i in row], widest), strict=True)
    return x


def _apart(wanted: np.ndarray, given: Sequence[float], widest: float) -> list[float]:
    """Return the places nearest to those wanted, in order, at which nothing overlaps.

    This is an isotonic regression, which the pooling of adjacent violators solves.
    """
    spaces = np.array(given)
    offsets = np.cumsum(spaces) - 0.5 * spaces
    blocks: list[tuple[float, int]] = []
    for value in wanted - offsets:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, number = blocks.pop()
            mean = (mean * count + before * number) / (count + number)
            count += number
        blocks.append((mean, count))
    free = np.repeat([mean for mean, _ in blocks], [count for _, count in blocks])
    places: list[float] = (np.clip(free, 0.0, widest - spaces.sum()) + offsets).tolist()
    return places


def _ports(
    routes: Mapping[tuple[Key, Key], Sequence[Key]],
    centers: Mapping[Key, Point],
    sizes: Mapping[Key, tuple[float, float]],
    x: Mapping[Key, float],
    tops: np.ndarray,
    heights: Sequence[float],
) -> dict[tuple[Key, Key], list[Point]]:
    """Return the points of each edge: straight through rows, curves between them."""
    arriving: dict[Key, list[tuple[float, tuple[Key, Key]]]] = {}
    for edge, route in routes.items():
        arriving.setdefault(edge[1], []).append((x[route[-2]], edge))
    ports: dict[tuple[Key, Key], float] = {}
    for key, found in arriving.items():
        space = min(14.0, 0.7 * sizes[key][0] / len(found))
        for i, (_, edge) in enumerate(sorted(found, key=lambda pair: pair[0])):
            ports[edge] = x[key] + space * (i - 0.5 * (len(found) - 1))
    row_at = {float(tops[r] + 0.5 * h): r for r, h in enumerate(heights)}
    points: dict[tuple[Key, Key], list[Point]] = {}
    for edge, route in routes.items():
        start, end = edge
        row = row_at[centers[start][1]]
        way = [(x[start], centers[start][1] + 0.5 * sizes[start][1])]
        way.append((x[start], float(tops[row] + heights[row])))
        for lane in route[1:-1]:
            row += 1
            way += [(x[lane], float(tops[row])), (x[lane], float(tops[row] + heights[row]))]
        way.append((ports[edge], float(tops[row + 1])))
        way.append((ports[edge], centers[end][1] - 0.5 * sizes[end][1]))
        points[edge] = way
    return points

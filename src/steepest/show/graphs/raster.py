"""A picture as PNG or PDF, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from steepest.show.graphs.boxes import Box
from steepest.show.graphs.layout import Layout, Point
from steepest.show.graphs.style import (
    COLORS,
    FONT_SIZE,
    LINE,
    PADDING,
    STROKE,
    arrow_head,
    curve_middle,
)
from steepest.show.plots.figures import Curve, Figure, PathPatch, Polygon, RoundedBox, rendered

_PIXELS_PER_INCH = 96


def rendered_boxes(
    boxes: Sequence[Box], sizes: dict[Hashable, Point], places: Layout, suffix: str
) -> bytes:
    """Return a picture of boxes as the bytes of a file."""
    width, height = places.width / _PIXELS_PER_INCH, places.height / _PIXELS_PER_INCH
    figure = Figure(figsize=(width, height), dpi=2 * _PIXELS_PER_INCH)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, places.width), ylim=(places.height, 0))
    ax.set_axis_off()
    dashed = {box.key for box in boxes if box.kind == "branch"}
    for (_, end), points in places.routes.items():
        _draw_edge(ax, points, end in dashed)
    for box in boxes:
        _draw_box(ax, box, places.centers[box.key], sizes[box.key])
    return rendered(figure, suffix)


def _draw_edge(ax: Any, points: Sequence[Point], is_dashed: bool) -> None:
    vertices, codes = [points[0]], [Curve.MOVETO]
    for i, point in enumerate(points[1:]):
        if i % 2:
            before = points[i]
            middle = curve_middle(before, point)
            vertices += [(before[0], middle), (point[0], middle)]
            codes += [Curve.CURVE4, Curve.CURVE4]
        vertices.append(point)
        codes.append(Curve.CURVE4 if i % 2 else Curve.LINETO)
    line = "--" if is_dashed else "-"
    ax.add_patch(
        PathPatch(Curve(vertices, codes), fc="none", ec=STROKE, linestyle=line, linewidth=0.8)
    )
    if not is_dashed:
        ax.add_patch(Polygon(arrow_head(points[-1]), color=STROKE, linewidth=0))


def _draw_box(ax: Any, box: Box, center: Point, size: Point) -> None:
    x, y = center[0] - size[0] / 2, center[1] - size[1] / 2
    fill, edge = COLORS[box.kind]
    radius = 1 if box.kind == "data" else 5
    shifts = (3, 0) if box.kind == "folded" else (0,)
    for shift in shifts:
        ax.add_patch(
            RoundedBox(
                (x + shift, y + shift), *size, boxstyle=f"round,pad=0,rounding_size={radius}",
                facecolor=fill, edgecolor=edge, linewidth=0.8,
                linestyle="--" if box.kind == "branch" else "-",
            )
        )  # fmt: skip
    for i, line in enumerate(box.lines):
        ax.text(
            center[0], y + PADDING + (i + 0.8) * LINE, line, ha="center", va="baseline",
            family="monospace", fontsize=0.72 * FONT_SIZE, parse_math=False,
            weight="bold" if i == 0 else "normal",
        )  # fmt: skip

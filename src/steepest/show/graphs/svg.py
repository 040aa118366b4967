"""A picture as SVG."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from xml.etree import ElementTree

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


def as_svg(boxes: Sequence[Box], sizes: dict[Hashable, Point], places: Layout) -> str:
    """Return a picture of boxes as the text of an SVG file."""
    svg = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {places.width:.0f} {places.height:.0f}",
        width=f"{places.width:.0f}",
        height=f"{places.height:.0f}",
        style="max-width: 100%; height: auto",
    )
    ElementTree.SubElement(svg, "rect", width="100%", height="100%", fill="white")
    dashed = {box.key for box in boxes if box.kind == "branch"}
    for (_, end), points in places.routes.items():
        _draw_edge(svg, points, end in dashed)
    for box in boxes:
        _draw_box(svg, box, places.centers[box.key], sizes[box.key])
    return ElementTree.tostring(svg, encoding="unicode")


def _draw_edge(svg: ElementTree.Element, points: Sequence[Point], is_dashed: bool) -> None:
    parts = [f"M {points[0][0]:.1f} {points[0][1]:.1f}"]
    for i, (x, y) in enumerate(points[1:]):
        if i % 2 == 0:
            parts.append(f"L {x:.1f} {y:.1f}")
        else:
            before = points[i]
            middle = curve_middle(before, (x, y))
            parts.append(f"C {before[0]:.1f} {middle:.1f} {x:.1f} {middle:.1f} {x:.1f} {y:.1f}")
    settings = {"d": " ".join(parts), "fill": "none", "stroke": STROKE}
    if is_dashed:
        ElementTree.SubElement(svg, "path", settings | {"stroke-dasharray": "4 3"})
        return
    ElementTree.SubElement(svg, "path", settings)
    tip = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow_head(points[-1]))
    ElementTree.SubElement(svg, "polygon", points=tip, fill=STROKE)


def _draw_box(svg: ElementTree.Element, box: Box, center: Point, size: Point) -> None:
    group = ElementTree.SubElement(svg, "g", {"class": box.kind})
    if box.note:
        ElementTree.SubElement(group, "title").text = box.note
    x, y = center[0] - size[0] / 2, center[1] - size[1] / 2
    fill, edge = COLORS[box.kind]
    settings = {
        "x": f"{x:.1f}",
        "y": f"{y:.1f}",
        "width": f"{size[0]:.1f}",
        "height": f"{size[1]:.1f}",
        "rx": "1" if box.kind == "data" else "6",
        "fill": fill,
        "stroke": edge,
    }
    if box.kind == "branch":
        settings["stroke-dasharray"] = "4 3"
    if box.kind == "folded":  # a second edge: there is more inside
        outer = settings | {"x": f"{x + 3:.1f}", "y": f"{y + 3:.1f}"}
        ElementTree.SubElement(group, "rect", outer)
    ElementTree.SubElement(group, "rect", settings)
    for i, line in enumerate(box.lines):
        text = ElementTree.SubElement(
            group,
            "text",
            {
                "x": f"{center[0]:.1f}",
                "y": f"{y + PADDING + (i + 0.8) * LINE:.1f}",
                "text-anchor": "middle",
                "font-family": "monospace",
                "font-size": str(FONT_SIZE),
                "font-weight": "bold" if i == 0 else "normal",
            },
        )
        text.text = line

"""Sizes and colors of pictures of graphs."""

from __future__ import annotations

import unicodedata

from steepest.show.graphs.boxes import Box
from steepest.show.graphs.layout import Point

FONT_SIZE, LINE, PADDING = 12, 16, 8
_LETTER = 7.3
STROKE = "#667"

COLORS = {
    "parameter": ("#d7ecd9", "#3c7a45"),
    "data": ("#e6e6e6", "#777777"),
    "operation": ("#e8edf5", STROKE),
    "folded": ("#dfe3f6", "#4a55a0"),
    "result": ("#fbe3c0", "#a8712a"),
    "branch": ("#ffffff", "#b04a3a"),
}
"""Fill and edge of each kind of box."""


def size_of(box: Box) -> Point:
    """Return width and height of a box."""
    width = max(_width_of(line) for line in box.lines) + 2 * PADDING
    return width, len(box.lines) * LINE + 2 * PADDING


def _width_of(line: str) -> float:
    """Return the width of a line; Chinese and Japanese characters are as wide as high."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    return (len(line) - wide) * _LETTER + wide * FONT_SIZE


def arrow_head(tip: Point) -> list[Point]:
    """Return the corners of the head of an arrow that points down."""
    x, y = tip
    return [(x, y), (x - 3.5, y - 7), (x + 3.5, y - 7)]


def curve_middle(start: Point, end: Point) -> float:
    """Return the height of the control points of a curve."""
    return 0.5 * (start[1] + end[1])

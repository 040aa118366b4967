"""The picture of a graph."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.files import write_atomically
from steepest.graph import Graph
from steepest.show.graphs.boxes import Box, Wording
from steepest.show.graphs.folding import boxes_of
from steepest.show.graphs.layout import Layout, layout
from steepest.show.graphs.style import size_of
from steepest.show.graphs.svg import as_svg
from steepest.show.text import format_value
from steepest.show.values import NodeNumbers, numbers, numbers_of


def draw(graph: Graph, path: Path, arguments: Sequence[Any]) -> Path:
    """Write the picture of a graph.

    Parameters
    ----------
    graph
        What to draw.
    path
        File to write: ``.svg``, ``.png`` or ``.pdf``; SVG if it has no suffix.
    arguments
        Where given, boxes show values and gradients there.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        If the file's format is not known.
    EngineUnavailableError
        If the format needs matplotlib, which is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in ("", ".svg", ".png", ".pdf"):
        raise InputError(f"cannot draw {path}: its name may end in .svg, .png or .pdf")
    if suffix in ("", ".svg"):
        write_atomically(path, svg(graph, arguments))
        return path
    raster = importlib.import_module(f"{__package__}.raster")  # imports matplotlib
    boxes, places = _arranged(graph, arguments)
    sizes = {box.key: size_of(box) for box in boxes}
    write_atomically(path, raster.rendered_boxes(boxes, sizes, places, suffix.lstrip(".")))
    return path


def svg(graph: Graph, arguments: Sequence[Any] = ()) -> str:
    """Return the picture of a graph as the text of an SVG file."""
    boxes, places = _arranged(graph, arguments)
    return as_svg(boxes, {box.key: size_of(box) for box in boxes}, places)


_WIDEST = -1.2345e-105
"""A number that takes more space than most."""


def svg_of(
    graph: Graph,
    write: Callable[[Any], str] = format_value,
    words: Mapping[str, str] | None = None,
) -> Callable[[Sequence[Any]], str]:
    """Return a function of arguments that returns the picture there; boxes keep their places.

    Parameters
    ----------
    graph
        What to draw.
    write
        Returns a number or an array as text.
    words
        What to write for the English words in boxes, in another language.
    """
    known_at = numbers_of(graph)
    wording = replace(Wording.of(graph, {}), write=write, words=words or {})
    widest = {
        node: NodeNumbers(*[np.full(node.shape, _WIDEST) for _ in ("value", "gradient")])
        for node in graph.nodes
    }
    boxes, places = _placed(replace(wording, known=widest))
    sizes = {box.key: size_of(box) for box in boxes}

    def at(arguments: Sequence[Any]) -> str:
        here = boxes_of(replace(wording, known=known_at(arguments)))
        return as_svg(here, sizes, places)

    return at


def _arranged(graph: Graph, arguments: Sequence[Any]) -> tuple[list[Box], Layout]:
    known = numbers(graph, arguments) if arguments else {}
    return _placed(Wording.of(graph, known))


def _placed(wording: Wording) -> tuple[list[Box], Layout]:
    boxes = boxes_of(wording)
    sizes = {box.key: size_of(box) for box in boxes}
    return boxes, layout(sizes, {box.key: box.operands for box in boxes})

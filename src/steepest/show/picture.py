"""The picture of a graph, as SVG, without Graphviz."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from steepest.errors import EngineUnavailableError
from steepest.files import write_atomically
from steepest.graph import Graph, Node
from steepest.show.text import format_value, node_names, type_of
from steepest.show.values import NodeNumbers, numbers

_LINE, _LETTER, _PADDING = 16, 7.2, 10
_GAP_X, _GAP_Y = 24, 40
_COLORS = {"input": "#d7ecd9", "output": "#fbe3c0", "inner": "#e8edf5"}


def draw(graph: Graph, path: Path, arguments: Sequence[Any]) -> Path:
    """Write the picture of a graph.

    Parameters
    ----------
    graph
        What to draw.
    path
        SVG file to write.
    arguments
        Where given, boxes show values and gradients there.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    EngineUnavailableError
        If igraph, which lays the picture out, is not installed.
    """
    known = numbers(graph, arguments) if arguments else {}
    names = node_names(graph)
    nodes = [node for node in graph.nodes if node.op.name != "constant"]
    texts = {node: _lines(node, names, known.get(node)) for node in nodes}
    sizes = {node: _box(lines) for node, lines in texts.items()}
    centers = _layout(nodes, sizes)
    svg = _svg(graph, nodes, texts, sizes, centers)
    write_atomically(path, ElementTree.tostring(svg, encoding="unicode"))
    return path


def _lines(node: Node, names: dict[Node, str], known: NodeNumbers | None) -> list[str]:
    operands = ", ".join(names[operand] for operand in node.operands)
    title = names[node] if node.op.name == "input" else f"{names[node]} = {node.op.name}"
    lines = [f"{title}({operands})" if operands else title, type_of(node)]
    if known is not None:
        lines.append(f"value {format_value(known.value)}")
        if known.gradient is not None:
            lines.append(f"gradient {format_value(known.gradient)}")
    return lines


def _box(lines: list[str]) -> tuple[float, float]:
    width = max(len(line) for line in lines) * _LETTER + 2 * _PADDING
    return width, len(lines) * _LINE + 2 * _PADDING


def _layout(
    nodes: list[Node], sizes: dict[Node, tuple[float, float]]
) -> dict[Node, tuple[float, float]]:
    """Return the center of each box: inputs on top, operands above what uses them."""
    try:
        igraph = importlib.import_module("igraph")
    except ImportError as error:
        raise EngineUnavailableError(
            "drawing a graph needs igraph, which is not installed: pip install 'steepest[plot]'"
        ) from error
    numbers_of = {node: i for i, node in enumerate(nodes)}
    edges = [
        (numbers_of[operand], numbers_of[node])
        for node in nodes
        for operand in dict.fromkeys(node.operands)
        if operand in numbers_of
    ]
    picture = igraph.Graph(len(nodes), edges, directed=True)
    layers = [0] * len(nodes)
    for start, end in edges:  # operands come first, so that one pass is enough
        layers[end] = max(layers[end], layers[start] + 1)
    layout = picture.layout_sugiyama(layers=layers, hgap=1, vgap=1)
    width = max(size[0] for size in sizes.values()) + _GAP_X
    height = max(size[1] for size in sizes.values()) + _GAP_Y
    coordinates = layout.coords[: len(nodes)]
    left = min((x for x, _ in coordinates), default=0.0)
    return {
        node: ((x - left) * width + width / 2, layers[i] * height + height / 2)
        for i, (node, (x, _)) in enumerate(zip(nodes, coordinates, strict=True))
    }


def _svg(
    graph: Graph,
    nodes: list[Node],
    texts: dict[Node, list[str]],
    sizes: dict[Node, tuple[float, float]],
    centers: dict[Node, tuple[float, float]],
) -> ElementTree.Element:
    right = max((centers[n][0] + sizes[n][0] / 2 for n in nodes), default=0) + _GAP_X / 2
    bottom = max((centers[n][1] + sizes[n][1] / 2 for n in nodes), default=0) + _GAP_X / 2
    svg = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {right:.0f} {bottom:.0f}",
        width=f"{right:.0f}",
        height=f"{bottom:.0f}",
    )
    definitions = ElementTree.SubElement(svg, "defs")
    marker = ElementTree.SubElement(
        definitions,
        "marker",
        id="arrow",
        viewBox="0 0 10 10",
        refX="9",
        refY="5",
        markerWidth="7",
        markerHeight="7",
        orient="auto-start-reverse",
    )
    ElementTree.SubElement(marker, "path", d="M 0 1 L 10 5 L 0 9 z", fill="#667")
    ElementTree.SubElement(svg, "rect", width="100%", height="100%", fill="white")
    for node in nodes:
        for operand in dict.fromkeys(node.operands):
            if operand in centers:
                _edge(svg, centers[operand], sizes[operand], centers[node], sizes[node])
    for node in nodes:
        kind = "input" if node in graph.inputs else "output" if node in graph.outputs else "inner"
        source = graph.sources.get(node)
        where = f"{source}  {source.text}" if source else ""
        _draw_box(svg, centers[node], sizes[node], texts[node], _COLORS[kind], where)
    return svg


def _edge(
    svg: ElementTree.Element,
    start: tuple[float, float],
    start_size: tuple[float, float],
    end: tuple[float, float],
    end_size: tuple[float, float],
) -> None:
    x0, y0 = start[0], start[1] + start_size[1] / 2
    x1, y1 = end[0], end[1] - end_size[1] / 2
    middle = (y0 + y1) / 2
    curve = f"M {x0:.1f} {y0:.1f} C {x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}"
    ElementTree.SubElement(
        svg, "path", {"d": curve, "fill": "none", "stroke": "#667", "marker-end": "url(#arrow)"}
    )


def _draw_box(
    svg: ElementTree.Element,
    center: tuple[float, float],
    size: tuple[float, float],
    lines: list[str],
    color: str,
    source: str,
) -> None:
    group = ElementTree.SubElement(svg, "g")
    if source:
        ElementTree.SubElement(group, "title").text = source
    x, y = center[0] - size[0] / 2, center[1] - size[1] / 2
    ElementTree.SubElement(
        group,
        "rect",
        x=f"{x:.1f}",
        y=f"{y:.1f}",
        width=f"{size[0]:.1f}",
        height=f"{size[1]:.1f}",
        rx="6",
        fill=color,
        stroke="#667",
    )
    for i, line in enumerate(lines):
        text = ElementTree.SubElement(
            group,
            "text",
            {
                "x": f"{center[0]:.1f}",
                "y": f"{y + _PADDING + (i + 0.8) * _LINE:.1f}",
                "text-anchor": "middle",
                "font-family": "monospace",
                "font-size": "12",
                "font-weight": "bold" if i == 0 else "normal",
            },
        )
        text.text = line

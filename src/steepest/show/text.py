"""A graph as text: one line for each node, with dtype, shape and the user's source line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.graph import Graph, Node


def short_dtype(dtype: np.dtype) -> str:
    """Return a dtype in few letters, such as f64, i32 or bool."""
    if dtype == np.bool_:
        return "bool"
    return f"{dtype.kind}{8 * dtype.itemsize}"


def type_of(node: Node) -> str:
    """Return dtype and shape, such as ``f64[3,2]``."""
    return f"{short_dtype(node.dtype)}[{','.join(map(str, node.shape))}]"


def format_attributes(node: Node) -> str:
    """Return the attributes as ``name=value`` pairs."""
    return ", ".join(f"{name}={_brief(v)}" for name, v in sorted(node.attributes.items()))


def _brief(value: Any) -> Any:
    # A step of a loop is a graph of its own.
    return f"<{len(value.nodes)} nodes>" if hasattr(value, "nodes") else value


def node_names(graph: Graph) -> dict[Node, str]:
    """Return a short name for every node: the inputs' own, ``%0``, ``%1``... for the rest."""
    names = dict(zip(graph.inputs, graph.input_names, strict=True))
    for node in graph.nodes:
        if node not in names and node.op.name != "constant":
            names[node] = f"%{len(names) - len(graph.inputs)}"
    for node in graph.nodes:
        if node.op.name == "constant":
            names[node] = format_value(node.op.evaluate(**node.attributes))
    return names


def format_call(node: Node, names: Mapping[Node, str]) -> str:
    """Return an operation with its operands and attributes, such as ``sum(%1, axis=(0,))``."""
    arguments = [names[operand] for operand in node.operands]
    if node.attributes and node.op.name != "input":
        arguments.append(format_attributes(node))
    return f"{node.op.name}({', '.join(arguments)})"


def format_value(value: Any) -> str:
    """Return a value on one line, abbreviated."""
    array = np.asarray(value)
    if array.ndim == 0:
        return str(array[()])
    text = np.array2string(array, separator=", ", threshold=6, edgeitems=2, precision=6)
    return " ".join(text.split())


def format_graph(graph: Graph) -> str:
    """Return the whole graph as text."""
    names = node_names(graph)
    rows = []
    for node in graph.nodes:
        if node.op.name == "constant":
            continue
        source = graph.sources.get(node)
        where = f"# {source}  {source.text}" if source else ""
        rows.append((f"{names[node]} = {format_call(node, names)}", type_of(node), where))
    for guard in graph.guards:
        where = f"# {guard.source}  {guard.source.text}" if guard.source else ""
        text = f"guard {names[guard.condition]} is {format_value(guard.value)}"
        rows.append((text, type_of(guard.condition), where))
    width = max((len(row[0]) for row in rows), default=0)
    types = max((len(row[1]) for row in rows), default=0)
    lines = [f"{a:<{width}}  {b:<{types}}  {c}".rstrip() for a, b, c in rows]
    lines.append("return " + ", ".join(names[node] for node in graph.outputs))
    return "\n".join(lines)

"""A graph's numbers: value and gradient at every node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import node_gradients
from steepest.graph import Graph, Node, evaluate, evaluate_all


@dataclass(frozen=True)
class NodeNumbers:
    """The numbers of a node at a point.

    Attributes
    ----------
    value
        Its value.
    gradient
        The gradient of the graph's only output by it; None where there is none.
    """

    value: np.ndarray
    gradient: np.ndarray | None


def numbers(graph: Graph, arguments: Sequence[Any]) -> dict[Node, NodeNumbers]:
    """Return value and gradient of every node at a point.

    Parameters
    ----------
    graph
        Any graph; gradients are there if it has one real number as its output.
    arguments
        As for a call of the graph.
    """
    return numbers_of(graph)(arguments)


def numbers_of(graph: Graph) -> Callable[[Sequence[Any]], dict[Node, NodeNumbers]]:
    """Return :func:`numbers` of a graph as a function of the arguments, for many points."""
    loss, nodes = graph.outputs[0], dict[Node, Node]()
    if len(graph.outputs) == 1 and loss.shape == () and loss.dtype.kind == "f":
        nodes = dict(node_gradients(loss, graph.inputs))

    def at(arguments: Sequence[Any]) -> dict[Node, NodeNumbers]:
        known = graph.bind(graph.flatten(arguments))
        evaluate_all(graph.nodes, known)
        values = {node: known[node] for node in graph.nodes}
        found = evaluate(list(nodes.values()), known)
        gradients = dict(zip(nodes, found, strict=True))
        return {node: NodeNumbers(values[node], gradients.get(node)) for node in graph.nodes}

    return at

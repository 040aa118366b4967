"""The verifier: what must be true of every graph. Tests check it after every pass."""

from __future__ import annotations

import functools

from steepest.errors import VerificationError
from steepest.graph.graph import Graph
from steepest.graph.node import make


def verify(graph: Graph) -> Graph:
    """Check a graph's invariants and return it.

    Every node is the interned one of its kind; its shape and dtype are what its row's rule
    says; every input that is reached is one of the graph's own.

    Raises
    ------
    VerificationError
        Naming the node at fault.
    """
    if len(set(graph.inputs)) != len(graph.inputs):
        raise VerificationError("an input is listed twice")
    inputs = set(graph.inputs)
    for node in graph.nodes:
        if node.op.name == "input":
            if node not in inputs:
                raise VerificationError(f"{node} is reached but is not an input of the graph")
            continue
        shape, dtype = node.op.infer(*node.operands, **node.attributes)
        if (tuple(shape), dtype) != (node.shape, node.dtype):
            raise VerificationError(
                f"{node}: the rule of {node.op.name} gives {dtype}{list(shape)}"
            )
        if make(node.op, node.operands, **node.attributes) is not node:
            raise VerificationError(f"{node} is not interned")
        for value in node.attributes.values():
            if isinstance(value, Graph):  # the step of a loop
                _verify_step(value)
    return graph


@functools.lru_cache(maxsize=1024)
def _verify_step(step: Graph) -> None:
    """Check the step of a loop. Passes meet the same one many times."""
    verify(step)

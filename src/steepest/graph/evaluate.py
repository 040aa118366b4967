"""Evaluate nodes in NumPy, one by one. Every engine must agree with this.

NumPy's warnings (division by zero and the like) are silenced: the result has the infinity.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from steepest.graph.node import Node, order


def evaluate(outputs: Sequence[Node], known: Mapping[Node, Any]) -> list[np.ndarray]:
    """Compute nodes, and drop intermediate values as soon as they are not needed.

    Parameters
    ----------
    outputs
        Nodes whose values are wanted.
    known
        Values of the inputs, and of any other node that is known already.

    Returns
    -------
    list of ndarray
        One array for each output.
    """
    return evaluator(outputs, known)(known)


def evaluator(
    outputs: Sequence[Node], given: Collection[Node]
) -> Callable[[Mapping[Node, Any]], list[np.ndarray]]:
    """Return a function that computes nodes from the values of given nodes."""
    nodes = [node for node in order(outputs, stop=given) if node not in given]
    last = {operand: node for node in nodes for operand in node.operands}
    for node in outputs:
        last.pop(node, None)
    last_used_by: dict[Node, list[Node]] = {}
    for operand, node in last.items():
        last_used_by.setdefault(node, []).append(operand)
    steps = [(node, node.operands, last_used_by.get(node, ())) for node in nodes]

    def run(known: Mapping[Node, Any]) -> list[np.ndarray]:
        values = dict(known)
        with np.errstate(all="ignore"):
            for node, operands, finished in steps:
                values[node] = _value(node, [values[operand] for operand in operands])
                for operand in finished:  # memory that is still warm serves the next array
                    del values[operand]
        return [values[node] for node in outputs]

    return run


def evaluate_all(outputs: Sequence[Node], known: MutableMapping[Node, Any]) -> None:
    """Compute nodes, and add their values and all intermediate values to the known ones."""
    with np.errstate(all="ignore"):
        for node in order(outputs, stop=known):
            if node not in known:
                known[node] = _value(node, [known[operand] for operand in node.operands])


def _value(node: Node, operands: list[Any]) -> np.ndarray:
    return np.asarray(node.op.evaluate(*operands, **node.attributes))

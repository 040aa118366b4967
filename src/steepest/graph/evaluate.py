"""A graph's values in NumPy, node by node: the semantics of record.

Warnings of NumPy (division by zero and such) are silent: the result says it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from steepest.graph.node import Node, order


def evaluate(outputs: Sequence[Node], known: Mapping[Node, Any]) -> list[np.ndarray]:
    """Compute nodes, keeping nothing in between.

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
    """Return what computes nodes of the values of given ones, as :func:`evaluate` does."""
    nodes = [node for node in order(outputs, stop=given) if node not in given]
    last = {operand: node for node in nodes for operand in node.operands}
    for node in outputs:
        last.pop(node, None)
    over: dict[Node, list[Node]] = {}
    for operand, node in last.items():
        over.setdefault(node, []).append(operand)
    steps = [(node, node.operands, over.get(node, ())) for node in nodes]

    def run(known: Mapping[Node, Any]) -> list[np.ndarray]:
        values = dict(known)
        with np.errstate(all="ignore"):
            for node, operands, ended in steps:
                values[node] = _value(node, [values[operand] for operand in operands])
                for operand in ended:  # memory that is still warm serves the next array
                    del values[operand]
        return [values[node] for node in outputs]

    return run


def evaluate_all(outputs: Sequence[Node], known: MutableMapping[Node, Any]) -> None:
    """Compute nodes, and add every value on the way to the known ones."""
    with np.errstate(all="ignore"):
        for node in order(outputs, stop=known):
            if node not in known:
                known[node] = _value(node, [known[operand] for operand in node.operands])


def _value(node: Node, operands: list[Any]) -> np.ndarray:
    return np.asarray(node.op.evaluate(*operands, **node.attributes))

"""A graph's values in NumPy, node by node: the semantics of record."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import numpy as np

from steepest.graph.node import Node, order


def evaluate(outputs: Sequence[Node], known: MutableMapping[Node, Any]) -> list[np.ndarray]:
    """Compute nodes, remembering every value on the way.

    Parameters
    ----------
    outputs
        Nodes whose values are wanted.
    known
        Values of the inputs, and of any other node that is known already; the values
        found are added to it.

    Returns
    -------
    list of ndarray
        One array for each output.

    Notes
    -----
    Warnings of NumPy (division by zero and such) are silent: the result says it.
    """
    with np.errstate(all="ignore"):
        for node in order(outputs, stop=known):
            if node not in known:
                values = [known[operand] for operand in node.operands]
                known[node] = np.asarray(node.op.evaluate(*values, **node.attributes))
    return [known[node] for node in outputs]

"""How much there is to compute: an estimate, before anything is compiled."""

from __future__ import annotations

from collections.abc import Sequence

from steepest.graph import Graph, Node, order


def work_of(outputs: Sequence[Node]) -> float:
    """Return about how many elements are computed for some outputs.

    A loop whose number of steps is known counts that often, another one once.
    """
    return sum(map(_work, order(outputs)))


def _work(node: Node) -> float:
    steps = [value for value in node.attributes.values() if isinstance(value, Graph)]
    within = sum([work_of(step.outputs) for step in steps])
    rows = node.operands[1].shape[0] if node.op.name == "scan" else 1
    depth = node.operands[0].shape[-1] if node.op.name == "matmul" else 1
    return float(depth * node.size + rows * within)

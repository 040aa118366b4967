"""Find the node where the first NaN or infinity arises."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.graph.evaluate import evaluate_all
from steepest.graph.node import Node, order
from steepest.graph.source import Source


@dataclass(frozen=True)
class Origin:
    """The first node that is not finite although its operands are.

    Attributes
    ----------
    node
        The node.
    element
        Position of its first element that is not finite.
    value
        That element.
    operands
        The operands' elements that it was computed from; empty unless the op is elementwise.
    source
        The user's line.
    """

    node: Node
    element: tuple[int, ...]
    value: float
    operands: tuple[float, ...] = ()
    source: Source | None = field(default=None, repr=False)

    def __str__(self) -> str:
        where = f" at {self.source}: {self.source.text}" if self.source else ""
        index = f"[{', '.join(map(str, self.element))}]" if self.element else ""
        of = f" of {', '.join(f'{x:.6g}' for x in self.operands)}" if self.operands else ""
        reason = f" ({self.node.op.explain})" if self.node.op.explain else ""
        return f"{self.node.op.name}{index}{of} gives {self.value}{where}{reason}"


def find_origin(
    outputs: Sequence[Node],
    known: MutableMapping[Node, Any],
    sources: Mapping[Node, Source],
) -> Origin | None:
    """Return where the first NaN or infinity arises on the way to some outputs.

    Parameters
    ----------
    outputs
        Nodes to compute.
    known
        Values of the inputs; those of all other nodes are added.
    sources
        The user's line for each node that has one.

    Returns
    -------
    Origin or None
        None if everything is finite. Constants that are not finite do not count: the user
        wrote them.
    """
    evaluate_all(outputs, known)
    for node in order(outputs):
        value = np.asarray(known[node])
        if value.dtype.kind != "f" or not node.operands:
            continue
        operands = [np.asarray(known[operand]) for operand in node.operands]
        if np.isfinite(value).all() or not all(map(_is_finite, operands)):
            continue
        element = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        return Origin(
            node,
            element,
            float(value[element]),
            _elements_at(operands, node, element),
            sources.get(node),
        )
    return None


def _is_finite(value: np.ndarray) -> bool:
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _elements_at(
    operands: Sequence[np.ndarray], node: Node, element: tuple[int, ...]
) -> tuple[float, ...]:
    try:
        spread = [np.broadcast_to(operand, node.shape) for operand in operands]
    except ValueError:
        return ()
    return tuple(float(operand[element]) for operand in spread)

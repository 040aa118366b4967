"""Rebuild nodes with others in place of some of them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

from steepest.graph import Node, Source, make, order


def substitute(
    outputs: Sequence[Node],
    replacements: Mapping[Node, Node],
    sources: MutableMapping[Node, Source],
) -> list[Node]:
    """Return the outputs with nodes replaced, wherever they occur.

    Parameters
    ----------
    outputs
        Nodes to rebuild.
    replacements
        New nodes, of the same shapes and dtypes, for old ones.
    sources
        Lines of nodes; rebuilt nodes get those of the old ones.
    """
    new: dict[Node, Node] = dict(replacements)
    for node in order(outputs, stop=replacements):
        if node in new:
            continue
        operands = tuple(new[operand] for operand in node.operands)
        if operands == node.operands:
            new[node] = node
            continue
        new[node] = make(node.op, operands, **node.attributes)
        if node in sources:
            sources.setdefault(new[node], sources[node])
    return [new[node] for node in outputs]

"""Rebuild nodes with others in place of some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence

from steepest.graph.node import Node, make, order
from steepest.graph.passes import verify_pass
from steepest.graph.source import Source


def with_operands(node: Node, new: Mapping[Node, Node]) -> Node:
    """Return the same operation on the rebuilt operands."""
    operands = tuple(new[operand] for operand in node.operands)
    return node if operands == node.operands else make(node.op, operands, **node.attributes)


def rebuild(
    outputs: Sequence[Node],
    visit: Callable[[Node, Mapping[Node, Node]], Node],
    sources: MutableMapping[Node, Source] | None = None,
    replacements: Mapping[Node, Node] | None = None,
) -> list[Node]:
    """Return the outputs, with each node replaced by what a function returns for it.

    Parameters
    ----------
    outputs
        Nodes to rebuild.
    visit
        Function of a node and of the rebuilt nodes by the old ones. It is called for
        operands first, and returns :func:`with_operands` of the two to keep an operation.
    sources
        Lines of nodes; rebuilt nodes get those of the old ones.
    replacements
        New nodes for old ones, which are not visited; nor are their operands.
    """
    new = dict(replacements or {})
    for node in order(outputs, stop=frozenset(new)):
        if node in new:
            continue
        rebuilt = new[node] = visit(node, new)
        if sources is not None and node in sources:
            sources.setdefault(rebuilt, sources[node])
    return [new[node] for node in outputs]


def substitute(
    outputs: Sequence[Node],
    replacements: Mapping[Node, Node],
    sources: MutableMapping[Node, Source] | None = None,
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
    result = rebuild(outputs, with_operands, sources, replacements)
    verify_pass("substitute", outputs, result, replacements.values())
    return result

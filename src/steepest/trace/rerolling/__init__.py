"""Straight-line repetition turned back into loops.

A Python loop records the same operations once for each iteration. Here such a stretch of a
graph is found (``search``) and becomes one ``scan`` node (``build``): what an iteration takes
from the one before is carried, what differs from one iteration to the next is a row of a
matrix, and what outlives an iteration is yielded. The size of the derivative and of machine
code then does not depend on the number of iterations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence

from steepest.graph import Node, Source, order, rebuild, substitute, with_operands
from steepest.ops import SCAN
from steepest.trace.rerolling.build import scan_of
from steepest.trace.rerolling.fission import in_two
from steepest.trace.rerolling.rows import collected
from steepest.trace.rerolling.search import LEAST_SAVED, loops, text_of, weight
from steepest.trace.rerolling.stores import with_stores_merged

MOST_LOOPS = 24
"""Loops that are looked for, one after the other: each search walks the whole graph."""


def reroll(
    outputs: Sequence[Node],
    sources: MutableMapping[Node, Source],
    has_slope: Callable[[Node], bool],
) -> list[Node]:
    """Return the outputs with loops in place of repetition.

    Each loop that is found makes the graph shorter; the search takes time in proportion to the
    number of nodes, and is repeated for at most `MOST_LOOPS` loops.

    Parameters
    ----------
    outputs
        Nodes to be computed.
    sources
        Lines of nodes; rebuilt nodes get those of the old ones.
    has_slope
        Tells whether a node may depend on what is differentiated by. Short loops that pick
        another variable in each iteration are left unrolled: most of their derivatives are zero,
        which a loop would compute all the same, for each variable.
    """
    outputs = list(outputs)
    merged = with_stores_merged(outputs, sources) if _is_long(outputs) else None
    if merged is not None:
        rerolled = _reroll(merged, sources, has_slope)
        if rerolled is not merged:
            return rerolled
    return _reroll(outputs, sources, has_slope)


def _is_long(outputs: Sequence[Node]) -> bool:
    return weight_of(outputs) >= LEAST_SAVED


def weight_of(outputs: Sequence[Node]) -> int:
    """Return the number of operations of a graph, with those of its steps."""
    return sum(map(weight, order(outputs)))


def _reroll(
    outputs: list[Node],
    sources: MutableMapping[Node, Source],
    has_slope: Callable[[Node], bool],
) -> list[Node]:
    vectors: set[Node] = set()
    nodes = order(outputs)
    if len(nodes) >= LEAST_SAVED and any(node.op is SCAN for node in nodes):
        outputs = rebuild(outputs, _collect, sources)
    for _ in range(MOST_LOOPS):
        nodes = order(outputs)
        before = sum(map(weight, nodes))
        if before < LEAST_SAVED:
            return outputs
        text = text_of(nodes, vectors)
        for loop in loops(text):
            made: set[Node] = set()
            replaced = scan_of(text, loop, outputs, sources, has_slope, made)
            if replaced is not None:
                shorter = rebuild(substitute(outputs, replaced, sources), _collect, sources)
                # What collects a loop's rows may cost as much as the loop.
                if weight_of(shorter) <= before - LEAST_SAVED // 2:
                    outputs = shorter
                    vectors |= made
                    break
        else:
            return outputs
    return outputs


def _collect(node: Node, new: Mapping[Node, Node]) -> Node:
    node = with_operands(node, new)
    return collected(node) or node


__all__ = ["LEAST_SAVED", "in_two", "reroll", "weight_of"]

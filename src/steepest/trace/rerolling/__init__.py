"""Straight-line repetition turned back into loops.

A Python loop records the same operations once for each iteration. Here such a stretch of a
graph is found (``search``) and becomes one ``scan`` node (``build``): what an iteration takes
from the one before is carried, what differs from one iteration to the next is a row of a
matrix, and what outlives an iteration is yielded. The size of the derivative and of machine
code then does not depend on the number of iterations.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence

from steepest.graph import Node, Source, order
from steepest.graph.substitute import substitute
from steepest.trace.rerolling.build import scan_of
from steepest.trace.rerolling.search import LEAST_SAVED, Loop, loops, text_of


def reroll(outputs: Sequence[Node], sources: MutableMapping[Node, Source]) -> list[Node]:
    """Return the outputs with loops in place of repetition.

    Parameters
    ----------
    outputs
        Nodes to be computed.
    sources
        Lines of nodes; rebuilt nodes get those of the old ones.
    """
    outputs = list(outputs)
    while True:
        nodes = order(outputs)
        if len(nodes) < LEAST_SAVED:
            return outputs
        text = text_of(nodes)
        for loop in loops(text):
            replaced = scan_of(text, loop, outputs, sources)
            if replaced is not None:
                break
        else:
            return outputs
        outputs = substitute(outputs, replaced, sources)


__all__ = ["Loop", "reroll"]

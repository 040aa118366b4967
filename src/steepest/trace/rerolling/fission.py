"""Loops in two: first what has no slope, then what has one.

An integral is a sum over intervals, which a search has found. The search has no slope. In one loop
with the sum it would be made again by each derivative of the loop. Here it becomes a loop of its
own, whose results are rows of the other (loop fission). The iterations must not depend on each
other.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence

from steepest.graph import Graph, Node, Source, make, order, rebuild, substitute, with_operands
from steepest.ops import INPUT, SCAN, TABLE, Zero
from steepest.ops.arrays.loops import ScanLayout, step_input
from steepest.ops.elementwise.arithmetic import STOP_GRADIENT
from steepest.trace.rerolling.build import EXACT, joined, piece

_MOST = 1 << 22
"""Numbers that may be kept between the two loops."""


def in_two(outputs: Sequence[Node], sources: MutableMapping[Node, Source]) -> list[Node]:
    """Return the outputs with loops in two where that saves work."""

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        node = with_operands(node, new)
        if node.op is not SCAN or node.operands[0].size or len(node.attributes) > 1:
            return node
        return _split(node, sources) or node

    return rebuild(outputs, visit, sources)


def _split(loop: Node, sources: MutableMapping[Node, Source]) -> Node | None:
    """Return the second loop, which has the results of both; None if one is enough."""
    step: Graph = loop.attributes["step"]
    carry, rows, *around = loop.operands
    kept = _without_slope(step)
    size, (number, width) = sum(node.size for node in kept), rows.shape
    if not kept or number * size > _MOST or not {node.dtype for node in kept} <= EXACT:
        return None
    first = make(SCAN, loop.operands, step=Graph(step.inputs, (step.outputs[0], joined(kept))))
    if loop in sources:
        sources.setdefault(first, sources[loop])
    results = ((ScanLayout.of(first).results, number * size, 1),)
    found = make(TABLE["getitem"], (first,), slices=results)
    found = make(STOP_GRADIENT, (make(TABLE["reshape"], (found,), shape=(number, size)),))
    before, row, *further = step.inputs
    wide = step_input(1, (width + size,), row.dtype)
    replaced = {row: piece(wide, 0, row)}
    for node in kept:
        replaced[node] = piece(wide, width, node)
        width += node.size
    outputs = tuple(substitute(step.outputs, replaced, sources))
    both = make(TABLE["concatenate"], (rows, found), axis=1)
    return make(SCAN, (carry, both, *around), step=Graph((before, wide, *further), outputs))


def _without_slope(step: Graph) -> list[Node]:
    """Return the results without slope, of long computations, that a step computes with further.

    There are none if nothing has a slope.
    """
    slope: dict[Node, bool] = {}
    is_long: dict[Node, bool] = {}
    for node in order(step.outputs):
        is_steady = isinstance(node.op.derivative, Zero)
        below = not is_steady and any([slope[operand] for operand in node.operands])
        slope[node] = node.dtype.kind == "f" and (node.op is INPUT or below)
        holds_steps = any([type(value) is Graph for value in node.attributes.values()])
        is_long[node] = holds_steps or any([is_long[operand] for operand in node.operands])
    if not any(slope[node] and is_long[node] for node in slope):
        return []
    used = [x for node in slope if slope[node] for x in node.operands] + list(step.outputs)
    return [x for x in dict.fromkeys(used) if not slope[x] and is_long[x]]

"""Values of a function of rows, computed block by block."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError
from steepest.graph import Node, order, trees
from steepest.graph.source import at, function_source
from steepest.ops.rows import WHOLE
from steepest.rewrite.panels.analysis import Analysis
from steepest.streams import Source
from steepest.trace import trace_function
from steepest.trace.tracing import is_array_like


def values_in_blocks(
    function: Callable[[Any], Any], x: Any, user: Callable[..., Any]
) -> np.ndarray:
    """Return a function of rows, some of which are read in blocks.

    Parameters
    ----------
    function
        Takes x and returns an array with a row for each of its rows.
    x
        Arrays, maybe nested, at least one of them a source.
    user
        The user's function in it, which messages name.

    Raises
    ------
    InputError
        If a value depends on more than one row.
    """
    leaves = [leaf for leaf in trees.leaves(x) if is_array_like(leaf)]
    first = next(leaf for leaf in leaves if isinstance(leaf, Source))
    rows = len(first)
    known = _plan(function, x, rows)
    if known is None:
        name = getattr(user, "__name__", "the model")
        raise InputError(
            f"{name}{at(function_source(user))} looks at several rows at a time, so that it is "
            f"not computed in blocks of {first.name}: give x.whole(), if all rows fit in memory"
        )
    found: np.ndarray | None = None
    for start, stop in first.spans():
        axis = iter(known.axes)

        def some(leaf: Any, axis: Any = axis, start: int = start, stop: int = stop) -> Any:
            if not is_array_like(leaf):
                return leaf
            place = next(axis)
            if isinstance(leaf, Source):
                return leaf.read(start, stop)
            return leaf if place is None else leaf[(slice(None),) * place + (slice(start, stop),)]

        part = np.asarray(function(trees.map_leaves(some, x)))
        if known.is_constant:
            return np.broadcast_to(part, (rows,))
        if found is None:
            found = np.empty((rows, *part.shape[1:]), part.dtype)
        found[start:stop] = part
    assert found is not None, "a source has rows"
    return found


class _Plan(NamedTuple):
    """How a function of rows is computed block by block.

    Attributes
    ----------
    axes
        The axis along which each array in x is cut; None for those that are not.
    is_constant
        Whether the function is one number, whatever the rows are.
    """

    axes: list[int | None]
    is_constant: bool


def _plan(function: Callable[[Any], Any], x: Any, rows: int) -> _Plan | None:
    """Return how a function is computed; None if a value depends on more than one row."""
    graph = trace_function(function, (x,)).graph
    given = [leaf for leaf in trees.leaves(x) if is_array_like(leaf)]
    outputs, own = graph.outputs[: graph.returned], graph.inputs[: len(given)]
    nodes = order(outputs)
    analysis = Analysis(nodes, rows, ())
    axes = [analysis.mapped[node].axis if node in analysis.mapped else None for node in own]
    are_cut = [
        axis == 0 or node not in nodes
        for axis, node, leaf in zip(axes, own, given, strict=True)
        if isinstance(leaf, Source)
    ]
    is_simple = not graph.guards and len(outputs) == 1 and all(are_cut)
    if not is_simple or not all(map(_is_aligned(analysis, own), nodes)):
        return None
    (output,) = outputs
    if output in analysis.mapped:
        return _Plan(axes, False) if analysis.mapped[output].axis == 0 else None
    return _Plan(axes, True) if output.shape in ((), (1,)) else None


def _is_aligned(analysis: Analysis, own: Any) -> Callable[[Node], bool]:
    """Return whether a node's rows are made of the same rows of its operands."""

    def is_aligned(node: Node) -> bool:
        if node in analysis.in_memory:
            return node in own
        if node not in analysis.mapped:
            return not any(operand in analysis.mapped for operand in node.operands)
        found = analysis.mapped[node]
        pairs = zip(node.operands, found.needs, strict=True)
        return found.start == 0 and all(
            operand not in analysis.mapped if need is WHOLE else need[1] == 0
            for operand, need in pairs
        )

    return is_aligned

"""Values of a function of rows, computed block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError
from steepest.graph import Node, evaluator, order, trees
from steepest.graph.source import at, function_source
from steepest.ops import input_node
from steepest.ops.arrays.relief import machine_code_allowed
from steepest.ops.rows import WHOLE, Need
from steepest.rewrite.panels.row_rules import needs_of, with_rows
from steepest.streams import Source
from steepest.trace import trace_function
from steepest.trace.tracing import is_array_like

_LEVEL = 1 << 22


def values_in_blocks(
    function: Callable[[Any], Any], x: Any, user: Callable[..., Any]
) -> np.ndarray:
    """Return a function of rows, some of which are read in blocks.

    The function is recorded for all rows, and what was recorded is computed for some rows at a
    time, so that it may depend on their number.

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
    if rows == 1:
        here = lambda leaf: leaf.whole() if isinstance(leaf, Source) else leaf
        found = np.asarray(function(trees.map_leaves(here, x)))
        return np.broadcast_to(found, (1,)) if found.shape == () else found
    recorded = _recorded(function, x, leaves, rows)
    if recorded is None:
        name = getattr(user, "__name__", "the model")
        raise InputError(
            f"{name}{at(function_source(user))} looks at several rows at a time, or is not "
            "known to compute each row by itself, so that it is not computed in blocks of "
            f"{first.name}: give x.whole(), if all rows fit in memory"
        )
    if recorded.output not in recorded.axes:
        value = recorded.known[recorded.output]
        return np.broadcast_to(value, (rows, *value.shape[1:]))
    blocks: dict[int, _Block] = {}
    values: np.ndarray | None = None
    for start, stop in first.spans():
        if stop - start not in blocks:
            blocks[stop - start] = _block(recorded, stop - start)
        part = blocks[stop - start].of(recorded, start, stop)
        if values is None:
            values = np.empty((rows, *part.shape[1:]), part.dtype)
        values[start:stop] = part
    assert values is not None, "a source has rows"
    return values


class _Recorded(NamedTuple):
    """A function of all rows, as a graph.

    Attributes
    ----------
    output
        What it returns.
    axes
        The axis of the rows of each node that depends on what is read in blocks.
    known
        The values of other nodes, and the sources of inputs.
    """

    output: Node
    axes: Mapping[Node, int]
    known: Mapping[Node, Any]


class _Block(NamedTuple):
    """The graph of some rows.

    Attributes
    ----------
    given
        For each input, the node of the graph of all rows, and the axis along which it is cut.
    run
        Returns the output, from the values of the inputs.
    """

    given: Mapping[Node, tuple[Node, int | None]]
    run: Callable[[Mapping[Node, Any]], list[np.ndarray]]

    def of(self, recorded: _Recorded, start: int, stop: int) -> np.ndarray:
        """Return the output's rows from one to another."""
        values = {}
        for node, (whole, axis) in self.given.items():
            value = recorded.known[whole]
            if isinstance(value, Source):
                value = value.read(start, stop)
            elif axis is not None:
                value = value[(slice(None),) * axis + (slice(start, stop),)]
            values[node] = value
        with machine_code_allowed():
            return self.run(values)[0]


def _recorded(
    function: Callable[[Any], Any], x: Any, leaves: list[Any], rows: int
) -> _Recorded | None:
    """Return a function as a graph; None if a value depends on more than one row."""
    trace = trace_function(function, (x,))
    graph = trace.graph
    if graph.returned != 1:
        return None
    output, values = graph.outputs[0], [*leaves, *trace.captured_arrays()]
    known = dict(zip(graph.inputs, values, strict=True))
    sources = {node for node, value in known.items() if isinstance(value, Source)}
    axes: dict[Node, int] = {}
    nodes = order([output, *(guard.condition for guard in graph.guards)])
    for node in nodes:
        if node in sources or any(operand in axes for operand in node.operands):
            axis = 0 if node in sources else _axis(node, axes, rows)
            if axis is None or node.shape[axis] != rows:
                return None
            axes[node] = axis
    fits = axes[output] == 0 if output in axes else output.shape in ((), (1,))
    if not fits and (output in axes or output.shape[:1] != (rows,)):
        return None
    whole = [x for node in nodes if node in axes for x in node.operands if x not in axes]
    whole = list(dict.fromkeys(whole if output in axes else [output]))
    with machine_code_allowed():
        found = evaluator(whole, frozenset(known))(known)
    return _Recorded(output, axes, {**known, **dict(zip(whole, found, strict=True))})


def _axis(node: Node, axes: Mapping[Node, int], rows: int) -> int | None:
    """Return the axis along which rows are made of the same rows of operands, if there is one."""

    def is_aligned(operand: Node, need: Need) -> bool:
        if operand in axes:
            return need == (axes[operand], 0)
        return need is WHOLE or (need[1] == 0 and operand.shape[need[0]] == rows)

    for axis in range(node.ndim):
        found = needs_of(node, axis) if node.shape[axis] == rows else None
        if found and all(map(is_aligned, node.operands, found[0])):
            return axis
    return None


def _block(recorded: _Recorded, rows: int) -> _Block:
    """Return the graph of some rows, of which there are so many."""
    given: dict[Node, tuple[Node, int | None]] = {}
    cut: dict[tuple[Node, int | None], Node] = {}

    def part(node: Node, axis: int | None) -> Node:
        if (node, axis) not in cut:
            shape = [rows if i == axis else extent for i, extent in enumerate(node.shape)]
            cut[node, axis] = input_node(len(given), tuple(shape), node.dtype, _LEVEL)
            given[cut[node, axis]] = node, axis
        return cut[node, axis]

    made: dict[Node, Node] = {}
    for node in order([recorded.output]):
        if node not in recorded.axes:
            continue
        axis = recorded.axes[node]
        if isinstance(recorded.known.get(node), Source):
            made[node] = part(node, axis)
            continue
        needs = needs_of(node, axis)
        assert needs is not None, "it has rows"
        operands = [
            made[x] if x in made else part(x, None if need is WHOLE else need[0])
            for x, need in zip(node.operands, needs[0], strict=True)
        ]
        made[node] = with_rows(node, axis, operands, rows)
    return _Block(given, evaluator([made[recorded.output]], frozenset(given)))

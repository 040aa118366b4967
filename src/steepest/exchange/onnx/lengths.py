"""Graphs of one function for several numbers of rows, as one graph with a free number of rows.

Every whole number in the graphs must be the same, or ``factor * rows + constant``. Two numbers of
rows determine that, the third confirms it; it is far larger, so that constants in the function,
such as the end of ``x[:64]``, lie below it. Recording takes shapes, not data. The graph that
follows is then computed for other numbers of rows, and compared with the function.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.exchange.onnx.builder import Extent, Written
from steepest.graph import Graph, Node, evaluate, make, order, rebuild, with_operands
from steepest.graph.source import at
from steepest.ops import CONSTANT, INPUT, TABLE, constant_node, constant_value, input_node

_FEW, _MANY = (37, 41), (1_000_003, 100_003, 10_007)
_BYTES = 1 << 24
"""Most memory of the constants that depend on the number of rows."""

_COMPARED = (1, 2, 5)
"""Numbers of rows for which the result is compared with the function."""


class Pattern(NamedTuple):
    """A constant that depends on the number of rows.

    Attributes
    ----------
    kind
        ``"number"`` for one number everywhere, ``"inverse"`` for 1 / number, ``"range"`` for
        numbers from `first` on in steps of `step`.
    first, step
        The numbers.
    """

    kind: str
    first: Any
    step: Any


@dataclass(frozen=True)
class FreeGraph:
    """A graph whose number of rows may be free.

    Attributes
    ----------
    graph
        The graph, for one number of rows.
    written
        Its nodes, operands first, with shapes and attributes for any number of rows.
    patterns
        The constants that depend on the number of rows.
    """

    graph: Graph
    written: Mapping[Node, Written]
    patterns: Mapping[Node, Pattern]


def fixed(graph: Graph) -> FreeGraph:
    """Return a graph whose shapes are all fixed."""
    nodes = order([*graph.inputs, *graph.outputs])
    shapes = {node: node.shape for node in nodes}
    written = {
        node: Written(node, node.shape, node.attributes, tuple(shapes[x] for x in node.operands))
        for node in nodes
    }
    return FreeGraph(graph, written, {})


def freed(
    trace: Callable[[Any], Graph], examples: Sequence[Any], rows: Sequence[int]
) -> FreeGraph:
    """Return the graph of a function for any number of rows.

    Parameters
    ----------
    trace
        Records the function for some arguments.
    examples
        Arrays, one for each input of the function.
    rows
        Positions of the arrays whose first axis may have any length.

    Raises
    ------
    UnsupportedError
        If the graphs for several numbers of rows do not differ in lengths alone.
    """

    def resized(length: int) -> list[np.ndarray]:
        return [
            np.resize(x, (length, *x.shape[1:])) if i in rows else x
            for i, x in enumerate(examples)
        ]

    def alike(length: int) -> list[np.ndarray]:
        """Return arrays of that many rows, all of them the first."""
        return [
            np.broadcast_to(x[:1], (length, *x.shape[1:])) if i in rows else x
            for i, x in enumerate(examples)
        ]

    graphs = [trace(resized(length)) for length in _FEW]
    theirs = [x for x in graphs[0].captured if _is_among(x, graphs[1].captured)]
    graphs = [_with_made(graph, theirs) for graph in graphs]
    _aligned(graphs, _FEW)
    lengths = (*_FEW, _longest(graphs))
    free = _aligned([*graphs, _with_made(trace(alike(lengths[-1])), theirs)], lengths)
    for length in _COMPARED:
        arrays = resized(length)
        expected = _with_made(trace(arrays), theirs)
        own = evaluate(expected.outputs, expected.bind(arrays))
        instance, inputs = instantiated(free, length)
        if len(inputs) != len(arrays) + len(expected.captured):
            _refuse_length(length)
        values = dict(zip(inputs, [*arrays, *expected.captured], strict=True))
        found = evaluate(instance, {node: np.asarray(x, node.dtype) for node, x in values.items()})
        same = [
            a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-7, equal_nan=True)
            for a, b in zip(own, found, strict=True)
        ]
        if not all(same):
            _refuse_length(length)
    return free


def _is_among(array: np.ndarray, others: Sequence[np.ndarray]) -> bool:
    return any(array is x or (array.dtype == x.dtype and np.array_equal(array, x)) for x in others)


def _with_made(graph: Graph, theirs: Sequence[np.ndarray]) -> Graph:
    """Return a graph in which large arrays that the function makes are constants, as small ones.

    Only `theirs`, which it captures, are inputs.
    """
    count = len(graph.inputs) - len(graph.captured)
    pairs = list(zip(graph.inputs[count:], graph.captured, strict=True))
    made = {node: array for node, array in pairs if not _is_among(array, theirs)}

    def constant(node: Node, new: Mapping[Node, Node]) -> Node:
        return constant_node(made[node]) if node in made else with_operands(node, new)

    sources = dict(graph.sources)
    return dataclasses.replace(
        graph,
        outputs=tuple(rebuild(graph.outputs, constant, sources)),
        inputs=tuple(node for node in graph.inputs if node not in made),
        captured=tuple(array for node, array in pairs if node not in made),
        names=tuple(
            name
            for node, name in zip(graph.inputs, graph.input_names, strict=True)
            if node not in made
        ),
        sources=sources,
    )


def _longest(graphs: Sequence[Graph]) -> int:
    """Return a large number of rows for which the constants of a graph fit into memory."""
    sizes = [
        sum(math.prod(x.shape) * x.dtype.itemsize for x in _of_constants(graph))
        for graph in graphs
    ]
    power = max(math.log(max(sizes[1], 1) / max(sizes[0], 1)) / math.log(_FEW[1] / _FEW[0]), 0)
    for length in _MANY:
        if (sizes[1] - sizes[0]) * (length / _FEW[1]) ** math.ceil(power) < _BYTES:
            return length
    raise UnsupportedError(
        "st.to_onnx: the function makes arrays that grow with the square of the number of rows, "
        "such as np.eye(len(x)): leave batch= out to export it for one number of rows"
    )


def _refuse_length(length: int) -> NoReturn:
    raise UnsupportedError(
        f"st.to_onnx: the function computes something else for {length} rows than its "
        f"graph for {_FEW[0]} rows: it looks at the number of rows, which must not "
        "change what it computes; leave batch= out to export it for one number of rows"
    )


def _aligned(graphs: Sequence[Graph], lengths: Sequence[int]) -> FreeGraph:
    graphs = [_spread(graph) for graph in graphs]
    columns = [order([*graph.inputs, *graph.outputs]) for graph in graphs]
    first = graphs[0]
    place = [{node: i for i, node in enumerate(nodes)} for nodes in columns]
    written: dict[Node, Written] = {}
    patterns: dict[Node, Pattern] = {}
    if len({len(nodes) for nodes in columns}) > 1:
        raise UnsupportedError(
            "st.to_onnx: the function makes other operations for another number of rows "
            f"({', '.join(f'{len(c)} for {n}' for c, n in zip(columns, lengths, strict=True))}): "
            "it must not loop over rows or look at their number; leave batch= out to export it "
            "for one number of rows"
        )
    for nodes in zip(*columns, strict=True):
        node = nodes[0]
        same = all(other.op is node.op and other.dtype == node.dtype for other in nodes)
        operands = [[p[x] for x in other.operands] for p, other in zip(place, nodes, strict=True)]
        if not same or any(found != operands[0] for found in operands):
            _refuse(first, node, "is another operation for another number of rows")
        shape = _unified([x.shape for x in nodes], lengths)
        attributes: Any = {}
        if node.op is CONSTANT:
            values: Any = [constant_value(x) for x in nodes]
            if any(x is not node for x in nodes):
                pattern = _pattern(values, lengths)
                if pattern is None:
                    _refuse(first, node, "depends on the number of rows in an unknown way")
                patterns[node] = pattern
        elif node.op is not INPUT:
            attributes = _unified([dict(x.attributes) for x in nodes], lengths)
        if shape is None or attributes is None:
            _refuse(first, node, "does not depend on the number of rows in a linear way")
        shapes = tuple(written[x].shape for x in node.operands)
        written[node] = Written(node, shape, attributes, shapes)
    return FreeGraph(first, written, patterns)


def _of_constants(graph: Graph) -> set[Node]:
    """Return the nodes that no input reaches."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op is CONSTANT or (node.op is not INPUT and found.issuperset(node.operands)):
            found.add(node)
    return found


def _spread(graph: Graph) -> Graph:
    """Return a graph in which constants that repeat along axes are smaller ones, broadcast.

    What is computed of constants alone is one constant.
    """
    values: dict[Node, np.ndarray] = {}

    def spread(node: Node, new: Mapping[Node, Node]) -> Node:
        if node not in fixed_nodes:
            return with_operands(node, new)
        given = {x: values[x] for x in node.operands}
        (value,) = evaluate([node], given)
        values[node] = value
        small = value
        for axis in range(value.ndim):
            first = small.take([0], axis) if small.shape[axis] > 1 else small
            is_same = np.broadcast_to(first, small.shape).tobytes() == small.tobytes()
            small = first if is_same else small
        if small.shape == value.shape:
            return constant_node(value)
        small = small.reshape(()) if small.size == 1 else small
        return make(TABLE["broadcast_to"], [constant_node(small)], shape=node.shape)

    fixed_nodes = _of_constants(graph)
    sources = dict(graph.sources)
    outputs = rebuild(graph.outputs, spread, sources)
    return dataclasses.replace(graph, outputs=tuple(outputs), sources=sources)


def _refuse(graph: Graph, node: Node, what: str) -> NoReturn:
    raise UnsupportedError(
        f"st.to_onnx: {node.op.name}{at(graph.sources.get(node))} {what}: leave batch= out to "
        "export the function for one number of rows"
    )


def _unified(values: Sequence[Any], lengths: Sequence[int]) -> Any:
    """Return what values are for any number of rows; None if that is not linear."""
    first = values[0]
    if isinstance(first, dict):
        parts = {key: _unified([value[key] for value in values], lengths) for key in first}
        return None if any(p is None for k, p in parts.items() if first[k] is not None) else parts
    if isinstance(first, tuple):
        if len({len(value) for value in values}) > 1:
            return None
        found = tuple(_unified(column, lengths) for column in zip(*values, strict=True))
        return None if any(part is None for part in found) else found
    if all(type(value) is type(first) and value == first for value in values):
        return first
    return _extent(values, lengths)


def _extent(values: Sequence[Any], lengths: Sequence[int]) -> Extent | None:
    if not all(isinstance(value, int | np.integer) for value in values):
        return None
    numbers = [int(value) for value in values]
    factor, rest = divmod(numbers[1] - numbers[0], lengths[1] - lengths[0])
    constant = numbers[0] - factor * lengths[0]
    fits = all(factor * n + constant == x for n, x in zip(lengths, numbers, strict=True))
    return Extent(factor, constant) if fits and not rest else None


def _pattern(values: Sequence[np.ndarray], lengths: Sequence[int]) -> Pattern | None:
    flat = [value.reshape(-1) for value in values]
    if min(x.size for x in flat) == 0:
        return None
    if all(np.all(x == x[0]) for x in flat):
        number = _number([x[0] for x in flat], lengths)
        if number is not None:
            return Pattern("number", number, 0)
        with np.errstate(all="ignore"):
            inverse = [np.rint(1 / x[0]) for x in flat]
            pairs = zip(flat, inverse, strict=True)
            exact = all(x.dtype.type(1) / n == x[0] for x, n in pairs)
        number = _number(inverse, lengths) if exact else None
        return None if number is None else Pattern("inverse", number, 0)
    first = _number([x[0] for x in flat], lengths)
    step = _number([x[1] - x[0] for x in flat], lengths)
    if not isinstance(first, int) or not isinstance(step, int):
        return None
    is_range = all(np.array_equal(x, first + step * np.arange(x.size)) for x in flat)
    return Pattern("range", first, step) if is_range else None


def _number(values: Sequence[Any], lengths: Sequence[int]) -> Any:
    """Return a number for any number of rows: an int, an :class:`Extent`, or a float."""
    if all(np.asarray(value).tobytes() == np.asarray(values[0]).tobytes() for value in values):
        value = values[0].item()
        is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53
        return int(value) if is_whole and math.copysign(1, value) > 0 else value
    if not all(np.isfinite(value) and value == np.rint(value) for value in values):
        return None
    return _extent([int(value) for value in values], lengths)


def instantiated(free: FreeGraph, rows: int) -> tuple[list[Node], list[Node]]:
    """Return the outputs and inputs of the graph for a number of rows."""

    def value(part: Any) -> Any:
        if isinstance(part, Extent):
            return part.factor * rows + part.constant
        if isinstance(part, tuple):
            return tuple(value(x) for x in part)
        return part

    made: dict[Node, Node] = {}
    for node, written in free.written.items():
        shape = value(written.shape)
        if node.op is INPUT:
            made[node] = input_node(node.attributes["index"], shape, node.dtype)
        elif node in free.patterns:
            made[node] = constant_node(
                pattern_value(free.patterns[node], shape, value), node.dtype
            )
        elif node.op is CONSTANT:
            made[node] = node
        else:
            attributes = {key: value(part) for key, part in written.attributes.items()}
            made[node] = make(node.op, [made[x] for x in node.operands], **attributes)
    return [made[x] for x in free.graph.outputs], [made[x] for x in free.graph.inputs]


def pattern_value(pattern: Pattern, shape: tuple[int, ...], value: Callable[[Any], Any]) -> Any:
    """Return a constant for a number of rows."""
    if pattern.kind == "range":
        return (pattern.first + pattern.step * np.arange(math.prod(shape))).reshape(shape)
    number = value(pattern.first)
    return np.full(shape, 1 / number if pattern.kind == "inverse" else number)

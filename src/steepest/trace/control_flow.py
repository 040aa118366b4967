"""``scan``, ``while_loop`` and ``cond``: loops and branches that stay in the graph."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.frames import hides_frames
from steepest.graph import Graph, Node, Shape, make, order, substitute, trees
from steepest.graph.source import at, user_source
from steepest.ops import COND, CONSTANT, SCAN, TABLE, WHILE
from steepest.ops.arrays.loops import scan_parts, step_input
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced, node_of, record
from steepest.trace.following.follow import follow
from steepest.trace.recording.session import current, is_tracing, open_session


@dataclass(frozen=True)
class Packing:
    """How nested values lie in one vector.

    Attributes
    ----------
    structure
        The nesting.
    shapes, dtypes, weak
        Of the leaves; weak are Python's numbers, which adapt their dtype.
    """

    structure: Any
    shapes: tuple[Shape, ...]
    dtypes: tuple[np.dtype, ...]
    weak: tuple[bool, ...]

    @property
    def dtype(self) -> np.dtype:
        """Of the vector: it holds every leaf's values (whole numbers up to 2**53)."""
        single = self.dtypes and all(dtype == np.float32 for dtype in self.dtypes)
        return np.dtype(np.float32 if single else np.float64)

    @property
    def size(self) -> int:
        """Number of elements."""
        return sum(int(np.prod(shape, dtype=int)) for shape in self.shapes)

    def pack(self, tree: Any) -> Any:
        """Return nested values as one vector."""
        leaves = [np.ravel(as_traced(leaf)).astype(self.dtype) for leaf in trees.leaves(tree)]
        if not leaves:
            return as_traced(np.zeros(0, self.dtype))
        return np.concatenate(leaves)

    def unpack(self, vector: Any, rows: int | None = None) -> Any:
        """Return the nested values out of a vector, or out of one for each of some rows."""
        leaves, start = [], 0
        ahead = () if rows is None else (rows,)
        for shape, dtype, weak in zip(self.shapes, self.dtypes, self.weak, strict=True):
            size = int(np.prod(shape, dtype=int))
            piece: Any = vector[..., start : start + size]
            leaf: Any = np.reshape(piece, (*ahead, *shape)).astype(dtype)
            leaves.append(TracedArray(leaf.node, leaf.session, weak and not ahead))
            start += size
        return trees.unflatten(self.structure, leaves)


def _packing(tree: Any) -> Packing:
    leaves, structure = trees.flatten(tree)
    arrays = [as_traced(leaf) for leaf in leaves]
    shapes, dtypes = tuple(x.shape for x in arrays), tuple(x.dtype for x in arrays)
    return Packing(structure, shapes, dtypes, tuple(x.weak for x in arrays))


def _adapted(packing: Packing, tree: Any, result: Any, name: str) -> Packing:
    """Return how a carried value lies that starts as `tree` and becomes `result`.

    Python numbers at the start take the dtype that the step gives them.
    """
    after = _packing(result)
    starts = [as_traced(leaf) for leaf in trees.leaves(tree)]
    if after.structure != packing.structure or after.shapes != packing.shapes:
        raise InputError(
            f"{name}{at(user_source())} must return what it carries with the structure and shapes "
            f"that it starts with: {packing.structure} of {packing.shapes} became "
            f"{after.structure} of {after.shapes}"
        )
    for start, dtype in zip(starts, after.dtypes, strict=True):
        if start.dtype != dtype and not start.weak:
            raise InputError(
                f"{name}{at(user_source())} carries {start.dtype} and returns {dtype}: start with "
                f"{dtype}"
            )
    return after


class _Recording:
    """A step that is being recorded on inputs of its own."""

    def __init__(self, function: Callable[..., Any], packings: Sequence[Packing]) -> None:
        with open_session() as session:
            inputs = [session.add_input((p.size,), p.dtype, "", _no_value) for p in packings]
            arrays = [TracedArray(node, session, is_scalar=False) for node in inputs]
            values = [p.unpack(array) for p, array in zip(packings, arrays, strict=True)]
            self.inputs = inputs
            result = trees.map_leaves(as_traced, follow(function, session)(*values))
            nodes = [(leaf.node, leaf.weak) for leaf in trees.leaves(result)]
            if session.guards:
                raise UnsupportedError(
                    f"a branch on a value{at(session.guards[0].source)} inside a loop that stays "
                    "in the graph: use st.cond or np.where there"
                )

        # The loop's own inputs are replaced before anybody looks for their values.
        outer = current()
        leaves = [TracedArray(node, outer, weak) for node, weak in nodes]
        self.result = trees.unflatten(trees.structure(result), leaves)

    def graph(self, outputs: Sequence[Any]) -> tuple[Graph, list[Node]]:
        """Return the step with given outputs, and the outer nodes that it uses."""
        return _closed([node_of(output) for output in outputs], self.inputs)


def _no_value() -> Any:
    raise UnsupportedError(
        f"a value inside a loop that stays in the graph{at(user_source())} is not known while it "
        "is recorded: use st.cond or np.where in place of if and while"
    )


def _closed(outputs: Sequence[Node], inputs: Sequence[Node]) -> tuple[Graph, list[Node]]:
    """Return a graph of numbered inputs, and the outer nodes that are its further inputs."""
    inner = set(inputs)
    used: list[Node] = []
    for node in order(outputs, stop=frozenset(inputs)):
        if node not in inner and not inner.isdisjoint(node.operands):
            inner.add(node)
            used += node.operands
    outer = [x for x in (*used, *outputs) if x not in inner and x.op is not CONSTANT]
    around = list(dict.fromkeys(outer))
    numbered = [step_input(i, node.shape, node.dtype) for i, node in enumerate((*inputs, *around))]
    new = dict(zip((*inputs, *around), numbered, strict=True))
    return Graph(tuple(numbered), tuple(substitute(outputs, new))), around


def _common(
    graphs: Sequence[tuple[Graph, list[Node]]], lead: int
) -> tuple[list[Graph], list[Any]]:
    """Return several steps over the same further inputs, and those."""
    around = list(dict.fromkeys(node for _, own in graphs for node in own))
    inputs = [step_input(lead + i, node.shape, node.dtype) for i, node in enumerate(around)]
    places = dict(zip(around, inputs, strict=True))
    result = []
    for graph, own in graphs:
        own_inputs = graph.inputs[lead:]
        new = dict(zip(own_inputs, (places[node] for node in own), strict=True))
        outputs = substitute(graph.outputs, new)
        result.append(Graph((*graph.inputs[:lead], *inputs), tuple(outputs)))
    session = current()
    return result, [TracedArray(node, session, is_scalar=False) for node in around]


@hides_frames
def scan(step: Callable[..., Any], carry: Any, xs: Any, *, length: int | None = None) -> Any:
    """Run a step for each row of some arrays, handing a value on from step to step.

    Parameters
    ----------
    step
        Function of ``(carry, x)`` that returns ``(carry, y)``; both are nested arrays and
        numbers, and the carry keeps its structure, shapes and dtypes. Inside it, use
        `cond` and ``np.where`` in place of branches.
    carry
        The value that the first step gets.
    xs
        Nested arrays whose rows the steps get, one after the other; None gives them None.
    length
        Number of steps, where `xs` is None.

    Returns
    -------
    carry, ys
        What the last step handed on, and what all steps returned, stacked.

    Raises
    ------
    InputError
        If the carry changes its structure, or rows differ in number.

    Notes
    -----
    The loop is one node of the graph, however many rows there are. It is differentiable in
    both modes, to any order; reverse mode keeps the carry of every step.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> def decay(level, added):
    ...     level = 0.5 * level + added
    ...     return level, level
    >>> last, levels = st.scan(decay, 0.0, np.ones(3))
    >>> float(last), levels
    (1.75, array([1.  , 1.5 , 1.75]))
    """
    leaves = trees.leaves(xs)
    if not leaves and length is None:
        raise InputError("st.scan needs xs, or length= where there is nothing to read")
    lengths = {len(leaf) for leaf in leaves} | ({length} if length is not None else set())
    if len(lengths) != 1:
        raise InputError(f"st.scan needs equally many rows in all of xs, got {sorted(lengths)}")
    (number,) = lengths
    if not holds_traced([*trees.leaves(carry), *leaves]) and not is_tracing():
        return _plain_scan(step, carry, xs, number)
    rows = trees.map_leaves(lambda leaf: as_traced(leaf)[0] if number else as_traced(leaf), xs)
    read, packing = _packing(rows), _packing(carry)
    for _ in range(2):  # Python numbers take the dtype that the step gives them
        recording = _Recording(step, [packing, read])
        after, yielded = recording.result
        packing = _adapted(packing, carry, after, "the step of st.scan")
    results = _packing(yielded)
    vector = packing.dtype
    outputs = [packing.pack(after), results.pack(yielded).astype(vector)]
    if results.dtype.itemsize > vector.itemsize or read.dtype.itemsize > vector.itemsize:
        raise InputError(
            f"st.scan{at(user_source())} carries {vector} and reads or returns {results.dtype}: "
            "carry float64 too"
        )
    graph, around = recording.graph(outputs)
    graph = _reading(graph, vector)
    table = [np.reshape(as_traced(leaf), (number, -1)).astype(vector) for leaf in leaves]
    matrix: Any = np.concatenate(table, 1) if table else np.zeros((number, 0), vector)
    outer = [TracedArray(node, current(), is_scalar=False) for node in around]
    packed = record(SCAN, packing.pack(carry), matrix, *outer, step=graph)
    _, ys, last = scan_parts(packed, number, packing.size, results.size)
    return packing.unpack(last), results.unpack(ys, number)


def _reading(step: Graph, dtype: np.dtype) -> Graph:
    """Return a step whose rows have the dtype of what it carries."""
    row = step.inputs[1]
    if row.dtype == dtype:
        return step
    wide = step_input(1, row.shape, dtype)
    narrow = make(TABLE["astype"], (wide,), dtype=row.dtype)
    outputs = substitute(step.outputs, {row: narrow})
    return Graph((step.inputs[0], wide, *step.inputs[2:]), tuple(outputs))


def _plain_scan(step: Callable[..., Any], carry: Any, xs: Any, number: int) -> Any:
    yielded = []
    for i in range(number):
        row = trees.map_leaves(operator.itemgetter(i), xs)
        carry, y = step(carry, row)
        yielded.append(y)
    if not yielded:
        return carry, None
    columns = zip(*map(trees.leaves, yielded), strict=True)
    stacked = [np.stack(column) for column in columns]
    return carry, trees.unflatten(trees.structure(yielded[0]), stacked)


@hides_frames
def while_loop(
    condition: Callable[..., Any],
    step: Callable[..., Any],
    carry: Any,
    *,
    max_steps: int | None = None,
) -> Any:
    """Run a step as long as a condition holds.

    Parameters
    ----------
    condition
        Function of the carry that returns one truth value.
    step
        Function of the carry that returns the next one, of the same structure, shapes and
        dtypes.
    carry
        Nested arrays and numbers.
    max_steps
        Largest number of steps. Reverse mode needs it, and keeps as many carries; forward
        mode does not.

    Returns
    -------
    tree
        The carry after the last step.

    Raises
    ------
    InputError
        If the carry changes its structure.
    UnsupportedError
        For a gradient without `max_steps`.

    Examples
    --------
    >>> import steepest as st
    >>> def root(a):
    ...     return st.while_loop(lambda y: abs(y * y - a) > 1e-12,
    ...                          lambda y: 0.5 * (y + a / y), 1.0, max_steps=50)
    >>> round(float(st.gradient(root)(4.0)), 6)
    0.25
    """
    if not is_tracing():
        count = 0
        while (max_steps is None or count < max_steps) and condition(carry):
            carry, count = step(carry), count + 1
        return carry
    packing = _packing(carry)
    for _ in range(2):
        recording = _Recording(step, [packing])
        packing = _adapted(packing, carry, recording.result, "the step of st.while_loop")
    test = _Recording(condition, [packing])
    truth = as_traced(test.result)
    if truth.shape != () or truth.dtype != np.bool_:
        raise InputError(
            f"the condition of st.while_loop{at(user_source())} must return one truth value, got "
            f"{truth.dtype} of shape {truth.shape}"
        )
    parts = [test.graph([truth]), recording.graph([packing.pack(recording.result)])]
    (until, body), around = _common(parts, 1)
    limit = None if max_steps is None else int(max_steps)
    attributes = {"condition": until, "step": body, "limit": limit}
    return packing.unpack(record(WHILE, packing.pack(carry), *around, **attributes))


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda values: follow(function, current())(*values)


@hides_frames
def cond(predicate: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
    """Call one of two functions, and keep both in the graph.

    Parameters
    ----------
    predicate
        One truth value.
    yes, no
        Functions of `operands`, returning values of the same structure, shapes and dtypes.
    *operands
        Nested arrays and numbers.

    Returns
    -------
    tree
        ``yes(*operands)`` or ``no(*operands)``. Only the side that is taken is computed.

    Raises
    ------
    InputError
        If the two sides return different structures.

    Examples
    --------
    >>> import steepest as st
    >>> def huber(r):
    ...     return st.cond(abs(r) < 1, lambda r: 0.5 * r * r, lambda r: abs(r) - 0.5, r)
    >>> float(st.gradient(huber)(0.25)), float(st.gradient(huber)(-3.0))
    (0.25, -1.0)
    """
    if not is_tracing():
        return yes(*operands) if predicate else no(*operands)
    choice = np.reshape(as_traced(predicate).astype(np.bool_), ())
    packing = _packing(operands)
    sides = [_Recording(_spread(side), [packing]) for side in (yes, no)]
    first, second = (_packing(side.result) for side in sides)
    if (first.structure, first.shapes) != (second.structure, second.shapes):
        raise InputError(
            f"the two sides of st.cond{at(user_source())} must return the same structure and "
            f"shapes, got {first.shapes} and {second.shapes}"
        )
    dtypes = tuple(np.result_type(a, b) for a, b in zip(first.dtypes, second.dtypes, strict=True))
    weak = tuple(a and b for a, b in zip(first.weak, second.weak, strict=True))
    result = Packing(first.structure, first.shapes, dtypes, weak)
    parts = [side.graph([result.pack(side.result)]) for side in sides]
    (true_side, false_side), around = _common(parts, 1)
    packed = record(COND, choice, packing.pack(operands), *around, yes=true_side, no=false_side)
    return result.unpack(packed)

"""``scan``, ``while_loop`` and ``cond``: loops and branches that stay in the graph."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.frames import hides_frames
from steepest.graph import Graph, make, trees
from steepest.graph.source import at, user_source
from steepest.graph.substitute import substitute
from steepest.ops import COND, SCAN, TABLE, WHILE
from steepest.ops.arrays.loops import scan_parts, step_input
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced, record
from steepest.trace.following.follow import follow
from steepest.trace.recording.session import current, is_tracing
from steepest.trace.subgraph import Packing, RecordedStep, adapted, packing_of, with_common_inputs


@hides_frames
def scan(step: Callable[..., Any], carry: Any, xs: Any, *, length: int | None = None) -> Any:
    """Run a step for each row of some arrays, and carry a value from step to step.

    Parameters
    ----------
    step : callable
        Function of ``(carry, x)`` that returns ``(carry, y)``; both are nested arrays and
        numbers, and the carry keeps its structure, shapes and dtypes. Inside it, use
        `cond` and ``np.where`` in place of branches.
    carry : array_like or nested values
        The value that the first step gets.
    xs : array_like, nested arrays or None
        Nested arrays. Each step gets one row of them, in order; None gives each step None.
    length : int, optional
        Number of steps, where `xs` is None.

    Returns
    -------
    carry, ys
        The carry after the last step, and the results of all steps, stacked.

    Raises
    ------
    InputError
        If the carry changes its structure, or rows differ in number.

    Notes
    -----
    The loop is one node of the graph, however many rows there are. It is differentiable in
    both modes, to any order. Reverse mode keeps the carry of every step.

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
    row_packing, packing = packing_of(rows), packing_of(carry)
    for _ in range(2):  # Python numbers take the dtype that the step gives them
        recording = RecordedStep(step, [packing, row_packing])
        after, yielded = recording.result
        before, packing = packing, adapted(packing, carry, after, "the step of st.scan")
        if packing == before:
            break
    results = packing_of(yielded)
    vector = packing.dtype
    outputs = [packing.pack(after), results.pack(yielded).astype(vector)]
    widest = max(results.dtype.itemsize, row_packing.dtype.itemsize)
    if widest > vector.itemsize:
        raise InputError(
            f"st.scan{at(user_source())} carries {vector} and reads or returns {results.dtype}: "
            "carry float64 too"
        )
    graph, outer_nodes = recording.graph(outputs)
    graph = _with_rows_of(graph, vector)
    table = [np.reshape(as_traced(leaf), (number, -1)).astype(vector) for leaf in leaves]
    matrix: Any = np.concatenate(table, 1) if table else np.zeros((number, 0), vector)
    outer = [TracedArray(node, current(), is_scalar=False) for node in outer_nodes]
    packed = record(SCAN, packing.pack(carry), matrix, *outer, step=graph)
    _, ys, last = scan_parts(packed, number, packing.size, results.size)
    return packing.unpack(last), results.unpack(ys, number)


def _with_rows_of(step: Graph, dtype: np.dtype) -> Graph:
    """Return a step whose rows have the dtype of what it carries."""
    carry, row, *further = step.inputs
    if row.dtype == dtype:
        return step
    wide = step_input(1, row.shape, dtype)
    cast = make(TABLE["astype"], (wide,), dtype=row.dtype)
    outputs = substitute(step.outputs, {row: cast}, {})
    return Graph((carry, wide, *further), tuple(outputs))


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
    condition : callable
        Function of the carry that returns one truth value.
    step : callable
        Function of the carry that returns the next one, of the same structure, shapes and
        dtypes.
    carry : array_like or nested values
        Nested arrays and numbers.
    max_steps : int, optional
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
    packing = packing_of(carry)
    for _ in range(2):
        recording = RecordedStep(step, [packing])
        after = recording.result
        before, packing = packing, adapted(packing, carry, after, "the step of st.while_loop")
        if packing == before:
            break
    recorded_condition = RecordedStep(condition, [packing])
    truth = as_traced(recorded_condition.result)
    if truth.shape != () or truth.dtype != np.bool_:
        raise InputError(
            f"the condition of st.while_loop{at(user_source())} must return one truth value, got "
            f"{truth.dtype} of shape {truth.shape}"
        )
    parts = [recorded_condition.graph([truth]), recording.graph([packing.pack(recording.result)])]
    (condition_graph, step_graph), outer = with_common_inputs(parts)
    limit = None if max_steps is None else int(max_steps)
    attributes = {"condition": condition_graph, "step": step_graph, "limit": limit}
    return packing.unpack(record(WHILE, packing.pack(carry), *outer, **attributes))


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda values: follow(function, current())(*values)


@hides_frames
def cond(predicate: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
    """Call one of two functions, and keep both in the graph.

    Parameters
    ----------
    predicate : bool
        One truth value.
    yes, no : callable
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
    packing = packing_of(operands)
    sides = [RecordedStep(_spread(side), [packing]) for side in (yes, no)]
    first, second = (packing_of(side.result) for side in sides)
    if (first.structure, first.shapes) != (second.structure, second.shapes):
        raise InputError(
            f"the two sides of st.cond{at(user_source())} must return the same structure and "
            f"shapes, got {first.shapes} and {second.shapes}"
        )
    dtypes = tuple(np.result_type(a, b) for a, b in zip(first.dtypes, second.dtypes, strict=True))
    weak = tuple(a and b for a, b in zip(first.weak, second.weak, strict=True))
    result = Packing(first.structure, first.shapes, dtypes, weak)
    parts = [side.graph([result.pack(side.result)]) for side in sides]
    (true_side, false_side), outer = with_common_inputs(parts)
    packed = record(COND, choice, packing.pack(operands), *outer, yes=true_side, no=false_side)
    return result.unpack(packed)

"""Loops without what nobody reads: carries that are not kept, results and rows left out."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence

import numpy as np

from steepest.graph import Graph, Node, Source, make, order
from steepest.graph.substitute import substitute
from steepest.ops import SCAN, TABLE, constant_node, constant_value
from steepest.ops.arrays.loops import ScanLayout, step_input
from steepest.ops.arrays.slices import Slice


def trim_loops(
    outputs: Sequence[Node],
    sources: MutableMapping[Node, Source] | None,
    simplify: Callable[[Sequence[Node]], list[Node]],
) -> list[Node]:
    """Return the same values from loops that compute and keep no more than is read.

    Parameters
    ----------
    outputs
        Nodes to be computed. No derivative is taken of them afterwards: it would need the
        carry of every step.
    sources
        Lines of nodes; rebuilt nodes get those of the old ones.
    simplify
        What is applied to the steps of loops as well.
    """
    outputs, sources = list(outputs), {} if sources is None else sources
    while True:  # a loop that reads less may leave another one unread
        nodes = order(outputs)
        readers: dict[Node, list[Node]] = {node: [] for node in nodes if node.op is SCAN}
        for node in nodes:
            for operand in node.operands:
                if operand.op is SCAN:
                    readers[operand].append(node)
        for output in outputs:
            if output.op is SCAN:
                readers[output].append(output)
        replaced: dict[Node, Node] = {}
        for node in reversed(readers):
            replaced = _trimmed(node, readers[node], simplify, sources)
            if replaced:
                break
        if not replaced:
            return outputs
        outputs = substitute(outputs, replaced, sources)


def _trimmed(
    node: Node,
    readers: Sequence[Node],
    simplify: Callable[[Sequence[Node]], list[Node]],
    sources: MutableMapping[Node, Source],
) -> dict[Node, Node]:
    """Return what replaces the readers of a loop, with a shorter loop; nothing if it is short."""
    if any(reader.op.name != "getitem" for reader in readers):
        return {}
    step, layout = node.attributes["step"], ScanLayout.of(node)
    carry, rows, *around = node.operands
    first, last = layout.results, layout.last
    spans = [_span(reader.attributes["slices"][0]) for reader in readers]
    new_rows, new_step = _without_rows(rows, step, sources)
    new_step = Graph(new_step.inputs, tuple(simplify(new_step.outputs)))
    drops_carries = layout.keeps and all(low >= first for low, _ in spans)
    drops_yields = last > first and all(low >= last or high <= first for low, high in spans)
    if not (drops_carries or drops_yields or new_step != step):
        return {}
    if drops_yields:
        nothing = constant_node(np.zeros(0, carry.dtype))
        new_step = Graph(new_step.inputs, (new_step.outputs[0], nothing))
    kept = layout.keeps and not drops_carries
    attributes = {"step": new_step} if kept else {"step": new_step, "keeps": False}
    packed = make(SCAN, (carry, new_rows, *around), **attributes)
    replaced = {}
    for reader, (low, _) in zip(readers, spans, strict=True):
        ((start, count, stride),) = reader.attributes["slices"]
        moved = first if drops_carries else 0
        if drops_yields and low >= last:
            moved += last - first
        slices = ((start - moved, count, stride),)
        replaced[reader] = make(TABLE["getitem"], (packed,), slices=slices)
    return replaced


def _span(part: Slice) -> tuple[int, int]:
    """Return the first position that a slice reads, and the one after the last.

    An empty slice reads nothing: its first position is beyond all others.
    """
    start, count, step = part
    last = start + (count - 1) * step
    return (min(start, last), max(start, last) + 1) if count else (1 << 62, 0)


def _without_rows(
    rows: Node, step: Graph, sources: MutableMapping[Node, Source]
) -> tuple[Node, Graph]:
    """Return rows and a step without the columns that it does not read, or knows."""
    before, row, *around = step.inputs
    inner = order(step.outputs, stop=frozenset(step.inputs))
    readers = [node for node in inner if row in node.operands]
    if any(node.op.name != "getitem" for node in readers) or row in step.outputs:
        return rows, step
    columns = _columns(rows)
    spans = [_span(node.attributes["slices"][0]) for node in readers]
    kept: list[tuple[int, Node]] = []
    known: dict[int, float] = {}
    place = 0
    starts: dict[int, int] = {}  # of kept columns, by where they were
    for column in columns:
        width = column.shape[1]
        is_read = any(low < place + width and high > place for low, high in spans)
        value = _common_value(column)
        if is_read and (value is None or not _is_apart(spans, place, place + width)):
            starts[place] = sum(x.shape[1] for _, x in kept)
            kept.append((place, column))
        elif is_read and value is not None:
            known.update(dict.fromkeys(range(place, place + width), value))
        place += width
    if len(kept) == len(columns):
        return rows, step
    width = sum(x.shape[1] for _, x in kept)
    new_row = step_input(1, (width,), row.dtype)
    replaced: dict[Node, Node] = {}
    for node, (low, high) in zip(readers, spans, strict=True):
        ((start, count, stride),) = node.attributes["slices"]
        if not count:
            replaced[node] = constant_node(np.zeros(0, row.dtype))
            continue
        if low in known:
            values = np.array([known[start + i * stride] for i in range(count)], row.dtype)
            replaced[node] = constant_node(values)
            continue
        moved = {p - starts[p] for p, x in kept if low < p + x.shape[1] and high > p}
        if len(moved) != 1:
            return rows, step
        slices = ((start - moved.pop(), count, stride),)
        replaced[node] = make(TABLE["getitem"], (new_row,), slices=slices)
    outputs = substitute(step.outputs, replaced, sources)
    parts = [column for _, column in kept]
    if not parts:
        new_rows = constant_node(np.zeros((rows.shape[0], 0), rows.dtype))
    else:
        new_rows = parts[0] if len(parts) == 1 else make(TABLE["concatenate"], parts, axis=1)
    return new_rows, Graph((before, new_row, *around), tuple(outputs))


def _is_apart(spans: Sequence[tuple[int, int]], start: int, stop: int) -> bool:
    """Whether each of some spans lies within a range, or outside of it."""
    return all(
        (start <= low and high <= stop) or high <= start or low >= stop for low, high in spans
    )


def _columns(rows: Node) -> list[Node]:
    """Return the matrices that a matrix has side by side, each also where rows are picked."""
    if rows.op.name == "concatenate" and rows.attributes["axis"] == 1:
        return list(rows.operands)
    if rows.op.name == "getitem":
        picked, across = rows.attributes["slices"]
        (whole,) = rows.operands
        if across == (0, whole.shape[1], 1):
            columns = _columns(whole)
            if len(columns) > 1:
                parts = [(picked, (0, x.shape[1], 1)) for x in columns]
                return [
                    make(TABLE["getitem"], (x,), slices=part)
                    for x, part in zip(columns, parts, strict=True)
                ]
    return [rows]


def _common_value(column: Node) -> float | None:
    """Return the value that all elements of a matrix are known to have; None if there is none."""
    source = column
    while source.op.name == "getitem":
        (source,) = source.operands
    value = constant_value(source)
    if value is None or not value.size:
        return None
    first = value.reshape(-1)[0]
    same = np.all(value == first) and not (first == 0 and np.signbit(value).any())
    return float(first) if same else None

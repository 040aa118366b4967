"""Rows of an array that a loop fills one after the other.

``y[i + 1] = y[i] + ...`` records a chain of assignments. Each iteration reads from the chain what
the one before has put into it, so that nothing repeats itself in the graph. Here each read of an
assigned row becomes the value that was assigned, and the assignments of consecutive rows become a
single one. The iterations then only depend on each other's values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence

import numpy as np

from steepest.graph import Node, Source, make, order, rebuild, with_operands
from steepest.ops import CONSTANT, TABLE, constant_value
from steepest.ops.arrays.slices import Slice
from steepest.trace.rerolling.search import LEAST_ROUNDS

_Region = tuple[Slice, ...]

_PUT, _TAKE, _SET, _GET = "put_at", "take_at", "setitem", "getitem"


def with_stores_merged(
    outputs: Sequence[Node], sources: MutableMapping[Node, Source]
) -> list[Node] | None:
    """Return the outputs with one assignment for consecutive rows; None if there are no such rows.

    The values are the same in every bit.
    """
    if sum(node.op.name in (_SET, _PUT) for node in order(outputs)) < LEAST_ROUNDS:
        return None
    forwarded = rebuild(outputs, _forwarded, sources)
    users: Counter[Node] = Counter(forwarded)
    for node in order(forwarded):
        users.update(node.operands)
    chains = [chain for chain in _chains(forwarded, users) if len(chain) >= LEAST_ROUNDS]
    ends = {chain[-1]: chain for chain in chains}
    merged_any = False

    def merged(node: Node, new: Mapping[Node, Node]) -> Node:
        nonlocal merged_any
        chain = ends.get(node)
        if chain is None:
            return with_operands(node, new)
        result = new[chain[0].operands[0]]
        for run in _runs(chain):
            values = [new[store.operands[1]] for store in run]
            if len(run) < LEAST_ROUNDS:
                for store, value in zip(run, values, strict=True):
                    result = make(TABLE[_SET], (result, value), **store.attributes)
                continue
            merged_any = True
            result = _stored(result, values, [store.attributes["slices"] for store in run])
        return result

    rebuilt = rebuild(forwarded, merged, sources)
    return rebuilt if merged_any else None


def _forwarded(node: Node, new: Mapping[Node, Node]) -> Node:
    """Return a node that reads what was assigned, not the array that it was assigned to."""
    node = with_operands(node, new)
    name = node.op.name
    if name == _GET:
        return _read(node.operands[0], node.attributes["slices"])
    if name == _SET:
        whole, value = node.operands
        region = node.attributes["slices"]
        row = _row_around(whole, region)
        if row is None:
            return _set(whole, value, region)
        value = make(TABLE["reshape"], (value,), shape=value.shape[1:])
        changed = make(TABLE[_SET], (_row(whole, row), value), slices=region[1:])
        return _set_row(whole, changed, row)
    if name == _TAKE and node.operands[0].op.name == _SET:
        found = _row_of(node.operands[0], node.operands[1:])
        if found is not None:
            row, others = found
            return make(TABLE[_TAKE], (_row(node.operands[0], row), *others), **node.attributes)
    if name == _PUT:
        whole, value, *indices = node.operands
        found = _row_of(whole, indices)
        if found is not None:
            row, others = found
            changed = make(TABLE[_PUT], (_row(whole, row), value, *others), **node.attributes)
            return _set_row(whole, changed, row)
    return node


def _set(whole: Node, value: Node, region: _Region) -> Node:
    """Return an array with a region set, without what was set there right before."""
    if whole.op.name == _SET and whole.attributes["slices"] == region:
        whole = whole.operands[0]
    return make(TABLE[_SET], (whole, value), slices=region)


def _set_row(whole: Node, row: Node, region: _Region) -> Node:
    return _set(whole, make(TABLE["reshape"], (row,), shape=(1, *row.shape)), region)


def _row(whole: Node, region: _Region) -> Node:
    row = _read(whole, region)
    return make(TABLE["reshape"], (row,), shape=row.shape[1:])


def _rows_region(whole: Node, number: int) -> _Region:
    return ((number, 1, 1), *[(0, extent, 1) for extent in whole.shape[1:]])


def _row_around(whole: Node, region: _Region) -> _Region | None:
    """Return the row that a region is a part of; None if it is a row, or in no single one."""
    if len(region) < 2 or region[0][1] != 1:
        return None
    row = _rows_region(whole, region[0][0])
    return None if row[1:] == region[1:] else row


def _row_of(whole: Node, indices: Sequence[Node]) -> tuple[_Region, Sequence[Node]] | None:
    """Return the row that all indices lie in, and the other indices; None if it is not known."""
    first, *others = indices
    if not others or len(indices) != len(whole.shape) or first.op is not CONSTANT:
        return None
    numbers = set(np.ravel(np.asarray(constant_value(first))).tolist())
    if len(numbers) != 1 or not numbers <= set(range(whole.shape[0])):
        return None
    (number,) = numbers
    return _rows_region(whole, number), others


def _read(whole: Node, region: _Region) -> Node:
    """Return a region of an array: what was assigned last, where that is known."""
    while whole.op.name == _SET:
        stored, value = whole.attributes["slices"], whole.operands[1]
        if stored == region:
            return value
        within = _within(stored, region)
        if within is not None:
            return make(TABLE[_GET], (value,), slices=within)
        if not _are_apart(stored, region):
            break
        whole = whole.operands[0]
    return make(TABLE[_GET], (whole,), slices=region)


def _within(outer: _Region, inner: _Region) -> _Region | None:
    """Return a region as a part of another without gaps; None if it is not inside."""
    parts = []
    for (first, number, step), (start, count, distance) in zip(outer, inner, strict=True):
        last = start + (count - 1) * distance
        if step != 1 or not (first <= min(start, last) and max(start, last) < first + number):
            return None
        parts.append((start - first, count, distance))
    return tuple(parts)


def _are_apart(one: _Region, other: _Region) -> bool:
    """Whether two regions certainly have no element in common."""
    for (first, number, step), (start, count, distance) in zip(one, other, strict=True):
        ends = sorted((first, first + (number - 1) * step))
        others = sorted((start, start + (count - 1) * distance))
        if ends[1] < others[0] or others[1] < ends[0]:
            return True
    return False


def _chains(outputs: Sequence[Node], users: Counter[Node]) -> list[list[Node]]:
    """Return the chains of assignments whose results in between nothing else uses."""
    stores = [node for node in order(outputs) if node.op.name == _SET]
    inner = {node.operands[0] for node in stores if users[node.operands[0]] == 1}
    chains = []
    for end in stores:
        if end in inner and end not in outputs:
            continue
        chain = [end]
        while chain[-1].operands[0].op.name == _SET and chain[-1].operands[0] in inner:
            chain.append(chain[-1].operands[0])
        chains.append(chain[::-1])
    return chains


def _runs(chain: Sequence[Node]) -> list[list[Node]]:
    """Return a chain in runs of assignments whose rows follow each other at one distance."""
    runs: list[list[Node]] = []
    step: tuple[int, int] | None = None
    for store in chain:
        if runs:
            found = _step(runs[-1][-1].attributes["slices"], store.attributes["slices"])
            if found is not None and (len(runs[-1]) == 1 or found == step):
                runs[-1].append(store)
                step = found
                continue
        runs.append([store])
    return runs


def _step(one: _Region, other: _Region) -> tuple[int, int] | None:
    """Return the axis along which the next region lies, and how far; None if there is none."""
    axes = [axis for axis, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]
    if len(axes) != 1:
        return None
    (axis,) = axes
    (first, number, _), (start, count, _) = one[axis], other[axis]
    return (axis, start - first) if number == count == 1 else None


def _stored(whole: Node, values: Sequence[Node], regions: Sequence[_Region]) -> Node:
    """Return an array with values at regions that follow each other along an axis."""
    step = _step(regions[0], regions[1])
    assert step is not None
    axis, distance = step
    first, number = regions[0][axis][0], len(values)
    if distance < 0:
        values, first, distance = values[::-1], regions[-1][axis][0], -distance
    shape = values[0].shape
    others = shape[:axis] + shape[axis + 1 :]
    rows = [make(TABLE["reshape"], (value,), shape=(1, *others)) for value in values]
    stacked = make(TABLE["concatenate"], rows, axis=0)
    if axis:
        axes = (*range(1, axis + 1), 0, *range(axis + 1, len(shape)))
        stacked = make(TABLE["transpose"], (stacked,), axes=axes)
    region = (*regions[0][:axis], (first, number, distance), *regions[0][axis + 1 :])
    return make(TABLE[_SET], (whole, stacked), slices=region)

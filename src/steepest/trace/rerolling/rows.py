"""What differs from iteration to iteration, as a matrix with a row for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from steepest.graph import Node, Shape, make
from steepest.ops import CONSTANT, TABLE, constant_node, constant_value
from steepest.ops.arrays.slices import Slice

_LEAST_RUN = 6
"""Pieces that are worth a slice of their own."""


def column_of(nodes: Sequence[Node], dtype: np.dtype) -> Node:
    """Return the values of nodes of one shape as a matrix, a row for each."""
    number, size = len(nodes), nodes[0].size
    if all(node.op is CONSTANT for node in nodes):
        values = np.stack([np.asarray(constant_value(node)) for node in nodes])
        return constant_node(values.reshape(number, size).astype(dtype))
    picked = _picked(nodes)
    if picked is None:
        rows = [_reshaped(node, (1, size)) for node in nodes]
        return cast(make(TABLE["concatenate"], rows, axis=0), dtype)
    return cast(picked, dtype)


def collected(node: Node) -> Node | None:
    """Return an array that is put together of pieces, with runs of them as slices of one array.

    It is None where no such run is long.
    """
    if node.op.name != "pack" and (node.op.name, node.attributes.get("axis")) != (
        "concatenate",
        0,
    ):
        return None
    views = [_view(_before_cast(piece)) for piece in node.operands]
    runs: list[Sequence[Node]] = []
    start = 0
    while start < len(views):
        length = _run_length(views, start)
        runs.append(node.operands[start : start + length])
        start += length
    if max(map(len, runs), default=0) < _LEAST_RUN:
        return None
    flat: list[Node] = []
    for run in runs:
        picked = _picked([*map(_before_cast, run)]) if len(run) >= _LEAST_RUN else None
        if picked is not None:
            run = [cast(picked, run[0].dtype)]
        flat += [as_vector(x, node.dtype) for x in run]
    whole = flat[0] if len(flat) == 1 else make(TABLE["concatenate"], flat, axis=0)
    return _reshaped(whole, node.shape)


def _before_cast(piece: Node) -> Node:
    return piece.operands[0] if piece.op.name == "astype" else piece


def _run_length(views: Sequence[_View], start: int) -> int:
    """Return how many views, from one on, follow each other in one array."""
    length = 1
    if start + 1 < len(views):
        first = views[start]
        distance = views[start + 1].start - first.start
        for view in views[start + 1 :]:
            if view != first._replace(start=first.start + length * distance):
                break
            length += 1
    return length


def _picked(nodes: Sequence[Node]) -> Node | None:
    """Return the rows if one array holds them; None if none does."""
    views = [_view(node) for node in nodes]
    start, number, size = views[0].start, len(nodes), nodes[0].size
    distances = set(np.diff([view.start for view in views]).tolist())
    if len({(view.base, view.strides) for view in views}) > 1:
        return None
    base = views[0].base
    flat = _reshaped(base, (base.size,))
    if distances == {0}:
        return None
    if len(distances) > 1:
        if size != 1:
            return None
        places = constant_node(np.array([view.start for view in views], np.int64))
        return _reshaped(make(TABLE["take_at"], (flat, places)), (number, 1))
    (distance,) = distances
    if size == 1:
        picked: Slice = (start, number, distance)
    elif distance == size and views[0].is_contiguous:
        picked = (start, number * size, 1)
    elif distance > size and views[0].is_contiguous:
        return _strided(flat, start, number, size, distance)
    else:
        return None
    return _reshaped(make(TABLE["getitem"], (flat,), slices=(picked,)), (number, size))


def _strided(flat: Node, start: int, number: int, size: int, distance: int) -> Node | None:
    """Return rows of a vector that do not touch; None if it ends too early to be cut into rows."""
    before = max(0, start + number * distance - flat.size)
    if before > min(start, distance - size):
        return None
    span: Slice = (start - before, number * distance, 1)
    rows = _reshaped(make(TABLE["getitem"], (flat,), slices=(span,)), (number, distance))
    return make(TABLE["getitem"], (rows,), slices=((0, number, 1), (before, size, 1)))


class _View(NamedTuple):
    """Elements of an array: the first one's position, and distances, in its flat order."""

    base: Node
    start: int
    shape: Shape
    strides: tuple[int, ...]

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements follow each other in the array."""
        axes = [axis for axis in zip(self.shape, self.strides, strict=True) if axis[0] != 1]
        shape, strides = [extent for extent, _ in axes], [stride for _, stride in axes]
        return strides == _c_strides(shape)


def _c_strides(shape: Sequence[int]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def array_of(node: Node) -> Node:
    """Return the array that a node takes elements of; itself if it takes none."""
    while node.op.name in ("getitem", "reshape"):
        (node,) = node.operands
    return node


def _view(node: Node) -> _View:
    """Return the elements that a node takes of the array at the end of its ``getitem`` s."""
    base, chain = array_of(node), []
    while node is not base:
        chain.append(node)
        (node,) = node.operands
    view = _View(base, 0, base.shape, tuple(_c_strides(base.shape)))
    for step in reversed(chain):
        if step.op.name == "getitem":
            parts = list(zip(step.attributes["slices"], view.strides, strict=True))
            start = view.start + sum(first * stride for (first, _, _), stride in parts)
            strides = tuple([distance * stride for (_, _, distance), stride in parts])
            view = view._replace(start=start, shape=step.shape, strides=strides)
        elif view.is_contiguous:
            view = view._replace(shape=step.shape, strides=tuple(_c_strides(step.shape)))
        elif [n for n in view.shape if n != 1] == [n for n in step.shape if n != 1]:
            kept = iter([s for n, s in zip(view.shape, view.strides, strict=True) if n != 1])
            strides = tuple([0 if n == 1 else next(kept) for n in step.shape])
            view = view._replace(shape=step.shape, strides=strides)
        else:  # its elements have no common distances: it is an array of its own
            view = _View(step, 0, step.shape, tuple(_c_strides(step.shape)))
    return view


def as_vector(node: Node, dtype: np.dtype) -> Node:
    """Return a node's elements as a vector."""
    return cast(_reshaped(node, (node.size,)), dtype)


def cast(node: Node, dtype: np.dtype) -> Node:
    """Return a node as another dtype."""
    return node if node.dtype == dtype else make(TABLE["astype"], (node,), dtype=dtype)


def _reshaped(node: Node, shape: tuple[int, ...]) -> Node:
    while node.op.name == "reshape":
        (node,) = node.operands
    if node.op is CONSTANT:
        return constant_node(np.reshape(np.asarray(constant_value(node)), shape))
    return node if node.shape == shape else make(TABLE["reshape"], (node,), shape=shape)

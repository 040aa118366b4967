"""What differs from iteration to iteration, as a matrix with a row for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steepest.graph import Node, make
from steepest.ops import CONSTANT, TABLE, constant_node, constant_value

Slice = tuple[int, int, int]
"""First position, number and step, as the op ``getitem`` takes them."""


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


def _picked(nodes: Sequence[Node]) -> Node | None:
    """Return the rows if all of them are elements of one array; None if they are not."""
    bases, firsts, others = zip(*map(_elements, nodes), strict=True)
    base, start, number, size = bases[0], firsts[0], len(nodes), nodes[0].size
    distances = set(np.diff(firsts).tolist())
    if any(other is not base for other in bases) or len(distances) > 1 or len(set(others)) > 1:
        return None
    (distance,) = distances
    if size == 1:
        picked: Slice = (start, number, distance)
    elif others[0] == tuple(range(size)) and distance == size:
        picked = (start, number * size, 1)
    else:
        return None
    flat = _reshaped(base, (base.size,))
    return _reshaped(make(TABLE["getitem"], (flat,), slices=(picked,)), (number, size))


def _elements(node: Node) -> tuple[Node, int, tuple[int, ...]]:
    """Return the array that a node takes elements of, the first one, and where the others are.

    Places are those in the array's flat order; the others are counted from the first.
    """
    chain = []
    while node.op.name in ("getitem", "reshape"):
        chain.append(node)
        (node,) = node.operands
    # A view of no memory: its strides say which elements it would be.
    origin = np.zeros(1, np.int8)
    strides = np.cumprod([1, *node.shape[:0:-1]])[::-1] if node.ndim else ()
    view = np.lib.stride_tricks.as_strided(origin, node.shape, tuple(strides), writeable=False)
    for step in reversed(chain):
        if step.op.name == "reshape":
            view = np.reshape(view, step.shape, copy=False)
        else:
            view = view[tuple(_slice(*part) for part in step.attributes["slices"])]
    first = view.__array_interface__["data"][0] - origin.__array_interface__["data"][0]
    places = np.zeros(1, np.int64)
    for extent, stride in zip(view.shape, view.strides, strict=True):
        places = np.add.outer(places, stride * np.arange(extent)).reshape(-1)
    return node, int(first), tuple(places.tolist())


def _slice(start: int, count: int, step: int) -> slice:
    stop = start + count * step
    return slice(start, stop if stop >= 0 else None, step)


def as_vector(node: Node, dtype: np.dtype) -> Node:
    """Return a node's elements as a vector."""
    return cast(_reshaped(node, (node.size,)), dtype)


def cast(node: Node, dtype: np.dtype) -> Node:
    """Return a node as another dtype."""
    return node if node.dtype == dtype else make(TABLE["astype"], (node,), dtype=dtype)


def _reshaped(node: Node, shape: tuple[int, ...]) -> Node:
    return node if node.shape == shape else make(TABLE["reshape"], (node,), shape=shape)

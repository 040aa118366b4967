"""``x[key]`` for every kind of key that keeps the shape known."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, constant_value
from steepest.trace.array import TracedArray, as_traced, record, refuse


def getitem(x: TracedArray, key: Any) -> Any:
    """Record ``x[key]`` with NumPy's meaning.

    Raises
    ------
    IndexError
        If an index that is known now is out of bounds.
    UnsupportedError
        If the shape of the result would depend on values (a traced mask).
    """
    parts, gap = _expand(key if isinstance(key, tuple) else (key,), x.shape)
    if any(_is_advanced(part) for part in parts):
        return _advanced(x, parts, gap)
    return _basic(x, parts)


def _is_integer(part: Any) -> bool:
    if isinstance(part, TracedArray | np.ndarray):
        return False
    return isinstance(part, int | np.integer) and not isinstance(part, bool)


def _is_advanced(part: Any) -> bool:
    return not (part is None or isinstance(part, slice) or _is_integer(part))


def _expand(parts: tuple, shape: tuple[int, ...]) -> tuple[tuple, int | None]:
    """Replace masks by integer arrays and the ellipsis by full slices, up to every axis.

    Returns the parts and where the ellipsis stood: it sets index arrays on its two sides
    apart even where it stands for no axis.
    """
    result: list[Any] = []
    masks: list[tuple[int, np.ndarray]] = []
    ndim = len(shape)
    for part in parts:
        if isinstance(part, list):
            part = _array(part)
        if isinstance(part, bool | np.bool_):
            refuse("indexing by a single truth value")
        if isinstance(part, TracedArray) and part.dtype == np.bool_:
            raise UnsupportedError(
                f"indexing by a traced mask{at(user_source())}: the shape of the result would "
                "depend on values; use np.where(mask, x, 0) or a mask that is not computed "
                "from the arguments"
            )
        if isinstance(part, np.ndarray) and part.dtype == np.bool_:
            masks.append((len(result), part))
            result.extend(part.nonzero())
        else:
            result.append(part)
    used = sum(part is not None and part is not Ellipsis for part in result)
    if used > ndim:
        raise GraphIndexError(
            f"too many indices{at(user_source())}: the array has {ndim} axes, got {used}"
        )
    ellipses = [i for i, part in enumerate(result) if part is Ellipsis]
    if len(ellipses) > 1:
        raise GraphIndexError("an index can only have a single ellipsis ('...')")
    position = ellipses[0] if ellipses else len(result)
    for place, mask in masks:
        before = sum(part is not None and part is not Ellipsis for part in result[:place])
        axis = before if place < position else before + ndim - used
        if mask.shape != shape[axis : axis + mask.ndim]:
            raise GraphIndexError(
                f"a mask of shape {mask.shape}{at(user_source())} does not fit the axes of "
                f"shape {shape[axis : axis + mask.ndim]} that it indexes"
            )
    fill = [slice(None)] * (ndim - used)
    expanded = (*result[:position], *fill, *result[position + len(ellipses) :])
    return expanded, (position if ellipses else None)


def _array(part: list) -> Any:
    if any(isinstance(item, TracedArray) for item in part):
        return np.stack(part)
    array = np.asarray(part)
    return array.astype(np.intp) if array.size == 0 else array


def _span(part: Any, extent: int) -> tuple[int, int, int]:
    """Return (first, number, step) for a slice or an integer along an axis."""
    if isinstance(part, slice):
        start, stop, step = part.indices(extent)
        number = len(range(start, stop, step))
        return (start if number else 0), number, step
    index = operator.index(part)
    if not -extent <= index < extent:
        raise GraphIndexError(
            f"index {index}{at(user_source())} is out of bounds for an axis of size {extent}"
        )
    return index % extent, 1, 1


def _basic(x: TracedArray, parts: tuple) -> Any:
    spans, shape, axis = [], [], 0
    for part in parts:
        if part is None:
            shape.append(1)
            continue
        span = _span(part, x.shape[axis])
        spans.append(span)
        if isinstance(part, slice):
            shape.append(span[1])
        axis += 1
    return np.reshape(_slice(x, tuple(spans)), tuple(shape))


def _slice(x: TracedArray, spans: tuple[tuple[int, int, int], ...]) -> TracedArray:
    if spans == tuple((0, extent, 1) for extent in x.shape):
        return x
    return record(TABLE["getitem"], x, slices=spans)


def _advanced(x: TracedArray, parts: tuple, gap: int | None) -> Any:
    # Slices and new axes first; then the indexed axes to the front, where take_at takes
    # them; then the axes of the result to where NumPy puts them.
    basic = tuple(
        part if part is None or isinstance(part, slice) else slice(None) for part in parts
    )
    x = _basic(x, basic)
    axes = [i for i, part in enumerate(parts) if not (part is None or isinstance(part, slice))]
    indices: list[Any] = [_index(parts[axis], x.shape[axis]) for axis in axes]
    shapes = [index.shape for index in indices]
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        raise GraphIndexError(
            f"index arrays of shapes {', '.join(map(str, shapes))}{at(user_source())} do not "
            "broadcast"
        ) from None
    indices = [np.broadcast_to(index, shape) for index in indices]
    rest = [i for i in range(x.ndim) if i not in axes]
    taken = record(TABLE["take_at"], np.transpose(x, (*axes, *rest)), *indices)
    is_split = gap is not None and axes[0] < gap <= axes[-1]
    if is_split or axes[-1] - axes[0] != len(axes) - 1:
        return taken  # indexed axes apart: NumPy leaves their result in front
    before = axes[0]
    front = len(shape)
    order = (
        *range(front, front + before),
        *range(front),
        *range(front + before, taken.ndim),
    )
    return np.transpose(taken, order)


def _index(part: Any, extent: int) -> TracedArray:
    index = as_traced(part)
    if index.dtype.kind not in "iu":
        raise GraphIndexError(
            f"arrays used as indices{at(user_source())} must be of integer type, got {index.dtype}"
        )
    if extent == 0 and index.size:
        raise GraphIndexError(
            f"an index{at(user_source())} is out of bounds for an axis of size 0"
        )
    known = constant_value(index.node)
    if known is None and isinstance(part, np.ndarray):
        known = part
    if known is not None and known.size and not (-extent <= known.min() <= known.max() < extent):
        raise GraphIndexError(
            f"an index{at(user_source())} is out of bounds for an axis of size {extent}"
        )
    return index.astype(np.intp)

"""``x[key]`` and ``x[key] = value``, for every kind of key."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError
from steepest.graph import Shape
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, constant_value
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced, record
from steepest.trace.arrays.assignment import (
    alias,
    cast_for,
    check_writable,
    fresh,
    read_element,
    storage_of,
    view,
    write,
    write_element,
)
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import METHODS
from steepest.trace.recording.session import current

_Key = tuple[Any, ...]
"""The parts of an index, one for an axis, a new axis or the ellipsis."""


def getitem(x: TracedArray, key: Any) -> Any:
    """Record ``x[key]`` with NumPy's meaning.

    Raises
    ------
    IndexError
        If an index that is known now is out of bounds.

    Notes
    -----
    A mask that is computed from the arguments sets the shape of the result: which elements
    it selects becomes a guard.
    """
    shape = x.shape
    if type(key) is int and len(shape) == 1 and 0 <= key < shape[0]:  # most often
        return read_element(x, (key,))
    parts = _known(key if isinstance(key, tuple) else (key,))
    if len(parts) == len(shape) and all(map(_is_integer, parts)):
        return read_element(x, _position(parts, shape))
    expanded, gap = _expand(parts, shape)
    if any(_is_advanced(part) for part in expanded):
        return _advanced(fresh(x), expanded, gap)
    return _basic(x, expanded)


def setitem(x: TracedArray, key: Any, value: Any) -> None:
    """Record ``x[key] = value`` with NumPy's meaning."""
    check_writable(x)
    root = storage_of(x).root
    had_views = root.has_views
    _set(x, key, value)
    root.has_views = had_views  # those that were made here are gone


def _set(x: TracedArray, key: Any, value: Any) -> None:
    if isinstance(key, TracedArray) and key.dtype == np.bool_ and _is_mask_choice(x, key, value):
        chosen: Any = np.where(_aligned(key, x.ndim), cast_for(x, value, x.shape), fresh(x))
        write(x, chosen)
        return
    parts = _known(key if isinstance(key, tuple) else (key,))
    if len(parts) == x.ndim and all(map(_is_integer, parts)):
        node = cast_for(x, value, ()).node
        write_element(x, _position(parts, x.shape), node)
        return
    expanded, gap = _expand(parts, x.shape)
    if any(_is_advanced(part) for part in expanded):
        _put(x, expanded, gap, value)
        return
    target = _basic(x, expanded) if x.ndim or not x.is_scalar else x
    write(target, cast_for(x, value, target.shape))


METHODS["__getitem__"] = getitem
METHODS["__setitem__"] = setitem


def _is_mask_choice(x: TracedArray, mask: TracedArray, value: Any) -> bool:
    """Whether a mask chooses between the array and a value that does not depend on it."""
    shape = as_traced(value).shape
    fits = mask.ndim and mask.shape == x.shape[: mask.ndim]
    return bool(fits) and len(shape) <= x.ndim - mask.ndim


def _aligned(mask: TracedArray, ndim: int) -> Any:
    return np.reshape(mask, mask.shape + (1,) * (ndim - mask.ndim))


def _known(parts: _Key) -> _Key:
    """Return an index in which masks and 0-d truth values are plain.

    A traced mask decides the shape of the result, so its value becomes a guard. Traced numbers
    that are the same at each call are replaced by their values.
    """
    return tuple(_known_part(part) for part in parts)


def _known_part(part: Any) -> Any:
    if isinstance(part, list | tuple):
        part = _array(list(part))
    if not isinstance(part, TracedArray):
        return part
    if part.dtype == np.bool_:
        return np.asarray(current().decide(part.node))
    known = current().known_value(part.node)
    return part if known is None else known[()]


def _position(parts: _Key, shape: Shape) -> tuple[int, ...]:
    return tuple(_span(part, extent)[0] for part, extent in zip(parts, shape, strict=True))


def _is_integer(part: Any) -> bool:
    if isinstance(part, TracedArray | np.ndarray):
        return False
    return isinstance(part, int | np.integer) and not isinstance(part, bool)


def _is_advanced(part: Any) -> bool:
    return not (part is None or isinstance(part, slice) or _is_integer(part))


def _expand(parts: _Key, shape: Shape) -> tuple[_Key, int | None]:
    """Replace masks by integer arrays and the ellipsis by full slices, up to every axis.

    Returns the parts, and the position of the ellipsis if there is one. Index arrays on its two
    sides count as separated, even where it stands for no axis.
    """
    result: list[Any] = []
    masks: list[tuple[int, np.ndarray]] = []
    ndim = len(shape)
    for part in parts:
        if isinstance(part, bool | np.bool_) or (np.ndim(part) == 0 and _is_truth(part)):
            refuse("indexing by a single truth value")
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
    for start, mask in masks:
        before = sum(part is not None and part is not Ellipsis for part in result[:start])
        axis = before if start < position else before + ndim - used
        if mask.shape != shape[axis : axis + mask.ndim]:
            raise GraphIndexError(
                f"a mask of shape {mask.shape}{at(user_source())} does not fit the axes of "
                f"shape {shape[axis : axis + mask.ndim]} that it indexes"
            )
    fill = [slice(None)] * (ndim - used)
    expanded = (*result[:position], *fill, *result[position + len(ellipses) :])
    return expanded, (position if ellipses else None)


def _is_truth(part: Any) -> bool:
    return isinstance(part, np.ndarray) and part.dtype == np.bool_


def _array(part: list[Any]) -> Any:
    if holds_traced(part):
        return as_traced(part)
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


def _basic(x: TracedArray, parts: _Key) -> TracedArray:
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
    if tuple(spans) == tuple((0, extent, 1) for extent in x.shape):
        sliced = alias(x)
    else:
        sliced = view(x, TABLE["getitem"], slices=tuple(spans))
    if sliced.shape == tuple(shape):
        return sliced
    return view(sliced, TABLE["reshape"], shape=tuple(shape))


def _split(
    x: TracedArray, parts: _Key, gap: int | None
) -> tuple[TracedArray, list[Any], tuple[int, ...], tuple[int, ...]]:
    """Return the indexed axes in front, their indices, and the order of the result's axes.

    Slices and new axes are taken first; then the indexed axes come to the front.
    """
    basic = tuple(
        part if part is None or isinstance(part, slice) else slice(None) for part in parts
    )
    x = _basic(x, basic)
    axes = [i for i, part in enumerate(parts) if not (part is None or isinstance(part, slice))]
    indices: list[Any] = [_index(parts[axis], x.shape[axis]) for axis in axes]
    try:
        shape = np.broadcast_shapes(*(index.shape for index in indices))
    except ValueError:
        raise GraphIndexError(
            f"index arrays of shapes {', '.join(str(i.shape) for i in indices)}"
            f"{at(user_source())} do not broadcast"
        ) from None
    indices = [np.broadcast_to(index, shape) for index in indices]
    to_front = (*axes, *(i for i in range(x.ndim) if i not in axes))
    front, total = len(shape), len(shape) + x.ndim - len(axes)
    is_split = gap is not None and axes[0] < gap <= axes[-1]
    if is_split or axes[-1] - axes[0] != len(axes) - 1:
        back = tuple(range(total))  # indexed axes apart: NumPy leaves their result in front
    else:
        before = axes[0]
        back = (*range(front, front + before), *range(front), *range(front + before, total))
    identity = to_front == tuple(range(x.ndim))
    moved = x if identity else view(x, TABLE["transpose"], axes=to_front)
    return moved, indices, back, shape


def _advanced(x: TracedArray, parts: _Key, gap: int | None) -> Any:
    moved, indices, back, _ = _split(x, parts, gap)
    taken = record(TABLE["take_at"], moved, *indices)
    result: Any = np.transpose(taken, back) if taken.ndim else taken
    return fresh(result)


def _put(x: TracedArray, parts: _Key, gap: int | None, value: Any) -> None:
    check_writable(x)
    moved, indices, back, shape = _split(x, parts, gap)
    rest = moved.shape[len(indices) :]
    full = (*shape, *rest)
    values = cast_for(x, value, tuple(full[axis] for axis in back))
    ahead = np.transpose(values, sorted(range(len(back)), key=back.__getitem__))
    write(moved, record(TABLE["put_at"], fresh(moved), ahead, *indices))


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
    positions: TracedArray = index.astype(np.intp)
    return positions

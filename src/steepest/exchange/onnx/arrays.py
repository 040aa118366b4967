"""Ops of whole arrays in ONNX's operators: one row for each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.exchange.onnx.builder import (
    LOWEST,
    Extent,
    Size,
    UnwritableError,
    Writer,
    Written,
    plus,
    times,
)
from steepest.exchange.onnx.elementwise import Row, direct
from steepest.ops.arrays.windows import span


def _reduction(kind: str) -> Row:
    """Return the row of a reduction; truth values are reduced as whole numbers."""

    def row(w: Writer, written: Written, x: str) -> str:
        axes, dtype = written.attributes["axis"], written.node.dtype
        if not axes:
            return str(w.emit("Identity", x))
        x = w.cast(x, np.int32) if dtype == np.bool_ else x
        reduced = w.emit(kind, x, w.sizes(list(axes)), keepdims=0)
        return w.cast(reduced, np.bool_) if dtype == np.bool_ else str(reduced)

    return row


def _extreme(kind: str) -> Row:
    """Return the row of a largest element; NaN passes, which ONNX leaves open."""
    plain = _reduction(kind)

    def row(w: Writer, written: Written, x: str) -> str:
        found, axes, dtype = plain(w, written, x), written.attributes["axis"], written.node.dtype
        if dtype.kind != "f" or not axes:
            return found
        unknown = w.cast(w.emit("IsNaN", x), np.int32)
        some = w.cast(w.emit("ReduceMax", unknown, w.sizes(list(axes)), keepdims=0), np.bool_)
        return str(w.emit("Where", some, w.number(np.nan, dtype), found))

    return row


def _place(kind: str) -> Row:
    """Return the row of the place of a largest element; NaN is larger and smaller than all."""

    def row(w: Writer, written: Written, x: str) -> str:
        axis, dtype = written.attributes["axis"], written.node.operands[0].dtype
        if dtype == np.bool_:
            x = w.cast(x, np.int32)
        found = w.emit(kind, x, axis=axis, keepdims=0)
        if dtype.kind != "f":
            return str(found)
        unknown = w.cast(w.emit("IsNaN", x), np.int32)
        first = w.emit("ArgMax", unknown, axis=axis, keepdims=0)
        some = w.cast(w.emit("ReduceMax", unknown, w.sizes([axis]), keepdims=0), np.bool_)
        return str(w.emit("Where", some, first, found))

    return row


def _cumsum(w: Writer, written: Written, x: str) -> str:
    return str(w.emit("CumSum", x, w.number(written.attributes["axis"], np.int64)))


def _argsort(w: Writer, written: Written, x: str) -> str:
    axis = written.attributes["axis"]
    length = w.size(written.shape[axis])
    return str(w.emit("TopK", x, length, outputs=2, axis=axis, largest=0, sorted=1)[1])


def _reshape(w: Writer, written: Written, x: str) -> str:
    return w.reshape(x, written.shape)


def _transpose(w: Writer, written: Written, x: str) -> str:
    return w.transpose(x, written.attributes["axes"])


def _broadcast_to(w: Writer, written: Written, x: str) -> str:
    return str(w.emit("Expand", x, w.sizes(written.shape))) if written.shape else x


def _concatenate(w: Writer, written: Written, *parts: str) -> str:
    return str(w.emit("Concat", *parts, axis=written.attributes["axis"]))


def _pack(w: Writer, written: Written, *elements: str) -> str:
    parts = [w.reshape(element, [1]) for element in elements]
    return w.reshape(w.emit("Concat", *parts, axis=0), written.shape)


def _getitem(w: Writer, written: Written, x: str) -> str:
    return _sliced(w, x, written.attributes["slices"])


def _sliced(w: Writer, x: str, slices: Sequence[Any]) -> str:
    starts, ends, axes, steps = [], [], [], []
    for axis, (first, number, step) in enumerate(slices):
        end = plus(first, times(number, step))
        starts.append(first)
        ends.append(LOWEST if not isinstance(end, Extent) and end < 0 else end)
        axes.append(axis)
        steps.append(step)
    if not axes:
        return x
    return str(w.emit("Slice", x, w.sizes(starts), w.sizes(ends), w.sizes(axes), w.sizes(steps)))


def _spread(
    w: Writer,
    x: str,
    own: Sequence[Size],
    slices: Sequence[Any],
    shape: Sequence[Size],
    dtype: Any,
) -> str:
    """Write zeros of a shape with an array put at slices."""
    before: list[Size] = []
    after: list[Size] = []
    own = list(own)
    turned = [(plus(n, -1), n, -1) if s < 0 else (0, n, 1) for _, n, s in slices]
    if any(step < 0 for _, _, step in turned):
        x = _sliced(w, x, turned)
    for axis, (first, number, step) in enumerate(slices):
        width = abs(step)
        if width > 1:  # zeros between the elements
            inner = [*own[: axis + 1], 1, *own[axis + 1 :]]
            pads = [0] * len(inner) * 2
            pads[len(inner) + axis + 1] = width - 1
            x = w.emit("Pad", w.reshape(x, inner), w.sizes(pads), w.number(0, dtype))
            own[axis] = times(number, width)
            x = w.reshape(x, own)
            own[axis] = plus(own[axis], 1 - width)  # none after the last element
            x = _sliced(w, x, [(0, n, 1) for n in own])
        lowest = first if step > 0 else plus(first, times(plus(number, -1), step))
        before.append(lowest)
        after.append(plus(plus(shape[axis], times(lowest, -1)), times(own[axis], -1)))
    if not slices:
        return x
    return str(w.emit("Pad", x, w.sizes([*before, *after]), w.number(0, dtype)))


def _embed(w: Writer, written: Written, x: str) -> str:
    slices = written.attributes["slices"]
    return _spread(w, x, written.shapes[0], slices, written.shape, written.node.dtype)


def _setitem(w: Writer, written: Written, x: str, values: str) -> str:
    slices, shape = written.attributes["slices"], written.shape
    own, dtype = written.shapes[1], written.node.dtype
    put = _spread(w, values, own, slices, shape, dtype)
    ones = w.filled(1, np.int32, own)
    there = w.cast(_spread(w, ones, own, slices, shape, np.int32), np.bool_)
    return str(w.emit("Where", there, put, x))


def _sliding_window_view(w: Writer, written: Written, x: str) -> str:
    """Gather the elements of windows, along one axis after the other."""
    windows = written.attributes["windows"]
    count, shape = len(windows), written.shape
    lead = len(shape) - 2 * count
    for number, (size, step, distance) in enumerate(windows):
        positions = shape[lead + number]
        starts = w.emit(
            "Range",
            w.number(0, np.int64),
            w.emit("Squeeze", w.size(times(positions, step))),
            w.number(step, np.int64),
        )
        offsets = w.constant(np.arange(size) * distance, np.int64)
        places = w.emit("Add", w.emit("Unsqueeze", starts, w.constant([1], np.int64)), offsets)
        x = w.emit("Gather", x, places, axis=lead + 2 * number)
    order = [lead + 2 * i for i in range(count)] + [lead + 2 * i + 1 for i in range(count)]
    return w.transpose(x, [*range(lead), *order])


def _add_windows(w: Writer, written: Written, x: str) -> str:
    """Scatter the elements of windows, adding, along one axis for all."""
    windows, shape = written.attributes["windows"], written.shape
    count = len(windows)
    lead, extents = shape[: len(shape) - count], shape[len(shape) - count :]
    fixed = [n for n in extents if not isinstance(n, Extent)]
    if len(fixed) < count:
        raise UnwritableError(
            "adds up windows along the axis of free length, as the gradient of windows does, and "
            "ONNX cannot: leave out batch=, or export the function without its gradient"
        )
    grid = np.arange(math.prod(fixed)).reshape(fixed)
    view = np.lib.stride_tricks.sliding_window_view(grid, tuple(map(span, windows)))
    steps = (*(slice(None, None, s) for _, s, _ in windows),)
    gaps = (*(slice(None, None, d) for _, _, d in windows),)
    places = view[(*steps, *gaps)].reshape(-1, 1)
    rows = [*range(len(lead))]
    own = written.shapes[0]
    flat = w.reshape(x, [*lead, places.shape[0]])
    last_first = w.transpose(flat, [len(lead), *rows])
    zeros = w.filled(0, written.node.dtype, [grid.size, *lead])
    assert len(own) == len(lead) + 2 * count
    index = w.constant(places, np.int64)
    summed = w.emit("ScatterND", zeros, index, last_first, reduction="add")
    return w.reshape(w.transpose(summed, [*(i + 1 for i in rows), 0]), shape)


def _places(w: Writer, written: Written, names: Sequence[str]) -> str:
    """Write the indices of a gather: one axis more, with an element for each indexed axis."""
    shape = written.shapes[-1]
    parts = [w.reshape(w.cast(name, np.int64), [*shape, 1]) for name in names]
    return str(w.emit("Concat", *parts, axis=len(shape)))


def _take_at(w: Writer, written: Written, x: str, *indices: str) -> str:
    return str(w.emit("GatherND", x, _places(w, written, indices)))


def _add_at(w: Writer, written: Written, x: str, *indices: str) -> str:
    zeros = w.filled(0, written.node.dtype, written.shape)
    places = _wrapped(w, written, indices)
    return str(w.emit("ScatterND", zeros, _places(w, written, places), x, reduction="add"))


def _wrapped(w: Writer, written: Written, indices: Sequence[str]) -> list[str]:
    """Write indices that are not negative."""
    found = []
    for name, extent in zip(indices, written.shape, strict=False):
        index, zero = w.cast(name, np.int64), w.number(0, np.int64)
        moved = w.emit("Add", index, w.emit("Squeeze", w.size(extent)))
        found.append(w.emit("Where", w.emit("Less", index, zero), moved, index))
    return found


ARRAYS: dict[str, Row] = {
    "sum": _reduction("ReduceSum"),
    "prod": _reduction("ReduceProd"),
    "max": _extreme("ReduceMax"),
    "min": _extreme("ReduceMin"),
    "all": _reduction("ReduceMin"),
    "any": _reduction("ReduceMax"),
    "argmax": _place("ArgMax"),
    "argmin": _place("ArgMin"),
    "cumsum": _cumsum,
    "argsort": _argsort,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "concatenate": _concatenate,
    "pack": _pack,
    "getitem": _getitem,
    "embed": _embed,
    "setitem": _setitem,
    "sliding_window_view": _sliding_window_view,
    "add_windows": _add_windows,
    "take_at": _take_at,
    "add_at": _add_at,
    "matmul": direct("MatMul"),
    "det": direct("Det"),
}
"""Rows of ops of whole arrays."""

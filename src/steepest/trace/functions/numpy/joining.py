"""NumPy's functions that join, split and repeat arrays."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from steepest.errors import GraphIndexError, InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import FUNCTIONS
from steepest.trace.functions.numpy.shaping import (
    as_shape,
    atleast_1d,
    expand_dims,
    ravel,
    reshape,
)
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    Casting,
    DType,
    Out,
    ShapeLike,
    as_plain,
    implements,
    node_cast,
    normalize_axes,
    normalize_axis,
    one_of,
)


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """Return the index that takes a part of one axis."""
    return (*(slice(None),) * axis, part)


@implements(np.concatenate, np.concat)
def concatenate(
    arrays: Sequence[ArrayLike], axis: int | None = 0, out: Out = None, dtype: DType = None,
    casting: Casting = "same_kind",
) -> TracedArray:  # fmt: skip
    _demand_not_both("concatenate", out, dtype)
    parts = [as_traced(array) for array in arrays]
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    if any(part.ndim == 0 for part in parts):
        raise InputError(f"zero-dimensional arrays cannot be concatenated{at(user_source())}")
    dtype = dtype or np.result_type(*(part.dtype for part in parts))
    axis = normalize_axis(axis, parts[0].ndim)
    for part in parts:
        if not np.can_cast(part.dtype, dtype, casting):
            raise UnsupportedError(
                f"np.concatenate{at(user_source())}: {part.dtype} cannot be cast to {dtype} "
                f"according to the rule {casting!r}: use .astype before"
            )
    cast = [node_cast(part, dtype) for part in parts]
    return fresh(cast[0]) if len(cast) == 1 else record(TABLE["concatenate"], *cast, axis=axis)


def _demand_not_both(name: str, out: Any, dtype: DType) -> None:
    if out is not None and dtype is not None:
        raise OperandError(f"np.{name}{at(user_source())}: give out= or dtype=, not both")


@implements(np.stack)
def stack(
    arrays: Sequence[ArrayLike], axis: int = 0, out: Out = None, *, dtype: DType = None,
    casting: Casting = "same_kind",
) -> Array:  # fmt: skip
    _demand_not_both("stack", out, dtype)
    parts = [as_traced(array) for array in arrays]
    if len({part.shape for part in parts}) > 1:
        raise InputError(f"np.stack{at(user_source())}: all arrays must have the same shape")
    axis = normalize_axis(axis, parts[0].ndim + 1)
    if parts[0].ndim == 0 and casting == "same_kind" and dtype is None:
        return packed(parts, (len(parts),), dtype)
    return concatenate([expand_dims(part, axis) for part in parts], axis, None, dtype, casting)


def packed(
    parts: Sequence[TracedArray], shape: tuple[int, ...], dtype: DType = None
) -> TracedArray:
    """Return an array of a shape whose elements are traced numbers."""
    dtype = dtype or np.result_type(*(part.dtype for part in parts))
    return record(TABLE["pack"], *(node_cast(part, dtype) for part in parts), shape=shape)


@implements(np.hstack)
def hstack(
    tup: Sequence[ArrayLike], *, dtype: DType = None, casting: Casting = "same_kind"
) -> Array:
    parts = [atleast_1d(as_traced(part)) for part in tup]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1, None, dtype, casting)


@implements(np.vstack)
def vstack(
    tup: Sequence[ArrayLike], *, dtype: DType = None, casting: Casting = "same_kind"
) -> Array:
    parts = [np.atleast_2d(as_traced(part)) for part in tup]
    return concatenate(parts, 0, None, dtype, casting)


if hasattr(np, "row_stack"):  # a deprecated name
    implements(np.row_stack)(vstack)


@implements(np.dstack)
def dstack(tup: Sequence[ArrayLike]) -> Array:
    return concatenate([np.atleast_3d(as_traced(part)) for part in tup], 2)


@implements(np.column_stack)
def column_stack(tup: Sequence[ArrayLike]) -> Array:
    parts = [atleast_1d(as_traced(part)) for part in tup]
    return concatenate([p[:, None] if p.ndim == 1 else p for p in parts], 1)


@implements(np.block)
def block(arrays: ArrayLike) -> TracedArray:
    def depth(tree: Any) -> int:
        if isinstance(tree, tuple):
            raise OperandError(f"np.block{at(user_source())} takes lists of arrays, and no tuples")
        return 1 + max(map(depth, tree)) if isinstance(tree, list) else 0

    total = depth(arrays)
    ndim = max([total, *(as_traced(leaf).ndim for leaf in _leaves(arrays))])

    def join(tree: Any, level: int) -> Array:
        if isinstance(tree, list):
            return concatenate([join(part, level + 1) for part in tree], -(total - level))
        leaf = as_traced(tree)
        return reshape(leaf, (1,) * (ndim - leaf.ndim) + leaf.shape)

    return fresh(join(arrays, 0))


def _leaves(tree: Any) -> list[Any]:
    if not isinstance(tree, list):
        return [tree]
    return [leaf for part in tree for leaf in _leaves(part)]


@implements(np.append)
def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    if axis is None:
        return concatenate([ravel(arr), ravel(values)])
    return concatenate([arr, values], axis)


@implements(np.insert)
def insert(arr: ArrayLike, obj: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    arr = as_traced(arr)
    arr, axis = (ravel(arr), 0) if axis is None else (arr, normalize_axis(axis, arr.ndim))
    extent = arr.shape[axis]
    obj = _plain_indices(obj)
    if isinstance(obj, slice):
        obj = np.arange(*obj.indices(extent))
    elif getattr(obj, "dtype", None) == np.bool_:
        obj = np.flatnonzero(obj)
    values = as_traced(values).astype(arr.dtype)
    values = np.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    added = np.size(obj)
    if added == 1:  # NumPy inserts all values at a single index
        values = values if np.ndim(obj) else np.moveaxis(values, 0, axis)
        added = values.shape[axis]
    values = np.broadcast_to(values, (*arr.shape[:axis], added, *arr.shape[axis + 1 :]))
    # The result takes elements of the old array followed by the new values. NumPy says where
    # the new ones go (-1 stands for each), and values at a smaller index come first.
    numbers = np.insert(np.arange(extent), obj, np.full(added, -1))
    index = np.broadcast_to(np.where(np.less(obj, 0), np.add(obj, extent), obj), (added,))
    numbers[numbers < 0] = extent + np.argsort(index, kind="stable")
    return concatenate([arr, values], axis)[along(axis, numbers)]


def _plain_indices(obj: Any) -> Any:
    """Return indices, a mask or a slice without traced values, because they set a shape."""
    if isinstance(obj, slice):
        return obj
    indices = as_plain(obj)
    if not indices.size and isinstance(obj, list | tuple):
        indices = indices.astype(np.intp)
    if indices.dtype.kind not in "iub":
        raise GraphIndexError(
            f"arrays used as indices{at(user_source())} must be of integer or boolean type"
        )
    return indices if indices.ndim or not isinstance(obj, int) else obj


@implements(np.delete)
def delete(arr: ArrayLike, obj: ArrayLike, axis: int | None = None) -> Array:
    arr = as_traced(arr)
    arr, axis = (ravel(arr), 0) if axis is None else (arr, normalize_axis(axis, arr.ndim))
    return arr[along(axis, np.delete(np.arange(arr.shape[axis]), _plain_indices(obj)))]


def _cuts(extent: int, sections: Any, equal: bool) -> list[int]:
    if np.ndim(sections):
        cuts = as_plain(sections).tolist()
        if any(type(cut) is not int for cut in cuts):
            raise GraphIndexError(f"np.split{at(user_source())}: indices must be whole numbers")
        return [0, *(slice(None, cut).indices(extent)[1] for cut in cuts), extent]
    if operator.index(sections) <= 0:
        raise InputError(f"np.split{at(user_source())}: the number of sections must be positive")
    if equal and extent % sections:
        raise InputError(f"array split does not result in an equal division{at(user_source())}")
    each, extra = divmod(extent, operator.index(sections))
    return [0, *np.cumsum([each + (i < extra) for i in range(sections)]).tolist()]


@implements(np.array_split)
def array_split(ary: ArrayLike, indices_or_sections: ArrayLike, axis: int = 0) -> list[Array]:
    return _split(ary, indices_or_sections, axis, equal=False)


def _split(ary: ArrayLike, indices_or_sections: Any, axis: int, equal: bool) -> list[Any]:
    ary = as_traced(ary)
    axis = normalize_axis(axis, ary.ndim)
    cuts = _cuts(ary.shape[axis], indices_or_sections, equal)
    return [ary[along(axis, slice(*pair))] for pair in itertools.pairwise(cuts)]


@implements(np.split)
def split(ary: ArrayLike, indices_or_sections: ArrayLike, axis: int = 0) -> list[Array]:
    return _split(ary, indices_or_sections, axis, equal=True)


@implements(np.hsplit)
def hsplit(ary: ArrayLike, indices_or_sections: ArrayLike) -> list[Array]:
    ary = _with_axes("hsplit", ary, 1)
    return _split(ary, indices_or_sections, 0 if ary.ndim == 1 else 1, equal=True)


@implements(np.vsplit)
def vsplit(ary: ArrayLike, indices_or_sections: ArrayLike) -> list[Array]:
    return _split(_with_axes("vsplit", ary, 2), indices_or_sections, 0, equal=True)


@implements(np.dsplit)
def dsplit(ary: ArrayLike, indices_or_sections: ArrayLike) -> list[Array]:
    return _split(_with_axes("dsplit", ary, 3), indices_or_sections, 2, equal=True)


def _with_axes(name: str, ary: ArrayLike, number: int) -> Array:
    array = as_traced(ary)
    if array.ndim < number:
        raise InputError(
            f"np.{name}{at(user_source())}: an array of shape {array.shape} must have at least "
            f"{number} axes"
        )
    return array


@implements(np.unstack)
def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Array, ...]:
    x = np.moveaxis(as_traced(x), axis, 0)
    return tuple(x)


@implements(np.tile)
def tile(A: ArrayLike, reps: ShapeLike) -> Array:
    A, counts = as_traced(A), as_shape(reps)
    if all(count == 1 for count in counts):
        return FUNCTIONS[np.array](A, ndmin=len(counts))  # keeps the order in memory
    ndim = max(A.ndim, len(counts))
    shape = (1,) * (ndim - A.ndim) + A.shape
    counts = (1,) * (ndim - len(counts)) + counts
    pairs = list(zip(counts, shape, strict=True))
    paired = reshape(A, [extent for n in shape for extent in (1, n)], copy=True)
    repeated = np.broadcast_to(paired, [extent for pair in pairs for extent in pair])
    return reshape(repeated, [count * n for count, n in pairs], copy=True)


def _whole(name: str, value: ArrayLike) -> np.ndarray:
    """Return integers that set the shape of a result."""
    numbers = as_plain(value)
    if numbers.dtype.kind not in "iub":
        refuse(f"np.{name} by numbers of dtype {numbers.dtype}")
    return numbers


@implements(np.repeat, method="repeat")
def repeat(a: ArrayLike, repeats: int | Sequence[int], axis: int | None = None) -> Array:
    a = as_traced(a)
    a, axis = (ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    return a[along(axis, np.repeat(np.arange(a.shape[axis]), _whole("repeat", repeats)))]


@implements(np.resize)
def resize(a: ArrayLike, new_shape: ShapeLike) -> Array:
    a, shape = ravel(a), as_shape(new_shape)
    return reshape(a[np.resize(np.arange(a.size), shape)], shape)


@implements(np.roll)
def roll(a: ArrayLike, shift: int | Sequence[int], axis: Axes = None) -> Array:
    a = as_traced(a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), a.shape)
    shifts, axes = np.broadcast_arrays(_whole("roll", shift), as_plain(axis))
    for number, i in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        i = normalize_axis(i, a.ndim)
        extent = a.shape[i]
        cut = -number % extent if extent else 0
        if cut:
            head, tail = a[along(i, slice(cut, None))], a[along(i, slice(None, cut))]
            a = concatenate([head, tail], i)
    return fresh(a)


_PadMode = Literal["constant", "edge", "reflect", "symmetric", "wrap"]
_INDEX_MODES = {"edge", "reflect", "symmetric", "wrap"}


def _widths_of_axes(widths: dict[int, Any], ndim: int) -> list[Any]:
    listed: list[Any] = [(0, 0)] * ndim
    for axis, width in widths.items():
        listed[normalize_axis(axis, ndim)] = width if np.ndim(width) else (width, width)
    return listed


@implements(np.pad)
def pad(
    array: ArrayLike, pad_width: ArrayLike, mode: _PadMode = "constant", **options: Any
) -> Array:
    array = FUNCTIONS[np.copy](array)
    constant_values = options.pop("constant_values", 0) if mode == "constant" else 0
    if options:
        name, value = options.popitem()
        refuse(f"the argument {name}={value!r} of np.pad with mode={mode!r}")
    if isinstance(pad_width, dict):
        pad_width = _widths_of_axes(pad_width, array.ndim)
    widths = np.broadcast_to(as_plain(pad_width), (array.ndim, 2)).tolist()
    if mode in _INDEX_MODES:
        for axis, width in enumerate(widths):
            array = array[along(axis, np.pad(np.arange(array.shape[axis]), width, mode))]
        return array
    values = np.broadcast_to(as_traced(constant_values), (array.ndim, 2))
    if mode != "constant":
        raise InputError(
            f"np.pad with mode={mode!r}{at(user_source())} cannot be recorded: use 'constant', "
            "'edge', 'reflect', 'symmetric' or 'wrap'"
        )
    for axis, (before, after) in enumerate(widths):
        parts = []
        for width, value in ((before, values[axis, 0]), (after, values[axis, 1])):
            shape = (*array.shape[:axis], width, *array.shape[axis + 1 :])
            parts.append(np.broadcast_to(value.astype(array.dtype), shape))
        array = concatenate([parts[0], array, parts[1]], axis)
    return array


@implements(np.trim_zeros, axis=one_of(None))
def trim_zeros(filt: ArrayLike, trim: str = "fb", axis: int | None = None) -> Array:
    given, filt = filt, as_traced(filt)
    if set(trim.lower()) - set("fb"):
        raise InputError(f"np.trim_zeros{at(user_source())}: trim={trim!r} must be of 'f' and 'b'")
    if filt.ndim != 1:
        refuse("np.trim_zeros of an array with more than one axis")
    nonzero = np.flatnonzero(filt != 0)
    first = int(nonzero[0]) if "f" in trim.lower() and nonzero.size else 0
    last = int(nonzero[-1]) + 1 if "b" in trim.lower() and nonzero.size else filt.size
    given = given if isinstance(given, list | tuple) else filt  # a list gives its own elements
    return given[first:last] if nonzero.size else given[:0]


__all__ = ["along", "concatenate", "normalize_axes", "packed", "stack"]

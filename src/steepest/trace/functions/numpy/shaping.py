"""NumPy's functions that rearrange one array. Most of their results are views."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.node import Shape
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import alias, freeze, fresh, storage_of, view
from steepest.trace.arrays.layout import is_contiguous, laid_out, settled, unknown
from steepest.trace.arrays.registries import FUNCTIONS, METHODS
from steepest.trace.arrays.storage import reshapes_as_view
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    Order,
    ShapeLike,
    as_plain,
    demand_no_list,
    implements,
    normalize_axes,
    normalize_axis,
)


def as_shape(shape: Any) -> tuple[int, ...]:
    """Return a shape, given as a number or a sequence, as a tuple of ints."""
    if not isinstance(shape, tuple | list) and np.ndim(shape):
        shape = as_plain(shape).tolist()
    shape = shape if isinstance(shape, tuple | list) else (shape,)
    return tuple(operator.index(extent) for extent in shape)


@implements(np.reshape)
def reshape(
    a: ArrayLike, /, shape: ShapeLike | None = None, order: Order = "C", *,
    newshape: ShapeLike | None = None, copy: bool | None = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    shape = as_shape(shape if newshape is None else newshape)
    if order == "K":
        raise InputError(f"order 'K'{at(user_source())} is not permitted for reshaping")
    layout = settled(a, order)
    if -1 in shape:
        known = math.prod(extent for extent in shape if extent != -1)
        shape = tuple(a.size // known if extent == -1 and known else extent for extent in shape)
    if math.prod(shape) != a.size:
        raise InputError(
            f"cannot reshape array of size {a.size} into shape {shape}{at(user_source())}"
        )
    if layout == "F":
        return transpose(reshape(transpose(a), shape[::-1], copy=copy))
    if shape == a.shape:
        return fresh(a) if copy and not a.is_scalar else alias(a)
    if a.is_scalar or copy:
        return record(TABLE["reshape"], a, shape=shape)
    shares = reshapes_as_view(storage_of(a), shape)
    if copy is False and not shares:
        raise InputError(
            f"copy=False{at(user_source())}, but a reshape of shape {a.shape} into {shape} cannot "
            "be had without a copy"
        )
    if shares is None:
        unknown(a)
    if shares is False:
        return record(TABLE["reshape"], a, shape=shape)
    return view(a, TABLE["reshape"], shape=shape)


@implements(method="reshape")
def _reshape_method(
    a: TracedArray, *shape: ShapeLike, order: Order = "C", copy: bool | None = None
) -> Array:
    return reshape(a, shape[0] if len(shape) == 1 else shape, order, copy=copy)


@implements(np.ravel, method="ravel")
def ravel(a: ArrayLike, order: Order = "C") -> Array:
    a = as_traced(a)
    layout = settled(a, order or "C")
    if layout != "C":
        a = transpose(a, None if layout == "F" else layout)
    if a.ndim and is_contiguous(a) is False:
        return record(TABLE["reshape"], a, shape=(a.size,))
    return reshape(a, (a.size,))


@implements(method="flatten")
def flatten(a: TracedArray, order: Order = "C") -> TracedArray:
    return fresh(ravel(a, order))


@implements(np.transpose, np.permute_dims)
def transpose(a: ArrayLike, axes: Axes = None) -> TracedArray:
    a = as_traced(a)
    axes = range(a.ndim)[::-1] if axes is None else axes
    axes = axes if isinstance(axes, Iterable) else (axes,)
    if len(tuple(axes)) != a.ndim:
        raise InputError(f"axes {axes} do not match an array of {a.ndim} axes{at(user_source())}")
    order = tuple(normalize_axis(axis, a.ndim) for axis in axes)
    if sorted(order) != list(range(a.ndim)):
        raise InputError(f"axes {axes} do not match an array of {a.ndim} axes{at(user_source())}")
    identity = order == tuple(range(a.ndim))
    return alias(a) if identity else view(a, TABLE["transpose"], axes=order)


@implements(method="transpose")
def _transpose_method(a: TracedArray, *axes: ArrayLike) -> Array:
    if not axes or axes == (None,):
        return transpose(a)
    return transpose(a, axes[0] if isinstance(axes[0], tuple | list) else axes)


@implements(attribute="itemsize")
def itemsize(a: TracedArray) -> int:
    return a.dtype.itemsize


@implements(attribute="nbytes")
def nbytes(a: TracedArray) -> int:
    return a.dtype.itemsize * a.size


@implements(attribute="T")
def _transposed(a: TracedArray) -> Array:
    return a if a.is_scalar else transpose(a)


@implements(np.matrix_transpose, attribute="mT")
def matrix_transpose(x: ArrayLike, /) -> Array:
    return swapaxes(x, -1, -2)


@implements(np.swapaxes, method="swapaxes")
def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> Array:
    a = as_traced(a)
    order = list(range(a.ndim))
    i, j = normalize_axis(axis1, a.ndim), normalize_axis(axis2, a.ndim)
    order[i], order[j] = order[j], order[i]
    return transpose(a, order)


@implements(np.moveaxis)
def moveaxis(a: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Array:
    a = as_traced(a)
    sources, targets = _axis_list(source, a.ndim), _axis_list(destination, a.ndim)
    if len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        raise InputError(f"np.moveaxis{at(user_source())}: an axis is given twice")
    if len(sources) != len(targets):
        raise InputError(f"np.moveaxis{at(user_source())}: as many sources as destinations")
    order = [i for i in range(a.ndim) if i not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return transpose(a, order)


def _axis_list(axis: int | Sequence[int], ndim: int) -> list[int]:
    """Return one axis or several as non-negative numbers, in the order given."""
    axes = [axis] if isinstance(axis, int | np.integer | TracedArray) else axis
    return [normalize_axis(i, ndim) for i in axes]


@implements(np.rollaxis)
def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> Array:
    a = as_traced(a)
    axis = normalize_axis(axis, a.ndim)
    start = start + a.ndim if start < 0 else start
    return moveaxis(a, axis, start - (axis < start))


def with_shape(a: TracedArray, shape: tuple[int, ...]) -> TracedArray:
    """Return a view whose shape differs only in axes of extent one."""
    return alias(a) if shape == a.shape else view(a, TABLE["reshape"], shape=shape)


@implements(np.expand_dims)
def expand_dims(a: ArrayLike, axis: int | Sequence[int]) -> TracedArray:
    a = as_traced(a)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    ndim = a.ndim + len(axes)
    ones = normalize_axes(axes, ndim)
    extents = iter(a.shape)
    return with_shape(a, tuple(1 if i in ones else next(extents) for i in range(ndim)))


@implements(np.squeeze, method="squeeze")
def squeeze(a: ArrayLike, axis: Axes = None) -> TracedArray:
    a = as_traced(a)
    ones = tuple(i for i, extent in enumerate(a.shape) if extent == 1)
    axes = ones if axis is None else normalize_axes(demand_no_list(axis), a.ndim)
    if not set(axes) <= set(ones):
        raise InputError(f"cannot squeeze an axis whose size is not one{at(user_source())}")
    return with_shape(a, tuple(n for i, n in enumerate(a.shape) if i not in axes))


@implements(np.broadcast_to)
def broadcast_to(array: ArrayLike, shape: ShapeLike, subok: bool = False) -> TracedArray:
    array, shape = as_traced(array), as_shape(shape)
    row = TABLE["reshape" if shape == array.shape else "broadcast_to"]
    spread = view(array, row, shape=shape)
    return freeze(spread, "the result of np.broadcast_to is read-only: use .copy()")


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Array, ...]:
    arrays = [as_traced(array) for array in args]
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    return tuple(broadcast_to(array, shape) for array in arrays)


@implements(np.atleast_1d)
def atleast_1d(*arys: ArrayLike) -> Array | tuple[Array, ...]:
    return _all_at_least(arys, 1)


@implements(np.atleast_2d)
def atleast_2d(*arys: ArrayLike) -> Array | tuple[Array, ...]:
    return _all_at_least(arys, 2)


@implements(np.atleast_3d)
def atleast_3d(*arys: ArrayLike) -> Array | tuple[Array, ...]:
    return _all_at_least(arys, 3)


def _all_at_least(arrays: tuple[Any, ...], ndim: int) -> Array | tuple[Array, ...]:
    result = tuple(_at_least(array, ndim) for array in arrays)
    return result[0] if len(arrays) == 1 else result


def _at_least(array: ArrayLike, ndim: int) -> Array:
    array = as_traced(array)
    if array.ndim >= ndim:
        return array
    if ndim == 3 and array.ndim:
        return array[None, :, None] if array.ndim == 1 else array[:, :, None]
    return with_shape(array, (1,) * (ndim - array.ndim) + array.shape)


@implements(np.flip)
def flip(m: ArrayLike, axis: Axes = None) -> Array:
    m = as_traced(m)
    axes = normalize_axes(axis, m.ndim)
    return m[tuple(slice(None, None, -1 if i in axes else 1) for i in range(m.ndim))]


@implements(np.fliplr)
def fliplr(m: ArrayLike) -> Array:
    return flip(m, 1)


@implements(np.flipud)
def flipud(m: ArrayLike) -> Array:
    return flip(m, 0)


@implements(np.rot90)
def rot90(m: ArrayLike, k: int = 1, axes: ArrayLike = (0, 1)) -> Array:
    m, (first, second) = as_traced(m), axes
    if k % 4 == 1:
        return swapaxes(flip(m, second), first, second)
    if k % 4 == 2:
        return flip(m, (first, second))
    return alias(m) if k % 4 == 0 else flip(swapaxes(m, first, second), second)


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(
    x: ArrayLike, window_shape: ShapeLike, axis: Axes = None, *, subok: bool = False,
    writeable: bool = False,
) -> TracedArray:  # fmt: skip
    x, sizes = as_traced(x), as_shape(window_shape)
    where = f"np.lib.stride_tricks.sliding_window_view{at(user_source())}"
    if writeable:
        raise UnsupportedError(
            f"{where}: windows with writeable=True share elements, so that assignments to them "
            "cannot be recorded: assign to the array itself"
        )
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, Iterable) else (axis,)
    axes = tuple(normalize_axis(i, x.ndim) for i in axes)
    if len(sizes) != len(axes):
        raise InputError(f"{where}: {len(sizes)} window sizes for {len(axes)} axes")
    if any(size < 0 for size in sizes):
        raise InputError(f"{where}: window sizes must not be negative, got {sizes}")
    spans = [1] * x.ndim  # an axis may be given several times
    for i, size in zip(axes, sizes, strict=True):
        spans[i] += size - 1
    if any(spans[i] > x.shape[i] for i in axes):
        raise InputError(f"{where}: windows of {sizes} do not fit into shape {x.shape}")
    if len(set(axes)) < len(axes):  # each window is over the positions of the one before
        windows = x
        for i, size in zip(axes, sizes, strict=True):
            windows = _window_view(windows, (i,), (size,))
    else:
        windows = _window_view(x, axes, sizes)
    return freeze(
        windows, "the result of sliding_window_view is read-only: assign to the array itself"
    )


def _window_view(x: TracedArray, axes: Sequence[int], sizes: Sequence[int]) -> TracedArray:
    """Return windows over different axes; the elements of a window are the last axes."""
    last = range(x.ndim - len(axes), x.ndim)
    windows = tuple((size, 1, 1) for size in sizes)
    found = view(moveaxis(x, axes, last), TABLE["sliding_window_view"], windows=windows)
    result: TracedArray = moveaxis(found, last, axes)
    return result


@implements(np.diagonal, method="diagonal")
def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> TracedArray:
    """Return a view of diagonals: every (columns + 1)-th element of the flattened matrix."""
    a = as_traced(a)
    last = moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = last.shape[-2:]
    number = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    first = offset if offset >= 0 else -offset * columns
    flat = view(last, TABLE["reshape"], shape=(*last.shape[:-2], rows * columns))
    chosen = flat[..., first : first + number * (columns + 1) : columns + 1][..., :number]
    return freeze(chosen, "the result of np.diagonal is read-only: use np.fill_diagonal")


@implements(np.ascontiguousarray)
def ascontiguousarray(a: ArrayLike, dtype: DType = None, *, like: object = None) -> Array:
    return atleast_1d(FUNCTIONS[np.asarray](as_traced(a), dtype, "C"))


@implements(np.shape)
def shape(a: ArrayLike) -> Shape:
    array: TracedArray = as_traced(a)
    return array.shape


@implements(np.ndim)
def ndim(a: ArrayLike) -> int:
    array: TracedArray = as_traced(a)
    return array.ndim


@implements(np.size)
def size(a: ArrayLike, axis: Axes = None) -> int:
    a = as_traced(a)
    axes = normalize_axes(axis, a.ndim)
    return math.prod(a.shape[i] for i in axes)


@implements(np.copy)
def copy(a: ArrayLike, order: Order = "K", subok: bool = False) -> TracedArray:
    a = as_traced(a)
    return laid_out(TracedArray(a.node, a.session, is_scalar=False), a, order)


@implements(method="copy")
def _copy_method(a: TracedArray, order: Order = "C") -> TracedArray:
    return laid_out(fresh(a), a, order)


METHODS["view"] = lambda a, dtype=None: alias(a) if dtype in (None, a.dtype) else _no_view(dtype)


def _no_view(dtype: DType) -> Any:
    raise UnsupportedError(
        f"x.view({dtype}){at(user_source())} would reinterpret bytes: use x.astype"
    )

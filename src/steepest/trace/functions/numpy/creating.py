"""NumPy's functions that make arrays, which can hold traced values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from steepest.errors import InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.complex import TracedComplex, as_complex, is_complex
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.layout import as_laid_out, laid_out
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import METHODS
from steepest.trace.following.namespaces import SEEN
from steepest.trace.functions.numpy.joining import packed, stack
from steepest.trace.functions.numpy.shaping import as_shape, broadcast_to
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    DType,
    Order,
    ShapeLike,
    as_array,
    demand_axes,
    implements,
    node_cast,
    one_of,
)
from steepest.trace.recording.session import current


def filled(shape: Any, value: ArrayLike, dtype: DType, order: Any = "C") -> Array:
    """Return a new array with one value everywhere."""
    if order not in ("C", "F", None):
        raise InputError(f"order={order!r}{at(user_source())} must be 'C' or 'F'")
    if np.dtype(dtype).kind == "c" or is_complex(value):
        part = np.float32 if np.dtype(dtype) == np.complex64 else np.float64
        parts = as_complex(value)
        real, imag = (filled(shape, x, part, order) for x in (parts.real, parts.imag))
        return TracedComplex(real, imag)
    one = node_cast(value, dtype)
    node = broadcast_to(one, as_shape(shape)).node
    return TracedArray(node, current(), is_scalar=False, ordered=order != "F")


@implements(np.zeros, np.empty)
def zeros(
    shape: ShapeLike, dtype: DType = float, order: Order = "C", *, device: object = None,
    like: object = None,
) -> Array:  # fmt: skip
    return filled(shape, 0, dtype or float, order)


@implements(np.ones)
def ones(
    shape: ShapeLike, dtype: DType = None, order: Order = "C", *, device: object = None,
    like: object = None,
) -> Array:  # fmt: skip
    return filled(shape, 1, dtype or float, order)


@implements(np.full)
def full(
    shape: ShapeLike, fill_value: ArrayLike, dtype: DType = None, order: Order = "C", *,
    device: object = None, like: object = None,
) -> Array:  # fmt: skip
    value = as_traced(fill_value)
    return filled(shape, value, dtype or value.dtype, order)


@implements(np.zeros_like)
def zeros_like(
    a: ArrayLike, dtype: DType = None, order: Order = "K", subok: bool = True,
    shape: ShapeLike | None = None, *, device: object = None,
) -> Array:  # fmt: skip
    return full_like(a, 0, dtype, order, shape=shape)


@implements(np.empty_like)
def empty_like(
    prototype: ArrayLike, dtype: DType = None, order: Order = "K", subok: bool = True,
    shape: ShapeLike | None = None, *, device: object = None,
) -> Array:  # fmt: skip
    return full_like(prototype, 0, dtype, order, shape=shape)


@implements(np.ones_like)
def ones_like(
    a: ArrayLike, dtype: DType = None, order: Order = "K", subok: bool = True,
    shape: ShapeLike | None = None, *, device: object = None,
) -> Array:  # fmt: skip
    return full_like(a, 1, dtype, order, shape=shape)


@implements(np.full_like)
def full_like(
    a: ArrayLike, fill_value: ArrayLike, dtype: DType = None, order: Order = "K",
    subok: bool = True, shape: ShapeLike | None = None, *, device: object = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    made = filled(a.shape if shape is None else shape, fill_value, dtype or a.dtype)
    if not isinstance(made, TracedArray):  # of complex numbers
        return made
    # With another number of axes, the result is in C order.
    return laid_out(made, a, order if made.ndim == a.ndim or order == "F" else "C")


@implements(np.array, ndmax=one_of(0))
def array(
    object: ArrayLike, dtype: DType = None, *, copy: bool = True, order: Order = "K",
    subok: bool = False, ndmin: int = 0, ndmax: int = 0, like: object = None,
) -> Array:  # fmt: skip
    made: Any
    is_array = isinstance(object, TracedArray) and not object.is_scalar
    if is_array and dtype in (None, object.dtype):
        made = as_laid_out(object, order, copy)
    elif copy is False:
        raise InputError(
            f"copy=False{at(user_source())}, but an array of {type(object).__name__} cannot be "
            "had without a copy"
        )
    else:
        made = laid_out(fresh(_as_array(object, dtype)), object, order)
        made.is_scalar = made.weak = False
    if made.ndim < ndmin:
        made = np.reshape(made, (1,) * (ndmin - made.ndim) + made.shape)
    return made


@implements(np.asarray, np.asanyarray)
def asarray(
    a: ArrayLike, dtype: DType = None, order: Order = None, *, device: object = None,
    copy: bool | None = None, like: object = None,
) -> Array:  # fmt: skip
    return array(a, dtype, copy=copy, order=order or "K")


def asarray_chkfinite(a: ArrayLike, dtype: DType = None, order: Order = None) -> Array:
    result = asarray(a, dtype, order)
    if not np.all(np.isfinite(result)):
        raise InputError(f"array must not contain infs or NaNs{at(user_source())}")
    return result


# NumPy has no override protocol for this function: traced code sees this one by name.
SEEN[np.asarray_chkfinite] = asarray_chkfinite


def _as_array(value: ArrayLike, dtype: DType) -> TracedArray:
    if isinstance(value, list | tuple) and holds_traced(value):
        merging = current().root.merging
        if merging is not None:
            merging.mixed.check_items(value)
        parts = [_as_array(part, None) for part in value]
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise UnsupportedError(
                f"an array of parts of different shapes{at(user_source())} cannot be made: "
                f"got shapes {', '.join(map(str, sorted(shapes)))}"
            )
        if shapes == {()}:
            return packed(parts, (len(parts),), dtype)
        made = stack(parts)
    elif isinstance(value, TracedArray):
        made = value
    else:
        made = as_traced(np.asarray(value, dtype))
    return made if dtype is None or made.dtype == dtype else node_cast(made, dtype)


@implements(np.linspace)
def linspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True,
    retstep: bool = False, dtype: DType = None, axis: int = 0, *, device: object = None,
) -> Array | tuple[Array, Array]:  # fmt: skip
    num = operator.index(num)
    start, stop = as_traced(start), as_traced(stop)
    made: Any = np.result_type(start, stop, 0.0)
    start, stop = start.astype(made), stop.astype(made)
    divisions = num - 1 if endpoint else num
    delta = stop - start
    shape = (num, *(1,) * delta.ndim)
    steps = np.arange(num, dtype=made).reshape(shape)
    step = delta / divisions if divisions > 0 else delta * np.nan
    if num < 0:
        raise InputError(
            f"np.linspace{at(user_source())}: the number of points must not be negative"
        )
    result = steps * step + start if divisions > 0 else steps * delta + start
    if endpoint and num > 1:
        result = fresh(result)
        result.is_scalar = False
        result[-1, ...] = stop
    if dtype is not None and np.dtype(dtype).kind in "iu":
        result = np.floor(result)
    result = result.astype(made if dtype is None else dtype)
    result = np.moveaxis(result, 0, operator.index(axis)) if axis != 0 else result
    return (result, step) if retstep else result


@implements(np.logspace)
def logspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True,
    base: ArrayLike = 10.0, dtype: DType = None, axis: int = 0,
) -> Array:  # fmt: skip
    powers = np.power(base, linspace(start, stop, num, endpoint, axis=axis))
    return powers if dtype is None else powers.astype(dtype)


@implements(np.geomspace)
def geomspace(
    start: ArrayLike, stop: ArrayLike, num: int = 50, endpoint: bool = True, dtype: DType = None,
    axis: int = 0,
) -> Array:  # fmt: skip
    start, stop, where = as_array(start), as_array(stop), at(user_source())
    wide = np.result_type(start.dtype, stop.dtype, 1.0, np.zeros((), dtype))
    start, stop = start.astype(wide), stop.astype(wide)
    demand(
        np.all((start != 0) & (stop != 0)),
        lambda: InputError(f"np.geomspace{where}: a geometric sequence cannot include zero"),
    )
    sign = np.sign(start)
    first, last = start * sign, stop * sign
    powers = fresh(logspace(np.log10(first), np.log10(last), num, endpoint))
    powers.is_scalar = False
    if num > 0:
        powers[0, ...] = first
    if num > 1 and endpoint:
        powers[-1, ...] = last
    powers = sign * powers
    powers = np.moveaxis(powers, 0, operator.index(axis)) if axis != 0 else powers
    return powers if dtype is None else powers.astype(dtype)


@implements(np.arange)
def arange(
    start: ArrayLike, stop: ArrayLike = None, step: ArrayLike = None, dtype: DType = None, *,
    device: object = None, like: object = None,
) -> Array:  # fmt: skip
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    if any(np.ndim(x) for x in (start, stop, step)):
        raise InputError(f"np.arange{at(user_source())} takes numbers, and no arrays")
    if dtype is not None and np.dtype(dtype) == np.bool_:
        refuse("np.arange with dtype=bool")
    # The number of elements sets a shape, so that it becomes a guard.
    number = int(current().decide(np.ceil((as_traced(stop) - start) / step).astype(np.int64).node))
    start, step = as_traced(start), as_traced(step)
    if dtype is None:
        dtype = np.result_type(np.int64, start.dtype, as_traced(stop).dtype, step.dtype)
    elif np.dtype(dtype).kind in "iu":  # NumPy rounds the second element, too
        start, step = start.astype(dtype), (start + step).astype(dtype) - start.astype(dtype)
    return (start + np.arange(max(number, 0)) * step).astype(dtype)


@implements(np.diag)
def diag(v: ArrayLike, k: int = 0) -> Array:
    v = as_traced(v)
    demand_axes("diag", v, 1, 2)
    if v.ndim == 2:
        return np.diagonal(v, k)
    size = v.size + abs(k)
    rows = np.arange(v.size) + max(-k, 0)
    made = filled((size, size), 0, v.dtype)
    made[rows, rows + k] = v
    return made


@implements(np.diagflat)
def diagflat(v: ArrayLike, k: int = 0) -> Array:
    return diag(np.ravel(v), k)


@implements(np.tril)
def tril(m: ArrayLike, k: int = 0) -> Array:
    m = as_traced(m)
    return np.where(np.tri(*_last_two(m), k, dtype=np.bool_), m, np.zeros_like(m))


def _last_two(m: TracedArray) -> tuple[int, int]:
    """Return the extents of a triangle. A vector counts as a square matrix of equal rows."""
    if not m.ndim:
        raise OperandError(f"np.tril or np.triu{at(user_source())} of a number has no triangle")
    rows, columns = m.shape[-2:] if m.ndim > 1 else m.shape * 2
    return rows, columns


@implements(np.triu)
def triu(m: ArrayLike, k: int = 0) -> Array:
    m = as_traced(m)
    return np.where(np.tri(*_last_two(m), k - 1, dtype=np.bool_), np.zeros_like(m), m)


@implements(np.vander)
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Array:
    x = as_traced(x)
    demand_axes("vander", x, 1)
    x = x.astype(np.promote_types(x.dtype, int))
    count = x.size if N is None else N
    if count < 0:
        raise InputError(f"np.vander{at(user_source())}: N must not be negative, got {N}")
    columns = [np.ones_like(x)]
    for _ in range(count - 1):
        columns.append(columns[-1] * x)
    columns = columns[:count]
    if not columns:
        return np.zeros((x.size, 0), x.dtype)
    return np.stack(columns if increasing else columns[::-1], axis=1)


@implements(np.meshgrid)
def meshgrid(
    *xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Array, ...]:
    if indexing not in ("xy", "ij"):
        raise InputError(f"np.meshgrid{at(user_source())}: indexing must be 'xy' or 'ij'")
    arrays = [as_traced(x) for x in xi]
    count = len(arrays)
    grids = [
        np.reshape(x, (*(1,) * i, x.size, *(1,) * (count - i - 1))) for i, x in enumerate(arrays)
    ]
    if indexing == "xy" and count > 1:
        grids = [np.swapaxes(grid, 0, 1) for grid in grids]
    if not sparse:
        shape = np.broadcast_shapes(*(grid.shape for grid in grids))
        grids = [np.broadcast_to(grid, shape) for grid in grids]
    return tuple(np.copy(grid) for grid in grids) if copy else tuple(grids)


@implements(method="fill")
def _fill(a: TracedArray, value: ArrayLike, /) -> None:
    value = as_traced(value)
    if value.ndim:
        raise InputError(f"ndarray.fill{at(user_source())} takes a number, and no array")
    a[...] = value


@implements(method="tolist")
def _tolist(a: TracedArray) -> Any:
    if a.ndim == 0:
        return METHODS["item"](a)
    return [_tolist(part) for part in a]

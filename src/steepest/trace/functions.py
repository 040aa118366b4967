"""NumPy's functions and methods as ops and compositions of ops."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError, InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.reduction import keep_axes
from steepest.trace.array import (
    FUNCTIONS,
    METHODS,
    REDUCERS,
    TracedArray,
    apply,
    as_traced,
    node_of,
    record,
    refuse,
)
from steepest.trace.indexing import getitem
from steepest.trace.session import current


def implements(*functions: Callable[..., Any], method: str | None = None) -> Callable[..., Any]:
    """Register the implementation of NumPy functions, and of a method of arrays."""

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = implementation
        if method is not None:
            METHODS[method] = implementation
        return implementation

    return register


METHODS["__getitem__"] = getitem

# Elementwise.


def _truth(x: Any) -> TracedArray:
    return as_traced(x).astype(np.bool_)


def _on_truths(name: str) -> Callable[..., Any]:
    return lambda *operands: apply(TABLE[name], *map(_truth, operands))


def _bitwise(name: str) -> Callable[..., Any]:
    def implementation(*operands: Any) -> TracedArray:
        if any(as_traced(operand).dtype != np.bool_ for operand in operands):
            refuse(f"the bitwise operator for {name.replace('_', ' ')} on numbers")
        return apply(TABLE[name], *operands)

    return implementation


for _name in ("and", "or", "xor", "not"):
    FUNCTIONS[getattr(np, f"logical_{_name}")] = _on_truths(f"logical_{_name}")
    _ufunc = np.invert if _name == "not" else getattr(np, f"bitwise_{_name}")
    FUNCTIONS[_ufunc] = _bitwise(f"logical_{_name}")


@implements(np.positive, np.real, method="conj")
def positive(x):
    return as_traced(x)


@implements(np.deg2rad, np.radians)
def deg2rad(x):
    return np.multiply(x, math.pi / 180)


@implements(np.rad2deg, np.degrees)
def rad2deg(x):
    return np.multiply(x, 180 / math.pi)


@implements(np.float_power)
def float_power(x, p):
    return np.power(as_traced(x).astype(np.float64), as_traced(p).astype(np.float64))


@implements(np.where)
def where(condition, *choices):
    if len(choices) != 2:
        refuse("np.where with one argument")
    # Chosen values promote as in any ufunc of two operands.
    dtype = np.result_type(*map(_promotable, choices))
    return record(TABLE["where"], _truth(condition), *(node_cast(c, dtype) for c in choices))


def _promotable(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return 0.0 if value.weak else value.dtype
    return value if type(value) in (int, float, bool) else np.asarray(value).dtype


def node_cast(value: Any, dtype: np.dtype) -> TracedArray:
    """Return a traced array of a dtype."""
    return TracedArray(node_of(value, dtype), current())


@implements(np.clip, method="clip")
def clip(a, a_min=None, a_max=None, *, min=None, max=None):
    low = a_min if a_min is not None else min
    high = a_max if a_max is not None else max
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@implements(np.astype, method="astype")
def astype(x, dtype, copy=True):
    x = as_traced(x)
    return x if x.dtype == dtype and not x.weak else node_cast(x, np.dtype(dtype))


@implements(np.copy, method="copy")
def copy(a, order="K"):
    return as_traced(a)


@implements(method="item")
def item(x, *index):
    chosen: Any = getitem(x, index) if index else np.reshape(x, ())
    return TracedArray(chosen.node, chosen.session, weak=chosen.dtype.kind == "f")


# Reductions.


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes as sorted non-negative numbers; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(normalize_axis(a, ndim) for a in axes))


def normalize_axis(axis: int, ndim: int) -> int:
    """Return an axis as a non-negative number."""
    if not -ndim <= axis < ndim:
        raise GraphIndexError(
            f"axis {axis}{at(user_source())} is out of bounds for an array of dimension {ndim}"
        )
    return axis % ndim


def _reduce(name: str, x: TracedArray, axis: Any, keepdims: bool) -> TracedArray:
    axes = normalize_axes(axis, x.ndim)
    if name in ("max", "min") and not all(x.shape[a] for a in axes):
        raise InputError(f"{name} of an empty array{at(user_source())} has no value")
    result = record(TABLE[name], x, axis=axes) if axes else x
    return keep_axes(result, axes, x.ndim) if keepdims else result


@implements(np.sum, method="sum")
def sum_(a, axis=None, dtype=None, out=None, keepdims=False, initial=None, where=None):
    a = as_traced(a)
    if dtype is None:  # NumPy adds up small integers in the widest ones
        dtype = np.add.reduce(np.empty(0, a.dtype)).dtype
    total = _reduce("sum", a.astype(dtype), axis, keepdims)
    return total if initial is None else total + initial


@implements(np.mean, method="mean")
def mean(a, axis=None, dtype=None, out=None, keepdims=False, *, where=None):
    a = as_traced(a)
    count = math.prod(a.shape[i] for i in normalize_axes(axis, a.ndim))
    if dtype is None and a.dtype.kind != "f":
        dtype = np.float64
    if count == 0:
        raise InputError(f"mean of an empty array{at(user_source())} has no value")
    return sum_(a, axis, dtype, None, keepdims) / count


@implements(np.var, method="var")
def var(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    ddof = ddof if correction is None else correction
    a = as_traced(a)
    centered = a - mean(a, axis, dtype, None, True)
    count = math.prod(a.shape[i] for i in normalize_axes(axis, a.ndim))
    return sum_(np.square(centered), axis, None, None, keepdims) / (count - ddof)


@implements(np.std, method="std")
def std(a, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, correction=None):
    return np.sqrt(var(a, axis, dtype, out, ddof, keepdims, correction=correction))


@implements(np.max, np.amax, method="max")
def max_(a, axis=None, out=None, keepdims=False):
    return _reduce("max", as_traced(a), axis, keepdims)


@implements(np.min, np.amin, method="min")
def min_(a, axis=None, out=None, keepdims=False):
    return _reduce("min", as_traced(a), axis, keepdims)


@implements(np.ptp)
def ptp(a, axis=None, out=None, keepdims=False):
    return max_(a, axis, None, keepdims) - min_(a, axis, None, keepdims)


@implements(np.all, method="all")
def all_(a, axis=None, out=None, keepdims=False):
    return _reduce("all", _truth(a), axis, keepdims)


@implements(np.any, method="any")
def any_(a, axis=None, out=None, keepdims=False):
    return _reduce("any", _truth(a), axis, keepdims)


def _position(name: str) -> Callable[..., Any]:
    def implementation(a, axis=None, out=None, *, keepdims=False):
        a = as_traced(a)
        source = np.ravel(a) if axis is None else a
        axis_number = 0 if axis is None else normalize_axis(axis, a.ndim)
        result = record(TABLE[name], source, axis=axis_number)
        axes = normalize_axes(axis, a.ndim)
        return keep_axes(result, axes, a.ndim) if keepdims else result

    return implementation


implements(np.argmax, method="argmax")(_position("argmax"))
implements(np.argmin, method="argmin")(_position("argmin"))


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    if ord not in (None, 2, "fro") or (ord == 2 and axis is None and as_traced(x).ndim != 1):
        refuse(f"np.linalg.norm with ord={ord}")
    squares = sum_(np.square(x), axis, None, None, keepdims)
    # The slope at 0 is 0, not NaN: the square root never sees the zero.
    is_zero = squares == 0
    return np.where(is_zero, 0, np.sqrt(np.where(is_zero, 1, squares)))


for _ufunc, _reducer in (
    (np.add, sum_),
    (np.maximum, max_),
    (np.minimum, min_),
    (np.logical_and, all_),
    (np.logical_or, any_),
):
    REDUCERS[_ufunc] = _reducer


# Shapes.


@implements(np.reshape)
def reshape(a, /, shape=None, order="C", *, newshape=None, copy=None):
    a = as_traced(a)
    if order not in ("C", "A"):
        refuse(f"np.reshape with order={order!r}")
    shape = shape if newshape is None else newshape
    shape = (shape,) if isinstance(shape, int | np.integer) else tuple(map(int, shape))
    if -1 in shape:
        known = math.prod(extent for extent in shape if extent != -1)
        shape = tuple(a.size // known if extent == -1 and known else extent for extent in shape)
    return a if shape == a.shape else record(TABLE["reshape"], a, shape=shape)


@implements(method="reshape")
def _reshape_method(a, *shape, order="C"):
    return reshape(a, shape[0] if len(shape) == 1 else shape, order)


@implements(np.ravel, method="ravel")
def ravel(a, order="C"):
    return reshape(a, (as_traced(a).size,), order)


METHODS["flatten"] = ravel


@implements(np.transpose)
def transpose(a, axes=None):
    a = as_traced(a)
    axes = range(a.ndim)[::-1] if axes is None else axes
    order = tuple(normalize_axis(axis, a.ndim) for axis in axes)
    if sorted(order) != list(range(a.ndim)):
        raise InputError(f"axes {axes} do not match an array of {a.ndim} axes{at(user_source())}")
    identity = order == tuple(range(a.ndim))
    return a if identity else record(TABLE["transpose"], a, axes=order)


@implements(method="transpose")
def _transpose_method(a, *axes):
    if not axes or axes == (None,):
        return transpose(a)
    return transpose(a, axes[0] if isinstance(axes[0], tuple | list) else axes)


@implements(np.swapaxes, method="swapaxes")
def swapaxes(a, axis1, axis2):
    a = as_traced(a)
    order = list(range(a.ndim))
    i, j = normalize_axis(axis1, a.ndim), normalize_axis(axis2, a.ndim)
    order[i], order[j] = order[j], order[i]
    return transpose(a, order)


@implements(np.moveaxis)
def moveaxis(a, source, destination):
    a = as_traced(a)
    sources = [source] if isinstance(source, int) else list(source)
    targets = [destination] if isinstance(destination, int) else list(destination)
    sources = [normalize_axis(i, a.ndim) for i in sources]
    targets = [normalize_axis(i, a.ndim) for i in targets]
    order = [i for i in range(a.ndim) if i not in sources]
    for target, moved in sorted(zip(targets, sources, strict=True)):
        order.insert(target, moved)
    return transpose(a, order)


@implements(np.expand_dims)
def expand_dims(a, axis):
    a = as_traced(a)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return keep_axes(a, normalize_axes(axes, a.ndim + len(axes)), a.ndim + len(axes))


@implements(np.squeeze, method="squeeze")
def squeeze(a, axis=None):
    a = as_traced(a)
    ones = tuple(i for i, extent in enumerate(a.shape) if extent == 1)
    axes = ones if axis is None else normalize_axes(axis, a.ndim)
    if not set(axes) <= set(ones):
        raise InputError(f"cannot squeeze an axis whose size is not one{at(user_source())}")
    return reshape(a, tuple(n for i, n in enumerate(a.shape) if i not in axes))


@implements(np.broadcast_to)
def broadcast_to(array, shape, subok=False):
    array = as_traced(array)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return array if shape == array.shape else record(TABLE["broadcast_to"], array, shape=shape)


@implements(np.atleast_1d)
def atleast_1d(x):
    return reshape(x, (1,)) if as_traced(x).ndim == 0 else x


@implements(np.atleast_2d)
def atleast_2d(x):
    x = atleast_1d(x)
    return x[None, :] if x.ndim == 1 else x


@implements(np.concatenate)
def concatenate(arrays, axis=0, out=None, dtype=None):
    parts = [as_traced(array) for array in arrays]
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    dtype = dtype or np.result_type(*(part.dtype for part in parts))
    axis = normalize_axis(axis, parts[0].ndim)
    cast = [node_cast(part, np.dtype(dtype)) for part in parts]
    return cast[0] if len(cast) == 1 else record(TABLE["concatenate"], *cast, axis=axis)


@implements(np.stack)
def stack(arrays, axis=0, out=None, dtype=None):
    parts = [as_traced(array) for array in arrays]
    if len({part.shape for part in parts}) > 1:
        raise InputError(f"np.stack{at(user_source())}: all arrays must have the same shape")
    axis = normalize_axis(axis, parts[0].ndim + 1)
    return concatenate([expand_dims(part, axis) for part in parts], axis, None, dtype)


@implements(np.hstack)
def hstack(tup):
    parts = [atleast_1d(as_traced(part)) for part in tup]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


@implements(np.vstack)
def vstack(tup):
    return concatenate([atleast_2d(as_traced(part)) for part in tup], 0)


@implements(np.column_stack)
def column_stack(tup):
    parts = [as_traced(part) for part in tup]
    return concatenate([p[:, None] if p.ndim == 1 else p for p in parts], 1)


@implements(np.flip)
def flip(m, axis=None):
    m = as_traced(m)
    axes = normalize_axes(axis, m.ndim)
    return m[tuple(slice(None, None, -1 if i in axes else 1) for i in range(m.ndim))]


@implements(np.diff)
def diff(a, n=1, axis=-1):
    a = as_traced(a)
    axis = normalize_axis(axis, a.ndim)
    head = (slice(None),) * axis
    for _ in range(n):
        a = a[(*head, slice(1, None))] - a[(*head, slice(None, -1))]
    return a


@implements(np.take, method="take")
def take(a, indices, axis=None, out=None, mode="raise"):
    a = as_traced(a)
    if mode != "raise":
        refuse(f"np.take with mode={mode!r}")
    if axis is None:
        a, axis = ravel(a), 0
    return a[(slice(None),) * normalize_axis(axis, a.ndim) + (indices,)]


@implements(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    arr, indices = as_traced(arr), as_traced(indices)
    axis = normalize_axis(axis, arr.ndim)
    grid: list[Any] = []
    for i, extent in enumerate(arr.shape):
        shape = [1] * arr.ndim
        shape[i] = extent
        grid.append(indices if i == axis else np.arange(extent).reshape(shape))
    return arr[tuple(grid)]


@implements(np.shape)
def shape(a):
    return a.shape


@implements(np.ndim)
def ndim(a):
    return a.ndim


@implements(np.size)
def size(a, axis=None):
    return a.size if axis is None else a.shape[axis]


@implements(np.zeros_like, np.empty_like)
def zeros_like(a, dtype=None, order="K", subok=True, shape=None, device=None):
    return full_like(a, 0, dtype, shape=shape)


@implements(np.ones_like)
def ones_like(a, dtype=None, order="K", subok=True, shape=None, device=None):
    return full_like(a, 1, dtype, shape=shape)


@implements(np.full_like)
def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, device=None):
    a = as_traced(a)
    value = node_cast(fill_value, np.dtype(dtype or a.dtype))
    return broadcast_to(value, a.shape if shape is None else shape)


# Products.


@implements(np.matmul)
def matmul(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        raise InputError(f"np.matmul{at(user_source())}: operands must have at least one axis")
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype == np.bool_:
        refuse("np.matmul of truth values")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise InputError(
            f"np.matmul{at(user_source())}: shapes {a.shape} and {b.shape} do not fit: "
            f"{a.shape[-1]} columns meet {b.shape[-2 if b.ndim > 1 else 0]} rows"
        )
    left = node_cast(a if a.ndim > 1 else a[None, :], dtype)
    right = node_cast(b if b.ndim > 1 else b[:, None], dtype)
    product = record(TABLE["matmul"], left, right)
    rows = product.shape[-2:-1] if a.ndim > 1 else ()
    columns = product.shape[-1:] if b.ndim > 1 else ()
    return reshape(product, (*product.shape[:-2], *rows, *columns))


@implements(np.dot, method="dot")
def dot(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


@implements(np.vdot)
def vdot(a, b):
    return matmul(ravel(a), ravel(b))


@implements(np.inner)
def inner(a, b):
    a, b = as_traced(a), as_traced(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@implements(np.outer)
def outer(a, b):
    return ravel(a)[:, None] * ravel(b)[None, :]


@implements(np.tensordot)
def tensordot(a, b, axes=2):
    a, b = as_traced(a), as_traced(b)
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    left, right = ((x,) if isinstance(x, int) else tuple(x) for x in axes)
    left = tuple(normalize_axis(i, a.ndim) for i in left)
    right = tuple(normalize_axis(i, b.ndim) for i in right)
    kept_a = tuple(i for i in range(a.ndim) if i not in left)
    kept_b = tuple(i for i in range(b.ndim) if i not in right)
    rows, columns = _extents(a, kept_a), _extents(b, kept_b)
    inner_size = math.prod(_extents(a, left))
    flat_a = reshape(transpose(a, kept_a + left), (math.prod(rows), inner_size))
    flat_b = reshape(transpose(b, right + kept_b), (inner_size, math.prod(columns)))
    return reshape(matmul(flat_a, flat_b), rows + columns)


def _extents(x: TracedArray, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(x.shape[i] for i in axes)


@implements(np.trace, method="trace")
def trace(a, offset=0):
    return sum_(diagonal(a, offset), -1)


@implements(np.diagonal, method="diagonal")
def diagonal(a, offset=0, axis1=0, axis2=1):
    a = as_traced(a)
    if a.ndim != 2 or (axis1, axis2) != (0, 1):
        refuse("np.diagonal of more than two axes")
    rows, columns = a.shape
    first = (-offset if offset < 0 else 0, offset if offset > 0 else 0)
    steps = np.arange(max(min(rows - first[0], columns - first[1]), 0))
    return a[steps + first[0], steps + first[1]]

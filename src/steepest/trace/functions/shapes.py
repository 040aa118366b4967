"""NumPy's functions of shapes: reshaping, joining, picking, making alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.reduction import keep_axes
from steepest.trace.array import (
    METHODS,
    as_traced,
    record,
    refuse,
)
from steepest.trace.functions.register import (
    implements,
    node_cast,
    normalize_axes,
    normalize_axis,
)
from steepest.trace.indexing import getitem

METHODS["__getitem__"] = getitem


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

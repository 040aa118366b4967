"""NumPy's functions that select elements, or write them into an array."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError, InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import TracedArray, as_traced, holds_traced, record
from steepest.trace.arrays.assignment import check_writable, fresh, view
from steepest.trace.arrays.dispatch import as_mask, demand, selected
from steepest.trace.arrays.indexing import getitem, setitem
from steepest.trace.functions.numpy.joining import along
from steepest.trace.functions.numpy.shaping import as_shape, ravel, reshape
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Casting,
    Order,
    Out,
    ShapeLike,
    as_truth,
    demand_axes,
    implements,
    normalize_axis,
)
from steepest.trace.recording.session import current


def _in_bounds(indices: Any, extent: int, mode: str) -> Array:
    if mode == "wrap":
        return as_traced(indices) % extent
    if mode == "clip":
        return np.clip(as_traced(indices), 0, extent - 1)
    if mode != "raise":
        raise InputError(f"mode={mode!r}{at(user_source())} must be raise, wrap or clip")
    return indices


@implements(np.take, method="take")
def take(
    a: ArrayLike, indices: ArrayLike, axis: int | None = None, out: Out = None, mode: str = "raise"
) -> TracedArray:
    a = as_traced(a)
    if isinstance(indices, slice):
        raise UnsupportedError(f"np.take{at(user_source())} takes no slices: use x[...]")
    a, axis = (ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    indices = np.asarray(indices) if isinstance(indices, list | tuple) else indices
    if as_traced(indices).dtype == np.bool_:  # not a mask: True and False are the indices 1 and 0
        indices = as_traced(indices).astype(np.intp)
    return fresh(getitem(a, along(axis, _in_bounds(indices, a.shape[axis], mode))))


def _grid(arr: TracedArray, indices: Any, axis: int) -> tuple[Any, ...]:
    grid: list[Any] = []
    for i in range(arr.ndim):
        shape = [1] * arr.ndim
        shape[i] = arr.shape[i]
        grid.append(indices if i == axis else np.arange(arr.shape[i]).reshape(shape))
    return tuple(grid)


@implements(np.take_along_axis)
def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int | None = -1) -> Array:
    arr, indices = as_traced(arr), as_traced(indices)
    if axis is None:
        if indices.ndim != 1:
            raise InputError(
                f"np.take_along_axis{at(user_source())}: indices must have one axis for axis=None"
            )
        return ravel(arr)[indices]
    axis = normalize_axis(axis, arr.ndim)
    if arr.ndim != indices.ndim:
        raise InputError(
            f"np.take_along_axis{at(user_source())}: arrays of shapes {arr.shape} and "
            f"{indices.shape} must have as many axes"
        )
    return arr[_grid(arr, indices, axis)]


@implements(np.put_along_axis)
def put_along_axis(arr: ArrayLike, indices: ArrayLike, values: ArrayLike, axis: int) -> None:
    indices = as_traced(indices)
    setitem(arr, _grid(arr, indices, normalize_axis(axis, arr.ndim)), values)


def as_integers(name: str, x: ArrayLike) -> Array:
    """Return an array of integers. Other dtypes are an error, as in NumPy."""
    x = as_traced(x)
    if not np.can_cast(x.dtype, np.intp, "safe"):
        raise OperandError(
            f"np.{name}{at(user_source())} of {x.dtype}: it takes integers, and no floats that "
            "would be cut off"
        )
    return x.astype(np.intp) if x.dtype == np.bool_ else x  # as an index, it would be a mask


@implements(np.choose, method="choose")
def choose(
    a: ArrayLike, choices: Sequence[ArrayLike], out: Out = None, mode: str = "raise"
) -> Array:
    a = as_integers("choose", a)
    stacked = np.stack(np.broadcast_arrays(*map(as_traced, choices)))
    if mode == "raise":
        count, where = len(choices), at(user_source())
        demand(
            np.all((a >= 0) & (a < count)),
            lambda: InputError(f"np.choose{where}: there are choices 0 to {count - 1}"),
        )
    a = _in_bounds(a, stacked.shape[0], mode)
    a, _ = np.broadcast_arrays(a, stacked[0])
    return take_along_axis(stacked, a[None], 0)[0]


@implements(np.select)
def select(
    condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0
) -> Array:
    dtype = np.result_type(*map(as_traced, (*choicelist, default)))
    result: Any = default
    conditions = [as_traced(condition) for condition in condlist]
    for condition, choice in reversed(list(zip(conditions, choicelist, strict=True))):
        if condition.dtype != np.bool_:
            raise OperandError(
                f"np.select{at(user_source())}: conditions must be arrays of truth values, got "
                f"{condition.dtype}"
            )
        result = np.where(condition, choice, result)
    return result.astype(dtype)


@implements(np.piecewise)
def piecewise(
    x: ArrayLike, condlist: ArrayLike, funclist: Sequence[Callable[..., Any] | ArrayLike],
    *args: Any, **kw: Any,
) -> Array:  # fmt: skip
    x = as_traced(x)
    conditions = [as_traced(c) for c in condlist] if isinstance(condlist, list | tuple) else None
    if conditions is None or (conditions[0].ndim == 0 and x.ndim):
        condlist = as_traced(condlist)
        conditions = [condlist] if condlist.ndim <= x.ndim else list(condlist)
    functions = list(funclist)
    if len(functions) not in (len(conditions), len(conditions) + 1):
        raise InputError(
            f"np.piecewise{at(user_source())}: {len(conditions)} conditions need as many "
            f"functions, or one more, got {len(functions)}"
        )
    for condition in conditions:
        if condition.shape != x.shape:
            raise GraphIndexError(
                f"np.piecewise{at(user_source())}: a condition of shape {condition.shape} picks "
                f"no elements of an array of shape {x.shape}"
            )
    result = np.zeros_like(x)
    if len(functions) == len(conditions) + 1:
        otherwise: Any = True
        for condition in conditions:
            otherwise = np.logical_and(otherwise, np.logical_not(condition))
        conditions = [*conditions, otherwise]
    for condition, function in zip(conditions, functions, strict=True):
        # Where its condition does not hold, a function gets an element at which it holds.
        # So it makes no NaN there, neither in values nor in derivatives.
        if callable(function):
            safe = np.where(condition, x, _element_where(x, condition))
            value = function(safe, *args, **kw)
        else:
            value = function
        result = np.where(condition, value, result).astype(x.dtype)
    return result


def _element_where(x: TracedArray, condition: ArrayLike) -> Array:
    """Return an element at which a condition holds, as a constant, or any element."""
    flat = ravel(x)
    chosen = ravel(np.broadcast_to(as_truth(condition), x.shape))
    return stop_gradient(flat[np.argmax(chosen.astype(np.int64))])


@implements(np.extract)
def extract(condition: ArrayLike, arr: ArrayLike) -> Array:
    return ravel(arr)[ravel(as_truth(condition))]


@implements(method="compress")
def _compress_method(
    a: TracedArray, condition: ArrayLike, axis: int | None = None, out: Out = None
) -> Array:
    return compress(condition, a, axis)


@implements(np.compress)
def compress(
    condition: ArrayLike, a: ArrayLike, axis: int | None = None, out: Out = None
) -> Array:
    a = as_traced(a)
    a, axis = (ravel(a), 0) if axis is None else (a, normalize_axis(axis, a.ndim))
    demand_axes("compress", as_traced(condition), 1)
    keep = np.flatnonzero(condition)
    return a[along(axis, keep)]


@implements(np.nonzero, method="nonzero")
def nonzero(a: ArrayLike) -> tuple[Array, ...]:
    # The number of indices sets a shape. Which elements are zero becomes a guard.
    a = as_traced(a)
    if not a.ndim:
        raise InputError(f"np.nonzero{at(user_source())} of a number: use np.atleast_1d")
    truth = np.asarray(current().decide(as_truth(a).node))
    return tuple(as_traced(indices) for indices in truth.nonzero())


@implements(np.flatnonzero)
def flatnonzero(a: ArrayLike) -> Array:
    return nonzero(ravel(a))[0]


@implements(np.argwhere)
def argwhere(a: ArrayLike) -> Array:
    a = as_traced(a)
    if not a.ndim:
        return argwhere(np.atleast_1d(a))[:, :0]
    return np.transpose(np.stack(nonzero(a)))


@implements(np.put)
def put(a: ArrayLike, ind: ArrayLike, v: ArrayLike, mode: str = "raise") -> None:
    flat = flat_for_writing(a)
    indices = np.asarray(ind) if not holds_traced(ind) else as_traced(ind)
    indices = _in_bounds(ravel(indices), flat.size, mode)
    values = ravel(as_traced(v))
    setitem(flat, indices, np.resize(values, indices.shape))


def flat_for_writing(a: ArrayLike) -> TracedArray:
    if not isinstance(a, TracedArray):
        raise InputError(
            f"a plain NumPy array{at(user_source())} cannot hold traced values: make it with "
            "np.zeros or np.array inside the function"
        )
    check_writable(a)
    return view(a, TABLE["reshape"], shape=(a.size,))


@implements(np.place)
def place(arr: ArrayLike, mask: ArrayLike, vals: ArrayLike) -> None:
    indices = flatnonzero(_mask_for("place", arr, mask))
    put(arr, indices, np.resize(ravel(as_traced(vals)), indices.shape))


def _mask_for(name: str, a: ArrayLike, mask: ArrayLike) -> Array:
    """Return a mask. Raise unless it has as many elements as an array."""
    mask = as_traced(mask)
    if mask.size != np.size(a):
        raise InputError(
            f"np.{name}{at(user_source())}: a mask of shape {mask.shape} must have as many "
            f"elements as the array, of shape {np.shape(a)}"
        )
    return mask


@implements(np.putmask)
def putmask(a: ArrayLike, mask: ArrayLike, values: ArrayLike) -> None:
    mask = reshape(_mask_for("putmask", a, mask), a.shape)
    a[...] = np.where(mask, np.resize(ravel(as_traced(values)), a.shape), a)


@implements(np.copyto)
def copyto(
    dst: ArrayLike, src: ArrayLike, casting: Casting = "same_kind", where: ArrayLike = True
) -> None:
    if not isinstance(dst, TracedArray):
        flat_for_writing(dst)
    src = as_traced(src)
    dst.demand_cast(src, "np.copyto", casting)
    if where is not True:
        if as_mask(where).ndim > dst.ndim:
            raise InputError(f"np.copyto{at(user_source())}: where= has more axes than the array")
        src = selected(src, dst, where, "np.copyto", casting)
    dst[...] = src


@implements(np.fill_diagonal)
def fill_diagonal(a: ArrayLike, val: ArrayLike, wrap: bool = False) -> None:
    flat = flat_for_writing(a)
    if a.ndim < 2:
        raise InputError(f"np.fill_diagonal{at(user_source())}: shape {a.shape} has no diagonal")
    if a.ndim == 2:
        step = a.shape[1] + 1
        end = flat.size if wrap else min(a.shape[1] * a.shape[1], flat.size)
    else:
        if len(set(a.shape)) != 1:
            raise InputError(f"np.fill_diagonal{at(user_source())}: all axes must be equally long")
        step, end = 1 + sum(a.shape[0] ** i for i in range(1, a.ndim)), flat.size
    positions = np.arange(0, end, step)
    values = np.resize(ravel(as_traced(val)), positions.shape) if as_traced(val).ndim else val
    setitem(flat, positions, values)


class FlatView:
    """``x.flat``: the elements of an array in one axis, to read and to write."""

    def __init__(self, array: TracedArray) -> None:
        self.base = array

    def __getitem__(self, key: Any) -> Any:
        return ravel(self.base).copy()[key]

    def __setitem__(self, key: Any, value: ArrayLike) -> None:
        flat = flat_for_writing(self.base)
        value = as_traced(value)
        if value.ndim:
            positions = np.arange(flat.size)[key]
            setitem(flat, positions, np.resize(ravel(value), positions.shape))
        else:
            setitem(flat, key, value)

    def __iter__(self) -> Any:
        return iter(ravel(self.base))

    def __len__(self) -> int:
        return self.base.size


implements(attribute="flat")(FlatView)


@implements(np.unravel_index)
def unravel_index(indices: ArrayLike, shape: ShapeLike, order: Order = "C") -> tuple[Array, ...]:
    if order not in ("C", "F"):
        raise InputError(f"np.unravel_index{at(user_source())}: order must be 'C' or 'F'")
    result, rest = [], as_traced(indices)
    if rest.dtype.kind not in "iu":
        raise OperandError(f"np.unravel_index{at(user_source())}: only integers are indices")
    extents = as_shape(shape)
    total = math.prod(extents)
    where = at(user_source())
    demand(
        np.all((rest >= 0) & (rest < total)),
        lambda: InputError(f"np.unravel_index{where}: an index is out of bounds for {extents}"),
    )
    for extent in extents if order == "F" else reversed(extents):
        result.append(rest % extent)
        rest = rest // extent
    return tuple(result if order == "F" else reversed(result))


@implements(np.bincount)
def bincount(x: ArrayLike, weights: ArrayLike = None, minlength: int = 0) -> Array:
    demand_axes("bincount", as_traced(x), 1)
    x = as_integers("bincount", x)
    if not x.size:
        return as_traced(np.zeros(minlength, np.intp))
    where = at(user_source())
    demand(
        np.all(x >= 0),
        lambda: InputError(f"np.bincount{where}: a number is negative, and no place"),
    )
    top = int(current().decide(np.max(x).node)) + 1
    if weights is None:
        weights = np.ones(x.shape, int)
    else:
        weights = as_traced(weights).astype(np.float64)
        if weights.shape != x.shape:
            raise InputError(
                f"np.bincount{where}: weights of shape {weights.shape} for an array of shape "
                f"{x.shape}"
            )
    return record(TABLE["add_at"], as_traced(weights), x, shape=(max(top, minlength),))

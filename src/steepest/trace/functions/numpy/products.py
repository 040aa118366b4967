"""NumPy's products of vectors and matrices."""

from __future__ import annotations

import functools
import math
import operator
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, lies_in_order, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.numpy.reductions.sums import sum_
from steepest.trace.functions.numpy.shaping import ravel, reshape, transpose
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    DType,
    MatrixError,
    Out,
    as_array,
    demand_square,
    implements,
    node_cast,
    normalize_axis,
)


@implements(np.matmul)
def matmul(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = as_traced(a), as_traced(b)
    _demand_axes("matmul", a, 1, b, 1)
    dtype = np.result_type(a.dtype, b.dtype)
    if dtype == np.bool_:
        return matmul(a.astype(np.int64), b.astype(np.int64)) != 0
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
def dot(a: ArrayLike, b: ArrayLike, out: Out = None) -> Array:
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return matmul(a, b)
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 2,)))


def _demand_sum(
    name: str, a: ArrayLike, b: ArrayLike, left: Sequence[int], right: Sequence[int]
) -> None:
    """Raise unless the summed axes of both arrays have the same extents."""
    if _extents(a, left) != _extents(b, right):
        raise InputError(
            f"np.{name}{at(user_source())}: shapes {a.shape} and {b.shape} do not fit: axes "
            f"{tuple(left)} of the first meet axes {tuple(right)} of the second"
        )


@implements(np.vdot)
def vdot(a: ArrayLike, b: ArrayLike) -> Array:
    return matmul(ravel(a), ravel(b))


@implements(np.inner)
def inner(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return tensordot(a, b, axes=((a.ndim - 1,), (b.ndim - 1,)))


@implements(np.outer)
def outer(a: ArrayLike, b: ArrayLike, out: Out = None) -> Array:
    return ravel(a)[:, None] * ravel(b)[None, :]


@implements(np.linalg.outer)
def _linalg_outer(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    x1, x2 = as_traced(x1), as_traced(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise InputError(
            f"np.linalg.outer{at(user_source())}: operands of shapes {x1.shape} and {x2.shape} "
            "must have one axis"
        )
    return outer(x1, x2)


@implements(np.tensordot)
def tensordot(a: ArrayLike, b: ArrayLike, axes: int | Sequence[Any] = 2) -> Array:
    a, b = as_traced(a), as_traced(b)
    if isinstance(axes, int | np.integer):
        axes = (range(-axes, 0), range(axes))
    left, right = ((x,) if isinstance(x, int | np.integer) else tuple(x) for x in axes)
    for one, other in ((left, right), (right, left)):
        if len(one) != len(other) or len(set(one)) != len(one):
            raise InputError(
                f"np.tensordot{at(user_source())}: axes {left} and {right} must be as many, and "
                "each be named once"
            )
    left = tuple(normalize_axis(i, a.ndim) for i in left)
    right = tuple(normalize_axis(i, b.ndim) for i in right)
    _demand_sum("tensordot", a, b, left, right)
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
def trace(
    a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DType = None,
    out: Out = None,
) -> Array:  # fmt: skip
    return sum_(np.diagonal(a, offset, axis1, axis2), -1, dtype)


@implements(np.vecdot, np.linalg.vecdot)
def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    x1, x2, axis = as_traced(x1), as_traced(x2), operator.index(axis)
    axes = [(normalize_axis(axis, x.ndim),) for x in (x1, x2)]
    _demand_sum("vecdot", x1, x2, *axes)
    x1, x2 = (np.moveaxis(x, axis, -1) for x in (x1, x2))
    return sum_(x1 * x2, -1)


@implements(np.matvec)
def matvec(x1: ArrayLike, x2: ArrayLike) -> Array:
    x1, x2 = as_traced(x1), as_traced(x2)
    _demand_axes("matvec", x1, 2, x2, 1)
    return matmul(x1, x2[..., None])[..., 0]


@implements(np.vecmat)
def vecmat(x1: ArrayLike, x2: ArrayLike) -> Array:
    x1, x2 = as_traced(x1), as_traced(x2)
    _demand_axes("vecmat", x1, 1, x2, 2)
    return matmul(x1[..., None, :], x2)[..., 0, :]


def _demand_axes(name: str, a: ArrayLike, left: int, b: ArrayLike, right: int) -> None:
    """Raise unless two operands of a product have as many axes as it needs."""
    if a.ndim < left or b.ndim < right:
        raise InputError(
            f"np.{name}{at(user_source())}: operands of shapes {a.shape} and {b.shape} must have "
            f"at least {left} and {right} axes"
        )


@implements(np.kron)
def kron(a: ArrayLike, b: ArrayLike) -> Array:
    a, b = as_array(a), as_array(b)
    ndim = max(a.ndim, b.ndim)
    left = (1,) * (ndim - a.ndim) + a.shape
    right = (1,) * (ndim - b.ndim) + b.shape
    a = reshape(a, [n for extent in left for n in (extent, 1)], copy=True)
    b = reshape(b, [n for extent in right for n in (1, extent)], copy=True)
    return reshape(a * b, [m * n for m, n in zip(left, right, strict=True)], copy=True)


@implements(np.linalg.cross)
def _linalg_cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    x1, x2, axis = as_traced(x1), as_traced(x2), operator.index(axis)
    if {x.shape[normalize_axis(axis, x.ndim)] for x in (x1, x2)} != {3}:
        raise InputError(f"np.linalg.cross{at(user_source())}: vectors have three components")
    return cross(x1, x2, axis=axis)


@implements(np.cross)
def cross(
    a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1,
    axis: int | None = None,
) -> Array:  # fmt: skip
    if axis is not None:
        axisa = axisb = axisc = operator.index(axis)
    a, b = np.moveaxis(as_traced(a), axisa, 0), np.moveaxis(as_traced(b), axisb, 0)
    if not {len(a), len(b)} <= {2, 3}:
        raise InputError(f"np.cross{at(user_source())}: vectors must have two or three components")
    if len(a) != 3 or len(b) != 3:
        refuse("np.cross of vectors of two components")
    parts = [a[i] * b[j] - a[j] * b[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.moveaxis(np.stack(np.broadcast_arrays(*parts), -1), -1, axisc)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[ArrayLike], *, out: Out = None) -> Array:
    parts = [as_traced(array) for array in arrays]
    where = at(user_source())
    if len(parts) < 2:
        raise InputError(f"np.linalg.multi_dot{where}: at least two arrays are multiplied")
    if len(parts) == 2:
        return dot(*parts)
    fitting = [{1, 2}, *({2} for _ in parts[2:]), {1, 2}]
    for part, numbers in zip(parts, fitting, strict=True):
        if part.ndim not in numbers:
            raise MatrixError(
                f"np.linalg.multi_dot{where}: an array of shape {part.shape} is no matrix; only "
                "the first and the last may be vectors"
            )
    first, last = parts[0], parts[-1]
    heights = [1 if first.ndim == 1 else first.shape[0], *(part.shape[0] for part in parts[1:])]
    if first.ndim == 1:
        heights[1] = first.shape[0]
    sizes = (*heights, 1 if last.ndim == 1 else last.shape[1])
    return _multiplied(parts, sizes, 0, len(parts) - 1)


def _multiplied(parts: Sequence[Any], sizes: tuple[int, ...], first: int, last: int) -> Array:
    """Return the product of matrices in NumPy's order: another order rounds differently."""
    if first == last:
        return parts[first]
    _, middle = _cheapest(sizes, first, last)
    left = _multiplied(parts, sizes, first, middle)
    return dot(left, _multiplied(parts, sizes, middle + 1, last))


@functools.cache
def _cheapest(sizes: tuple[int, ...], first: int, last: int) -> tuple[int, int]:
    """Return the fewest multiplications for a product of matrices, and where to split it."""
    if first == last:
        return 0, first
    costs = (
        _cheapest(sizes, first, k)[0]
        + _cheapest(sizes, k + 1, last)[0]
        + sizes[first] * sizes[k + 1] * sizes[last + 1]
        for k in range(first, last)
    )
    return min((cost, first + i) for i, cost in enumerate(costs))


@implements(np.linalg.matrix_power)
def matrix_power(a: ArrayLike, n: int) -> Array:
    a = as_traced(a)
    demand_square("matrix_power", a)
    n = operator.index(n)
    if n == 1:
        return a
    if n < 0:
        a, n = np.linalg.inv(a), -n
    result = np.broadcast_to(as_traced(np.eye(a.shape[-1], dtype=a.dtype)), a.shape)
    while n:
        if n % 2:
            result = matmul(result, a)
        a, n = (matmul(a, a) if n > 1 else a), n // 2
    return result


@implements(np.einsum, optimize=lambda value: True)
def einsum(
    subscripts: Any, *operands: ArrayLike, out: Out = None, optimize: object = False
) -> Array:
    if not isinstance(subscripts, str):
        subscripts, operands = _in_letters([subscripts, *operands])
    arrays = [as_traced(operand) for operand in operands]
    stand_ins = [np.broadcast_to(0.0, array.shape) for array in arrays]
    path: Any = np.einsum_path
    steps = path(subscripts, *stand_ins, optimize=True, einsum_call=True)[-1]
    for positions, *rest in steps:
        equation = next(part for part in rest if isinstance(part, str))
        chosen = [arrays.pop(i) for i in positions]
        inputs, output = equation.split("->")
        arrays.append(_contract(inputs.split(","), output, chosen))
    if len(operands) == 1:
        return arrays[0]  # possibly a view
    result = fresh(arrays[0])
    result.ordered = result.ndim < 2 or (
        not optimize and all(map(lies_in_order, operands)) and _gives_order(subscripts, operands)
    )
    return result


def _gives_order(subscripts: str, operands: Sequence[ArrayLike]) -> bool:
    """Whether NumPy's result is in C order for arrays in C order. Small arrays are tried."""
    few = [np.ones([min(n, 2) for n in np.shape(operand)]) for operand in operands]
    result: np.ndarray = np.einsum(subscripts, *few)
    return result.flags.c_contiguous


def _in_letters(arguments: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """Convert operands that alternate with lists of axes to subscripts and operands."""

    def letters(axes: Any) -> str:
        return "".join("..." if axis is Ellipsis else string.ascii_letters[axis] for axis in axes)

    pairs = len(arguments) // 2
    inputs = ",".join(letters(axes) for axes in arguments[1 : 2 * pairs : 2])
    output = f"->{letters(arguments[-1])}" if len(arguments) % 2 else ""
    return inputs + output, tuple(arguments[: 2 * pairs : 2])


def _contract(inputs: Sequence[str], output: str, arrays: Sequence[TracedArray]) -> Array:
    """Contract arrays whose axes are named by letters: two at a time."""
    while len(arrays) > 2:
        kept = set(output).union(*inputs[2:])
        merged = "".join(c for c in dict.fromkeys(inputs[0] + inputs[1]) if c in kept)
        first = as_traced(_contract(inputs[:2], merged, arrays[:2]))
        inputs = [merged, *inputs[2:]]
        arrays = [first, *arrays[2:]]
    named = [_without_repeats(*pair) for pair in zip(inputs, arrays, strict=True)]
    if len(named) == 1:
        letters, array = named[0]
        return _arranged(*_summed(letters, array, set(output)), output)
    (left, a), (right, b) = named
    left, a = _without_ones(left, a, dict(zip(right, b.shape, strict=True)))
    right, b = _without_ones(right, b, dict(zip(left, a.shape, strict=True)))
    left, a = _summed(left, a, set(output) | set(right))
    right, b = _summed(right, b, set(output) | set(left))
    both = [c for c in left if c in right]
    batch = [c for c in both if c in output]
    inner = [c for c in both if c not in output]
    rows = [c for c in left if c not in right]
    columns = [c for c in right if c not in left]
    extents = {**dict(zip(left, a.shape, strict=True)), **dict(zip(right, b.shape, strict=True))}

    def matrices(letters: str, array: TracedArray, first: list[str], last: list[str]) -> Array:
        order = [*batch, *first, *last]
        moved = transpose(array, [letters.index(c) for c in order])
        size = [math.prod(extents[c] for c in part) for part in (batch, first, last)]
        return reshape(moved, size, copy=True)

    product = matmul(matrices(left, a, rows, inner), matrices(right, b, inner, columns))
    result = [*batch, *rows, *columns]
    return _arranged("".join(result), reshape(product, [extents[c] for c in result]), output)


def _without_repeats(letters: str, array: ArrayLike) -> tuple[str, Any]:
    for letter in dict.fromkeys(letters):
        while letters.count(letter) > 1:
            first, second = [i for i, c in enumerate(letters) if c == letter][:2]
            if array.shape[first] != array.shape[second]:
                raise InputError(
                    f"np.einsum{at(user_source())}: {letter!r} names two axes of extents "
                    f"{array.shape[first]} and {array.shape[second]}"
                )
            array = np.diagonal(array, 0, first, second)
            rest = [c for i, c in enumerate(letters) if i not in (first, second)]
            letters = "".join([*rest, letter])
    return letters, array


def _without_ones(letters: str, array: ArrayLike, others: dict[str, int]) -> tuple[str, Any]:
    """Drop axes of extent one that are broadcast to the other operand's axis of the same name."""
    dropped = [i for i, c in enumerate(letters) if array.shape[i] == 1 and others.get(c, 1) != 1]
    shape = [n for i, n in enumerate(array.shape) if i not in dropped]
    left = "".join(c for i, c in enumerate(letters) if i not in dropped)
    return (left, reshape(array, shape, copy=True)) if dropped else (letters, array)


def _summed(letters: str, array: TracedArray, kept: set[str]) -> tuple[str, TracedArray]:
    axes = tuple(i for i, letter in enumerate(letters) if letter not in kept)
    left = "".join(letter for letter in letters if letter in kept)
    return (left, sum_(array, axes)) if axes else (left, array)


def _arranged(letters: str, array: TracedArray, output: str) -> Array:
    return transpose(array, [letters.index(c) for c in output])


for _alias, _function in (
    (np.linalg.matmul, lambda x1, x2, /: matmul(x1, x2)),
    (np.linalg.tensordot, tensordot),
    (np.linalg.trace, lambda x, /, *, offset=0, dtype=None: trace(x, offset, -2, -1, dtype)),
    (np.linalg.diagonal, lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1)),
    (np.linalg.matrix_transpose, np.matrix_transpose),
):
    implements(_alias)(_function)

"""Torch's functions of tensors and methods of tensors, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError

Array = Any
Dims = int | Sequence[int] | None


def _axes(dim: Dims) -> Any:
    if dim is None or isinstance(dim, int | np.integer):
        return dim
    return tuple(dim) or None


def _typed(x: Array, dtype: Any) -> Array:
    return x if dtype is None else x.astype(dtype)


def sum_(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """Return sums along axes."""
    return np.sum(_typed(input, dtype), axis=_axes(dim), keepdims=keepdim)


def mean(input: Array, dim: Dims = None, keepdim: bool = False, *, dtype: Any = None) -> Array:
    """Return means along axes."""
    return np.mean(_typed(input, dtype), axis=_axes(dim), keepdims=keepdim)


def var(input: Array, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Array:
    """Return variances along axes."""
    return np.var(input, axis=_axes(dim), ddof=correction, keepdims=keepdim)


def std(input: Array, dim: Dims = None, *, correction: int = 1, keepdim: bool = False) -> Array:
    """Return standard deviations along axes."""
    return np.std(input, axis=_axes(dim), ddof=correction, keepdims=keepdim)


def amax(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """Return largest elements along axes; ties share the slope."""
    return np.max(input, axis=_axes(dim), keepdims=keepdim)


def amin(input: Array, dim: Dims = (), keepdim: bool = False) -> Array:
    """Return smallest elements along axes; ties share the slope."""
    return np.min(input, axis=_axes(dim), keepdims=keepdim)


def max_(input: Array, *args: Any, **named: Any) -> Array:
    """Return the largest element, or the larger ones of two arrays."""
    return _extreme(np.max, np.maximum, "max", input, args, named)


def min_(input: Array, *args: Any, **named: Any) -> Array:
    """Return the smallest element, or the smaller ones of two arrays."""
    return _extreme(np.min, np.minimum, "min", input, args, named)


def _extreme(
    whole: Any, pairwise: Any, name: str, input: Array, args: Any, named: dict[str, Any]
) -> Array:
    if not args and not named:
        return whole(input)
    if len(args) == 1 and not named and hasattr(args[0], "shape"):
        return pairwise(input, args[0])
    raise InputError(
        f"torch.{name} along an axis returns values and places, which is not brought in: use "
        f"torch.a{name}(x, dim)"
    )


def argmax(input: Array, dim: int | None = None, keepdim: bool = False) -> Array:
    """Return the places of largest elements."""
    return np.argmax(input, axis=dim, keepdims=keepdim)


def norm(input: Array, p: Any = 2, dim: Dims = None, keepdim: bool = False) -> Array:
    """Return Euclidean norms along axes."""
    if p not in ("fro", 2, None):
        raise InputError(f"norms of order {p!r} are not brought in: only Euclidean ones are")
    squares = np.sum(input * input, axis=_axes(dim), keepdims=keepdim)
    is_zero = squares == 0  # where the slope is 0, as in torch
    return np.where(is_zero, 0, np.sqrt(np.where(is_zero, 1, squares)))


def add(input: Array, other: Array, *, alpha: float = 1) -> Array:
    """Return a sum."""
    return input + other if alpha == 1 else input + alpha * other


def sub(input: Array, other: Array, *, alpha: float = 1) -> Array:
    """Return a difference."""
    return input - other if alpha == 1 else input - alpha * other


def rsub(input: Array, other: Array) -> Array:
    """Return the difference from `other`."""
    return other - input


def div(input: Array, other: Array, *, rounding_mode: str | None = None) -> Array:
    """Return a quotient."""
    if rounding_mode == "floor":
        return np.floor_divide(input, other)
    return np.trunc(input / other) if rounding_mode == "trunc" else input / other


def addmm(input: Array, mat1: Array, mat2: Array, *, beta: float = 1, alpha: float = 1) -> Array:
    """Return ``beta input + alpha mat1 @ mat2``."""
    product = mat1 @ mat2
    product = product if alpha == 1 else alpha * product
    return product + (input if beta == 1 else beta * input)


def outer(input: Array, vec2: Array) -> Array:
    """Return all products of elements."""
    return input[:, None] * vec2


def rsqrt(input: Array) -> Array:
    """Return 1 / sqrt(x)."""
    return 1 / np.sqrt(input)


def clamp(input: Array, min: Any = None, max: Any = None) -> Array:
    """Clip; the slope on the limits is 1, as in torch."""
    x = input if min is None else np.where(input < min, min, input)
    return x if max is None else np.where(x > max, max, x)


def where(condition: Array, input: Array, other: Array) -> Array:
    """Choose elements."""
    return np.where(condition, input, other)


def masked_fill(input: Array, mask: Array, value: Any) -> Array:
    """Return an array with a value where a mask is true."""
    return np.where(mask, value, input)


def where_method(input: Array, condition: Array, other: Array) -> Array:
    """Return an array with other elements where a condition is false."""
    return np.where(condition, input, other)


def cat(tensors: Sequence[Array], dim: int = 0) -> Array:
    """Join arrays along an axis."""
    return np.concatenate(tensors, axis=dim)


def stack(tensors: Sequence[Array], dim: int = 0) -> Array:
    """Join arrays along a new axis."""
    return np.stack(tensors, axis=dim)


def split(
    tensor: Array, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Array, ...]:
    """Divide an array into parts of given sizes."""
    sizes, extent = split_size_or_sections, tensor.shape[dim]
    if isinstance(sizes, int):
        bounds = list(range(sizes, extent, sizes))
    else:
        bounds = [int(i) for i in np.cumsum(sizes)[:-1]]
    return tuple(np.split(tensor, bounds, axis=dim))


def chunk(input: Array, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    """Divide an array into a number of parts."""
    return split(input, -(-input.shape[dim] // chunks), dim)


def unbind(input: Array, dim: int = 0) -> tuple[Array, ...]:
    """Return the parts of an array along an axis."""
    return tuple(np.moveaxis(input, dim, 0))


def _numbers(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    is_sequence = len(sizes) == 1 and not isinstance(sizes[0], int | np.integer)
    return tuple(sizes[0]) if is_sequence else sizes


def reshape(input: Array, *shape: Any, **named: Any) -> Array:
    """Return an array with another shape."""
    return np.reshape(input, _numbers(shape or (named.get("shape") or named["size"],)))


def permute(input: Array, *dims: Any, **named: Any) -> Array:
    """Reorder axes."""
    return np.transpose(input, _numbers(dims or (named["dims"],)))


def transpose(input: Array, dim0: int, dim1: int) -> Array:
    """Swap two axes."""
    return np.swapaxes(input, dim0, dim1)


def t(input: Array) -> Array:
    """Return the transposed matrix."""
    return input.T


def flatten(input: Array, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Join neighboring axes into one."""
    first, last = (d % max(input.ndim, 1) for d in (start_dim, end_dim))
    shape = input.shape
    inner = math.prod(shape[first : last + 1])
    return np.reshape(input, (*shape[:first], inner, *shape[last + 1 :]))


def unflatten(input: Array, dim: int, sizes: Sequence[int]) -> Array:
    """Divide an axis into several."""
    dim = dim % input.ndim
    sizes = tuple(int(size) for size in sizes)
    if -1 in sizes:
        known = -math.prod(sizes)
        sizes = tuple(input.shape[dim] // known if size == -1 else size for size in sizes)
    return np.reshape(input, (*input.shape[:dim], *sizes, *input.shape[dim + 1 :]))


def squeeze(input: Array, dim: Dims = None) -> Array:
    """Drop axes of extent 1; a given axis of another extent stays."""
    if dim is None:
        return np.squeeze(input)
    axes = (dim,) if isinstance(dim, int) else dim
    return np.squeeze(input, tuple(i for i in axes if input.shape[i] == 1))


def unsqueeze(input: Array, dim: int) -> Array:
    """Add an axis of extent 1."""
    return np.expand_dims(input, dim)


def expand(input: Array, *sizes: Any) -> Array:
    """Repeat axes of extent 1."""
    shape = _numbers(sizes)
    own = (1,) * (len(shape) - input.ndim) + input.shape
    whole = tuple(m if n == -1 else n for n, m in zip(shape, own, strict=True))
    return np.broadcast_to(input, whole)


def repeat(input: Array, *sizes: Any) -> Array:
    """Repeat an array along axes."""
    return np.tile(input, _numbers(sizes))


def flip(input: Array, *dims: Any) -> Array:
    """Reverse axes."""
    return np.flip(input, tuple(_numbers(dims)))


def size(input: Array, dim: int | None = None) -> Any:
    """Return the shape, or one extent."""
    return input.shape if dim is None else input.shape[dim]


def dim(input: Array) -> int:
    """Return the number of axes."""
    return int(input.ndim)


def numel(input: Array) -> int:
    """Return the number of elements."""
    return int(input.size)


def clone(input: Array, **_: Any) -> Array:
    """Return the array, as a copy: no step changes it."""
    return input


def as_float(input: Array) -> Array:
    """Return an array of float32."""
    return input.astype(np.float32)


def as_double(input: Array) -> Array:
    """Return an array of float64."""
    return input.astype(np.float64)


def to(input: Array, *args: Any, dtype: Any = None, **_: Any) -> Array:
    """Return an array of a dtype; devices do not matter."""
    for argument in args:
        if isinstance(argument, np.dtype):
            dtype = argument
        elif hasattr(argument, "dtype"):
            dtype = argument.dtype
    return input if dtype is None else input.astype(dtype)


def cumsum(input: Array, dim: int) -> Array:
    """Return running sums."""
    return np.cumsum(input, axis=dim)


def einsum(equation: str, *operands: Any) -> Array:
    """Return a sum of products by Einstein's convention."""
    return np.einsum(equation, *_numbers(operands))


def baddbmm(
    input: Array, batch1: Array, batch2: Array, *, beta: float = 1, alpha: float = 1
) -> Array:
    """Return ``beta input + alpha batch1 @ batch2``."""
    return addmm(input, batch1, batch2, beta=beta, alpha=alpha)


def zeros_like(input: Array) -> Array:
    """Return zeros of an array's shape."""
    return np.zeros_like(input)


def ones_like(input: Array) -> Array:
    """Return ones of an array's shape."""
    return np.ones_like(input)


def square(input: Array) -> Array:
    """Return squares."""
    return input * input

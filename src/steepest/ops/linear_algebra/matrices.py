"""What the ops on matrices share; a matrix lies on the last two axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.linear_algebra.lower_part import lower_part
from steepest.ops.row import Case

ENTRIES = ((-3.0, 3.0),)


def swap(x: Array) -> Array:
    """Return a matrix with its axes exchanged."""
    return np.swapaxes(x, -1, -2)


def square(a: Node) -> tuple[Shape, np.dtype]:
    """Return shape and dtype of square matrices, or raise."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"the last two axes of the array must be square, got shape {a.shape}")
    return a.shape, a.dtype


SQUARE_CASES = (
    Case(((3, 3),), diagonal=7.0),
    Case(((2, 4, 4),), diagonal=9.0),
    Case(((1, 1),), diagonal=5.0),
)


# NumPy reads only the lower triangle of symmetric matrices, and so do their derivatives.


def from_lower(a: Array) -> Array:
    """Return the symmetric matrix whose lower triangle is that of `a`."""
    return lower_part(a) + swap(lower_part(a, diagonal=False))


def to_lower(cotangent: Array) -> Array:
    """Pull a cotangent of the symmetric matrix back to the lower triangle."""
    return lower_part(cotangent) + lower_part(swap(cotangent), diagonal=False)


def pack(parts: list[Any], ndim: int) -> Any:
    """Pack arrays with the same batch axes into one vector for each matrix."""
    return np.concatenate(
        [np.reshape(part, (*part.shape[:ndim], math.prod(part.shape[ndim:]))) for part in parts],
        axis=-1,
    )


def unpack(packed: Any, shapes: list[Shape]) -> list[Any]:
    """Unpack the arrays of these shapes from one vector for each matrix."""
    parts, start = [], 0
    for shape in shapes:
        size = math.prod(shape)
        part = packed[..., start : start + size]
        parts.append(np.reshape(part, (*packed.shape[:-1], *shape)))
        start += size
    return parts


def torch_pack(t: Torch, parts: Sequence[Tensor], ndim: int) -> Tensor:
    """Pack tensors with the same batch axes into one vector for each matrix."""
    return t.cat([t.flatten(part, ndim) for part in parts], -1)

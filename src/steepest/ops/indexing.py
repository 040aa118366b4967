"""Indexing by slices and by integer arrays, and the transposes of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.row import RECORD, Case, Domain, Indexed, Kernel, Linear, Row

Slice = tuple[int, int, int]
"""(first index, number of elements, step) along one axis; the step may be negative."""


def as_slice(part: Slice) -> slice:
    """Return the Python slice that selects ``(first, number, step)``."""
    first, number, step = part
    stop = first + number * step
    return slice(first, None if stop < 0 else stop, step)


def _as_slices(slices: tuple[Slice, ...]) -> tuple[slice, ...]:
    return tuple(as_slice(part) for part in slices)


def _getitem_infer(x: Node, *, slices: tuple[Slice, ...]) -> tuple[Shape, np.dtype]:
    for (first, number, step), extent in zip(slices, x.shape, strict=True):
        last = first + (number - 1) * step
        if number and not (0 <= first < extent and 0 <= last < extent):
            raise IndexError(f"slice {slices} is out of bounds for shape {x.shape}")
    return tuple(number for _, number, _ in slices), x.dtype


def _getitem_element(b, fetch, index, node):
    position = tuple(
        b.affine(i, first, step)
        for i, (first, _, step) in zip(index, node.attributes["slices"], strict=True)
    )
    return fetch(0, position)


def _torch_getitem(t, x, slices):
    for axis, (first, number, step) in enumerate(slices):
        if step < 0:  # torch has no negative steps
            lowest = first + (number - 1) * step
            x = t.flip(_torch_slice(x, axis, lowest, number, -step), (axis,))
        else:
            x = _torch_slice(x, axis, first, number, step)
    return x


def _torch_slice(x, axis, first, number, step):
    return x[(slice(None),) * axis + (slice(first, first + number * step, step),)]


GETITEM = Row(
    name="getitem",
    evaluate=lambda x, *, slices: np.asarray(x)[_as_slices(slices)],
    infer=_getitem_infer,
    derivative=Linear(
        {0: lambda cotangent, x, *, slices: embed(cotangent, shape=x.shape, slices=slices)}
    ),
    torch=_torch_getitem,
    lower=Indexed(_getitem_element, view=True),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((5,),), {"slices": ((1, 3, 1),)}),
            Case(((5,),), {"slices": ((4, 5, -1),)}),
            Case(((7, 6),), {"slices": ((5, 3, -2), (1, 2, 3))}),
            Case(((4, 30),), {"slices": ((1, 2, 1), (2, 25, 1))}),
            Case(((3,),), {"slices": ((2, 0, 1),)}),
        ),
        analytic=True,
    ),
)


def embed(x: Any, *, shape: Shape, slices: tuple[Slice, ...]) -> Any:
    """Return zeros of a shape with `x` put at slices: the transpose of ``getitem``."""
    if hasattr(x, RECORD):
        return getattr(x, RECORD)(EMBED, x, shape=shape, slices=slices)
    result = np.zeros(shape, np.asarray(x).dtype)
    result[_as_slices(slices)] = x
    return result


def _embed_element(b, fetch, index, node):
    inside, source = b.truth(True), []
    shape, slices = node.shape, node.attributes["slices"]
    for i, extent, (first, number, step) in zip(index, shape, slices, strict=True):
        if (first, number, step) == (0, extent, 1):
            source.append(i)
            continue
        within, position = b.invert_affine(i, first, number, step)
        inside = inside & within
        source.append(position)
    if node.operands[0].size == 0:
        return b.zero(node.dtype)
    # Positions outside were clamped, so the element read there is real, and unused.
    return b.select(inside, fetch(0, tuple(source)), b.zero(node.dtype))


def _torch_embed(t, x, shape, slices):
    for axis, part in enumerate(slices):
        if part[2] < 0:
            x = t.flip(x, (axis,))
    result = t.zeros(shape, dtype=x.dtype, device=x.device)
    target = tuple(
        slice(first, first + number * step, step)
        if step > 0
        else slice(first + (number - 1) * step, first + 1, -step)
        for first, number, step in slices
    )
    indices = t.meshgrid(
        *(
            t.arange(extent, device=x.device)[part]
            for extent, part in zip(shape, target, strict=True)
        ),
        indexing="ij",
    )
    return result.index_put(tuple(indices), x) if shape else x


EMBED = Row(
    name="embed",
    evaluate=embed,
    infer=lambda x, *, shape, slices: (shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, *, shape, slices: cotangent[_as_slices(slices)]}),
    torch=_torch_embed,
    lower=Indexed(_embed_element),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((3,),), {"shape": (5,), "slices": ((1, 3, 1),)}),
            Case(((3,),), {"shape": (7,), "slices": ((5, 3, -2),)}),
            Case(((2, 3),), {"shape": (6, 20), "slices": ((1, 2, 3), (2, 3, 4))}),
            Case(((2, 25),), {"shape": (4, 30), "slices": ((1, 2, 1), (2, 25, 1))}),
        ),
        analytic=True,
    ),
)


def _take_infer(x: Node, *indices: Node) -> tuple[Shape, np.dtype]:
    if len({index.shape for index in indices}) != 1:
        raise ValueError("take: the index arrays differ in shape")
    return (*indices[0].shape, *x.shape[len(indices) :]), x.dtype


def _take_element(b, fetch, index, node):
    x, *indices = node.operands
    ndim = indices[0].ndim
    where = tuple(
        b.checked_index(fetch(1 + axis, index[:ndim]), x.shape[axis], node)
        for axis in range(len(indices))
    )
    return fetch(0, (*where, *index[ndim:]))


TAKE = Row(
    name="take_at",
    evaluate=lambda x, *indices: np.asarray(x)[indices],
    infer=_take_infer,
    derivative=Linear(
        {0: lambda cotangent, x, *indices: add_at(cotangent, *indices, shape=x.shape)}
    ),
    torch=lambda t, x, *indices: x[indices],
    lower=Indexed(_take_element),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((5,), (3,)), {}, {1: 5}),
            Case(((4, 3), (6,)), {}, {1: 4}),
            Case(((4, 3), (2, 2), (2, 2)), {}, {1: 4, 2: 3}),
            Case(((30, 10), (25,), (25,)), {}, {1: 30, 2: 10}),
        ),
        analytic=True,
    ),
)


def add_at(x: Any, *indices: Any, shape: Shape) -> Any:
    """Return zeros of a shape with `x` added at indices: the transpose of ``take_at``."""
    if hasattr(x, RECORD):
        return getattr(x, RECORD)(ADD_AT, x, *indices, shape=shape)
    result = np.zeros(shape, np.asarray(x).dtype)
    np.add.at(result, indices, x)
    return result


ADD_AT = Row(
    name="add_at",
    evaluate=add_at,
    infer=lambda x, *indices, shape: (shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, *indices, shape: cotangent[indices]}),
    torch=lambda t, x, *indices, shape: t.zeros(shape, dtype=x.dtype, device=x.device).index_put(
        indices, x, accumulate=True
    ),
    lower=Kernel("add_at"),
    domain=Domain(
        ((-3.0, 3.0),),
        (
            Case(((6,), (6,)), {"shape": (4,)}, {1: 4}),
            Case(((5, 3), (5,)), {"shape": (4, 3)}, {1: 4}),
            Case(((25,), (25,), (25,)), {"shape": (30, 10)}, {1: 30, 2: 10}),
        ),
        analytic=True,
    ),
)

ROWS: tuple[Row, ...] = (GETITEM, EMBED, TAKE, ADD_AT)

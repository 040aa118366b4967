"""Indexing by integer arrays: taking, its transpose, and putting."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import Indexed, Kernel
from steepest.ops.row import Case, Domain, Order, Row, recorded
from steepest.ops.support import gathered, moved

_REALS = ((-3.0, 3.0),)


def _take_infer(x: Node, *indices: Node) -> tuple[Shape, np.dtype]:
    if len({index.shape for index in indices}) != 1:
        raise ValueError("take: the index arrays differ in shape")
    return (*indices[0].shape, *x.shape[len(indices) :]), x.dtype


def _take_element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    x, *indices = node.operands
    ndim = indices[0].ndim
    where = tuple(
        b.checked_index(fetch(1 + axis, index[:ndim]), indices[axis], x.shape[axis], node)
        for axis in range(len(indices))
    )
    return fetch(0, (*where, *index[ndim:]))


TAKE = Row(
    name="take_at",
    looks_up=True,
    is_move=True,
    evaluate=lambda x, *indices: np.asarray(x)[indices],
    infer=_take_infer,
    derivative=Linear(
        {0: lambda cotangent, x, *indices: add_at(cotangent, *indices, shape=x.shape)}
    ),
    torch=lambda t, x, *indices: x[indices],
    lower=Indexed(_take_element),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((5,), (3,)), {}, {1: 5}),
            Case(((4, 3), (6,)), {}, {1: 4}),
            Case(((4, 3), (2, 2), (2, 2)), {}, {1: 4, 2: 3}),
            Case(((30, 10), (25,), (25,)), {}, {1: 30, 2: 10}),
        ),
        analytic=True,
    ),
)


def _add_at(x: Any, *indices: Any, shape: Shape) -> Any:
    """Return zeros of a shape with `x` added at indices: the transpose of ``take_at``."""
    result = np.zeros(shape, np.asarray(x).dtype)
    np.add.at(result, indices, x)
    return result


ADD_AT = Row(
    name="add_at",
    looks_up=True,
    in_order=Order.ALWAYS,
    evaluate=_add_at,
    infer=lambda x, *indices, shape: (shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, *indices, shape: cotangent[indices]}),
    torch=lambda t, x, *indices, shape: t.zeros(shape, dtype=x.dtype, device=x.device).index_put(
        indices, x, accumulate=True
    ),
    lower=Kernel("add_at"),
    support=gathered,
    domain=Domain(
        _REALS,
        (
            Case(((6,), (6,)), {"shape": (4,)}, {1: 4}),
            Case(((5, 3), (5,)), {"shape": (4, 3)}, {1: 4}),
            Case(((25,), (25,), (25,)), {"shape": (30, 10)}, {1: 30, 2: 10}),
        ),
        analytic=True,
    ),
)
add_at: Callable[..., Array] = recorded(ADD_AT)


def _put_at(x: Any, values: Any, *indices: Any) -> Any:
    """Return `x` with other values at indices; the last of several at one index stays."""
    result = np.array(x, np.result_type(x, values))
    result[indices] = values
    return result


def _put_at_infer(x: Node, values: Node, *indices: Node) -> tuple[Shape, np.dtype]:
    if len({index.shape for index in indices}) != 1 or values.dtype != x.dtype:
        raise ValueError("put_at: the index arrays differ in shape")
    if values.shape != (*indices[0].shape, *x.shape[len(indices) :]):
        raise ValueError(f"put_at: values {values} do not fit")
    return x.shape, x.dtype


def _put_at_values(cotangent: Array, x: Array, values: Array, *indices: Array) -> Array:
    # Only the last of several values at one index stays, so only it receives a cotangent.
    shape = indices[0].shape
    order = np.arange(math.prod(shape)).reshape(shape)
    last = put_at(np.zeros(x.shape[: len(indices)], order.dtype), order, *indices)[indices]
    stays = np.reshape(last == order, shape + (1,) * (values.ndim - len(shape)))
    return np.where(stays, cotangent[indices], 0)


def _torch_put_at(t: Torch, x: Tensor, values: Tensor, *indices: Tensor) -> Tensor:
    # torch does not define which of several values at one index stays: keep only the last one.
    shape = indices[0].shape
    flat = t.zeros(shape, dtype=t.int64, device=x.device)
    for index, extent in zip(indices, x.shape, strict=False):
        flat = flat * extent + t.where(index < 0, index + extent, index)
    flat = flat.reshape(-1)
    order = t.arange(flat.numel(), device=x.device)
    places = math.prod(x.shape[: len(indices)])
    last = t.full((places,), -1, dtype=t.int64, device=x.device)
    last = last.scatter_reduce(0, flat, order, "amax")
    stays = last[flat] == order
    rest = x.shape[len(indices) :]
    result = x.reshape((places, *rest)).clone()
    result[flat[stays]] = values.reshape((-1, *rest))[stays]
    return result.reshape(x.shape)


PUT_AT = Row(
    name="put_at",
    looks_up=True,
    in_order=Order.AS_FIRST,
    evaluate=_put_at,
    infer=_put_at_infer,
    derivative=Linear(
        {
            0: lambda cotangent, x, values, *indices: put_at(
                cotangent, np.zeros_like(values), *indices
            ),
            1: _put_at_values,
        },
        joint=True,
    ),
    torch=_torch_put_at,
    lower=Kernel("put_at"),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((5,), (3,), (3,)), {}, {2: 5}),
            Case(((4,), (6,), (6,)), {}, {2: 4}),
            Case(((4, 3), (5, 3), (5,)), {}, {2: 4}),
            Case(((30, 10), (25,), (25,), (25,)), {}, {2: 30, 3: 10}),
        ),
        analytic=True,
    ),
)
put_at: Callable[..., Array] = recorded(PUT_AT)

ROWS: tuple[Row, ...] = (TAKE, ADD_AT, PUT_AT)

"""Shape and dtype: reshape, transpose, broadcast_to, concatenate, pack, astype."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element
from steepest.ops.derivative_rules import JointLinear, Linear
from steepest.ops.elementwise.conversion import astype_in_torch
from steepest.ops.machine_code import Elementwise, Indexed, Kernel
from steepest.ops.row import Case, Domain, Order, Row, recorded
from steepest.ops.rows import of_broadcast, of_concatenate, of_reshape, of_transpose
from steepest.ops.support import moved, of_first

_REALS = ((-3.0, 3.0),)


def _reshape_infer(x: Node, *, shape: Shape) -> tuple[Shape, np.dtype]:
    if math.prod(shape) != x.size:
        raise ValueError(f"cannot reshape array of size {x.size} into shape {shape}")
    return shape, x.dtype


RESHAPE = Row(
    name="reshape",
    rows=of_reshape,
    in_order=Order.ALWAYS,
    is_move=True,
    evaluate=lambda x, *, shape: np.reshape(x, shape),
    infer=_reshape_infer,
    derivative=Linear({0: lambda cotangent, x, *, shape: np.reshape(cotangent, x.shape)}),
    torch=lambda t, x, shape: t.reshape(x, shape),
    lower=Indexed(
        lambda b, fetch, index, node: fetch(
            0, b.unravel(b.ravel(index, node.shape), node.operands[0].shape)
        ),
        view=True,
    ),
    put=lambda base, values, *, shape: np.reshape(values, base.shape),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((6,),), {"shape": (2, 3)}),
            Case(((2, 3),), {"shape": (6,)}),
            Case(((),), {"shape": (1, 1)}),
            Case(((4, 6),), {"shape": (2, 2, 6)}),
        ),
        analytic=True,
    ),
)


def _transpose_infer(x: Node, *, axes: tuple[int, ...]) -> tuple[Shape, np.dtype]:
    return tuple(x.shape[axis] for axis in axes), x.dtype


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(axes)), key=axes.__getitem__))


def _transpose_element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    return fetch(0, tuple(index[i] for i in _inverse(node.attributes["axes"])))


TRANSPOSE = Row(
    name="transpose",
    rows=of_transpose,
    is_move=True,
    evaluate=lambda x, *, axes: np.transpose(x, axes),
    infer=_transpose_infer,
    derivative=Linear({0: lambda cotangent, x, *, axes: np.transpose(cotangent, _inverse(axes))}),
    torch=lambda t, x, axes: t.permute(x, axes),
    lower=Indexed(_transpose_element, view=True),
    put=lambda base, values, *, axes: np.transpose(values, _inverse(axes)),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((2, 3),), {"axes": (1, 0)}),
            Case(((2, 3, 4),), {"axes": (2, 0, 1)}),
            Case(((5, 7),), {"axes": (1, 0)}),
        ),
        analytic=True,
    ),
)


def aligned(index: tuple[Any, ...], shape: Shape, zero: Any) -> tuple[Any, ...]:
    """Return the index into an operand of a shape that broadcasts to the indexed one."""
    tail = index[len(index) - len(shape) :]
    return tuple(zero if extent == 1 else i for extent, i in zip(shape, tail, strict=True))


def _broadcast_infer(x: Node, *, shape: Shape) -> tuple[Shape, np.dtype]:
    if np.broadcast_shapes(x.shape, shape) != shape:
        raise ValueError(f"cannot broadcast shape {x.shape} to {shape}")
    return shape, x.dtype


BROADCAST_TO = Row(
    name="broadcast_to",
    rows=of_broadcast,
    in_order=Order.AS_FIRST,
    is_move=True,
    evaluate=lambda x, *, shape: np.broadcast_to(x, shape),
    infer=_broadcast_infer,
    # The caller sums a cotangent over broadcast axes, for this op as for every other.
    derivative=Linear({0: lambda cotangent, x, *, shape: cotangent}),
    torch=lambda t, x, shape: t.broadcast_to(x, shape),
    lower=Indexed(
        lambda b, fetch, index, node: fetch(0, aligned(index, node.operands[0].shape, b.index(0))),
        view=True,
    ),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((),), {"shape": (3,)}),
            Case(((3,),), {"shape": (2, 3)}),
            Case(((2, 1),), {"shape": (4, 2, 5)}),
        ),
        analytic=True,
    ),
)


def _concatenate_infer(*parts: Node, axis: int) -> tuple[Shape, np.dtype]:
    first = parts[0]
    for part in parts[1:]:
        same = part.shape[:axis] == first.shape[:axis]
        same = same and part.shape[axis + 1 :] == first.shape[axis + 1 :]
        if not same or part.ndim != first.ndim or part.dtype != first.dtype:
            raise ValueError(
                f"concatenate along axis {axis}: shape {part.shape} does not fit {first.shape}"
            )
    total = sum(part.shape[axis] for part in parts)
    return (*first.shape[:axis], total, *first.shape[axis + 1 :]), first.dtype


def _split(cotangent: Array, *parts: Array, axis: int) -> tuple[Array, ...]:
    pieces, start = [], 0
    for part in parts:
        stop = start + part.shape[axis]
        pieces.append(cotangent[(slice(None),) * axis + (slice(start, stop),)])
        start = stop
    return tuple(pieces)


CONCATENATE = Row(
    name="concatenate",
    rows=of_concatenate,
    in_order=Order.AS_ALL,
    is_move=True,
    evaluate=lambda *parts, axis: np.concatenate(parts, axis=axis),
    infer=_concatenate_infer,
    derivative=JointLinear(_split),
    torch=lambda t, *parts, axis: t.cat(parts, dim=axis),
    lower=Kernel("concatenate", in_registers=True, in_lanes=True),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((2,), (3,)), {"axis": 0}),
            Case(((2, 3), (2, 1), (2, 2)), {"axis": 1}),
            Case(((20, 3), (5, 3)), {"axis": 0}),
        ),
        analytic=True,
    ),
)


def _pack(*elements: Any, shape: Shape) -> Any:
    """Return the array of a shape made of numbers, in C order."""
    return np.array(elements).reshape(shape)


def _pack_infer(*elements: Node, shape: Shape) -> tuple[Shape, np.dtype]:
    if any(e.shape != () or e.dtype != elements[0].dtype for e in elements):
        raise ValueError("pack: elements must be numbers of one dtype")
    if not elements or math.prod(shape) != len(elements):
        raise ValueError(f"pack: {len(elements)} elements do not fill shape {shape}")
    return shape, elements[0].dtype


PACK = Row(
    name="pack",
    in_order=Order.ALWAYS,
    is_move=True,
    evaluate=_pack,
    infer=_pack_infer,
    derivative=JointLinear(lambda cotangent, *elements, shape: tuple(np.ravel(cotangent))),
    torch=lambda t, *elements, shape: t.reshape(t.stack(elements), shape),
    lower=Kernel("pack", in_registers=True, in_lanes=True),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((),), {"shape": (1, 1)}),
            Case(((), (), ()), {"shape": (3,)}),
            Case(((),) * 20, {"shape": (4, 5)}),
        ),
        analytic=True,
    ),
)
pack: Callable[..., Array] = recorded(PACK)


ASTYPE = Row(
    name="astype",
    is_move=True,
    evaluate=lambda x, *, dtype: np.asarray(x).astype(dtype),
    infer=lambda x, *, dtype: (x.shape, dtype),
    derivative=Linear({0: lambda cotangent, x, *, dtype: cotangent.astype(x.dtype)}),
    torch=lambda t, x, dtype: astype_in_torch(t, x, getattr(t, dtype.name)),
    lower=Elementwise(lambda b, x: b.cast(x, b.result_dtype), is_cheap=True),
    support=of_first,
    domain=Domain(
        _REALS,
        (
            Case(((3,),), {"dtype": np.dtype(np.float64)}),
            Case(((2, 20),), {"dtype": np.dtype(np.float64)}),
        ),
    ),
)

ROWS: tuple[Row, ...] = (RESHAPE, TRANSPOSE, BROADCAST_TO, CONCATENATE, PACK, ASTYPE)

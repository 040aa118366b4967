"""Reductions over axes and cumulative ops. Rows drop the axes; tracing restores them if kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Tensor, Torch
from steepest.ops.derivative_rules import Linear, Rule, Zero
from steepest.ops.machine_code import Kernel, Reduction
from steepest.ops.row import Case, Domain, Row
from steepest.ops.rows import along_others, of_reduction
from steepest.ops.support import summed

Axes = tuple[int, ...]

_CASES = (
    Case(((3,),), {"axis": (0,)}),
    Case(((3, 4),), {"axis": (1,)}),
    Case(((3, 4),), {"axis": (0,)}),
    Case(((3, 4),), {"axis": (0, 1)}),
    Case(((2, 3, 4),), {"axis": (0, 2)}),
    Case(((2, 3, 17),), {"axis": (1,)}),
    Case(((5, 33),), {"axis": (1,)}),
)


def keep_axes(value: Any, axis: Axes, ndim: int) -> Any:
    """Put reduced axes back with extent 1."""
    reduced = set(axis)
    extents = iter(value.shape)
    return np.reshape(value, tuple(1 if i in reduced else next(extents) for i in range(ndim)))


def _without(shape: Shape, axis: Axes) -> Shape:
    return tuple(extent for i, extent in enumerate(shape) if i not in set(axis))


def _same_dtype(x: Node, *, axis: Axes) -> tuple[Shape, np.dtype]:
    return _without(x.shape, axis), x.dtype


def _spread(cotangent: Array, x: Array, *, axis: Axes) -> Array:
    return np.broadcast_to(keep_axes(cotangent, axis, x.ndim), x.shape)


def _extreme_pullback(cotangent: Array, y: Array, x: Array, *, axis: Axes) -> tuple[Array, ...]:
    ties = x == keep_axes(y, axis, x.ndim)
    share = cotangent / np.sum(ties.astype(x.dtype), axis=axis)
    return (np.where(ties, keep_axes(share, axis, x.ndim), 0),)


def _extreme_pushforward(tangents: Sequence[Array], y: Array, x: Array, *, axis: Axes) -> Array:
    ties = x == keep_axes(y, axis, x.ndim)
    count = np.sum(ties.astype(x.dtype), axis=axis)
    return np.sum(np.where(ties, tangents[0], 0), axis=axis) / count


def _along_axis(name: str) -> Callable[..., Any]:
    """Return NumPy's function of that name, with its only attribute."""
    function = getattr(np, name)
    return lambda x, *, axis: function(x, axis=axis)


def _lowest(dtype: np.dtype) -> Any:
    if dtype == np.bool_:
        return False
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _highest(dtype: np.dtype) -> Any:
    if dtype == np.bool_:
        return True
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


SUM = Row(
    name="sum",
    evaluate=_along_axis("sum"),
    infer=_same_dtype,
    derivative=Linear({0: _spread}),
    torch=lambda t, x, axis: t.sum(x, dim=axis) if axis else x,
    lower=Reduction(lambda b, total, x: total + x, lambda dtype: 0, "add"),
    support=summed,
    domain=Domain(((-3.0, 3.0),), _CASES, analytic=True),
)
MAX = Row(
    name="max",
    evaluate=_along_axis("max"),
    infer=_same_dtype,
    derivative=Rule(_extreme_pullback, _extreme_pushforward),
    torch=lambda t, x, axis: t.amax(x, dim=axis) if axis else x,
    lower=Reduction(lambda b, best, x: b.maximum(best, x), _lowest, "maximum"),
    domain=Domain(((-3.0, 3.0),), _CASES, smooth=False),
    kink="ties share the slope equally",
)
MIN = Row(
    name="min",
    evaluate=_along_axis("min"),
    infer=_same_dtype,
    derivative=Rule(_extreme_pullback, _extreme_pushforward),
    torch=lambda t, x, axis: t.amin(x, dim=axis) if axis else x,
    lower=Reduction(lambda b, best, x: b.minimum(best, x), _highest, "minimum"),
    domain=Domain(((-3.0, 3.0),), _CASES, smooth=False),
    kink="ties share the slope equally",
)
ALL = Row(
    name="all",
    evaluate=_along_axis("all"),
    infer=_same_dtype,
    derivative=Zero(),
    torch=lambda t, x, axis: t.all(x, dim=axis) if axis else x,
    lower=Reduction(lambda b, truth, x: truth & x, lambda dtype: True, "logical_and"),
    domain=Domain(("bool",), _CASES, smooth=False),
)
ANY = Row(
    name="any",
    evaluate=_along_axis("any"),
    infer=_same_dtype,
    derivative=Zero(),
    torch=lambda t, x, axis: t.any(x, dim=axis) if axis else x,
    lower=Reduction(lambda b, truth, x: truth | x, lambda dtype: False, "logical_or"),
    domain=Domain(("bool",), _CASES, smooth=False),
)


def _lines(x: Array, axis: Axes) -> tuple[Array, Axes]:
    """Return an array with the reduced axes as one axis at its end."""
    kept = tuple(i for i in range(x.ndim) if i not in axis)
    moved = np.transpose(x, (*kept, *axis))
    return np.reshape(moved, (*moved.shape[: len(kept)], -1)), kept


def _scaled(x: Array, exponents: Array) -> Array:
    """Return x times powers of two, in steps that over- or underflow only if the result does."""
    limit = float(np.finfo(x.dtype).maxexp - 8)
    half = np.rint(exponents * 0.5)
    for part in (half, exponents - half):
        x = x * np.exp2(np.minimum(np.maximum(part, -limit), limit))
    return x


def _products_of_others(x: Array, axis: Axes) -> Array:
    """Return for each element the product of all others, also where some are zero.

    Factors are scaled near 1 by powers of two, which is exact. Otherwise a product may overflow
    before it meets a zero.
    """
    lines, kept = _lines(x, axis)
    usual = np.isfinite(lines) & (lines != 0)
    exponents = np.where(usual, np.rint(np.log2(np.abs(np.where(usual, lines, 1)))), 0)
    factors = _scaled(lines, -exponents)
    one = np.ones_like(lines[..., :1])
    before = np.concatenate([one, np.cumprod(factors, axis=-1)[..., :-1]], -1)
    behind = np.cumprod(factors[..., ::-1], axis=-1)[..., ::-1]
    after = np.concatenate([behind[..., 1:], one], -1)
    others = np.sum(exponents, axis=-1)[..., None] - exponents
    order = (*kept, *axis)
    apart = np.reshape(_scaled(before * after, others), tuple(x.shape[i] for i in order))
    return np.transpose(apart, tuple(sorted(range(x.ndim), key=order.__getitem__)))


def _prod_pullback(cotangent: Array, y: Array, x: Array, *, axis: Axes) -> tuple[Array, ...]:
    if x.size == 0:
        return (np.zeros_like(x),)
    return (keep_axes(cotangent, axis, x.ndim) * _products_of_others(x, axis),)


def _prod_pushforward(tangents: Sequence[Array], y: Array, x: Array, *, axis: Axes) -> Array:
    if x.size == 0:
        return np.ones_like(y) * 0
    return np.sum(tangents[0] * _products_of_others(x, axis), axis=axis)


def _torch_prod(t: Torch, x: Tensor, axis: Axes) -> Tensor:
    for i in sorted(axis, reverse=True):
        x = t.prod(x, dim=i)
    return x


PROD = Row(
    name="prod",
    evaluate=_along_axis("prod"),
    infer=_same_dtype,
    derivative=Rule(_prod_pullback, _prod_pushforward),
    torch=_torch_prod,
    lower=Reduction(lambda b, total, x: total * x, lambda dtype: 1, "multiply"),
    domain=Domain(((0.5, 2.0),), _CASES, analytic=True),
    kink="the product of the other factors, also where some are zero",
)


_RUNNING_CASES = (
    Case(((4,),), {"axis": 0}),
    Case(((3, 4),), {"axis": 1}),
    Case(((3, 4),), {"axis": 0}),
    Case(((5, 20),), {"axis": 1}),
)


def _cumsum_transpose(cotangent: Array, x: Array, *, axis: int) -> Array:
    return np.flip(np.cumsum(np.flip(cotangent, axis), axis=axis), axis)


CUMSUM = Row(
    name="cumsum",
    rows=along_others,
    evaluate=_along_axis("cumsum"),
    infer=lambda x, *, axis: (x.shape, x.dtype),
    derivative=Linear({0: _cumsum_transpose}),
    torch=lambda t, x, axis: t.cumsum(x, dim=axis),
    lower=Kernel("cumsum", in_registers=True, in_lanes=True),
    support=summed,
    domain=Domain(((-3.0, 3.0),), _RUNNING_CASES, analytic=True),
)


def _running_products(x: Array, axis: int) -> Array:
    """Return, over two last axes (i, k), the product up to k of all factors but the i-th."""
    lines = np.moveaxis(x, axis, -1)
    number = lines.shape[-1]
    alone = np.where(
        np.eye(number, dtype=bool), np.ones_like(lines[..., None, :]), lines[..., None, :]
    )
    return np.triu(np.cumprod(alone, axis=-1))


def _cumprod_pullback(cotangent: Array, y: Array, x: Array, *, axis: int) -> tuple[Array, ...]:
    slopes = np.sum(
        _running_products(x, axis) * np.moveaxis(cotangent, axis, -1)[..., None, :], axis=-1
    )
    return (np.moveaxis(slopes, -1, axis),)


def _cumprod_pushforward(tangents: Sequence[Array], y: Array, x: Array, *, axis: int) -> Array:
    tangent = np.moveaxis(tangents[0], axis, -1)
    return np.moveaxis(np.sum(_running_products(x, axis) * tangent[..., None], axis=-2), -1, axis)


CUMPROD = Row(
    name="cumprod",
    rows=along_others,
    evaluate=_along_axis("cumprod"),
    infer=lambda x, *, axis: (x.shape, x.dtype),
    derivative=Rule(_cumprod_pullback, _cumprod_pushforward),
    torch=lambda t, x, axis: t.cumprod(x, dim=axis),
    lower=Kernel("cumprod", in_registers=True, in_lanes=True),
    domain=Domain(((0.5, 2.0),), _RUNNING_CASES, analytic=True),
    kink="the product of the other factors, also where some are zero",
)


def _position(x: Node, *, axis: int) -> tuple[Shape, np.dtype]:
    if x.shape[axis] == 0:
        raise ValueError("attempt to get argmax of an empty sequence")
    return _without(x.shape, (axis,)), np.dtype(np.intp)


_POSITION_CASES = (
    Case(((4,),), {"axis": 0}),
    Case(((3, 4),), {"axis": 1}),
    Case(((3, 4),), {"axis": 0}),
    Case(((5, 40),), {"axis": 1}),
    Case(((40, 5),), {"axis": 0}),
)


def _argument(name: str) -> Row:
    return Row(
        name=name,
        evaluate=_along_axis(name),
        infer=_position,
        derivative=Zero(),
        torch=lambda t, x, axis: getattr(t, name)(
            x.to(t.uint8) if x.dtype == t.bool else x, dim=axis
        ),
        lower=Kernel(name, in_registers=True),
        rows=of_reduction,
        domain=Domain(((-3.0, 3.0),), _POSITION_CASES, smooth=False),
    )


ARGMAX = _argument("argmax")
ARGMIN = _argument("argmin")

ARGSORT = Row(
    name="argsort",
    evaluate=lambda x, *, axis: np.argsort(x, axis=axis, kind="stable"),
    infer=lambda x, *, axis: (x.shape, np.dtype(np.intp)),
    derivative=Zero(),
    torch=lambda t, x, axis: t.argsort(x, dim=axis, stable=True),
    lower=Kernel("argsort", in_registers=True),
    domain=Domain(((-3.0, 3.0),), (*_RUNNING_CASES, Case(((300,),), {"axis": 0})), smooth=False),
    kink="equal elements stay in their order, and so do their slopes",
)

ROWS: tuple[Row, ...] = (SUM, PROD, MAX, MIN, ALL, ANY, ARGMAX, ARGMIN, CUMSUM, CUMPROD, ARGSORT)

"""Indexing by slices: taking, its transpose, and putting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import JointLinear, Linear
from steepest.ops.machine_code import Indexed
from steepest.ops.row import Case, Domain, Order, Row, recorded
from steepest.ops.rows import of_getitem, of_put
from steepest.ops.support import moved, placed

_REALS = ((-3.0, 3.0),)

Slice = tuple[int, int, int]
"""(first index, number of elements, step) along one axis; the step may be negative."""


def as_slice(part: Slice) -> slice:
    """Return the Python slice that selects ``(first, number, step)``."""
    first, number, step = part
    stop = first + number * step
    return slice(first, None if stop < 0 else stop, step)


def as_slices(slices: tuple[Slice, ...]) -> tuple[slice, ...]:
    """Return one Python slice for each axis."""
    return tuple(as_slice(part) for part in slices)


def _getitem_infer(x: Node, *, slices: tuple[Slice, ...]) -> tuple[Shape, np.dtype]:
    for (first, number, step), extent in zip(slices, x.shape, strict=True):
        last = first + (number - 1) * step
        if number and not (0 <= first < extent and 0 <= last < extent):
            raise IndexError(f"slice {slices} is out of bounds for shape {x.shape}")
    return tuple(number for _, number, _ in slices), x.dtype


def _getitem_element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    position = tuple(
        b.affine(i, first, step)
        for i, (first, _, step) in zip(index, node.attributes["slices"], strict=True)
    )
    return fetch(0, position)


def _torch_getitem(t: Torch, x: Tensor, slices: tuple[Slice, ...]) -> Tensor:
    return _flipped(t, x[_rising(slices)], slices)


def _rising(slices: tuple[Slice, ...]) -> tuple[slice, ...]:
    """Return slices of the same elements with positive steps: torch has no negative ones."""
    return tuple(
        slice(first, first + number * step, step)
        if step > 0
        else slice(first + (number - 1) * step, first + 1, -step)
        for first, number, step in slices
    )


def _flipped(t: Torch, x: Tensor, slices: tuple[Slice, ...]) -> Tensor:
    """Return values reversed along the axes whose slices have negative steps."""
    axes = [axis for axis, (_, _, step) in enumerate(slices) if step < 0]
    return t.flip(x, axes) if axes else x


GETITEM = Row(
    name="getitem",
    rows=of_getitem,
    in_order=Order.AS_FIRST,
    is_move=True,
    evaluate=lambda x, *, slices: np.asarray(x)[as_slices(slices)],
    infer=_getitem_infer,
    derivative=Linear(
        {0: lambda cotangent, x, *, slices: embed(cotangent, shape=x.shape, slices=slices)}
    ),
    torch=_torch_getitem,
    lower=Indexed(_getitem_element, view=True),
    put=lambda base, values, *, slices: setitem(base, values, slices=slices),
    support=moved,
    domain=Domain(
        _REALS,
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


def _embed(x: Any, *, shape: Shape, slices: tuple[Slice, ...]) -> Any:
    """Return zeros of a shape with `x` put at slices: the transpose of ``getitem``."""
    result = np.zeros(shape, np.asarray(x).dtype)
    result[as_slices(slices)] = x
    return result


def _positions_in_slices(
    b: Builder, index: Sequence[Element], shape: Shape, slices: tuple[Slice, ...]
) -> tuple[Element, tuple[Element, ...]]:
    """Emit whether slices contain an index, and its position within them.

    Positions outside are clamped, so that an element read there is real, and unused.
    """
    inside, source = b.truth(True), []
    for i, extent, (first, number, step) in zip(index, shape, slices, strict=True):
        if (first, number, step) == (0, extent, 1):
            source.append(i)
            continue
        within, position = b.invert_affine(i, first, number, step)
        inside = inside & within
        source.append(position)
    return inside, tuple(source)


def _embed_element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    if node.operands[0].size == 0:
        return b.zero(node.dtype)
    inside, source = _positions_in_slices(b, index, node.shape, node.attributes["slices"])
    return b.select(inside, fetch(0, source), b.zero(node.dtype))


def _torch_embed(t: Torch, x: Tensor, shape: Shape, slices: tuple[Slice, ...]) -> Tensor:
    result = t.zeros(shape, dtype=x.dtype, device=x.device)
    result[_rising(slices)] = _flipped(t, x, slices)
    return result


EMBED = Row(
    name="embed",
    rows=of_put,
    in_order=Order.ALWAYS,
    evaluate=_embed,
    infer=lambda x, *, shape, slices: (shape, x.dtype),
    derivative=Linear({0: lambda cotangent, x, *, shape, slices: cotangent[as_slices(slices)]}),
    torch=_torch_embed,
    lower=Indexed(_embed_element),
    support=placed,
    domain=Domain(
        _REALS,
        (
            Case(((3,),), {"shape": (5,), "slices": ((1, 3, 1),)}),
            Case(((3,),), {"shape": (7,), "slices": ((5, 3, -2),)}),
            Case(((2, 3),), {"shape": (6, 20), "slices": ((1, 2, 3), (2, 3, 4))}),
            Case(((2, 25),), {"shape": (4, 30), "slices": ((1, 2, 1), (2, 25, 1))}),
        ),
        analytic=True,
    ),
)
embed: Callable[..., Array] = recorded(EMBED)


def _setitem(x: Any, values: Any, *, slices: tuple[Slice, ...]) -> Any:
    """Return `x` with other values at slices."""
    result = np.array(x, np.result_type(x, values))
    result[as_slices(slices)] = values
    return result


def _setitem_infer(x: Node, values: Node, *, slices: tuple[Slice, ...]) -> tuple[Shape, np.dtype]:
    if values.shape != tuple(number for _, number, _ in slices) or values.dtype != x.dtype:
        raise ValueError(f"setitem: values {values} do not fit {slices} of {x}")
    return x.shape, x.dtype


def _setitem_element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    if node.operands[1].size == 0:
        return fetch(0, index)
    inside, source = _positions_in_slices(b, index, node.shape, node.attributes["slices"])
    return b.select(inside, fetch(1, source), fetch(0, index))


def _torch_setitem(t: Torch, x: Tensor, values: Tensor, slices: tuple[Slice, ...]) -> Tensor:
    result = x.clone()
    result[_rising(slices)] = _flipped(t, values, slices)
    return result


SETITEM = Row(
    name="setitem",
    rows=of_put,
    in_order=Order.AS_FIRST,
    is_move=True,
    evaluate=_setitem,
    infer=_setitem_infer,
    derivative=JointLinear(
        lambda cotangent, x, values, *, slices: (
            setitem(cotangent, np.zeros_like(values), slices=slices),
            cotangent[as_slices(slices)],
        )
    ),
    torch=_torch_setitem,
    lower=Indexed(_setitem_element),
    support=moved,
    domain=Domain(
        _REALS,
        (
            Case(((5,), (3,)), {"slices": ((1, 3, 1),)}),
            Case(((7,), (3,)), {"slices": ((5, 3, -2),)}),
            Case(((6, 20), (2, 3)), {"slices": ((1, 2, 3), (2, 3, 4))}),
            Case(((4, 30), (2, 25)), {"slices": ((1, 2, 1), (2, 25, 1))}),
        ),
        analytic=True,
    ),
)
setitem: Callable[..., Array] = recorded(SETITEM)


ROWS: tuple[Row, ...] = (GETITEM, EMBED, SETITEM)

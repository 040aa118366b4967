"""Sliding windows over the last axes, and their transpose, which adds what overlaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import Indexed, Kernel
from steepest.ops.row import Case, Domain, Order, Row, recorded
from steepest.ops.rows import of_windows
from steepest.ops.support import gathered, moved

_REALS = ((-3.0, 3.0),)

Window = tuple[int, int, int]
"""(number of elements, step from window to window, distance between elements) along an axis."""


def span(window: Window) -> int:
    """Return how many elements of the axis a window reaches over."""
    size, _, distance = window
    return (size - 1) * distance + 1


def _positions(extent: int, window: Window) -> int:
    return (extent - span(window)) // window[1] + 1


def _sliding_window_view(x: Any, *, windows: tuple[Window, ...]) -> Any:
    """Return windows over the last axes: positions first, then the elements of each window."""
    x = np.asarray(x)
    axes = tuple(range(x.ndim - len(windows), x.ndim))
    view: Any = np.lib.stride_tricks.sliding_window_view(x, tuple(map(span, windows)), axes)
    positions = [slice(None, None, step) for _, step, _ in windows]
    elements = [slice(None, None, distance) for _, _, distance in windows]
    return view[(..., *positions, *elements)]


def _infer(x: Node, *, windows: tuple[Window, ...]) -> tuple[Shape, np.dtype]:
    lead, extents = x.shape[: x.ndim - len(windows)], x.shape[x.ndim - len(windows) :]
    pairs = list(zip(extents, windows, strict=True))
    if any(min(window) < 1 or extent < span(window) for extent, window in pairs):
        raise ValueError(f"windows {windows} do not fit shape {x.shape}")
    sizes = tuple(size for size, _, _ in windows)
    return (*lead, *(_positions(*pair) for pair in pairs), *sizes), x.dtype


def _element(
    b: Builder, fetch: Callable[..., Element], index: tuple[Element, ...], node: Node
) -> Element:
    windows = node.attributes["windows"]
    count = len(windows)
    lead, at, inside = index[: -2 * count], index[-2 * count : -count], index[-count:]
    places = [
        b.add_places(b.affine(i, 0, step), b.affine(j, 0, distance))
        for i, j, (_, step, distance) in zip(at, inside, windows, strict=True)
    ]
    return fetch(0, (*lead, *places))


def _torch_windows(t: Torch, x: Tensor, windows: tuple[Window, ...]) -> Tensor:
    first = x.ndim - len(windows)
    for axis, window in enumerate(windows, first):
        x = x.unfold(axis, span(window), window[1])
    return x[(..., *(slice(None, None, distance) for _, _, distance in windows))]


_CASES: tuple[tuple[Shape, tuple[Window, ...]], ...] = (
    ((5,), ((3, 1, 1),)),
    ((2, 9), ((2, 3, 1),)),
    ((9,), ((3, 2, 2),)),
    ((2, 6, 7), ((3, 1, 1), (2, 2, 1))),
    ((3, 2, 9, 8), ((2, 2, 3), (3, 1, 1))),
)

SLIDING_WINDOW_VIEW = Row(
    name="sliding_window_view",
    rows=of_windows,
    is_move=True,
    evaluate=_sliding_window_view,
    infer=_infer,
    derivative=Linear(
        {
            0: lambda cotangent, x, *, windows: add_windows(
                cotangent, shape=x.shape, windows=windows
            )
        }
    ),
    torch=_torch_windows,
    lower=Indexed(_element, view=True),
    support=moved,
    domain=Domain(
        _REALS,
        tuple(Case((shape,), {"windows": windows}) for shape, windows in _CASES),
        analytic=True,
    ),
)
sliding_window_view: Callable[..., Array] = recorded(SLIDING_WINDOW_VIEW)


def _add_windows(x: Any, *, shape: Shape, windows: tuple[Window, ...]) -> Any:
    """Return zeros of a shape to which each window's elements are added where they were read."""
    x = np.asarray(x)
    count = len(windows)
    result: Any = np.zeros(shape, x.dtype)
    positions = x.shape[x.ndim - 2 * count : x.ndim - count]
    for offsets in np.ndindex(x.shape[x.ndim - count :]):
        places = [
            slice(j * distance, j * distance + (number - 1) * step + 1, step)
            for j, number, (_, step, distance) in zip(offsets, positions, windows, strict=True)
        ]
        result[(..., *places)] += x[(..., *offsets)]
    return result


def _add_infer(x: Node, *, shape: Shape, windows: tuple[Window, ...]) -> tuple[Shape, np.dtype]:
    count = len(windows)
    lead, extents = shape[: len(shape) - count], shape[len(shape) - count :]
    numbers = tuple(_positions(*pair) for pair in zip(extents, windows, strict=True))
    if x.shape != (*lead, *numbers, *(size for size, _, _ in windows)):
        raise ValueError(f"windows {windows} of shape {shape} do not fit values {x.shape}")
    return shape, x.dtype


def _torch_add(t: Torch, x: Tensor, shape: Shape, windows: tuple[Window, ...]) -> Tensor:
    # In the order of NumPy, for the same bits: index_add adds in any order on a GPU.
    count = len(windows)
    result = x.new_zeros(shape)
    positions = x.shape[x.ndim - 2 * count : x.ndim - count]
    for offsets in np.ndindex(*x.shape[x.ndim - count :]):
        places = [
            slice(j * distance, j * distance + (number - 1) * step + 1, step)
            for j, number, (_, step, distance) in zip(offsets, positions, windows, strict=True)
        ]
        result[(..., *places)] += x[(..., *offsets)]
    return result


ADD_WINDOWS = Row(
    name="add_windows",
    rows=of_windows,
    in_order=Order.ALWAYS,
    evaluate=_add_windows,
    infer=_add_infer,
    derivative=Linear(
        {
            0: lambda cotangent, x, *, shape, windows: sliding_window_view(
                cotangent, windows=windows
            )
        }
    ),
    torch=_torch_add,
    lower=Kernel("add_windows", in_lanes=True),
    support=gathered,
    domain=Domain(
        _REALS,
        tuple(
            Case(
                (_sliding_window_view(np.empty(shape), windows=windows).shape,),
                {"shape": shape, "windows": windows},
            )
            for shape, windows in _CASES
        ),
        analytic=True,
    ),
)
add_windows: Callable[..., Array] = recorded(ADD_WINDOWS)


ROWS: tuple[Row, ...] = (SLIDING_WINDOW_VIEW, ADD_WINDOWS)

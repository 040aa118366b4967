"""Images at points between their elements, as `scipy.ndimage` has them."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.ndimage.borders import MODES, image, one_each
from steepest.trace.functions.scipy.ndimage.splines import padded, prefiltered, weights
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy


def _mapped(x: Array, size: int, mode: str) -> Array:
    """Return coordinates beyond the border moved to where they take their values from."""
    last = size - 1
    if mode == "nearest":
        return np.clip(x, 0, last)
    if mode in ("constant", "grid-constant"):
        return x
    if size == 1:
        return np.zeros_like(x)
    if mode == "grid-wrap":
        return x - size * np.floor(x / size) * ((x < 0) | (x > last))
    if mode == "wrap":
        return x - last * np.floor(x / last) * ((x < 0) | (x > last))
    if mode == "mirror":
        around = x - 2.0 * last * np.floor(x / (2.0 * last))
        return np.where(around > last, 2.0 * last - around, around)
    around = x - 2.0 * size * np.floor(x / (2.0 * size))
    return np.where(around > size - 0.5, 2.0 * size - 1.0 - around, around)


def _inside(i: Array, size: int, mode: str) -> Array:
    """Return indices of elements, where those beyond the border take others' places."""
    if mode == "grid-constant":
        return np.clip(i, 0, size - 1)
    if mode == "grid-wrap":
        return i % size
    if mode in ("reflect", "grid-mirror"):
        i = i % (2 * size)
        return np.where(i < size, i, 2 * size - 1 - i)
    period = max(2 * size - 2, 1)
    i = i % period
    return np.where(i < size, i, period - i)


def _interpolated(
    name: str, x: Array, coordinates: list[Array], order: int, mode: str, cval: Any,
    prefilter: bool,
) -> Array:  # fmt: skip
    demand_one_of(f"ndimage.{name}", "mode", mode, MODES)
    if order not in (0, 1, 3):
        refuse(f"scipy.ndimage.{name} with order={order} (orders 0, 1 and 3 can be)")
    dtype, shift = x.dtype, 0
    sizes = x.shape
    coefficients = x.astype(np.float64)
    if order == 3 and prefilter:
        coefficients, shift = padded(coefficients, mode, cval)
        coefficients = prefiltered(coefficients, mode)
    outside: Any = False
    places: list[list[tuple[Array, Array, Any]]] = []
    for size, extent, given in zip(sizes, coefficients.shape, coordinates, strict=True):
        if mode == "constant":
            outside = outside | (given < 0) | (given > size - 1)
        point = _mapped(given + shift, extent, mode)
        first = np.floor(point + 0.5) if order == 0 else np.floor(point)
        share = point - first
        start = first.astype(np.int64) - (1 if order == 3 else 0)
        columns = []
        for k, weight in enumerate(weights(share, order)):
            index = start + k
            beyond = (index < 0) | (index >= extent) if mode == "grid-constant" else None
            columns.append((_inside(index, extent, mode), weight, beyond))
        places.append(columns)
    total: Any = 0.0
    for chosen in itertools.product(*places):
        value: Any = coefficients[tuple(index for index, _, _ in chosen)]
        for _, _, beyond in chosen:
            value = value if beyond is None else np.where(beyond, cval, value)
        for _, weight, _ in chosen:
            value = value * weight
        total = total + value
    if mode == "constant":
        total = np.where(outside, cval, total)
    return total.astype(dtype)


@of_scipy("ndimage")
def map_coordinates(
    input: ArrayLike, coordinates: ArrayLike, output: Any = None, order: int = 3,
    mode: str = "constant", cval: Any = 0.0, prefilter: bool = True,
) -> Array:  # fmt: skip
    x = image("map_coordinates", input, output)
    points = floating(coordinates).astype(np.float64)
    if points.ndim < 2 or points.shape[0] != x.ndim:
        raise InputError(
            f"scipy.ndimage.map_coordinates{at(user_source())}: coordinates of shape "
            f"{points.shape} for an image with {x.ndim} axes"
        )
    parts = [points[i] for i in range(x.ndim)]
    return _interpolated("map_coordinates", x, parts, order, mode, cval, prefilter)


def _grid(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the coordinates of every element, each along an axis of its own."""
    return list(np.ogrid[tuple(slice(0.0, n) for n in shape)])


def _spread(coordinates: list[Any], shape: tuple[int, ...]) -> list[Array]:
    return [np.broadcast_to(as_traced(x), shape) for x in coordinates]


@of_scipy("ndimage")
def shift(
    input: ArrayLike, shift: ArrayLike, output: Any = None, order: int = 3,
    mode: str = "constant", cval: Any = 0.0, prefilter: bool = True,
) -> Array:  # fmt: skip
    x = image("shift", input, output)
    steps = one_each("shift", "shift", shift, x.ndim)
    moved = [grid - step for grid, step in zip(_grid(x.shape), steps, strict=True)]
    return _interpolated("shift", x, _spread(moved, x.shape), order, mode, cval, prefilter)


@of_scipy("ndimage")
def affine_transform(
    input: ArrayLike, matrix: ArrayLike, offset: Any = 0.0, output_shape: Any = None,
    output: Any = None, order: int = 3, mode: str = "constant", cval: Any = 0.0,
    prefilter: bool = True,
) -> Array:  # fmt: skip
    x = image("affine_transform", input, output)
    shape = x.shape if output_shape is None else tuple(map(int, output_shape))
    matrix, ndim = floating(matrix).astype(np.float64), x.ndim
    if matrix.ndim == 2 and matrix.shape[1] == ndim + 1 and matrix.shape[0] in (ndim, ndim + 1):
        matrix, offset = matrix[:ndim, :ndim], matrix[:ndim, ndim]
    if matrix.shape not in ((ndim,), (ndim, len(shape))):
        raise InputError(
            f"scipy.ndimage.affine_transform{at(user_source())}: a matrix of shape {matrix.shape} "
            f"from {len(shape)} to {ndim} axes"
        )
    grid, starts = _grid(shape), one_each("affine_transform", "offset", offset, ndim)
    points = []
    for i, start in enumerate(starts):
        if matrix.ndim == 1:
            points.append(matrix[i] * grid[i] + start)
            continue
        point: Any = start
        for j, line in enumerate(grid):
            point = point + matrix[i, j] * line
        points.append(point)
    spread = _spread(points, shape)
    return _interpolated("affine_transform", x, spread, order, mode, cval, prefilter)


@of_scipy("ndimage")
def spline_filter(
    input: ArrayLike, order: int = 3, output: Any = np.float64, mode: str = "mirror"
) -> Array:
    x = as_traced(input).astype(np.float64)
    if order != 3 or output is not np.float64:
        refuse("scipy.ndimage.spline_filter with another order= than 3, or with output=")
    demand_one_of("ndimage.spline_filter", "mode", mode, MODES)
    return prefiltered(x, mode)

"""Linear filters of images, as `scipy.ndimage` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.ndimage.borders import (
    chosen_axes,
    continued,
    image,
    one_each,
    weighted,
    weighted_along,
)
from steepest.trace.functions.scipy.registry import floating, of_scipy

_MOST = 400
"""Largest number of weights that become an operation of the graph each. More of them along one
axis are a product of Fourier transforms."""


def _demand_origin(name: str, size: int, origin: int) -> None:
    if not -(size // 2) <= origin <= (size - 1) // 2:
        raise InputError(
            f"scipy.ndimage.{name}{at(user_source())}: origin={origin} does not fit {size} weights"
        )


def _correlated(
    name: str, x: Array, weights: Array, axes: list[int], origins: list[int], mode: str, cval: Any
) -> Array:
    is_long = weights.size > _MOST
    if is_long and len(axes) > 1:
        refuse(f"scipy.ndimage.{name} with {weights.size} weights, more than {_MOST},")
    for size, axis, origin in zip(weights.shape, axes, origins, strict=True):
        _demand_origin(name, size, origin)
        before = size // 2 + origin
        x = continued(name, x, axis, before, size - 1 - before, mode, cval)
    if is_long:
        return weighted_along(x, weights.astype(x.dtype), axes[0])
    return weighted(x, weights.astype(x.dtype), weights.shape, axes)


def _turned(weights: Array, origins: list[int]) -> tuple[Array, list[int]]:
    """Return weights and origins with which a correlation is a convolution."""
    turned = weights[tuple(slice(None, None, -1) for _ in weights.shape)]
    return turned, [
        -origin - (size % 2 == 0) for origin, size in zip(origins, weights.shape, strict=True)
    ]


def _filtered(
    name: str, input: ArrayLike, weights: ArrayLike, output: Any, mode: Any, cval: Any,
    origin: Any, axes: Any, turns: bool,
) -> Array:  # fmt: skip
    x, weights = image(name, input, output), floating(weights)
    axes = chosen_axes(axes, x.ndim)
    if weights.ndim != len(axes):
        raise InputError(
            f"scipy.ndimage.{name}{at(user_source())}: weights of shape {weights.shape} for "
            f"{len(axes)} axes"
        )
    origins = [int(o) for o in one_each(name, "origin", origin, len(axes))]
    if turns:
        weights, origins = _turned(weights, origins)
    return _correlated(name, x, weights, axes, origins, mode, cval)


@of_scipy("ndimage")
def correlate(
    input: ArrayLike, weights: ArrayLike, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    return _filtered("correlate", input, weights, output, mode, cval, origin, axes, False)


@of_scipy("ndimage")
def convolve(
    input: ArrayLike, weights: ArrayLike, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    return _filtered("convolve", input, weights, output, mode, cval, origin, axes, True)


@of_scipy("ndimage")
def correlate1d(
    input: ArrayLike, weights: ArrayLike, axis: int = -1, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    return _filtered("correlate1d", input, weights, output, mode, cval, origin, axis, False)


@of_scipy("ndimage")
def convolve1d(
    input: ArrayLike, weights: ArrayLike, axis: int = -1, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    return _filtered("convolve1d", input, weights, output, mode, cval, origin, axis, True)


@of_scipy("ndimage")
def uniform_filter1d(
    input: ArrayLike, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: Any = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    x = image("uniform_filter1d", input, output)
    axis = normalize_axis(axis, x.ndim)
    weights = floating(np.full(int(size), 1.0 / int(size)))
    return _correlated("uniform_filter1d", x, weights, [axis], [int(origin)], mode, cval)


@of_scipy("ndimage")
def uniform_filter(
    input: ArrayLike, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    x = image("uniform_filter", input, output)
    axes = chosen_axes(axes, x.ndim)
    settings = zip(
        axes,
        one_each("uniform_filter", "size", size, len(axes)),
        one_each("uniform_filter", "mode", mode, len(axes)),
        one_each("uniform_filter", "origin", origin, len(axes)),
        strict=True,
    )
    for axis, extent, border, place in settings:
        if extent > 1:
            x = uniform_filter1d(x, extent, axis, mode=border, cval=cval, origin=place)
    return x


def _gaussian_weights(sigma: Any, order: int, radius: int) -> Array:
    square = sigma * sigma
    x = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / square * x**2)
    weights = weights / np.sum(weights)
    # A derivative is a polynomial times the bell: q' + q p', where p' = -x / sigma^2.
    polynomial: list[Any] = [1.0]
    for _ in range(order):
        slope = [*(k * c for k, c in enumerate(polynomial) if k), 0.0, 0.0]
        times = [0.0, *(-c / square for c in polynomial)]
        polynomial = [a + b for a, b in zip(slope, times, strict=True)]
    value: Any = 0.0
    for power, c in enumerate(polynomial):
        value = value + c * x**power
    return floating(value * weights)


@of_scipy("ndimage")
def gaussian_filter1d(
    input: ArrayLike, sigma: Any, axis: int = -1, order: int = 0, output: Any = None,
    mode: str = "reflect", cval: Any = 0.0, truncate: float = 4.0, *, radius: int | None = None,
) -> Array:  # fmt: skip
    """Filter with a radius that follows from sigma: a new radius is a new path."""
    x = image("gaussian_filter1d", input, output)
    if order < 0:
        raise InputError(f"scipy.ndimage.gaussian_filter1d{at(user_source())}: order={order}")
    wanted = (truncate * floating(sigma) + 0.5).astype(np.int64)
    reach = int(wanted) if radius is None else int(radius)
    weights = _gaussian_weights(sigma, order, reach)[::-1]
    axis = normalize_axis(axis, x.ndim)
    return _correlated("gaussian_filter1d", x, weights, [axis], [0], mode, cval)


@of_scipy("ndimage")
def gaussian_filter(
    input: ArrayLike, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect",
    cval: Any = 0.0, truncate: float = 4.0, *, radius: Any = None, axes: Any = None,
) -> Array:  # fmt: skip
    x = image("gaussian_filter", input, output)
    axes = chosen_axes(axes, x.ndim)
    settings = zip(
        axes,
        one_each("gaussian_filter", "sigma", sigma, len(axes)),
        one_each("gaussian_filter", "order", order, len(axes)),
        one_each("gaussian_filter", "mode", mode, len(axes)),
        one_each("gaussian_filter", "radius", radius, len(axes)),
        strict=True,
    )
    for axis, width, degree, border, reach in settings:
        if bool(width > 1e-15):  # as SciPy decides; it becomes a guard
            x = gaussian_filter1d(
                x, width, axis, degree, mode=border, cval=cval, truncate=truncate, radius=reach
            )
    return x


def _of_derivatives(
    name: str, input: ArrayLike, output: Any, mode: Any, cval: Any, axes: Any, term: Any
) -> Array:
    """Return the sum of an image's second derivatives, each along one axis."""
    x = image(name, input, output)
    axes = chosen_axes(axes, x.ndim)
    modes = one_each(name, "mode", mode, len(axes))
    total: Any = np.zeros_like(x)
    for axis, border in zip(axes, modes, strict=True):
        total = total + term(x, axis, border, cval)
    return total


@of_scipy("ndimage")
def laplace(
    input: ArrayLike, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *,
    axes: Any = None,
) -> Array:  # fmt: skip
    second = np.array([1.0, -2.0, 1.0])
    term = lambda x, axis, border, cval: correlate1d(x, second, axis, mode=border, cval=cval)
    return _of_derivatives("laplace", input, output, mode, cval, axes, term)


@of_scipy("ndimage")
def gaussian_laplace(
    input: ArrayLike, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *,
    axes: Any = None, truncate: float = 4.0, radius: Any = None,
) -> Array:  # fmt: skip
    def term(x: Array, axis: int, border: str, cval: Any) -> Array:
        return _of_bell(x, sigma, axis, 2, border, cval, axes, truncate, radius)

    return _of_derivatives("gaussian_laplace", input, output, mode, cval, axes, term)


@of_scipy("ndimage")
def gaussian_gradient_magnitude(
    input: ArrayLike, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0, *,
    axes: Any = None, truncate: float = 4.0, radius: Any = None,
) -> Array:  # fmt: skip
    def term(x: Array, axis: int, border: str, cval: Any) -> Array:
        return _of_bell(x, sigma, axis, 1, border, cval, None, truncate, radius) ** 2

    name = "gaussian_gradient_magnitude"
    if axes is not None and not np.size(axes):
        return image(name, input, output)
    return np.sqrt(_of_derivatives(name, input, output, mode, cval, axes, term))


def _of_bell(
    x: Array, sigma: Any, axis: int, order: int, mode: str, cval: Any, axes: Any,
    truncate: float, radius: Any,
) -> Array:  # fmt: skip
    """Return a derivative along one axis of an image that is smoothed along all."""
    along = chosen_axes(axes, x.ndim)
    orders = [order * (i == axis) for i in along]
    return gaussian_filter(x, sigma, orders, None, mode, cval, truncate, radius=radius, axes=along)


def _edges(
    name: str, smooth: list[float], input: ArrayLike, axis: int, output: Any, mode: Any, cval: Any
) -> Array:
    """Return differences along one axis, smoothed along the others."""
    x = image(name, input, output)
    axis = normalize_axis(axis, x.ndim)
    modes = one_each(name, "mode", mode, x.ndim)
    found = correlate1d(x, np.array([-1.0, 0.0, 1.0]), axis, mode=modes[axis], cval=cval)
    for i in range(x.ndim):
        if i != axis:
            found = correlate1d(found, np.array(smooth), i, mode=modes[i], cval=cval)
    return found


@of_scipy("ndimage")
def sobel(
    input: ArrayLike, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Array:
    return _edges("sobel", [1.0, 2.0, 1.0], input, axis, output, mode, cval)


@of_scipy("ndimage")
def prewitt(
    input: ArrayLike, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0
) -> Array:
    return _edges("prewitt", [1.0, 1.0, 1.0], input, axis, output, mode, cval)

"""What lies beyond the border of an image, by SciPy's modes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.numpy.joining import along
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.registry import demand_one_of

MODES = (
    "reflect", "mirror", "nearest", "constant", "wrap", "grid-mirror", "grid-constant",
    "grid-wrap",
)  # fmt: skip


def image(name: str, x: ArrayLike, output: Any = None) -> Array:
    """Return an image of floats, or refuse: SciPy's result would have the image's dtype."""
    x = as_traced(x)
    if x.dtype.kind != "f":
        refuse(f"scipy.ndimage.{name} of an image of dtype {x.dtype} (use .astype(float) of it)")
    if output is not None:
        refuse(f"scipy.ndimage.{name} with output=")
    return x


def one_each(name: str, what: str, value: Any, number: int) -> list[Any]:
    """Return a setting for each axis, from one for all of them or a sequence."""
    if not isinstance(value, list | tuple) and not getattr(value, "ndim", 0):
        return [value] * number
    if len(value) != number:
        refuse(f"scipy.ndimage.{name} with {len(value)} values of {what}= for {number} axes")
    return list(value)


def chosen_axes(axes: Any, ndim: int) -> list[int]:
    """Return axes as non-negative numbers; None means all of them."""
    if axes is None:
        return list(range(ndim))
    return [normalize_axis(i, ndim) for i in ([axes] if isinstance(axes, int) else axes)]


def _positions(mode: str, size: int, before: int, after: int) -> np.ndarray:
    """Return the position of each element of a line that is continued at both ends."""
    i = np.arange(-before, size + after)
    if mode == "nearest":
        return np.clip(i, 0, size - 1)
    if mode in ("wrap", "grid-wrap"):
        return i % size
    if mode == "mirror":
        period = max(2 * size - 2, 1)
        i = i % period
        return np.where(i < size, i, period - i)
    i = i % (2 * size)
    return np.where(i < size, i, 2 * size - 1 - i)


def continued(
    name: str, x: Array, axis: int, before: int, after: int, mode: str, cval: Any
) -> Array:
    """Return an image with elements added at both ends of an axis."""
    demand_one_of(f"ndimage.{name}", "mode", mode, MODES)
    if not before and not after:
        return x
    if mode not in ("constant", "grid-constant"):
        return x[along(axis, _positions(mode, x.shape[axis], before, after))]
    parts: list[Any] = [x]
    for number, place in ((before, 0), (after, 2)):
        shape = (*x.shape[:axis], number, *x.shape[axis + 1 :])
        parts.insert(place, np.full_like(x, cval, shape=shape) if number else None)
    return np.concatenate([part for part in parts if part is not None], axis=axis)


def weighted(x: Array, weights: Any, sizes: Sequence[int], axes: Sequence[int]) -> Array:
    """Return the sums of neighbors with weights, for every place where all of them are.

    `sizes` are the extents of the weights along `axes` of the image.
    """
    extents = [x.shape[axis] - size + 1 for axis, size in zip(axes, sizes, strict=True)]
    total: Any = None
    for place in np.ndindex(*sizes):
        part = x
        for axis, first, extent in zip(axes, place, extents, strict=True):
            part = part[along(axis, slice(first, first + extent))]
        term = part * weights[place]
        total = term if total is None else total + term
    return total


def weighted_along(x: Array, weights: Array, axis: int) -> Array:
    """Return the sums of neighbors along one axis with many weights, by Fourier transforms."""
    lines, last = np.moveaxis(x, axis, -1), weights.size - 1
    whole = 1 << (lines.shape[-1] - 1).bit_length()
    spectrum = np.fft.rfft(lines, whole) * np.fft.rfft(weights[::-1], whole)
    sums = np.fft.irfft(spectrum, whole)[..., last : lines.shape[-1]]
    return np.moveaxis(sums.astype(x.dtype), -1, axis)

"""Convolutions and correlations of arrays with any number of axes, as `scipy.signal` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.ndimage.borders import continued, weighted
from steepest.trace.functions.scipy.registry import demand_one_of, floats, of_scipy

_MOST = 128
"""Up to so many elements of the smaller array each is one operation; beyond, by transforms."""


def _whole(a: Array, v: Array) -> Array:
    """Return the full convolution."""
    if a.size < v.size:
        a, v = v, a
    if v.size > _MOST:
        return _by_transforms(a, v)
    if a.ndim == 1:
        return np.convolve(a, v)
    sizes, axes = v.shape, range(v.ndim)
    grown = np.pad(a, [(size - 1, size - 1) for size in sizes])
    return weighted(grown, v[tuple(slice(None, None, -1) for _ in sizes)], sizes, axes)


def _by_transforms(a: Array, v: Array) -> Array:
    shape = [m + n - 1 for m, n in zip(a.shape, v.shape, strict=True)]
    axes = list(range(a.ndim))
    product = np.fft.rfftn(a, shape, axes) * np.fft.rfftn(v, shape, axes)
    return np.fft.irfftn(product, shape, axes).astype(a.dtype)


def _centered(x: Array, shape: tuple[int, ...]) -> Array:
    starts = [(extent - size) // 2 for extent, size in zip(x.shape, shape, strict=True)]
    return x[tuple(slice(s, s + n) for s, n in zip(starts, shape, strict=True))]


def _of_mode(name: str, in1: ArrayLike, in2: ArrayLike, mode: str) -> Array:
    a, v = floats(in1, in2)
    demand_one_of(f"signal.{name}", "mode", mode, ("full", "same", "valid"))
    if a.ndim != v.ndim:
        raise InputError(
            f"scipy.signal.{name}{at(user_source())}: arrays of shapes {a.shape} and {v.shape} "
            "must have as many axes"
        )
    if not a.ndim:
        return a * v
    if not a.size or not v.size:
        refuse(f"scipy.signal.{name} of an array without elements")
    whole = _whole(a, v)
    if mode == "full":
        return whole
    if mode == "same":
        return _centered(whole, a.shape)
    pairs = list(zip(a.shape, v.shape, strict=True))
    if not (all(m >= n for m, n in pairs) or all(m <= n for m, n in pairs)):
        raise InputError(
            f"scipy.signal.{name}{at(user_source())}: for mode='valid' one array must be at least "
            "as large as the other along every axis"
        )
    return _centered(whole, tuple(abs(m - n) + 1 for m, n in pairs))


@of_scipy("signal")
def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Array:
    demand_one_of("signal.convolve", "method", method, ("auto", "direct", "fft"))
    return _of_mode("convolve", in1, in2, mode)


@of_scipy("signal")
def fftconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: Any = None) -> Array:
    if axes is not None:
        refuse("scipy.signal.fftconvolve with axes=")
    return _of_mode("fftconvolve", in1, in2, mode)


@of_scipy("signal")
def oaconvolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: Any = None) -> Array:
    if axes is not None:
        refuse("scipy.signal.oaconvolve with axes=")
    return _of_mode("oaconvolve", in1, in2, mode)


@of_scipy("signal")
def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Array:
    demand_one_of("signal.correlate", "method", method, ("auto", "direct", "fft"))
    a, v = floats(in1, in2)
    turned = v[tuple(slice(None, None, -1) for _ in v.shape)] if v.ndim else v
    return _of_mode("correlate", a, turned, mode)


_BOUNDARIES = {"fill": "constant", "wrap": "grid-wrap", "symm": "reflect"}
"""What lies beyond an image's border, and how `scipy.ndimage` calls it."""


def _of_images(
    name: str, a: Array, v: Array, mode: str, boundary: str, fillvalue: Any, starts: list[int]
) -> Array:
    """Return a convolution of images; `starts` is where mode "same" begins in the whole."""
    demand_one_of(f"signal.{name}", "boundary", boundary, tuple(_BOUNDARIES))
    if mode == "valid" or not a.size or not v.size:
        return _of_mode(name, a, v, mode)
    demand_one_of(f"signal.{name}", "mode", mode, ("full", "same", "valid"))
    for axis, size in enumerate(v.shape):
        border = _BOUNDARIES[boundary]
        a = continued(name, a, axis, size - 1, size - 1, border, fillvalue)
    wholes = [extent - size + 1 for extent, size in zip(a.shape, v.shape, strict=True)]
    whole = _centered(_whole(a, v), tuple(wholes))
    if mode == "full":
        return whole
    ends = [extent - size + 1 for extent, size in zip(whole.shape, v.shape, strict=True)]
    return whole[tuple(slice(s, s + n) for s, n in zip(starts, ends, strict=True))]


def _two_images(name: str, in1: ArrayLike, in2: ArrayLike) -> list[Array]:
    a, v = floats(in1, in2)
    if a.ndim != 2 or v.ndim != 2:
        raise InputError(
            f"scipy.signal.{name}{at(user_source())}: arrays of shapes {a.shape} and {v.shape} "
            "must have two axes each"
        )
    return [a, v]


@of_scipy("signal")
def convolve2d(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
    fillvalue: Any = 0,
) -> Array:  # fmt: skip
    a, v = _two_images("convolve2d", in1, in2)
    starts = [(size - 1) // 2 for size in v.shape]
    return _of_images("convolve2d", a, v, mode, boundary, fillvalue, starts)


@of_scipy("signal")
def correlate2d(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
    fillvalue: Any = 0,
) -> Array:  # fmt: skip
    a, v = _two_images("correlate2d", in1, in2)
    starts = [size // 2 for size in v.shape]
    return _of_images("correlate2d", a, v[::-1, ::-1], mode, boundary, fillvalue, starts)

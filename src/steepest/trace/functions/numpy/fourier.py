"""NumPy's Fourier transforms, of real and of complex arrays."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.arrays.fourier import fourier
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.arrays.complex import FUNCTIONS, TracedComplex, as_complex, is_complex
from steepest.trace.arrays.registries import FUNCTIONS as REAL_FUNCTIONS
from steepest.trace.functions.numpy.joining import along
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Out,
    implements,
    normalize_axes,
    normalize_axis,
    one_of,
    with_out,
)


def _resized(z: TracedComplex, n: int | None, axis: int) -> TracedComplex:
    if n is None or n == z.shape[axis]:
        return z
    if n < 1:
        raise InputError(f"invalid number of FFT data points ({n}){at(user_source())}")
    if n < z.shape[axis]:
        return z[along(axis, slice(None, n))]
    widths = [(0, n - z.shape[axis] if i == axis else 0) for i in range(z.ndim)]
    return z.on_parts(np.pad, widths)


def _scale(n: int, norm: Any, forward: bool) -> float:
    if norm not in (None, "backward", "forward", "ortho"):
        raise InputError(f"norm={norm!r}{at(user_source())} must be backward, forward or ortho")
    if norm == "ortho":
        return 1 / math.sqrt(n)
    divides = (norm == "forward") is forward
    return 1 / n if divides else 1.0


def _transform(forward: bool) -> Callable[..., TracedComplex]:
    def implementation(
        a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None,
        out: Out = None,
    ) -> TracedComplex:  # fmt: skip
        z = as_complex(a)
        axis = normalize_axis(axis, z.ndim)
        z = _resized(z, n, axis)
        if not z.shape[axis]:
            raise InputError(f"invalid number of FFT data points (0){at(user_source())}")
        pairs = np.stack([z.real, z.imag], axis=-1)
        result: Any = fourier(pairs, axis=axis, sign=-1 if forward else 1)
        complex_result = TracedComplex(result[..., 0], result[..., 1])
        scale = _scale(z.shape[axis], norm, forward)
        return complex_result if scale == 1.0 else complex_result.on_parts(np.multiply, scale)

    return implementation


fft, ifft = _transform(forward=True), _transform(forward=False)


def rfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None, out: Out = None
) -> Array:
    z = fft(a, n, axis, norm)
    axis = normalize_axis(axis, z.ndim)
    return z[along(axis, slice(None, z.shape[axis] // 2 + 1))]


def irfft(
    a: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None, out: Out = None
) -> Array:
    z = as_complex(a)
    axis = normalize_axis(axis, z.ndim)
    n = 2 * (z.shape[axis] - 1) if n is None else n
    z = _resized(z, n // 2 + 1 if n > 0 else n, axis)
    # The second half mirrors the first. Elements that mirror themselves count as real.
    alone = [0] if n % 2 else [0, n // 2]
    keep = np.ones(n // 2 + 1, z.real.dtype)
    keep[alone] = 0.0
    shape = [1] * z.ndim
    shape[axis] = -1
    z = TracedComplex(z.real, z.imag * keep.reshape(shape))
    last = n // 2 if n % 2 else n // 2 - 1
    mirrored = z[along(axis, slice(last, 0, -1))]
    mirrored = TracedComplex(mirrored.real, -mirrored.imag)
    full = FUNCTIONS[np.concatenate]([z, mirrored], axis) if last > 0 else z
    return ifft(full, None, axis, norm).real


def _extents_and_axes(s: Any, axes: Any, ndim: int) -> tuple[list[Any], list[int]]:
    """Return the axes to transform, and their new extents (None keeps an extent)."""
    if axes is None:
        axes = range(ndim) if s is None else range(ndim - len(s), ndim)
    if np.ndim(axes) != 1 or (s is not None and len(s) != len(axes)):
        raise InputError(
            f"axes={axes!r}{at(user_source())} must be a sequence of axes, as many as extents s="
        )
    axes = [normalize_axis(i, ndim) for i in axes]
    return [None] * len(axes) if s is None else list(s), axes


def _over_axes(transform: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(
        a: ArrayLike, s: Sequence[int | None] | None = None, axes: ArrayLike = None,
        norm: str | None = None, out: Out = None,
    ) -> Array:  # fmt: skip
        z = as_complex(a)
        sizes, axes = _extents_and_axes(s, axes, z.ndim)
        if not axes and not is_complex(a):
            return REAL_FUNCTIONS[np.asarray](a)
        for n, axis in reversed(list(zip(sizes, axes, strict=True))):
            z = transform(z, n, axis, norm)
        return z

    return implementation


fftn, ifftn = _over_axes(fft), _over_axes(ifft)


def rfftn(
    a: ArrayLike, s: Sequence[int | None] | None = None, axes: ArrayLike = None,
    norm: str | None = None, out: Out = None,
) -> Array:  # fmt: skip
    a = as_traced(a)
    sizes, axes = _extents_and_axes(s, axes, a.ndim)
    z = rfft(a, sizes[-1], axes[-1], norm)
    for n, axis in reversed(list(zip(sizes[:-1], axes[:-1], strict=True))):
        z = fft(z, n, axis, norm)
    return z


def irfftn(
    a: ArrayLike, s: Sequence[int | None] | None = None, axes: ArrayLike = None,
    norm: str | None = None, out: Out = None,
) -> Array:  # fmt: skip
    z = as_complex(a)
    sizes, axes = _extents_and_axes(s, axes, z.ndim)
    for n, axis in zip(sizes[:-1], axes[:-1], strict=True):
        z = ifft(z, n, axis, norm)
    return irfft(z, sizes[-1], axes[-1], norm)


def _shift(sign: int) -> Callable[..., Any]:
    def implementation(x: ArrayLike, axes: ArrayLike = None) -> Array:
        array: Any = as_complex(x) if is_complex(x) else as_traced(x)
        chosen = normalize_axes(axes, array.ndim)
        if not chosen:
            raise InputError(f"a shift{at(user_source())} needs an axis at least")
        shifts = [sign * (array.shape[i] // 2) for i in chosen]
        rolled = REAL_FUNCTIONS[np.roll]
        if isinstance(array, TracedArray):
            return rolled(array, shifts, chosen)
        return array.on_parts(rolled, shifts, chosen)

    return implementation


def _over_two_axes(transform: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, s=None, axes=(-2, -1), norm=None, out=None: transform(a, s, axes, norm)


_TRANSFORMS: dict[Any, Callable[..., Any]] = {
    np.fft.fft: fft,
    np.fft.ifft: ifft,
    np.fft.rfft: rfft,
    np.fft.irfft: irfft,
    np.fft.fftn: fftn,
    np.fft.ifftn: ifftn,
    np.fft.rfftn: rfftn,
    np.fft.irfftn: irfftn,
    np.fft.fft2: _over_two_axes(fftn),
    np.fft.ifft2: _over_two_axes(ifftn),
    np.fft.rfft2: _over_two_axes(rfftn),
    np.fft.fftshift: _shift(1),
    np.fft.ifftshift: _shift(-1),
}


@implements(np.fft.irfft2, out=one_of(None))  # NumPy does not write to it
def irfft2(
    a: ArrayLike, s: Sequence[int | None] | None = None, axes: ArrayLike = (-2, -1),
    norm: str | None = None, out: Out = None,
) -> Array:  # fmt: skip
    return irfftn(a, s, axes, norm)


FUNCTIONS[np.fft.irfft2] = REAL_FUNCTIONS[np.fft.irfft2]
for _function, _implementation in _TRANSFORMS.items():
    FUNCTIONS[_function] = REAL_FUNCTIONS[_function] = with_out(
        _implementation, _function.__name__
    )

"""SciPy's Fourier, cosine and sine transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.arrays.fourier import fourier
from steepest.trace.arrays.complex import as_complex, is_complex
from steepest.trace.functions.numpy.joining import along
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    Harmless,
    normalize_axis,
)
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy

# Those that NumPy has as well.

_IS_NONE: Harmless = lambda value: value is None

_WITH_N = ("fft", "ifft", "rfft", "irfft")
_WITH_S = ("fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")


def _along_one(name: str) -> Callable[..., Any]:
    def implementation(
        x: ArrayLike, n: int | None = None, axis: int = -1, norm: str | None = None,
        overwrite_x: bool = False, workers: int | None = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        return getattr(np.fft, name)(_operand(x), n, axis, norm)

    implementation.__name__ = name
    return implementation


def _operand(x: ArrayLike) -> Any:
    return as_complex(x) if is_complex(x) else floating(x)


def _along_several(name: str) -> Callable[..., Any]:
    default: Any = (-2, -1) if name.endswith("2") else None

    def implementation(
        x: ArrayLike, s: Any = None, axes: Any = default, norm: str | None = None,
        overwrite_x: bool = False, workers: int | None = None, *, plan: Any = None,
    ) -> Any:  # fmt: skip
        s = (s,) if isinstance(s, int) else s
        axes = (axes,) if isinstance(axes, int) else axes
        return getattr(np.fft, name)(_operand(x), s, axes, norm)

    implementation.__name__ = name
    return implementation


for _name in _WITH_N:
    of_scipy("fft", plan=_IS_NONE)(_along_one(_name))
for _name in _WITH_S:
    of_scipy("fft", plan=_IS_NONE)(_along_several(_name))


@of_scipy("fft")
def fftshift(x: ArrayLike, axes: Axes = None) -> Any:
    return np.fft.fftshift(_operand(x), axes)


@of_scipy("fft")
def ifftshift(x: ArrayLike, axes: Axes = None) -> Any:
    return np.fft.ifftshift(_operand(x), axes)


# Cosine and sine transforms: Fourier transforms of what is mirrored.


def _symmetric(x: Array, kind: int, is_sine: bool) -> Array:
    """Return an array of lines, each continued to its whole period by its symmetry."""
    sign = -1.0 if is_sine else 1.0
    if kind == 1 and not is_sine:
        return np.concatenate([x, x[..., -2:0:-1]], axis=-1)
    if kind == 1:
        zero = np.zeros_like(x[..., :1])
        return np.concatenate([zero, x, zero, -x[..., ::-1]], axis=-1)
    return np.concatenate([x, sign * x[..., ::-1]], axis=-1)


def _transform(x: Array, kind: int, is_sine: bool) -> Array:
    """Return SciPy's transform of the last axis without a factor."""
    n = x.shape[-1]
    if kind in (1, 2):
        whole = _symmetric(x, kind, is_sine)
        size = whole.shape[-1]
        pairs = np.stack([whole, np.zeros_like(whole)], axis=-1)
        result: Any = fourier(pairs, axis=whole.ndim - 1, sign=-1)
        first = 1 if is_sine else 0
        real = result[..., first : first + n, 0]
        imag = result[..., first : first + n, 1]
        if kind == 1:
            return -imag if is_sine else real
        turn = np.pi * np.arange(first, first + n) / size
        cos, sin = np.cos(turn).astype(x.dtype), np.sin(turn).astype(x.dtype)
        return sin * real - cos * imag if is_sine else cos * real + sin * imag
    matrix = _matrix(n, kind, is_sine).astype(x.dtype)
    return np.matmul(x, matrix.T)


def _matrix(n: int, kind: int, is_sine: bool) -> np.ndarray:
    k, j = np.arange(n)[:, None], np.arange(n)
    if kind == 4:
        angle = np.pi * (2 * k + 1) * (2 * j + 1) / (4 * n)
        return 2 * (np.sin(angle) if is_sine else np.cos(angle))
    if is_sine:
        matrix = 2 * np.sin(np.pi * (2 * k + 1) * (j + 1) / (2 * n))
        matrix[:, -1] /= 2
        return matrix
    matrix = 2 * np.cos(np.pi * (2 * k + 1) * j / (2 * n))
    matrix[:, 0] /= 2
    return matrix


def _orthogonal_scales(n: int, kind: int, is_sine: bool, dtype: Any) -> tuple[Any, Any]:
    """Return factors of the elements before and after that make a transform orthogonal."""
    before, after = np.ones(n, dtype), np.ones(n, dtype)
    ends = [0, n - 1] if not is_sine else []
    last = n - 1 if is_sine else 0
    if kind == 1 and ends:
        before[ends], after[ends] = math.sqrt(2), 1 / math.sqrt(2)
    elif kind == 2:
        after[last] = 1 / math.sqrt(2)
    elif kind == 3:
        before[last] = math.sqrt(2)
    return before, after


_INVERSE = {1: 1, 2: 3, 3: 2, 4: 4}


def _real_transform(
    name: str, x: ArrayLike, kind: int, n: int | None, axis: int, norm: str | None,
    orthogonalize: bool | None,
) -> Array:  # fmt: skip
    demand_one_of(f"fft.{name}", "type", kind, (1, 2, 3, 4))
    demand_one_of(f"fft.{name}", "norm", norm, (None, "backward", "forward", "ortho"))
    is_sine, is_inverse = "s" in name, name.startswith("i")
    x = floating(x)
    axis = normalize_axis(axis, x.ndim)
    lines = np.moveaxis(_resized(name, x, n, axis), axis, -1)
    kind = _INVERSE[kind] if is_inverse else kind
    size = lines.shape[-1]
    if kind == 1 and not is_sine and size < 2:
        raise InputError(f"scipy.fft.{name}{at(user_source())} of type 1 needs two elements")
    whole = {1: 2 * (size + 1) if is_sine else 2 * (size - 1)}.get(kind, 2 * size)
    norm = norm or "backward"
    is_orthogonal = norm == "ortho" if orthogonalize is None else orthogonalize
    if is_orthogonal:
        before, after = _orthogonal_scales(size, kind, is_sine, lines.dtype)
        result = _transform(lines * before, kind, is_sine) * after
    else:
        result = _transform(lines, kind, is_sine)
    if norm == "ortho":
        result = result * (1 / math.sqrt(whole))
    elif (norm == "forward") is not is_inverse:
        result = result * (1 / whole)
    return np.moveaxis(result, -1, axis)


def _resized(name: str, x: Array, n: int | None, axis: int) -> Array:
    if n is None or n == x.shape[axis]:
        return x
    if n < 1:
        raise InputError(f"scipy.fft.{name}{at(user_source())}: {n} data points")
    if n < x.shape[axis]:
        return x[along(axis, slice(None, n))]
    widths = [(0, n - x.shape[axis] if i == axis else 0) for i in range(x.ndim)]
    return np.pad(x, widths)


def _of_one_axis(name: str) -> Callable[..., Any]:
    def implementation(
        x: ArrayLike, type: int = 2, n: int | None = None, axis: int = -1,
        norm: str | None = None, overwrite_x: bool = False, workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Array:  # fmt: skip
        return _real_transform(name, x, type, n, axis, norm, orthogonalize)

    implementation.__name__ = name
    return implementation


def _of_several_axes(name: str) -> Callable[..., Any]:
    def implementation(
        x: ArrayLike, type: int = 2, s: Any = None, axes: Any = None, norm: str | None = None,
        overwrite_x: bool = False, workers: int | None = None, *,
        orthogonalize: bool | None = None,
    ) -> Array:  # fmt: skip
        x = floating(x)
        s = (s,) if isinstance(s, int) else s
        if axes is None:
            axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
        axes = [normalize_axis(i, x.ndim) for i in ([axes] if isinstance(axes, int) else axes)]
        for i, axis in enumerate(axes):
            n = None if s is None else s[i]
            x = _real_transform(name[:-1], x, type, n, axis, norm, orthogonalize)
        return x

    implementation.__name__ = name
    return implementation


for _name in ("dct", "idct", "dst", "idst"):
    of_scipy("fft")(_of_one_axis(_name))
    of_scipy("fft")(_of_several_axes(f"{_name}n"))

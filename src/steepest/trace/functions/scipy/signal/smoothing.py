"""Smoothing, trends and envelopes, as `scipy.signal` has them."""

from __future__ import annotations

import itertools
import math
from typing import Any, cast

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.complex import TracedComplex
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.ndimage.filters import convolve1d
from steepest.trace.functions.scipy.registry import demand_one_of, floating, of_scipy


def _fit(window: int, degree: int, deriv: int, delta: float, at_points: np.ndarray) -> np.ndarray:
    """Return the matrix from the elements of a window to a fitted polynomial's derivative."""
    middle = (window - 1) / 2
    powers = np.vander(np.arange(window) - middle, degree + 1, increasing=True)
    coefficients = np.linalg.pinv(powers)
    rows = np.zeros((len(at_points), window))
    for power in range(deriv, degree + 1):
        factor = math.perm(power, deriv) / delta**deriv
        rows += factor * np.outer((at_points - middle) ** (power - deriv), coefficients[power])
    return rows


@of_scipy("signal")
def savgol_filter(
    x: ArrayLike, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0,
    axis: int = -1, mode: str = "interp", cval: float = 0.0,
) -> Array:  # fmt: skip
    modes = ("mirror", "constant", "nearest", "interp", "wrap")
    demand_one_of("signal.savgol_filter", "mode", mode, modes)
    x = floating(x)
    window, degree = int(window_length), int(polyorder)
    axis = normalize_axis(axis, x.ndim)
    if degree >= window or (mode == "interp" and window > x.shape[axis]):
        raise InputError(
            f"scipy.signal.savgol_filter{at(user_source())}: a window of {window} must be longer "
            f"than polyorder={degree}, and no longer than {x.shape[axis]} samples"
        )
    half = window // 2
    middle = (window - 1) / 2 if window % 2 == 0 else half
    weights = _fit(window, degree, deriv, delta, np.array([float(middle)]))[0][::-1]
    if mode != "interp":
        return convolve1d(x, weights, axis, mode=mode, cval=cval)
    inner = np.moveaxis(convolve1d(x, weights, axis, mode="constant"), axis, 0)
    lines, number = np.moveaxis(x, axis, 0), x.shape[axis]
    places = np.arange(window, dtype=float)
    edges = _fit(window, degree, deriv, delta, places).astype(x.dtype)
    first = np.tensordot(as_traced(edges[:half]), lines[:window], 1)
    last = np.tensordot(as_traced(edges[window - half :]), lines[number - window :], 1)
    result = np.concatenate([first, inner[half : number - half], last])
    return np.moveaxis(result, 0, axis)


@of_scipy("signal")
def detrend(
    data: ArrayLike, axis: int = -1, type: str = "linear", bp: Any = 0,
    overwrite_data: bool = False,
) -> Array:  # fmt: skip
    demand_one_of("signal.detrend", "type", type, ("linear", "l", "constant", "c"))
    x = floating(data)
    if type in ("constant", "c"):
        return x - np.mean(x, axis=axis, keepdims=True)
    lines = np.moveaxis(x, axis, 0)
    number = lines.shape[0]
    breaks = sorted({0, number, *map(int, np.atleast_1d(bp))})
    if breaks[0] < 0 or breaks[-1] > number:
        raise InputError(
            f"scipy.signal.detrend{at(user_source())}: breakpoints must be 0 to {number}, got "
            f"{bp!r}"
        )
    parts = []
    for start, stop in itertools.pairwise(breaks):
        part, size = lines[start:stop], stop - start
        time = np.reshape(np.arange(size) - (size - 1) / 2, (-1,) + (1,) * (lines.ndim - 1))
        time, part = time.astype(x.dtype), part - np.mean(part, axis=0)
        spread = float(np.sum(time**2)) or 1.0
        parts.append(part - time * (np.sum(time * part, axis=0) / spread))
    return np.moveaxis(np.concatenate(parts), 0, axis)


@of_scipy("signal")
def hilbert(x: ArrayLike, N: int | None = None, axis: int = -1) -> TracedComplex:
    if isinstance(x, TracedComplex):
        refuse("scipy.signal.hilbert of complex numbers")
    x = floating(x)
    axis = normalize_axis(axis, x.ndim)
    size = x.shape[axis] if N is None else int(N)
    spectrum: Any = np.fft.fft(x, size, axis)
    weights = np.zeros(size, x.dtype)
    weights[0] = 1.0
    weights[1 : (size + 1) // 2] = 2.0
    if size % 2 == 0:
        weights[size // 2] = 1.0
    shape = [1] * x.ndim
    shape[axis] = size
    result: Any = np.fft.ifft(spectrum * np.reshape(weights, shape), None, axis)
    return cast(TracedComplex, result)

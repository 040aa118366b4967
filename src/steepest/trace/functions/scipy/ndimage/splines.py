"""Coefficients and weights of the splines that images are interpolated with."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.linear_algebra.equations import solve_band
from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.ndimage.borders import continued

PADDING = 12
"""SciPy adds so many elements at each end where a border has no exact condition."""


def padded(x: Array, mode: str, cval: Any) -> tuple[Array, int]:
    """Return an image as it is prefiltered, and by how much it has grown at each end."""
    if mode not in ("nearest", "grid-constant"):
        return x, 0
    for axis in range(x.ndim):
        x = continued("spline_filter", x, axis, PADDING, PADDING, mode, cval)
    return x, PADDING


def prefiltered(x: Array, mode: str) -> Array:
    """Return the cubic spline coefficients of an image in double precision."""
    x = x.astype(np.float64)
    for axis in range(x.ndim):
        if x.shape[axis] > 1:
            lines = np.moveaxis(x, axis, 0)
            solved = _coefficients(np.reshape(lines, (lines.shape[0], -1)), mode)
            x = np.moveaxis(np.reshape(solved, lines.shape), 0, axis)
    return x


_SHORT = 32
"""Up to this length SciPy's own filter is used, whose error at reflecting ends is then large."""


def _filter_matrix(n: int, mode: str) -> np.ndarray:
    """Return SciPy's filter, which is linear, as a matrix."""
    from scipy.ndimage import spline_filter1d

    matrix: np.ndarray = spline_filter1d(np.eye(n), 3, axis=0, mode=mode)
    return matrix


def _coefficients(lines: Array, mode: str) -> Array:
    """Solve (c[i-1] + 4 c[i] + c[i+1]) / 6 = x[i], with the border's condition at the ends."""
    n = lines.shape[0]
    if n <= _SHORT or mode == "grid-wrap":
        return np.matmul(as_traced(_filter_matrix(n, mode)), lines)
    band = np.array([[1.0], [4.0], [1.0]]) * np.ones(n)
    if mode in ("reflect", "grid-mirror"):
        band[1, [0, -1]] = 5.0
    else:
        band[0, 1] = band[2, -2] = 2.0
    return solve_band(as_traced(band / 6.0), lines, below=1)


def weights(share: Array, order: int) -> list[Array]:
    """Return the weights of the elements from the first that counts, by the share of a step."""
    if order == 0:
        return [np.ones_like(share)]
    if order == 1:
        return [1.0 - share, share]
    rest = 1.0 - share
    return [
        rest**3 / 6.0,
        (4.0 - 6.0 * share**2 + 3.0 * share**3) / 6.0,
        (4.0 - 6.0 * rest**2 + 3.0 * rest**3) / 6.0,
        share**3 / 6.0,
    ]

"""Distributions of Kolmogorov's and Smirnov's statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.rows import rows_of, special
from steepest.ops.row import Domain

# Kolmogorov's distribution: a theta function, in either of its two series.
_BORDER = 1.0


def kolmogorov_slope(x: Array) -> Array:
    """Return the derivative of kolmogorov."""
    is_far = x > _BORDER
    far, near = np.where(is_far, x, _BORDER), np.where(is_far, _BORDER, np.maximum(x, 1e-3))
    right: Any = 0.0
    for k in range(1, 6):
        right = right - (-1) ** (k - 1) * 8.0 * k * k * far * np.exp(-2.0 * k * k * far * far)
    left: Any = 0.0
    for k in range(1, 6):
        exponent = ((2 * k - 1) * math.pi) ** 2 / 8.0
        power = np.exp(-exponent / (near * near))
        left = left + power * (1.0 - 2.0 * exponent / (near * near)) / (near * near)
    left = math.sqrt(2.0 * math.pi) * left
    return np.where(is_far, right, np.where(x > 0.01, left, 0.0))


kolmogorov = special(
    "kolmogorov",
    lambda y, x: kolmogorov_slope(x),
    domain=Domain(((0.5, 2.0),), special=((0.7,), (1.0,), (2.0,))),
)
kolmogi = special(
    "kolmogi",
    lambda y, p: 1.0 / kolmogorov_slope(y),
    domain=Domain(((0.1, 0.9),), special=((0.5,), (0.2,))),
)

ROWS = rows_of(vars())

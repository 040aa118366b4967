"""Voigt's profile: the function w of a complex number."""

from __future__ import annotations

import math

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.complex.functions import faddeeva_slope, wofz
from steepest.ops.elementwise.special.rows import HOST_CASES, rows_of, special
from steepest.ops.row import Domain

_ROOT_PI = math.sqrt(math.pi)


def _voigt(x: Array, sigma: Array, gamma: Array, order: int) -> tuple[Array, Array, Array]:
    """Return a derivative of w where Voigt's profile takes it, and the width there."""
    width = np.where(sigma > 0, sigma, 1.0)
    z = (x + 1j * gamma) / (width * math.sqrt(2.0))
    slope = faddeeva_slope(wofz(z), z, order)
    return np.real(slope), np.imag(slope), width


_PEAK = 2.0 * _ROOT_PI


def _slope_by_place(y: Array, x: Array, sigma: Array, gamma: Array) -> Array:
    real, _, width = _voigt(x, sigma, gamma, 1)
    is_wide = sigma > 0
    size = np.where(is_wide, 1.0, x * x + gamma * gamma)
    lorentz = -2.0 * gamma * x / (math.pi * size * size)
    return np.where(is_wide, real / (_PEAK * width * width), lorentz)


def _slope_by_gamma(y: Array, x: Array, sigma: Array, gamma: Array) -> Array:
    _, imag, width = _voigt(x, sigma, gamma, 1)
    is_wide = sigma > 0
    size = np.where(is_wide, 1.0, x * x + gamma * gamma)
    lorentz = (x * x - gamma * gamma) / (math.pi * size * size)
    return np.where(is_wide, -imag / (_PEAK * width * width), lorentz)


def _slope_by_sigma(y: Array, x: Array, sigma: Array, gamma: Array) -> Array:
    # The profile spreads like heat: its slope by sigma is sigma times its second one by x.
    real, _, width = _voigt(x, sigma, gamma, 2)
    return np.where(sigma > 0, real / (2.0 * math.sqrt(2.0 * math.pi) * width * width), 0.0)


voigt_profile = special(
    "voigt_profile",
    _slope_by_place,
    _slope_by_sigma,
    _slope_by_gamma,
    domain=Domain(
        ((-2.0, 2.0), (0.5, 2.0), (0.5, 2.0)),
        HOST_CASES[3],
        special=((0.0, 1.0, 0.5), (1.0, 0.5, 0.1), (30.0, 1.0, 0.5), (-2.0, 1.0, 2.0)),
    ),
)

ROWS = rows_of(vars())

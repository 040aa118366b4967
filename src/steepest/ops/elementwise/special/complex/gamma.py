"""The gamma function of complex numbers, its logarithm and that one's derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.complex.holomorphic import Holomorphic, holomorphic

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 14


def _trigamma_to_the_right(z: Array) -> Array:
    """Return the derivative of psi for a real part of 1/2 or more (DLMF 5.15.8)."""
    total: Any = 0.0
    for k in range(_SHIFT):
        total = total + 1.0 / ((z + k) * (z + k))
    inverse = 1.0 / (z + _SHIFT)
    square, series = inverse * inverse, 0.0 * inverse
    for number in _BERNOULLI[::-1]:
        series = series * square + number
    return total + inverse + 0.5 * square + series * square * inverse


def _trigamma(w: Array, z: Array) -> Array:
    x, y = np.real(z), np.imag(z)
    is_left = x < 0.5
    right = np.where(is_left, 1.0 - x, x) + 1j * np.where(is_left, -y, y)
    value = _trigamma_to_the_right(right)
    # Reflected: pi**2 / sin(pi * z)**2, by the exponential that does not overflow.
    side = np.where(y < 0, -1.0, 1.0)
    turn = np.exp(2.0 * math.pi * (1j * side * np.where(is_left, x, 0.25) - side * y))
    squared = -4.0 * math.pi**2 * turn / ((1.0 - turn) * (1.0 - turn))
    real = np.where(is_left, np.real(squared) - np.real(value), np.real(value))
    imag = np.where(is_left, np.imag(squared) - np.imag(value), np.imag(value))
    return real + 1j * imag


psi: Holomorphic = holomorphic("psi", _trigamma)
loggamma = holomorphic("loggamma", lambda w, z: psi(z))
gamma = holomorphic("gamma", lambda w, z: w * psi(z))
rgamma = holomorphic("rgamma", lambda w, z: -w * psi(z))

COMPLEX = {"psi": psi, "digamma": psi, "loggamma": loggamma, "gamma": gamma, "rgamma": rgamma}

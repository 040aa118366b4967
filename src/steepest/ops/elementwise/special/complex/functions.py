"""SciPy's functions of complex numbers, other than gamma functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.complex.holomorphic import Holomorphic, holomorphic

_ROOT_PI = math.sqrt(math.pi)


def _expansion(z: Array, order: int) -> Array:
    """Return a derivative of w(z) far out, by its asymptotic series (DLMF 7.12.1)."""
    square = 1.0 / (z * z)
    total: Any = 0.0
    for n in range(24, -1, -1):
        factor: float = math.prod(range(1, 2 * n, 2)) / 2.0**n
        for k in range(order):
            factor *= -(2.0 * n + 1.0 + k)
        total = total * square + factor
    power = 1.0 / z
    for _ in range(order):
        power = power / z
    return (1j / _ROOT_PI) * total * power


def faddeeva_slope(w: Array, z: Array, order: int = 1) -> Array:
    """Return the first or second derivative of w(z), whose value is w.

    The recurrence cancels far out: there by the asymptotic series, with the exponential that it
    lacks on the real axis.
    """
    x, y = np.real(z), np.imag(z)
    is_far = (x * x + y * y > 49.0) & (y >= 0)
    far = np.where(is_far, x, 9.0) + 1j * np.where(is_far, y, 0.0)
    near = np.where(is_far, 0.0, x) + 1j * np.where(is_far, 0.0, y)
    is_real = is_far & (y < 0.01)
    wave = np.where(is_real, x, 0.0) + 1j * np.where(is_real, y, 0.0)
    tail = np.exp(-(wave * wave))
    value = np.where(is_far, 0.0, np.real(w)) + 1j * np.where(is_far, 0.0, np.imag(w))
    first = -2.0 * near * value + 2j / _ROOT_PI
    if order == 1:
        close, tail = first, -2.0 * wave * tail
    else:
        close, tail = -2.0 * near * first - 2.0 * value, (4.0 * wave * wave - 2.0) * tail
    series = _expansion(far, order)
    real = np.where(is_far, np.real(series), np.real(close))
    imag = np.where(is_far, np.imag(series), np.imag(close))
    return (real + np.where(is_real, np.real(tail), 0.0)) + 1j * (
        imag + np.where(is_real, np.imag(tail), 0.0)
    )


_TWO_OVER_ROOT_PI = 2.0 / _ROOT_PI
wofz = holomorphic("wofz", faddeeva_slope)
erf = holomorphic("erf", lambda w, z: _TWO_OVER_ROOT_PI * np.exp(-z * z))
erfc = holomorphic("erfc", lambda w, z: -_TWO_OVER_ROOT_PI * np.exp(-z * z))
erfcx = holomorphic("erfcx", lambda w, z: 2.0 * z * w - _TWO_OVER_ROOT_PI)
erfi = holomorphic("erfi", lambda w, z: _TWO_OVER_ROOT_PI * np.exp(z * z))
dawsn = holomorphic("dawsn", lambda w, z: 1.0 - 2.0 * z * w)
exp1 = holomorphic("exp1", lambda w, z: -np.exp(-z) / z)
expi = holomorphic("expi", lambda w, z: np.exp(z) / z)


def _in_double(*operands: Node) -> tuple[Shape, np.dtype]:
    return np.broadcast_shapes(*(x.shape for x in operands)), np.dtype(np.float64)


lambertw = holomorphic(
    "lambertw",
    lambda w, k, z: np.exp(-w) / (1.0 + w),
    (-1.0, 1.0),
    place=(0.0,),
    call=lambda library, k, z: library.lambertw(z, np.asarray(k).astype(int)),
    infer=_in_double,
)


def _neighbors(name: str, before: float, after: float, scale: complex = 0.0) -> Holomorphic:
    """Return a Bessel function, whose slope is a sum of those of the neighboring orders."""

    def slope(w: Array, v: Array, z: Array) -> Array:
        total = before * made(v - 1.0, z) + after * made(v + 1.0, z)
        return total + scale * w if scale else total

    made: Holomorphic = holomorphic(name, slope, (0.5, 2.5), place=(1.0,))
    return made


jv = _neighbors("jv", 0.5, -0.5)
yv = _neighbors("yv", 0.5, -0.5)
iv = _neighbors("iv", 0.5, 0.5)
kv = _neighbors("kv", -0.5, -0.5)
hankel1 = _neighbors("hankel1", 0.5, -0.5)
hankel2 = _neighbors("hankel2", 0.5, -0.5)
hankel1e = _neighbors("hankel1e", 0.5, -0.5, -1j)
hankel2e = _neighbors("hankel2e", 0.5, -0.5, 1j)

hyp0f1: Holomorphic = holomorphic(
    "hyp0f1", lambda w, b, z: hyp0f1(b + 1.0, z) / b, (0.5, 2.5), place=(1.0,)
)
hyp1f1: Holomorphic = holomorphic(
    "hyp1f1",
    lambda w, a, b, z: a / b * hyp1f1(a + 1.0, b + 1.0, z),
    (0.5, 2.0), (2.0, 4.0),
    place=(1.0, 2.5),
)  # fmt: skip
hyp2f1: Holomorphic = holomorphic(
    "hyp2f1",
    lambda w, a, b, c, z: a * b / c * hyp2f1(a + 1.0, b + 1.0, c + 1.0, z),
    (0.5, 1.5), (0.5, 1.5), (2.0, 3.0),
    place=(0.7, 1.2, 2.5),
    box=((-0.6, 0.2), (0.2, 0.6)),
)  # fmt: skip
spence = holomorphic("spence", lambda w, z: np.log(z) / (1.0 - z))

COMPLEX: dict[str, Holomorphic] = {
    "wofz": wofz, "erf": erf, "erfc": erfc, "erfcx": erfcx, "erfi": erfi, "dawsn": dawsn,
    "exp1": exp1, "expi": expi, "jv": jv, "yv": yv, "iv": iv, "kv": kv, "hankel1": hankel1,
    "hankel2": hankel2, "hankel1e": hankel1e, "hankel2e": hankel2e,
    "hyp0f1": hyp0f1, "hyp1f1": hyp1f1, "hyp2f1": hyp2f1, "spence": spence,
}  # fmt: skip
"""SciPy's ufuncs of complex numbers, by name; the number is the last operand."""

"""Functions of complex numbers, each as two rows: its real part and its imaginary part.

Their slopes follow from one complex derivative by Cauchy and Riemann's equations. A row takes
the function's parameters, then the real and the imaginary part of the number.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.rows import HOST_CASES, Special, hosted, rows_of, special
from steepest.ops.row import Domain, Row


@dataclass(frozen=True, eq=False)
class Holomorphic:
    """A function of a complex number.

    Attributes
    ----------
    real, imag
        Its two parts, functions of the parameters and the two parts of the number.
    """

    real: Special
    imag: Special

    def __call__(self, *operands: Array) -> Array:
        """Return the function of the parameters and a complex number."""
        *parameters, z = operands
        parts = (*parameters, np.real(z), np.imag(z))
        return self.real(*parts) + 1j * self.imag(*parts)


def holomorphic(
    name: str,
    slope: Callable[..., Array],
    *parameters: tuple[float, float],
    place: tuple[float, ...] = (),
    call: Callable[..., Any] | None = None,
    box: tuple[tuple[float, float], tuple[float, float]] = ((0.5, 2.0), (0.5, 2.0)),
    **more: Any,
) -> Holomorphic:
    """Return a function of a complex number, with its derivative.

    Parameters
    ----------
    name
        SciPy's name.
    slope
        NumPy code of ``(value, *parameters, z)``.
    *parameters
        Where tests draw the parameters, whose slopes are not known.
    place
        Parameters of the point where tests look closely.
    call
        Calls SciPy's function, if it takes its arguments in another order.
    box
        Where tests draw the two parts.
    **more
        See :func:`special`.
    """

    def value(*operands: Array) -> Any:
        *given, x, y = operands
        z = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y)), np.result_type(x, 1j))
        z.real, z.imag = x, y
        if call is not None:
            return call(importlib.import_module("scipy.special"), *given, z)
        return getattr(importlib.import_module("scipy.special"), name)(*given, z)

    def derivative(*operands: Array) -> Array:
        *given, x, y = operands
        z = x + 1j * y
        return slope(made(*given, z), *given, z)

    unknown = (None,) * len(parameters)
    count = len(parameters) + 2
    domain = Domain((*parameters, *box), HOST_CASES[count], special=((*place, 1.0, 0.5),))
    made: Holomorphic = Holomorphic(
        hosted(
            f"{name}.real",
            *unknown,
            lambda w, *operands: np.real(derivative(*operands)),
            lambda w, *operands: -np.imag(derivative(*operands)),
            domain=domain,
            evaluate=lambda *operands: np.real(value(*operands)).copy(),
            **more,
        ),
        hosted(
            f"{name}.imag",
            *unknown,
            lambda w, *operands: np.imag(derivative(*operands)),
            lambda w, *operands: np.real(derivative(*operands)),
            domain=domain,
            evaluate=lambda *operands: np.imag(value(*operands)).copy(),
            **more,
        ),
    )
    return made


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

COMPLEX: dict[str, Holomorphic] = {
    "wofz": wofz, "erf": erf, "erfc": erfc, "erfcx": erfcx, "erfi": erfi, "dawsn": dawsn,
    "exp1": exp1, "expi": expi, "jv": jv, "yv": yv, "iv": iv, "kv": kv, "hankel1": hankel1,
    "hankel2": hankel2, "hankel1e": hankel1e, "hankel2e": hankel2e,
}  # fmt: skip
"""SciPy's ufuncs of complex numbers, by name; the number is the last operand."""

# Voigt's profile is w of a complex number.


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

ROWS: tuple[Row, ...] = (
    *rows_of(vars()),
    *(
        part.row
        for function in (*COMPLEX.values(), lambertw)
        for part in (function.real, function.imag)
    ),
)

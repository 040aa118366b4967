"""NumPy's elementwise functions of complex arrays, in real arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from steepest.trace.arrays.complex import (
    UFUNCS,
    TracedComplex,
    as_complex,
)
from steepest.trace.functions.registry import Array, ArrayLike

Parts = TracedComplex


F = TypeVar("F", bound=Callable[..., Any])


def _ufunc(*ufuncs: np.ufunc) -> Callable[[F], F]:
    def register(implementation: F) -> F:
        for ufunc in ufuncs:
            UFUNCS[ufunc] = implementation
        return implementation

    return register


@_ufunc(np.add)
def _add(a: Parts, b: Parts) -> Parts:
    return Parts(a.real + b.real, a.imag + b.imag)


@_ufunc(np.subtract)
def _subtract(a: Parts, b: Parts) -> Parts:
    return Parts(a.real - b.real, a.imag - b.imag)


@_ufunc(np.multiply)
def _multiply(a: Parts, b: Parts) -> Parts:
    return Parts(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


@_ufunc(np.divide)
def _divide(a: Parts, b: Parts) -> Parts:
    # Smith's algorithm, as in NumPy: scale by the larger part of the divisor.
    real_is_larger = np.abs(b.real) >= np.abs(b.imag)
    large, small = (
        np.where(real_is_larger, b.real, b.imag),
        np.where(real_is_larger, b.imag, b.real),
    )
    ratio = small / large
    scale = 1.0 / (large + small * ratio)
    real = np.where(real_is_larger, a.real + a.imag * ratio, a.real * ratio + a.imag) * scale
    imag = np.where(real_is_larger, a.imag - a.real * ratio, a.imag * ratio - a.real) * scale
    return Parts(real, imag)


@_ufunc(np.negative)
def _negative(z: Parts) -> Parts:
    return Parts(-z.real, -z.imag)


@_ufunc(np.positive)
def _positive(z: Parts) -> Parts:
    return Parts(+z.real, +z.imag)


@_ufunc(np.conjugate)
def _conjugate(z: Parts) -> Parts:
    return Parts(+z.real, -z.imag)


@_ufunc(np.absolute)
def _absolute(z: Parts) -> Array:
    return np.hypot(z.real, z.imag)


@_ufunc(np.square)
def _square(z: Parts) -> Parts:
    return _multiply(z, z)


@_ufunc(np.reciprocal)
def _reciprocal(z: Parts) -> Parts:
    return _divide(as_complex(1.0), z)


@_ufunc(np.exp)
def _exp(z: Parts) -> Parts:
    size = np.exp(z.real)
    return Parts(size * np.cos(z.imag), size * np.sin(z.imag))


@_ufunc(np.log)
def log(z: Parts) -> Parts:
    return Parts(np.log(np.hypot(z.real, z.imag)), np.arctan2(z.imag, z.real))


def _log_to(base: float) -> Callable[..., Any]:
    def implementation(z: ArrayLike) -> Array:
        return log(z).on_parts(np.divide, math.log(base))

    return implementation


UFUNCS[np.log10], UFUNCS[np.log2] = _log_to(10.0), _log_to(2.0)


@_ufunc(np.sqrt)
def _sqrt(z: Parts) -> Parts:
    root = np.sqrt((np.hypot(z.real, z.imag) + np.abs(z.real)) / 2)
    zero = root == 0
    other = np.where(zero, 0, z.imag / np.where(zero, 1, 2 * root))
    is_positive = z.real >= 0
    return Parts(
        np.where(is_positive, root, np.abs(other)),
        np.where(is_positive, other, np.copysign(root, z.imag)),
    )


@_ufunc(np.power)
def _power(z: Parts, p: Parts) -> Parts:
    known = p.real.session.known_value(p.real.node), p.imag.session.known_value(p.imag.node)
    if known[0] is not None and known[0].size == 1 and known[1] is not None and not known[1].any():
        exponent = known[0].reshape(())[()]
        if exponent == int(exponent) and abs(exponent) <= 100:
            return _whole_power(z, int(exponent))
    return _exp(_multiply(p, log(z)))


def _whole_power(z: Parts, n: int) -> Parts:
    if n < 0:
        return _reciprocal(_whole_power(z, -n))
    result = as_complex(np.ones_like(z.real))
    while n:
        if n % 2:
            result = _multiply(result, z)
        z, n = (_multiply(z, z) if n > 1 else z), n // 2
    return result


@_ufunc(np.sin)
def _sin(z: Parts) -> Parts:
    return Parts(np.sin(z.real) * np.cosh(z.imag), np.cos(z.real) * np.sinh(z.imag))


@_ufunc(np.cos)
def _cos(z: Parts) -> Parts:
    return Parts(np.cos(z.real) * np.cosh(z.imag), -np.sin(z.real) * np.sinh(z.imag))


@_ufunc(np.tan)
def _tan(z: Parts) -> Parts:
    return _divide(_sin(z), _cos(z))


@_ufunc(np.sinh)
def _sinh(z: Parts) -> Parts:
    return Parts(np.sinh(z.real) * np.cos(z.imag), np.cosh(z.real) * np.sin(z.imag))


@_ufunc(np.cosh)
def _cosh(z: Parts) -> Parts:
    return Parts(np.cosh(z.real) * np.cos(z.imag), np.sinh(z.real) * np.sin(z.imag))


@_ufunc(np.tanh)
def _tanh(z: Parts) -> Parts:
    return _divide(_sinh(z), _cosh(z))


# The inverse functions, by Kahan's formulas (1987), which lose no digits near branch cuts.


@_ufunc(np.arcsin)
def _arcsin(z: Parts) -> Parts:
    below, above = _sqrt(_subtract(as_complex(1.0), z)), _sqrt(_add(as_complex(1.0), z))
    product = _multiply(_conjugate(below), above)
    return Parts(np.arctan2(z.real, _multiply(below, above).real), np.arcsinh(product.imag))


@_ufunc(np.arccos)
def _arccos(z: Parts) -> Parts:
    below, above = _sqrt(_subtract(as_complex(1.0), z)), _sqrt(_add(as_complex(1.0), z))
    product = _multiply(_conjugate(above), below)
    return Parts(2 * np.arctan2(below.real, above.real), np.arcsinh(product.imag))


@_ufunc(np.arccosh)
def _arccosh(z: Parts) -> Parts:
    below, above = _sqrt(_subtract(z, as_complex(1.0))), _sqrt(_add(z, as_complex(1.0)))
    product = _multiply(_conjugate(below), above)
    return Parts(np.arcsinh(product.real), 2 * np.arctan2(below.imag, above.real))


@_ufunc(np.arctan)
def _arctan(z: Parts) -> Parts:
    apart = np.square(z.real) + np.square(z.imag - 1)
    size = np.hypot(z.real, z.imag)
    real = 0.5 * np.arctan2(2 * z.real, (1 - size) * (1 + size))
    return Parts(real, 0.25 * np.log1p(4 * z.imag / apart))


def _hyperbolic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the hyperbolic function f(iz) / i of a circular function f."""

    def implementation(z: ArrayLike) -> Parts:
        w = function(Parts(-z.imag, z.real))
        return Parts(w.imag, -w.real)

    return implementation


UFUNCS[np.arcsinh], UFUNCS[np.arctanh] = _hyperbolic(_arcsin), _hyperbolic(_arctan)


@_ufunc(np.exp2)
def _exp2(z: Parts) -> Parts:
    return _exp(z.on_parts(np.multiply, math.log(2.0)))


@_ufunc(np.expm1)
def _expm1(z: Parts) -> Parts:
    grown, half = np.expm1(z.real), np.sin(0.5 * z.imag)
    real = grown * np.cos(z.imag) - 2 * half * half
    return Parts(real, np.exp(z.real) * np.sin(z.imag))


@_ufunc(np.log1p)
def _log1p(z: Parts) -> Parts:
    square = z.real * (2 + z.real) + np.square(z.imag)
    return Parts(0.5 * np.log1p(square), np.arctan2(z.imag, 1 + z.real))


@_ufunc(np.sign)
def _sign(z: Parts) -> Parts:
    size = np.hypot(z.real, z.imag)
    safe = np.where(size == 0, 1, size)
    return Parts(z.real / safe, z.imag / safe)


@_ufunc(np.equal)
def _equal(a: Parts, b: Parts) -> Array:
    return np.logical_and(a.real == b.real, a.imag == b.imag)


@_ufunc(np.not_equal)
def _not_equal(a: Parts, b: Parts) -> Array:
    return np.logical_or(a.real != b.real, a.imag != b.imag)


def _test(test: np.ufunc, both: np.ufunc) -> Callable[..., Any]:
    return lambda z: both(test(z.real), test(z.imag))


UFUNCS[np.isfinite] = _test(np.isfinite, np.logical_and)
UFUNCS[np.isnan] = _test(np.isnan, np.logical_or)
UFUNCS[np.isinf] = _test(np.isinf, np.logical_or)

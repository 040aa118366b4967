"""NumPy's functions of complex arrays, in real arithmetic."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.assignment import freeze
from steepest.trace.arrays.complex import (
    FUNCTIONS,
    UFUNCS,
    TracedComplex,
    as_complex,
    is_complex,
    refuse_complex,
)
from steepest.trace.arrays.numbers import python_number
from steepest.trace.arrays.registries import FUNCTIONS as REAL_FUNCTIONS
from steepest.trace.following.stand_ins import seen_type
from steepest.trace.functions.python import sees
from steepest.trace.functions.registry import as_array, implements

Parts = TracedComplex


def _ufunc(*ufuncs: np.ufunc) -> Callable[..., Any]:
    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for ufunc in ufuncs:
            UFUNCS[ufunc] = implementation
        return implementation

    return register


@_ufunc(np.add)
def _add(a, b):
    return Parts(a.real + b.real, a.imag + b.imag)


@_ufunc(np.subtract)
def _subtract(a, b):
    return Parts(a.real - b.real, a.imag - b.imag)


@_ufunc(np.multiply)
def _multiply(a, b):
    return Parts(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


@_ufunc(np.divide)
def _divide(a, b):
    # Smith's algorithm, as in NumPy: by the larger part of the divisor.
    by_real = np.abs(b.real) >= np.abs(b.imag)
    large, small = np.where(by_real, b.real, b.imag), np.where(by_real, b.imag, b.real)
    ratio = small / large
    scale = 1.0 / (large + small * ratio)
    real = np.where(by_real, a.real + a.imag * ratio, a.real * ratio + a.imag) * scale
    imag = np.where(by_real, a.imag - a.real * ratio, a.imag * ratio - a.real) * scale
    return Parts(real, imag)


@_ufunc(np.negative)
def _negative(z):
    return Parts(-z.real, -z.imag)


@_ufunc(np.positive)
def _positive(z):
    return Parts(+z.real, +z.imag)


@_ufunc(np.conjugate)
def _conjugate(z):
    return Parts(+z.real, -z.imag)


@_ufunc(np.absolute)
def _absolute(z):
    return np.hypot(z.real, z.imag)


@_ufunc(np.square)
def _square(z):
    return _multiply(z, z)


@_ufunc(np.reciprocal)
def _reciprocal(z):
    return _divide(as_complex(1.0), z)


@_ufunc(np.exp)
def _exp(z):
    size = np.exp(z.real)
    return Parts(size * np.cos(z.imag), size * np.sin(z.imag))


@_ufunc(np.log)
def _log(z):
    return Parts(np.log(np.hypot(z.real, z.imag)), np.arctan2(z.imag, z.real))


def _log_to(base: float) -> Callable[..., Any]:
    def implementation(z):
        return _log(z).on_parts(np.divide, math.log(base))

    return implementation


UFUNCS[np.log10], UFUNCS[np.log2] = _log_to(10.0), _log_to(2.0)


@_ufunc(np.sqrt)
def _sqrt(z):
    root = np.sqrt((np.hypot(z.real, z.imag) + np.abs(z.real)) / 2)
    zero = root == 0
    other = np.where(zero, 0, z.imag / np.where(zero, 1, 2 * root))
    ahead = z.real >= 0
    return Parts(
        np.where(ahead, root, np.abs(other)), np.where(ahead, other, np.copysign(root, z.imag))
    )


@_ufunc(np.power)
def _power(z, p):
    known = p.real.session.known_value(p.real.node), p.imag.session.known_value(p.imag.node)
    if known[0] is not None and known[0].size == 1 and known[1] is not None and not known[1].any():
        exponent = known[0].reshape(())[()]
        if exponent == int(exponent) and abs(exponent) <= 100:
            return _whole_power(z, int(exponent))
    return _exp(_multiply(p, _log(z)))


def _whole_power(z, n):
    if n < 0:
        return _reciprocal(_whole_power(z, -n))
    result = as_complex(np.ones_like(z.real))
    while n:
        if n % 2:
            result = _multiply(result, z)
        z, n = (_multiply(z, z) if n > 1 else z), n // 2
    return result


@_ufunc(np.sin)
def _sin(z):
    return Parts(np.sin(z.real) * np.cosh(z.imag), np.cos(z.real) * np.sinh(z.imag))


@_ufunc(np.cos)
def _cos(z):
    return Parts(np.cos(z.real) * np.cosh(z.imag), -np.sin(z.real) * np.sinh(z.imag))


@_ufunc(np.tan)
def _tan(z):
    return _divide(_sin(z), _cos(z))


@_ufunc(np.sinh)
def _sinh(z):
    return Parts(np.sinh(z.real) * np.cos(z.imag), np.cosh(z.real) * np.sin(z.imag))


@_ufunc(np.cosh)
def _cosh(z):
    return Parts(np.cosh(z.real) * np.cos(z.imag), np.sinh(z.real) * np.sin(z.imag))


@_ufunc(np.tanh)
def _tanh(z):
    return _divide(_sinh(z), _cosh(z))


# The inverse functions, by Kahan's formulas (1987), which lose no digits near branch cuts.


@_ufunc(np.arcsin)
def _arcsin(z):
    below, above = _sqrt(_subtract(as_complex(1.0), z)), _sqrt(_add(as_complex(1.0), z))
    product = _multiply(_conjugate(below), above)
    return Parts(np.arctan2(z.real, _multiply(below, above).real), np.arcsinh(product.imag))


@_ufunc(np.arccos)
def _arccos(z):
    below, above = _sqrt(_subtract(as_complex(1.0), z)), _sqrt(_add(as_complex(1.0), z))
    product = _multiply(_conjugate(above), below)
    return Parts(2 * np.arctan2(below.real, above.real), np.arcsinh(product.imag))


@_ufunc(np.arccosh)
def _arccosh(z):
    below, above = _sqrt(_subtract(z, as_complex(1.0))), _sqrt(_add(z, as_complex(1.0)))
    product = _multiply(_conjugate(below), above)
    return Parts(np.arcsinh(product.real), 2 * np.arctan2(below.imag, above.real))


@_ufunc(np.arctan)
def _arctan(z):
    apart = np.square(z.real) + np.square(z.imag - 1)
    size = np.hypot(z.real, z.imag)
    real = 0.5 * np.arctan2(2 * z.real, (1 - size) * (1 + size))
    return Parts(real, 0.25 * np.log1p(4 * z.imag / apart))


def _turned(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the hyperbolic function of a circular one: f(iz) / i."""

    def implementation(z):
        w = function(Parts(-z.imag, z.real))
        return Parts(w.imag, -w.real)

    return implementation


UFUNCS[np.arcsinh], UFUNCS[np.arctanh] = _turned(_arcsin), _turned(_arctan)


@_ufunc(np.exp2)
def _exp2(z):
    return _exp(z.on_parts(np.multiply, math.log(2.0)))


@_ufunc(np.expm1)
def _expm1(z):
    grown, half = np.expm1(z.real), np.sin(0.5 * z.imag)
    real = grown * np.cos(z.imag) - 2 * half * half
    return Parts(real, np.exp(z.real) * np.sin(z.imag))


@_ufunc(np.log1p)
def _log1p(z):
    square = z.real * (2 + z.real) + np.square(z.imag)
    return Parts(0.5 * np.log1p(square), np.arctan2(z.imag, 1 + z.real))


@_ufunc(np.sign)
def _sign(z):
    size = np.hypot(z.real, z.imag)
    safe = np.where(size == 0, 1, size)
    return Parts(z.real / safe, z.imag / safe)


@_ufunc(np.equal)
def _equal(a, b):
    return np.logical_and(a.real == b.real, a.imag == b.imag)


@_ufunc(np.not_equal)
def _not_equal(a, b):
    return np.logical_or(a.real != b.real, a.imag != b.imag)


def _test(test: np.ufunc, both: np.ufunc) -> Callable[..., Any]:
    return lambda z: both(test(z.real), test(z.imag))


UFUNCS[np.isfinite] = _test(np.isfinite, np.logical_and)
UFUNCS[np.isnan] = _test(np.isnan, np.logical_or)
UFUNCS[np.isinf] = _test(np.isinf, np.logical_or)


# Linear functions, on both parts.

_LINEAR = (
    np.sum, np.mean, np.cumsum, np.reshape, np.ravel, np.transpose, np.swapaxes, np.moveaxis,
    np.expand_dims, np.squeeze, np.broadcast_to, np.flip, np.fliplr, np.flipud, np.roll, np.take,
    np.repeat, np.tile, np.diagonal, np.trace, np.diff, np.copy, np.tril, np.triu, np.diag,
    np.atleast_1d, np.atleast_2d, np.pad, np.zeros_like, np.empty_like, np.average,
)  # fmt: skip


def _on_parts(function: Any) -> Callable[..., Any]:
    def implementation(z, *args, **kwargs):
        dtype = kwargs.pop("dtype", None)
        if dtype is not None and np.dtype(dtype) != as_complex(z).dtype:
            refuse_complex(f"np.{function.__name__} with dtype={dtype}")
        return as_complex(z).on_parts(REAL_FUNCTIONS[function], *args, **kwargs)

    return implementation


_function: Any
for _function in _LINEAR:
    FUNCTIONS[_function] = _on_parts(_function)


def _joined(function: Any) -> Callable[..., Any]:
    def implementation(arrays, *args, **kwargs):
        parts = [as_complex(array) for array in arrays]
        real = REAL_FUNCTIONS[function]([part.real for part in parts], *args, **kwargs)
        return Parts(real, REAL_FUNCTIONS[function]([p.imag for p in parts], *args, **kwargs))

    return implementation


for _function in (np.concatenate, np.stack, np.hstack, np.vstack, np.column_stack):
    FUNCTIONS[_function] = _joined(_function)


# Products.


def _bilinear(function: Callable[..., Any]) -> Callable[..., Any]:
    def implementation(a, b, *args, **kwargs):
        a, b = as_complex(a), as_complex(b)

        def product(x, y):
            return function(x, y, *args, **kwargs)

        return Parts(
            product(a.real, b.real) - product(a.imag, b.imag),
            product(a.real, b.imag) + product(a.imag, b.real),
        )

    return implementation


UFUNCS[np.matmul] = _bilinear(np.matmul)
for _function in (np.dot, np.inner, np.outer, np.tensordot, np.kron, np.convolve):
    FUNCTIONS[_function] = _bilinear(_function)


def _stacked(a: TracedComplex) -> Any:
    """Return the real matrix that multiplies real and imaginary parts as a complex one does."""
    above = np.concatenate([a.real, -a.imag], -1)
    return np.concatenate([above, np.concatenate([a.imag, a.real], -1)], -2)


def _solve(a, b):
    a, b = as_complex(a), as_complex(b)
    is_vector = b.ndim == 1
    columns = b[:, None] if is_vector else b
    right = np.concatenate([columns.real, columns.imag], -2)
    x = np.linalg.solve(_stacked(a), right)
    size = a.shape[-1]
    made = Parts(x[..., :size, :], x[..., size:, :])
    return made[..., 0] if is_vector else made


FUNCTIONS[np.linalg.solve] = _solve
FUNCTIONS[np.linalg.inv] = lambda a: _solve(a, np.eye(as_complex(a).shape[-1]) + 0j)


@implements(np.imag, attribute="imag")
def imag(val):
    val = as_traced(val)
    if val.weak:
        return as_traced(0.0 if val.dtype.kind == "f" else 0)
    zeros = np.zeros_like(val)
    return zeros if zeros.is_scalar else freeze(zeros, "the imaginary part of reals is read-only")


@implements(np.angle)
def angle(z, deg=False):
    z = as_complex(z) if is_complex(z) else as_array(z)
    radians = np.arctan2(z.imag if is_complex(z) else 0, z.real)
    return np.degrees(radians) if deg else radians


FUNCTIONS[np.angle] = angle
FUNCTIONS[np.real] = lambda z: as_complex(z).real
FUNCTIONS[np.imag] = lambda z: as_complex(z).imag
FUNCTIONS[np.vdot] = lambda a, b: FUNCTIONS[np.dot](
    np.conjugate(FUNCTIONS[np.ravel](a)), FUNCTIONS[np.ravel](b)
)
FUNCTIONS[np.iscomplexobj] = lambda z: True
FUNCTIONS[np.isrealobj] = lambda z: False
FUNCTIONS[np.shape] = lambda z: as_complex(z).shape
FUNCTIONS[np.ndim] = lambda z: as_complex(z).ndim
FUNCTIONS[np.size] = lambda z: as_complex(z).size
FUNCTIONS[np.ones_like] = lambda z: as_complex(np.ones_like(as_complex(z).real))


def _where(condition, a, b):
    a, b = as_complex(a), as_complex(b)
    return Parts(np.where(condition, a.real, b.real), np.where(condition, a.imag, b.imag))


def _array(value, dtype=None, **options):
    made = as_complex(value)
    if dtype is not None and np.dtype(dtype) not in (made.dtype, complex):
        refuse_complex(f"np.array with dtype={dtype}")
    return made.on_parts(np.array, **options)


def _as_array(value, dtype=None, **options):
    if isinstance(value, TracedComplex) and dtype is None and not options:
        return value
    return _array(value, dtype, **options)


FUNCTIONS[np.where] = _where
FUNCTIONS[np.array], FUNCTIONS[np.asarray] = _array, _as_array


# Python's own.


def _to_complex(real: Any = 0.0, imag: Any = 0.0) -> TracedComplex:
    made = as_complex(real)
    return Parts(made.real - as_complex(imag).imag, made.imag + as_complex(imag).real)


def _polar(z: Any) -> Any:
    return np.abs(as_complex(z)), angle(z)


def _to_pythons(real: Any = 0.0, imag: Any = 0.0) -> TracedComplex:
    """Return a complex number of Python, whose parts are Python's floats."""
    return _to_complex(real, imag).on_parts(python_number)


def _of_complex(implementation: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z: implementation(as_complex(z)).on_parts(python_number)


def _to_single(*parts: Any) -> TracedComplex:
    return _to_complex(*parts).on_parts(np.astype, np.float32)


seen_type(complex, _to_pythons)
seen_type(np.complex64, _to_single)
seen_type(np.complex128, _to_complex)
for _name in ("exp", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"):
    sees(getattr(cmath, _name))(_of_complex(UFUNCS[getattr(np, _name)]))
sees(cmath.log)(lambda z: _log(as_complex(z)))
sees(cmath.phase)(angle)
sees(cmath.polar)(_polar)
sees(cmath.rect)(lambda r, phi: Parts(r * np.cos(phi), r * np.sin(phi)))

"""Elementary functions as arithmetic, so that loops over them run in vector registers.

Each is a function of ``(builder, *elements)``: range reduction, then a polynomial. The same
instructions serve one number and a vector of them, so that a value does not depend on the
size of the array it stands in. Errors are in units in the last place of the correctly
rounded result, as ``tests/test_elementary.py`` measures them against mpmath; the bounds are
in :data:`ULP`. Subnormal numbers, infinities, NaN and signed zeros are as in C's library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.ops import polynomials

ULP = {
    "exp": 1, "exp2": 1, "expm1": 2, "log": 1, "log2": 1, "log10": 1, "log1p": 2,
    "sin": 1, "cos": 1, "tan": 3, "sinh": 3, "cosh": 2, "tanh": 3,
    "arcsin": 2, "arccos": 2, "arctan": 1, "erf": 2,
}  # fmt: skip
"""Largest error of each function, in units in the last place, in either precision."""

_DOUBLE = np.dtype(np.float64)
_LN2 = {
    8: (0.6931471803691238, 1.9082149292705877e-10),
    4: (0.693145751953125, 1.4286068203094173e-06),
}
_LOG2_E = 1.4426950408889634
_LN2_FULL = 0.6931471805599453
_SHIFTER = {8: 6755399441055744.0, 4: 12582912.0}
_FRACTION = {8: 52, 4: 23}
_BIAS = {8: 1023, 4: 127}
_SHIFTER_BITS = {8: 0x4338000000000000, 4: 0x4B400000}
_ROOT_HALF_BITS = {8: 0x3FE6A09E667F3BCD, 4: 0x3F3504F3}
_TINY = {8: 2.2250738585072014e-308, 4: 1.1754943508222875e-38}
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591698e-33)

Emit = Callable[..., Any]


def _polynomial(b: Any, coefficients: Sequence[float], x: Any) -> Any:
    *rest, total = coefficients
    total = b.constant(total, x)
    for coefficient in reversed(rest):
        total = b.fma(total, x, coefficient)
    return total


def _precise(emit: Emit) -> Emit:
    """Compute single precision in double precision, and round."""

    def function(b: Any, *operands: Any) -> Any:
        dtype = operands[0].dtype
        if dtype == _DOUBLE:
            return emit(b, *operands)
        return b.cast(emit(b, *(b.cast(x, _DOUBLE) for x in operands)), dtype)

    return function


# Powers of two and exponentials.


def _nearest_whole(b: Any, x: Any, factor: float) -> tuple[Any, Any]:
    """Return the whole number next to x times a factor, and the same as an integer.

    Adding the shifter leaves the whole number in the sum's last bits.
    """
    size = x.dtype.itemsize
    shifted = b.fma(x, factor, _SHIFTER[size])
    return shifted - _SHIFTER[size], b.to_bits(shifted) - _SHIFTER_BITS[size]


def _power_of_two(b: Any, n: Any, like: Any) -> Any:
    size = like.dtype.itemsize
    return b.of_bits(b.shift_left(n + _BIAS[size], _FRACTION[size]), like)


def _scaled(b: Any, x: Any, n: Any) -> Any:
    """Return x * 2**n, rounded once, also where 2**n itself is no number."""
    half = b.shift_right(n, 1)
    return x * _power_of_two(b, half, x) * _power_of_two(b, n - half, x)


def _clamped(b: Any, x: Any, low: float, high: float) -> Any:
    x = b.select(x > high, b.constant(high, x), x)
    return b.select(x < low, b.constant(low, x), x)


def _reduced(b: Any, x: Any) -> tuple[Any, Any]:
    """Return n and exp(r) - 1, where x = n log(2) + r."""
    whole, n = _nearest_whole(b, x, _LOG2_E)
    high, low = _LN2[x.dtype.itemsize]
    r = b.fma(whole, -low, b.fma(whole, -high, x))
    return n, _below_one(b, r)


def _below_one(b: Any, r: Any) -> Any:
    """Return exp(r) - 1 for abs(r) up to log(2) / 2."""
    return b.fma(_polynomial(b, polynomials.EXP[r.dtype.itemsize], r), r * r, r)


_EXP_RANGE = {8: (-746.0, 710.0), 4: (-105.0, 89.0)}


def exp(b: Any, x: Any) -> Any:
    n, power = _reduced(b, _clamped(b, x, *_EXP_RANGE[x.dtype.itemsize]))
    return _scaled(b, power + 1.0, n)


def exp2(b: Any, x: Any) -> Any:
    x = _clamped(b, x, -1080.0, 1030.0)
    whole, n = _nearest_whole(b, x, 1.0)
    part = x - whole
    r = part * _LN2_FULL
    lost = b.fma(part, _LN2_FULL, -r)
    rest = b.fma(_polynomial(b, polynomials.EXP[8], r), r * r, lost)
    return _scaled(b, (r + rest) + 1.0, n)


def expm1(b: Any, x: Any) -> Any:
    n, power = _reduced(b, _clamped(b, x, -40.0, 710.0))
    down = b.select(n > 60, b.constant(60, n), n)
    rest = b.constant(1.0, x) - _power_of_two(b, -down, x)  # 2**-n is too small to be seen
    return b.select(x == 0, x, _scaled(b, power + rest, n))


def _half_exp(b: Any, size: Any) -> Any:
    n, power = _reduced(b, _clamped(b, size, -746.0, 715.0))
    return _scaled(b, power + 1.0, n - 1)


def cosh(b: Any, x: Any) -> Any:
    half = _half_exp(b, b.fabs(x))
    return half + b.constant(0.25, x) / half


def sinh(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    half = _half_exp(b, size)
    below = expm1(b, b.select(size < 1.0, size, b.constant(1.0, x)))
    small = (below + below / (below + 1.0)) * 0.5
    large = half - b.constant(0.25, x) / half
    return b.copysign(b.select(size < 1.0, small, large), x)


def tanh(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    if x.dtype != _DOUBLE:
        n, power = _reduced(b, _clamped(b, size * 2.0, 0.0, 20.0))  # beyond 10 it rounds to 1
        power = b.fma(power, _power_of_two(b, n, x), _power_of_two(b, n, x))
        square = size * size
        small = b.fma(_polynomial(b, polynomials.TANH[4], square) * square, size, size)
        large = b.constant(1.0, x) - b.constant(2.0, x) / (power + 1.0)
        return b.copysign(b.select(size < 0.55, small, large), x)
    n, power = _reduced(b, _clamped(b, size * -2.0, -40.0, 0.0))
    scale = _power_of_two(b, n, x)
    below = b.fma(power, scale, scale - 1.0)  # exp(-2 abs(x)) - 1
    return b.copysign(-below / (below + 2.0), x)


# Logarithms.


def _log_parts(b: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Return k, f, f**2 / 2 and the small rest of log(1 + f), where x = 2**k * (1 + f)."""
    size = x.dtype.itemsize
    bits = b.to_bits(x)
    k = b.shift_right(bits - _ROOT_HALF_BITS[size], _FRACTION[size])
    f = b.of_bits(bits - b.shift_left(k, _FRACTION[size]), x) - 1.0
    k = b.of_bits(k + _SHIFTER_BITS[size], x) - _SHIFTER[size]
    s = f / (f + 2.0)
    square = s * s
    half = f * f * 0.5
    rest = s * b.fma(_polynomial(b, polynomials.LOG[size], square), square, half)
    return k, f, half, rest


def _normal(b: Any, x: Any) -> tuple[Any, Any]:
    """Return a normal number, and what to add to its exponent to have that of x."""
    is_tiny = x < _TINY[x.dtype.itemsize]
    nothing = b.constant(0.0, x)
    scaled = b.select(is_tiny, x * 2.0**54, x)
    return scaled, b.select(is_tiny, b.constant(-54.0, x), nothing)


def _of_domain(b: Any, x: Any, result: Any) -> Any:
    """Return the result where x is positive, and what a logarithm is elsewhere."""
    beyond = b.select(x == 0, b.constant(-np.inf, x), b.constant(np.nan, x))
    finite = b.select(x == np.inf, x, result)
    return b.select(x > 0, finite, beyond)


def log(b: Any, x: Any) -> Any:
    normal, shift = _normal(b, x)
    k, f, half, rest = _log_parts(b, normal)
    k = k + shift
    high, low = _LN2[x.dtype.itemsize]
    return _of_domain(b, x, b.fma(k, high, f - (half - b.fma(k, low, rest))))


def log1p(b: Any, x: Any) -> Any:
    u = x + 1.0
    lost = b.select(x > 1.0, b.constant(1.0, x) - (u - x), x - (u - 1.0)) / u
    k, f, half, rest = _log_parts(b, u)
    high, low = _LN2[x.dtype.itemsize]
    result = b.fma(k, high, f - (half - (b.fma(k, low, lost) + rest)))
    return b.select(x == 0, x, _of_domain(b, u, result))


def _log_base(inverse: tuple[float, float], unit: tuple[float, float]) -> Emit:
    """Return the logarithm to a base, from 1 / log(base) and log(2) / log(base)."""

    def emit(b: Any, x: Any) -> Any:
        normal, shift = _normal(b, x)
        k, f, half, rest = _log_parts(b, normal)
        k = k + shift
        high = f - half
        low = (f - high) - half + rest
        first = high * inverse[0]
        error = b.fma(high, inverse[0], -first) + b.fma(high, inverse[1], low * inverse[0])
        whole = k * unit[0]
        total = whole + first
        error = error + b.fma(k, unit[1], first - (total - whole))
        return _of_domain(b, x, total + error)

    return emit


log2 = _log_base((1.4426950408889634, 2.0355273740931033e-17), (1.0, 0.0))
log10 = _log_base(
    (0.4342944819032518, 1.098319650216765e-17), (0.30102999566361177, 3.694239077158931e-13)
)


# Trigonometric functions and their inverses.

_FAR = 1e9
"""Beyond, angles are left to the C library, which knows enough digits of pi."""


def _quadrant(b: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return n, high and low, where x = n pi / 2 + high + low."""
    whole, n = _nearest_whole(b, x, 2 / np.pi)
    product = whole * _HALF_PI[0]
    below = b.fma(whole, _HALF_PI[0], -product)
    high = x - product  # exact
    total, error = _two_sum(high, -below)
    product = whole * _HALF_PI[1]
    below = b.fma(whole, _HALF_PI[1], -product)
    high, more = _two_sum(total, -product)
    low = error + more - below - whole * _HALF_PI[2]
    return n, high, low


def _two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """Return the sum, and what it was rounded by (Knuth 1969)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _sin_and_cos(b: Any, high: Any, low: Any, size: int) -> tuple[Any, Any]:
    square = high * high
    half = square * 0.5
    sine = _polynomial(b, polynomials.SIN[size], square) * square
    # sin(high + low) = sin(high) + low * cos(high)
    sine = high + b.fma(high, sine, b.fma(-half, low, low))
    rest = _polynomial(b, polynomials.COS[size], square) * square * square
    one = b.constant(1.0, high)
    near = one - half
    cosine = near + (((one - near) - half) + (rest - high * low))
    return sine, cosine


def _circular(turn: int) -> Emit:
    def emit(b: Any, x: Any) -> Any:
        size, angle = x.dtype.itemsize, b.cast(x, _DOUBLE)
        n, high, low = _quadrant(b, angle)
        sine, cosine = _sin_and_cos(b, high, low, size)
        n = n + turn
        chosen = b.select(b.has_bit(n, 0), cosine, sine)
        near = b.select(b.has_bit(n, 1), -chosen, chosen)
        if not turn:
            near = b.select(angle == 0, angle, near)
        return b.cast(near, x.dtype)

    return emit


sin = _circular(0)
cos = _circular(1)


def tan(b: Any, x: Any) -> Any:
    size, angle = x.dtype.itemsize, b.cast(x, _DOUBLE)
    n, high, low = _quadrant(b, angle)
    sine, cosine = _sin_and_cos(b, high, low, size)
    is_odd = b.has_bit(n, 0)
    near = b.select(is_odd, -cosine, sine) / b.select(is_odd, sine, cosine)
    return b.cast(b.select(angle == 0, angle, near), x.dtype)


@_precise
def arctan(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    one, nothing = b.constant(1.0, x), b.constant(0.0, x)
    is_far, is_near = size > 2.414213562373095, size < 0.4142135623730951
    top = b.select(is_near, size, b.select(is_far, -one, size - 1.0))
    bottom = b.select(is_near, one, b.select(is_far, size, size + 1.0))
    t = top / bottom
    t = b.select(size == np.inf, nothing, t)
    square = t * t
    middle = (0.7853981633974483, 3.061616997868383e-17)
    high, low = (
        b.select(is_near, nothing, b.select(is_far, b.constant(far, x), b.constant(near, x)))
        for far, near in zip(_HALF_PI[:2], middle, strict=True)
    )
    small = b.fma(_polynomial(b, polynomials.ATAN[8], square) * square, t, low) + t
    return b.copysign(high + small, x)


def _arcsine_of_root(b: Any, size: Any) -> tuple[Any, Any]:
    """Return 2 arcsin(sqrt((1 - size) / 2)) = arccos(size) for sizes above a half."""
    z = (b.constant(1.0, size) - size) * 0.5
    root = b.sqrt(z)
    lost = b.fma(-root, root, z) / (root + root)
    lost = b.select(z > 0, lost, b.constant(0.0, z))
    rest = _polynomial(b, polynomials.ASIN[8], z) * z
    return root, b.fma(root, rest, lost)


@_precise
def arcsin(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    square = x * x
    near = b.fma(_polynomial(b, polynomials.ASIN[8], square) * square, size, size)
    root, rest = _arcsine_of_root(b, size)
    far = b.constant(_HALF_PI[0], x) - (root + root) + (b.constant(_HALF_PI[1], x) - rest - rest)
    inside = b.select(size < 0.5, near, far)
    return b.copysign(b.select(size > 1.0, b.constant(np.nan, x), inside), x)


@_precise
def arccos(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    square = x * x
    rest = _polynomial(b, polynomials.ASIN[8], square) * square
    near = b.constant(_HALF_PI[0], x) - (x - b.fma(-x, rest, b.constant(_HALF_PI[1], x)))
    root, small = _arcsine_of_root(b, size)
    right = (root + small) * 2.0
    left = b.constant(2 * _HALF_PI[0], x) - (right - 2 * _HALF_PI[1])
    far = b.select(x > 0, right, left)
    inside = b.select(size < 0.5, near, far)
    return b.select(size > 1.0, b.constant(np.nan, x), inside)


# The error function.


@_precise
def erf(b: Any, x: Any) -> Any:
    size = b.fabs(x)
    square = x * x
    slope = 1.1283791670955126
    near = b.fma(size, _polynomial(b, polynomials.ERF[8], square), size * slope)
    far = b.select(size > 6.0, b.constant(6.0, x), size)
    t = (far - 2.0) / (far + 2.0)
    n, power = _reduced(b, -far * far)
    power = (power + 1.0) * _power_of_two(b, n, x)
    beyond = b.constant(1.0, x) - power * _polynomial(b, polynomials.ERFC[8], t)
    return b.copysign(b.select(size < 1.0, near, beyond), x)


EMIT: dict[str, Emit] = {
    "exp": exp, "log": log, "tanh": tanh, "sin": sin, "cos": cos, "tan": tan,
    "arcsin": arcsin, "arccos": arccos, "arctan": arctan, "erf": erf,
    "exp2": _precise(exp2), "expm1": _precise(expm1), "sinh": _precise(sinh),
    "cosh": _precise(cosh), "log2": _precise(log2), "log10": _precise(log10),
    "log1p": _precise(log1p),
}  # fmt: skip


def elementary(name: str) -> Emit:
    """Return the emission of a function, for a row of the op table."""

    def emit(b: Any, x: Any) -> Any:
        near = b.kernel(name, EMIT[name], x)
        return b.far(name, near, x, _FAR) if name in ("sin", "cos", "tan") else near

    return emit

"""Elementary functions as arithmetic, so that loops over them run in vector registers.

Each is a function of ``(builder, *elements)``: range reduction, then a polynomial. The same
instructions serve one number and a vector of them, so that a value does not depend on the
size of the array it stands in. Errors are in units in the last place of the correctly
rounded result, as ``tests/ops/elementwise/test_elementary.py`` measures them against mpmath; the
bounds are in :data:`ULP`. Subnormal numbers, infinities, NaN and signed zeros are as in C's
library.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.ops.aliases import Builder, Element
from steepest.ops.elementwise import polynomials

ULP = {
    "exp": 1, "exp2": 1, "expm1": 2, "log": 1, "log2": 1, "log10": 1, "log1p": 2,
    "sin": 2, "cos": 2, "tan": 3, "sinh": 3, "cosh": 2, "tanh": 3,
    "arcsin": 2, "arccos": 2, "arctan": 1, "erf": 2,
}  # fmt: skip
"""Largest error of each function, in units in the last place, in either precision."""

_DOUBLE, _WORD = np.dtype(np.float64), np.dtype(np.int64)
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

_TWO_OVER_ROOT_PI = 383967533763538142977158567454335403656  # times 2**128

Emit = Callable[..., Any]


def _polynomial(b: Builder, coefficients: Sequence[float], x: Element) -> Element:
    *rest, total = coefficients
    total = b.constant(total, x)
    for coefficient in reversed(rest):
        total = b.fma(total, x, coefficient)
    return total


def _precise(emit: Emit) -> Emit:
    """Compute single precision in double precision, and round."""

    def function(b: Builder, *operands: Element) -> Element:
        dtype = operands[0].dtype
        if dtype == _DOUBLE:
            return emit(b, *operands)
        return b.cast(emit(b, *(b.cast(x, _DOUBLE) for x in operands)), dtype)

    return function


# Powers of two and exponentials.


def _nearest_whole(b: Builder, x: Element, factor: float) -> tuple[Element, Element]:
    """Return the whole number next to x times a factor, and the same as an integer.

    Adding the shifter leaves the whole number in the sum's last bits.
    """
    size = x.dtype.itemsize
    shifted = b.fma(x, factor, _SHIFTER[size])
    return shifted - _SHIFTER[size], b.to_bits(shifted) - _SHIFTER_BITS[size]


def _power_of_two(b: Builder, n: Element, like: Element) -> Element:
    size = like.dtype.itemsize
    return b.of_bits(b.shift_left(n + _BIAS[size], _FRACTION[size]), like)


def _scaled(b: Builder, x: Element, n: Element) -> Element:
    """Return x * 2**n, rounded once, also where 2**n itself is no number."""
    half = b.shift_right(n, 1)
    return x * _power_of_two(b, half, x) * _power_of_two(b, n - half, x)


def _clamped(b: Builder, x: Element, low: float, high: float) -> Element:
    x = b.select(x > high, b.constant(high, x), x)
    return b.select(x < low, b.constant(low, x), x)


def _reduced(b: Builder, x: Element) -> tuple[Element, Element]:
    """Return n and exp(r) - 1, where x = n log(2) + r."""
    whole, n = _nearest_whole(b, x, _LOG2_E)
    return n, _below_one(b, _rest_of_log2(b, x, whole))


def _rest_of_log2(b: Builder, x: Element, whole: Element) -> Element:
    high, low = _LN2[x.dtype.itemsize]
    return b.fma(whole, -low, b.fma(whole, -high, x))


def _below_one(b: Builder, r: Element) -> Element:
    """Return exp(r) - 1 for abs(r) up to log(2) / 2."""
    return b.fma(_polynomial(b, polynomials.EXP[r.dtype.itemsize], r), r * r, r)


_EXP_RANGE = {8: (-746.0, 710.0), 4: (-105.0, 89.0)}
_EXP_SMALL = {8: (-700.0, 64), 4: (-80.0, 32)}


def exp(b: Builder, x: Element) -> Element:
    size = x.dtype.itemsize
    x = _clamped(b, x, *_EXP_RANGE[size])
    # With the exponent's bias in the shifter, the sum's last bits are 2**(n - 1) once they
    # are shifted; where that is no normal number, 2**(n - 1 + up).
    low, up = _EXP_SMALL[size]
    is_small = x < low
    shifter = _SHIFTER[size] + _BIAS[size] - 1
    shifter = b.select(is_small, b.constant(shifter + up, x), b.constant(shifter, x))
    shifted = b.fma(x, _LOG2_E, shifter)
    scale = b.of_bits(b.shift_left(b.to_bits(shifted), _FRACTION[size]), x)
    power = _below_one(b, _rest_of_log2(b, x, shifted - shifter))
    left = b.select(is_small, b.constant(2.0 ** (1 - up), x), b.constant(2.0, x))
    return b.fma(power, scale, scale) * left


def exp2(b: Builder, x: Element) -> Element:
    x = _clamped(b, x, -1080.0, 1030.0)
    whole, n = _nearest_whole(b, x, 1.0)
    part = x - whole
    r = part * _LN2_FULL
    lost = b.fma(part, _LN2_FULL, -r)
    rest = b.fma(_polynomial(b, polynomials.EXP[8], r), r * r, lost)
    return _scaled(b, (r + rest) + 1.0, n)


def expm1(b: Builder, x: Element) -> Element:
    n, power = _reduced(b, _clamped(b, x, -40.0, 710.0))
    down = b.select(n > 60, b.constant(60, n), n)
    rest = b.constant(1.0, x) - _power_of_two(b, -down, x)  # 2**-n is too small to be seen
    return b.select(x == 0, x, _scaled(b, power + rest, n))


def _half_exp(b: Builder, size: Element) -> Element:
    n, power = _reduced(b, _clamped(b, size, -746.0, 715.0))
    return _scaled(b, power + 1.0, n - 1)


def cosh(b: Builder, x: Element) -> Element:
    half = _half_exp(b, b.fabs(x))
    return half + b.constant(0.25, x) / half


def sinh(b: Builder, x: Element) -> Element:
    size = b.fabs(x)
    half = _half_exp(b, size)
    below = expm1(b, b.select(size < 1.0, size, b.constant(1.0, x)))
    small = (below + below / (below + 1.0)) * 0.5
    large = half - b.constant(0.25, x) / half
    return b.copysign(b.select(size < 1.0, small, large), x)


def _power_and_scale(b: Builder, x: Element) -> tuple[Element, Element]:
    """Return exp(r) - 1 and 2**n, where x = n log(2) + r and 2**n is a normal number.

    With the exponent's bias in the shifter, the sum's last bits are those of 2**n.
    """
    size = x.dtype.itemsize
    shifter = _SHIFTER[size] + _BIAS[size]
    shifted = b.fma(x, _LOG2_E, shifter)
    scale = b.of_bits(b.shift_left(b.to_bits(shifted), _FRACTION[size]), x)
    return _below_one(b, _rest_of_log2(b, x, shifted - shifter)), scale


def _tanh_power(b: Builder, size: Element) -> tuple[Element, Element]:
    """Return exp(-2 size) and that less one, each rounded once; in double precision.

    From 354.5 on the scale is 2**-1023, whose bits are those of 0.
    """
    below = size * -2.0
    power, scale = _power_and_scale(b, b.select(below < -709.1, b.constant(-709.1, size), below))
    return b.fma(power, scale, scale), b.fma(power, scale, scale - 1.0)


def _tanh_rest(b: Builder, size: Element) -> Element:
    """Return 1 - tanh(size); in single precision.

    From 44.15 on the scale is 2**128, whose bits are those of infinity: nothing is left.
    """
    above = size * 2.0
    power, scale = _power_and_scale(b, b.select(above > 88.3, b.constant(89.0, size), above))
    return b.constant(2.0, size) / (b.fma(power, scale, scale) + 1.0)


def tanh(b: Builder, x: Element) -> Element:
    size = b.fabs(x)
    if x.dtype != _DOUBLE:
        square = size * size
        small = b.fma(_polynomial(b, polynomials.TANH[4], square) * square, size, size)
        large = b.constant(1.0, x) - _tanh_rest(b, size)
        return b.copysign(b.select(size < 0.55, small, large), x)
    _, below = _tanh_power(b, size)
    return b.copysign(-below / (below + 2.0), x)


def slope_of_tanh(b: Builder, y: Element, x: Element) -> Element:
    """Emit 1 - tanh(x)**2, given y = tanh(x), by powers that the value needs anyway."""
    size = b.fabs(x)
    if x.dtype != _DOUBLE:
        rest = _tanh_rest(b, size)
        return rest * (b.constant(2.0, x) - rest)
    power, _ = _tanh_power(b, size)
    root = b.fabs(y) + 1.0
    return power * root * root


# Logarithms.


def _log_parts(b: Builder, x: Element) -> tuple[Element, Element, Element, Element]:
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


def _normal(b: Builder, x: Element) -> tuple[Element, Element]:
    """Return a normal number, and what to add to its exponent to have that of x."""
    is_tiny = x < _TINY[x.dtype.itemsize]
    nothing = b.constant(0.0, x)
    scaled = b.select(is_tiny, x * 2.0**54, x)
    return scaled, b.select(is_tiny, b.constant(-54.0, x), nothing)


def _of_domain(b: Builder, x: Element, result: Element) -> Element:
    """Return the result where x is positive, and what a logarithm is elsewhere."""
    beyond = b.select(x == 0, b.constant(-np.inf, x), b.constant(np.nan, x))
    finite = b.select(x == np.inf, x, result)
    return b.select(x > 0, finite, beyond)


def log(b: Builder, x: Element) -> Element:
    normal, shift = _normal(b, x)
    k, f, half, rest = _log_parts(b, normal)
    k = k + shift
    high, low = _LN2[x.dtype.itemsize]
    return _of_domain(b, x, b.fma(k, high, f - (half - b.fma(k, low, rest))))


def log1p(b: Builder, x: Element) -> Element:
    u = x + 1.0
    lost = b.select(x > 1.0, b.constant(1.0, x) - (u - x), x - (u - 1.0)) / u
    k, f, half, rest = _log_parts(b, u)
    high, low = _LN2[x.dtype.itemsize]
    result = b.fma(k, high, f - (half - (b.fma(k, low, lost) + rest)))
    return b.select(x == 0, x, _of_domain(b, u, result))


def _log_base(inverse: tuple[float, float], unit: tuple[float, float]) -> Emit:
    """Return the logarithm to a base, from 1 / log(base) and log(2) / log(base)."""

    def emit(b: Builder, x: Element) -> Element:
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


def _quadrant(b: Builder, x: Element) -> tuple[Element, Element]:
    """Return n and r, where x = n pi / 2 + r; the first difference is exact."""
    whole, n = _nearest_whole(b, x, 2 / np.pi)
    r = x
    for part in _HALF_PI:
        r = b.fma(whole, -part, r)
    return n, r


def _sine(b: Builder, r: Element, size: int) -> Element:
    square = r * r
    return b.fma(_polynomial(b, polynomials.SIN[size], square), square * r, r)


def _cosine(b: Builder, r: Element, size: int) -> Element:
    square = r * r
    half = square * 0.5
    one = b.constant(1.0, r)
    near = one - half
    lost = (one - near) - half
    return near + b.fma(_polynomial(b, polynomials.COS[size], square), square * square, lost)


def _circular(turn: int) -> Emit:
    def emit(b: Builder, x: Element) -> Element:
        size, angle = x.dtype.itemsize, b.cast(x, _DOUBLE)
        n, r = _quadrant(b, angle)
        n = n + turn
        near = b.select(b.has_bit(n, 0), _cosine(b, r, size), _sine(b, r, size))
        sign = b.shift_left(b.shift_right(n, 1), 63)
        near = b.of_bits(b.bits("xor", b.to_bits(near), sign), angle)
        if not turn:
            near = b.select(angle == 0, angle, near)
        return b.cast(near, x.dtype)

    return emit


sin = _circular(0)
cos = _circular(1)


def tan(b: Builder, x: Element) -> Element:
    size, angle = x.dtype.itemsize, b.cast(x, _DOUBLE)
    n, r = _quadrant(b, angle)
    sine, cosine = _sine(b, r, size), _cosine(b, r, size)
    is_odd = b.has_bit(n, 0)
    near = b.select(is_odd, -cosine, sine) / b.select(is_odd, sine, cosine)
    return b.cast(b.select(angle == 0, angle, near), x.dtype)


@_precise
def arctan(b: Builder, x: Element) -> Element:
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


def _arcsine_of_root(b: Builder, size: Element) -> tuple[Element, Element]:
    """Return 2 arcsin(sqrt((1 - size) / 2)) = arccos(size) for sizes above a half."""
    z = (b.constant(1.0, size) - size) * 0.5
    root = b.sqrt(z)
    lost = b.fma(-root, root, z) / (root + root)
    lost = b.select(z > 0, lost, b.constant(0.0, z))
    rest = _polynomial(b, polynomials.ASIN[8], z) * z
    return root, b.fma(root, rest, lost)


@_precise
def arcsin(b: Builder, x: Element) -> Element:
    size = b.fabs(x)
    square = x * x
    near = b.fma(_polynomial(b, polynomials.ASIN[8], square) * square, size, size)
    root, rest = _arcsine_of_root(b, size)
    far = b.constant(_HALF_PI[0], x) - (root + root) + (b.constant(_HALF_PI[1], x) - rest - rest)
    inside = b.select(size < 0.5, near, far)
    return b.copysign(b.select(size > 1.0, b.constant(np.nan, x), inside), x)


@_precise
def arccos(b: Builder, x: Element) -> Element:
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

_ERF_STEP, _ERF_END = 7, 6
"""The table is in steps of 2**-7, up to where the function is 1."""


@functools.cache
def _erf_table() -> tuple[np.ndarray, np.ndarray]:
    """Return the function and its slope at multiples of the step.

    Both are carried from one to the next by the series of ``y'' = -2 x y'`` in fixed point.
    """
    unit, step = 128, _ERF_STEP
    value, slope = 0, _TWO_OVER_ROOT_PI >> 128 - unit
    values, slopes = [], []
    for k in range((_ERF_END << step) + 1):
        values.append(value / (1 << unit))
        slopes.append(slope / (1 << unit))
        terms = [value, slope >> step]  # a[n] = (n-th coefficient) * 2**(-n step)
        for n in range(20):
            following = (n + 1) * k * terms[n + 1] + n * terms[n]
            terms.append(-2 * following // ((n + 1) * (n + 2) << 2 * step))
        value = sum(terms)
        slope = sum(n * term for n, term in enumerate(terms)) << step
    padding = (1 << (len(values) - 1).bit_length()) - len(values)
    return np.array(values + padding * values[-1:]), np.array(slopes + padding * slopes[-1:])


@_precise
def erf(b: Builder, x: Element) -> Element:
    size = b.fabs(x)
    size = b.select(size > _ERF_END, b.constant(_ERF_END, x), size)
    shifter = _SHIFTER[8] / 2**_ERF_STEP
    shifted = size + shifter
    r = shifted - shifter
    d = size - r
    values, slopes = _erf_table()
    place = b.bits("and_", b.to_bits(shifted), b.number(len(values) - 1, _WORD))
    value, first = b.lookup(values, place), b.lookup(slopes, place) * d
    # The following terms of Taylor's series around r, over the first.
    square = r * r
    total = b.constant(-1 / 42, x)  # only to be seen next to 0
    total = b.fma(total, d, r * b.fma(b.fma(square, -2 / 45, 2 / 9), square, -1 / 6))
    total = b.fma(total, d, b.fma(b.fma(square, 2 / 15, -2 / 5), square, 1 / 10))
    total = b.fma(total, d, r * b.fma(square, -1 / 3, 1 / 2))
    total = b.fma(total, d, b.fma(square, 2 / 3, -1 / 3))
    total = b.fma(total, d, -r)
    return b.copysign(value + b.fma(first * d, total, first), x)


EMIT: dict[str, Emit] = {
    "exp": exp, "log": log, "tanh": tanh, "sin": sin, "cos": cos, "tan": tan,
    "arcsin": arcsin, "arccos": arccos, "arctan": arctan, "erf": erf,
    "exp2": _precise(exp2), "expm1": _precise(expm1), "sinh": _precise(sinh),
    "cosh": _precise(cosh), "log2": _precise(log2), "log10": _precise(log10),
    "log1p": _precise(log1p),
}  # fmt: skip


def elementary(name: str) -> Emit:
    """Return the emission of a function, for a row of the op table."""

    def emit(b: Builder, x: Element) -> Element:
        near = b.kernel(name, EMIT[name], x)
        return b.far(name, near, x, _FAR) if name in ("sin", "cos", "tan") else near

    return emit

"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from steepest.ops.domains import REALS, UNIT
from steepest.ops.exponential import libm
from steepest.ops.row import Domain, Row, elementwise

# Chebyshev interpolation, in single precision: (tanh(x) / x - 1) / x**2 as a polynomial of
# x**2 below 0.7, and (exp(r) - 1 - r) / r**2 as one of r up to half of log(2).
_TANH = (
    -0.3333333134651184,
    0.1333325207233429,
    -0.05394856631755829,
    0.02169165015220642,
    -0.008118710480630398,
    0.002064850414171815,
)
_EXP = (
    0.5,
    0.16666576266288757,
    0.04166646674275398,
    0.008363175205886364,
    0.0013933643931522965,
)
_LOG2_E, _LN2_HIGH, _LN2_LOW = 1.44269504, 0.693145751953125, 1.428606765330187e-06


def _polynomial(coefficients, x):
    *rest, total = coefficients
    result = x * total + rest[-1]
    for coefficient in reversed(rest[:-1]):
        result = result * x + coefficient
    return result


def _emit_tanh(b, x):
    """Emit tanh: in float32 as arithmetic, which runs in vector registers (1.1 ulp)."""
    if x.dtype != np.float32:
        return b.libm("tanh", x)
    size = b.minimum(b.fabs(x), b.constant(9.1, x))  # beyond, the result rounds to 1
    square = size * size
    small = _polynomial(_TANH, square) * square * size + size
    doubled = size + size
    n = b.rint(doubled * _LOG2_E)
    r = (doubled - n * _LN2_HIGH) - n * _LN2_LOW
    power = (_polynomial(_EXP, r) * r * r + r + 1.0) * b.power_of_two(n)
    large = b.constant(1.0, x) - b.constant(2.0, x) / (power + 1.0)
    return b.copysign(b.select(size < 0.7, small, large), x)


_NEAR = Domain(((-1.2, 1.2),), analytic=True)

SIN = elementwise("sin", lambda y, x: np.cos(x), emit=libm("sin"), domain=REALS)
COS = elementwise("cos", lambda y, x: -np.sin(x), emit=libm("cos"), domain=REALS)
TAN = elementwise("tan", lambda y, x: 1.0 + y * y, emit=libm("tan"), domain=_NEAR)
ARCSIN = elementwise(
    "arcsin", lambda y, x: 1.0 / np.sqrt(1.0 - x * x), emit=libm("asin"), domain=UNIT
)
ARCCOS = elementwise(
    "arccos", lambda y, x: -1.0 / np.sqrt(1.0 - x * x), emit=libm("acos"), domain=UNIT
)
ARCTAN = elementwise("arctan", lambda y, x: 1.0 / (1.0 + x * x), emit=libm("atan"), domain=UNIT)
ARCTAN2 = elementwise(
    "arctan2",
    lambda y, a, b: b / (a * a + b * b),
    lambda y, a, b: -a / (a * a + b * b),
    emit=libm("atan2"),
    domain=Domain(((0.3, 3.0), (0.3, 3.0))),
    kink="slope NaN at (0, 0), where the angle has none",
)
SINH = elementwise("sinh", lambda y, x: np.cosh(x), emit=libm("sinh"), domain=REALS)
COSH = elementwise("cosh", lambda y, x: np.sinh(x), emit=libm("cosh"), domain=REALS)
TANH = elementwise("tanh", lambda y, x: 1.0 - y * y, emit=_emit_tanh, domain=REALS)
ARCSINH = elementwise(
    "arcsinh", lambda y, x: 1.0 / np.sqrt(1.0 + x * x), emit=libm("asinh"), domain=UNIT
)
ARCCOSH = elementwise(
    "arccosh",
    lambda y, x: 1.0 / np.sqrt((x - 1.0) * (x + 1.0)),
    emit=libm("acosh"),
    domain=Domain(((1.3, 4.0),), analytic=True),
)
ARCTANH = elementwise(
    "arctanh", lambda y, x: 1.0 / ((1.0 - x) * (1.0 + x)), emit=libm("atanh"), domain=UNIT
)

ROWS: tuple[Row, ...] = (
    SIN,
    COS,
    TAN,
    ARCSIN,
    ARCCOS,
    ARCTAN,
    ARCTAN2,
    SINH,
    COSH,
    TANH,
    ARCSINH,
    ARCCOSH,
    ARCTANH,
)

"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import numpy as np

from steepest.ops.domains import REALS, UNIT
from steepest.ops.elementary import elementary
from steepest.ops.exponential import libm
from steepest.ops.row import Domain, Row, elementwise

_NEAR = Domain(((-1.2, 1.2),), analytic=True)

SIN = elementwise("sin", lambda y, x: np.cos(x), emit=elementary("sin"), domain=REALS)
COS = elementwise("cos", lambda y, x: -np.sin(x), emit=elementary("cos"), domain=REALS)
TAN = elementwise("tan", lambda y, x: 1.0 + y * y, emit=elementary("tan"), domain=_NEAR)
ARCSIN = elementwise(
    "arcsin", lambda y, x: 1.0 / np.sqrt(1.0 - x * x), emit=elementary("arcsin"), domain=UNIT
)
ARCCOS = elementwise(
    "arccos", lambda y, x: -1.0 / np.sqrt(1.0 - x * x), emit=elementary("arccos"), domain=UNIT
)
ARCTAN = elementwise(
    "arctan", lambda y, x: 1.0 / (1.0 + x * x), emit=elementary("arctan"), domain=UNIT
)
ARCTAN2 = elementwise(
    "arctan2",
    lambda y, a, b: b / (a * a + b * b),
    lambda y, a, b: -a / (a * a + b * b),
    emit=libm("atan2"),
    domain=Domain(((0.3, 3.0), (0.3, 3.0))),
    kink="slope NaN at (0, 0), where the angle has none",
)
SINH = elementwise("sinh", lambda y, x: np.cosh(x), emit=elementary("sinh"), domain=REALS)
COSH = elementwise("cosh", lambda y, x: np.sinh(x), emit=elementary("cosh"), domain=REALS)
TANH = elementwise("tanh", lambda y, x: 1.0 - y * y, emit=elementary("tanh"), domain=REALS)
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

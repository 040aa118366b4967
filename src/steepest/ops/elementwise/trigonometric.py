"""Trigonometric and hyperbolic functions and their inverses."""

from __future__ import annotations

import dataclasses

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import Partials, no_slope
from steepest.ops.domains import REALS, UNIT
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.ops.elementwise.elementary import elementary, slope_of_tanh
from steepest.ops.elementwise.exponential import libm
from steepest.ops.elementwise.special.hypergeometric.functions import SINC
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import RECORD, Domain, Row, elementwise

_NEAR = Domain(((-1.2, 1.2),), analytic=True, special=((0.0,), (1.5,), (-1.57,)))
_WAVES = dataclasses.replace(REALS, special=((0.0,), (1.5707963267948966,), (-3.0,)))
_GROWING = dataclasses.replace(REALS, special=((0.0,), (-40.0,), (40.0,)))
_INSIDE = dataclasses.replace(UNIT, special=((0.0,), (1.0 - 2.0**-40,), (-1.0 + 2.0**-20,)))
_WIDE = dataclasses.replace(UNIT, special=((0.0,), (1.0,), (-1e3,)))


def _one_less_square(x: Array) -> Array:
    # 1 - x**2. The product is accurate near 1; the square has accurate derivatives near 0.
    return np.where(np.abs(x) < 0.5, 1.0 - x * x, (1.0 - x) * (1.0 + x))


SIN = elementwise("sin", lambda y, x: np.cos(x), emit=elementary("sin"), domain=_WAVES)
COS = elementwise("cos", lambda y, x: -np.sin(x), emit=elementary("cos"), domain=_WAVES)
TAN = elementwise("tan", lambda y, x: 1.0 + y * y, emit=elementary("tan"), domain=_NEAR)
ARCSIN = elementwise(
    "arcsin",
    lambda y, x: 1.0 / np.sqrt(_one_less_square(x)),
    emit=elementary("arcsin"),
    domain=_INSIDE,
)
ARCCOS = elementwise(
    "arccos",
    lambda y, x: -1.0 / np.sqrt(_one_less_square(x)),
    emit=elementary("arccos"),
    domain=_INSIDE,
)
ARCTAN = elementwise(
    "arctan", lambda y, x: 1.0 / (1.0 + x * x), emit=elementary("arctan"), domain=_WIDE
)


def _scaled(a: Array, b: Array) -> tuple[Array, Array, Array]:
    # Divide both by the larger one, so that no square under- or overflows.
    size = stop_gradient(np.maximum(np.abs(a), np.abs(b)))
    size = np.where(np.isinf(size), 1.0, size)
    u, v = a / size, b / size
    return u, v, size * (u * u + v * v)


def _slope_by_ordinate(y: Array, a: Array, b: Array) -> Array:
    _, v, square = _scaled(a, b)
    return np.where(np.isinf(square), 0, v / square)


def _slope_by_abscissa(y: Array, a: Array, b: Array) -> Array:
    u, _, square = _scaled(a, b)
    return np.where(np.isinf(square), 0, -u / square)


ARCTAN2 = elementwise(
    "arctan2",
    _slope_by_ordinate,
    _slope_by_abscissa,
    emit=libm("atan2"),
    domain=Domain(
        ((0.3, 3.0), (0.3, 3.0)),
        special=((0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (1.0, 1e-200), (1e200, 3e200)),
    ),
    kink="slope NaN at (0, 0), where the angle has none",
)
SINH = elementwise("sinh", lambda y, x: np.cosh(x), emit=elementary("sinh"), domain=_GROWING)
COSH = elementwise("cosh", lambda y, x: np.sinh(x), emit=elementary("cosh"), domain=_GROWING)


# 1 - tanh(x)**2, given y = tanh(x). The digits of 1 - y * y cancel far from 0. This form has no
# cancellation, because 1 - abs(y) is exp(-2 * abs(x)) * (1 + abs(y)).
TANH_SLOPE = Row(
    name="tanh_slope",
    evaluate=lambda y, x: np.exp(-2.0 * np.abs(x)) * np.square(1.0 + np.abs(y)),
    infer=lambda y, x: (np.broadcast_shapes(y.shape, x.shape), x.dtype),
    derivative=Partials((no_slope, lambda out, y, x: -2.0 * np.tanh(x) * out)),
    torch=lambda t, y, x: t.exp(-2.0 * t.abs(x)) * t.square(1.0 + t.abs(y)),
    lower=Elementwise(slope_of_tanh, shares_steps_with=0),
    domain=Domain(
        ((-1.0, 1.0), (-3.0, 3.0)),
        special=((0.0, 0.0), (0.0, -20.0)),
        agree=lambda y, x: (np.tanh(x), x),
    ),
)
TANH = elementwise(
    "tanh",
    lambda y, x: getattr(x, RECORD)(TANH_SLOPE, y, x),
    emit=elementary("tanh"),
    domain=dataclasses.replace(REALS, special=((0.0,), (-3.0,), (4.0,), (-20.0,), (300.0,))),
)
ARCSINH = elementwise(
    "arcsinh",
    lambda y, x: 1.0 / np.hypot(1.0, x),
    emit=libm("asinh"),
    domain=dataclasses.replace(UNIT, special=((0.0,), (1e9,), (-1e160,))),
)
ARCCOSH = elementwise(
    "arccosh",
    lambda y, x: 1.0 / (np.sqrt(x - 1.0) * np.sqrt(x + 1.0)),
    emit=libm("acosh"),
    domain=Domain(((1.3, 4.0),), analytic=True, special=((1.0 + 2.0**-40,), (1e9,))),
)
ARCTANH = elementwise(
    "arctanh", lambda y, x: 1.0 / _one_less_square(x), emit=libm("atanh"), domain=_INSIDE
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
    TANH_SLOPE,
    ARCSINH,
    ARCCOSH,
    ARCTANH,
    SINC,
)

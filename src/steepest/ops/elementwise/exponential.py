"""Exponentials and logarithms."""

from __future__ import annotations

import dataclasses

import numpy as np

from steepest.ops.aliases import Array, Builder, Element
from steepest.ops.domains import POSITIVE, REALS
from steepest.ops.elementwise.elementary import Emit, elementary
from steepest.ops.elementwise.special.sigmoids import expit
from steepest.ops.row import Domain, Row, elementwise

_LN2 = float(np.log(2.0))
_LN10 = float(np.log(10.0))


def libm(name: str) -> Emit:
    """Emit a call of the C library's function of that name."""
    return lambda b, *operands: b.libm(name, *operands)


def _emit_logaddexp(exp: Emit, log1p: Emit, log_of_2: float) -> Emit:
    def emit(b: Builder, x: Element, y: Element) -> Element:
        difference = x - y
        # Equal operands first: inf - inf would be NaN.
        far = log1p(b, exp(b, -b.fabs(difference)))
        high = b.select(difference > 0, x, b.select(difference <= 0, y, difference))
        return b.select(x == y, x + log_of_2, high + far)

    return emit


def _emit_logaddexp2(b: Builder, x: Element, y: Element) -> Element:
    difference = x - y
    far = elementary("log1p")(b, elementary("exp2")(b, -b.fabs(difference))) * float(
        1 / np.log(2.0)
    )
    high = b.select(difference > 0, x, b.select(difference <= 0, y, difference))
    return b.select(x == y, x + 1.0, high + far)


def _difference(a: Array, b: Array) -> Array:
    # Equal infinities have the difference 0, so that each gets half of the slope. Equal
    # finite numbers have it by themselves, with the slopes that it has.
    return np.where((a == b) & np.isinf(a), 0, a - b)


_PAIRS = Domain(
    ((-2.0, 2.0), (-2.0, 2.0)),
    special=((0.0, 0.0), (1.0, 1.0), (0.0, 40.0), (800.0, 0.0), (-2000.0, 0.0), (1e6, 1e6)),
)
_GROWING = dataclasses.replace(REALS, special=((0.0,), (-40.0,), (20.0,)))
_LOGARITHMS = dataclasses.replace(POSITIVE, special=((1.0,), (1e-12,), (1e9,)))

EXP = elementwise("exp", lambda y, x: y, emit=elementary("exp"), domain=_GROWING)
EXP2 = elementwise("exp2", lambda y, x: _LN2 * y, emit=elementary("exp2"), domain=_GROWING)
EXPM1 = elementwise("expm1", lambda y, x: np.exp(x), emit=elementary("expm1"), domain=_GROWING)
LOG = elementwise("log", lambda y, x: 1.0 / x, emit=elementary("log"), domain=_LOGARITHMS)
LOG2 = elementwise(
    "log2", lambda y, x: 1.0 / (_LN2 * x), emit=elementary("log2"), domain=_LOGARITHMS
)
LOG10 = elementwise(
    "log10", lambda y, x: 1.0 / (_LN10 * x), emit=elementary("log10"), domain=_LOGARITHMS
)
LOG1P = elementwise(
    "log1p",
    lambda y, x: 1.0 / (1.0 + x),
    emit=elementary("log1p"),
    domain=dataclasses.replace(POSITIVE, special=((0.0,), (-1.0 + 2.0**-40,), (1e9,))),
)
LOGADDEXP = elementwise(
    "logaddexp",
    lambda y, a, b: expit(_difference(a, b)),
    lambda y, a, b: expit(_difference(b, a)),
    emit=_emit_logaddexp(elementary("exp"), elementary("log1p"), _LN2),
    domain=_PAIRS,
    kink="equal infinities share the slope",
)
LOGADDEXP2 = elementwise(
    "logaddexp2",
    lambda y, a, b: expit(_LN2 * _difference(a, b)),
    lambda y, a, b: expit(_LN2 * _difference(b, a)),
    emit=_emit_logaddexp2,
    domain=_PAIRS,
    kink="equal infinities share the slope",
)

ROWS: tuple[Row, ...] = (EXP, EXP2, EXPM1, LOG, LOG2, LOG10, LOG1P, LOGADDEXP, LOGADDEXP2)

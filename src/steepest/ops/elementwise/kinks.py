"""Absolute value, sign, maximum and minimum: ops with a kink, where the slope jumps.

At a kink, the slope is the mean of the slopes of both sides. :mod:`~steepest.ops.sides` finds
where it must be the slope of one side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from operator import ge, gt, le, lt
from typing import Any

import numpy as np

from steepest.ops.aliases import Array, Builder, Element, Tensor, Torch
from steepest.ops.derivative_rules import Partials, Rule
from steepest.ops.domains import STEP_PAIRS, STEPS
from steepest.ops.elementwise.comparison import EQUAL, GREATER
from steepest.ops.row import RECORD, Domain, Row, Side, elementwise


def _emit_sign(b: Builder, x: Element) -> Element:
    one = b.select(x > 0, b.constant(1, x), b.select(x < 0, b.constant(-1, x), b.constant(0, x)))
    return one if x.is_integer else b.select(x == x, one, x)


def _emit_absolute(b: Builder, x: Element) -> Element:
    if x.dtype.kind == "b":
        return x
    return b.select(x < 0, -x, x) if x.is_integer else b.fabs(x)


def _slope_of_absolute(x: Array) -> Array:
    return getattr(x, RECORD)(SLOPE_OF_ABSOLUTE, x)


def _side_of_absolute(slope_at_zero: float) -> Side:
    def slope(y: Array, x: Array) -> Array:
        return np.where(x == 0, x.dtype.type(slope_at_zero), _slope_of_absolute(x))

    def torch(t: Torch, x: Tensor) -> Tensor:
        return t.where(x == 0, slope_at_zero * x + 0.0, t.abs(x))  # not -0.0

    return Side(Partials((slope,)), torch)


def _extreme_rule(is_maximum: bool) -> Rule:
    def parts(a: Array, b: Array) -> tuple[Array, Array]:
        is_tie, is_larger = (getattr(a, RECORD)(row, a, b) for row in (TIE, LARGER))
        return is_tie, is_larger if is_maximum else np.logical_not(is_larger)

    def pullback(cotangent: Array, y: Array, a: Array, b: Array) -> tuple[Array, ...]:
        (is_tie, is_first), half = parts(a, b), cotangent * 0.5
        first = np.where(is_tie, half, np.where(is_first, cotangent, 0))
        return first, np.where(is_tie, half, np.where(is_first, 0, cotangent))

    def pushforward(tangents: Sequence[Array], y: Array, a: Array, b: Array) -> Array:
        (is_tie, is_first), (ta, tb) = parts(a, b), tangents
        return np.where(is_tie, (ta + tb) * 0.5, np.where(is_first, ta, tb))

    return Rule(pullback, pushforward)


def _side_of_extreme(
    first_is_taken: Callable[..., Any], second_is_taken: Callable[..., Any]
) -> Side:
    def pullback(cotangent: Array, y: Array, a: Array, b: Array) -> tuple[Array, ...]:
        first = np.where(first_is_taken(a, b), cotangent, 0)
        return first, np.where(second_is_taken(a, b), cotangent, 0)

    def pushforward(tangents: Sequence[Array], y: Array, a: Array, b: Array) -> Array:
        return np.where(first_is_taken(a, b), *tangents)

    def torch(t: Torch, a: Tensor, b: Tensor) -> Tensor:
        return t.where(first_is_taken(a, b), a, t.where(second_is_taken(a, b), b, a + b))

    return Side(Rule(pullback, pushforward), torch)


ABSOLUTE = elementwise(
    "absolute",
    lambda y, x: _slope_of_absolute(x),
    emit=_emit_absolute,
    torch=lambda t, x: x if x.dtype == t.bool else t.abs(x),
    domain=Domain(((0.2, 3.0),), special=((1.0,), (-1.0,))),
    kink="slope 0 at 0, or that of the side that a selection takes",
    sides=(_side_of_absolute(-1.0), _side_of_absolute(1.0)),
    is_cheap=True,
)
SIGN = elementwise(
    "sign",
    emit=_emit_sign,
    torch=lambda t, x: t.where(x == x, t.sign(x), x),  # torch's own gives 0 for NaN
    domain=STEPS,
    kink="slope 0 everywhere",
    is_cheap=True,
)
SLOPE_OF_ABSOLUTE = dataclasses.replace(SIGN, name="slope_of_absolute")
"""What a derivative holds in place of a sign: 0 at 0, where :mod:`~steepest.ops.sides` looks."""
MAXIMUM = elementwise(
    "maximum",
    derivative=_extreme_rule(True),
    domain=STEP_PAIRS,
    kink="a tie gives half to each, or all to that of the side that a selection takes",
    sides=(_side_of_extreme(gt, le), _side_of_extreme(ge, lt)),
    is_cheap=True,
)
MINIMUM = elementwise(
    "minimum",
    derivative=_extreme_rule(False),
    domain=STEP_PAIRS,
    kink="a tie gives half to each, or all to that of the side that a selection takes",
    sides=(_side_of_extreme(le, gt), _side_of_extreme(lt, ge)),
    is_cheap=True,
)
TIE = dataclasses.replace(EQUAL, name="tie")
LARGER = dataclasses.replace(GREATER, name="larger")
"""Where the operands of an extreme are equal, and where the first is larger, in its derivative."""

ROWS: tuple[Row, ...] = (ABSOLUTE, SIGN, SLOPE_OF_ABSOLUTE, MAXIMUM, MINIMUM, TIE, LARGER)

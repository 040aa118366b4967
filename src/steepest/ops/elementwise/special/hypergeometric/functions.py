"""Hypergeometric functions, and those whose slopes are hypergeometric: exprel and sinc."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from steepest.ops.aliases import Array, Builder, Element
from steepest.ops.elementwise.elementary import elementary
from steepest.ops.elementwise.special.hypergeometric.by_parameters import (
    slope_of_0f1,
    slope_of_1f1,
    slope_of_2f1,
    slope_of_u,
)
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.machine_code import Elementwise
from steepest.ops.row import Case, Domain

_NO_SERIES = "its slopes by the parameters are nan where no series for them keeps its digits"
_UNKNOWN = "its derivatives by all arguments but the last are not known: asking is refused"
_LINE = (Case(((3,), (3,), (3,))), Case(((), (), (4, 20))))

hyp1f1: Special = special(
    "hyp1f1",
    lambda y, a, b, x: slope_of_1f1(y, a, b, x, 0),
    lambda y, a, b, x: slope_of_1f1(y, a, b, x, 1),
    lambda y, a, b, x: a / b * hyp1f1(a + 1.0, b + 1.0, x),
    domain=Domain(
        ((0.5, 2.0), (2.0, 4.0), (-2.0, 2.0)),
        special=((1.0, 2.0, 0.0), (1.0, 2.0, -40.0), (2.0, 3.0, 40.0)),
    ),
    kink=_NO_SERIES,
)
hyp0f1: Special = special(
    "hyp0f1",
    slope_of_0f1,
    lambda y, b, x: hyp0f1(b + 1.0, x) / b,
    domain=Domain(
        ((0.5, 3.0), (-2.0, 2.0)),
        (Case(((3,), (3,))), Case(((), (4, 20)))),
        special=((1.5, 0.0), (2.5, -50.0), (1.0, 20.0)),
    ),
    kink=_NO_SERIES,
)
hyp2f1: Special = special(
    "hyp2f1",
    lambda y, a, b, c, x: slope_of_2f1(y, a, b, c, x, 0),
    lambda y, a, b, c, x: slope_of_2f1(y, a, b, c, x, 1),
    lambda y, a, b, c, x: slope_of_2f1(y, a, b, c, x, 2),
    lambda y, a, b, c, x: a * b / c * hyp2f1(a + 1.0, b + 1.0, c + 1.0, x),
    domain=Domain(
        ((0.5, 2.0), (0.5, 2.0), (2.0, 4.0), (-0.6, 0.6)),
        (Case(((3,), (3,), (3,), (3,))), Case(((), (), (), (4, 20)))),
        special=((1.0, 1.0, 2.0, 0.0), (0.5, 1.5, 2.5, -3.0), (1.0, 2.0, 3.5, 0.9)),
    ),
    kink=_NO_SERIES,
)


def _slope_of_hyperu(y: Array, a: Array, b: Array, x: Array) -> Array:
    # SciPy's own neighbor loses digits where a and x are positive.
    is_positive = (a > 0) & (x > 0)
    first = np.where(is_positive, -1.0, a)
    neighbor = -first * hyperu(first + 1.0, b + 1.0, x)
    return np.where(is_positive, slope_of_u(y, a, b, x, 2), neighbor)


hyperu: Special = special(
    "hyperu",
    lambda y, a, b, x: slope_of_u(y, a, b, x, 0),
    lambda y, a, b, x: slope_of_u(y, a, b, x, 1),
    _slope_of_hyperu,
    domain=Domain(
        ((0.5, 2.0), (0.5, 1.5), (1.0, 3.0)), _LINE, special=((1.0, 1.0, 1.0), (0.5, 1.5, 20.0))
    ),
    kink="its slopes by a and b are nan unless a and x are positive",
)

wright_bessel: Special = special(
    "wright_bessel",
    None,
    None,
    lambda y, a, b, x: wright_bessel(a, a + b, x),
    domain=Domain(
        ((0.5, 1.5), (1.0, 2.0), (0.5, 3.0)), _LINE, special=((1.0, 1.0, 1.0), (0.5, 1.5, 2.0))
    ),
    kink=_UNKNOWN,
)
log_wright_bessel: Special = special(
    "log_wright_bessel",
    None,
    None,
    lambda y, a, b, x: np.exp(log_wright_bessel(a, a + b, x) - y),
    domain=Domain(((0.5, 1.5), (1.0, 2.0), (0.5, 3.0)), _LINE, special=((1.0, 1.0, 1.0),)),
    kink=_UNKNOWN,
)
wrightomega = special(
    "wrightomega",
    lambda y, x: y / (1.0 + y),
    domain=Domain(((-2.0, 3.0),), special=((0.0,), (-30.0,), (30.0,))),
)

_FAR = 720.0
"""Beyond this exprel and its slopes are infinite; far beyond, SciPy's hyp1f1 does not return."""


def slope_of_exprel(x: Array) -> Array:
    """Return the derivative of exprel, which cancels around 0 in every closed form."""
    near = np.where(x > _FAR, 0.0, x)
    slope = 0.5 * hyp1f1(np.full_like(near, 2.0), np.full_like(near, 3.0), near)
    return np.where(x > _FAR, np.inf, slope)


exprel = special(
    "exprel",
    lambda y, x: slope_of_exprel(x),
    domain=Domain(((-2.0, 2.0),), special=((0.0,), (1e-4,), (-1e-5,), (-40.0,), (40.0,))),
)


def _emit_sinc(b: Builder, x: Element) -> Element:
    angle = x * math.pi
    one = b.constant(1.0, x)
    is_zero = x == 0
    return b.select(is_zero, one, elementary("sin")(b, angle) / b.select(is_zero, one, angle))


def _partial_of_sinc(y: Array, x: Array) -> Array:
    angle = math.pi * x
    return (-math.pi / 3) * angle * hyp0f1(np.full_like(x, 2.5), angle * angle * -0.25)


SINC = dataclasses.replace(
    special(
        "sinc",
        _partial_of_sinc,
        torch="sinc",
        domain=Domain(((-2.0, 2.0),), special=((0.0,), (0.01,), (1.0,), (-5.5,))),
        lower=Elementwise(_emit_sinc),
    ).row,
    evaluate=np.sinc,
)
"""NumPy's sinc; it is a row of the trigonometric functions."""

ROWS = rows_of(vars())

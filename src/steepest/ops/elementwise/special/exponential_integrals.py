"""Integrals of exponentials, sines and powers: exp1, sici, fresnel, spence and their like."""

from __future__ import annotations

import math

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.hypergeometric.functions import SINC, hyp0f1, hyp2f1
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Case, Domain, recorded

_sinc = recorded(SINC)
_RIGHT = Domain(((0.5, 3.0),), special=((1.0,), (0.01,), (20.0,)))
_WAVES = Domain(((0.5, 3.0),), special=((1.0,), (0.01,), (20.0,)))
_AROUND = Domain(((-2.0, 2.0),), special=((0.0,), (1e-3,), (3.0,), (-2.5,)))

exp1 = special("exp1", lambda y, x: -np.exp(-x) / x, domain=_RIGHT)
expi = special("expi", lambda y, x: np.exp(x) / x, domain=_RIGHT)


def _slope_of_expn(y: Array, n: Array, x: Array) -> Array:
    # Orders 0 and -1, to which no function of SciPy's goes, are elementary.
    is_low = n < 1.5
    low = np.where(is_low, x, 1.0)
    simple = np.exp(-low) / low
    simple = np.where(n < 0.5, simple * (1.0 + 1.0 / low), simple)
    return -np.where(is_low, simple, expn(np.where(is_low, 1, n - 1), np.where(is_low, 1.0, x)))


_ORDERS = (Case(((3,), (3,)), integers={0: 4}), Case(((), (4, 20)), integers={0: 4}))


def _whole(n: Array, x: Array) -> tuple[Array, Array]:
    return np.abs(n).astype(int), x


expn: Special = special(
    "expn",
    None,
    _slope_of_expn,
    domain=Domain(
        ((0.5, 3.5), (0.5, 3.0)), _ORDERS, special=((1.0, 1.0), (2.0, 0.3), (8.0, 9.0)),
        agree=_whole,
    ),
)  # fmt: skip


def _sinhc(x: Array) -> Array:
    """Return sinh(x) / x, without a special case at 0."""
    return hyp0f1(np.full_like(x, 1.5), 0.25 * x * x)


sine_integral = special("sici", lambda y, x: _sinc(x / math.pi), domain=_AROUND, output=(0, 2))
cosine_integral = special("sici", lambda y, x: np.cos(x) / x, domain=_WAVES, output=(1, 2))
hyperbolic_sine_integral = special("shichi", lambda y, x: _sinhc(x), domain=_AROUND, output=(0, 2))
hyperbolic_cosine_integral = special(
    "shichi", lambda y, x: np.cosh(x) / x, domain=_WAVES, output=(1, 2)
)
fresnel_sine = special(
    "fresnel", lambda y, x: np.sin(0.5 * math.pi * x * x), domain=_AROUND, output=(0, 2)
)
fresnel_cosine = special(
    "fresnel", lambda y, x: np.cos(0.5 * math.pi * x * x), domain=_AROUND, output=(1, 2)
)


def _slope_of_spence(y: Array, x: Array) -> Array:
    # log(x) / (1 - x), whose limit at 1 is -1.
    is_near = np.abs(x - 1.0) < 0.5
    near, far = np.where(is_near, x, 1.0), np.where(is_near, 2.0, x)
    one = np.ones_like(near)
    return np.where(is_near, -hyp2f1(one, one, 2.0 * one, 1.0 - near), np.log(far) / (1.0 - far))


spence = special(
    "spence",
    _slope_of_spence,
    domain=Domain(((0.6, 1.4),), special=((1.0,), (0.1,), (30.0,))),
    kink="slope -inf at 0",
)

ROWS = rows_of(vars())

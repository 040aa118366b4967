"""Spherical Bessel functions, Kelvin's and Airy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.rows import Special, hosted, rows_of, special
from steepest.ops.row import Case, Domain

_WHOLE = (Case(((3,), (3,)), integers={0: 4}), Case(((), (4, 20)), integers={0: 4}))


def _agree(n: Array, x: Array) -> tuple[Array, Array]:
    return np.abs(n).astype(int), x


def _as_argument(n: Node, x: Node) -> tuple[Shape, np.dtype]:
    return np.broadcast_shapes(n.shape, x.shape), x.dtype


def _spherical(name: str, lower: float, upper: float, **more: Any) -> Special:
    """Return a function of whole order, whose slope is a sum of those of its neighbors."""

    def slope(y: Array, n: Array, x: Array) -> Array:
        before = function(np.maximum(n - 1, 0), x)
        return (lower * n * before + upper * (n + 1) * function(n + 1, x)) / (2.0 * n + 1.0)

    function = hosted(
        name,
        None,
        slope,
        domain=Domain(
            ((0.5, 3.5), (0.5, 4.0)),
            _WHOLE,
            special=((0.0, 1.0), (1.0, 2.0), (3.0, 9.0)),
            agree=_agree,
        ),
        **more,
    )
    return function


spherical_jn = _spherical("spherical_jn", 1.0, -1.0)
spherical_yn = _spherical("spherical_yn", 1.0, -1.0)
spherical_in = _spherical("spherical_in", 1.0, 1.0)
spherical_kn = _spherical("spherical_kn", -1.0, -1.0, infer=_as_argument)

_POSITIVE = Domain(((0.5, 4.0),), special=((1.0,), (0.1,), (8.0,)))

ber: Special = special("ber", lambda y, x: berp(x), domain=_POSITIVE)
bei: Special = special("bei", lambda y, x: beip(x), domain=_POSITIVE)
ker: Special = special("ker", lambda y, x: kerp(x), domain=_POSITIVE)
kei: Special = special("kei", lambda y, x: keip(x), domain=_POSITIVE)
berp: Special = special(
    "berp", lambda y, x: -bei(x) - y / x, domain=_POSITIVE, kink="slope nan at 0"
)
beip: Special = special(
    "beip", lambda y, x: ber(x) - y / x, domain=_POSITIVE, kink="slope nan at 0"
)
kerp: Special = special("kerp", lambda y, x: -kei(x) - y / x, domain=_POSITIVE)
keip: Special = special("keip", lambda y, x: ker(x) - y / x, domain=_POSITIVE)

_LINE = Domain(((-2.0, 2.0),), special=((0.0,), (3.0,), (-4.0,)))


def _airy(name: str, number: int, slope: Callable[..., Array], domain: Domain) -> Special:
    return special(name, slope, domain=domain, output=(number, 4))


ai: Special = _airy("airy", 0, lambda y, x: ai_slope(x), _LINE)
ai_slope: Special = _airy("airy", 1, lambda y, x: x * ai(x), _LINE)
bi: Special = _airy("airy", 2, lambda y, x: bi_slope(x), _LINE)
bi_slope: Special = _airy("airy", 3, lambda y, x: x * bi(x), _LINE)


def _root(x: Array) -> Array:
    return np.sqrt(np.where(x > 0, x, 0.0))


_RIGHT = Domain(((0.5, 2.0),), special=((1.0,), (0.3,), (5.0,)))
scaled_ai: Special = _airy("airye", 0, lambda y, x: scaled_ai_slope(x) + _root(x) * y, _RIGHT)
scaled_ai_slope: Special = _airy("airye", 1, lambda y, x: x * scaled_ai(x) + _root(x) * y, _RIGHT)
scaled_bi: Special = _airy("airye", 2, lambda y, x: scaled_bi_slope(x) - _root(x) * y, _RIGHT)
scaled_bi_slope: Special = _airy("airye", 3, lambda y, x: x * scaled_bi(x) - _root(x) * y, _RIGHT)

ROWS = rows_of(vars())

"""Parabolic cylinder functions, each with its slope as the second result.

The slope's own slope follows from the differential equation (DLMF 12.2).
"""

from __future__ import annotations

from collections.abc import Callable

from steepest.ops.aliases import Array
from steepest.ops.elementwise.special.rows import Special, rows_of, special
from steepest.ops.row import Case, Domain

_BY_ORDER = "its derivative by the order is not known: asking for it is refused"
_CASES = (Case(((3,), (3,))), Case(((), (4, 20))))


def _pair(
    name: str, factor: Callable[[Array, Array], Array], domain: Domain
) -> tuple[Special, Special]:
    """Return a solution of y'' = factor * y and its slope."""
    value: Special = special(
        name,
        None,
        lambda y, v, x: slope(v, x),
        domain=domain,
        kink=_BY_ORDER,
        output=(0, 2),
    )
    slope: Special = special(
        name,
        None,
        lambda y, v, x: factor(v, x) * value(v, x),
        domain=domain,
        kink=_BY_ORDER,
        output=(1, 2),
    )
    return value, slope


_LINE = Domain(((0.5, 2.5), (-2.0, 2.0)), _CASES, special=((0.0, 0.0), (1.5, 1.0), (2.0, -3.0)))
_SHORT = Domain(((-1.5, 1.5), (-2.0, 2.0)), _CASES, special=((0.0, 0.0), (1.0, 1.0)))
d, d_slope = _pair("pbdv", lambda v, x: 0.25 * x * x - v - 0.5, _LINE)
v, v_slope = _pair("pbvv", lambda v, x: 0.25 * x * x - v - 0.5, _LINE)
w, w_slope = _pair("pbwa", lambda a, x: a - 0.25 * x * x, _SHORT)

ROWS = rows_of(vars())

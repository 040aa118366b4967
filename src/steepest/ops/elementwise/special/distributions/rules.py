"""How distribution functions of SciPy's and their inverses in each argument become rows.

An inverse follows from the function that it inverts: if F(..., t, ...) = p, the slope of t is
1 / F_t by p, and -F_i / F_t by another argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.derivative_rules import no_slope
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.ops.elementwise.special.rows import Special, special
from steepest.ops.row import Case, Domain

Slope = Callable[..., Array] | None

POSITIVE = (1e-99, 1e99)
"""Ends of a search for a positive number."""

_CASES = {
    2: (Case(((3,), (3,))), Case(((), (4, 20)))),
    3: (Case(((3,), (3,), (3,))), Case(((), (), (4, 20)))),
    4: (Case(((3,), (3,), (3,), (3,))), Case(((), (), (), (4, 20)))),
}


def domain(
    *intervals: tuple[float, float],
    whole: tuple[int, ...] = (),
    counts: tuple[int, ...] = (),
    special: tuple[tuple[float, ...], ...] = (),
    smooth: bool = True,
) -> Domain:
    """Return a domain, some of whose operands are whole numbers, as floats or as integers."""

    def agree(*operands: Array) -> tuple[Array, ...]:
        rounded = [np.floor(x) if i in whole else x for i, x in enumerate(operands)]
        return tuple(x.astype(int) if i in counts else x for i, x in enumerate(rounded))

    agrees = agree if whole or counts else None
    return Domain(intervals, _CASES[len(intervals)], smooth, special=special, agree=agrees)


def distribution(
    name: str, complement: str | None, slopes: tuple[Slope, ...], domain: Domain, kink: str = ""
) -> tuple[Special, ...]:
    """Return a distribution function and its complement."""

    def own(slope: Slope, sign: float) -> Slope:
        if slope is None or slope is no_slope:
            return slope
        return lambda y, *operands: sign * slope(*operands)

    names = [(name, 1.0)] + ([(complement, -1.0)] if complement else [])
    return tuple(
        special(n, *(own(slope, sign) for slope in slopes), domain=domain, kink=kink)
        for n, sign in names
    )


def inverse(
    name: str,
    slopes: tuple[Slope, ...],
    solved: int,
    given: int,
    domain: Domain,
    sign: float = 1.0,
    kink: str = "",
    function: Callable[..., Array] | None = None,
    ends: tuple[float, float] = (-math.inf, math.inf),
) -> Special:
    """Return an inverse of a distribution function.

    Parameters
    ----------
    slopes
        Partial derivatives of the function, of its own operands.
    solved
        The operand of the function for which it is solved.
    given
        The operand of the inverse that is the value of the function. The others are the
        function's, in their order.
    sign
        -1 where the value is that of the complement.
    function
        What is inverted, where SciPy's search stops before the last digits: slopes are then
        those where a step of Newton's leads.
    ends
        Where SciPy's search ends if there is no solution, or before; slopes are 0 there.
    """
    count = len(slopes)
    others = [i for i in range(count) if i != solved]
    places = [i for i in range(count) if i != given]  # of the others, among the inverse's operands
    by_solved: Any = slopes[solved]

    def at(y: Array, operands: tuple[Array, ...]) -> list[Array]:
        found = [y] * count
        for other, place in zip(others, places, strict=True):
            found[other] = operands[place]
        if function is not None:
            gap = function(*found) - operands[given]
            found[solved] = y - stop_gradient(sign * gap / by_solved(*found))
        return found

    def inside(y: Array, slope: Array) -> Array:
        if ends == (-math.inf, math.inf):
            return slope
        return np.where((y <= ends[0]) | (y >= ends[1]), 0.0, slope)

    def by_value(y: Array, *operands: Array) -> Array:
        return inside(y, sign / by_solved(*at(y, operands)))

    def by_other(slope: Slope) -> Slope:
        if slope is None or slope is no_slope:
            return slope

        def partial(y: Array, *operands: Array) -> Array:
            all_operands = at(y, operands)
            return inside(y, -slope(*all_operands) / by_solved(*all_operands))

        return partial

    partials: list[Slope] = [by_value] * count
    for other, place in zip(others, places, strict=True):
        partials[place] = by_other(slopes[other])
    return special(name, *partials, domain=domain, kink=kink)

"""The minimum of a function of one number, as loops of the graph.

The search of a bracket and Brent's method (1973) make SciPy's steps, so that they end in the
valley in which SciPy's end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.trace.control_flow import while_loop

_GOLD = 1.618034
_FARTHEST = 110.0
_VERY_SMALL = 1e-21
_BRACKET_LIMIT = 1000
_SHARE = 0.5 * (3.0 - np.sqrt(5.0))
_SHARE_OF_BRENT = 0.3819660
_LEAST_TOLERANCE = 1e-11
_ROUNDING = float(np.sqrt(2.2e-16))


class Bracket(NamedTuple):
    """Three points, of which the middle one is the lowest, and their values.

    Attributes
    ----------
    xa, xb, xc, fa, fb, fc
        The points and values.
    calls, steps
        Numbers of evaluations, and of steps of the search.
    """

    xa: Any
    xb: Any
    xc: Any
    fa: Any
    fb: Any
    fc: Any
    calls: Any
    steps: Any

    @property
    def is_valid(self) -> Any:
        """Whether there is a minimum between the outer points."""
        low = ((self.fb < self.fc) & (self.fb <= self.fa)) | (
            (self.fb < self.fa) & (self.fb <= self.fc)
        )
        between = (self.xb - self.xa) * (self.xc - self.xb) > 0
        return low & between & np.isfinite(self.xa) & np.isfinite(self.xb) & np.isfinite(self.xc)


def bracket(function: Callable[[Any], Any], xa: Any, xb: Any) -> Bracket:
    """Return three points around a minimum, downhill from two."""
    fa, fb = function(xa), function(xb)
    uphill = fa < fb
    xa, xb = np.where(uphill, xb, xa), np.where(uphill, xa, xb)
    fa, fb = np.where(uphill, fb, fa), np.where(uphill, fa, fb)
    xc = xb + _GOLD * (xb - xa)
    one = np.ones(())
    start = (Bracket(xa, xb, xc, fa, fb, function(xc), 3.0 * one, np.zeros(())), one < 0)

    def goes_on(state: Any) -> Any:
        now, is_over = state
        return ~is_over & (now.fc < now.fb) & (now.steps <= _BRACKET_LIMIT)

    def step(state: Any) -> Any:
        now, _ = state
        xa, xb, xc, fa, fb, fc, calls, steps = now
        left, right = (xb - xa) * (fb - fc), (xb - xc) * (fb - fa)
        bend = right - left
        twice = np.where(np.abs(bend) < _VERY_SMALL, 2.0 * _VERY_SMALL, 2.0 * bend)
        w = xb - ((xb - xc) * right - (xb - xa) * left) / twice
        farthest = xb + _FARTHEST * (xc - xb)
        inside = (w - xc) * (xb - w) > 0
        beyond = ~inside & ((w - farthest) * (farthest - xc) >= 0)
        outside = ~inside & ~beyond & ((w - farthest) * (xc - w) > 0)
        golden = xc + _GOLD * (xc - xb)
        w = np.where(beyond, farthest, np.where(inside | outside, w, golden))
        fw = function(w)
        falls = inside & (fw < fc)  # a minimum between xb and xc
        rises = inside & ~falls & (fw > fb)  # one between xa and w
        again = (inside & ~falls & ~rises) | (outside & (fw < fc))
        moved = outside & (fw < fc)
        next_xb, next_xc = np.where(moved, xc, xb), np.where(moved, w, xc)
        next_fb, next_fc = np.where(moved, fc, fb), np.where(moved, fw, fc)
        further = next_xc + _GOLD * (next_xc - next_xb)
        x = np.where(again, further, w)
        fx = np.where(again, function(x), fw)
        is_over = falls | rises
        pick: Callable[..., Any] = lambda fell, rose, went: np.where(
            falls, fell, np.where(rises, rose, went)
        )
        after = Bracket(
            pick(xb, xa, next_xb),
            pick(w, xb, next_xc),
            pick(xc, w, x),
            pick(fb, fa, next_fb),
            pick(fw, fb, next_fc),
            pick(fc, fw, fx),
            calls + np.where(again, 2.0, 1.0),
            steps + 1.0,
        )
        return after, is_over

    return while_loop(goes_on, step, start)[0]  # type: ignore[no-any-return]


class Valley(NamedTuple):
    """State of Brent's method.

    Attributes
    ----------
    a, b
        The interval that holds the minimum.
    x, w, v, fx, fw, fv
        The lowest point, the next ones, and their values.
    step, before
        The last step, and the one before it.
    calls, steps
        Numbers of evaluations and of steps.
    """

    a: Any
    b: Any
    x: Any
    w: Any
    v: Any
    fx: Any
    fw: Any
    fv: Any
    step: Any
    before: Any
    calls: Any
    steps: Any


def in_bracket(
    function: Callable[[Any], Any], around: Bracket, tolerance: Any, limit: int
) -> Valley:
    """Return the minimum in a bracket, to a relative tolerance."""
    low, high = np.minimum(around.xa, around.xc), np.maximum(around.xa, around.xc)
    near = lambda x: tolerance * np.abs(x) + _LEAST_TOLERANCE
    start = (around.xb, around.fb, around.calls)
    return _brent(function, low, high, start, near, _SHARE_OF_BRENT, limit)


def between(
    function: Callable[[Any], Any], low: Any, high: Any, tolerance: Any, limit: int
) -> Valley:
    """Return the minimum between two bounds, to an absolute tolerance."""
    x = low + _SHARE * (high - low)
    near = lambda x: _ROUNDING * np.abs(x) + tolerance / 3.0
    return _brent(function, low, high, (x, function(x), np.ones(())), near, _SHARE, limit)


def _brent(
    function: Callable[[Any], Any], low: Any, high: Any, start: tuple[Any, Any, Any],
    near: Callable[[Any], Any], share: float, limit: int,
) -> Valley:  # fmt: skip
    """Return the minimum in an interval by Brent's method.

    `start` is a point inside, its value, and the number of evaluations made; `near` is the
    tolerance at a point.
    """
    x, fx, calls = start
    zero = np.zeros(())

    def goes_on(now: Valley) -> Any:
        rest = 2.0 * near(now.x) - 0.5 * (now.b - now.a)
        is_wide = np.abs(now.x - 0.5 * (now.a + now.b)) > rest
        return is_wide & (now.steps < limit)

    def step(now: Valley) -> Valley:
        a, b, x, w, v, fx, fw, fv, last, before, calls, steps = now
        close, middle = near(x), 0.5 * (a + b)
        r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
        p = (x - v) * q - (x - w) * r
        q = 2.0 * (q - r)
        p, q = np.where(q > 0, -p, p), np.abs(q)
        fits = (np.abs(p) < np.abs(0.5 * q * before)) & (p > q * (a - x)) & (p < q * (b - x))
        fits = fits & (np.abs(before) > close)
        bent = p / np.where(fits, q, 1.0)
        u = x + bent
        is_at_end = (u - a < 2.0 * close) | (b - u < 2.0 * close)
        bent = np.where(is_at_end, np.where(middle >= x, close, -close), bent)
        whole = np.where(x >= middle, a - x, b - x)
        before, last = np.where(fits, last, whole), np.where(fits, bent, share * whole)
        moved = np.where(last >= 0, np.maximum(last, close), np.minimum(last, -close))
        u = x + moved
        fu = function(u)
        lower = fu <= fx
        a = np.where(lower & (u >= x), x, np.where(~lower & (u < x), u, a))
        b = np.where(lower & (u < x), x, np.where(~lower & (u >= x), u, b))
        second = ~lower & ((fu <= fw) | (w == x))
        third = ~lower & ~second & ((fu <= fv) | (v == x) | (v == w))
        shifts = lower | second
        v, fv = (
            np.where(shifts, w, np.where(third, u, v)),
            np.where(shifts, fw, np.where(third, fu, fv)),
        )
        w, fw = (
            np.where(lower, x, np.where(second, u, w)),
            np.where(lower, fx, np.where(second, fu, fw)),
        )
        x, fx = np.where(lower, u, x), np.where(lower, fu, fx)
        return Valley(a, b, x, w, v, fx, fw, fv, last, before, calls + 1.0, steps + 1.0)

    first = Valley(low, high, x, x, x, fx, fx, fx, zero, zero, calls, zero)
    return while_loop(goes_on, step, first)  # type: ignore[no-any-return]

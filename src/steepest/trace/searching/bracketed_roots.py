"""The root of a function of one number in a bracket, as a loop of the graph.

The method is Chandrupatla's (1997), which bisects or interpolates inversely. It goes on to the
last digits, so that its roots are those of SciPy's methods within their tolerances.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.arrays.solutions import FOUND, NO_BRACKET, NOT_CONVERGED
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.control_flow import while_loop

BRACKETING = ("brentq", "brenth", "bisect", "ridder", "toms748")
"""SciPy's methods that search in a bracket."""

XTOL = 2e-12
"""SciPy's own tolerance."""

_LIMIT = 400
"""Most steps; bisection alone needs fewer."""

_EPS = float(np.finfo(np.float64).eps)


def bracketed_root(function: Callable[[Any], Any], ends: Any, xtol: float) -> tuple[Any, Any]:
    """Return a root between two ends, followed by what became of the search; and its steps.

    `function` is of vectors of one element.
    """
    a, b = stop_gradient(ends[:1]), stop_gradient(ends[1:])
    fa, fb = function(a), function(b)
    start = (b, a, a, fb, fa, fa, np.full(1, 0.5), np.zeros(1))

    def tolerance(x1: Any, x2: Any, f1: Any, f2: Any) -> Any:
        best = np.where(np.abs(f1) < np.abs(f2), x1, x2)
        return (4.0 * _EPS * np.abs(best) + 1e-3 * xtol) / np.abs(x2 - x1)

    def goes_on(state: Any) -> Any:
        x1, x2, _, f1, f2, _, _, count = state
        is_open = (f1 != 0) & (f2 != 0) & (tolerance(x1, x2, f1, f2) <= 0.5)
        return (is_open & (np.sign(f1) * np.sign(f2) < 0) & (count < _LIMIT))[0]

    def step(state: Any) -> Any:
        x1, x2, _, f1, f2, _, share, count = state
        x = x1 + share * (x2 - x1)
        f = function(x)
        stays = np.sign(f) == np.sign(f1)
        x3, f3 = np.where(stays, x1, x2), np.where(stays, f1, f2)
        x2, f2 = np.where(stays, x2, x1), np.where(stays, f2, f1)
        x1, f1 = x, f
        xi, phi = (x1 - x2) / (x3 - x2), (f1 - f2) / (f3 - f2)
        bends = (phi**2 < xi) & ((1.0 - phi) ** 2 < 1.0 - xi)
        along = f1 / (f2 - f1) * f3 / (f2 - f3)
        across = (x3 - x1) / (x2 - x1) * f1 / (f3 - f1) * f2 / (f3 - f2)
        least = np.minimum(tolerance(x1, x2, f1, f2), 0.5)
        share = np.clip(np.where(bends, along + across, 0.5), least, 1.0 - least)
        return x1, x2, x3, f1, f2, f3, share, count + 1.0

    x1, x2, _, f1, f2, _, _, count = while_loop(goes_on, step, start)
    best = np.where(np.abs(f1) < np.abs(f2), x1, x2)
    has_bracket = np.sign(fa) * np.sign(fb) <= 0  # and so no NaN, and no underflow
    status = np.where(count < _LIMIT, FOUND, NOT_CONVERGED)
    status = np.where(has_bracket, status, NO_BRACKET)
    found = np.concatenate([np.where(has_bracket, best, np.nan), status])
    return stop_gradient(found), count

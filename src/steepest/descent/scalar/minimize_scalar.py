"""``minimize_scalar``: the entry point for minima of functions of one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function, value_and_gradient
from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import SCALARS
from steepest.descent.minimize import check_kinds
from steepest.descent.results.scalar_result import ScalarMinimum
from steepest.descent.results.status import Status
from steepest.descent.scalar.search import of_one_number, run_search
from steepest.errors import InputError
from steepest.graph.source import at, function_source
from steepest.trace import while_loop
from steepest.trace.searching.minima import (
    Bracket,
    Valley,
    between,
    bracket,
    in_bracket,
)

_XTOL = 1.48e-8
_XATOL = 1e-5
_LIMIT = 500
"""SciPy's defaults."""

_SECANT_STEPS = 8
_REACH = 4.0
"""How far beyond the interval that Brent's method leaves a secant step may lead."""

_OPTIONS = ("xtol", "xatol", "maxiter", "disp")
_GOLDEN = "Brent's method takes the place of golden: it makes golden steps where parabolas fail"


@entry_point(SCALARS)
def minimize_scalar(
    f: Callable[..., Any],
    bracket: Sequence[float] | None = None,
    bounds: Sequence[float] | None = None,
    args: Sequence[Any] = (),
    method: str | None = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> ScalarMinimum:
    """Minimize a function of one number, written in NumPy.

    The search is compiled as one loop. It makes the steps of SciPy's ``"brent"`` or ``"bounded"``,
    and so ends in the same valley. The secant method then finds where the exact slope is 0, to the
    last digits; values of the function determine half of them. Its steps are kept only if they
    lower the slope and do not raise the function beyond rounding.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns one real number for a number `x`.
    bracket : sequence of float, optional
        Two points from which to search downhill for a bracket, (0, 1) by default, or three points
        of which the middle one is the lowest.
    bounds : sequence of float, optional
        Lower and upper bound.
    args : tuple, optional
        Further arguments of the function. A single one need not be in a tuple.
    method : {"brent", "bounded", "golden"}, optional
        As SciPy's. By default ``"bounded"`` if there are bounds, else ``"brent"``, which
        ``"golden"`` leads to.
    tol : float, optional
        Tolerance of Brent's method, as SciPy's: relative, or absolute within bounds.
    options : dict, optional
        ``xtol``, ``xatol``, ``maxiter``, as SciPy's.

    Returns
    -------
    ScalarMinimum
        ``x``, ``fun``, ``success``, ``status``, ``message``, ``nfev``, ``nit`` as SciPy's result,
        and the slope at the minimum.

    Raises
    ------
    InputError
        If an argument is invalid, or if the middle point of a bracket is not the lowest.
    SettingError
        If the function is none.

    Notes
    -----
    A function that branches on its argument cannot be part of the loop. SciPy's own solver is then
    called, and ``reason`` says so.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> found = st.minimize_scalar(lambda x, a: np.cosh(x - a), args=(2.5,))
    >>> found.x, found.success
    (2.5, True)
    >>> st.minimize_scalar(np.exp, bounds=(-1, 2)).x
    -1.0
    """
    check_kinds(f, None, what="function")
    args = args if isinstance(args, tuple) else (args,)
    name = _method_of(method, bounds)
    points = _points_of(name, bracket, bounds)
    settings = _settings_of(name, tol, options)
    reason = _GOLDEN if method == "golden" else ""
    key = ("minimize_scalar", f, name, len(points), settings)
    found = run_search(key, lambda: _search(f, name, *settings), (np.array(points), *args))
    if isinstance(found, str):
        return _by_scipy(f, name, points, args, settings, found)
    x, value, slope, calls, steps, is_valid = [float(part) for part in found]
    if name != "bounded" and len(points) == 3 and not is_valid:
        raise InputError(
            f"bracket must have its lowest value in the middle: f{at(function_source(f))} is no "
            f"lower at {points[1]:g} than at {points[0]:g} and {points[2]:g}"
        )
    status = _status(x, value, steps, settings[1], bool(is_valid), slope == 0)
    message = f"{str(status).removesuffix('.')} (after {int(steps)} steps, at x = {x:.8g})."
    count = int(steps) + (name == "bounded")  # SciPy counts the first point, too
    return ScalarMinimum(x, value, int(calls), count, status, message, slope, reason)


def _method_of(method: Any, bounds: Any) -> str:
    name = str(method or ("bounded" if bounds is not None else "brent")).lower()
    if name not in ("brent", "bounded", "golden"):
        raise InputError(f"method must be 'brent', 'bounded' or 'golden', got {method!r}")
    if name == "bounded" and bounds is None:
        raise InputError("method='bounded' needs bounds=(low, high)")
    if name != "bounded" and bounds is not None:
        raise InputError(f"method={name!r} takes no bounds: leave method out, or bounds")
    return "brent" if name == "golden" else name


def _points_of(name: str, bracket: Any, bounds: Any) -> list[float]:
    """Return bounds or the points of a bracket as numbers."""
    given, what = (bounds, "bounds") if name == "bounded" else (bracket, "bracket")
    if given is None:
        return [0.0, 1.0]
    try:
        points = np.asarray(given, np.float64).reshape(-1)
    except (TypeError, ValueError):
        points = np.zeros(0)
    wanted = (2,) if name == "bounded" else (2, 3)
    if points.size not in wanted or not np.isfinite(points).all():
        raise InputError(f"{what} must be {' or '.join(map(str, wanted))} numbers, got {given!r}")
    if name == "bounded" and points[0] > points[1]:
        raise InputError(f"the lower bound {points[0]:g} is above the upper one {points[1]:g}")
    result: list[float] = points.tolist()
    if len(result) == 3 and not (result[0] < result[1] < result[2]):
        if not result[0] > result[1] > result[2]:
            raise InputError(f"the points of a bracket must be in order, got {given!r}")
        result.reverse()
    return result


def _settings_of(name: str, tol: Any, options: Any) -> tuple[float, int]:
    """Return the tolerance of Brent's method, and the limit on its steps."""
    given = dict(options or {})
    for option in given:
        if option not in _OPTIONS:
            raise InputError(f"options has {option!r}: known are {', '.join(_OPTIONS)}")
    own, default = ("xatol", _XATOL) if name == "bounded" else ("xtol", _XTOL)
    tolerance = given.get(own, default if tol is None else tol)
    if not tolerance >= 0:
        raise InputError(f"{own} must not be negative, got {tolerance!r}")
    return float(tolerance), int(given.get("maxiter", _LIMIT))


def _search(
    f: Callable[..., Any], name: str, tolerance: float, limit: int
) -> Callable[..., tuple[Any, ...]]:
    """Return the search as a function of its points and the further arguments."""

    def search(points: Any, *args: Any) -> tuple[Any, ...]:
        of_one = of_one_number(f, args)
        if name == "bounded":
            found, is_valid = between(of_one, points[0], points[1], tolerance, limit), True
            low, high = points[0], points[1]
        else:
            if points.size == 2:
                around = bracket(of_one, points[0], points[1])
            else:
                xa, xb, xc = (points[i] for i in range(3))
                values = of_one(xa), of_one(xb), of_one(xc)
                around = Bracket(xa, xb, xc, *values, np.full((), 3.0), np.zeros(()))
            is_valid = around.is_valid
            found = in_bracket(of_one, around, tolerance, limit)
            low = np.minimum(around.xa, around.xc)
            high = np.maximum(around.xa, around.xc)
        polished = _polished(of_one, found, low, high, name == "bounded")
        return (*polished, found.steps, np.where(is_valid, 1.0, 0.0))

    return search


def _polished(
    of_one: Callable[[Any], Any], found: Valley, low: Any, high: Any, has_bounds: bool
) -> tuple[Any, ...]:
    """Return the minimum where the slope is 0 by the secant method, its slope, and all calls.

    The function and its slope are evaluated in one place, since each is compiled once more.
    """
    both_at = value_and_gradient(Function(of_one))
    reach = _REACH * (found.b - found.a)
    x, value, calls = found.x, found.fx, found.calls
    if has_bounds:  # SciPy's search never evaluates the bounds themselves
        end = np.where(x - low < high - x, low, high)
        at_end = of_one(end)
        is_there = (np.abs(x - end) <= reach) & (at_end < value)
        x, value = np.where(is_there, end, x), np.where(is_there, at_end, value)
        calls = calls + 1.0
    zero = np.zeros(())
    other = np.where(found.w == x, found.v, found.w)
    start = _Secant(other, x, value, np.full((), np.inf), other, zero, zero, np.ones(()))

    def goes_on(now: _Secant) -> Any:
        return (now.count < 2) | ((now.moves > 0) & (now.count < _SECANT_STEPS))

    def step(now: _Secant) -> _Secant:
        there, slope = both_at(now.u)
        is_before, is_here = now.count == 0, now.count == 1
        rounding = 4 * np.finfo(np.float64).eps * np.abs(now.value)
        better = (np.abs(now.u - now.x) <= reach) & (there <= now.value + rounding)
        better = better & (np.abs(slope) < np.abs(now.slope)) & ~is_before & ~is_here
        x, at_x = np.where(better, now.u, now.x), np.where(better, there, now.value)
        g = np.where(better | is_here, slope, now.slope)
        before = np.where(better, now.x, now.before)
        g_before = np.where(is_before, slope, np.where(better, now.slope, now.slope_before))
        bend = (g - g_before) / np.where(x == before, 1.0, x - before)
        can_go = (bend > 0) & (x != before) & (g != 0)
        u = np.clip(x - g / np.where(can_go, bend, 1.0), low, high)
        moves = can_go & (u != x) & (better | is_here)
        u = np.where(is_before, now.x, u)
        moved = np.where(moves, 1.0, 0.0)
        return _Secant(u, x, at_x, g, before, g_before, now.count + 1.0, moved)

    end_state = while_loop(goes_on, step, start)
    return end_state.x, end_state.value, end_state.slope, calls + end_state.count


class _Secant(NamedTuple):
    """State of the secant method for the slope.

    Attributes
    ----------
    u
        Where it looks next: first at another point, then at the minimum of Brent's method.
    x, value, slope
        The lowest point, and value and slope there.
    before, slope_before
        The point before it, and the slope there.
    count, moves
        Number of evaluations, and whether there is a next point.
    """

    u: Any
    x: Any
    value: Any
    slope: Any
    before: Any
    slope_before: Any
    count: Any
    moves: Any


def _status(
    x: float, value: float, steps: float, limit: int, is_valid: bool, is_flat: bool
) -> Status:
    """Return how a search ended; `is_valid` says whether a bracket was found."""
    if math.isnan(x) or math.isnan(value):
        return Status.DIVERGED
    if value == -math.inf:
        return Status.UNBOUNDED
    if not is_valid:
        return Status.FLAT if is_flat else Status.UNBOUNDED
    return Status.ITERATION_LIMIT if steps >= limit else Status.CONVERGED


def _by_scipy(
    f: Callable[..., Any], name: str, points: list[float], args: tuple[Any, ...],
    settings: tuple[float, int], why: str,
) -> ScalarMinimum:  # fmt: skip
    """Return the result of SciPy's solver, which calls the function as it is."""
    import scipy.optimize

    tolerance, limit = settings
    where = {"bounds": points} if name == "bounded" else {"bracket": points}
    own = {"xatol" if name == "bounded" else "xtol": tolerance, "maxiter": limit}
    found = scipy.optimize.minimize_scalar(f, args=args, method=name, options=own, **where)
    x, value = float(found.x), float(np.asarray(found.fun).reshape(-1)[0])
    has_bracket = found.success or found.nit >= limit
    is_flat = not has_bracket and all(float(f(point, *args)) == value for point in points)
    ended = _status(x, value, found.nit, limit, has_bracket, is_flat)
    status = Status.CONVERGED if found.success else ended
    return ScalarMinimum(
        x, value, int(found.nfev), int(found.nit), status, str(found.message), math.nan,
        f"SciPy's own {name}, on the function as it is: {why}",
    )  # fmt: skip

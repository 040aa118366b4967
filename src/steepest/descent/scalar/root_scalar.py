"""``root_scalar``: the entry point for roots of functions of one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.descent.calling.entry import entry_point
from steepest.descent.calling.scipy_compat import SCALARS
from steepest.descent.minimize import check_kinds
from steepest.descent.problem.objective import FirstOf
from steepest.descent.results.scalar_result import ScalarRoot
from steepest.descent.results.status import Status
from steepest.descent.root import root
from steepest.descent.scalar.search import of_one_number, run_search
from steepest.errors import InputError
from steepest.graph.source import at, function_source
from steepest.ops.arrays.solutions import FOUND, NO_BRACKET
from steepest.trace.searching.bracketed_roots import BRACKETING, XTOL, bracketed_root

_NEARER = (4096.0, 256.0, 16.0, 2.0, 1.0)
"""Distances from a root at which the function is looked at, in multiples of the smallest."""

_GROWTH = 1.01
"""Growth of the function from one of these distances to the next at a pole, which a logarithm
reaches."""


@entry_point(SCALARS)
def root_scalar(
    f: Callable[..., Any],
    args: Sequence[Any] = (),
    method: str | None = None,
    bracket: Sequence[float] | None = None,
    fprime: Any = None,
    fprime2: Any = None,
    x0: float | None = None,
    x1: float | None = None,
    xtol: float | None = None,
    rtol: float | None = None,
    maxiter: int | None = None,
    options: Mapping[str, Any] | None = None,
) -> ScalarRoot:
    """Solve one equation in one unknown, written in NumPy.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` returns what must become zero, for a number `x`.
    args : tuple, optional
        Further arguments of the function. A single one need not be in a tuple.
    method : str, optional
        SciPy's names. ``"brentq"``, ``"brenth"``, ``"bisect"``, ``"ridder"`` and ``"toms748"``
        lead to Chandrupatla's method [1]_, a compiled loop in a bracket that ends at the last
        digits. ``"newton"``, ``"halley"`` and ``"secant"`` lead to :func:`root` from `x0`.
    bracket : sequence of float, optional
        Two points where the function has different signs.
    fprime, fprime2 : callable or True, optional
        Accepted as SciPy's, and not called: derivatives are exact. True says that `f` returns the
        derivatives, too.
    x0 : float, optional
        Start value, where there is no bracket.
    x1 : float, optional
        SciPy's second start value of the secant method, which has no effect.
    xtol, rtol, maxiter : float, optional
        Accepted as SciPy's. The root is found to the last digits anyway.
    options : dict, optional
        SciPy's options, which have no effect.

    Returns
    -------
    ScalarRoot
        ``root``, ``converged``, ``iterations``, ``function_calls``, ``flag``, as SciPy's result.

    Raises
    ------
    InputError
        If an argument is invalid, or if the signs at both ends of the bracket are the same.
    SettingError
        If the function is none.

    References
    ----------
    .. [1] T. R. Chandrupatla, "A new hybrid quadratic/bisection algorithm for finding the zero of
       a nonlinear function without using derivatives", Advances in Engineering Software 28 (3),
       145-149, 1997.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.root_scalar(lambda x, a: x**3 - a, args=(8.0,), bracket=(0, 5)).root
    2.0
    >>> round(st.root_scalar(lambda x: np.exp(-x) - x, x0=1.0).root, 6)
    0.567143
    """
    check_kinds(f, None, what="function")
    args = args if isinstance(args, tuple) else (args,)
    if fprime2 is True:
        f = FirstOf(f, 3, "fprime2")
    elif fprime is True:
        f = FirstOf(f, 2, "fprime")
    known_names = (*BRACKETING, "newton", "halley", "secant")
    if method is not None and method not in known_names:
        raise InputError(f"method must be one of {', '.join(known_names)}, got {method!r}")
    if bracket is None or method in ("newton", "halley", "secant"):
        if x0 is None:
            raise InputError("root_scalar needs bracket=(low, high) or x0=")
        if np.size(x0) != 1:
            raise InputError(f"x0 must be one number, got {x0!r}: st.root takes several")
        return _from_start(f, args, float(np.reshape(x0, ())))
    points = np.asarray(bracket, np.float64).reshape(-1)
    if points.size != 2:
        raise InputError(f"bracket must be two numbers, got {bracket!r}")
    key = ("root_scalar", f)
    answer = run_search(key, lambda: _root_search(f), (points, *args))
    if isinstance(answer, str):
        return _root_by_scipy(f, points, args, method or "brentq", answer)
    found, steps = answer
    value, ended = found.tolist()
    if ended == NO_BRACKET:
        raise InputError(
            f"f{at(function_source(f))} must have different signs at the two ends of the bracket, "
            f"{points[0]:g} and {points[1]:g}"
        )
    status = _status(f, args, value, points, ended == FOUND, 1e-3 * XTOL)
    reason = "Chandrupatla's method in the bracket, to the last digits"
    count = int(steps[0])
    return ScalarRoot(value, count, count + 2, status, "chandrupatla", reason)


def _root_search(f: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    def search(points: Any, *args: Any) -> tuple[Any, Any]:
        of_one = of_one_number(f, args)
        return bracketed_root(lambda x: np.reshape(of_one(x[0]), (1,)), points, 0.0)

    return search


def _status(
    f: Any, args: tuple[Any, ...], root: float, points: np.ndarray, is_found: bool, xtol: float
) -> Status:
    """Return how a search in a bracket ended: at a root, a jump, or a pole.

    `xtol` is the absolute tolerance of the search. At a jump the function changes its sign, which
    is all that a bracket promises. At a pole it grows on both sides, the nearer the more.
    """
    if not is_found:
        return Status.ITERATION_LIMIT
    nearest = 100.0 * (4.0 * float(np.finfo(np.float64).eps) * abs(root) + xtol)
    offsets = nearest * np.outer([-1.0, 1.0], _NEARER)
    inside = (root + offsets > np.min(points)) & (root + offsets < np.max(points))
    with np.errstate(all="ignore"):
        for side in (offsets[k][inside[k]] for k in range(2)):
            sizes = [float(np.max(np.abs(f(np.float64(root + h), *args)))) for h in (*side, 0.0)]
            if len(sizes) < 4 or not _grows(np.array(sizes)):
                return Status.CONVERGED
    return Status.POLE


def _grows(sizes: np.ndarray) -> bool:
    """Return whether sizes grow by more than rounding; the last is that at the root itself."""
    towards = sizes[:-1]
    return bool(np.all(towards[1:] > _GROWTH * towards[:-1]) and not sizes[-1] < towards[-1])


def _from_start(f: Any, args: tuple[Any, ...], x0: float) -> ScalarRoot:
    found = root(f, x0, args)
    x = float(np.reshape(found.x, ()))
    name = type(found.method).__name__.lower()
    return ScalarRoot(x, found.nit, found.nfev, found.status, name, found.reason)


def _root_by_scipy(
    f: Any, points: np.ndarray, args: tuple[Any, ...], method: str, why: str
) -> ScalarRoot:
    """Return the result of SciPy's solver, which calls the function as it is."""
    import scipy.optimize

    try:
        found = scipy.optimize.root_scalar(f, args, method, points.tolist(), xtol=XTOL)
    except ValueError as error:
        raise InputError(f"f{at(function_source(f))}: {error}") from error
    status = _status(f, args, found.root, points, found.converged, XTOL)
    reason = f"SciPy's own {method}, on the function as it is: {why}"
    return ScalarRoot(
        float(found.root), found.iterations, found.function_calls, status, method, reason
    )

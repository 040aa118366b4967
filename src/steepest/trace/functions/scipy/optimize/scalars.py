"""Roots and minima of functions of one number, as `scipy.optimize` has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.arrays.solutions import FOUND
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.follow import follow
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.optimize.searches import (
    Found,
    arguments,
    demand_found,
    given,
    solve,
)
from steepest.trace.functions.scipy.registry import demand_one_of, of_scipy
from steepest.trace.recording.session import current
from steepest.trace.searching.bracketed_roots import BRACKETING


def _pair(a: Any, b: Any) -> Array:
    return np.stack([np.reshape(as_traced(end), ()).astype(np.float64) for end in (a, b)])


def _result(root: Array, status: Array) -> Found:
    return Found(root=root, converged=status == FOUND)


def _bracketing(name: str) -> Callable[..., Any]:
    def implementation(
        f: Any, a: ArrayLike, b: ArrayLike, args: Any = (), xtol: Any = None, rtol: Any = None,
        maxiter: Any = None, full_output: bool = False, disp: bool = True, k: Any = None,
    ) -> Any:  # fmt: skip
        options = given(xtol=xtol, rtol=rtol, maxiter=maxiter, k=k)
        x, status = solve(name, name, f, _pair(a, b), 0.0, arguments(args), options=options)
        demand_found(name, status, disp)
        return (x[0], _result(x[0], status)) if full_output else x[0]

    implementation.__name__ = name
    return implementation


for _name in BRACKETING[:-1]:
    of_scipy("optimize")(_bracketing(_name))


@of_scipy("optimize")
def toms748(
    f: Any, a: ArrayLike, b: ArrayLike, args: Any = (), k: int = 1, xtol: Any = None,
    rtol: Any = None, maxiter: Any = None, full_output: bool = False, disp: bool = True,
) -> Any:  # fmt: skip
    find = _bracketing("toms748")
    return find(f, a, b, args, xtol, rtol, maxiter, full_output, disp, k)


@of_scipy("optimize")
def newton(
    func: Any, x0: ArrayLike, fprime: Any = None, args: Any = (), tol: float = 1.48e-8,
    maxiter: int = 50, fprime2: Any = None, x1: ArrayLike = None, rtol: float = 0.0,
    full_output: bool = False, disp: bool = True,
) -> Any:  # fmt: skip
    x0 = as_traced(x0)
    options = {"tol": tol, "maxiter": maxiter, "rtol": rtol}
    start = np.ravel(x0).astype(np.float64)
    if x1 is not None:
        options["secant"] = True
        start = np.concatenate([start, np.ravel(as_traced(x1)).astype(np.float64)])
    x, status = solve(
        "newton", "newton", func, start, np.zeros(x0.shape), arguments(args), slope=fprime,
        curvature=fprime2, options=options,
    )  # fmt: skip
    demand_found("newton", status, disp)
    x = np.reshape(x, x0.shape) if x0.ndim else x[0]
    if not full_output:
        return x
    if x0.ndim:
        refuse("scipy.optimize.newton of an array with full_output=True")
    return x, _result(x, status)


@of_scipy("optimize")
def root_scalar(
    f: Any, args: Any = (), method: str | None = None, bracket: Any = None, fprime: Any = None,
    fprime2: Any = None, x0: Any = None, x1: Any = None, xtol: Any = None, rtol: Any = None,
    maxiter: Any = None, options: Any = None,
) -> Found:  # fmt: skip
    if fprime is True or fprime2 is True:
        refuse("scipy.optimize.root_scalar with fprime=True")
    method = method or _method_for(bracket, fprime, fprime2, x0, x1)
    known = (*BRACKETING, "newton", "secant", "halley")
    demand_one_of("optimize.root_scalar", "method", method, known)
    settings = given(**(options or {}), maxiter=maxiter)
    if method in BRACKETING:
        settings = given(**settings, xtol=xtol, rtol=rtol)
        if bracket is None:
            raise InputError(
                f"scipy.optimize.root_scalar{at(user_source())}: method={method!r} needs bracket="
            )
        start, solver = _pair(*bracket), method
        fprime = fprime2 = None
    else:
        settings = given(**settings, tol=xtol, rtol=rtol)
        start, solver = np.reshape(as_traced(x0), (1,)).astype(np.float64), "newton"
        if method == "secant":
            fprime = fprime2 = None
            if x1 is not None:
                settings["secant"], start = True, _pair(x0, x1)
        fprime2 = fprime2 if method == "halley" else None
    x, status = solve(
        "root_scalar", solver, f, start, 0.0, arguments(args), slope=fprime, curvature=fprime2,
        options=settings,
    )  # fmt: skip
    demand_found("root_scalar", status, converged=False)
    return _result(x[0], status)


def _method_for(bracket: Any, fprime: Any, fprime2: Any, x0: Any, x1: Any) -> str:
    """Return the method that SciPy chooses."""
    if bracket is not None:
        return "brentq"
    if x0 is None:
        raise InputError(f"scipy.optimize.root_scalar{at(user_source())} needs bracket= or x0=")
    if fprime is not None:
        return "halley" if fprime2 is not None and x1 is None else "newton"
    return "secant"


@of_scipy("optimize")
def minimize_scalar(
    fun: Any, bracket: Any = None, bounds: Any = None, args: Any = (), method: Any = None,
    tol: Any = None, options: Any = None,
) -> Found:  # fmt: skip
    method = str(method or ("bounded" if bounds is not None else "brent")).lower()
    demand_one_of("optimize.minimize_scalar", "method", method, ("brent", "bounded", "golden"))
    settings = {key: value for key, value in (options or {}).items() if key != "disp"}
    if tol is not None:
        settings["tol"] = tol
    ends = bounds if method == "bounded" else bracket
    if method == "bounded" and bounds is None:
        raise InputError(
            f"scipy.optimize.minimize_scalar{at(user_source())}: method='bounded' needs bounds="
        )
    parts = [np.reshape(as_traced(end), ()).astype(np.float64) for end in ends or ()]
    start = np.stack(parts) if parts else np.zeros(0)
    args = arguments(args)
    x, status = solve(
        "minimize_scalar", f"minimize_scalar:{method}", fun, start, 0.0, args, kind="minimum",
        options=settings,
    )  # fmt: skip
    found = x[0]
    if method == "bounded":
        found = _with_active_bounds(found, parts, float(settings.get("xatol", tol or 1e-5)))
    value = follow(fun, current())(found, *args)
    return Found(x=found, fun=value, success=status == FOUND, message="")


_ROUNDING = float(np.sqrt(np.finfo(np.float64).eps))
"""SciPy's search does not tell points apart that are nearer than this share of them."""


def _with_active_bounds(x: Array, bounds: list[Array], tolerance: float) -> Array:
    """Return a minimum that follows a bound where it lies at it, as near as SciPy comes."""
    for bound in bounds:
        near = tolerance + _ROUNDING * np.abs(stop_gradient(x))
        is_there = np.abs(stop_gradient(x - bound)) <= 4.0 * near
        x = np.where(is_there, stop_gradient(x - bound) + bound, x)
    return x

"""Roots of systems, fixed points and nonnegative least squares, as `scipy.optimize` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.ops.arrays.solutions import FOUND, nonnegative_support
from steepest.trace.arrays.array import as_traced, record
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
from steepest.trace.functions.scipy.registry import demand_one_of, floats, of_scipy
from steepest.trace.recording.session import current

METHODS = (
    "hybr", "lm", "broyden1", "broyden2", "anderson", "linearmixing", "diagbroyden",
    "excitingmixing", "krylov", "df-sane",
)  # fmt: skip
"""Methods of ``scipy.optimize.root``."""


@of_scipy("optimize")
def fsolve(
    func: Any, x0: ArrayLike, args: Any = (), fprime: Any = None, full_output: int = 0,
    col_deriv: int = 0, xtol: float = 1.49012e-8, maxfev: int = 0, band: Any = None,
    epsfcn: Any = None, factor: float = 100, diag: Any = None,
) -> Any:  # fmt: skip
    if col_deriv or band is not None or diag is not None:
        refuse("scipy.optimize.fsolve with col_deriv=, band= or diag=")
    if fprime is not None:  # its values only help the search, which estimates them
        fprime = None
    x0 = np.ravel(as_traced(x0))
    options = given(xtol=xtol, maxfev=maxfev, epsfcn=epsfcn, factor=factor)
    x, status = solve(
        "fsolve", "fsolve", func, x0, np.zeros(x0.size), arguments(args), options=options
    )
    if not full_output:
        return x
    value = follow(func, current())(x, *arguments(args))
    return x, {"fvec": as_traced(value)}, np.where(status == FOUND, 1, 5), ""


@of_scipy("optimize")
def root(
    fun: Any, x0: ArrayLike, args: Any = (), method: str = "hybr", jac: Any = None,
    tol: Any = None, callback: Any = None, options: Any = None,
) -> Found:  # fmt: skip
    demand_one_of("optimize.root", "method", method, METHODS)
    if callback is not None or jac is True:
        refuse("scipy.optimize.root with callback= or jac=True")
    x0 = as_traced(x0)
    like = np.zeros(x0.shape or (1,))
    settings = {key: value for key, value in (options or {}).items() if key != "disp"}
    x, status = solve(
        "root", f"root:{method}", fun, x0, like, arguments(args),
        options=given(**settings, tol=tol),
    )  # fmt: skip
    x = np.reshape(x, like.shape)
    value = follow(fun, current())(x, *arguments(args))
    return Found(x=x, fun=as_traced(value), success=status == FOUND, message="")


@of_scipy("optimize")
def fixed_point(
    func: Any, x0: ArrayLike, args: Any = (), xtol: float = 1e-8, maxiter: int = 500,
    method: str = "del2",
) -> Array:  # fmt: skip
    demand_one_of("optimize.fixed_point", "method", method, ("del2", "iteration"))
    x0 = as_traced(x0)
    x, status = solve(
        "fixed_point", "fixed_point", func, x0, np.zeros(x0.shape), arguments(args),
        kind="fixed point", options={"xtol": xtol, "maxiter": maxiter, "method": method},
    )  # fmt: skip
    demand_found("fixed_point", status)
    return np.reshape(x, x0.shape) if x0.ndim else x[0]


@of_scipy("optimize")
def nnls(A: ArrayLike, b: ArrayLike, *, maxiter: int | None = None, atol: Any = None) -> Any:
    """Solve for the elements that are not zero; which they are has no slope."""
    if maxiter is not None or atol is not None:
        refuse("scipy.optimize.nnls with maxiter= or atol=")
    A, b = floats(A, b)
    if A.ndim != 2 or b.shape != A.shape[:1]:
        raise InputError(
            f"scipy.optimize.nnls{at(user_source())}: shapes {A.shape} and {b.shape} do not fit"
        )
    chosen = np.where(nonnegative_support(A, b), A, 0.0)
    cutoff = max(A.shape) * float(np.finfo(A.dtype).eps)
    x = np.matmul(record(TABLE["pinv"], chosen, rcond=cutoff), b)
    return x, np.linalg.norm(np.matmul(A, x) - b)

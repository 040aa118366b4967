"""``scipy.integrate.odeint`` in a traced function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.scipy.integrate.arguments import (
    ignored,
    is_known,
    is_true,
    records,
    refuse,
    step_limits,
    tolerances,
)
from steepest.trace.functions.scipy.integrate.initial_value.lsoda import stand_in
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem
from steepest.trace.functions.scipy.integrate.initial_value.solution import Path
from steepest.trace.functions.scipy.integrate.right_side import record_right_side
from steepest.trace.recording.session import current

_NAME = "scipy.integrate.odeint"
_TOLERANCE = 1.49012e-8
"""The tolerance if none is given, as in SciPy."""


@records(
    _NAME,
    **ignored("Dfun", "col_deriv", "ml", "mu", "ixpr", "mxhnil", "mxordn", "mxords", "printmessg"),
)
def odeint(
    func: Callable[..., Any], y0: Any, t: Any, args: Any = (), Dfun: Any = None,
    col_deriv: Any = 0, full_output: Any = 0, ml: Any = None, mu: Any = None, rtol: Any = None,
    atol: Any = None, tcrit: Any = None, h0: Any = 0.0, hmax: Any = 0.0, hmin: Any = 0.0,
    ixpr: Any = 0, mxstep: Any = 0, mxhnil: Any = 0, mxordn: Any = 12, mxords: Any = 5,
    printmessg: Any = 0, tfirst: bool = False,
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.odeint``, or call it if nothing is traced.

    The method is that of `initial_value.lsoda`. The Jacobian is known exactly, and the number of
    steps is limited as in ``solve_ivp``: `Dfun`, `col_deriv`, `ml`, `mu`, `mxstep`, `mxordn`,
    `mxords` and what is printed have no effect. Where the solver does not get, values are NaN.
    """
    if full_output:
        refuse(_NAME, "with full_output=True", "leave it out, and read the solution alone")
    if tcrit is not None:
        refuse(_NAME, "with tcrit=", "solve the parts between these times one after the other")
    if np.any(hmin):
        refuse(_NAME, "with hmin=", "leave it out")
    args = args if isinstance(args, tuple) else (args,)
    start: Any = np.atleast_1d(as_traced(y0).astype(np.float64))
    times = as_traced(t).astype(np.float64)
    if start.ndim != 1 or times.ndim != 1:
        raise InputError(f"{_NAME}{at(user_source())}: y0 and t must have one axis")
    fun = record_right_side(_NAME, func, start, start.size, args, time_first=bool(tfirst))
    if fun.is_plain and is_known(start) and is_known(times):
        import scipy.integrate

        known = [current().known_value(x.node) for x in (start, times)]
        return scipy.integrate.odeint(
            func, *known, args, rtol=rtol, atol=atol, h0=h0, hmax=hmax, mxstep=mxstep,
            tfirst=tfirst,
        )  # fmt: skip
    if not times.size:
        return np.zeros((0, start.size))
    first, last = times[0], times[-1]
    largest, smallest = hmax if np.any(hmax) else np.inf, h0 if np.any(h0) else None
    direction = -1.0 if is_true(last < first) else 1.0
    rtol, atol = (_TOLERANCE if x is None else x for x in (rtol, atol))
    problem = Problem(
        _NAME, fun, first, last, direction, start, *tolerances(_NAME, rtol, atol, start.size),
        *step_limits(_NAME, largest, smallest, first, last),
    )  # fmt: skip
    return Path(problem, stand_in(problem, times), times).at(times).T

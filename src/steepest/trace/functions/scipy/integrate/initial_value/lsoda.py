"""A stand-in for LSODA: one method for the whole interval, chosen as LSODA chooses.

LSODA starts with Adams' formulas, and switches to backward differentiation where the problem is
stiff. Here, SciPy's LSODA solves the problem once, when the function is recorded. If it stays
with Adams' formulas, the problem is solved with DOP853, else with Radau IIA, both with the
tolerances that were asked for. The results agree with LSODA's to the tolerance, and are mostly
closer to the exact solution.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.arrays.loops import run_step
from steepest.trace.arrays.array import node_of
from steepest.trace.functions.scipy.integrate.initial_value.explicit import Explicit
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem
from steepest.trace.functions.scipy.integrate.initial_value.radau import Radau
from steepest.trace.recording.session import current

_STEPS = 100_000
_BACKWARD_DIFFERENTIATION = 2


def stand_in(problem: Problem, times: Any) -> Any:
    """Return the method that solves a problem in place of LSODA."""
    import scipy.integrate

    known: Callable[..., Any] = lambda x: np.array(current().value(node_of(x)), float)
    try:
        outer = [known(x) for x in problem.fun.outer]
        y0, places = known(problem.y0), known(times)
    except UnsupportedError as error:
        raise UnsupportedError(
            f"{problem.name}{at(user_source())} cannot be recorded inside a loop that stays in "
            "the graph, because its method depends on values: call it outside of the loop"
        ) from error

    def fun(t: float, y: np.ndarray) -> Any:
        return run_step(problem.fun.graph, [np.reshape(t, (1,)), y, *outer])[0]

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        _, facts = scipy.integrate.odeint(
            fun, y0, places, rtol=problem.rtol, atol=problem.atol, full_output=True, tfirst=True,
            mxstep=_STEPS,
        )  # fmt: skip
    is_stiff = np.any(np.asarray(facts["mused"]) == _BACKWARD_DIFFERENTIATION)
    return Radau() if is_stiff else Explicit(scipy.integrate.DOP853)

"""The loop in which a method chooses its steps, and looks for events after each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.functions.scipy.integrate.collecting import Collected, collect
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem


def walk(
    problem: Problem, attempt: Callable[..., Any], start: Any, state: Callable[[Any], Any]
) -> Collected:
    """Try steps from the start of a problem to its end, or to an event that ends it.

    Parameters
    ----------
    problem
        The problem.
    attempt
        Function of what is carried. It returns what to carry on, a row, and whether the step is
        accepted. What is carried has the time "t" and whether the solver has "failed".
    start
        What is carried at first.
    state
        Function of what is carried that returns the state.

    Returns
    -------
    Collected
        The accepted steps. If there are events, each row has which of them "fired", and the
        carry has whether one of them "stopped" the solution.
    """
    if not problem.events:
        alone: Callable[..., Any] = lambda carry: problem.goes_on(carry["t"], carry["failed"])
        return collect(alone, attempt, start)
    signs = np.array([event.direction for event in problem.events], float)
    most = np.array([event.most for event in problem.events], float)
    values: Callable[..., Any] = lambda t, y: np.concatenate([e.fun(t, y) for e in problem.events])
    watched = {
        "inner": start, "values": values(problem.t0, problem.y0),
        "count": np.zeros(len(signs)), "stopped": np.array(False),
    }  # fmt: skip

    def watched_attempt(carry: Any) -> tuple[Any, Any, Any]:
        inner, row, accept = attempt(carry["inner"])
        before, after = carry["values"], values(inner["t"], state(inner))
        rises, falls = (before <= 0) & (after >= 0), (before >= 0) & (after <= 0)
        fires = accept & ((rises & (signs >= 0)) | (falls & (signs <= 0)))
        count = carry["count"] + np.where(fires, 1.0, 0.0)
        carried = {
            "inner": inner, "values": np.where(accept, after, before), "count": count,
            "stopped": carry["stopped"] | np.any(fires & (count >= most)),
        }  # fmt: skip
        last = fires & (count >= most)
        return carried, {**row, "fired": fires * 1.0, "ended": last * 1.0}, accept

    def goes_on(carry: Any) -> Any:
        inner = carry["inner"]
        return problem.goes_on(inner["t"], inner["failed"]) & ~carry["stopped"]

    found = collect(goes_on, watched_attempt, watched)
    return found._replace(carry={**found.carry["inner"], "stopped": found.carry["stopped"]})

"""The loop in which a method chooses its steps, and looks for events after each of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.functions.scipy.integrate.collecting import Collected, collect
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem

MOST_STEPS, MOST_IMPLICIT_STEPS = 100_000, 20_000
"""Most steps that are tried: compiled code cannot be interrupted, and has to end by itself. An
implicit step takes longer."""


def walk(
    problem: Problem,
    attempt: Callable[..., Any],
    start: Any,
    state: Callable[[Any], Any],
    most: int,
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
    most
        Most steps that are tried. A solution that needs more has failed.

    Returns
    -------
    Collected
        The accepted steps. The carry has whether the solver has "failed", and whether that is
        because it "gave_up" after too many steps. If there are events, each row has which of
        them "fired", and the carry has whether one of them "stopped" the solution.
    """
    step, first, goes_on = attempt, start, _is_under_way(problem)
    if problem.events:
        step, first, goes_on = _watched(problem, attempt, start, state)

    def counted(carry: Any) -> tuple[Any, Any, Any]:
        after, row, accept = step(carry["of"])
        return {"of": after, "tries": carry["tries"] + 1}, row, accept

    found = collect(
        lambda carry: goes_on(carry["of"]) & (carry["tries"] < most),
        counted,
        {"of": first, "tries": np.asarray(0.0)},
        lambda carry: (carry["tries"] >= most) & goes_on(carry["of"]),
    )
    last = found.carry["of"]
    events = {"stopped": last["stopped"]} if problem.events else {}
    inner = last["inner"] if problem.events else last
    failed = inner["failed"] | found.gave_up
    return found._replace(carry={**inner, **events, "failed": failed, "gave_up": found.gave_up})


def _is_under_way(problem: Problem) -> Callable[[Any], Any]:
    """Return the function of what is carried that says whether the end is not reached."""
    return lambda carry: problem.goes_on(carry["t"], carry["failed"])


def _watched(
    problem: Problem, attempt: Callable[..., Any], start: Any, state: Callable[[Any], Any]
) -> tuple[Callable[..., Any], Any, Callable[..., Any]]:
    """Return a step that looks for events, what it starts with, and whether it goes on."""
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

    goes_on: Callable[..., Any] = lambda carry: (
        _is_under_way(problem)(carry["inner"]) & ~carry["stopped"]
    )
    return watched_attempt, watched, goes_on

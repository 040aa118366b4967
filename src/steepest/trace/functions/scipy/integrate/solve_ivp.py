"""``scipy.integrate.solve_ivp`` in a traced function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced, node_of
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.scipy.integrate.arguments import (
    is_known,
    is_true,
    records,
    refuse,
    step_limits,
    tolerances,
)
from steepest.trace.functions.scipy.integrate.initial_value.bdf import Bdf
from steepest.trace.functions.scipy.integrate.initial_value.events import (
    Occurrences,
    recorded_events,
)
from steepest.trace.functions.scipy.integrate.initial_value.explicit import Explicit
from steepest.trace.functions.scipy.integrate.initial_value.lsoda import stand_in
from steepest.trace.functions.scipy.integrate.initial_value.problem import Problem
from steepest.trace.functions.scipy.integrate.initial_value.radau import Radau
from steepest.trace.functions.scipy.integrate.initial_value.solution import (
    DenseSolution,
    Path,
    Solution,
    plain,
)
from steepest.trace.functions.scipy.integrate.right_side import record_right_side
from steepest.trace.recording.session import current

_NAME = "scipy.integrate.solve_ivp"

_MESSAGES = {
    0: "The solver successfully reached the end of the integration interval.",
    1: "A termination event occurred.",
    -1: "Required step size is less than spacing between numbers.",
}
_GAVE_UP = "The solver did not reach the end of the integration interval in {} steps."


@records(_NAME)
def solve_ivp(
    fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None,
    dense_output: bool = False, events: Any = None, vectorized: bool = False, args: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.solve_ivp``, or call it if nothing is traced.

    The number of steps is limited, as compiled code cannot be interrupted: 100,000 for explicit
    methods, 20,000 for implicit ones. A solution that needs more has failed, as one whose step
    size becomes too small: ``success`` is False, and its values are NaN.
    """
    name = method if isinstance(method, str) else getattr(method, "__name__", str(method))
    first, last = t_span
    y0 = as_traced(y0).astype(np.float64)
    if y0.ndim != 1:
        raise InputError(f"{_NAME}{at(user_source())}: `y0` must be 1-dimensional.")
    fun_of = record_right_side(_NAME, fun, y0, y0.size, args or (), vectorized=bool(vectorized))
    given = [first, last, y0, *([] if t_eval is None else [t_eval])]
    if fun_of.is_plain and all(map(is_known, given)):
        import scipy.integrate

        first, last, y0, *places = [current().known_value(as_traced(x).node) for x in given]
        return scipy.integrate.solve_ivp(
            fun, (first, last), y0, method, places[0] if places else None, dense_output, events,
            vectorized, args, **options,
        )  # fmt: skip
    first, last = (as_traced(x).astype(np.float64) for x in (first, last))
    direction = -1.0 if is_true(last < first) else 1.0
    rtol, atol = options.pop("rtol", 1e-3), options.pop("atol", 1e-6)
    max_step, first_step = options.pop("max_step", np.inf), options.pop("first_step", None)
    for unused in ("jac", "jac_sparsity", "lband", "uband"):
        options.pop(unused, None)  # the Jacobian is known exactly
    if options:
        refuse(_NAME, f"with {next(iter(options))}=", "leave it out")
    problem = Problem(
        _NAME, fun_of, first, last, direction, y0, *tolerances(_NAME, rtol, atol, y0.size),
        *step_limits(_NAME, max_step, first_step, first, last),
        recorded_events(_NAME, events, y0, args or ()),
    )  # fmt: skip
    times = None if t_eval is None else _checked_times(t_eval, problem)
    if name == "LSODA":
        chosen = stand_in(problem, first + np.linspace(0, 1, 33) * (last - first))
    else:
        chosen = _method(name)
    path = Path(problem, chosen, None if dense_output else times)
    return Solution(_fields(path, times, bool(dense_output)))


def _fields(path: Path, times: Any, is_dense: bool) -> dict[str, Callable[[], Any]]:
    """Return what makes each field of the result."""
    occurrences = Occurrences(path) if path.problem.events else None
    stop = _first_known(occurrences)
    number = len(path.problem.events)

    def of_events(which: int) -> list[Any] | None:
        if occurrences is None:
            return None
        return [occurrences.of(e, stop())[which] for e in range(number)]

    def status() -> Any:
        ended = 0 if occurrences is None else np.where(occurrences.stopped, 1, 0)
        return plain(np.where(path.failed, -1, ended))

    return {
        "t": lambda: _times(path, times, stop)[0],
        "y": lambda: _times(path, times, stop)[1],
        "sol": lambda: DenseSolution(path) if is_dense else None,
        "t_events": lambda: of_events(0),
        "y_events": lambda: of_events(1),
        "nfev": lambda: _evaluations(path, times is not None or is_dense),
        "njev": lambda: plain(path.found.carry.get("njev", 0)),
        "nlu": lambda: plain(path.found.carry.get("nlu", 0)),
        "status": status,
        "message": lambda: _message(path, int(current().decide(node_of(status())))),
        "success": lambda: ~path.failed,
    }


def _message(path: Path, status: int) -> str:
    if status < 0 and is_true(path.found.carry["gave_up"]):
        return _GAVE_UP.format(path.method.most_steps)
    return _MESSAGES[status]


def _first_known(occurrences: Occurrences | None) -> Callable[[], Any]:
    """Return a function that returns the time at which an event ended the solution, or None."""
    if occurrences is None or not any(np.isfinite(e.most) for e in occurrences.events):
        return lambda: None
    return functools.cache(lambda: occurrences.stop)


def _times(path: Path, times: Any, stop: Callable[[], Any]) -> tuple[Any, Any]:
    """Return the times of a result, and the states there. Their number may become a guard."""
    end, direction = stop(), path.problem.direction
    if times is not None:
        if end is not None:
            number = np.sum(direction * times <= direction * end)
            times = times[: int(current().decide(node_of(number)))]
        return times, path.at(times)
    number = path.known_count()
    before = path.segments["y"][:number]
    last, state = path.t[number - 1] + path.h[number - 1], path.end
    if not number:
        last = path.problem.t_bound
    if end is not None and is_true(np.isfinite(end)):
        last, state = end, path.at(end)
    starts = path.t[:number] if number else np.reshape(path.problem.t0, (1,))
    values = before if number else path.problem.y0[None]
    return np.append(starts, last), np.concatenate([values, state[None]]).T


def _method(name: str) -> Any:
    """Return the method of a name, or a function that chooses one for a problem."""
    import scipy.integrate

    if name in ("RK23", "RK45", "DOP853"):
        return Explicit(getattr(scipy.integrate, name))
    if name in _IMPLICIT:
        return _IMPLICIT[name]()
    known = ["RK23", "RK45", "DOP853", *_IMPLICIT, "LSODA"]
    raise InputError(f"{_NAME}{at(user_source())}: `method` must be one of {known}, got {name!r}")


_IMPLICIT = {"Radau": Radau, "BDF": Bdf}


def _checked_times(t_eval: Any, problem: Problem) -> Any:
    times = as_traced(t_eval)
    where = at(user_source())
    if times.ndim != 1:
        raise InputError(f"{_NAME}{where}: `t_eval` must be 1-dimensional.")
    times = times.astype(np.float64)
    low = np.minimum(problem.t0, problem.t_bound)
    high = np.maximum(problem.t0, problem.t_bound)
    demand(
        np.all((times >= low) & (times <= high)),
        lambda: InputError(f"{_NAME}{where}: Values in `t_eval` are not within `t_span`."),
    )
    demand(
        np.all(problem.direction * np.diff(times) > 0),
        lambda: InputError(f"{_NAME}{where}: Values in `t_eval` are not properly sorted."),
    )
    return times


def _evaluations(path: Path, is_dense: bool) -> Any:
    more = path.method.dense_evaluations(np.sum(path.steps_of_interest)) if is_dense else 0
    return plain(path.found.carry["nfev"] + more)

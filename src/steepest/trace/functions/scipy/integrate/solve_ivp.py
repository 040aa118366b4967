"""``scipy.integrate.solve_ivp`` in a traced function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced, holds_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.functions.registry import as_plain
from steepest.trace.functions.scipy.integrate.bdf import Bdf
from steepest.trace.functions.scipy.integrate.explicit import Explicit
from steepest.trace.functions.scipy.integrate.problem import EPS, Problem
from steepest.trace.functions.scipy.integrate.radau import Radau
from steepest.trace.functions.scipy.integrate.right_side import record_right_side
from steepest.trace.functions.scipy.integrate.solution import DenseSolution, Path, Solution, plain
from steepest.trace.recording.session import current

_NAME = "scipy.integrate.solve_ivp"

_MESSAGES = {
    True: "The solver successfully reached the end of the integration interval.",
    False: "Required step size is less than spacing between numbers.",
}


def solve_ivp(
    fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None,
    dense_output: bool = False, events: Any = None, vectorized: bool = False, args: Any = None,
    **options: Any,
) -> Any:  # fmt: skip
    """Record ``scipy.integrate.solve_ivp``, or call it if nothing is traced."""
    import scipy.integrate

    chosen = _method(method, scipy.integrate)
    if events is not None:
        _refuse("with events=", "stop at a known time, or write the event as part of the loss")
    first, last = t_span
    y0 = as_traced(y0).astype(np.float64)
    if y0.ndim != 1:
        raise InputError(f"{_NAME}{at(user_source())}: `y0` must be 1-dimensional.")
    fun_of = record_right_side(_NAME, fun, y0, y0.size, args or (), vectorized=bool(vectorized))
    if fun_of.is_plain and not holds_traced([t_span, y0_given(y0), t_eval, *options.values()]):
        return scipy.integrate.solve_ivp(
            fun, t_span, current().known_value(y0.node), method, t_eval, dense_output, None,
            vectorized, args, **options,
        )  # fmt: skip
    direction = -1.0 if _is_true(as_traced(last) < first) else 1.0
    problem = Problem(
        _NAME, fun_of, as_traced(first).astype(float), as_traced(last).astype(float), direction,
        y0, *_tolerances(options, y0.size), **_step_limits(options, first, last),
    )  # fmt: skip
    times = None if t_eval is None else _checked_times(t_eval, problem)
    path = Path(problem, chosen, None if dense_output else times)
    failed = path.found.carry["failed"]
    fields: dict[str, Callable[[], Any]] = {
        "t": lambda: times if times is not None else _step_times(path),
        "y": lambda: path.at(times) if times is not None else _step_values(path),
        "sol": lambda: DenseSolution(path) if dense_output else None,
        "t_events": lambda: None,
        "y_events": lambda: None,
        "nfev": lambda: _evaluations(path, times is not None or dense_output),
        "njev": lambda: plain(path.found.carry.get("njev", 0)),
        "nlu": lambda: plain(path.found.carry.get("nlu", 0)),
        "status": lambda: plain(np.where(failed, -1, 0)),
        "message": lambda: _MESSAGES[not _is_true(failed)],
        "success": lambda: ~failed,
    }
    return Solution(fields)


def y0_given(y0: Any) -> Any:
    """Return a start, or None if it is known when the function is recorded."""
    return None if current().known_value(y0.node) is not None else y0


def _refuse(what: str, advice: str) -> None:
    raise UnsupportedError(f"{_NAME} {what} cannot be recorded{at(user_source())}: {advice}")


def _method(method: Any, integrate: Any) -> Any:
    name = method if isinstance(method, str) else getattr(method, "__name__", str(method))
    if name in ("RK23", "RK45", "DOP853"):
        return Explicit(getattr(integrate, name))
    if name == "Radau":
        return Radau()
    if name == "BDF":
        return Bdf()
    return _refuse(f"with method={name!r}", "choose another method")


def _is_true(condition: Any) -> bool:
    return bool(current().decide(as_traced(condition).node))


def _tolerances(options: dict[str, Any], size: int) -> tuple[Any, Any]:
    rtol = as_plain(options.pop("rtol", 1e-3)).astype(float)
    atol = as_plain(options.pop("atol", 1e-6)).astype(float)
    rtol = np.maximum(rtol, 100 * EPS)
    if atol.ndim > 0 and atol.shape != (size,):
        raise InputError(f"{_NAME}{at(user_source())}: `atol` has wrong shape.")
    if np.any(atol < 0):
        raise InputError(f"{_NAME}{at(user_source())}: `atol` must be positive.")
    return rtol, atol


def _step_limits(options: dict[str, Any], first: Any, last: Any) -> dict[str, Any]:
    max_step = float(as_plain(options.pop("max_step", np.inf)))
    given = options.pop("first_step", None)
    first_step = None if given is None else float(as_plain(given))
    if max_step <= 0:
        raise InputError(f"{_NAME}{at(user_source())}: `max_step` must be positive.")
    if first_step is not None:
        if first_step <= 0:
            raise InputError(f"{_NAME}{at(user_source())}: `first_step` must be positive.")
        demand(
            first_step <= np.abs(as_traced(last) - first),
            lambda: InputError(f"{_NAME}{at(user_source())}: `first_step` exceeds bounds."),
        )
    for name in ("jac", "jac_sparsity", "lband", "uband"):
        options.pop(name, None)  # the Jacobian is known exactly
    if options:
        _refuse(f"with {next(iter(options))}=", "leave it out")
    return {"max_step": max_step, "first_step": first_step}


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


def _step_times(path: Path) -> Any:
    number = path.known_count()
    ends = path.t[:number] + path.h[:number]
    return np.concatenate([np.reshape(path.problem.t0, (1,)), ends])


def _step_values(path: Path) -> Any:
    number = path.known_count()
    before = path.segments["y"][:number]
    return np.concatenate([before, path.end[None, :]]).T


def _evaluations(path: Path, is_dense: bool) -> Any:
    more = path.method.dense_evaluations(np.sum(path.steps_of_interest)) if is_dense else 0
    return plain(path.found.carry["nfev"] + more)



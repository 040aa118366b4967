"""SciPy's solvers that use no derivatives, run on compiled functions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import Function, value_and_gradient
from steepest.derivative.opaque.called import is_differenced
from steepest.descent.iteration.problem import Problem
from steepest.descent.methods.registry import WITHOUT_DERIVATIVES, refuse_constraints
from steepest.descent.problem.constrained import ConstrainedObjective
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.parameters import check_finite
from steepest.descent.results.landscape import Landscape
from steepest.descent.results.result import History, Result, Status, Timings
from steepest.descent.running.callbacks import State, of_state
from steepest.engines import compile as compiled
from steepest.graph import order
from steepest.trace import trace_function

_SOLVERS = {"nelder-mead": "Nelder-Mead", "powell": "Powell", "cobyla": "COBYLA"}
"""SciPy's solvers, by their names in lower case."""

_STATUSES = {0: Status.CONVERGED, 1: Status.ITERATION_LIMIT, 2: Status.ITERATION_LIMIT}


@dataclass(frozen=True)
class ScipySolver:
    """One of SciPy's solvers, as the method of a result.

    Attributes
    ----------
    name
        Its name.
    options
        Its options, as pairs.
    """

    name: str
    options: tuple[tuple[str, Any], ...] = ()


def solver_of(method: Any, always: bool = False) -> ScipySolver | None:
    """Return the solver that a name of a method stands for; None if it is none of SciPy's.

    `always` asks for those that are run whatever the function.
    """
    if isinstance(method, ScipySolver):
        return method
    name = method.lower() if isinstance(method, str) else ""
    if always and name not in WITHOUT_DERIVATIVES:
        return None
    return ScipySolver(_SOLVERS[name]) if name in _SOLVERS else None


def is_always_run(method: Any, has_constraints: bool) -> bool:
    """Whether a name of a method stands for a solver of SciPy's that is run in any case.

    Raises
    ------
    InputError
        If it is one, and there are constraints: such solvers ignore them.
    """
    solver = solver_of(method, always=True)
    if solver is not None and has_constraints:
        refuse_constraints(solver.name)
    return solver is not None


def is_run(solver: ScipySolver, problem: Problem, vector: np.ndarray) -> bool:
    """Whether a solver is run: not if its place is taken by one that uses exact derivatives."""
    return solver.name.lower() in WITHOUT_DERIVATIVES or _has_differences(problem, vector)


def _has_differences(problem: Problem, vector: np.ndarray) -> bool:
    """Whether a function that cannot be recorded is called for the loss or the constraints."""

    def values(x: Any, *args: Any) -> Any:
        at_x = problem.objective(x, problem.layout, args)
        return at_x.loss, getattr(at_x, "constraints", 0.0)

    def look() -> bool:
        graph = trace_function(values, (vector, *problem.args)).graph
        return any([is_differenced(node.op) for node in order(graph.outputs)])

    found: bool = with_differences(problem.objective.subject, look)
    return found


def solve_with_scipy(
    solver: ScipySolver,
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None,
) -> Result:
    """Return the result of one of SciPy's solvers.

    Parameters
    ----------
    solver
        The solver.
    problem, vector
        The problem, of which the method is not used, and its start.
    callback
        Called after each iteration.
    """
    from scipy.optimize import minimize

    began = time.perf_counter()
    loss, values = _functions(problem)
    records: list[tuple[np.ndarray, float]] = []
    called = None if callback is None else of_state(callback)

    def note(x: np.ndarray) -> None:
        records.append((np.array(x), loss(x)))
        if called is not None:
            state = State(problem.parameters(np.array(x)), records[-1][1], len(records))
            if called(state) is True:
                raise StopIteration

    def run() -> Any:
        check_finite(problem.layout.unpack(vector))
        records[:] = [(vector, loss(vector))]
        found = minimize(
            loss,
            vector,
            method=solver.name,
            bounds=_as_pairs(problem),
            constraints=_as_scipys(problem, values),
            tol=dict(solver.options).get("tol"),
            options=_options(solver, problem),
            callback=note,
        )
        return found, float(loss(found.x)), _gradient(problem, found.x)

    found, least, gradient = with_differences(problem.objective.subject, run)
    seconds = time.perf_counter() - began
    x = np.asarray(found.x, problem.layout.dtype).reshape(-1)
    return Result(
        x=problem.parameters(x),
        loss=least,
        gradient=problem.layout.unpack(gradient),
        iterations=int(getattr(found, "nit", len(records) - 1)),
        evaluations=int(found.nfev),
        status=_status(found),
        explain=functools.partial(str, found.message),
        look_back=lambda: _history(problem, records),
        timings=Timings(0.0, 0.0, seconds),
        graph=trace_function(_loss_of(problem), (x, *problem.args)).graph,
        engine="native",
        method=solver,
        reason=f"SciPy's own {solver.name}, on the compiled function",
        active=problem.active(x),
        vector=x,
        look_around=lambda: Landscape(problem, np.array([point for point, _ in records])),
    )


def _loss_of(problem: Problem) -> Callable[..., Any]:
    """Return the loss as a function of a vector and the data."""

    def loss(x: Any, *args: Any) -> Any:
        return problem.objective(x, problem.layout, args).loss

    return loss


def _functions(problem: Problem) -> tuple[Any, Any]:
    """Return the loss and the values of constraints as compiled functions of a vector."""

    def values_of(x: Any, *args: Any) -> Any:
        return problem.objective(x, problem.layout, args).constraints  # type: ignore[attr-defined]

    loss, values = compiled(_loss_of(problem)), compiled(values_of)

    def loss_at(x: np.ndarray) -> float:
        return float(loss(np.asarray(x, problem.dtype), *problem.args))

    def values_at(x: np.ndarray) -> Any:
        return values(np.asarray(x, problem.dtype), *problem.args)

    return loss_at, values_at


def _as_scipys(problem: Problem, values: Any) -> Any:
    """Return the constraints as SciPy takes them."""
    from scipy.optimize import NonlinearConstraint

    if not isinstance(problem.objective, ConstrainedObjective):
        return ()
    return NonlinearConstraint(values, *map(_infinite, problem.objective.groups(problem.args)[-1]))


def _as_pairs(problem: Problem) -> Any:
    """Return the bounds as SciPy takes them."""
    if problem.box is None:
        return None
    return list(zip(*map(_infinite, problem.box), strict=True))


def _infinite(ends: Any) -> np.ndarray:
    """Return limits with infinity in place of the largest number."""
    is_none = np.abs(ends) >= np.finfo(np.float64).max
    result: np.ndarray = np.where(is_none, np.copysign(np.inf, ends), ends)
    return result


def _options(solver: ScipySolver, problem: Problem) -> dict[str, Any]:
    options = {name: value for name, value in solver.options if name != "tol"}
    limit = problem.stop.iteration_limit()
    if limit is not None and limit < 1 << 62:
        options.setdefault("maxiter", limit)
    return options


def _gradient(problem: Problem, x: np.ndarray) -> np.ndarray:
    _, gradient = value_and_gradient(Function(_loss_of(problem)))(
        np.asarray(x, problem.dtype), *problem.args
    )
    result: np.ndarray = np.asarray(gradient)
    return result


def _status(found: Any) -> Status:
    if found.success:
        return Status.CONVERGED
    if getattr(found, "maxcv", 0.0) > 1e-6:
        return Status.INFEASIBLE
    return _STATUSES.get(int(found.status), Status.STALLED)


def _history(problem: Problem, records: list[tuple[np.ndarray, float]]) -> History:
    xs, losses = np.array([x for x, _ in records]), np.array([loss for _, loss in records])
    count, unknown = np.arange(len(records)), np.full(len(records), np.nan)
    steps = np.concatenate([[0.0], np.linalg.norm(np.diff(xs, axis=0), axis=1)])
    return History(
        count, losses, problem.layout.unpack_history(xs), unknown, steps, np.zeros_like(count)
    )


def with_options(method: Any, options: Mapping[str, Any]) -> ScipySolver:
    """Return the solver of a name with SciPy's options."""
    return ScipySolver(_SOLVERS[method.lower()], tuple(options.items()))

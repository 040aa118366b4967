"""What the solvers share: the user's functions as graphs, the op, and what became of a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, SteepestError, UnsupportedError
from steepest.graph import order
from steepest.graph.source import at, user_source
from steepest.ops.arrays.solutions import FOUND, NO_BRACKET, SEARCH, SOLUTION
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.dispatch import demand
from steepest.trace.following.follow import follow
from steepest.trace.following.stand_ins import LibraryObject
from steepest.trace.functions.registry import Array
from steepest.trace.functions.scipy.registry import floating
from steepest.trace.recording.session import UnknownValueError, current
from steepest.trace.searching.bracketed_roots import BRACKETING, XTOL, bracketed_root
from steepest.trace.subgraph import Packing, RecordedStep, packing_of, with_common_inputs


class NoConvergenceError(SteepestError, RuntimeError):
    """A solver has found no solution within its number of iterations."""


def arguments(args: Any) -> tuple[Any, ...]:
    """Return the argument ``args=`` as a tuple, as SciPy reads it."""
    return args if isinstance(args, tuple) else (args,)


def _as_vector(function: Any, args: tuple[Any, ...], like: Any, name: str) -> Any:
    """Return a function of `x` and the user's arguments that returns a vector."""

    def of_vector(x: Any) -> Any:
        point = np.reshape(x, np.shape(like)) if np.ndim(like) else x[0]
        value = follow(function, current())(point, *args)
        return np.ravel(floating(value).astype(np.float64))

    where = at(user_source())

    def checked(x: Any) -> Any:
        value = of_vector(x)
        if value.size != x.size:
            raise InputError(
                f"scipy.optimize.{name}{where}: the function returns {value.size} values for "
                f"{x.size} unknowns"
            )
        return value

    return checked


def solve(
    name: str, solver: str, function: Any, start: Any, like: Any, args: tuple[Any, ...] = (), *,
    kind: str = "root", slope: Any = None, curvature: Any = None,
    options: dict[str, Any] | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Record a search; return the solution as a vector, and what became of the search.

    Parameters
    ----------
    name
        SciPy's function in messages.
    solver
        Its name among :data:`steepest.ops.arrays.solutions.SOLVERS`, with its method.
    function, args
        The user's function and its further arguments.
    start
        Vector that the search starts from.
    like
        A value with the shape of the unknowns.
    kind
        "root", "minimum" or "fixed point".
    slope, curvature
        Derivatives that the user gives, if the solver asks for them.
    options
        The solver's settings.
    """
    size = int(np.prod(np.shape(like), dtype=int))
    packing = packing_of([as_traced(np.zeros(size))])
    parts = []
    for given in (function, slope, curvature):
        if given is not None:
            wrapped = _as_vector(given, args, like, name)
            step = _recorded(name, wrapped, packing, solver in BRACKETING or kind == "minimum")
            parts.append(step.graph([step.result]))
    graphs, around = with_common_inputs(parts)
    graphs += [None] * (3 - len(graphs))  # type: ignore[list-item]  # what is not given
    start = np.ravel(floating(start).astype(np.float64))
    settings = _plain(name, options or {})
    if solver in BRACKETING and "maxiter" not in (options or {}):
        bracketed = _as_vector(function, args, like, name)
        found, _ = bracketed_root(bracketed, start, dict(settings).get("xtol", XTOL))
    else:
        found = record(
            SEARCH, *around, start, function=graphs[0], slope=graphs[1], curvature=graphs[2],
            solver=solver, options=settings, size=size,
        )  # fmt: skip
    packed = record(SOLUTION, *around, found, function=graphs[0], kind=kind, size=size)
    return packed[:size], packed[size]


def _recorded(name: str, function: Any, packing: Packing, may_be_jump: bool) -> RecordedStep:
    """Record a function of the unknowns.

    Where what is found may be a jump (`may_be_jump`), its slope is not that of either arm.
    """
    allowed: Callable[..., bool] = lambda condition, inputs: (
        not (may_be_jump and any(x in inputs for x in order([condition])))
    )
    try:
        return RecordedStep(_of_list(function), [packing], allowed)
    except UnknownValueError as error:
        if not error.may_jump:
            raise
        raise UnsupportedError(
            f"scipy.optimize.{name}{at(user_source())} cannot record its function: a condition"
            f"{at(error.source)} is not known while it is recorded, and depends on the unknown, "
            "so that the result may be a jump, whose slope neither arm shows: if the function is "
            "smooth at the result, use st.cond or np.where, else call all of it in a function "
            "with st.black_box, which is differenced"
        ) from error


def _of_list(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda values: function(values[0])


def _plain(name: str, options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Return settings as plain data; each must be known when the function is traced."""
    for key, value in options.items():
        if isinstance(value, TracedArray) or not isinstance(value, int | float | str | np.generic):
            raise UnsupportedError(
                f"scipy.optimize.{name} with {key}={value!r}{at(user_source())} cannot be "
                "recorded: settings of a solver must be plain numbers"
            )
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in options.items()}
    return tuple(plain.items())


def given(**options: Any) -> dict[str, Any]:
    """Return the settings that are not None."""
    return {key: value for key, value in options.items() if value is not None}


def demand_found(name: str, status: Array, converged: bool = True) -> None:
    """Raise SciPy's errors where a search has failed; that it has not becomes a guard."""
    where = at(user_source())
    demand(
        status != NO_BRACKET,
        lambda: InputError(
            f"scipy.optimize.{name}{where}: the function must have different signs at the two "
            "ends of the bracket"
        ),
    )
    if converged:
        demand(
            status == FOUND,
            lambda: NoConvergenceError(f"scipy.optimize.{name}{where} has not converged"),
        )


class Found(LibraryObject):
    """The result of a search: attributes, which are items as well."""

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

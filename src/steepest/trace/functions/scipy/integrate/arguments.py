"""What the functions of ``scipy.integrate`` share: registration, refusals, tolerances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import as_plain, refusing
from steepest.trace.functions.scipy.integrate.initial_value.problem import EPS
from steepest.trace.recording.session import current

_F = TypeVar("_F", bound=Callable[..., Any])


def records(name: str, **harmless: Callable[[Any], bool]) -> Callable[[_F], _F]:
    """Register the decorated function as what records one of SciPy's that calls a function.

    `harmless` are arguments that it ignores, each with a test for values that have no effect.
    """

    def register(implementation: _F) -> _F:
        SEEN_BY_NAME[name] = refusing(implementation, name, harmless)
        return implementation

    return register


def ignored(*names: str) -> dict[str, Callable[[Any], bool]]:
    """Return arguments that only choose how SciPy computes, for :func:`records`."""
    return dict.fromkeys(names, lambda value: True)


def refuse(name: str, what: str, advice: str) -> NoReturn:
    """Refuse an argument by name, and say what to do instead."""
    raise UnsupportedError(f"{name} {what} cannot be recorded{at(user_source())}: {advice}")


def is_true(condition: Any) -> bool:
    """Return a truth value, which becomes a guard."""
    return bool(current().decide(as_traced(condition).node))


def expects(condition: Any, defers: bool = False) -> bool:
    """Return whether a condition holds, as is expected; it becomes a guard.

    Conditions of many calls that hold become a single guard. With `defers`, the condition may be
    looked at by the first run only.
    """
    session = current()
    node, before = as_traced(condition).node, len(session.guards)
    if defers and session.defers and session.known_value(node) is None:
        session.add_guard(node, np.array(True), session.source())
    elif not session.decide(node):
        return False
    session.demands.update([guard.condition for guard in session.guards[before:]])
    return True


def is_known(x: Any) -> bool:
    """Whether a value is the same in every call of what is being recorded."""
    return current().known_value(as_traced(x).node) is not None


def tolerances(name: str, rtol: Any, atol: Any, size: int) -> tuple[Any, Any]:
    """Return tolerances as SciPy uses them. Traced ones become guards."""
    rtol, atol = as_plain(rtol).astype(float), as_plain(atol).astype(float)
    for which, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance.shape not in ((), (size,)):
            raise InputError(f"{name}{at(user_source())}: `{which}` has wrong shape.")
    if np.any(atol < 0):
        raise InputError(f"{name}{at(user_source())}: `atol` must be positive.")
    return np.maximum(rtol, 100 * EPS), atol


class StepLimits(NamedTuple):
    """The largest size of a step, and the size of the first one; None to choose it."""

    largest: float
    first: float | None


def step_limits(name: str, max_step: Any, first_step: Any, start: Any, stop: Any) -> StepLimits:
    """Return the largest and the first step size, checked as SciPy checks them."""
    largest = float(as_plain(max_step))
    first = None if first_step is None else float(as_plain(first_step))
    where = at(user_source())
    if not largest > 0:
        raise InputError(f"{name}{where}: `max_step` must be positive.")
    if first is not None:
        if first <= 0:
            raise InputError(f"{name}{where}: `first_step` must be positive.")
        demand(
            first <= np.abs(as_traced(stop) - start),
            lambda: InputError(f"{name}{where}: `first_step` exceeds bounds."),
        )
    return StepLimits(largest, first)

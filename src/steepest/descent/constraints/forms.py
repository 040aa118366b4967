"""Constraints as they are given: ours, and those of SciPy's ``minimize``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError, SettingError

__all__ = ["Constraint"]


@dataclass(frozen=True, eq=False)
class Constraint:
    """Limits of a function of the parameters: ``lower <= function(x, *args) <= upper``.

    Parameters
    ----------
    function : callable
        Takes the parameters as the loss does; returns a number, an array or nested arrays.
    lower, upper : float or array_like, optional
        Limits, in the structure of what `function` returns; a number is for all of it. None and
        infinity are no limit. Equal limits make an equation.
    args : tuple, optional
        Further arguments of `function`. A single one need not be in a tuple.

    Raises
    ------
    SettingError
        If `function` is not a function.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> whole = st.Constraint(np.sum, lower=1.0, upper=1.0)
    >>> run = st.minimize(lambda x: np.sum(x * np.log(x)), np.array([0.2, 0.3, 0.4]),
    ...                   bounds=(1e-9, None), constraints=whole)
    >>> run.x.round(6)
    array([0.333333, 0.333333, 0.333333])
    """

    function: Callable[..., Any]
    lower: Any = None
    upper: Any = None
    args: Any = ()

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SettingError(
                f"a constraint needs a function of the parameters, got {self.function!r}"
            )
        if self.lower is None and self.upper is None:
            raise SettingError("a constraint needs a limit: give lower=, upper= or both")


class Unplaced(NamedTuple):
    """A constraint whose values have not been looked at.

    Attributes
    ----------
    function, args, lower, upper
        As they were given.
    name
        What messages call it.
    has_slopes
        Whether derivatives were given, too.
    is_of_vector
        Whether the function takes x as SciPy's do: as one array.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    lower: Any
    upper: Any
    name: str
    has_slopes: bool = False
    is_of_vector: bool = True


def linear(x: Any, matrix: Any) -> Any:
    """Return the values of linear constraints, whose matrix may be sparse."""
    return matrix @ x


def as_list(constraints: Any) -> list[Any]:
    """Return what was given as constraints as a list of single ones."""
    if constraints is None:
        return []
    if isinstance(constraints, Mapping) and not constraints:
        return []
    return list(constraints) if isinstance(constraints, list | tuple) else [constraints]


def is_one(constraints: Any) -> bool:
    """Whether a single constraint was given, not in a list."""
    return not isinstance(constraints, list | tuple) and bool(as_list(constraints))


def unplaced(constraint: Any, name: str) -> Unplaced:
    """Return a constraint that was given in any form.

    Raises
    ------
    SettingError
        If it is no constraint.
    InputError
        If a part of it is missing or unknown.
    """
    if isinstance(constraint, Constraint):
        c = constraint
        return Unplaced(c.function, _tuple(c.args), c.lower, c.upper, name, is_of_vector=False)
    if isinstance(constraint, Mapping):
        return _of_mapping(constraint, name)
    if hasattr(constraint, "lb") and hasattr(constraint, "ub"):
        if hasattr(constraint, "A"):
            is_sparse = hasattr(constraint.A, "tocsr")
            matrix = constraint.A.tocsr() if is_sparse else np.atleast_2d(constraint.A)
            rows = matrix.astype(np.float64, copy=False)  # itself: a copy would be traced anew
            return Unplaced(linear, (rows,), constraint.lb, constraint.ub, name)
        if callable(getattr(constraint, "fun", None)):
            has_slopes = callable(constraint.jac) or callable(getattr(constraint, "hess", None))
            limits = constraint.lb, constraint.ub
            return Unplaced(constraint.fun, (), *limits, name, has_slopes)
        raise InputError(
            f"{name} is {type(constraint).__name__}, whose limits are of the parameters "
            "themselves: give it as bounds="
        )
    raise SettingError(
        f"{name} must be st.Constraint(function, lower=, upper=), a dict such as "
        '{"type": "ineq", "fun": function}, or SciPy\'s LinearConstraint or NonlinearConstraint: '
        f"got {constraint!r}"
    )


def _of_mapping(constraint: Mapping[str, Any], name: str) -> Unplaced:
    """Return one of SciPy's dicts."""
    kind, function = constraint.get("type"), constraint.get("fun")
    if not isinstance(kind, str) or kind.lower() not in ("eq", "ineq"):
        raise InputError(
            f'{name} has type {kind!r}: a dict needs "type": "eq" for fun(x) = 0, or "ineq" for '
            "fun(x) >= 0"
        )
    if not callable(function):
        raise InputError(f'{name} needs "fun", a function of x: got {function!r}')
    unknown = sorted(set(constraint) - {"type", "fun", "args", "jac"})
    if unknown:
        raise InputError(f"{name} has {unknown[0]!r}: known are type, fun, args and jac")
    upper = 0.0 if kind.lower() == "eq" else None
    args, slopes = _tuple(constraint.get("args", ())), callable(constraint.get("jac"))
    return Unplaced(function, args, 0.0, upper, name, slopes)


def _tuple(args: Any) -> tuple[Any, ...]:
    return args if isinstance(args, tuple) else tuple(args) if type(args) is list else (args,)


def settings_key(bounds: Any, constraints: Any) -> Any:
    """Return bounds and constraints as a hashable key, without calling functions.

    It equals nothing, not even itself, if a constraint has further arguments.
    """
    if bounds is None and constraints is None:
        return None
    ends = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    parts: list[Any] = [_hashable(ends), is_one(constraints)]
    given: tuple[Any, ...]
    for constraint in as_list(constraints):
        if isinstance(constraint, Constraint):
            given = constraint.function, constraint.lower, constraint.upper, constraint.args
        elif isinstance(constraint, Mapping):
            given = constraint.get("fun"), constraint.get("type"), None, constraint.get("args", ())
        elif hasattr(constraint, "A"):
            is_sparse = hasattr(constraint.A, "tocsr")
            given = constraint.A, constraint.lb, constraint.ub, (object(),) if is_sparse else ()
        elif hasattr(constraint, "fun"):
            given = constraint.fun, constraint.lb, constraint.ub, ()
        else:
            return object()
        if type(given[3]) is not tuple or given[3]:
            return object()
        parts += [_hashable(value) for value in given[:3]]
    return tuple(parts)


def _hashable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype, value.tobytes()
    if isinstance(value, dict):
        return tuple((name, _hashable(part)) for name, part in value.items())
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value

"""Constraints as they are given: ours, and those of SciPy's ``minimize``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.graph.source import at, function_source

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


class Given(NamedTuple):
    """A constraint in one form, for all that can be given.

    Attributes
    ----------
    function, args
        The function and its further arguments.
    lower, upper
        Limits as vectors, shape (m,).
    structure, shapes
        The structure of what the function returns, and the shapes of its leaves.
    name
        What messages call it.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    lower: np.ndarray
    upper: np.ndarray
    structure: Any
    shapes: tuple[tuple[int, ...], ...]
    name: str

    @property
    def size(self) -> int:
        """Number of values."""
        return self.lower.size

    def unpacked(self, vector: np.ndarray) -> Any:
        """Return a vector in the structure of what the function returns."""
        leaves, start = [], 0
        for shape in self.shapes:
            size = int(np.prod(shape, dtype=int))
            leaf = vector[start : start + size].reshape(shape)
            leaves.append(leaf if shape else leaf[()])
            start += size
        return trees.unflatten(self.structure, leaves)


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
    """Return the values of linear constraints."""
    return np.matmul(matrix, x)


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
            matrix = constraint.A
            matrix = matrix.toarray() if hasattr(matrix, "toarray") else np.asarray(matrix)
            rows = np.atleast_2d(matrix).astype(np.float64)
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


def placed(constraint: Unplaced, parameters: Any) -> Given:
    """Return a constraint with its limits as vectors, after a look at its values at the start.

    Raises
    ------
    InputError
        If its values are not real and finite, or its limits do not fit them.
    """
    function, args, lower, upper, name, _, _ = constraint
    own = getattr(function, "__name__", "")
    name = f"{name} ({own})" if own.isidentifier() and function is not linear else name
    where = at(function_source(function))
    if function is linear:
        (matrix,) = args
        if matrix.shape[1:] != np.shape(parameters):
            raise InputError(
                f"{name} has a matrix of shape {matrix.shape}, and x0 has shape "
                f"{np.shape(parameters)}: it needs a column for each parameter"
            )
        if not np.isfinite(matrix).all():
            raise InputError(f"{name} has a matrix that is not finite")
    values = function(_copied(parameters), *args)
    leaves, structure = trees.flatten(values)
    arrays = [np.asarray(leaf) for leaf in leaves]
    for array in arrays:
        if array.dtype.kind not in "fiub":
            raise InputError(
                f"{name}{where} returns {array.dtype} at the start, and must return real numbers"
            )
    flat = np.concatenate([np.zeros(0), *[array.reshape(-1) for array in arrays]])
    if not flat.size:
        raise InputError(f"{name}{where} returns nothing at the start: return its values")
    for i in np.flatnonzero(~np.isfinite(flat))[:1]:
        raise InputError(
            f"{name}{where} is {flat[i]} at the start point: start where it is finite"
        )
    low = _limit(lower, -np.inf, flat.size, f"the lower limit of {name}")
    high = _limit(upper, np.inf, flat.size, f"the upper limit of {name}")
    for i in np.flatnonzero(~(low <= high) | (low == np.inf) | (high == -np.inf))[:1]:
        raise InputError(
            f"the limits of {name} contradict each other: {low[i]:g} below and {high[i]:g} above"
        )
    return Given(function, args, low, high, structure, tuple(a.shape for a in arrays), name)


def _copied(parameters: Any) -> Any:
    return trees.map_leaves(lambda leaf: np.array(leaf)[()], parameters)


def _limit(limit: Any, missing: float, size: int, what: str) -> np.ndarray:
    """Return a limit as a vector; infinite where there is none."""
    if limit is None:
        return np.full(size, missing)
    parts = [
        np.full(1, missing) if leaf is None else np.asarray(leaf, np.float64).reshape(-1)
        for leaf in trees.leaves(limit)
    ]
    flat = np.concatenate(parts)
    if flat.size not in (1, size):
        raise InputError(f"{what} has {flat.size} numbers, its function returns {size}")
    if np.isnan(flat).any():
        raise InputError(f"{what} is NaN")
    return np.broadcast_to(flat, (size,)).copy()


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
            given = constraint.A, constraint.lb, constraint.ub, ()
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

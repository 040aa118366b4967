"""Constraints placed: their limits as vectors, after a look at their values at the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.constraints.forms import Unplaced, linear
from steepest.descent.problem.objective import Bound
from steepest.descent.running.solve_many import check_rows, rows
from steepest.errors import InputError
from steepest.graph import trees
from steepest.graph.source import at, function_source


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
        """Return values in the structure of what the function returns; axes before stay."""
        leaves, start = [], 0
        for shape in self.shapes:
            size = int(np.prod(shape, dtype=int))
            leaf = vector[..., start : start + size].reshape((*vector.shape[:-1], *shape))
            leaves.append(leaf if leaf.shape else leaf[()])
            start += size
        return trees.unflatten(self.structure, leaves)


def placed(constraint: Unplaced, parameters: Any, is_start: bool = True) -> Given:
    """Return a constraint with its limits as vectors, after a look at its values at the start.

    Elsewhere than at the start values need not be finite.

    Raises
    ------
    InputError
        If its values are not real and finite, or its limits do not fit them.
    """
    name, arrays, structure = _looked_at(constraint, parameters, constraint.args, is_start)
    size = sum([array.size for array in arrays])
    low = _limit(constraint.lower, -np.inf, size, f"the lower limit of {name}")
    high = _limit(constraint.upper, np.inf, size, f"the upper limit of {name}")
    _check_limits(low, high, name)
    shapes = tuple([array.shape for array in arrays])
    return Given(constraint.function, constraint.args, low, high, structure, shapes, name)


def placed_rows(
    constraint: Unplaced, parameters: Any, count: int
) -> tuple[Given, np.ndarray, np.ndarray]:
    """Return a constraint of many problems, and its limits for each, both of shape (N, m).

    Its further arguments have a row for each problem. Its limits are for all problems, or have
    a further first axis with a row for each.

    Parameters
    ----------
    constraint
        The constraint.
    parameters
        The start of the first problem.
    count
        Number N of problems.

    Raises
    ------
    InputError
        As for :func:`placed`, or if arguments do not have a row for each problem.
    """
    if constraint.function is linear:  # the same for all problems
        bound = Bound(linear, tuple(enumerate(constraint.args)))
        constraint = constraint._replace(function=bound, args=())
    check_rows(constraint.args, count, f"args of {constraint.name}", "captured by its function")
    first = rows(constraint.args, 0)
    name, arrays, structure = _looked_at(constraint, parameters, first)
    low = _limit_rows(constraint.lower, -np.inf, arrays, count, f"the lower limit of {name}")
    high = _limit_rows(constraint.upper, np.inf, arrays, count, f"the upper limit of {name}")
    for own_low, own_high in zip(low, high, strict=True):
        _check_limits(own_low, own_high, name)
    shapes = tuple([array.shape for array in arrays])
    args = tuple(constraint.args)
    given = Given(constraint.function, args, low[0], high[0], structure, shapes, name)
    return given, low, high


def _looked_at(
    constraint: Unplaced, parameters: Any, args: Any, is_start: bool = True
) -> tuple[str, list[np.ndarray], Any]:
    """Return a constraint's name, its values at the start, and their structure."""
    function, name = constraint.function, constraint.name
    own = getattr(function, "__name__", "")
    is_linear = function is linear or (isinstance(function, Bound) and function.function is linear)
    name = f"{name} ({own})" if own.isidentifier() and not is_linear else name
    where = at(function_source(function))
    if is_linear:
        matrix = args[0] if args else function.given[0][1]  # type: ignore[attr-defined]
        _check_matrix(matrix, np.shape(parameters), name)
    try:
        values = function(_copied(parameters), *args)
    except Exception as error:
        error.add_note(f"{name}{where} raised it at the start point")
        raise
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
    for i in np.flatnonzero(is_start & ~np.isfinite(flat))[:1]:
        raise InputError(
            f"{name}{where} is {flat[i]} at the start point: start where it is finite"
        )
    return name, arrays, structure


def _check_matrix(matrix: Any, shape: tuple[int, ...], name: str) -> None:
    """Raise unless a matrix of linear constraints fits the parameters."""
    if matrix.shape[1:] != shape:
        raise InputError(
            f"{name} has a matrix of shape {matrix.shape}, and x0 has shape {shape}: it needs a "
            "column for each parameter"
        )
    entries = matrix if isinstance(matrix, np.ndarray) else matrix.data  # of a sparse one
    if not np.isfinite(entries).all():
        raise InputError(f"{name} has a matrix that is not finite")


def _check_limits(low: np.ndarray, high: np.ndarray, name: str) -> None:
    """Raise unless lower limits are at most the upper ones."""
    for i in np.flatnonzero(~(low <= high) | (low == np.inf) | (high == -np.inf))[:1]:
        raise InputError(
            f"the limits of {name} contradict each other: {low[i]:g} below and {high[i]:g} above"
        )


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


def _limit_rows(
    limit: Any, missing: float, arrays: list[np.ndarray], count: int, what: str
) -> np.ndarray:
    """Return a limit of many problems, shape (N, m)."""
    size = sum([array.size for array in arrays])
    leaves = [] if limit is None else trees.leaves(limit)
    if isinstance(limit, list | tuple) and len(arrays) == 1:
        leaves = [np.asarray(limit, np.float64)]
    ranks = [array.ndim + 1 for array in arrays]
    if len(leaves) != len(arrays) or [np.ndim(leaf) for leaf in leaves] != ranks:
        return np.tile(_limit(limit, missing, size, what), (count, 1))
    expected = [(count, *array.shape) for array in arrays]
    if [np.shape(leaf) for leaf in leaves] != expected:
        found = ", ".join([str(np.shape(leaf)) for leaf in leaves])
        raise InputError(
            f"{what} has shape {found}: it needs a row for each of the {count} problems, "
            f"{', '.join(map(str, expected))}, or the shape of what its function returns"
        )
    table = np.concatenate([np.asarray(one, np.float64).reshape(count, -1) for one in leaves], 1)
    if np.isnan(table).any():
        raise InputError(f"{what} is NaN")
    return table

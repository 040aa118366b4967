"""Jacobians that the user gives for a function that is called, as in SciPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import InputError
from steepest.trace.following.opaque.lifting import Lifted
from steepest.trace.recording.session import not_recording


def positions_of(lifted: Lifted) -> list[int | None]:
    """Return which argument each operand is; None if it is only a part of one."""
    marks = [np.full(x.shape, i) for i, x in enumerate(lifted.operands)]
    _, args, *_ = lifted.build(marks)
    found: list[int | None] = [None] * len(marks)
    for position, argument in enumerate(args):
        for i, mark in enumerate(marks):
            is_number = not mark.ndim and isinstance(argument, int | float | np.generic)
            if argument is mark or (is_number and argument == mark):
                found[i] = position
    return found


def given_jacobian(
    lifted: Lifted,
    positions: Sequence[int | None],
    shape: tuple[int, ...],
    what: str,
    i: int,
    *values: np.ndarray,
) -> np.ndarray:
    """Return the Jacobian by an operand, shape (m, n), from the user's own function.

    As in SciPy it is the Jacobian by the first argument; or by all others, one column for each,
    as ``curve_fit`` has it.
    """
    _, args, kwargs, jac = lifted.build([np.array(x) for x in values])
    with not_recording():
        found = jac(*args, **kwargs)
    m, n, position = int(np.prod(shape, dtype=int)), values[i].size, positions[i]
    if isinstance(found, tuple):
        part = found[position] if position is not None and position < len(found) else None
        if part is None:
            _refuse_slope(what, position)
        return _as_jacobian(part, m, n, what)
    array = np.asarray(found.toarray() if hasattr(found, "toarray") else found, float)
    if position == 0 and array.size == m * n:
        return array.reshape(m, n)
    if position and array.size == m * (len(args) - 1):
        return array.reshape(m, -1)[:, position - 1 : position]
    _refuse_slope(what, position, array)


def _as_jacobian(part: Any, m: int, n: int, what: str) -> np.ndarray:
    array = np.asarray(part, float)
    if array.size != m * n:
        raise InputError(
            f"the Jacobian of {what} must have {m} times {n} elements, got shape {array.shape}"
        )
    return array.reshape(m, n)


def _refuse_slope(what: str, position: int | None, array: np.ndarray | None = None) -> NoReturn:
    got = "" if array is None else f", got shape {array.shape}"
    number = "a part of an argument" if position is None else f"argument number {position + 1}"
    raise InputError(
        f"the jac of {what} does not give the derivative by {number}{got}: return the Jacobian by "
        "the first argument, or a tuple with one for each argument"
    )

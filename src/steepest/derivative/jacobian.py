"""Jacobians and Hessians: one pullback for each output, or one pushforward for each input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from steepest.derivative.function import Function
from steepest.derivative.transform import as_variable, executor_of, gradient, pullback, pushforward
from steepest.errors import InputError
from steepest.graph import trees
from steepest.trace import current
from steepest.trace.following.writes import writing_once
from steepest.trace.tracing import call_traced, is_array_like

Mode = Literal["auto", "forward", "reverse"]


def jacobian(
    function: Callable[..., Any], wrt: int = 0, mode: Mode = "auto"
) -> Callable[..., Any]:
    """Return the Jacobian of a function as a function.

    Parameters
    ----------
    function : callable
        Function written in NumPy.
    wrt : int or sequence of int, optional
        Position of the argument to differentiate by.
    mode : {"auto", "forward", "reverse"}, optional
        ``"forward"`` makes one pass for each input number, ``"reverse"`` one for each output
        number, ``"auto"`` whichever is fewer.

    Returns
    -------
    callable
        Of the same arguments. For one array in and one out, an array of shape
        ``output.shape + input.shape``; for nested ones, the structure of the output with
        the structure of the input in place of each leaf.

    Raises
    ------
    InputError
        For an unknown mode.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.jacobian(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise InputError(f"mode must be 'auto', 'forward' or 'reverse', got {mode!r}")

    def derived(*arguments: Any) -> Any:
        with writing_once():
            return _jacobian(function, arguments, wrt, mode)

    return derived


def hessian(function: Callable[..., Any], wrt: int = 0) -> Callable[..., Any]:
    """Return the Hessian of a loss as a function: forward over reverse.

    Parameters
    ----------
    function : callable
        A loss written in NumPy.
    wrt : int, optional
        Position of the argument to differentiate by.

    Returns
    -------
    callable
        Of the same arguments. For one array of shape ``s``, an array of shape ``s + s``; for
        a nested argument, its structure within its structure.

    Raises
    ------
    InputError
        When called, if the function does not return one real number.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    return jacobian(gradient(function, wrt), wrt, mode="forward")


def _jacobian(
    function: Callable[..., Any], arguments: tuple[Any, ...], wrt: int, mode: Mode
) -> Any:
    executor = executor_of(function)
    wrt = wrt % len(arguments)

    def of_one(x: Any, others: Any) -> Any:
        return call_traced(function, current(), (*others[:wrt], x, *others[wrt:]))

    of_one.__name__ = getattr(function, "__name__", of_one.__name__)  # for messages
    x, others = arguments[wrt], arguments[:wrt] + arguments[wrt + 1 :]
    leaves, structure = trees.flatten(x)
    leaves = list(map(as_variable, leaves))
    for leaf in leaves:
        if not is_array_like(leaf):
            raise InputError(
                f"st.jacobian by argument {wrt}: {leaf!r} is no array, and has no slope: give it "
                "in an argument of its own"
            )
    x = trees.unflatten(structure, leaves)
    values, value_structure = trees.flatten(Function(of_one, executor)(x, others))
    if mode == "auto":
        reverse = sum(map(np.size, values)) <= sum(map(np.size, leaves))
        mode = "reverse" if reverse else "forward"
    if mode == "reverse":
        pull = Function(
            lambda point, rest, v: pullback(lambda u: of_one(u, rest), point)[1](v)[0],
            executor,
        )
        rows = [
            trees.leaves(pull(x, others, trees.unflatten(value_structure, unit)))
            for unit in _units(values)
        ]
        blocks = _assemble(rows, values, leaves, stacked_outputs=True)
    else:
        push = Function(
            lambda point, rest, v: pushforward(lambda u: of_one(u, rest), (point,), (v,))[1],
            executor,
        )
        columns = [
            trees.leaves(push(x, others, trees.unflatten(structure, unit)))
            for unit in _units(leaves)
        ]
        blocks = _assemble(columns, leaves, values, stacked_outputs=False)
    return trees.unflatten(value_structure, [trees.unflatten(structure, row) for row in blocks])


def _units(leaves: list[Any]) -> list[list[np.ndarray]]:
    """Return every unit vector of a nested space, as flat lists of arrays."""
    dtypes = [leaf.dtype if hasattr(leaf, "dtype") else np.dtype(float) for leaf in leaves]
    dtypes = [dtype if dtype.kind == "f" else np.dtype(float) for dtype in dtypes]
    units = []
    for which, leaf in enumerate(leaves):
        for element in range(np.size(leaf)):
            unit = [np.zeros(np.shape(x), t) for x, t in zip(leaves, dtypes, strict=True)]
            unit[which].reshape(-1)[element] = 1
            units.append(unit)
    return units


def _assemble(
    passes: list[list[Any]], seeded: list[Any], found: list[Any], stacked_outputs: bool
) -> list[list[Any]]:
    """Assemble passes into blocks ``[output][input]`` of shape output + input."""
    stack = np.stack if passes else np.array
    blocks, start = [], 0
    for seed in seeded:
        stop = start + int(np.size(seed))
        row = []
        for i, leaf in enumerate(found):
            if start == stop:
                block = np.zeros((*np.shape(seed), *np.shape(leaf)))
            else:
                block = stack([one_pass[i] for one_pass in passes[start:stop]])
                block = np.reshape(block, (*np.shape(seed), *np.shape(leaf)))
            if not stacked_outputs:
                axes = range(block.ndim)
                split = len(np.shape(seed))
                block = np.transpose(block, (*axes[split:], *axes[:split]))
            row.append(block)
        blocks.append(row)
        start = stop
    return blocks if stacked_outputs else [list(column) for column in zip(*blocks, strict=True)]

"""How NumPy's functions are registered, and what their implementations share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError
from steepest.graph.source import at, user_source
from steepest.trace.array import FUNCTIONS, METHODS, TracedArray, as_traced, node_of, refuse
from steepest.trace.session import current


def implements(*functions: Callable[..., Any], method: str | None = None) -> Callable[..., Any]:
    """Register the implementation of NumPy functions, and of a method of arrays.

    The arguments ``out`` and ``where`` of an implementation are refused when they are given.
    """

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        checked = _refusing(implementation)
        for function in functions:
            FUNCTIONS[function] = checked
        if method is not None:
            METHODS[method] = checked
        return checked

    return register


def _refusing(implementation: Callable[..., Any]) -> Callable[..., Any]:
    names = list(inspect.signature(implementation).parameters)
    refused = [(name, names.index(name)) for name in ("out", "where") if name in names]
    if not refused:
        return implementation

    @functools.wraps(implementation)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for name, position in refused:
            given = args[position] if position < len(args) else kwargs.get(name)
            if given is not None:
                refuse(f"the argument {name}= of np.{implementation.__name__.rstrip('_')}")
        return implementation(*args, **kwargs)

    return checked


def normalize_axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """Return axes as sorted non-negative numbers; None means all of them."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted(normalize_axis(a, ndim) for a in axes))


def normalize_axis(axis: int, ndim: int) -> int:
    """Return an axis as a non-negative number."""
    if not -ndim <= axis < ndim:
        raise GraphIndexError(
            f"axis {axis}{at(user_source())} is out of bounds for an array of dimension {ndim}"
        )
    return axis % ndim


def node_cast(value: Any, dtype: np.dtype) -> TracedArray:
    """Return a traced array of a dtype."""
    return TracedArray(node_of(value, dtype), current())


def as_truth(x: Any) -> TracedArray:
    """Return an array as truth values."""
    return as_traced(x).astype(np.bool_)

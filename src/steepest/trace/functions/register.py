"""How NumPy's functions are registered, and what their implementations share."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import GraphIndexError
from steepest.graph.source import at, user_source
from steepest.trace.array import (
    FUNCTIONS,
    METHODS,
    PROPERTIES,
    TracedArray,
    as_traced,
    lies_in_order,
    node_of,
)
from steepest.trace.calls import write_out
from steepest.trace.session import check_dtype, current


def implements(
    *functions: Callable[..., Any], method: str | None = None, attribute: str | None = None
) -> Callable[..., Any]:
    """Register the implementation of NumPy functions, of a method or attribute of arrays.

    Where an implementation has an argument ``out``, it need not care: the result is
    written there.
    """

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        complete = _writing_out(implementation)
        for function in functions:
            FUNCTIONS[function] = complete
        if method is not None:
            METHODS[method] = complete
        if attribute is not None:
            PROPERTIES[attribute] = implementation
        return complete

    return register


def _writing_out(implementation: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(implementation).parameters
    if "out" not in parameters:
        return implementation
    by_keyword = parameters["out"].kind is inspect.Parameter.KEYWORD_ONLY
    position = sys.maxsize if by_keyword else list(parameters).index("out")

    @functools.wraps(implementation)
    def complete(*args: Any, **kwargs: Any) -> Any:
        out = args[position] if position < len(args) else kwargs.get("out")
        result = implementation(*args, **kwargs)
        if out is None:
            return result
        name = implementation.__name__.rstrip("_")
        return write_out(result, out, f"the argument out= of np.{name}")

    return complete


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


def node_cast(value: Any, dtype: Any) -> TracedArray:
    """Return a traced array of a dtype."""
    node = node_of(value, check_dtype(np.dtype(dtype)))
    return TracedArray(node, current(), ordered=lies_in_order(value))


def as_truth(x: Any) -> TracedArray:
    """Return an array as truth values."""
    return as_traced(x).astype(np.bool_)

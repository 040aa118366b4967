"""Calls of NumPy's functions and methods on traced arrays, and what all calls do with results."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.errors import ConcreteValueError, OperandError, UnsupportedError, forgive
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.refusals import refuse, refuse_library
from steepest.trace.arrays.registries import CALLS, COMPLEX, FUNCTIONS, METHODS
from steepest.trace.recording.session import current, logged


def call_function(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of a function of NumPy's that is not a ufunc."""
    if any(map(COMPLEX["is complex"], args)):
        return COMPLEX["function"](function, args, kwargs)
    implementation = FUNCTIONS.get(function)
    module = getattr(function, "__module__", None) or "numpy"
    name = f"{module.replace('numpy', 'np', 1)}.{function.__name__}"
    if implementation is None:
        refuse(name)
    result = call_implementation(implementation, name, args, kwargs, function)
    return as_returned(result, name, args, kwargs)


def call_method(name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of a method of arrays."""
    full = f"ndarray.{name}"
    plain = lambda x, *args, **kwargs: getattr(x, name)(*args, **kwargs)
    result = call_implementation(METHODS[name], full, args, kwargs, plain)
    return as_returned(result, full, args, kwargs)


def as_returned(result: Any, name: str, args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Return a result as NumPy returns it: a number, or an array, where it has no axes."""
    name = name.rpartition(".")[2]
    given = (*args, *kwargs.values())
    first = given[0] if given else None
    is_number = isinstance(first, TracedArray) and first.is_scalar and not first.weak
    if is_number and name in _METHODS_OF_NUMBERS:
        return as_number(result)
    if name in _ARRAY_MAKERS or any(result is value for value in given):  # out=
        return result
    if type(result) is tuple:
        return tuple(map(as_number, result))
    return as_number(result)


_ARRAY_MAKERS = frozenset(
    """
    append array asanyarray asarray ascontiguousarray astype block broadcast_arrays broadcast_to
    choose conj conjugate concatenate copy cov delete diag diagonal empty empty_like expand_dims
    extract fftn fftshift flip full full_like i0 ifftn ifftshift imag insert isin matrix_transpose
    moveaxis ones ones_like pad piecewise polyint polyval real reshape resize roll rollaxis rot90
    select split squeeze stack swapaxes tensordot tile transpose unstack view where zeros
    zeros_like
    """.split()  # noqa: SIM905
)
"""Functions whose results without axes are arrays; those of all others are numbers."""


_METHODS_OF_NUMBERS = frozenset(
    {"imag", "moveaxis", "permute_dims", "reshape", "squeeze", "transpose", "view"}
)
"""Functions that call a method of their argument, which returns a number for a number."""


def as_number(result: Any) -> Any:
    """Return a result as a number, if it has no axes."""
    if isinstance(result, TracedArray) and not result.shape:
        return TracedArray(result.node, current(), result.weak, is_scalar=True)
    return result


def selected(value: Any, out: TracedArray, where: Any, what: str, casting: Any) -> Any:
    """Return what an array holds after a result is written to it where a mask is true."""
    out.demand_cast(value, what, casting)
    return np.where(as_mask(where), value.astype(out.dtype), out)


def as_mask(where: Any) -> Any:
    """Return the argument ``where=`` as truth values; as in NumPy, arrays must be of them."""
    mask = as_traced(where)
    is_array = isinstance(where, np.ndarray | TracedArray) and not mask.is_scalar
    if is_array and mask.dtype != np.bool_:
        raise OperandError(
            f"where={at(user_source())} is an array of dtype {mask.dtype}, and not of truth "
            "values: compare it, or use .astype(bool)"
        )
    return mask.astype(np.bool_)


def write_out(value: Any, out: Any, what: str, casting: Any = "same_kind") -> Any:
    """Write a result to the array given as ``out=``; return that array."""
    if not isinstance(out, TracedArray):
        refuse_library("a plain array")
        raise ConcreteValueError(
            f"{what}{at(user_source())} is a plain NumPy array, which cannot hold a traced "
            "value: make that array with np.zeros or np.empty inside the function"
        )
    return out.assign(value, what, casting)


def truth_of(condition: Any) -> bool:
    """Return whether a condition holds that a function here asks for; a guard keeps it so."""
    if not isinstance(condition, TracedArray):
        return bool(condition)
    truth: Any = np.reshape(condition.astype(np.bool_), ())
    return bool(current().decide(truth.node))


def demand(condition: Any, error: Callable[[], Exception]) -> None:
    """Raise an error unless a condition holds; where it does, that becomes a guard."""
    session = current()
    merging = session.root.merging
    if merging is not None and (merging.session is session or session.root.forks):
        merging.demand(condition, error)
        return
    before = len(session.guards)
    try:
        holds = truth_of(condition)
    except UnsupportedError as refusal:  # in a loop that stays in the graph nothing can be raised
        forgive(refusal)
        return
    if not holds:
        raise error()
    session.demands.update([guard.condition for guard in session.guards[before:]])


def unlisted(value: Any) -> Any:
    """Return a list as an array, and all else as it is."""
    if isinstance(value, TracedArray) or not isinstance(value, list | tuple):
        return value
    return as_traced(value)


def _array_function(
    self: TracedArray, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
) -> Any:
    return logged(recording_of(function), args, kwargs)


@functools.cache
def recording_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what records a call of one of NumPy's functions."""
    return lambda *args, **kwargs: call_function(function, args, kwargs)


_class: Any = TracedArray
CALLS["method"] = call_method
_class.__array_function__ = _array_function

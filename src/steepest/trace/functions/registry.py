"""How NumPy's functions are registered, and what their implementations share."""

from __future__ import annotations

import functools
import inspect
import operator
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from steepest.errors import GraphIndexError, InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import (
    TracedArray,
    as_traced,
    holds_traced,
    lies_in_order,
    node_of,
)
from steepest.trace.arrays.dispatch import write_out
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import FUNCTIONS, METHODS, PROPERTIES
from steepest.trace.recording.dtypes import check_dtype
from steepest.trace.recording.session import current

ArrayLike: TypeAlias = Any
"""An array, a number, or nested lists of them, traced or not."""

Array: TypeAlias = Any
"""A traced array. It is Any because NumPy's annotations say that functions return an ndarray."""

Axes: TypeAlias = int | Sequence[int] | None
"""One axis, several axes, or all of them."""

ShapeLike: TypeAlias = int | Sequence[int]
"""A shape. A number is the shape of one axis."""

DType: TypeAlias = npt.DTypeLike | None
"""A dtype in any form. None leaves the choice to the function."""

Out: TypeAlias = TracedArray | np.ndarray | None
"""The array that receives the result."""

Order: TypeAlias = str | None
"""The order of elements in memory: C, F, A or K."""

Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
"""NumPy's rules for conversions between dtypes."""


class AxisError(GraphIndexError, np.exceptions.AxisError):
    """An axis is out of bounds."""


class OutputError(InputError, UnsupportedError):
    """The array given as ``out=`` has another shape or dtype than the result."""


class MatrixError(InputError, np.linalg.LinAlgError):
    """An array is not a matrix, or not square."""


Harmless = Callable[[Any], bool]

_IS_ANY: Harmless = lambda value: True
_IS_ABSENT: Harmless = lambda value: value is None or value is np._NoValue


def one_of(*values: Any) -> Harmless:
    """Return a test whether an argument is one of the values that have no effect."""
    return lambda value: any(value is v or (type(value) is type(v) and value == v) for v in values)


HARMLESS: dict[str, Harmless] = {
    "subok": _IS_ANY,  # traced arrays have no subclasses
    "like": lambda value: _IS_ABSENT(value) or isinstance(value, TracedArray | np.ndarray),
    "device": one_of(None, "cpu"),
    "overwrite_input": _IS_ANY,  # only allows NumPy to reuse the input's memory
}
"""Arguments that implementations ignore, each with a test for values that have no effect."""


def implements(
    *functions: Callable[..., Any], method: str | None = None, attribute: str | None = None,
    **harmless: Harmless,
) -> Callable[..., Any]:  # fmt: skip
    """Register the implementation of NumPy functions, or of a method or attribute of arrays.

    If an implementation has an argument ``out``, the result is written there. The
    implementation itself can ignore it.

    Parameters
    ----------
    *functions
        NumPy's functions.
    method, attribute
        The name of the method or attribute.
    **harmless
        Arguments that the implementation ignores, each with a test for values that have no
        effect. Other values are refused. :data:`HARMLESS` has the arguments that many
        functions share.

    Raises
    ------
    UnsupportedError
        From a call with a value that the implementation would ignore.
    """

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        name = getattr(functions[0], "__name__", "") if functions else f"ndarray.{method}"
        complete = with_out(refusing(implementation, f"np.{name}", harmless), name)
        for function in functions:
            FUNCTIONS[function] = complete
        if method is not None:
            METHODS[method] = complete
        if attribute is not None:
            PROPERTIES[attribute] = implementation
        return complete

    return register


def refusing(
    implementation: Callable[..., Any], name: str, harmless: dict[str, Harmless]
) -> Callable[..., Any]:
    """Return an implementation that refuses values which it would ignore.

    `name` is the function's full name in messages.
    """
    parameters = list(inspect.signature(implementation).parameters.items())
    by_keyword = inspect.Parameter.KEYWORD_ONLY
    tests = [
        (
            key,
            sys.maxsize if p.kind is by_keyword else position,
            harmless.get(key) or HARMLESS[key],
        )
        for position, (key, p) in enumerate(parameters)
        if key in harmless or key in HARMLESS
    ]
    if not tests:
        return implementation

    @functools.wraps(implementation)
    def complete(*args: Any, **kwargs: Any) -> Any:
        for key, position, is_harmless in tests:
            value = args[position] if position < len(args) else kwargs.get(key, tests)
            if value is not tests and not is_harmless(value):
                refuse(f"the argument {key}={value!r} of {name}")
        return implementation(*args, **kwargs)

    vars(complete)["harmless"] = tuple(key for key, _, _ in tests)
    return complete


def _check_output(name: str, what: str, result: Any, out: TracedArray) -> None:
    if name in _BROADCASTING:
        return
    if out.shape != result.shape or (name in _UNCONVERTED and out.dtype != result.dtype):
        raise OutputError(
            f"{what}{at(user_source())} has shape {out.shape} and dtype {out.dtype}, the result "
            f"has shape {result.shape} and dtype {result.dtype}"
        )


_BROADCASTING = frozenset({"clip", "fix", "isneginf", "isposinf", "outer"})
"""Functions that are ufuncs. Their results are broadcast to the array given as ``out=``."""

_UNCONVERTED = frozenset(
    {"argmax", "argmin", "dot", "einsum", "multi_dot", "nanargmax", "nanargmin"}
)
"""Functions whose ``out=`` must have the dtype of the result."""


def with_out(implementation: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return an implementation that writes its result to the argument ``out``, if given."""
    parameters = inspect.signature(implementation).parameters
    if "out" not in parameters:
        return implementation
    by_keyword = parameters["out"].kind is inspect.Parameter.KEYWORD_ONLY
    position = sys.maxsize if by_keyword else list(parameters).index("out")

    @functools.wraps(implementation)
    def complete(*args: Any, **kwargs: Any) -> Any:
        out = args[position] if position < len(args) else kwargs.get("out")
        result = implementation(*args, **kwargs)
        if out is None or out is np._NoValue:
            return result
        what = f"the argument out= of np.{name}".replace("np.ndarray", "ndarray")
        if isinstance(out, TracedArray):
            _check_output(name.rpartition(".")[2], what, result, out)
        return write_out(result, out, what, kwargs.get("casting", "same_kind"))

    vars(complete)["harmless"] = (*getattr(implementation, "harmless", ()), "out")
    return complete


def as_plain(value: Any) -> np.ndarray:
    """Return an array that sets shapes or selects elements, such as sizes and indices.

    Traced values become a guard.
    """
    if isinstance(value, list | tuple) and holds_traced(value):
        value = as_traced(value)
    if isinstance(value, TracedArray):
        return np.asarray(current().decide(value.node))
    return np.asarray(value)


def normalize_axes(axis: Axes, ndim: int) -> tuple[int, ...]:
    """Return axes as sorted non-negative numbers. None means all axes."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    numbers = tuple(sorted(normalize_axis(a, ndim) for a in axes))
    if len(set(numbers)) < len(numbers):
        raise InputError(f"axis={axis!r}{at(user_source())} names an axis twice")
    return numbers


def demand_no_list(axis: Axes) -> Any:
    """Return an argument ``axis=``. Raise if it is a list."""
    if isinstance(axis, list):
        raise OperandError(f"axis={axis!r}{at(user_source())} must be a number or a tuple")
    return axis


def normalize_axis(axis: int, ndim: int) -> int:
    """Return an axis as a non-negative number."""
    try:
        axis = operator.index(axis)
    except TypeError as error:
        raise OperandError(f"axis={axis!r}{at(user_source())}: {error}") from None
    if not -ndim <= axis < ndim:
        raise AxisError(
            f"axis {axis}{at(user_source())} is out of bounds for an array of dimension {ndim}"
        )
    return axis % ndim


def demand_axes(name: str, x: TracedArray, *numbers: int) -> None:
    """Raise unless an array has one of the given numbers of axes."""
    if x.ndim not in numbers:
        raise InputError(
            f"np.{name}{at(user_source())}: an array of shape {x.shape} must have "
            f"{' or '.join(map(str, numbers))} axes"
        )


def demand_square(name: str, x: TracedArray) -> None:
    """Raise unless an array is a square matrix, or a stack of them."""
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise MatrixError(
            f"np.linalg.{name}{at(user_source())}: an array of shape {x.shape} must have at least "
            "two axes, and the last two must be equally long"
        )


def node_cast(value: ArrayLike, dtype: DType) -> TracedArray:
    """Return a traced array of a dtype."""
    node = node_of(value, check_dtype(np.dtype(dtype)))
    return TracedArray(node, current(), ordered=lies_in_order(value))


def as_array(value: ArrayLike) -> Array:
    """Return a traced array. Unlike a Python number, its dtype takes part in promotion."""
    x = as_traced(value)
    return TracedArray(x.node, x.session, False, x.is_scalar, x.ordered) if x.weak else x


def as_truth(x: ArrayLike) -> Array:
    """Return an array converted to booleans."""
    return as_traced(x).astype(np.bool_)

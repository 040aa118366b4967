"""Calls of NumPy's functions and ufuncs, as they reach traced arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest.errors import ConcreteValueError, InputError, UnsupportedError
from steepest.graph import Node, Shape
from steepest.graph.source import at, is_within_try, user_source
from steepest.ops import TABLE, Row, resolve_loop
from steepest.trace.array import (
    COMPLEX,
    FUNCTIONS,
    SPECIAL_UFUNCS,
    UFUNC_METHODS,
    TracedArray,
    as_traced,
    is_ordered,
    node_of,
    refuse,
)
from steepest.trace.session import SUPPORTED, check_dtype, current


def call_function(function: Callable[..., Any], args: Any, kwargs: Mapping[str, Any]) -> Any:
    """Record a call of one of NumPy's functions that is no ufunc."""
    if any(map(COMPLEX["is complex"], args)):
        return COMPLEX["function"](function, args, kwargs)
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        module = getattr(function, "__module__", "numpy").replace("numpy", "np", 1)
        refuse(f"{module}.{function.__name__}")
    try:
        return implementation(*args, **kwargs)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        name = str(error).rpartition("argument ")[2]
        refuse(f"the argument {name} of np.{function.__name__}")


def scipy_name(ufunc: np.ufunc) -> str:
    """Return the public name of a ufunc."""
    return ufunc.__name__.removeprefix("_")


def call_ufunc(
    ufunc: np.ufunc, *inputs: Any, out: Any = None, where: Any = True, **options: Any
) -> Any:
    """Record a call of a ufunc, with what NumPy does for ``out``, ``where`` and ``dtype``."""
    inputs, given = inputs[: ufunc.nin], inputs[ufunc.nin :]
    if any(map(COMPLEX["is complex"], inputs)):
        return COMPLEX["ufunc"](ufunc, *inputs, out=out or given or None)
    targets = given or (out if isinstance(out, tuple) else (out,))
    dtype = options.pop("dtype", None)
    for name, value in options.items():
        if value is not None and (name, value) not in _HARMLESS:
            refuse(f"the argument {name}= of np.{ufunc.__name__}")
    if dtype is not None:
        inputs = tuple(as_traced(value).astype(dtype) for value in inputs)
    if ufunc in FUNCTIONS:
        result = FUNCTIONS[ufunc](*inputs)
    elif getattr(np, ufunc.__name__, None) is not ufunc and scipy_name(ufunc) in SPECIAL_UFUNCS:
        result = SPECIAL_UFUNCS[scipy_name(ufunc)](*inputs)
    else:
        row = TABLE.get(ufunc.__name__)
        if row is None or row.evaluate is not ufunc:
            refuse(f"np.{ufunc.__name__}")
        result = apply(row, *inputs)
    if targets[0] is None and where is True:
        return result
    results = result if isinstance(result, tuple) else (result,)
    written = tuple(
        _write_out(ufunc, value, target, where)
        for value, target in zip(results, targets, strict=True)
    )
    return written if isinstance(result, tuple) else written[0]


_HARMLESS = (("subok", True), ("casting", "same_kind"), ("order", "K"))


def _write_out(ufunc: np.ufunc, value: Any, out: Any, where: Any) -> Any:
    what = f"the argument out= of np.{ufunc.__name__}"
    if out is None:
        raise UnsupportedError(
            f"np.{ufunc.__name__} with where= and without out={at(user_source())} leaves "
            "elements without a value: give out=, or use np.where"
        )
    if where is not True and isinstance(out, TracedArray):
        value = np.where(where, value, out)
    return write_out(value, out, what)


def write_out(value: Any, out: Any, what: str) -> Any:
    """Write a result to the array given as ``out=``; return that array."""
    if not isinstance(out, TracedArray):
        raise ConcreteValueError(
            f"{what}{at(user_source())} is a plain NumPy array, which cannot hold a traced "
            "value: make that array with np.zeros or np.empty inside the function"
        )
    if not fits(as_traced(value).shape, out.shape):
        raise InputError(
            f"{what}{at(user_source())} has shape {out.shape}, the result has shape "
            f"{as_traced(value).shape}"
        )
    return out.assign(value, what)


def fits(shape: Shape, target: Shape) -> bool:
    """Whether a shape broadcasts to another."""
    ahead = len(target) - len(shape)
    return ahead >= 0 and all(a in (1, b) for a, b in zip(shape, target[ahead:], strict=True))


def _type(value: Any) -> Any:
    if isinstance(value, TracedArray):
        return float if value.weak and value.dtype.kind == "f" else value.dtype
    if type(value) in (int, float):
        return type(value)
    return check_dtype(np.asarray(value).dtype)


_RAISES_FOR_ZERO = frozenset({"divide", "floor_divide", "remainder"})


def _zero_like(node: Node) -> Node:
    return current().lift(np.zeros((), node.dtype))


def apply(row: Row, *operands: Any) -> TracedArray:
    """Record an elementwise op: choose NumPy's dtypes, cast, and make the node."""
    ufunc: Any = row.evaluate
    operands = tuple(as_traced(x) if isinstance(x, list | tuple) else x for x in operands)
    types = tuple(map(_type, operands))
    try:
        loop = resolve_loop(ufunc, types)
    except TypeError as error:
        raise UnsupportedError(f"np.{ufunc.__name__}{at(user_source())}: {error}") from None
    if not SUPPORTED.issuperset(loop):
        refuse(f"np.{ufunc.__name__} of {', '.join(str(np.dtype(t)) for t in types)}")
    casts = [node_of(value, dtype) for value, dtype in zip(operands, loop, strict=False)]
    session = current()
    try:
        node = session.record(row, casts)
    except ValueError:
        shapes = " and ".join(str(node.shape) for node in casts)
        raise InputError(
            f"np.{ufunc.__name__}{at(user_source())}: shapes {shapes} do not broadcast"
        ) from None
    weak = all(t is float or t is int for t in types)
    if weak and row.name in _RAISES_FOR_ZERO and is_within_try():
        if session.decide(session.record(TABLE["equal"], [casts[1], _zero_like(casts[1])])):
            raise ZeroDivisionError("float division by zero")  # as Python's own numbers do
    return TracedArray(node, session, weak, ordered=is_ordered(row, operands))


def _array_ufunc(
    self: TracedArray, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any
) -> Any:
    if method == "__call__":
        return call_ufunc(ufunc, *inputs, **options)
    implementation = UFUNC_METHODS.get((ufunc, method))
    if implementation is None:
        refuse(f"np.{ufunc.__name__}.{method}")
    return implementation(*inputs, **options)


def _array_function(
    self: TracedArray, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
) -> Any:
    return call_function(function, args, kwargs)


# NumPy's two protocols: every function of NumPy that meets a traced array comes here.
_class: Any = TracedArray
_class.__array_ufunc__ = _array_ufunc
_class.__array_function__ = _array_function

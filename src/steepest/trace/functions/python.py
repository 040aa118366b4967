"""`math`'s functions and Python's own, on traced numbers."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from steepest.graph.source import at, user_source
from steepest.trace.array import TracedArray, as_traced, holds_traced
from steepest.trace.calls import call_ufunc
from steepest.trace.seen import SEEN
from steepest.trace.session import current

_MATH_UFUNCS = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sqrt": np.sqrt, "cbrt": np.cbrt, "fabs": np.fabs, "pow": np.power,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "copysign": np.copysign, "fmod": np.fmod, "degrees": np.degrees, "radians": np.radians,
}  # fmt: skip


def python_number(value: Any, dtype: Any = np.float64) -> TracedArray:
    """Return a traced number as Python's float (or int), which adapts its dtype."""
    number: Any = np.reshape(as_traced(value).astype(dtype), ())
    return TracedArray(number.node, current(), weak=True, is_scalar=True)


def sees(*functions: Callable[..., Any]) -> Callable[..., Any]:
    """Register what traced code sees for a function; plain arguments get the function."""

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            SEEN[function] = _for_traced(function, implementation)
        return implementation

    return register


def _for_traced(
    real: Callable[..., Any], implementation: Callable[..., Any]
) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        if holds_traced([*args, *kwargs.values()]):
            return implementation(*args, **kwargs)
        return real(*args, **kwargs)

    seen.__name__, seen.__doc__ = real.__name__, real.__doc__
    return seen


def _floats(values: Iterable[Any]) -> list[Any]:
    return [python_number(value) for value in values]


def checked(name: str, result: TracedArray, *operands: TracedArray) -> TracedArray:
    """Raise what `math` raises where it has no finite result; a guard keeps it so."""
    fine = np.isfinite(result)
    for operand in operands:
        fine = np.logical_or(fine, np.logical_not(np.isfinite(operand)))
    if fine:
        return result
    where = at(user_source())
    if np.isnan(result.value) or name.startswith("log") or name in ("atanh", "pow"):
        raise ValueError(f"math domain error: math.{name}{where} of {operands[0]}")
    raise OverflowError(f"math range error: math.{name}{where} of {operands[0]}")


_NEVER_FAILS = frozenset(
    [
        "fabs",
        "atan",
        "atan2",
        "tanh",
        "asinh",
        "copysign",
        "degrees",
        "radians",
        "cbrt",
        "sin",
        "cos",
        "tan",
    ]
)


def _math(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def implementation(*args: Any) -> TracedArray:
        operands = _floats(args)
        result = python_number(call_ufunc(ufunc, *operands))
        return result if name in _NEVER_FAILS else checked(name, result, *operands)

    return implementation


for _name, _ufunc in _MATH_UFUNCS.items():
    sees(getattr(math, _name))(_math(_name, _ufunc))


@sees(math.log)
def log(x, base=None):
    x = python_number(x)
    result = checked("log", python_number(np.log(x)), x)
    return result if base is None else result / log(base)


@sees(math.hypot)
def hypot(*coordinates):
    total: Any = 0.0
    for coordinate in _floats(coordinates):
        total = np.hypot(total, coordinate)
    return python_number(total)


@sees(math.dist)
def dist(p, q):
    return hypot(*(a - b for a, b in zip(p, q, strict=True)))


@sees(math.fsum)
def fsum(seq):
    return python_number(np.sum(np.stack(_floats(seq))))


@sees(math.prod)
def prod(iterable, *, start=1):
    for value in iterable:
        start = start * value
    return start


@sees(math.sumprod) if hasattr(math, "sumprod") else (lambda function: function)
def sumprod(p, q):
    return sum(a * b for a, b in zip(p, q, strict=True))


for _name in ("isnan", "isinf", "isfinite"):
    sees(getattr(math, _name))(lambda x, _name=_name: bool(getattr(np, _name)(x)))


@sees(math.isclose)
def isclose(a, b, *, rel_tol=1e-09, abs_tol=0.0):
    size = np.maximum(np.abs(a), np.abs(b))
    return bool(np.abs(as_traced(a) - b) <= np.maximum(rel_tol * size, abs_tol))


@sees(math.floor)
def floor(x):
    return python_number(np.floor(x), np.int64)


@sees(math.ceil)
def ceil(x):
    return python_number(np.ceil(x), np.int64)


@sees(math.trunc)
def trunc(x):
    return python_number(np.trunc(x), np.int64)


@sees(math.modf)
def modf(x):
    fraction, whole = np.modf(python_number(x))
    return python_number(fraction), python_number(whole)


@sees(math.remainder)
def remainder(x, y):
    x, y = _floats((x, y))
    return x - y * python_number(np.rint(x / y))


def _extreme(function: Callable[..., Any], better: np.ufunc) -> None:
    def implementation(*args: Any, key: Any = None, default: Any = None) -> Any:
        values = list(args[0]) if len(args) == 1 else list(args)
        if key is not None or any(as_traced(v).ndim for v in values):
            return function(values, key=key)
        best = values[0]
        for value in values[1:]:  # as Python does it: the first of equals stays
            chosen = np.where(better(value, best), value, best)
            weak = all(type(v) in (int, float) or _is_weak(v) for v in (value, best))
            best = TracedArray(chosen.node, chosen.session, weak, is_scalar=True)
        return best

    sees(function)(implementation)


def _is_weak(value: Any) -> bool:
    return isinstance(value, TracedArray) and value.weak


_extreme(builtins.max, np.greater)
_extreme(builtins.min, np.less)

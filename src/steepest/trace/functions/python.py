"""Functions of `math` and Python's built-in functions, on traced numbers."""

from __future__ import annotations

import builtins
import contextlib
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

import numpy as np

from steepest.errors import InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.elementwise.floating import exact_sum
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, holds_traced, python_type
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.numbers import power_of_floats, python_number, single, whole
from steepest.trace.arrays.ufuncs import call_ufunc
from steepest.trace.following.namespaces import SEEN, WATCHED
from steepest.trace.following.stand_ins import SeenFunction
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.recording.session import ForkError, current

_MATH_UFUNCS = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log2": np.log2, "log10": np.log10,
    "log1p": np.log1p, "sqrt": np.sqrt, "cbrt": np.cbrt, "fabs": np.fabs, "pow": np.power,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "copysign": np.copysign, "fmod": np.fmod, "degrees": np.degrees, "radians": np.radians,
}  # fmt: skip


F = TypeVar("F", bound=Callable[..., Any])


def sees(*functions: Callable[..., Any]) -> Callable[[F], F]:
    """Register the implementation of a function for traced arguments."""

    def register(implementation: F) -> F:
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

    return SeenFunction(real, seen)


def _floats(values: Iterable[Any]) -> list[Any]:
    return [number_of_math(value) for value in values]


def number_of_math(value: ArrayLike) -> Array:
    """Return a number as a float64 of NumPy, so that NumPy's functions return NumPy's numbers."""
    number: Any = np.reshape(single(value, "a function of math").astype(np.float64), ())
    return TracedArray(number.node, number.session, is_scalar=True)


_NEVER_NAN = frozenset(
    """
    exp exp2 expm1 cbrt fabs atan atan2 sinh cosh tanh asinh copysign degrees radians
    """.split()  # noqa: SIM905
)
"""Functions that return NaN only for NaN."""

_NEVER_INFINITE = frozenset(
    """
    sqrt cbrt fabs sin cos tan asin acos atan atan2 tanh asinh acosh copysign fmod radians
    """.split()  # noqa: SIM905
)
"""Functions that return infinity only for infinite arguments."""

_POLES = frozenset({"log", "log2", "log10", "log1p", "atanh"})
"""Functions whose infinite results are poles, which Python calls domain errors."""


def _is_at_pole(name: str, x: ArrayLike) -> bool:
    value = float(as_traced(x).value)
    is_gamma = name in ("gamma", "gammaln") and value <= 0 and value == math.floor(value)
    return is_gamma or name in _POLES


def checked(name: str, result: Any, *operands: Any) -> TracedArray:
    """Return a result of `math`, or raise its error. Which of them becomes a guard.

    As in CPython: NaN is an error unless an operand is NaN, and infinity is one unless an
    operand is infinite or NaN.
    """
    where = at(user_source())
    if name not in _NEVER_NAN:
        fine: Any = result == result
        for operand in operands:
            fine = fine | (operand != operand)
        message = f"math domain error: math.{name}{where} of {operands[0]}"
        demand(fine, lambda: ValueError(message))
    if name not in _NEVER_INFINITE:
        fine = np.abs(result) != np.inf
        for operand in operands:
            fine = fine | ~np.isfinite(operand)
        demand(fine, lambda: _infinite(name, where, operands[0]))
    return python_number(result)


def _infinite(name: str, where: str, x: ArrayLike) -> Exception:
    if _is_at_pole(name, x):
        return ValueError(f"math domain error: math.{name}{where} of {x}")
    return OverflowError(f"math range error: math.{name}{where} of {x}")


def _math(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def implementation(*args: Any) -> TracedArray:
        operands = _floats(args)
        return checked(name, call_ufunc(ufunc, *operands), *operands)

    return implementation


for _name, _ufunc in _MATH_UFUNCS.items():
    sees(getattr(math, _name))(_math(_name, _ufunc))


@sees(math.pow)
def pow_(x: ArrayLike, y: ArrayLike) -> TracedArray:
    x, y = _floats((x, y))
    where = at(user_source())
    at_pole = (x == 0) & (y < 0) & np.isfinite(y)
    demand(~at_pole, lambda: ValueError(f"math domain error: math.pow{where} of 0.0"))
    return checked("pow", power_of_floats(x, y), x, y)


@sees(math.log)
def log(x: ArrayLike, base: ArrayLike = None) -> Array:
    x = number_of_math(x)
    result: Array = checked("log", np.log(x), x)
    return result if base is None else result / log(base)


@sees(math.hypot)
def hypot(*coordinates: ArrayLike) -> TracedArray:
    total: Any = 0.0
    for coordinate in _floats(coordinates):
        total = np.hypot(total, coordinate)
    return python_number(np.abs(total))


@sees(math.dist)
def dist(p: Sequence[ArrayLike], q: Sequence[ArrayLike]) -> Array:
    if len(p) != len(q):
        raise InputError(
            f"math.dist{at(user_source())}: both points must have the same number of dimensions"
        )
    return hypot(*(a - b for a, b in zip(_floats(p), _floats(q), strict=True)))


@sees(math.fsum)
def fsum(seq: Iterable[ArrayLike]) -> TracedArray | float:
    numbers = _floats(seq)
    if not numbers:
        return 0.0
    every: Any = np.stack(numbers)
    result = exact_sum(every)
    where = at(user_source())
    demand(
        np.isfinite(result) | ~np.all(np.isfinite(every)),
        lambda: OverflowError(f"intermediate overflow in fsum{where}"),
    )
    demand(
        ~(np.isnan(result) & ~np.any(np.isnan(every))),
        lambda: ValueError(f"-inf + inf in fsum{where}"),
    )
    return python_number(result)


@sees(math.prod)
def prod(iterable: Iterable[ArrayLike], *, start: ArrayLike = 1) -> Array:
    for value in iterable:
        start = start * value
    return start


def sumprod(p: Iterable[ArrayLike], q: Iterable[ArrayLike]) -> Array:
    return fsum([a * b for a, b in zip(p, q, strict=True)])


if hasattr(math, "sumprod"):  # since Python 3.12
    sees(math.sumprod)(sumprod)


for _name in ("isnan", "isinf", "isfinite"):
    sees(getattr(math, _name))(lambda x, _name=_name: bool(getattr(np, _name)(number_of_math(x))))


@sees(math.isclose)
def isclose(
    a: ArrayLike, b: ArrayLike, *, rel_tol: ArrayLike = 1e-09, abs_tol: ArrayLike = 0.0
) -> bool:
    a, b, rel_tol, abs_tol = _floats((a, b, rel_tol, abs_tol))
    where = at(user_source())
    demand(
        (rel_tol >= 0) & (abs_tol >= 0),
        lambda: ValueError(f"math.isclose{where}: tolerances must be non-negative"),
    )
    apart = np.abs(a - b)
    near = (apart <= np.abs(rel_tol * b)) | (apart <= np.abs(rel_tol * a)) | (apart <= abs_tol)
    return bool((a == b) | (np.isfinite(a) & np.isfinite(b) & near))


def _to_whole(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    def implementation(x: Any) -> TracedArray:
        x = single(x, f"math.{name}")
        if name == "trunc" and not hasattr(python_type(x), "__trunc__"):  # the others take floats
            kind = python_type(x).__name__
            raise OperandError(f"math.trunc{at(user_source())}: {kind} has no __trunc__")
        return whole(ufunc(x) if x.dtype.kind == "f" else x, f"math.{name}")

    return implementation


for _name, _ufunc in (("floor", np.floor), ("ceil", np.ceil), ("trunc", np.trunc)):
    sees(getattr(math, _name))(_to_whole(_name, _ufunc))


@sees(math.modf)
def modf(x: ArrayLike) -> tuple[TracedArray, TracedArray]:
    fraction, whole_part = np.modf(number_of_math(x))
    return python_number(fraction), python_number(whole_part)


@sees(math.frexp)
def frexp(x: ArrayLike) -> tuple[TracedArray, TracedArray]:
    fraction, exponent = np.frexp(number_of_math(x))
    return python_number(fraction), python_number(exponent, np.int64)


@sees(math.ldexp)
def ldexp(x: ArrayLike, i: ArrayLike) -> TracedArray:
    x, i = number_of_math(x), as_traced(i)
    if i.dtype.kind not in "iub":
        raise UnsupportedError(f"math.ldexp{at(user_source())}: the exponent must be an int")
    return checked("ldexp", np.ldexp(x, np.clip(i, -5000, 5000)), x)


@sees(math.remainder)
def remainder(x: ArrayLike, y: ArrayLike) -> TracedArray:
    # CPython's algorithm: every step is exact.
    x, y = _floats((x, y))
    where = at(user_source())
    fine = (np.isfinite(x) & (y != 0)) | (x != x) | (y != y)
    demand(fine, lambda: ValueError(f"math domain error: math.remainder{where} of {x}"))
    size, divisor = np.abs(x), np.abs(y)
    rest = np.fmod(size, divisor)
    other = divisor - rest
    tie = rest - 2.0 * np.fmod(0.5 * (size - rest), divisor)
    nearest = np.where(rest < other, rest, np.where(rest > other, -other, tie))
    nearest = np.where(np.isinf(y) & np.isfinite(x), size, nearest)
    return python_number(np.where(np.signbit(x), -nearest, nearest))


@sees(math.nextafter)
def nextafter(x: ArrayLike, y: ArrayLike, **steps: Any) -> TracedArray:
    if any(value is not None for value in steps.values()):
        raise UnsupportedError(
            f"math.nextafter with steps={at(user_source())} cannot be recorded: call it in a loop"
        )
    return python_number(np.nextafter(*_floats((x, y))))


@sees(math.ulp)
def ulp(x: ArrayLike) -> TracedArray:
    size = np.abs(number_of_math(x))
    step = np.nextafter(size, np.inf) - size
    top = size - np.nextafter(size, 0.0)  # the largest number has no next one
    return python_number(np.where(np.isfinite(size), np.where(np.isinf(step), top, step), size))


def fma(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> NoReturn:
    raise UnsupportedError(
        f"math.fma{at(user_source())} cannot be recorded: write x * y + z, which rounds twice"
    )


if hasattr(math, "fma"):  # since Python 3.13
    sees(math.fma)(fma)


def _extreme(function: Callable[..., Any], better: Callable[..., Any]) -> None:
    def implementation(*args: Any, **options: Any) -> Any:
        key = options.get("key")
        values = list(args[0]) if len(args) == 1 else list(args)
        if key is not None or not values or any(map(_is_array, values)):
            return function(values, **options)  # the result is one of the arrays
        best = values[0]
        for value in values[1:]:  # as in Python, the first of equal values wins
            dtype = as_traced(best).dtype
            is_plain = not isinstance(value, Traced) and not isinstance(best, Traced)
            if is_plain or dtype.kind != "f" or as_traced(value).dtype != dtype:
                best = _one_of(better(value, best), value, best)  # its type may differ
                continue
            chosen = np.where(better(value, best), value, best)
            weak = all(type(v) in (int, float) or _is_weak(v) for v in (value, best))
            best = TracedArray(chosen.node, chosen.session, weak, is_scalar=True)
        return best

    sees(function)(implementation)


def _one_of(condition: Any, yes: Any, no: Any) -> Any:
    """Return one of two numbers; both, where branches are merged."""
    session = current()
    merging = session.root.merging
    if merging is not None and merging.session is session and isinstance(condition, TracedArray):
        with contextlib.suppress(ForkError):
            return merging.merged(condition.node, yes, no)
    return yes if condition else no


def _joining(join: Callable[..., Any]) -> Callable[..., Any]:
    def joined(a: ArrayLike, b: ArrayLike) -> Array:
        for value in (a, b):
            if isinstance(value, TracedArray | np.ndarray):
                raise OperandError(
                    f"operator.{join.__name__}{at(user_source())} joins no arrays: use "
                    "np.concatenate"
                )
        return join(a, b)

    return joined


WATCHED[operator.concat] = _joining(operator.concat)
WATCHED[operator.iconcat] = _joining(operator.iconcat)


def _is_array(value: Any) -> bool:
    array = as_traced(value)
    return isinstance(array, TracedArray) and not array.is_scalar


def _is_weak(value: Any) -> bool:
    return isinstance(value, TracedArray) and value.weak


_extreme(builtins.max, operator.gt)
_extreme(builtins.min, operator.lt)

__all__ = ["checked", "number_of_math", "python_number", "sees"]

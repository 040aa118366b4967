"""NumPy's elementwise functions that take more than one op, comparisons, and conversions."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops import TABLE
from steepest.trace.arrays.array import TracedArray, as_traced, record
from steepest.trace.arrays.assignment import fresh
from steepest.trace.arrays.complex import TracedComplex, as_complex
from steepest.trace.arrays.dispatch import unlisted
from steepest.trace.arrays.indexing import getitem
from steepest.trace.arrays.layout import is_laid_out, laid_out
from steepest.trace.arrays.numbers import python_number, whole
from steepest.trace.arrays.refusals import MissingAttributeError, refuse
from steepest.trace.arrays.registries import FUNCTIONS, METHODS
from steepest.trace.arrays.ufuncs import apply
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Casting,
    DType,
    Order,
    Out,
    as_array,
    as_truth,
    implements,
    node_cast,
)


def _logical(name: str) -> Callable[..., Any]:
    return lambda *operands: apply(TABLE[name], *map(as_truth, operands))


def _bitwise(truths: str, numbers: str) -> Callable[..., Any]:
    def implementation(*operands: Any) -> TracedArray:
        if all(as_traced(operand).dtype == np.bool_ for operand in operands):
            return apply(TABLE[truths], *operands)
        return apply(TABLE[numbers], *operands)

    return implementation


for _name in ("and", "or", "xor", "not"):
    FUNCTIONS[getattr(np, f"logical_{_name}")] = _logical(f"logical_{_name}")
    _number_name = "invert" if _name == "not" else f"bitwise_{_name}"
    FUNCTIONS[getattr(np, _number_name)] = _bitwise(f"logical_{_name}", _number_name)


@implements(np.positive)
def positive(x: ArrayLike) -> TracedArray:
    return fresh(as_traced(x))


@implements(np.real, method="conj", attribute="real")
def real(val: ArrayLike) -> Array:
    return as_traced(val)


METHODS["conjugate"] = real


@implements(np.conjugate)
def conjugate(x: ArrayLike) -> TracedArray:
    return fresh(as_traced(x))


@implements(np.deg2rad, np.radians)
def deg2rad(x: ArrayLike) -> Array:
    number = as_traced(x).dtype.type
    return np.multiply(x, number(math.pi) / number(180))


@implements(np.rad2deg, np.degrees)
def rad2deg(x: ArrayLike) -> Array:
    number = as_traced(x).dtype.type
    return np.multiply(x, number(180) / number(math.pi))


@implements(np.fabs)
def fabs(x: ArrayLike) -> Array:
    x = as_traced(x)
    return np.abs(x if x.dtype.kind == "f" else x.astype(np.float64))


@implements(np.fmax)
def fmax(a: ArrayLike, b: ArrayLike) -> Array:
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.maximum(a, b)))


@implements(np.fmin)
def fmin(a: ArrayLike, b: ArrayLike) -> Array:
    return np.where(np.isnan(a), b, np.where(np.isnan(b), a, np.minimum(a, b)))


@implements(np.copysign)
def copysign(x1: ArrayLike, x2: ArrayLike) -> Array:
    size: Any = FUNCTIONS[np.fabs](x1)
    return np.where(np.signbit(as_traced(x2).astype(np.float64)), np.negative(size), size)


@implements(np.heaviside)
def heaviside(x1: ArrayLike, x2: ArrayLike) -> Array:
    x1 = as_traced(x1)
    return np.where(x1 == 0, x2, np.where(x1 < 0, 0.0, np.where(x1 > 0, 1.0, np.nan)))


@implements(np.spacing)
def spacing(x: ArrayLike) -> Array:
    return np.nextafter(x, np.copysign(np.inf, x)) - x


@implements(np.ldexp)
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Array:
    # Three steps, so that no power overflows or underflows. Beyond 2100 nothing changes.
    remaining = np.clip(x2, -2100, 2100)
    for _ in range(3):
        step = np.clip(remaining, -700, 700)
        x1, remaining = x1 * np.exp2(step * 1.0), remaining - step
    return x1


@implements(np.frexp)
def frexp(x: ArrayLike) -> tuple[Array, Array]:
    x = as_traced(x)
    exponent: Any = record(TABLE["frexp_exponent"], x)
    return ldexp(x, np.negative(exponent)), exponent


@implements(np.modf)
def modf(x: ArrayLike) -> tuple[Array, Array]:
    x = as_traced(x)
    whole = np.trunc(x)
    # The fraction has the sign of the number. The sign has no derivative.
    fraction = np.where(np.signbit(x), np.negative(whole - x), x - whole)
    nothing = np.copysign(np.zeros_like(x), x)
    return np.where(np.isinf(x), nothing, fraction).astype(x.dtype), whole


@implements(np.divmod)
def divmod_(x1: ArrayLike, x2: ArrayLike) -> tuple[Array, Array]:
    return np.floor_divide(x1, x2), np.remainder(x1, x2)


@implements(np.fix)
def fix(x: ArrayLike, out: Out = None) -> Array:
    return np.trunc(x)


def _power_of_ten(number: int) -> float:
    """Return a power of ten with NumPy's rounding."""
    power = 10.0 ** min(number, 9)
    for _ in range(number - 9):
        power *= 10.0
    return power


@implements(np.round, np.around, method="round")
def round_(a: ArrayLike, decimals: int = 0, out: Out = None) -> Array:
    a, decimals = as_traced(a), operator.index(decimals)
    if a.dtype.kind == "b":
        refuse("np.round of truth values")
    if a.dtype.kind != "f":
        if decimals >= 0:
            return fresh(a)
        power = _power_of_ten(-decimals)
        return (np.rint(a / power) * power).astype(a.dtype)
    if decimals == 0:
        return np.rint(a)
    power = _power_of_ten(abs(decimals))
    return np.rint(a * power) / power if decimals > 0 else np.rint(a / power) * power


@implements(np.sinc)
def sinc(x: ArrayLike) -> TracedArray:
    x = as_traced(x)
    return record(TABLE["sinc"], x if x.dtype.kind == "f" else x.astype(np.float64))


@implements(np.nan_to_num)
def nan_to_num(
    x: ArrayLike, copy: bool = True, nan: float = 0.0, posinf: float | None = None,
    neginf: float | None = None,
) -> Array:  # fmt: skip
    x = FUNCTIONS[np.array](x, copy=copy)
    if x.dtype.kind != "f":
        return x if x.ndim else x[()]
    limits = np.finfo(x.dtype)
    top = limits.max if posinf is None else posinf
    bottom = limits.min if neginf is None else neginf
    values = np.where(np.isnan(x), nan, x)
    values = np.where(x == np.inf, top, np.where(x == -np.inf, bottom, values)).astype(x.dtype)
    if copy:
        return values
    x[...] = values
    return x if x.ndim else x[()]


@implements(np.isposinf)
def isposinf(x: ArrayLike, out: Out = None) -> Array:
    return as_array(x) == np.inf


@implements(np.isneginf)
def isneginf(x: ArrayLike, out: Out = None) -> Array:
    return as_array(x) == -np.inf


@implements(np.isclose)
def isclose(
    a: ArrayLike, b: ArrayLike, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Array:
    a, b = as_traced(a), as_traced(b)
    near = np.abs(a - b) <= atol + rtol * np.abs(b)
    same = np.logical_or(a == b, np.logical_and(np.isfinite(b), near))
    return np.logical_or(same, np.isnan(a) & np.isnan(b)) if equal_nan else same


@implements(np.allclose)
def allclose(
    a: ArrayLike, b: ArrayLike, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    return bool(np.all(isclose(a, b, rtol, atol, equal_nan)))


@implements(np.array_equal)
def array_equal(a1: ArrayLike, a2: ArrayLike, equal_nan: bool = False) -> bool:
    a1, a2 = unlisted(a1), unlisted(a2)
    if np.shape(a1) != np.shape(a2):
        return False
    a1, a2 = as_traced(a1), as_traced(a2)
    same = a1 == a2
    return bool(np.all(np.logical_or(same, np.isnan(a1) & np.isnan(a2)) if equal_nan else same))


@implements(np.array_equiv)
def array_equiv(a1: ArrayLike, a2: ArrayLike) -> bool:
    a1, a2 = as_traced(a1), as_traced(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return bool(np.all(a1 == a2))


@implements(np.isreal)
def isreal(x: ArrayLike) -> TracedArray:
    ones: Any = np.ones_like(as_traced(x), bool)
    return python_number(ones, np.bool_) if as_traced(x).weak else ones


@implements(np.isrealobj)
def isrealobj(x: ArrayLike) -> bool:
    array: TracedArray = as_traced(x)
    return array.dtype.kind != "c"


@implements(np.iscomplexobj)
def iscomplexobj(x: ArrayLike) -> bool:
    array: TracedArray = as_traced(x)
    return array.dtype.kind == "c"


@implements(np.isscalar)
def isscalar(element: object) -> bool:
    return isinstance(element, TracedArray | TracedComplex) and element.is_scalar


@implements(np.result_type)
def result_type(*operands: ArrayLike) -> np.dtype:
    return np.result_type(
        *(_promoted_as(x) if isinstance(x, TracedArray) else x for x in operands)
    )


@implements(np.common_type)
def common_type(*arrays: ArrayLike) -> Any:
    return np.common_type(*[np.empty(0, as_traced(x).dtype) for x in arrays])


@implements(np.unwrap)
def unwrap(
    p: ArrayLike, discont: ArrayLike = None, axis: int = -1, *, period: ArrayLike = 2 * math.pi
) -> Array:
    p = as_traced(p)
    if period is None:
        raise OperandError(f"np.unwrap{at(user_source())}: period=None is no number")
    discont = period / 2 if discont is None else discont
    steps = np.diff(p, axis=axis)
    low = -period / 2
    wrapped = (steps - low) % period + low
    wrapped = np.where(np.logical_and(wrapped == low, steps > 0), -low, wrapped)
    correction = np.where(np.abs(steps) < discont, 0, wrapped - steps)
    first = np.zeros_like(np.take(p, [0], axis=axis))
    return p + np.concatenate([first, np.cumsum(correction, axis=axis)], axis)


@implements(np.float_power)
def float_power(x: ArrayLike, p: ArrayLike) -> Array:
    return np.power(as_traced(x).astype(np.float64), as_traced(p).astype(np.float64))


@implements(np.where)
def where(condition: ArrayLike, *choices: ArrayLike) -> Array:
    if not choices:
        return np.nonzero(condition)
    if len(choices) != 2:
        raise InputError(f"np.where{at(user_source())}: either both or neither of x and y")
    # The two choices promote like the operands of a ufunc.
    dtype = np.result_type(*map(_promoted_as, choices))
    choices = tuple(np.asarray(c).astype(dtype) if type(c) is int else c for c in choices)
    chosen = record(TABLE["where"], as_truth(condition), *(node_cast(c, dtype) for c in choices))
    chosen.is_scalar = False
    return chosen


def _promoted_as(value: ArrayLike) -> Any:
    if isinstance(value, TracedArray):
        return {"f": 0.0, "i": 0}.get(value.dtype.kind, value.dtype) if value.weak else value.dtype
    return value if type(value) in (int, float, bool) else np.asarray(value).dtype


@implements(method="clip")
def _clip_method(
    a: TracedArray, min: ArrayLike = None, max: ArrayLike = None, out: Out = None
) -> Array:
    return clip(a, min, max)


@implements(np.clip)
def clip(
    a: ArrayLike, a_min: ArrayLike = None, a_max: ArrayLike = None, out: Out = None, *,
    min: ArrayLike = None, max: ArrayLike = None,
) -> Array:  # fmt: skip
    if (a_min is not None and min is not None) or (a_max is not None and max is not None):
        raise InputError(f"np.clip{at(user_source())}: a_min and min, or a_max and max, are given")
    low = a_min if a_min is not None else min
    high = a_max if a_max is not None else max
    if low is None and high is None:
        return fresh(as_traced(a))
    if low is not None:
        a = np.maximum(a, low)
    return a if high is None else np.minimum(a, high)


@implements(np.astype)
def astype(x: ArrayLike, dtype: DType, /, *, copy: bool = True, device: object = None) -> Array:
    if isinstance(x, list | tuple):
        raise OperandError(f"np.astype{at(user_source())} takes an array, got a list")
    if as_traced(x).weak:
        raise MissingAttributeError(
            f"np.astype{at(user_source())} takes an array, got a number of Python's"
        )
    return _astype_method(x, dtype, copy=copy)


def _keeps_dtype(x: TracedArray, dtype: np.dtype, order: Order, copy: bool) -> bool:
    return order == "K" and copy and x.dtype == dtype and x.ndim < 2 and not x.weak


@implements(method="astype")
def _astype_method(
    x: ArrayLike, dtype: DType, order: Order = "K", casting: Casting = "unsafe",
    subok: bool = True, copy: bool = True,
) -> Array:  # fmt: skip
    if type(dtype) is np.dtype and type(x) is TracedArray and _keeps_dtype(x, dtype, order, copy):
        return fresh(x)  # the most frequent case
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return as_complex(x)
    x = as_traced(x)
    if not np.can_cast(x.dtype, dtype, casting):
        raise UnsupportedError(
            f".astype({dtype}){at(user_source())} of {x.dtype} is not allowed by the "
            f"rule casting={casting!r}"
        )
    if x.dtype == dtype and not x.weak and not copy and is_laid_out(x, order):
        return x
    result = fresh(x) if x.dtype == dtype else node_cast(x, dtype)
    result.is_scalar, result.weak = x.is_scalar, False
    return laid_out(result, x, order)


@implements(method="item")
def item(x: TracedArray, *index: ArrayLike) -> TracedArray:
    index = index[0] if len(index) == 1 and isinstance(index[0], tuple) else index
    if len(index) == 1 and x.ndim != 1:
        flat: Any = np.ravel(x)
        chosen: Any = getitem(flat, index)
    else:
        chosen = getitem(x, index) if index else np.reshape(x, ())
    if chosen.dtype.kind == "b":
        return TracedArray(chosen.node, chosen.session, weak=True, is_scalar=True)
    return whole(chosen, ".item()") if chosen.dtype.kind in "iu" else python_number(chosen)

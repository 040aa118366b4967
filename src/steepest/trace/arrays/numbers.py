"""Python's own numbers in traced code: what their operators return, and when they raise.

A traced number that stands for a Python number is *weak*. Python's floats raise where NumPy's
give inf or NaN. Python's whole numbers have no limits; here they have 64 bits. What would need
more is refused, and never wraps.

Notes
-----
Each check becomes a guard, so that a compiled function raises as well. In a loop that stays in
the graph nothing can raise: there floats give what NumPy gives.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import ConcreteValueError, OperandError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.elementwise.comparison import COMPARISONS
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.registries import NUMBERS
from steepest.trace.arrays.ufuncs import call_ufunc
from steepest.trace.recording.session import current

LIMIT = 9.2e18
"""Bound of whole numbers. A rounded float64 below it shows that the number fits 64 bits."""

EXACT = 2.0**53
"""Every whole number up to this one has an exact float64."""


def python_number(value: Any, dtype: Any = np.float64) -> TracedArray:
    """Return a traced number as Python's float (or int), which adapts its dtype."""
    return _number(as_traced(value).astype(dtype))


def _number(value: Any) -> TracedArray:
    number: Any = np.reshape(as_traced(value), ())
    return TracedArray(number.node, current(), weak=True, is_scalar=True)


def _too_large(what: str) -> Callable[[], Exception]:
    return lambda: UnsupportedError(
        f"{what}{at(user_source())} needs more than 64 bits: Python's ints have no limits, those "
        "of compiled code have; compute with floats, or outside the traced function"
    )


def _converts_arrays() -> bool:
    """Whether this NumPy takes an array with one element for a number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bool(float(np.ones(1)))
        except TypeError:
            return False


_CONVERTS_ARRAYS = _converts_arrays()


def single(value: Any, taker: str) -> TracedArray:
    """Return a traced value that Python converts to a number.

    Raises
    ------
    OperandError
        If it is an array of another shape than Python converts.
    """
    array: TracedArray = as_traced(value)
    if array.size != 1 or array.ndim > _CONVERTS_ARRAYS:
        raise OperandError(
            f"{taker} of an array of shape {array.shape}{at(user_source())}: only "
            f"{'one-element' if _CONVERTS_ARRAYS else '0-dimensional'} arrays can be converted "
            "to Python numbers; use NumPy's functions, or take the element"
        )
    return array


def is_python_number(value: Any) -> bool:
    """Whether a value is a Python number, or stands for one."""
    if isinstance(value, TracedArray):
        return value.weak and not value.shape
    return type(value) in (bool, int, float)


def _is_float(value: Any) -> bool:
    return value.dtype.kind == "f" if isinstance(value, TracedArray) else type(value) is float


def _operand(value: Any) -> Any:
    """Return a number as a traced one; truth values count as 0 and 1."""
    if isinstance(value, TracedArray):
        value = value.astype(np.int64) if value.dtype.kind == "b" else value
        return TracedArray(value.node, current(), is_scalar=True)
    if type(value) is not float and abs(value) > LIMIT:
        raise _too_large(f"the number {value}")()
    return as_traced(np.float64(value) if type(value) is float else np.int64(value))


def _real(x: Any) -> Any:
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def whole(x: Any, what: str) -> TracedArray:
    """Return a real number cut to a whole one, as ``int`` does.

    Raises
    ------
    ValueError
        If it is NaN.
    OverflowError
        If it is infinite.
    UnsupportedError
        If it needs more than 64 bits.
    """
    x = np.reshape(as_traced(x), ())
    where = at(user_source())
    if x.dtype.kind == "f":
        demand(x == x, lambda: ValueError(f"cannot convert float NaN to integer{where}"))
        infinite = f"cannot convert float infinity to integer{where}"
        demand(np.isfinite(x), lambda: OverflowError(infinite))
        demand(np.abs(x) < LIMIT, _too_large(what))
    elif x.dtype == np.uint64:
        demand(x < np.uint64(LIMIT), _too_large(what))
    return python_number(x, np.int64)


def _bounded(name: str, symbol: str) -> Callable[[Any, Any], Any]:
    """Return an operator of whole numbers whose float64 result shows whether it fits 64 bits."""
    function = getattr(np, name)

    def operate(a: Any, b: Any) -> Any:
        size = np.abs(function(_real(a), _real(b)))
        demand(size < LIMIT, _too_large(f"the result of {symbol}"))
        return function(a, b)

    return operate


def _shift_left(a: Any, b: Any) -> Any:
    _demand_count(b)
    size = np.abs(_real(a)) * np.exp2(_real(b))
    demand((size < LIMIT) | (a == 0), _too_large("the result of <<"))
    return np.left_shift(a, b)


def _shift_right(a: Any, b: Any) -> Any:
    _demand_count(b)
    return np.right_shift(a, b)


def _demand_count(count: Any) -> None:
    where = at(user_source())
    demand(count >= 0, lambda: ValueError(f"negative shift count{where}"))


def _demand_divisor(b: Any, message: str) -> None:
    where = at(user_source())
    demand(b != 0, lambda: ZeroDivisionError(f"{message}{where}"))


def _divide(a: Any, b: Any) -> Any:
    if not (_is_float(a) or _is_float(b)):
        _demand_divisor(b, "division by zero")
        exact = (np.abs(_real(a)) <= EXACT) & (np.abs(_real(b)) <= EXACT)
        demand(exact, _inexact("/"))
    else:
        _demand_divisor(b, "float division by zero")
    return np.divide(_real(a), _real(b))


def _inexact(symbol: str) -> Callable[[], Exception]:
    return lambda: UnsupportedError(
        f"{symbol}{at(user_source())} of an int beyond 2**53 cannot be recorded: Python takes "
        "its exact value there, float64 does not hold it; compute with floats"
    )


def _floor_divide(a: Any, b: Any) -> Any:
    is_float = _is_float(a) or _is_float(b)
    _demand_divisor(b, "float floor division by zero" if is_float else "integer division by zero")
    return np.floor_divide(a, b)


def _remainder(a: Any, b: Any) -> Any:
    is_float = _is_float(a) or _is_float(b)
    _demand_divisor(b, "float modulo by zero" if is_float else "integer modulo by zero")
    return np.remainder(a, b)


def _power(a: Any, b: Any) -> Any:
    if not (_is_float(a) or _is_float(b)):
        if bool(b >= 0):
            size = np.power(np.abs(_real(a)), _real(b))
            demand(size < LIMIT, _too_large("the result of **"))
            return np.power(a, b)
    a, b = _real(a), _real(b)
    where = at(user_source())
    known = current().known_value(b.node)
    if known is None or known < 0:
        message = f"0.0 cannot be raised to a negative power{where}"
        demand((a != 0) | ~(b < 0), lambda: ZeroDivisionError(message))
    if known is None or known != np.rint(known):
        demand(
            ~((a < 0) & (b != np.rint(b)) & ((b == 0.5) | np.isfinite(a))),
            lambda: UnsupportedError(
                f"a negative number to a power that is no whole number{where} is complex in "
                "Python, and cannot be recorded: write complex(x) ** p, or np.power(x, p) for NaN"
            ),
        )
    result = _float_power(a, b, known)
    finite = np.isfinite(result) | ~(np.isfinite(a) & np.isfinite(b))
    message = f"(34, 'Numerical result out of range'){where}"
    demand(finite | (a == 0), lambda: OverflowError(message))
    return result


def power_of_floats(a: Any, b: Any) -> Any:
    """Return a power as Python computes it: -0.0 ** 0.5 is 0.0, and -0.0 in NumPy."""
    power = np.power(a, b)
    may_be_root = current().known_value(b.node) in (None, 0.5)
    return np.where(b == 0.5, power + 0.0, power) if may_be_root else power


def _float_power(a: Any, b: Any, known: Any) -> Any:
    if known is None or known not in (-1, 0.5, 1, 2):
        return power_of_floats(a, b)
    if known == 0.5:
        return np.sqrt(a) + 0.0  # -0.0 has the root 0.0
    return {-1: np.reciprocal, 1: np.positive, 2: np.square}[int(known)](a)


_WHOLE: dict[str, Callable[[Any, Any], Any]] = {
    "add": _bounded("add", "+"),
    "subtract": _bounded("subtract", "-"),
    "multiply": _bounded("multiply", "*"),
    "left_shift": _shift_left,
    "right_shift": _shift_right,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
}

_ANY: dict[str, Callable[[Any, Any], Any]] = {
    "divide": _divide,
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "power": _power,
}

_LOGIC = {"bitwise_and": "logical_and", "bitwise_or": "logical_or", "bitwise_xor": "not_equal"}


def _is_truth(value: Any) -> bool:
    return value.dtype.kind == "b" if isinstance(value, TracedArray) else type(value) is bool


def without_setting(value: Any) -> Any:
    """Return the number that a setting is, on which the recording then depends.

    Anything else is returned as it is.
    """
    asked = current().asked(value.node) if isinstance(value, TracedArray) else None
    if asked is None:
        return value
    return asked.item() if value.weak else asked[()]


def as_python_float(value: Any) -> Any:
    """Return a number as Python's float; a traced one stays in the graph."""
    return python_number(value) if isinstance(value, TracedArray) else float(value)


def operate(ufunc: np.ufunc, a: Any, b: Any) -> TracedArray:
    """Record an operator of two of Python's numbers, of which one at least is traced."""
    name = ufunc.__name__
    if _is_truth(a) and _is_truth(b) and name in _LOGIC:
        return _number(getattr(np, _LOGIC[name])(a, b))
    if name == "power":
        b = without_setting(b)
        base = without_setting(a)
        if not isinstance(base, TracedArray) and not isinstance(b, TracedArray):
            power: TracedArray = as_traced(base**b)
            return power
    a, b = _operand(a), _operand(b)
    is_float = _is_float(a), _is_float(b)
    if name in COMPARISONS:
        if any(is_float) and not all(is_float):
            number = b if is_float[0] else a
            demand(np.abs(_real(number)) <= EXACT, _inexact("a comparison"))
        return _number(call_ufunc(ufunc, a, b))
    if name in _ANY:
        return _number(_ANY[name](a, b))
    if not any(is_float) and name in _WHOLE:
        return _number(_WHOLE[name](a, b))
    return _number(call_ufunc(ufunc, a, b))


def operate_alone(ufunc: np.ufunc, a: Any) -> TracedArray:
    """Record an operator of one of Python's numbers."""
    return _number(call_ufunc(ufunc, _operand(a)))


def power_modulo(base: Any, exponent: Any, modulus: Any) -> TracedArray:
    """Record ``pow(base, exponent, modulus)`` by repeated squaring, without overflow.

    Raises
    ------
    ConcreteValueError
        If the exponent or the modulus is not known, or the modulus has more than 31 bits.
    """
    base = as_traced(base)
    known = type(exponent) is int and type(modulus) is int and 0 < abs(modulus) < 2**31
    if not known or exponent < 0 or base.dtype.kind not in "iu" or not base.weak:
        raise ConcreteValueError(
            f"pow() with three arguments{at(user_source())} can be recorded of an int, with a "
            "known exponent that is not negative and a known modulus below 2**31: write a loop"
        )
    result: TracedArray = python_number(np.int64(1), np.int64) % modulus
    square: TracedArray = base % modulus
    while exponent:
        if exponent % 2:
            result = result * square % modulus
        exponent //= 2
        square = square * square % modulus if exponent else square
    return result


def round_number(x: TracedArray, digits: Any) -> Any:
    """Record the builtin ``round`` of a number.

    A Python float is rounded as if its exact decimal value were written out; a number of
    NumPy's as ``np.round`` does it.
    """
    if digits is None:
        return whole(np.rint(x) if x.dtype.kind == "f" else x, "the result of round()")
    digits = operator.index(digits)
    if not x.weak:
        return np.round(x, digits)
    if x.dtype.kind != "f":
        return python_number(x, np.int64) if digits >= 0 else _rounded_whole(x, 10**-digits)
    return _rounded_float(x, digits)


def _rounded_whole(x: Any, unit: int) -> TracedArray:
    if unit > 10**18:
        raise UnsupportedError(
            f"round() of an int to {len(str(unit)) - 1} digits before the point"
            f"{at(user_source())} cannot be recorded: compute it outside"
        )
    x = _operand(x)
    below = np.floor_divide(x, unit)
    rest = x - below * unit
    up = (rest * 2 > unit) | ((rest * 2 == unit) & (below % 2 == 1))
    return python_number(below * unit + np.where(up, unit, 0), np.int64)


def _rounded_float(x: Any, digits: int) -> TracedArray:
    """Round to decimal digits: half to even of the exact value, by products without error."""
    if abs(digits) > 22:
        raise UnsupportedError(
            f"round() of a float to {digits} digits{at(user_source())} cannot be recorded: "
            "powers of ten are exact up to 22"
        )
    x = _operand(x)
    if digits == 0:
        return python_number(np.copysign(np.rint(x), x))
    unit = 10.0 ** abs(digits)
    scaled = x * unit if digits > 0 else x / unit
    near = np.rint(scaled)
    half = scaled - near
    if digits > 0:
        rest = _product_error(x, unit, scaled)
    else:
        middle = (near + half) * unit
        rest = (x - middle) - _product_error(near + half, unit, middle)
    # Where `scaled` looks like a tie, rint took the even neighbor. The rounding error of
    # `scaled` tells whether it is a tie, and else on which side of it the exact value lies.
    shift = np.where((half == 0.5) & (rest > 0), 1.0, 0.0)
    shift = np.where((half == -0.5) & (rest < 0), -1.0, shift)
    result = (near + shift) / unit if digits > 0 else (near + shift) * unit
    where = at(user_source())
    demand(
        (np.abs(scaled) < 2.0**52) | ~np.isfinite(x),
        lambda: UnsupportedError(
            f"round() to {digits} digits{where} of a number with no more digits than that "
            "cannot be recorded: leave the number as it is"
        ),
    )
    return python_number(np.copysign(np.where(np.isfinite(x), result, x), x))


def _product_error(a: Any, b: float, product: Any) -> Any:
    """Return the rounding error of a product (Dekker 1971)."""
    a_high = _high_half(a)
    b_high: Any = np.float64(b) * 134217729.0
    b_high = b_high - (b_high - b)
    a_low, b_low = a - a_high, b - b_high
    return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _high_half(a: Any) -> Any:
    scaled = a * 134217729.0
    return scaled - (scaled - a)


NUMBERS["operate"], NUMBERS["operate alone"] = operate, operate_alone
NUMBERS["power modulo"], NUMBERS["round"] = power_modulo, round_number
NUMBERS["is one"], NUMBERS["without setting"] = is_python_number, without_setting

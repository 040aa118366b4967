"""Python's operators of traced arrays; importing this module gives them to the class."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops import TABLE, Elementwise
from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.arrays.registries import CALLS, ELEMENTWISE, IN_PLACE, NUMBERS
from steepest.trace.arrays.ufuncs import BY_EXPONENT, call_ufunc
from steepest.trace.recording.session import logged


def _binary(ufunc: np.ufunc) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the methods of an operator, for a traced left and a traced right operand."""

    def forward(self: TracedArray, other: Any) -> Any:
        if type(other) is TracedArray and not self.weak:
            return call_ufunc(ufunc, self, other)  # what NumPy would do, without asking it
        if self.weak and NUMBERS["is one"](other):
            return NUMBERS["operate"](ufunc, self, other)
        if self.is_scalar and _is_pythons(self, ufunc, other):
            return NotImplemented
        return ufunc(self, other) if _is_operand(other) else _of_tables(ufunc, self, other)

    def backward(self: TracedArray, other: Any) -> Any:
        if self.weak and NUMBERS["is one"](other):
            return NUMBERS["operate"](ufunc, other, self)
        if self.is_scalar and _is_pythons(self, ufunc, other):
            return NotImplemented
        return ufunc(other, self) if _is_operand(other) else _of_tables(ufunc, other, self)

    return _of_one_type(ufunc, forward), _of_one_type(ufunc, backward, is_reversed=True)


def _of_one_type(
    ufunc: np.ufunc, method: Callable[..., Any], is_reversed: bool = False
) -> Callable[..., Any]:
    """Return a method that looks at operands of two types (``trace.branching.kinds``)."""

    def checked(self: TracedArray, *others: Any) -> Any:
        merging = self.session.root.merging
        if merging is not None and merging.mixed:
            last = self if is_reversed or not others else others[0]
            return merging.mixed.operate(method, ufunc, last, self, *others)
        return logged(method, (self, *others))

    row = TABLE.get(ufunc.__name__)
    if row is not None and isinstance(row.lower, Elementwise) and ufunc not in BY_EXPONENT:
        ELEMENTWISE.add(method)
    return checked


def _is_pythons(number: TracedArray, ufunc: np.ufunc, other: Any) -> bool:
    """Whether Python itself defines what an operator does with a number and a sequence.

    A list or tuple times a whole number is repeated; times another number it is an error.
    """
    if number.weak:
        return isinstance(other, list | tuple | range)
    return ufunc is np.multiply and isinstance(other, list | tuple)


def _of_tables(ufunc: np.ufunc, left: Any, right: Any) -> Any:
    """Return the result for a traced array and a table, or NotImplemented."""
    return CALLS["operate"](ufunc, left, right)


def _is_operand(value: Any) -> bool:
    return isinstance(
        value, Traced | np.ndarray | np.generic | int | float | complex | list | tuple | range
    )


def _in_place(symbol: str, operation: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: TracedArray, other: Any) -> Any:
        return self._in_place(symbol, operation, other)

    IN_PLACE.add(method)

    def noted(self: TracedArray, other: Any) -> Any:
        return method(self, other) if self.is_scalar else logged(method, (self, other))

    return noted


def _power(self: TracedArray, exponent: Any, modulus: Any = None) -> Any:
    if modulus is not None:
        return NUMBERS["power modulo"](self, exponent, modulus)
    if self.weak and NUMBERS["is one"](exponent):
        return NUMBERS["operate"](np.power, self, exponent)
    exponent = NUMBERS["without setting"](exponent)
    # NumPy's operator (not np.power) answers these exponents so.
    if isinstance(exponent, int | float) and self.dtype.kind == "f":
        shortcut: dict[float, Any] = {
            -1: np.reciprocal,
            0: np.ones_like,
            0.5: np.sqrt,
            1: np.positive,
            2: np.square,
        }
        if exponent in shortcut:
            return shortcut[exponent](self)
    if type(exponent) is int and exponent == 2:
        return np.square(self)
    if not _is_operand(exponent):
        return _of_tables(np.power, self, exponent)
    return np.power(self, exponent)


def _power_of(self: TracedArray, base: Any, modulus: Any = None) -> Any:
    return NotImplemented if modulus is not None else _to_the_power(self, base)


_to_the_power = _binary(np.power)[1]
for _name, _method in (("pow", _power), ("rpow", _power_of)):
    setattr(TracedArray, f"__{_name}__", _of_one_type(np.power, _method))

ARITHMETIC: tuple[tuple[str, Any, str], ...] = (
    ("add", np.add, "+="),
    ("sub", np.subtract, "-="),
    ("mul", np.multiply, "*="),
    ("truediv", np.divide, "/="),
    ("floordiv", np.floor_divide, "//="),
    ("mod", np.remainder, "%="),
    ("matmul", np.matmul, "@="),
    ("and", np.bitwise_and, "&="),
    ("or", np.bitwise_or, "|="),
    ("xor", np.bitwise_xor, "^="),
    ("lshift", np.left_shift, "<<="),
    ("rshift", np.right_shift, ">>="),
    ("pow", np.power, "**="),
)
"""Operators of two operands: the method's name, the ufunc, and the symbol that assigns."""

COMPARISONS: tuple[tuple[str, Any], ...] = (
    ("lt", np.less),
    ("le", np.less_equal),
    ("gt", np.greater),
    ("ge", np.greater_equal),
    ("eq", np.equal),
    ("ne", np.not_equal),
)
"""Comparisons: the method's name and the ufunc."""

_ufunc: Any
for _name, _ufunc, _symbol in ARITHMETIC:
    _forward, _backward = _binary(_ufunc)
    if _name != "pow":
        setattr(TracedArray, f"__{_name}__", _forward)
        setattr(TracedArray, f"__r{_name}__", _backward)
    _operation = getattr(operator, _name + "_" if _name in ("and", "or") else _name)
    setattr(TracedArray, f"__i{_name}__", _in_place(_symbol, _operation))

for _name, _ufunc in COMPARISONS:
    setattr(TracedArray, f"__{_name}__", _binary(_ufunc)[0])


def _alone(ufunc: np.ufunc) -> Callable[..., Any]:
    method = lambda self: NUMBERS["operate alone"](ufunc, self) if self.weak else ufunc(self)
    return _of_one_type(ufunc, method)


for _name, _ufunc in (
    ("neg", np.negative),
    ("pos", np.positive),
    ("abs", np.absolute),
    ("invert", np.invert),
):
    setattr(TracedArray, f"__{_name}__", _alone(_ufunc))

"""Elements: numbers in registers, with Python's operators, for the rows of the op table."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from steepest.engines.native import ir


class ElementBuilder(Protocol):
    """The methods of the builder that elements call."""

    ir: Any

    def constant(self, value: Any, like: Element) -> Element: ...
    def cast(self, x: Element, dtype: np.dtype) -> Element: ...
    def select(self, condition: Element, a: Any, b: Any) -> Element: ...
    def truth(self, value: bool) -> Element: ...
    def truth_of(self, value: ir.Value) -> Element: ...


class Element:
    """A number in a register."""

    __slots__ = ("builder", "dtype", "value")

    def __init__(self, builder: ElementBuilder, value: ir.Value, dtype: np.dtype) -> None:
        self.builder = builder
        self.value = value
        self.dtype = dtype

    @property
    def is_integer(self) -> bool:
        return self.dtype.kind in "iu"

    def _arithmetic(self, real: str, whole: str, truth: str, a: Any, b: Any) -> Element:
        kind = self.dtype.kind
        name = real if kind == "f" else truth if kind == "b" else whole
        a, b = self.builder.constant(a, self), self.builder.constant(b, self)
        return Element(self.builder, getattr(self.builder.ir, name)(a.value, b.value), self.dtype)

    def __add__(self, other: Any) -> Element:
        return self._arithmetic("fadd", "add", "or_", self, other)

    def __sub__(self, other: Any) -> Element:
        return self._arithmetic("fsub", "sub", "xor", self, other)

    def __mul__(self, other: Any) -> Element:
        return self._arithmetic("fmul", "mul", "and_", self, other)

    def __truediv__(self, other: Any) -> Element:
        return self._arithmetic("fdiv", "sdiv", "and_", self, other)

    def __rtruediv__(self, other: Any) -> Element:
        if self.is_integer:  # as NumPy does: divide floats, then truncate
            real = self.builder.cast(self, np.dtype(np.float64))
            return self.builder.cast(other / real, self.dtype)
        return self._arithmetic("fdiv", "sdiv", "and_", other, self)

    def __neg__(self) -> Element:
        ir_builder = self.builder.ir
        negate = ir_builder.fneg if self.dtype.kind == "f" else ir_builder.neg
        return Element(self.builder, negate(self.value), self.dtype)

    def __and__(self, other: Element) -> Element:
        return self.builder.truth_of(self.builder.ir.and_(self.value, other.value))

    def __or__(self, other: Element) -> Element:
        return self.builder.truth_of(self.builder.ir.or_(self.value, other.value))

    def __xor__(self, other: Element) -> Element:
        return self.builder.truth_of(self.builder.ir.xor(self.value, other.value))

    def __invert__(self) -> Element:
        return self.builder.truth_of(self.builder.ir.not_(self.value))

    def _compare(self, symbol: str, other: Any) -> Element:
        b, other = self.builder.ir, self.builder.constant(other, self)
        if self.dtype != other.dtype:
            return self._compare_signs(symbol, other)
        if self.dtype.kind == "f":
            compare = b.fcmp_unordered if symbol == "!=" else b.fcmp_ordered
        else:
            compare = b.icmp_signed if self.dtype.kind == "i" else b.icmp_unsigned
        return self.builder.truth_of(compare(symbol, self.value, other.value))

    def _compare_signs(self, symbol: str, other: Element) -> Element:
        """Compare a signed with an unsigned integer of the same size, exactly."""
        b, builder = self.builder.ir, self.builder
        by_bits = builder.truth_of(b.icmp_unsigned(symbol, self.value, other.value))
        signed = self if self.dtype.kind == "i" else other
        # A negative number is less than every unsigned one.
        when_negative = symbol == "!=" or (symbol[0] == "<") == (signed is self)
        if symbol == "==":
            when_negative = False
        return builder.select(signed < 0, builder.truth(when_negative), by_bits)

    def __lt__(self, other: Any) -> Element:
        return self._compare("<", other)

    def __le__(self, other: Any) -> Element:
        return self._compare("<=", other)

    def __gt__(self, other: Any) -> Element:
        return self._compare(">", other)

    def __ge__(self, other: Any) -> Element:
        return self._compare(">=", other)

    def __eq__(self, other: Any) -> Element:  # type: ignore[override]
        return self._compare("==", other)

    def __ne__(self, other: Any) -> Element:  # type: ignore[override]
        return self._compare("!=", other)

    __hash__ = None  # type: ignore[assignment]

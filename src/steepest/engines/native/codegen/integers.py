"""Integer arithmetic as in NumPy: conversion, shifts, division, powers.

Each function is a method of the builder; `b` is that builder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.element import Element, ElementBuilder
from steepest.engines.native.codegen.types import BIT, literal, register_type
from steepest.ops.elementwise.conversion import CONVERTS_TO_LOWEST


class IntegerBuilder(ElementBuilder, Protocol):
    """The methods of the builder that these functions call."""

    module: ir.Module

    def kind_of(self, dtype: np.dtype) -> ir.Type: ...
    def zero(self, dtype: np.dtype) -> Element: ...
    def bits(self, operation: str, *operands: Element) -> Element: ...
    def intrinsic(self, name: str, result: ir.Type, *operands: ir.Type) -> ir.Function: ...
    def lane_by_lane(
        self, dtype: np.dtype, emit: Callable[..., ir.Value], *operands: Element
    ) -> Element: ...


def to_integer(b: IntegerBuilder, x: Element, dtype: np.dtype) -> Element:
    """Convert a real number to an integer; out of range, as NumPy does on this processor."""
    if not CONVERTS_TO_LOWEST:
        # Through the widest signed integer, so that small types wrap as NumPy's do.
        name = "llvm.fptoui.sat" if dtype == np.uint64 else "llvm.fptosi.sat"
        return _narrowed(b, _converted(b, name, x, np.dtype(np.int64)), dtype)
    if dtype == np.uint64:
        beyond = x >= 2.0**63
        signed = _or_lowest(b, b.select(beyond, x - 2.0**63, x), 8)
        lowest = b.constant(-(2**63), signed)
        return Element(b, b.select(beyond, b.bits("xor", signed, lowest), signed).value, dtype)
    return _narrowed(
        b, _or_lowest(b, x, 8 if dtype == np.uint32 else max(dtype.itemsize, 4)), dtype
    )


def _or_lowest(b: IntegerBuilder, x: Element, size: int) -> Element:
    """Convert to a signed integer of `size` bytes: the lowest one if `x` is out of range."""
    limit = 2.0 ** (8 * size - 1)
    inside = (x >= -limit) & (x < limit)
    converted = _converted(b, "llvm.fptosi.sat", x, np.dtype(f"i{size}"))
    return b.select(inside, converted, b.constant(-int(limit), converted))


def _converted(b: IntegerBuilder, name: str, x: Element, dtype: np.dtype) -> Element:
    source, target = b.kind_of(x.dtype), b.kind_of(dtype)
    return Element(b, b.ir.call(b.intrinsic(name, target, source), [x.value]), dtype)


def _narrowed(b: IntegerBuilder, x: Element, dtype: np.dtype) -> Element:
    is_wider = x.dtype.itemsize > dtype.itemsize
    return Element(b, b.ir.trunc(x.value, b.kind_of(dtype)) if is_wider else x.value, dtype)


def left_shift(b: IntegerBuilder, x: Element, count: Element) -> Element:
    """Shift bits up; the result is 0 if the count is negative or exceeds the number of bits."""
    inside, places = _shift_count(b, x, count)
    shifted = Element(b, b.ir.shl(x.value, places.value), x.dtype)
    return b.select(inside, shifted, b.zero(x.dtype))


def right_shift(b: IntegerBuilder, x: Element, count: Element) -> Element:
    """Shift bits down; only the sign is left if the count is out of range."""
    inside, places = _shift_count(b, x, count)
    zero = b.zero(x.dtype)
    if x.dtype.kind == "u":
        return b.select(inside, Element(b, b.ir.lshr(x.value, places.value), x.dtype), zero)
    shifted = Element(b, b.ir.ashr(x.value, places.value), x.dtype)
    return b.select(inside, shifted, b.select(x < 0, b.constant(-1, x), zero))


def _shift_count(b: IntegerBuilder, x: Element, count: Element) -> tuple[Element, Element]:
    inside = count < 8 * x.dtype.itemsize
    if count.dtype.kind == "i":
        inside = inside & (count >= 0)
    return inside, b.select(inside, count, b.zero(count.dtype))


def truncated_remainder(b: IntegerBuilder, x: Element, y: Element) -> Element:
    """Return the remainder that has the dividend's sign; by zero it is 0."""
    unsigned = x.dtype.kind == "u"
    # Divide by 1 instead of 0 and -1: the remainder is 0, and nothing overflows.
    trivial = (y == 0) if unsigned else (y == 0) | (y == -1)
    safe = b.select(trivial, b.constant(1, y), y)
    remainder = (b.ir.urem if unsigned else b.ir.srem)(x.value, safe.value)
    return Element(b, remainder, x.dtype)


def integer_divmod(b: IntegerBuilder, x: Element, y: Element) -> tuple[Element, Element]:
    """Return floor division and remainder as in NumPy: division by zero gives 0 for both."""
    is_zero = y == 0
    # Divide by 1 instead of 0, and instead of -1, which overflows for the lowest number.
    safe = b.select(is_zero, b.constant(1, y), y)
    if x.dtype.kind == "u":
        quotient = Element(b, b.ir.udiv(x.value, safe.value), x.dtype)
        remainder = Element(b, b.ir.urem(x.value, safe.value), x.dtype)
    else:
        negated = safe == -1
        safe = b.select(negated, b.constant(1, y), safe)
        quotient = Element(b, b.ir.sdiv(x.value, safe.value), x.dtype)
        remainder = Element(b, b.ir.srem(x.value, safe.value), x.dtype)
        inexact = (remainder != 0) & ((remainder < 0) != (safe < 0))
        quotient = b.select(inexact, quotient - 1, quotient)
        remainder = b.select(inexact, remainder + safe, remainder)
        quotient = b.select(negated, -quotient, quotient)
    zero = b.zero(x.dtype)
    return b.select(is_zero, zero, quotient), b.select(is_zero, zero, remainder)


def integer_power(b: IntegerBuilder, x: Element, p: Element) -> Element:
    """Return a power by repeated squaring; the exponent is not negative, as in NumPy."""
    name = f"integer_power.{x.dtype}"
    function = b.module.globals.get(name) or _power_function(b.module, name, x.dtype)
    return b.lane_by_lane(x.dtype, lambda *values: b.ir.call(function, values), x, p)


def _power_function(module: ir.Module, name: str, dtype: np.dtype) -> ir.Function:
    kind, one = register_type(dtype), literal(1, dtype)
    function = ir.Function(module, ir.FunctionType(kind, [kind, kind]), name)
    function.linkage = "internal"
    first, exponent = function.args
    entry, loop, end = (function.append_basic_block(n) for n in ("entry", "square", "end"))
    b = ir.IRBuilder(entry)
    b.branch(loop)
    b.position_at_end(loop)
    result, base, rest = (b.phi(kind) for _ in range(3))
    is_odd = b.trunc(rest, BIT)
    multiplied = b.select(is_odd, b.mul(result, base), result)
    squared, halved = b.mul(base, base), b.lshr(rest, one)
    starts, steps = (one, first, exponent), (multiplied, squared, halved)
    for phi, start, step in zip((result, base, rest), starts, steps, strict=True):
        phi.add_incoming(start, entry)
        phi.add_incoming(step, loop)
    b.cbranch(b.icmp_unsigned("==", halved, literal(0, dtype)), end, loop)
    b.position_at_end(end)
    b.ret(multiplied)
    return function

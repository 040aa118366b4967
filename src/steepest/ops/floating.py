"""Signs, parts and neighbors of floating-point numbers, and bits of integers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.arithmetic import fmod_in_torch
from steepest.ops.domains import NONZERO_SECOND, STEPS, WHOLE_NUMBERS
from steepest.ops.row import Case, Domain, Kernel, Row, Zero, elementwise, no_slope

SIGNBIT = elementwise(
    "signbit",
    emit=lambda b, x: b.copysign(b.constant(1, x), x) < 0,
    domain=STEPS,
)
FMOD = elementwise(
    "fmod",
    lambda y, a, b: 1.0,
    lambda y, a, b: -np.trunc(a / b),
    emit=lambda b, x, y: b.fmod(x, y) if not x.is_integer else b.truncated_remainder(x, y),
    torch=fmod_in_torch,
    domain=Domain(((2.1, 2.4), (0.9, 1.0)), special=((2.25, 1.0),)),
    kink="slope 1 in the dividend, also where it jumps",
)
NEXTAFTER = elementwise(
    "nextafter",
    lambda y, a, b: 1.0,
    no_slope,
    emit=lambda b, x, y: b.libm("nextafter", x, y),
    domain=dataclasses.replace(NONZERO_SECOND, analytic=False),
    kink="slope 1 in the first operand, 0 in the second",
)
FREXP_EXPONENT = Row(
    name="frexp_exponent",
    evaluate=lambda x: np.frexp(x)[1],
    infer=lambda x: (x.shape, np.dtype(np.int32)),
    derivative=Zero(),
    torch=lambda t, x: t.frexp(x).exponent,
    lower=Kernel("host"),
    domain=Domain(((-3.0, 3.0),), (Case(((3,),)), Case(((4, 20),))), smooth=False),
    kink="slope 0 everywhere",
)


def _bits(name: str, operation: str, torch: str | Callable[..., Any] | None = None) -> Row:
    return elementwise(
        name,
        emit=lambda b, *operands: b.bits(operation, *operands),
        torch=torch,
        domain=WHOLE_NUMBERS,
    )


BITWISE_AND = _bits("bitwise_and", "and_")
BITWISE_OR = _bits("bitwise_or", "or_")
BITWISE_XOR = _bits("bitwise_xor", "xor")
INVERT = _bits("invert", "not_", "bitwise_not")

ROWS: tuple[Row, ...] = (
    SIGNBIT,
    FMOD,
    NEXTAFTER,
    FREXP_EXPONENT,
    BITWISE_AND,
    BITWISE_OR,
    BITWISE_XOR,
    INVERT,
)

"""Signs, parts and neighbors of floating-point numbers, and bits of integers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.ops.aliases import Tensor, Torch
from steepest.ops.derivative_rules import Linear, Zero, no_slope
from steepest.ops.domains import NONZERO_SECOND, STEPS, WHOLE_NUMBERS
from steepest.ops.elementwise.arithmetic import fmod_in_torch
from steepest.ops.machine_code import HOST
from steepest.ops.row import RECORD, Case, Domain, Row, elementwise

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
    lower=HOST,
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


def _shift_in_torch(left: bool) -> Callable[..., Any]:
    def shift(t: Torch, x: Tensor, count: Tensor) -> Tensor:
        bits = 8 * x.element_size()
        signed = x.dtype in (t.int8, t.int16, t.int32, t.int64)
        wide, places = x.to(t.int64), count.to(t.int64)
        inside = (places >= 0) & (places < bits)
        places = t.where(inside, places, 0)
        if left:
            result = t.where(inside, t.bitwise_left_shift(wide, places), 0)
        elif signed:
            result = t.where(inside, t.bitwise_right_shift(wide, places), t.where(wide < 0, -1, 0))
        else:  # in two steps: what the first leaves is not negative
            once = t.bitwise_right_shift(wide, 1) & (2**63 - 1)
            rest = t.bitwise_right_shift(once, t.where(places > 0, places - 1, 0))
            result = t.where(inside, t.where(places == 0, wide, rest), 0)
        return result.to(x.dtype)

    return shift


LEFT_SHIFT = elementwise(
    "left_shift",
    emit=lambda b, x, count: b.left_shift(x, count),
    torch=_shift_in_torch(left=True),
    domain=WHOLE_NUMBERS,
)
RIGHT_SHIFT = elementwise(
    "right_shift",
    emit=lambda b, x, count: b.right_shift(x, count),
    torch=_shift_in_torch(left=False),
    domain=WHOLE_NUMBERS,
)


def _exactly_summed(x: Any) -> Any:
    try:
        return np.asarray(math.fsum(x.tolist()), x.dtype)
    except (OverflowError, ValueError):  # a sum beyond all numbers, or of both infinities
        return np.asarray(np.sum(x), x.dtype)


def _exactly_summed_in_torch(t: Torch, x: Tensor) -> Tensor:
    exact = t.as_tensor(_exactly_summed(x.detach().cpu().numpy())).to(x.device)
    total = t.sum(x)  # for its slope
    return t.where(t.isfinite(total), exact + (total - total.detach()), exact)


def exact_sum(x: Any) -> Any:
    """Return the sum of a vector, rounded once, as ``math.fsum`` does."""
    return getattr(x, RECORD)(EXACT_SUM, x)


EXACT_SUM = Row(
    name="exact_sum",
    evaluate=_exactly_summed,
    infer=lambda x: ((), x.dtype),
    derivative=Linear({0: lambda cotangent, x: np.broadcast_to(cotangent, x.shape)}),
    torch=_exactly_summed_in_torch,
    lower=HOST,
    domain=Domain(((-3.0, 3.0),), (Case(((3,),)), Case(((20,),)))),
)

ROWS: tuple[Row, ...] = (
    SIGNBIT,
    FMOD,
    NEXTAFTER,
    FREXP_EXPONENT,
    BITWISE_AND,
    BITWISE_OR,
    BITWISE_XOR,
    INVERT,
    EXACT_SUM,
    LEFT_SHIFT,
    RIGHT_SHIFT,
)

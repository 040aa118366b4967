"""Comparisons and logic: their results are truth values, so nothing flows back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steepest.ops.aliases import Builder, Element, Tensor, Torch
from steepest.ops.domains import STEP_PAIRS, STEPS, TRUTHS
from steepest.ops.row import Row, elementwise

_LOWEST = -(2**63)


def _in_torch(name: str) -> Callable[..., Any]:
    """Return a comparison in torch, which itself cannot compare unsigned 64-bit integers."""

    def compare(t: Torch, x: Tensor, y: Tensor) -> Tensor:
        if t.uint64 not in (x.dtype, y.dtype):
            return getattr(t, name)(x, y)
        (x_low, x_high), (y_low, y_high) = _ordered(t, x), _ordered(t, y)
        by_low = getattr(t, name)(x_low, y_low)
        return t.where(x_high == y_high, by_low, getattr(t, name)(x_high, y_high))

    return compare


def _ordered(t: Torch, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return an integer's bits with the order of unsigned ones, and whether it is positive."""
    if x.dtype != t.uint64:
        return x.to(t.int64) ^ _LOWEST, (x >= 0).to(t.int64)
    return x.view(t.int64) ^ _LOWEST, t.ones_like(x, dtype=t.int64)


def _emit_isfinite(b: Builder, x: Element) -> Element:
    return b.truth(True) if x.dtype.kind != "f" else b.fabs(x) < float("inf")


def _emit_isinf(b: Builder, x: Element) -> Element:
    return b.truth(False) if x.dtype.kind != "f" else b.fabs(x) == float("inf")


LESS = elementwise(
    "less", torch=_in_torch("lt"), emit=lambda b, x, y: x < y, domain=STEP_PAIRS, is_cheap=True
)
LESS_EQUAL = elementwise(
    "less_equal",
    torch=_in_torch("le"),
    emit=lambda b, x, y: x <= y,
    domain=STEP_PAIRS,
    is_cheap=True,
)
GREATER = elementwise(
    "greater", torch=_in_torch("gt"), emit=lambda b, x, y: x > y, domain=STEP_PAIRS, is_cheap=True
)
GREATER_EQUAL = elementwise(
    "greater_equal",
    torch=_in_torch("ge"),
    emit=lambda b, x, y: x >= y,
    domain=STEP_PAIRS,
    is_cheap=True,
)
EQUAL = elementwise(
    "equal", emit=lambda b, x, y: x == y, torch=_in_torch("eq"), domain=STEP_PAIRS, is_cheap=True
)
NOT_EQUAL = elementwise(
    "not_equal",
    torch=_in_torch("ne"),
    emit=lambda b, x, y: x != y,
    domain=STEP_PAIRS,
    is_cheap=True,
)
COMPARISONS = frozenset(
    row.name for row in (LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL)
)
"""Names of the six comparisons."""

LOGICAL_AND = elementwise("logical_and", emit=lambda b, x, y: x & y, domain=TRUTHS, is_cheap=True)
LOGICAL_OR = elementwise("logical_or", emit=lambda b, x, y: x | y, domain=TRUTHS, is_cheap=True)
LOGICAL_XOR = elementwise("logical_xor", emit=lambda b, x, y: x != y, domain=TRUTHS, is_cheap=True)
LOGICAL_NOT = elementwise("logical_not", emit=lambda b, x: ~x, domain=TRUTHS, is_cheap=True)
ISFINITE = elementwise("isfinite", emit=_emit_isfinite, domain=STEPS)
ISNAN = elementwise("isnan", emit=lambda b, x: x != x, domain=STEPS)
ISINF = elementwise("isinf", emit=_emit_isinf, domain=STEPS)

ROWS: tuple[Row, ...] = (
    LESS,
    LESS_EQUAL,
    GREATER,
    GREATER_EQUAL,
    EQUAL,
    NOT_EQUAL,
    LOGICAL_AND,
    LOGICAL_OR,
    LOGICAL_XOR,
    LOGICAL_NOT,
    ISFINITE,
    ISNAN,
    ISINF,
)

"""Comparisons and logic: their results are truth values, so nothing flows back."""

from __future__ import annotations

from steepest.ops.domains import STEP_PAIRS, STEPS, TRUTHS
from steepest.ops.row import Row, elementwise

LESS = elementwise("less", emit=lambda b, x, y: x < y, domain=STEP_PAIRS)
LESS_EQUAL = elementwise("less_equal", emit=lambda b, x, y: x <= y, domain=STEP_PAIRS)
GREATER = elementwise("greater", emit=lambda b, x, y: x > y, domain=STEP_PAIRS)
GREATER_EQUAL = elementwise("greater_equal", emit=lambda b, x, y: x >= y, domain=STEP_PAIRS)
EQUAL = elementwise("equal", emit=lambda b, x, y: x == y, torch="eq", domain=STEP_PAIRS)
NOT_EQUAL = elementwise("not_equal", emit=lambda b, x, y: x != y, domain=STEP_PAIRS)
LOGICAL_AND = elementwise("logical_and", emit=lambda b, x, y: x & y, domain=TRUTHS)
LOGICAL_OR = elementwise("logical_or", emit=lambda b, x, y: x | y, domain=TRUTHS)
LOGICAL_XOR = elementwise("logical_xor", emit=lambda b, x, y: x != y, domain=TRUTHS)
LOGICAL_NOT = elementwise("logical_not", emit=lambda b, x: ~x, domain=TRUTHS)
ISFINITE = elementwise("isfinite", emit=lambda b, x: b.fabs(x) < float("inf"), domain=STEPS)
ISNAN = elementwise("isnan", emit=lambda b, x: x != x, domain=STEPS)
ISINF = elementwise("isinf", emit=lambda b, x: b.fabs(x) == float("inf"), domain=STEPS)

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

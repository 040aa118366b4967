"""Operands of what is computed in an arm, safe where the arm is not taken.

The slope of ``np.sqrt`` at 0, or of ``np.log`` at a negative number, is infinite or NaN. In an
arm that is not taken its cotangent is zero, and the product would be NaN. So such an operation
gets a harmless operand there. Where the arm is taken, the operand is what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from steepest.graph import Node
from steepest.ops import CONSTANT, TABLE, Elementwise, Row, constant_node

_HARMLESS = 0.5
_OTHERS = {"arccosh": 1.5}
"""Where an operation and its slopes are finite."""

_REGULAR = frozenset(
    """
    absolute add arctan astype ceil cos equal erf erfc expit floor greater greater_equal isfinite
    isinf isnan less less_equal logical_and logical_not logical_or maximum minimum multiply ndtr
    negative not_equal rint sign sin square stop_gradient subtract tanh trunc where
    """.split()  # noqa: SIM905
)
"""Operations whose values and slopes are finite for all finite operands that are not huge."""

_FIRST_INDEX = {"take_at": 1, "add_at": 1, "put_at": 2}
"""The first operand that is an index, of the operations that look up elements."""

_ONLY_DIVISOR = frozenset({"divide", "remainder", "floor_divide", "fmod"})


def safe_operands(
    op: Row, operands: Sequence[Node], taken: Node, record: Callable[..., Node]
) -> Sequence[Node]:
    """Return operands that are harmless where a condition is false."""
    if op.name in _FIRST_INDEX:  # the first element is always there
        return [
            record(TABLE["where"], [taken, x, constant_node(np.zeros((), x.dtype))])
            if i >= _FIRST_INDEX[op.name] and x.op is not CONSTANT
            else x
            for i, x in enumerate(operands)
        ]
    if not isinstance(op.lower, Elementwise) or op.name in _REGULAR:
        return operands
    first = 1 if op.name in _ONLY_DIVISOR else 0
    safe = list(operands)
    for i, operand in enumerate(operands[first:], first):
        if operand.op is not CONSTANT and operand.dtype.kind == "f":
            value = np.asarray(_OTHERS.get(op.name, _HARMLESS), operand.dtype)
            safe[i] = record(TABLE["where"], [taken, operand, constant_node(value)])
    return safe

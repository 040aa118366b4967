"""Matrix products."""

from __future__ import annotations

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops.derivative_rules import Linear
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Order, Row
from steepest.ops.rows import of_matmul


def _matmul_infer(a: Node, b: Node) -> tuple[Shape, np.dtype]:
    if a.ndim < 2 or b.ndim < 2 or a.shape[-1] != b.shape[-2] or a.dtype != b.dtype:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    return (*batch, a.shape[-2], b.shape[-1]), a.dtype


MATMUL = Row(
    name="matmul",
    rows=of_matmul,
    in_order=Order.ALWAYS,
    evaluate=np.matmul,
    infer=_matmul_infer,
    derivative=Linear(
        {
            0: lambda cotangent, a, b: np.matmul(cotangent, np.swapaxes(b, -1, -2)),
            1: lambda cotangent, a, b: np.matmul(np.swapaxes(a, -1, -2), cotangent),
        }
    ),
    torch="matmul",
    lower=Kernel("matmul", in_registers=True, in_lanes=True),
    domain=Domain(
        ((-3.0, 3.0), (-3.0, 3.0)),
        (
            Case(((2, 3), (3, 2))),
            Case(((1, 3), (3, 1))),
            Case(((7, 5), (5, 19))),
            Case(((2, 1, 3, 4), (3, 4, 2))),
            Case(((20, 30), (30, 1))),
        ),
        analytic=True,
    ),
)

ROWS: tuple[Row, ...] = (MATMUL,)

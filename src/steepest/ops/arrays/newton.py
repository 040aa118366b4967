"""The solution of equations by Newton's method, differentiated as what it solves.

The derivative follows from the equations (the implicit function theorem), not from the
iterations. The first point has no slope.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import Graph, Node, Shape, make
from steepest.ops.aliases import Tensor, Torch
from steepest.ops.arrays.loops import rule_named, run_step, run_step_in_torch, step_input
from steepest.ops.elementwise.arithmetic import DIVIDE, MULTIPLY, SUBTRACT
from steepest.ops.leaves import constant_node
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row


def _infer(
    start: Node, *around: Node, residual: Graph, jacobian: Graph, step: Graph, number: int
) -> tuple[Shape, np.dtype]:
    (r,), (matrix,), (after,) = residual.outputs, jacobian.outputs, step.outputs
    square = (start.size, start.size)
    if {r.shape, after.shape} != {start.shape} or matrix.shape != square:
        raise ValueError(f"newton: {start} has residuals {r}, with a Jacobian {matrix}")
    return start.shape, start.dtype


def _newton(start: Any, *around: Any, step: Graph, number: int, **_: Any) -> np.ndarray:
    point = start
    with np.errstate(all="ignore"):
        for _count in range(number):
            try:
                (point,) = run_step(step, [point, *around])
            except np.linalg.LinAlgError:
                return np.full_like(start, np.nan)
    return np.asarray(point)


def _torch_newton(
    t: Torch, start: Tensor, *around: Tensor, residual: Graph, jacobian: Graph, step: Graph,
    number: int,
) -> Tensor:  # fmt: skip
    point = start.detach()
    with t.no_grad():
        for _ in range(number):
            (point,) = run_step_in_torch(t, step, [point, *around])
        (matrix,) = run_step_in_torch(t, jacobian, [point, *around])
    (rest,) = run_step_in_torch(t, residual, [point, *around])
    return point - t.linalg.solve(matrix, rest - rest.detach())


def _square_roots(number: int) -> Case:
    """Return a case for tests: z * z = a."""
    z, a = (step_input(i, (number,), np.dtype(np.float64)) for i in range(2))
    rest = make(SUBTRACT, (make(MULTIPLY, (z, z)), a))
    slope = make(MULTIPLY, (constant_node(2.0), z))
    matrix = make(MULTIPLY, (constant_node(np.eye(number)), slope))
    after = make(SUBTRACT, (z, make(DIVIDE, (rest, slope))))
    graphs = [Graph((z, a), (output,)) for output in (rest, matrix, after)]
    names = ("residual", "jacobian", "step")
    attributes = {**dict(zip(names, graphs, strict=True)), "number": 6}
    return Case(((number,), (number,)), attributes)


NEWTON = Row(
    name="newton",
    evaluate=_newton,
    infer=_infer,
    derivative=rule_named("newton"),
    torch=_torch_newton,
    lower=Kernel("newton"),
    domain=Domain(((0.5, 0.9),), (_square_roots(2), _square_roots(20))),
)

ROWS: tuple[Row, ...] = (NEWTON,)

"""A loop that collects rows: it runs as long as a condition holds, and keeps rows that pass.

A solver of differential equations tries steps, and keeps those that are accurate enough. What
is kept are decisions, such as step sizes: they have no slope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Graph, Node, Shape, make
from steepest.ops.aliases import Tensor, Torch
from steepest.ops.arrays.loops import run_step, run_step_in_torch, step_input
from steepest.ops.arrays.reduction import SUM
from steepest.ops.arrays.relief import completed, steps_in_numpy
from steepest.ops.derivative_rules import Zero
from steepest.ops.elementwise.arithmetic import ADD, MULTIPLY
from steepest.ops.elementwise.comparison import LESS
from steepest.ops.elementwise.kinks import SIGN
from steepest.ops.leaves import constant_node
from steepest.ops.machine_code import Kernel
from steepest.ops.row import Case, Domain, Row


class CollectLayout(NamedTuple):
    """Where the parts of the result lie in its vector: carry, number of rows, rows.

    Attributes
    ----------
    carry, row, limit
        Sizes of what is carried and of a row, and how many rows there is room for.
    """

    carry: int
    row: int
    limit: int

    @property
    def rows(self) -> int:
        """Where the rows begin."""
        return self.carry + 1

    @property
    def size(self) -> int:
        """The length of the vector."""
        return self.rows + self.limit * self.row

    @classmethod
    def of(cls, node: Node) -> CollectLayout:
        """Return the layout of a result."""
        row = node.attributes["step"].outputs[1].size
        return cls(node.operands[0].size, row, node.attributes["limit"])


def _infer(
    carry: Node, *around: Node, condition: Graph, step: Graph, limit: int
) -> tuple[Shape, np.dtype]:
    (after, row, keep), (truth,) = step.outputs, condition.outputs
    if (after.shape, after.dtype) != (carry.shape, carry.dtype) or row.dtype != carry.dtype:
        raise ValueError(f"collect: a step turns {carry} into {after}, with a row {row}")
    if truth.dtype != np.bool_ or keep.dtype != np.bool_:
        raise ValueError(f"collect: goes on as long as {truth}, and keeps rows where {keep}")
    return (CollectLayout(carry.size, row.size, limit).size,), carry.dtype


def _collect(carry: Any, *around: Any, condition: Graph, step: Graph, limit: int) -> np.ndarray:
    rows = np.zeros((limit, step.outputs[1].size), carry.dtype)
    count, left = 0, steps_in_numpy(condition, step)
    with np.errstate(all="ignore"):
        while run_step(condition, [carry, *around])[0]:
            left -= 1
            if left < 0:
                attributes = {"condition": condition, "step": step, "limit": limit}
                packed = completed(COLLECT, [carry, *around], **attributes)
                layout = CollectLayout(carry.size, rows.shape[1], limit)
                carry, found = packed[: layout.carry], int(packed[layout.carry])
                more = packed[layout.rows :].reshape(rows.shape)[:found]
                rows[count : count + found] = more[: max(limit - count, 0)]
                count += found
                break
            carry, row, keep = run_step(step, [carry, *around])
            if keep and count < limit:
                rows[count] = row
            count += bool(keep)
    return np.concatenate([carry, [count], rows.reshape(-1)], dtype=rows.dtype)


def _torch_collect(
    t: Torch, carry: Tensor, *around: Tensor, condition: Graph, step: Graph, limit: int
) -> Tensor:
    rows = t.zeros((limit, step.outputs[1].size), dtype=carry.dtype, device=carry.device)
    count = 0
    with t.no_grad():
        while bool(run_step_in_torch(t, condition, [carry, *around])[0]):
            carry, row, keep = run_step_in_torch(t, step, [carry, *around])
            if bool(keep) and count < limit:
                rows[count] = row
            count += bool(keep)
        number = t.tensor([float(count)], dtype=carry.dtype, device=carry.device)
        return t.cat([carry, number, rows.reshape(-1)])


def _walk(number: int, limit: int) -> Case:
    """Return a case for tests: while sum(c) < 50, c = c + 1; keep sign(a c) where sum(c) > 5."""
    real = np.dtype(np.float64)
    c, a = (step_input(i, (number,), real) for i in range(2))
    total: Callable[..., Any] = lambda x: make(SUM, (x,), axis=(0,))
    condition = Graph((c, a), (make(LESS, (total(c), constant_node(50.0))),))
    after = make(ADD, (c, make(MULTIPLY, (make(SIGN, (a,)), make(SIGN, (a,))))))
    row = make(MULTIPLY, (make(SIGN, (a,)), make(SIGN, (c,))))
    keep = make(LESS, (constant_node(5.0), total(after)))
    step = Graph((c, a), (after, row, keep))
    return Case(((number,), (number,)), {"condition": condition, "step": step, "limit": limit})


COLLECT = Row(
    name="collect",
    evaluate=_collect,
    infer=_infer,
    derivative=Zero(),
    torch=_torch_collect,
    lower=Kernel("collect"),
    domain=Domain(((0.5, 0.9),), (_walk(2, 8), _walk(20, 3), _walk(2, 2)), smooth=False),
    kink="slope 0, by definition",
)

ROWS: tuple[Row, ...] = (COLLECT,)

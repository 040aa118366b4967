"""Iterations as functions of tensors, several in a row without a look at what they computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.batch import DIVERGED
from steepest.engines.program import BatchPlan, Iteration
from steepest.engines.stepwise import Arithmetic, Stepper, Tape, constant_values
from steepest.graph import Graph, Node, order
from steepest.ops import COLLECT, COND, NEWTON, WHILE, Kernel

UNKNOWN_PATH = -4
"""Code of an iteration whose guards do not hold; others are 0, DIVERGED, or ``Iteration.stop``."""

_BY_VALUES = (WHILE, COND, COLLECT, NEWTON)


def can_run_ahead(iteration: Iteration) -> bool:
    """Whether an iteration may be computed although the run may have stopped before it.

    It may not if it calls Python, if it may raise, or if its loops or indices depend on where the
    run is: a loop could be endless, and an index out of bounds, at a point that the run never
    reaches.
    """
    it = iteration
    guards = [guard.condition for guard in it.guards]
    if any(condition.dtype.kind not in "biu" for condition in guards):
        return False
    return _is_free([*guards, *it.outputs], {it.x, it.count, *it.state})


def _is_free(outputs: Sequence[Node], varying: set[Node]) -> bool:
    for node in order(outputs):
        if not varying.isdisjoint(node.operands):
            varying.add(node)
        lower = node.op.lower
        if node.op in _BY_VALUES or (isinstance(lower, Kernel) and lower.may_raise):
            return False
        if node.op.looks_up and any(x in varying for x in node.operands if x.dtype.kind in "iu"):
            return False
        for part in node.attributes.values():
            if isinstance(part, Graph) and not _is_free(part.outputs, set(part.inputs)):
                return False
    return True


class Point(NamedTuple):
    """What an iteration begins with, as tensors; `rows` are those of its batch, or None."""

    x: Any
    count: Any
    state: tuple[Any, ...]
    data: Sequence[Any]
    rows: Any = None


class Made(NamedTuple):
    """What an iteration computed, as tensors: see :class:`Iteration`.

    Attributes
    ----------
    code
        0 if the run goes on, else why it does not.
    next_count
        The number of updates after it.
    """

    code: Any
    loss: Any
    gradient: Any
    records: tuple[Any, ...]
    due: Any
    report: tuple[Any, ...]
    next_x: Any
    next_count: Any
    next_state: tuple[Any, ...]


@dataclass(frozen=True)
class Step:
    """An iteration as a function of a point; nothing in it waits for the device.

    Attributes
    ----------
    iteration
        The iteration.
    compute
        The function.
    """

    iteration: Iteration
    compute: Callable[[Point], Made]


def step_of(
    torch: Any, iteration: Iteration, arithmetic: Arithmetic, plan: BatchPlan | None
) -> Step:
    """Return an iteration along its only path as a function of a point."""
    it = iteration
    conditions = [guard.condition for guard in it.guards]
    guards = Tape(conditions, it.inputs, arithmetic.resolve)
    stepper = Stepper(it, arithmetic, {*it.inputs, *guards.nodes})
    constants = stepper.constants | constant_values(guards.constants, arithmetic.from_array)
    expected = [arithmetic.from_array(np.asarray(guard.value)) for guard in it.guards]
    diverged, unknown = (
        arithmetic.from_array(np.asarray(code, np.int64)) for code in (DIVERGED, UNKNOWN_PATH)
    )

    def compute(point: Point) -> Made:
        data = point.data
        if point.rows is not None and plan is not None:
            data = [x[point.rows] if plan.is_batched(i) else x for i, x in enumerate(data)]
        values: dict[Node, Any] = dict(constants)
        values.update(zip(it.inputs, (point.x, point.count, *point.state, *data), strict=True))
        guards.run(values)
        stepper.differentiate(values)
        stepper.check.run(values)
        stepper.update.run(values)
        code = torch.where(values[it.finite], values[it.stop].to(torch.int64), diverged)
        for condition, value in zip(conditions, expected, strict=True):
            code = torch.where(torch.all(values[condition] == value), code, unknown)
        return Made(
            code,
            values[it.loss],
            values[it.gradient],
            tuple([values[node] for node in it.records]),
            None if it.due is None else values[it.due],
            tuple([values[node] for node in it.report]),
            values[it.next_x],
            point.count + 1,
            tuple([values[node] for node in it.next_state]),
        )

    return Step(it, compute)

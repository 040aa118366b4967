"""Long loops that NumPy began and machine code completes.

A loop in NumPy takes microseconds for each operation of each step. While a function is traced,
the values at hand may need such a loop. After some steps machine code takes over, if an engine
has offered it and the caller allows it. The number of steps does not depend on the clock, so
that the same loop gives the same bits again.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, make, order
from steepest.ops.leaves import input_node
from steepest.ops.row import Row

Run = Callable[[Node, Sequence[np.ndarray]], np.ndarray]
"""Computes a node of some inputs in machine code."""

OFFERED: list[Run] = []
"""What computes in machine code; an engine fills it."""

_allowed = ContextVar("machine code may complete loops", default=False)

_CALLS = 30_000
"""Operations of NumPy, about 50 ms of them, after which machine code takes over."""


@contextlib.contextmanager
def machine_code_allowed() -> Iterator[None]:
    """Allow machine code to complete long loops."""
    token = _allowed.set(True)
    try:
        yield
    finally:
        _allowed.reset(token)


def steps_in_numpy(*step: Graph) -> float:
    """Return after how many steps of a loop machine code takes over; infinite if it does not."""
    if not OFFERED or not _allowed.get():
        return math.inf
    return _CALLS // sum(map(_operations, step))


@functools.lru_cache(maxsize=512)
def _operations(step: Graph) -> int:
    """Return about how many operations a step takes."""
    total = 1
    for node in order(step.outputs):
        rows = node.operands[1].shape[0] if node.op.name == "scan" else 1
        parts = [value for value in node.attributes.values() if isinstance(value, Graph)]
        total += 1 + rows * sum(map(_operations, parts))
    return total


def completed(op: Row, operands: Sequence[Any], **attributes: Any) -> np.ndarray:
    """Return the result of a loop in machine code."""
    arrays = [np.asarray(operand) for operand in operands]
    inputs = [input_node(i, array.shape, array.dtype) for i, array in enumerate(arrays)]
    return OFFERED[0](make(op, tuple(inputs), **attributes), arrays)

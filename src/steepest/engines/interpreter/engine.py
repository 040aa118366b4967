"""The engine "numpy" and its arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.engines.stepwise import Arithmetic, StepwiseEngine, loss_and_gradient
from steepest.graph import Node


def resolve(node: Node) -> Callable[..., Any]:
    """Return a node's function of its operands' values."""
    if not node.attributes:
        evaluate: Callable[..., Any] = node.op.evaluate
        return evaluate
    return functools.partial(node.op.evaluate, **node.attributes)


_ARITHMETIC = Arithmetic(
    resolve, functools.partial(loss_and_gradient, resolve), np.asarray, np.asarray, "numpy"
)


@dataclass(frozen=True)
class Interpreter(StepwiseEngine):
    """Runs graphs in NumPy, node by node."""

    name: str = "numpy"
    takes_parts: bool = False
    takes_blocks: bool = False

    def _arithmetic(self) -> Arithmetic:
        return _ARITHMETIC

"""The engine "numpy" and its arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.engines.program import Iteration
from steepest.engines.stepwise import Arithmetic, StepwiseEngine, Tape
from steepest.graph import Node


def resolve(node: Node) -> Callable[..., Any]:
    """Return a node's function of its operands' values."""
    if not node.attributes:
        evaluate: Callable[..., Any] = node.op.evaluate
        return evaluate
    return functools.partial(node.op.evaluate, **node.attributes)


def differentiate(
    iteration: Iteration, known: Collection[Node]
) -> Callable[[dict[Node, Any]], None]:
    """Return a function that computes loss and gradient, which are nodes of the graph."""
    tape = Tape([iteration.loss, iteration.gradient], known, resolve)
    return tape.run


_ARITHMETIC = Arithmetic(resolve, differentiate, np.asarray, np.asarray, "numpy")


@dataclass(frozen=True)
class Interpreter(StepwiseEngine):
    """Runs graphs in NumPy, node by node."""

    name: str = "numpy"
    takes_parts: bool = False

    def _arithmetic(self) -> Arithmetic:
        return _ARITHMETIC

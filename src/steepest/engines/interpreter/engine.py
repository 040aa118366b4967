"""The engine "numpy" and its arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import Executable
from steepest.engines.batch import ManyProgram
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Run, Start
from steepest.engines.stepwise import Arithmetic, Tape, compile_paths, prepare
from steepest.graph import Graph, Node


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


_ARITHMETIC = Arithmetic(resolve, differentiate, np.asarray, np.asarray)


@dataclass(frozen=True)
class Interpreter:
    """Runs graphs in NumPy, node by node."""

    name: str = "numpy"
    takes_parts: bool = False

    def compile(self, paths: Sequence[Graph]) -> Executable:
        """Return the paths through a function as a function of flat inputs."""
        return compile_paths(paths, _ARITHMETIC)

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return a function that starts the descent."""
        return prepare(program, _ARITHMETIC)

    def prepare_call(self, program: Program, state: Sequence[np.ndarray], steps: int) -> None:
        """Return None: Python drives every iteration here."""

    def first_budget(self, program: Program) -> int:
        """Return how many iterations to make before looking at the clock."""
        return 1

    def prepare_many(self, program: ManyProgram) -> None:
        """Return None: problems are solved one at a time."""

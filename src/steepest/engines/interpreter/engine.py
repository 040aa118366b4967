"""The interpreter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.engines.program import Iteration, Program, Run, Start
from steepest.engines.stepwise import Arithmetic, Tape, constant_values, prepare
from steepest.graph import Graph, Node
from steepest.rewrite import simplify


def resolve(node: Node) -> Callable[..., Any]:
    """Return a node's function of its operands' values."""
    if not node.attributes:
        return node.op.evaluate
    return functools.partial(node.op.evaluate, **node.attributes)


def differentiate(iteration: Iteration) -> Callable[[dict[Node, Any]], None]:
    """Return what computes loss and gradient: both are nodes of the graph."""
    tape = Tape([iteration.loss, iteration.gradient], iteration.inputs, resolve)
    return tape.run


_ARITHMETIC = Arithmetic(resolve, differentiate, np.asarray, np.asarray)


@dataclass(frozen=True)
class Interpreter:
    """Runs graphs in NumPy, node by node."""

    name: str = "numpy"

    def compile(self, graph: Graph) -> Callable[[Sequence[Any]], list[np.ndarray]]:
        """Return the graph as a function of flat inputs."""
        outputs = simplify(graph.outputs)
        tape = Tape(outputs, graph.inputs, resolve)
        constants = constant_values(tape, np.asarray)

        def run(inputs: Sequence[Any]) -> list[np.ndarray]:
            values = {**constants, **dict(zip(graph.inputs, inputs, strict=True))}
            with np.errstate(all="ignore"):
                tape.run(values)
            return [np.asarray(values[node]) for node in outputs]

        return run

    def prepare(self, program: Program) -> Callable[[Start], Run]:
        """Return what starts the descent."""
        return prepare(program, _ARITHMETIC)

    def first_budget(self, program: Program) -> int:
        """Return how many iterations to make before looking at the clock."""
        return 1

"""Loss and gradient at one point of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import interpret
from steepest.descent.iteration.problem import Problem
from steepest.descent.running.compile import LOOPS, CompiledProblem, bound, given_data
from steepest.descent.running.data_parallel import averaged
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.graph import Graph
from steepest.graph.evaluate import evaluator
from steepest.streams.evaluation import is_streamed


def loss_and_gradient(
    problem: Problem, prepared: CompiledProblem, x: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the loss over all data and its gradient.

    They are computed along a known path that holds there. If none does, the function is traced
    again.
    """
    x = x.astype(problem.dtype)
    if problem.plan is None:
        given = given_data(problem)
        for number, path in enumerate(prepared.paths):
            if path.evaluation is not None:
                values = [x, *bound(given, path.captures, path.loss_graph.inputs[1:])]
                if _holds(path.loss_graph, values):
                    if number not in prepared.at_points:
                        prepared.at_points[number] = _compiled(
                            path.with_gradient, problem.engine, is_streamed(given)
                        )
                    loss, slope = prepared.at_points[number](values)
                    return float(loss), slope
    loss, gradient = averaged(problem.engine, *prepared.at(x, *problem.args))
    return float(loss), gradient


def _holds(graph: Graph, values: Sequence[Any]) -> bool:
    try:
        graph.check_guards(dict(zip(graph.inputs, values, strict=True)))
    except InputError:
        return False
    return True


def _compiled(
    graph: Graph, engine: Engine, is_in_blocks: bool
) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """Return a function that computes a graph, in NumPy unless it has loops or reads blocks."""
    made = graph.captured
    if is_in_blocks or any(node.op in LOOPS for node in graph.nodes):  # NumPy is slow at them
        function = interpret([graph]) if is_in_blocks else engine.compile([graph])

        def call(values: Sequence[Any]) -> Sequence[Any]:
            found = function([*values, *made])
            assert found is not None, "there are no branches"
            return found[1]

        return call
    run = evaluator(graph.outputs, set(graph.inputs))
    return lambda values: run(dict(zip(graph.inputs, [*values, *made], strict=True)))

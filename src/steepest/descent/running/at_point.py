"""Loss and gradient at one point of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.derivative import interpret
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.trace import TracedIteration
from steepest.descent.running.compile import LOOPS, CompiledProblem, bound, given_data
from steepest.descent.running.data_parallel import averaged
from steepest.engines import Engine
from steepest.errors import InputError
from steepest.graph import Graph, order
from steepest.graph.evaluate import evaluator
from steepest.streams.evaluation import is_streamed

AtPoint = Callable[[Sequence[Any]], Sequence[Any] | None]
"""A function of the inputs' values: loss and gradient, or None."""


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
        for number, path in reversed(list(enumerate(prepared.paths))):  # the last one met, first
            if path.evaluation is not None:
                values = [x, *bound(given, path.captures, path.loss_graph.inputs[1:])]
                if number not in prepared.at_points:
                    prepared.at_points[number] = _evaluation(
                        path, problem.engine, is_streamed(given)
                    )
                found = prepared.at_points[number](values)
                if found is not None:
                    return float(found[0]), found[1]
    loss, gradient = averaged(problem.engine, *prepared.at(x, *problem.args))
    return float(loss), gradient


def _holds(graph: Graph, values: Sequence[Any]) -> bool:
    try:
        graph.check_guards(dict(zip(graph.inputs, values, strict=True)))
    except InputError:
        return False
    return True


def _evaluation(path: TracedIteration, engine: Engine, is_in_blocks: bool) -> AtPoint:
    """Return a function that computes loss and gradient along a path; None if it does not hold.

    It runs in NumPy, unless it has loops or reads blocks: NumPy is slow at loops, also at those
    that guards depend on.
    """
    graph, guards = path.with_gradient, path.loss_graph.guards
    made = graph.captured
    nodes = order([*graph.outputs, *[guard.condition for guard in guards]])
    if not is_in_blocks and any(node.op in LOOPS for node in nodes):
        run_guarded = engine.compile([dataclasses.replace(graph, guards=guards)])

        def guarded(values: Sequence[Any]) -> Sequence[Any] | None:
            found = run_guarded([*values, *made])
            return None if found is None else found[1]

        return guarded
    if is_in_blocks:
        interpreted = interpret([graph])

        def run(values: Sequence[Any]) -> Sequence[Any]:
            found = interpreted([*values, *made])
            assert found is not None, "there are no branches"
            return found[1]

    else:
        evaluate = evaluator(graph.outputs, set(graph.inputs))

        def run(values: Sequence[Any]) -> Sequence[Any]:
            return evaluate(dict(zip(graph.inputs, [*values, *made], strict=True)))

    return lambda values: run(values) if _holds(path.loss_graph, values) else None

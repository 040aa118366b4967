"""Loss and gradient at one point of a run, in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.derivative.reverse import pull_back
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.trace import TracedIteration
from steepest.descent.running.compile import CompiledProblem, bound, given_data
from steepest.errors import InputError
from steepest.graph import Graph, Node, evaluate
from steepest.trace import TracedArray, node_of, open_session


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
        for path in prepared.paths:
            found = _along(path, x, given) if path.evaluation is not None else None
            if found is not None:
                return found
    loss, gradient = prepared.at(x, *problem.args)
    return float(loss), gradient


def _along(
    path: TracedIteration, x: np.ndarray, given: list[Any]
) -> tuple[float, np.ndarray] | None:
    """Return loss and gradient along a path; None where it does not hold."""
    graph = path.loss_graph
    vector, *data = graph.inputs
    known = dict(zip(graph.inputs, [x, *bound(given, path.captures, data)], strict=True))
    try:
        graph.check_guards(known)
    except InputError:
        return None
    loss, slope = evaluate([*graph.outputs, _slope(graph, vector)], known)
    return float(loss), slope


def _slope(graph: Graph, vector: Node) -> Node:
    with open_session() as session:
        one = TracedArray(session.lift(np.ones(())), session)
        (cotangent,) = pull_back(graph.outputs, [one], [vector])
        if cotangent is None:
            return session.lift(np.zeros(vector.shape, vector.dtype))
        return node_of(cotangent, vector.dtype)

"""An iteration in two graphs: the evaluation of a problem, and the step of its method.

A method for residuals uses the loss, its gradient and a triangle, whose shapes depend on the
number of parameters only. Its step is therefore traced and compiled once for all problems with
as many parameters. A new problem costs no more than its own residuals.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from steepest import cache
from steepest.descent.iteration.fit_report import (
    MAX_PARAMETERS,
    covariance_full_rank,
    diagonal_ratio,
)
from steepest.descent.iteration.serialize import encode, is_known
from steepest.descent.iteration.step import first_state
from steepest.descent.iteration.trace import Settings, TracedIteration, begin, iterate
from steepest.descent.methods.registry import FOR_RESIDUALS
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.engines import Iteration
from steepest.engines.serialize import pack, unpack
from steepest.graph import Graph, Node, trees
from steepest.graph.source import NOWHERE
from steepest.rewrite import hoist, simplify
from steepest.trace import node_of, open_session
from steepest.trace.recording.chance import traces_anew
from steepest.trace.tracing import add_argument, add_arguments, argument_names

_LARGEST = 64
"""Largest number of parameters for a step of its own. Beyond, the evaluation is most of the
work."""


def is_separable(settings: Settings, layout: ParameterLayout, dtype: np.dtype) -> bool:
    """Whether the step of a method depends only on what is in the key of :func:`_step`."""
    return (
        isinstance(settings.method, FOR_RESIDUALS)
        and is_known(settings.method)
        and is_known(settings.stop)
        and sum(layout.sizes) <= _LARGEST
        and set(layout.dtypes) == {dtype}
    )


@traces_anew
def trace_split(
    objective: Objective,
    layout: ParameterLayout,
    x0: np.ndarray,
    args: Sequence[object],
    settings: Settings,
) -> TracedIteration | None:
    """Trace an iteration as two graphs; None if that is not possible.

    It is not if the residuals, or a derivative of the user's own, branch on values or change
    their dtype.

    Parameters
    ----------
    objective
        Residuals.
    layout, x0
        The parameters' layout, and the start as a vector.
    args
        Further arguments.
    settings
        Settings for which :func:`is_separable` is true.
    """
    step = _step(settings, x0.size, x0.dtype)
    if step is None:
        return None
    iteration, state = step
    with open_session() as session:
        x = add_argument(session, x0, "x")
        names = argument_names(objective.function, len(args) + 1)[1:]
        arguments = add_arguments(session, args, names)
        at_x = objective(x, layout, arguments)
        values = [node_of(value) for value in (at_x.loss, at_x.gradient, at_x.triangle)]
        if session.guards or not all(map(_is_like, values, iteration.data)):
            return None
        evaluation = Graph(
            tuple(session.inputs),
            tuple(simplify(values, session.sources)),
            tuple(session.names),
            session.sources,
        )
    loss_graph = Graph(
        evaluation.inputs,
        (at_x.loss.node,),
        evaluation.names,
        session.sources,
        tuple(array for _, array in session.captures.arrays),
    )
    observations = at_x.residual.size
    return TracedIteration(
        iteration, loss_graph, session.captures, state, observations, evaluation
    )


def _is_like(cached: Node, expected: Node) -> bool:
    """Whether a value has the shape and dtype that the step is compiled for."""
    return cached.shape == expected.shape and cached.dtype == expected.dtype


def _statistics(reported: Any) -> Sequence[Any]:
    """Return the covariance and diagonal ratio, if the method reports a small triangle."""
    parts = trees.leaves(reported)
    if not parts or len(parts[0]) > MAX_PARAMETERS:
        return ()
    (triangle,) = parts
    factor = triangle[:, :-1]
    return covariance_full_rank(factor), diagonal_ratio(factor)


@functools.lru_cache(maxsize=64)
def _step(
    settings: Settings, number: int, dtype: np.dtype
) -> tuple[Iteration, list[np.ndarray]] | None:
    """Return the step of a method, whose data are the evaluation, and its first state.

    None if the step has constants too large to be part of a graph.
    """
    x0 = np.zeros(number, dtype)
    start = first_state(settings.method, x0, settings.stop, settings.record_every)
    leaves, structure = trees.flatten(start)
    state = [np.asarray(value) for value in leaves]
    encoded_settings = json.dumps([encode(setting) for setting in settings])
    key = cache.key_of("step", cache.sources(), encoded_settings, str(number), dtype.name)
    content = cache.find(key)
    cached = None if content is None else unpack(content)
    if cached is not None:
        return cached, state
    with open_session() as session, session.at(NOWHERE):
        x, count, stand_ins = begin(session, x0, 0, state)
        shapes = {"loss": (), "gradient": (number,), "triangle": (number, number + 1)}
        values = [
            add_argument(session, np.zeros(shape, dtype), name) for name, shape in shapes.items()
        ]
        at_x = Evaluation.known(x, *values)
        rounded = lambda following: following.astype(dtype)
        iteration = iterate(
            session, settings, at_x, count, structure, stand_ins, rounded, _statistics
        )
    if len(iteration.data) > len(values):
        return None
    content = pack(iteration)
    if content is not None:
        cache.keep(key, content)
    return replace(iteration, sources={}), state


def evaluation_with_constants(evaluation: Graph) -> tuple[Graph, tuple[Node, ...]]:
    """Return an evaluation whose parts that do not depend on x are inputs, and these parts."""
    outputs, inputs, constants = hoist(evaluation.outputs, evaluation.inputs[:1])
    inputs = [*evaluation.inputs, *inputs]
    return replace(evaluation, inputs=tuple(inputs), outputs=tuple(outputs)), tuple(constants)

"""An iteration in two graphs: the evaluation of a problem, and the step of its method.

Most methods use the loss and its gradient, some the Hessian or the triangular factor of the
Jacobian: values whose shapes depend on the number of parameters only. Their step is therefore
traced and compiled once for all problems with as many parameters, and kept on disk. A new problem
costs no more than its own function.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from steepest import cache
from steepest.descent.iteration.fit_report import (
    MAX_PARAMETERS,
    covariance_full_rank,
    diagonal_ratio,
)
from steepest.descent.iteration.serialize import is_known
from steepest.descent.iteration.trace import (
    RunPosition,
    Settings,
    TracedIteration,
    begin,
    guards_of,
    iterate,
)
from steepest.descent.methods.base import needs_residuals
from steepest.descent.methods.constrained.sqp import SQP
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.constrained import GivenConstrained
from steepest.descent.problem.evaluation import Evaluation, GivenEvaluation, NotGivenError
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.engines import Iteration
from steepest.engines.serialize import pack, unpack
from steepest.graph import Graph, Node, trees
from steepest.graph.source import NOWHERE
from steepest.lazy import keep_recent
from steepest.rewrite import hoist, simplify_guarded
from steepest.trace import node_of, open_session
from steepest.trace.recording.chance import traces_anew
from steepest.trace.tracing import add_argument, add_arguments, argument_names

_LARGEST = 64
"""Largest number of parameters for a step of its own. Beyond, the evaluation is most of the
work."""


class SharedStep(NamedTuple):
    """The step of a method, for all functions of as many parameters.

    Attributes
    ----------
    iteration
        The step. Its data are what an evaluation computes.
    names
        What each of the data is: an attribute of an :class:`Evaluation`, or an end of the bounds.
    state
        Arrays like those of the first state.
    """

    iteration: Iteration
    names: Sequence[str]
    state: list[np.ndarray]


def is_separable(settings: Settings, layout: ParameterLayout, dtype: np.dtype) -> bool:
    """Whether the step of a method may depend only on what is in the key of :func:`step_of`."""
    return sum(layout.sizes) <= _LARGEST and can_be_split(settings, layout, dtype)


def can_be_split(settings: Settings, layout: ParameterLayout, dtype: np.dtype) -> bool:
    """Whether the step of a method may be a graph of its own, for any number of parameters."""
    is_ours = is_known(settings.method) and is_known(settings.stop)
    return is_ours and set(layout.dtypes) == {dtype}


@traces_anew
def trace_split(
    objective: Objective,
    layout: ParameterLayout,
    x0: np.ndarray,
    args: Sequence[object],
    settings: Settings,
    box: Box | None = None,
    position: RunPosition | None = None,
) -> TracedIteration | None:
    """Trace an iteration as two graphs; None if that is not possible.

    It is not if the method uses what depends on more than the number of parameters, or if the
    function changes the dtype of the parameters.

    Parameters
    ----------
    objective
        The objective.
    layout, x0
        The parameters' layout, and the start as a vector.
    args
        Further arguments.
    settings
        Settings for which :func:`is_separable` is true.
    box
        Bounds on the parameters; None if there are none.
    position
        Point of a run whose next iteration takes an unknown path; the start unless given.
    """
    step = step_of(settings, x0.size, x0.dtype, box is not None)
    if step is None:
        return None
    with open_session() as session:
        session.defers = position is None
        x = add_argument(session, x0 if position is None else position.x, "x")
        names = [*argument_names(objective.function, len(args) + 1)[1:], "lower", "upper"]
        given = [*args, *(box or ())]
        arguments = add_arguments(session, given, names[: len(given)])
        if position is not None and position.captures is not None:
            session.adopt(position.captures)
        within = Box(*arguments[len(args) :]) if box else None
        by_jacobian = needs_residuals(settings.method)
        at_x = objective(x, layout, arguments[: len(args)], within, by_jacobian)
        values = [node_of(_value(at_x, name)) for name in step.names]
        if not all(map(_is_like, values, step.iteration.data)):
            return None
        guards = guards_of(session, x)
        nodes, guards = simplify_guarded(values, guards, session.sources)
        evaluation = Graph(
            tuple(session.inputs),
            tuple(nodes),
            tuple(session.names),
            session.sources,
            guards=guards,
        )
    loss_graph = Graph(
        evaluation.inputs,
        (at_x.loss.node,),
        evaluation.names,
        session.sources,
        tuple(array for _, array in session.captures.arrays),
        guards=tuple(session.guards),
    )
    observations = 0 if at_x.residual is None else at_x.residual.size
    return TracedIteration(
        step.iteration,
        loss_graph,
        session.captures,
        step.state,
        observations,
        evaluation,
        bool(settings.split.state),
    )


def _value(at_x: Evaluation, name: str) -> Any:
    """Return a value that a step is given."""
    return getattr(at_x.box if name in Box._fields else at_x, name)


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


_steps: OrderedDict[Any, tuple[SharedStep | None]] = OrderedDict()
_MOST_STEPS = 64
_lock = threading.Lock()


def step_of(settings: Settings, number: int, dtype: np.dtype, has_box: bool) -> SharedStep | None:
    """Return the step of a method for a number of parameters.

    None if the method uses what depends on more, or if the step has constants too large to be
    part of a graph.
    """
    x0, split = np.zeros(number, dtype), settings.split
    state, structure = settings.first_state(x0)
    shapes = [value.shape for value in state]  # which depend on the number of constraints
    more = (settings.record_every, number, has_box, dtype.name, repr(shapes))
    key = split.key(), more
    kept = _steps.get(key)  # looked up once, since another thread may drop it
    if kept is not None:
        return kept[0]
    name = cache.key_of("step", cache.sources(), repr((split.form, more)))
    split.load(name)
    content = cache.find(split.file(name))
    found = None if content is None else _unpack(content, state)
    if found is None:
        found = _traced_step(settings, x0, has_box, state, structure)
        content = None if found is None else pack(found.iteration)
        if found is not None and content is not None:
            split.keep(name)
            cache.keep(split.file(name), json.dumps(found.names).encode() + b"\n" + content)
    with _lock:
        keep_recent(_steps, (split.key(), more), (found,), _MOST_STEPS)
    return found


def _traced_step(
    settings: Settings, x0: np.ndarray, has_box: bool, state: list[np.ndarray], structure: Any
) -> SharedStep | None:
    """Trace the step of a method."""
    with open_session() as session, session.at(NOWHERE):
        x, count, stand_ins = begin(session, x0, 0, state)

        def give(name: str, shape: tuple[int, ...]) -> Any:
            return add_argument(session, np.zeros(shape, x0.dtype), name)

        ends = Box(*[give(name, x0.shape) for name in Box._fields]) if has_box else None
        at_x = _given(settings.method, x, give, ends)
        rounded = lambda following: following.astype(x0.dtype)
        extra = _statistics if needs_residuals(settings.method) else lambda reported: ()
        try:
            iteration = iterate(
                session, settings, at_x, count, structure, stand_ins, rounded, extra
            )
        except NotGivenError:
            return None
    names = [*(Box._fields if has_box else ()), *at_x.used]
    if len(iteration.data) > len(names):
        return None
    return SharedStep(replace(iteration, sources={}), names, state)


def _given(method: Any, x: Any, give: Callable[..., Any], box: Box | None) -> GivenEvaluation:
    """Return a point whose loss and derivatives are inputs, as a method wants it."""
    if isinstance(method, SQP) and method.rows:
        return GivenConstrained(x, give, box, method.rows)
    return GivenEvaluation(x, give, box)


def _unpack(content: bytes, state: list[np.ndarray]) -> SharedStep | None:
    """Return the step that a cache kept; None if the content is something else."""
    names, _, packed = content.partition(b"\n")
    iteration = unpack(packed)
    return None if iteration is None else SharedStep(iteration, json.loads(names), state)


def evaluation_with_constants(evaluation: Graph) -> tuple[Graph, tuple[Node, ...]]:
    """Return an evaluation whose parts that do not depend on x are inputs, and these parts.

    It is returned as it is if it branches.
    """
    if evaluation.guards:
        return evaluation, ()
    outputs, inputs, constants = hoist(evaluation.outputs, evaluation.inputs[:1])
    inputs = [*evaluation.inputs, *inputs]
    return replace(evaluation, inputs=tuple(inputs), outputs=tuple(outputs)), tuple(constants)

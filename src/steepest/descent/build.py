"""From a loss, a method and a stop rule to one iteration as a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.derivative import pull_back, require_loss
from steepest.descent.parameters import Layout
from steepest.descent.stop import Point, StopRule
from steepest.engines import Iteration
from steepest.errors import InputError
from steepest.graph import Graph, Guard, Node, trees
from steepest.rewrite import hoist, simplify, simplify_guarded, without_rows
from steepest.trace import TracedArray, as_traced, node_of, open_session
from steepest.trace.captures import Captures
from steepest.trace.session import Session
from steepest.trace.tracing import (
    add_argument,
    add_arguments,
    argument_names,
    call_traced,
    result_nodes,
)
from steepest.trace.view import follow


@dataclass(frozen=True)
class Built:
    """One iteration, and what it was traced from.

    Attributes
    ----------
    iteration
        The graph of one iteration.
    loss_graph
        The graph of the loss alone, of the vector of parameters and the data.
    captures
        What the functions read from outside.
    state
        The method's state at the start, flat.
    """

    iteration: Iteration
    loss_graph: Graph
    captures: Captures
    state: list[np.ndarray]


@dataclass(frozen=True)
class Here:
    """Where a run is.

    Attributes
    ----------
    x, count, state
        The vector of parameters, the number of updates made, the method's state.
    captures
        What the paths that are known already read from outside.
    """

    x: np.ndarray
    count: int
    state: Sequence[np.ndarray]
    captures: Captures | None = None


def build(
    function: Any,
    layout: Layout,
    x0: np.ndarray,
    args: Sequence[Any],
    method: Any,
    stop: StopRule,
    compute_dtype: np.dtype,
    here: Here | None = None,
) -> Built:
    """Trace a loss, its gradient, the stop rule and the update as one iteration.

    Parameters
    ----------
    function
        Loss of the nested parameters and `args`.
    layout, x0
        The parameters' layout, and the start as a vector.
    args
        Further arguments (of a batch, where batches are taken).
    method, stop
        What to trace besides the loss.
    compute_dtype
        Precision of the arithmetic.
    here
        Where a run is whose next iteration takes a path that is not known yet; at the
        start unless given.

    Notes
    -----
    Branches on traced values go the way of the point at which they are traced. So does the
    iteration: it is one path, which holds where its guards do.
    """
    state0, state_structure = trees.flatten(method.init(x0.astype(compute_dtype)))
    state0 = [np.asarray(value) for value in state0]
    here = here or Here(x0, 0, state0)
    with open_session() as session:
        x = add_argument(session, here.x, "x")
        count = add_argument(session, np.asarray(here.count, np.int64), "iteration")
        state = [add_argument(session, value, f"state{i}") for i, value in enumerate(here.state)]
        names = argument_names(function, len(args) + 1)[1:]
        arguments = add_arguments(session, args, names)
        if here.captures is not None:
            session.adopt(here.captures)
        variable = x.astype(compute_dtype)
        loss = _loss(session, function, layout, variable, arguments)
        one = as_traced(np.ones((), loss.dtype))
        (gradient,) = pull_back([loss.node], [one], [variable.node])
        if gradient is None:
            gradient = as_traced(np.zeros_like(variable))
        point = Point(count, loss, gradient, variable)
        stopped = _stop(session, stop, point)
        finite = np.logical_and(np.isfinite(loss), np.all(np.isfinite(variable)))
        new_x, new_state = _update(session, method, point, state_structure, state)
        next_x = layout.rounded(new_x)
        outputs = [loss, gradient, finite, stopped, next_x, *new_state]
        guards = _guards(session, variable)
        nodes, guards = simplify_guarded(
            [node_of(output) for output in outputs], guards, session.sources
        )
        (variable_node,) = simplify([variable.node])
    inputs = session.inputs
    first_data = 2 + len(state)
    iteration = Iteration(
        inputs[0],
        variable_node,
        inputs[1],
        tuple(inputs[2:first_data]),
        tuple(inputs[first_data:]),
        nodes[0],
        nodes[1],
        nodes[2],
        nodes[3],
        nodes[4],
        tuple(nodes[5:]),
        guards,
        session.sources,
    )
    loss_graph = Graph(
        (inputs[0], *inputs[first_data:]),
        (loss.node,),
        (session.names[0], *session.names[first_data:]),
        session.sources,
        tuple(array for _, array in session.captures.arrays),
        guards=tuple(session.guards),
    )
    return Built(iteration, loss_graph, session.captures, state0)


def with_constants(it: Iteration, fast: bool) -> tuple[Iteration, tuple[Node, ...]]:
    """Return an iteration that is given what does not change, and what that is.

    Parameters
    ----------
    it
        The iteration; where it branches it is left alone.
    fast
        Whether algebra may move more out of the loop, rounding differently.
    """
    if it.guards:
        return it, ()
    varying = (it.x, it.count, *it.state)
    outputs: Sequence[Node] = it.outputs
    if fast:
        outputs = simplify(without_rows(outputs, varying))
    outputs, inputs, constants = hoist(outputs, varying)
    return it.with_outputs(outputs, inputs), tuple(constants)


def _guards(session: Session, variable: TracedArray) -> Sequence[Guard]:
    """Return the guards of a path, the first being that its branches mean something."""
    if not session.guards:
        return ()
    finite: Any = np.all(np.isfinite(variable))
    return (Guard(finite.node, np.asarray(True)), *session.guards)


def _loss(
    session: Session, function: Any, layout: Layout, variable: TracedArray, arguments: list[Any]
) -> TracedArray:
    leaves = layout.pieces(variable)
    if len(set(layout.dtypes)) > 1 and variable.dtype == layout.dtype:
        leaves = [leaf.astype(t) for leaf, t in zip(leaves, layout.dtypes, strict=True)]
    tree = trees.unflatten(layout.structure, leaves)
    outputs, _ = result_nodes(call_traced(function, session, [tree, *arguments]))
    return TracedArray(require_loss(function, outputs), session)


def _stop(session: Session, stop: StopRule, point: Point) -> TracedArray:
    met = as_traced(call_traced(stop.met, session, [point]))
    if met.shape != () or met.dtype != np.bool_:
        raise InputError(
            f"{type(stop).__name__}.met must return one truth value, got {met.dtype} of shape "
            f"{met.shape}"
        )
    return met


def _update(
    session: Session,
    method: Any,
    point: Point,
    structure: Any,
    state: Sequence[TracedArray],
) -> tuple[TracedArray, list[TracedArray]]:
    x = as_traced(point.x)
    old = trees.unflatten(structure, state)
    update = _with_followed_settings(method, session).update
    new_x, new_state = call_traced(update, session, [x, point.gradient, old, point.iteration])
    new_x = as_traced(new_x)
    name = type(method).__name__
    if new_x.shape != x.shape:
        raise InputError(f"{name}.update must return x with shape {x.shape}, got {new_x.shape}")
    leaves, new_structure = trees.flatten(new_state)
    if new_structure != structure:
        raise InputError(
            f"{name}.update must return its state with the structure that init gave, "
            f"{structure}, got {new_structure}"
        )
    result = []
    for leaf, before in zip(leaves, state, strict=True):
        after = as_traced(leaf)
        if after.shape != before.shape:
            raise InputError(
                f"{name}.update must keep the shapes of its state: {before.shape} became "
                f"{after.shape}"
            )
        result.append(after.astype(before.dtype))
    return new_x, result


def _with_followed_settings(method: Any, session: Session) -> Any:
    """Return a method whose settings that are functions (schedules) are seen through too."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    settings = {
        field.name: follow(value, session)
        for field in dataclasses.fields(method)
        if callable(value := getattr(method, field.name)) and not isinstance(value, type)
    }
    return dataclasses.replace(method, **settings) if settings else method

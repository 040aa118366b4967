"""From an objective, a method and a stop rule to one iteration as a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.bounds import Box
from steepest.descent.evaluation import Evaluation
from steepest.descent.methods.protocol import Base, Failure, Move, Search
from steepest.descent.objective import Objective
from steepest.descent.parameters import Layout
from steepest.descent.stop import Point, StopRule
from steepest.descent.vectors import chosen, norm
from steepest.engines import Iteration
from steepest.errors import InputError
from steepest.graph import Graph, Guard, Node, trees
from steepest.rewrite import hoist, simplify, simplify_guarded, without_rows
from steepest.trace import TracedArray, as_traced, node_of, open_session
from steepest.trace.captures import Captures
from steepest.trace.session import Session
from steepest.trace.tracing import add_argument, add_arguments, argument_names, call_traced
from steepest.trace.view import follow

_ABYSS = 1e20
"""How far, in units of the first loss, a loss falls that has no lower bound."""

STOP_RULE = 1
"""What ``Iteration.stop`` is where the stop rule is met; 0 is to go on, others are failures."""


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
    observations
        Number of residuals; 0 where the loss is no sum of their squares.
    """

    iteration: Iteration
    loss_graph: Graph
    captures: Captures
    state: list[np.ndarray]
    observations: int = 0


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


class Last(NamedTuple):
    """What is remembered of the last update, for the history and for stop rules.

    Attributes
    ----------
    loss
        The loss before it.
    step_length
        Its Euclidean norm.
    """

    loss: Any
    step_length: Any


class Reached(NamedTuple):
    """What is remembered while a search tries points.

    Attributes
    ----------
    base
        Where the descent is.
    first_loss
        The loss at the start point.
    iteration
        Points accepted since the start point.
    """

    base: Base
    first_loss: Any
    iteration: Any


def first_state(method: Any, x: np.ndarray, stop: StopRule, record_every: int) -> Any:
    """Return what the first iteration is given besides the point: the method's, then ours.

    Parameters
    ----------
    method
        The descent method.
    x
        Start point, in the arithmetic's precision.
    stop, record_every
        What looks at the last update, or does not.
    """
    if isinstance(method, Search):
        infinite = np.array(np.inf, x.dtype)
        return method.init(x), Reached(Base(x, infinite), infinite, np.zeros((), np.int64))
    if not record_every and not any([rule.looks_back for rule in stop.rules()]):
        return method.init(x), ()
    return method.init(x), Last(np.array(np.nan, x.dtype), np.zeros((), x.dtype))


def build(
    objective: Objective,
    layout: Layout,
    x0: np.ndarray,
    args: Sequence[Any],
    method: Any,
    stop: StopRule,
    compute_dtype: np.dtype,
    record_every: int = 0,
    box: Box | None = None,
    here: Here | None = None,
) -> Built:
    """Trace a loss, its gradient, the stop rule and the update as one iteration.

    Parameters
    ----------
    objective
        What is minimized.
    layout, x0
        The parameters' layout, and the start as a vector.
    args
        Further arguments (of a batch, where batches are taken).
    method, stop
        What to trace besides the loss.
    compute_dtype
        Precision of the arithmetic.
    record_every
        The history keeps every so manieth iteration; 0 keeps none.
    box
        Where the parameters have to stay, as plain vectors; None where they need not.
    here
        Where a run is whose next iteration takes a path that is not known yet; at the
        start unless given.

    Notes
    -----
    Branches on traced values go the way of the point at which they are traced. So does the
    iteration: it is one path, which holds where its guards do.
    """
    start = first_state(method, x0.astype(compute_dtype), stop, record_every)
    leaves, structure = trees.flatten(start)
    state0 = [np.asarray(value) for value in leaves]
    here = here or Here(x0, 0, state0)
    with open_session() as session:
        x = add_argument(session, here.x, "x")
        count = add_argument(session, np.asarray(here.count, np.int64), "iteration")
        state = [add_argument(session, value, f"state{i}") for i, value in enumerate(here.state)]
        names = argument_names(objective.function, len(args) + 1)[1:]
        given = [*args, *(box or ())]
        arguments = add_arguments(session, given, [*names, "lower", "upper"][: len(given)])
        if here.captures is not None:
            session.adopt(here.captures)
        ends = [end.astype(compute_dtype) for end in arguments[len(args) :]]
        within = Box(*ends) if box else None
        trial = objective(x.astype(compute_dtype), layout, arguments[: len(args)], within)
        followed = _with_followed_settings(method, session)
        trace = _search if isinstance(method, Search) else _descend
        one = trace(session, followed, stop, trial, count, trees.unflatten(structure, state))
        new_state = _like(method, one.state, structure, state)
        next_x = layout.rounded(_like_x(method, one.x, trial.x))
        records, due = _records(one, trial, count, record_every, isinstance(method, Search))
        report = trees.leaves(one.report)
        outputs = [trial.loss, trial.gradient, one.finite, one.stop, *report, *records, *due]
        outputs += [next_x, *new_state]
        guards = _guards(session, trial.x)
        nodes, guards = simplify_guarded(
            [node_of(output) for output in outputs], guards, session.sources
        )
        (variable,) = simplify([trial.x.node])
    inputs = session.inputs
    first_data = 2 + len(state)
    first_record = 4 + len(report)
    place = first_record + len(records)
    after = place + len(due)
    iteration = Iteration(
        inputs[0],
        variable,
        inputs[1],
        tuple(inputs[2:first_data]),
        tuple(inputs[first_data:]),
        nodes[0],
        nodes[1],
        nodes[2],
        nodes[3],
        nodes[after],
        tuple(nodes[after + 1 :]),
        tuple(nodes[first_record:place]),
        nodes[place] if due else None,
        tuple(nodes[4:first_record]),
        guards,
        session.sources,
    )
    loss_graph = Graph(
        (inputs[0], *inputs[first_data:]),
        (trial.loss.node,),
        (session.names[0], *session.names[first_data:]),
        session.sources,
        tuple(array for _, array in session.captures.arrays),
        guards=tuple(session.guards),
    )
    observations = 0 if trial.residual is None else trial.residual.size
    return Built(iteration, loss_graph, session.captures, state0, observations)


class _One(NamedTuple):
    """One iteration, traced."""

    x: Any
    state: Any
    finite: Any
    stop: Any
    iteration: Any
    step_length: Any
    accepted: Any
    report: Any


def _descend(
    session: Session, method: Any, stop: StopRule, trial: Evaluation, count: Any, state: Any
) -> _One:
    """Trace a method that goes wherever its update leads."""
    own, last = state
    x, loss = trial.x, trial.loss
    before = last or Last(np.nan, np.nan)
    met, rules = _met(session, stop, Point(count, loss, trial.free_gradient, x, *before))
    new_x, new_own = call_traced(method.update, session, [x, trial.gradient, own, count])
    if trial.box is not None:
        new_x = trial.box.project(new_x)
    if last:
        last = Last(loss, norm(new_x - x))
    finite = np.logical_and(np.isfinite(loss), np.all(np.isfinite(x)))
    code = np.where(met, STOP_RULE, 0)
    state = (new_own, last)
    return _One(new_x, state, finite, code, count, before.step_length, None, ((), rules))


def _search(
    session: Session, method: Any, stop: StopRule, trial: Evaluation, count: Any, state: Any
) -> _One:
    """Trace a method that tries points and may turn them down."""
    own, (base, first_loss, iteration) = state
    is_first = count == 0
    move: Move = call_traced(method.advance, session, [base, trial, own, is_first])
    accepted = np.logical_or(is_first, move.accepted)
    after = iteration + np.logical_and(accepted, ~is_first)
    length = np.where(is_first, 0.0, norm(trial.x - base.x))
    point = Point(
        after, trial.loss, trial.free_gradient, trial.x, base.loss, length, move.decrement
    )
    met, rules = _met(session, stop, point)
    met = np.logical_and(accepted, met)
    failed = np.where(accepted, int(Failure.NONE), move.failure)
    first_loss = np.where(is_first, trial.loss, first_loss)
    falls = trial.loss < -_ABYSS * np.maximum(1.0, np.abs(first_loss))
    failed = np.where(falls, int(Failure.UNBOUNDED), failed)
    code = np.where(met, STOP_RULE, failed)
    reached = chosen(accepted, Base(trial.x, trial.loss), base)
    finite = np.logical_or(~is_first, np.isfinite(trial.loss))
    state = (move.state, Reached(reached, first_loss, after))
    return _One(move.x, state, finite, code, after, length, accepted, (move.report, rules))


def _records(
    one: _One, trial: Evaluation, count: Any, every: int, is_search: bool
) -> tuple[list[Any], list[Any]]:
    """Return what the history keeps, and whether it does; nothing where it always does."""
    if not every:
        return [], []
    records = [trial.loss, norm(trial.free_gradient), one.step_length]
    due = [] if every == 1 else [one.iteration % every == 0]
    if is_search:
        records += [one.iteration, count + 1]
        due = [np.logical_and(one.accepted, due[0]) if due else one.accepted]
    return records, due


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


def _met(session: Session, stop: StopRule, point: Point) -> tuple[Any, Any]:
    """Return whether a rule is met, and a number whose bits say which of its rules are."""
    met, bits = _truth(session, stop, point), as_traced(np.zeros((), np.int64))
    for number, rule in enumerate(stop.rules()):
        bits = bits + np.where(_truth(session, rule, point), 1 << number, 0)
    return met, bits


def _truth(session: Session, stop: StopRule, point: Point) -> Any:
    met = as_traced(call_traced(stop.met, session, [point]))
    if met.shape != () or met.dtype != np.bool_:
        raise InputError(
            f"{type(stop).__name__}.met must return one truth value, got {met.dtype} of shape "
            f"{met.shape}"
        )
    return met


def _like_x(method: Any, new_x: Any, x: TracedArray) -> TracedArray:
    new_x = as_traced(new_x)
    if new_x.shape != x.shape:
        name = type(method).__name__
        raise InputError(f"{name}.update must return x with shape {x.shape}, got {new_x.shape}")
    return new_x


def _like(
    method: Any, new_state: Any, structure: Any, state: Sequence[TracedArray]
) -> list[TracedArray]:
    """Return the leaves of the next state, which must be like those of this one."""
    name = type(method).__name__
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
    return result


def _with_followed_settings(method: Any, session: Session) -> Any:
    """Return a method whose settings that are functions (schedules) are seen through too."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    settings = {}
    for field in dataclasses.fields(method):
        value = getattr(method, field.name)
        if callable(value) and not isinstance(value, type):
            settings[field.name] = follow(value, session)
        elif dataclasses.is_dataclass(value):
            settings[field.name] = _with_followed_settings(value, session)
    return dataclasses.replace(method, **settings) if settings else method

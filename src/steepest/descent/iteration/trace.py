"""From an objective, a method and a stop rule to one iteration as a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.step import (
    Step,
    first_state,
    like_state,
    like_x,
    take_step,
    with_followed_settings,
)
from steepest.descent.methods.base import Search
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import norm
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.stop_rules import StopRule
from steepest.engines.program import AtPoint, AtStop, Iteration, Stages, Update
from steepest.graph import Graph, Guard, Node, trees
from steepest.rewrite import hoist, simplify, simplify_guarded, without_rows
from steepest.trace import TracedArray, node_of, open_session
from steepest.trace.recording.captures import Captures
from steepest.trace.recording.chance import traces_anew
from steepest.trace.recording.session import Session
from steepest.trace.tracing import add_argument, add_arguments, argument_names


@dataclass(frozen=True)
class TracedIteration:
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
    evaluation
        What computes the iteration's data, where the iteration is traced in two parts.
    """

    iteration: Iteration
    loss_graph: Graph
    captures: Captures
    state: list[np.ndarray]
    observations: int = 0
    evaluation: Graph | None = None

    @property
    def data(self) -> tuple[Node, ...]:
        """Inputs: the loss's other arguments, then the captured arrays."""
        evaluation = self.evaluation
        return self.iteration.data if evaluation is None else evaluation.inputs[1:]


@dataclass(frozen=True)
class RunPosition:
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


@traces_anew
def trace_iteration(
    objective: Objective,
    layout: ParameterLayout,
    x0: np.ndarray,
    args: Sequence[Any],
    method: Any,
    stop: StopRule,
    compute_dtype: np.dtype,
    record_every: int = 0,
    box: Box | None = None,
    here: RunPosition | None = None,
) -> TracedIteration:
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
        The history keeps every n-th iteration; 0 keeps none.
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
    here = here or RunPosition(x0, 0, state0)
    with open_session() as session:
        x, count, state = begin(session, here.x, here.count, here.state)
        names = argument_names(objective.function, len(args) + 1)[1:]
        given = [*args, *(box or ())]
        arguments = add_arguments(session, given, [*names, "lower", "upper"][: len(given)])
        if here.captures is not None:
            session.adopt(here.captures)
        ends = [end.astype(compute_dtype) for end in arguments[len(args) :]]
        within = Box(*ends) if box else None
        trial = objective(x.astype(compute_dtype), layout, arguments[: len(args)], within)
        settings = Settings(method, stop, record_every)
        iteration = iterate(session, settings, trial, count, structure, state, layout.rounded)
    inputs = session.inputs
    first_data = 2 + len(state)
    loss_graph = Graph(
        (inputs[0], *inputs[first_data:]),
        (trial.loss.node,),
        (session.names[0], *session.names[first_data:]),
        session.sources,
        tuple(array for _, array in session.captures.arrays),
        guards=tuple(session.guards),
    )
    observations = 0 if trial.residual is None else trial.residual.size
    return TracedIteration(iteration, loss_graph, session.captures, state0, observations)


def begin(
    session: Session, x: np.ndarray, count: int, state: Sequence[np.ndarray]
) -> tuple[TracedArray, TracedArray, list[TracedArray]]:
    """Return stand-ins for the point, the number of updates and the method's state."""
    return (
        add_argument(session, x, "x"),
        add_argument(session, np.asarray(count, np.int64), "iteration"),
        [add_argument(session, value, f"state{i}") for i, value in enumerate(state)],
    )


class Settings(NamedTuple):
    """What an iteration depends on besides the loss.

    Attributes
    ----------
    method, stop
        The descent method and the stop rule.
    record_every
        The history keeps every n-th iteration; 0 keeps none.
    """

    method: Any
    stop: StopRule
    record_every: int


def iterate(
    session: Session,
    settings: Settings,
    trial: Evaluation,
    count: TracedArray,
    structure: Any,
    state: Sequence[TracedArray],
    rounded: Callable[[Any], Any],
    told: Callable[[Any], Sequence[Any]] = lambda kept: (),
) -> Iteration:
    """Return one iteration from a point.

    `rounded` brings the next point to storage precision; `told` says what else is reported of
    what the method keeps.
    """
    method, stop, every = settings
    followed = with_followed_settings(method, session)
    one = take_step(session, followed, stop, trial, count, trees.unflatten(structure, state))
    new_state = like_state(method, one.state, structure, state)
    next_x = rounded(like_x(method, one.x, trial.x))
    records, due = _records(one, trial, count, every, isinstance(method, Search))
    report = one.report.flat(told(one.report.kept))
    stages = Stages(
        AtPoint(trial.loss, trial.gradient, one.finite, tuple(records), due),
        AtStop(one.stop, report),
        Update(next_x, tuple(new_state)),
    )
    outputs, shape = trees.flatten(stages)
    guards = _guards(session, trial.x)
    nodes, guards = simplify_guarded(
        [node_of(output) for output in outputs], guards, session.sources
    )
    (variable,) = simplify([trial.x.node])
    x, count_input, *rest = session.inputs
    return Iteration(
        x=x,
        variable=variable,
        count=count_input,
        state=tuple(rest[: len(state)]),
        data=tuple(rest[len(state) :]),
        **trees.unflatten(shape, nodes).named(),
        guards=guards,
        sources=session.sources,
    )


def _records(
    one: Step, trial: Evaluation, count: Any, every: int, is_search: bool
) -> tuple[list[Any], Any]:
    """Return what the history keeps, and whether it does; None where it always does."""
    if not every:
        return [], None
    records = [trial.loss, norm(trial.free_gradient), one.step_length]
    due = None if every == 1 else one.iteration % every == 0
    if is_search:
        records += [one.iteration, count + 1]
        due = one.accepted if due is None else np.logical_and(one.accepted, due)
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

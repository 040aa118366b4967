"""Tracing of one iteration: the loss, its gradient, the method's step and the stop rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import pull_back
from steepest.descent.iteration.setting_numbers import SettingRefusedError, SplitSettings
from steepest.descent.iteration.step import (
    Step,
    first_state,
    like_state,
    like_x,
    take_step,
    with_followed_settings,
)
from steepest.descent.methods.base import Search, needs_residuals
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.evaluation import Evaluation, NotGivenError
from steepest.descent.problem.linalg import norm
from steepest.descent.problem.objective import Objective
from steepest.descent.problem.parameters import ParameterLayout
from steepest.descent.stop_rules import StopRule
from steepest.engines.program import AtPoint, AtStop, Iteration, Stages, Update
from steepest.graph import Graph, Guard, Node, order, trees
from steepest.lazy import lazy
from steepest.ops import INPUT
from steepest.rewrite import hoist, simplify, simplify_guarded, without_rows
from steepest.trace import TracedArray, node_of, open_session
from steepest.trace.recording.captures import Captures
from steepest.trace.recording.chance import traces_anew
from steepest.trace.recording.session import Session
from steepest.trace.tracing import add_argument, add_arguments, argument_names


@dataclass(frozen=True)
class TracedIteration:
    """One iteration as a graph, and what it was traced from.

    Attributes
    ----------
    iteration
        The graph of one iteration.
    loss_graph
        The graph of the loss alone, as a function of the vector of parameters and the data.
    captures
        What the functions read from outside.
    state
        The state at the start, flat.
    observations
        Number of residuals; 0 if the loss is not a sum of squares.
    evaluation
        The graph that computes the iteration's data, if the iteration is in two graphs.
    takes_numbers
        Whether the state begins with the numbers of settings.
    """

    iteration: Iteration
    loss_graph: Graph
    captures: Captures
    state: list[np.ndarray]
    observations: int = 0
    evaluation: Graph | None = None
    takes_numbers: bool = False

    @lazy
    def with_gradient(self) -> Graph:
        """The graph of the loss and its gradient, of an iteration in two graphs.

        Its inputs are those of `loss_graph`, then large arrays that rules of derivatives make.
        """
        graph = self.loss_graph
        vector = graph.inputs[0]
        with open_session() as session:
            session.inputs.extend(graph.inputs)  # what is made is none of these
            one = TracedArray(session.lift(np.ones(())), session)
            (cotangent,) = pull_back(graph.outputs, [one], [vector])
            zeros = np.zeros(vector.shape, vector.dtype)
            slope = node_of(zeros if cotangent is None else cotangent, vector.dtype)
            outputs = simplify([*graph.outputs, slope])
            own = set(graph.inputs)
            made = [x for x in order(outputs) if x.op is INPUT and x not in own]
            arrays = tuple(session.value(x) for x in made)
        return Graph((*graph.inputs, *made), tuple(outputs), captured=arrays)

    @property
    def data(self) -> tuple[Node, ...]:
        """The data inputs: the loss's further arguments, then the captured arrays."""
        evaluation = self.evaluation
        return self.iteration.data if evaluation is None else evaluation.inputs[1:]


@dataclass(frozen=True)
class RunPosition:
    """A point of a run from which another path is traced.

    Attributes
    ----------
    x, count, state
        The vector of parameters, the number of updates made, the state.
    captures
        What the known paths read from outside.
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
    settings: Settings,
    compute_dtype: np.dtype,
    box: Box | None = None,
    position: RunPosition | None = None,
) -> TracedIteration:
    """Trace a loss, its gradient, the stop rule and the update as one iteration.

    Parameters
    ----------
    objective
        The objective.
    layout, x0
        The parameters' layout, and the start as a vector.
    args
        Further arguments (of a batch, if batches are used).
    settings
        The descent method, the stop rule and the history.
    compute_dtype
        Precision of the arithmetic.
    box
        Bounds on the parameters; None if there are none.
    position
        Point of a run whose next iteration takes an unknown path; the start unless given.

    Notes
    -----
    Branches on traced values are decided by the point at which they are traced. The iteration is
    one path, which is valid where its guards hold.
    """
    state0, structure = settings.first_state(x0.astype(compute_dtype))
    is_first, position = position is None, position or RunPosition(x0, 0, state0)
    with open_session() as session:
        session.defers = is_first
        x, count, state = begin(session, position.x, position.count, position.state)
        names = argument_names(objective.function, len(args) + 1)[1:]
        given = [*args, *(box or ())]
        arguments = add_arguments(session, given, [*names, "lower", "upper"][: len(given)])
        if position.captures is not None:
            session.adopt(position.captures)
        ends = [end.astype(compute_dtype) for end in arguments[len(args) :]]
        within = Box(*ends) if box else None
        x = x.astype(compute_dtype)
        by_jacobian = needs_residuals(settings.method)
        at_x = objective(x, layout, arguments[: len(args)], within, by_jacobian)
        iteration = iterate(session, settings, at_x, count, structure, state, layout.rounded)
    inputs = session.inputs
    first_data = 2 + len(state)
    loss_graph = Graph(
        (inputs[0], *inputs[first_data:]),
        (at_x.loss.node,),
        (session.names[0], *session.names[first_data:]),
        session.sources,
        tuple(array for _, array in session.captures.arrays),
        guards=tuple(session.guards),
    )
    observations = 0 if at_x.residual is None else at_x.residual.size
    return TracedIteration(
        iteration,
        loss_graph,
        session.captures,
        state0,
        observations,
        takes_numbers=bool(settings.split.state),
    )


def begin(
    session: Session, x: np.ndarray, count: int, state: Sequence[np.ndarray]
) -> tuple[TracedArray, TracedArray, list[TracedArray]]:
    """Return traced stand-ins for the point, the number of updates and the state."""
    return (
        add_argument(session, x, "x"),
        add_argument(session, np.asarray(count, np.int64), "iteration"),
        [add_argument(session, value, f"state{i}") for i, value in enumerate(state)],
    )


class Settings(NamedTuple):
    """The settings of an iteration, besides the loss.

    Attributes
    ----------
    split
        The descent method and the stop rule, and their numbers.
    record_every
        The history records every n-th iteration; 0 records none.
    """

    split: SplitSettings
    record_every: int

    @property
    def method(self) -> Any:
        """The descent method."""
        return self.split.method

    @property
    def stop(self) -> StopRule:
        """The stop rule."""
        return self.split.stop

    def first_state(self, x: np.ndarray) -> tuple[list[np.ndarray], Any]:
        """Return the state at the start, flat, and the structure of what follows the numbers."""
        leaves, structure = trees.flatten(
            first_state(self.method, x, self.stop, self.record_every)
        )
        return [*self.split.state, *map(np.asarray, leaves)], structure


def iterate(
    session: Session,
    settings: Settings,
    at_x: Evaluation,
    count: TracedArray,
    structure: Any,
    state: Sequence[TracedArray],
    rounded: Callable[[Any], Any],
    extra: Callable[[Any], Sequence[Any]] = lambda of_method: (),
) -> Iteration:
    """Return one iteration from a point.

    `rounded` brings the next point to storage precision; `extra` returns further values to report,
    given what the method reports.
    """
    split, every = settings.split, settings.record_every
    numbers, state = state[: len(split.state)], state[len(split.state) :]
    method, stop = split.seen(session, numbers)
    followed, own = with_followed_settings(method, session), trees.unflatten(structure, state)
    try:
        one = take_step(session, followed, stop, at_x, count, own)
    except NotGivenError:
        raise
    except Exception as error:
        if not numbers:
            raise
        raise SettingRefusedError from error
    new_state = [*numbers, *like_state(method, one.state, structure, state)]
    split.note(session)
    next_x = rounded(like_x(method, one.x, at_x.x))
    records, due = _records(one, at_x, count, every, isinstance(method, Search))
    report = one.report.flat(extra(one.report.of_method))
    stages = Stages(
        AtPoint(at_x.loss, at_x.gradient, one.finite, tuple(records), due),
        AtStop(one.stop, report),
        Update(next_x, tuple(new_state)),
    )
    outputs, shape = trees.flatten(stages)
    guards = guards_of(session, at_x.x)
    nodes, guards = simplify_guarded(
        [node_of(output) for output in outputs], guards, session.sources
    )
    (variable,) = simplify([at_x.x.node])
    x, count_input, *rest = session.inputs
    return Iteration(
        x=x,
        variable=variable,
        count=count_input,
        state=tuple(rest[: len(new_state)]),
        data=tuple(rest[len(new_state) :]),
        **trees.unflatten(shape, nodes).named(),
        guards=guards,
        sources=session.sources,
    )


def _records(
    one: Step, at_x: Evaluation, count: Any, every: int, is_search: bool
) -> tuple[list[Any], Any]:
    """Return what the history records, and whether it does now; None if it always does."""
    if not every:
        return [], None
    records = [at_x.loss, norm(one.slopes), one.step_length]
    due = None if every == 1 else one.iteration % every == 0
    if is_search:
        records += [one.iteration, count + 1]
        due = one.accepted if due is None else np.logical_and(one.accepted, due)
    return records, due


def with_constants(it: Iteration, fast: bool) -> tuple[Iteration, tuple[Node, ...]]:
    """Return an iteration whose constant parts are inputs, and these parts.

    Parameters
    ----------
    it
        The iteration. It is returned as it is if it branches.
    fast
        Whether algebra may move more out of the loop, which rounds differently.
    """
    if it.guards:
        return it, ()
    varying = (it.x, it.count, *it.state)
    outputs: Sequence[Node] = it.outputs
    if fast:
        outputs = simplify(without_rows(outputs, varying))
    outputs, inputs, constants = hoist(outputs, varying)
    return it.with_outputs(outputs, inputs), tuple(constants)


def guards_of(session: Session, variable: TracedArray) -> Sequence[Guard]:
    """Return the guards of a path; the first says that x is finite."""
    if not session.guards:
        return ()
    finite: Any = np.all(np.isfinite(variable))
    return (Guard(finite.node, np.asarray(True)), *session.guards)

"""Tracing of one iteration of many problems.

The state of a problem is set inside of the iteration, where the count of updates is 0. A problem
is thus started in any SIMD lane by its point and its data alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import (
    Step,
    first_state,
    like_state,
    like_x,
    take_step,
    with_followed_settings,
)
from steepest.descent.methods.base import Failure, Search, needs_residuals
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import chosen
from steepest.engines import DIVERGED, ManyProgram
from steepest.engines.batch import Computed
from steepest.graph import Node, trees
from steepest.rewrite import hoist, simplify
from steepest.trace import as_traced, node_of, open_session
from steepest.trace.recording.captures import Captures
from steepest.trace.recording.chance import traces_anew
from steepest.trace.recording.session import Session
from steepest.trace.tracing import (
    add_argument,
    add_arguments,
    argument_names,
    call_traced,
    is_array_like,
)


class Answer(NamedTuple):
    """The result of one problem, as the loop returns it.

    Attributes
    ----------
    x, loss
        The point and the loss there.
    iterations, evaluations
        Numbers of updates, and of evaluations of the loss.
    rules
        A number whose bits say which stop rules were met.
    report
        What the method reported of the point.
    """

    x: Any
    loss: Any
    iterations: Any
    evaluations: Any
    rules: Any
    report: Any


class Before(NamedTuple):
    """The point before the last update, and its loss."""

    x: Any
    loss: Any


@dataclass(frozen=True)
class TracedBatch:
    """One iteration of many problems as a graph, and what it was traced from.

    Attributes
    ----------
    program
        The graph; None if the loss branches on values.
    constants
        Values of the last data inputs, as nodes over the other data inputs.
    captures
        What the functions read from outside.
    structure
        The nesting of an :class:`Answer`.
    observations
        Number of residuals; 0 if the loss is not a sum of squares.
    """

    program: ManyProgram | None
    constants: tuple[Node, ...]
    captures: Captures
    structure: Any
    observations: int


@traces_anew
def trace_batch(problem: Problem, vector: np.ndarray, shared: Sequence[Any]) -> TracedBatch:
    """Trace one iteration of one of many problems.

    Parameters
    ----------
    problem, vector
        One of the problems, and its start.
    shared
        Further arguments of the loss that all problems share.
    """
    p = problem
    x0 = vector.astype(p.dtype)
    start = first_state(p.method, x0, p.stop, 0), Before(x0, np.zeros((), p.dtype))
    leaves, structure = trees.flatten(start)
    with open_session() as session:
        x = add_argument(session, vector, "x")
        count = add_argument(session, np.zeros((), np.int64), "iteration")
        state = [add_argument(session, np.asarray(v), f"state{i}") for i, v in enumerate(leaves)]
        names = argument_names(p.objective.function, len(p.args) + len(shared) + 1)[1:]
        given = [*p.args, *shared, *(p.box or ())]
        traced = add_arguments(session, given, [*names, "lower", "upper"][: len(given)])
        number_own = sum(map(is_array_like, trees.leaves(p.args)))
        arguments, ends = traced[: len(names)], traced[len(names) :]
        within = Box(*(end.astype(p.dtype) for end in ends)) if ends else None
        by_jacobian = needs_residuals(p.method)
        evaluate: Callable[[Any], Any] = lambda at: p.objective(
            at, p.layout, arguments, within, by_jacobian
        )
        at_x = evaluate(x.astype(p.dtype))
        method = with_followed_settings(p.method, session)
        fresh = _fresh(session, method, at_x, start)
        is_first: Any = np.equal(count, 0)
        current = [
            np.where(is_first, first, value)
            for first, value in zip(trees.leaves(fresh), state, strict=True)
        ]
        own_state, previous = trees.unflatten(structure, current)
        step = take_step(session, method, p.stop, at_x, count, own_state)
        following = step.state, Before(at_x.x, at_x.loss)
        new_state = like_state(method, following, structure, state)
        next_x = p.layout.rounded(like_x(method, step.x, at_x.x))
        ended = np.where(step.finite, step.stop, DIVERGED)
        answer = _answer(method, step, at_x, count, own_state[0], previous, evaluate)
        computed = Computed(ended, tuple(trees.leaves(answer)), next_x, tuple(new_state))
        outputs, shape = trees.flatten(computed)
        outputs = simplify([node_of(output) for output in outputs])
    observations = 0 if at_x.residual is None else at_x.residual.size
    program: ManyProgram | None = None
    constants: tuple[Node, ...] = ()
    if not session.guards:
        program, constants = _program(session, outputs, shape, len(state), number_own)
    structure = trees.structure(answer)
    return TracedBatch(program, constants, session.captures, structure, observations)


def _program(
    session: Session, outputs: Sequence[Node], shape: Any, states: int, own: int
) -> tuple[ManyProgram, tuple[Node, ...]]:
    x, count, *rest = session.inputs
    state, data = rest[:states], rest[states:]
    outputs, more, constants = hoist(outputs, [x, count, *state, *data[:own]])
    computed: Computed = trees.unflatten(shape, outputs)
    program = ManyProgram(
        x=x,
        count=count,
        state=tuple(state),
        data=(*data, *more),
        is_own=(*[True] * own, *[False] * (len(data) - own + len(more))),
        sources=session.sources,
        **computed._asdict(),
    )
    return program, tuple(constants)


def _fresh(session: Session, method: Any, at_x: Evaluation, start: Any) -> Any:
    """Return the first state of a problem, as a function of its start point."""
    (_, ours), _ = start
    fresh = call_traced(method.init, session, [at_x.x])
    if isinstance(method, Search):  # other methods' run state is the same for all problems
        ours = ours._replace(base=ours.base._replace(x=at_x.x))
    return (fresh, ours), Before(at_x.x, at_x.loss)


def _answer(
    method: Any,
    step: Step,
    at_x: Evaluation,
    count: Any,
    state: Any,
    previous: Before,
    evaluate: Callable[[Any], Evaluation],
) -> Answer:
    """Return the result of a problem that ends at this iteration."""
    report, rules = step.report.of_method, step.report.rules
    evaluations = count + 1
    if isinstance(method, Search):
        base = step.state[1].base  # the current iterate
        falls = step.stop == int(Failure.UNBOUNDED)  # the candidate is the lowest point
        x, loss = chosen(falls, (at_x.x, at_x.loss), tuple(base))
        return Answer(x, loss, step.iteration, evaluations, rules, report)
    x, loss = chosen(step.finite, (at_x.x, at_x.loss), tuple(previous))
    iterations = np.where(step.finite, count, np.maximum(count - 1, 0))
    mean = getattr(method, "answer", None)
    if mean is not None:
        x = np.where(step.finite, as_traced(mean(at_x.x, state)), x)
        loss = evaluate(as_traced(x)).loss
    return Answer(x, loss, iterations, evaluations, rules, report)

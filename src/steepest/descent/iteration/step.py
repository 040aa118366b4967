"""One step of a method, traced: what it makes of the loss at a point."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Failure, Incumbent, Move, Search
from steepest.descent.problem.evaluation import Evaluation
from steepest.descent.problem.linalg import chosen, norm
from steepest.descent.stop_rules import Point, StopRule
from steepest.errors import InputError
from steepest.graph import trees
from steepest.trace import TracedArray, as_traced
from steepest.trace.following.follow import follow
from steepest.trace.recording.session import Session
from steepest.trace.tracing import call_traced, own_copies

_UNBOUNDED_RATIO = 1e15
"""How far, in units of the first loss, a loss falls that has no lower bound."""

STOP_RULE = 1
"""What ``Iteration.stop`` is where the stop rule is met; 0 is to go on, others are failures."""


class PreviousStep(NamedTuple):
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


class SearchState(NamedTuple):
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

    base: Incumbent
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
        return method.init(x), SearchState(
            Incumbent(x, infinite), infinite, np.zeros((), np.int64)
        )
    if not record_every and not any([rule.uses_previous_step for rule in stop.rules()]):
        return method.init(x), ()
    return method.init(x), PreviousStep(np.array(np.nan, x.dtype), np.zeros((), x.dtype))


class Report(NamedTuple):
    """What is kept of the point where a run stops.

    Attributes
    ----------
    kept
        What the method keeps.
    iterations
        Updates made.
    rules
        A number whose bits say which stop rules were met.
    """

    kept: Any
    iterations: Any
    rules: Any

    def flat(self, told: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return it as engines keep it, with what else is told of what the method keeps."""
        return (*trees.leaves(self.kept), *told, self.iterations, self.rules)


KEPT, ITERATIONS, RULES = slice(-2), -2, -1
"""Places in a report as engines keep it: of what :meth:`Report.flat` puts there."""


class Step(NamedTuple):
    """One step, traced.

    Attributes
    ----------
    x, state
        What comes next.
    finite
        Whether the run may go on from here.
    stop
        A number that is not 0 where it stops, and says why.
    iteration
        Updates made when this point was reached.
    step_length
        Of the update that led here; 0 at the start.
    accepted
        Whether a search stays here; None for a method that goes wherever its update leads.
    report
        What is kept of the point where the run stops.
    """

    x: Any
    state: Any
    finite: Any
    stop: Any
    iteration: Any
    step_length: Any
    accepted: Any
    report: Report


def take_step(
    session: Session, method: Any, stop: StopRule, trial: Evaluation, count: Any, state: Any
) -> Step:
    """Trace what a method does at a point, and whether the stop rule is met there."""
    trace = _search if isinstance(method, Search) else _descend
    return trace(session, method, stop, trial, count, state)


def _descend(
    session: Session, method: Any, stop: StopRule, trial: Evaluation, count: Any, state: Any
) -> Step:
    """Trace a method that goes wherever its update leads."""
    own, last = state
    x, loss = trial.x, trial.loss
    before = last or PreviousStep(np.nan, np.nan)
    met, rules = _met(session, stop, Point(count, loss, trial.free_gradient, x, *before))
    given = own_copies([x, trial.gradient, own, count])
    new_x, new_own = call_traced(method.update, session, given)
    if trial.box is not None:
        new_x = trial.box.project(new_x)
    if last:
        last = PreviousStep(loss, norm(new_x - x))
    finite = np.logical_and(np.isfinite(loss), np.all(np.isfinite(x)))
    code = np.where(met, STOP_RULE, 0)
    state = (new_own, last)
    return Step(
        new_x, state, finite, code, count, before.step_length, None, Report((), count, rules)
    )


def _search(
    session: Session, method: Any, stop: StopRule, trial: Evaluation, count: Any, state: Any
) -> Step:
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
    met, rules = _met(session, stop, point, move.is_singular)
    met = np.logical_and(accepted, met)
    failed = np.where(accepted, int(Failure.NONE), move.failure)
    first_loss = np.where(is_first, trial.loss, first_loss)
    falls = trial.loss < -_UNBOUNDED_RATIO * np.maximum(1.0, np.abs(first_loss))
    failed = np.where(falls, int(Failure.UNBOUNDED), failed)
    code = np.where(met, STOP_RULE, failed)
    reached = chosen(accepted, Incumbent(trial.x, trial.loss), base)
    finite = np.logical_or(~is_first, np.isfinite(trial.loss))
    state = (move.state, SearchState(reached, first_loss, after))
    report = Report(move.report, after, rules)
    return Step(move.x, state, finite, code, after, length, accepted, report)


def _met(
    session: Session, stop: StopRule, point: Point, is_singular: Any = False
) -> tuple[Any, Any]:
    """Return whether a rule is met, and a number whose bits say which of its rules are.

    At a singular point no goal is.
    """
    met, bits = _truth(session, stop, point), as_traced(np.zeros((), np.int64))
    limit: Any = False
    for number, rule in enumerate(stop.rules()):
        truth = _truth(session, rule, point)
        if is_singular is not False and rule.is_goal:
            truth = np.logical_and(truth, np.logical_not(is_singular))
        elif not rule.is_goal:
            limit = np.logical_or(limit, truth)
        bits = bits + np.where(truth, 1 << number, 0)
    if is_singular is not False:
        met = np.logical_and(met, np.logical_or(np.logical_not(is_singular), limit))
    return met, bits


def _truth(session: Session, stop: StopRule, point: Point) -> Any:
    met = as_traced(call_traced(stop.met, session, [point]))
    if met.shape != () or met.dtype != np.bool_:
        raise InputError(
            f"{type(stop).__name__}.met must return one truth value, got {met.dtype} of shape "
            f"{met.shape}"
        )
    return met


def like_x(method: Any, new_x: Any, x: TracedArray) -> TracedArray:
    """Return the next point, which must be like this one."""
    result: TracedArray = as_traced(new_x)
    if result.shape != x.shape:
        name = type(method).__name__
        raise InputError(f"{name}.update must return x with shape {x.shape}, got {result.shape}")
    return result


def like_state(
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


def with_followed_settings(method: Any, session: Session) -> Any:
    """Return a method whose settings that are functions (schedules) are seen through too."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    settings = {}
    for field in dataclasses.fields(method):
        value = getattr(method, field.name)
        if callable(value) and not isinstance(value, type):
            settings[field.name] = follow(value, session)
        elif dataclasses.is_dataclass(value):
            settings[field.name] = with_followed_settings(value, session)
    return dataclasses.replace(method, **settings) if settings else method

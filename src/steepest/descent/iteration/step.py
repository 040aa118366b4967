"""One step of a method, traced, and whether its stop rule is met."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.setting_numbers import with_fields
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

UNBOUNDED_RATIO = 1e15
"""Decrease, relative to the first loss, from which on a loss counts as unbounded below."""

_MOST_REJECTED = 1000
"""Candidates rejected one after the other, from which on a search has failed. Steepest's own
methods end by themselves much earlier."""

STOP_RULE = 1
"""Value of ``Iteration.stop`` if the stop rule is met; 0 continues, others are failures."""


class PreviousStep(NamedTuple):
    """The last update, for the history and for stop rules.

    Attributes
    ----------
    loss
        The loss before the update.
    step_length
        Euclidean norm of the update.
    """

    loss: Any
    step_length: Any


class SearchState(NamedTuple):
    """The state of a run with a :class:`Search`, besides the method's own.

    Attributes
    ----------
    base
        The current iterate.
    first_loss
        The loss at the start point.
    iteration
        Number of candidates accepted since the start point.
    rejected
        Number of candidates rejected since the last one that was accepted.
    """

    base: Incumbent
    first_loss: Any
    iteration: Any
    rejected: Any

    @classmethod
    def last_of(cls, leaves: Sequence[Any]) -> SearchState:
        """Return the state at the end of a run's flat state, after the method's own."""
        own = len(cls._fields) - 1 + len(Incumbent._fields)
        x, loss, *others = leaves[len(leaves) - own :]
        return cls(Incumbent(x, loss), *others)


def first_state(method: Any, x: np.ndarray, stop: StopRule, record_every: int) -> Any:
    """Return the state of the first iteration: the method's own, then the run's.

    Parameters
    ----------
    method
        The descent method.
    x
        Start point, in the precision of the arithmetic.
    stop, record_every
        Stop rule and history, which decide whether the last update is remembered.
    """
    if isinstance(method, Search):
        infinite, none = np.array(np.inf, x.dtype), np.zeros((), np.int64)
        return method.init(x), SearchState(Incumbent(x, infinite), infinite, none, none)
    if not record_every and not any([rule.uses_previous_step for rule in stop.rules()]):
        return method.init(x), ()
    return method.init(x), PreviousStep(np.array(np.nan, x.dtype), np.zeros((), x.dtype))


class Report(NamedTuple):
    """What is reported of the point where a run stops.

    Attributes
    ----------
    of_method
        What the method reports.
    iterations
        Number of updates made.
    rules
        A number whose bits say which stop rules were met.
    """

    of_method: Any
    iterations: Any
    rules: Any

    def flat(self, extra: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return the report as a flat tuple, with `extra` values after those of the method."""
        return (*trees.leaves(self.of_method), *extra, self.iterations, self.rules)


OF_METHOD, ITERATIONS, RULES = slice(-2), -2, -1
"""Positions in the flat report of :meth:`Report.flat`."""


class Step(NamedTuple):
    """One step, traced.

    Attributes
    ----------
    x, state
        The next point, and the next state.
    finite
        Whether loss and point are finite, so that the run may continue.
    stop
        0 to continue; else :data:`STOP_RULE` or a :class:`Failure`.
    iteration
        Number of updates made when this point was reached.
    step_length
        Length of the update that led to this point; 0 at the start.
    accepted
        Whether a search accepts this point; None for a method that always does.
    report
        What is reported if the run stops at this point.
    slopes
        The gradient, as stop rules see it.
    """

    x: Any
    state: Any
    finite: Any
    stop: Any
    iteration: Any
    step_length: Any
    accepted: Any
    report: Report
    slopes: Any


def take_step(
    session: Session, method: Any, stop: StopRule, at_x: Evaluation, count: Any, state: Any
) -> Step:
    """Trace the step of a method from a point, and whether the stop rule is met there."""
    trace = _search if isinstance(method, Search) else _descend
    return trace(session, method, stop, at_x, count, state)


def _descend(
    session: Session, method: Any, stop: StopRule, at_x: Evaluation, count: Any, state: Any
) -> Step:
    """Trace a step of a :class:`Method`."""
    own, last = state
    x, loss = at_x.x, at_x.loss
    before = last or PreviousStep(np.nan, np.nan)
    met, rules = _met(session, stop, Point(count, loss, at_x.free_gradient, x, *before))
    given = own_copies([x, at_x.gradient, own, count])
    new_x, new_own = call_traced(method.update, session, given)
    if at_x.box is not None:
        new_x = at_x.box.project(new_x)
    if last:
        last = PreviousStep(loss, norm(new_x - x))
    finite = np.logical_and(np.isfinite(loss), np.all(np.isfinite(x)))
    code = np.where(met, STOP_RULE, 0)
    state = (new_own, last)
    return Step(
        new_x,
        state,
        finite,
        code,
        count,
        before.step_length,
        None,
        Report((), count, rules),
        at_x.free_gradient,
    )


def _search(
    session: Session, method: Any, stop: StopRule, candidate: Evaluation, count: Any, state: Any
) -> Step:
    """Trace a step of a :class:`Search`."""
    own, (base, first_loss, iteration, rejected) = state
    is_first = count == 0
    move: Move = call_traced(method.advance, session, [base, candidate, own, is_first])
    accepted = np.logical_or(is_first, move.accepted)
    after = iteration + np.logical_and(accepted, ~is_first)
    length = np.where(is_first, 0.0, norm(candidate.x - base.x))
    slopes = candidate.free_gradient if move.optimality is None else move.optimality
    point = Point(
        after,
        candidate.loss,
        slopes,
        candidate.x,
        base.loss,
        length,
        move.decrement,
    )
    met, rules = _met(session, stop, point, move.is_singular)
    met = np.logical_and(accepted, met)
    rejected = np.where(accepted, 0, rejected + 1)
    is_endless = (rejected >= _MOST_REJECTED) & (move.failure == int(Failure.NONE))
    failed = np.where(is_endless, int(Failure.STALLED), move.failure)
    failed = np.where(accepted, int(Failure.NONE), failed)
    first_loss = np.where(is_first, candidate.loss, first_loss)
    falls = candidate.loss < -UNBOUNDED_RATIO * np.maximum(1.0, np.abs(first_loss))
    failed = np.where(falls, int(Failure.UNBOUNDED), failed)
    code = np.where(met, STOP_RULE, failed)
    reached = chosen(accepted, Incumbent(candidate.x, candidate.loss), base)
    finite = np.logical_or(~is_first, np.isfinite(candidate.loss))
    state = (move.state, SearchState(reached, first_loss, after, rejected))
    report = Report(move.report, after, rules)
    return Step(move.x, state, finite, code, after, length, accepted, report, slopes)


def _met(
    session: Session, stop: StopRule, point: Point, is_singular: Any = False
) -> tuple[Any, Any]:
    """Return whether a stop rule is met, and a number whose bits say which of its parts are.

    No goal is met at a singular point.
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
    """Return the next point, or raise if its shape differs from that of `x`."""
    result: TracedArray = as_traced(new_x)
    if result.shape != x.shape:
        name = type(method).__name__
        raise InputError(f"{name}.update must return x with shape {x.shape}, got {result.shape}")
    return result


def like_state(
    method: Any, new_state: Any, structure: Any, state: Sequence[TracedArray]
) -> list[TracedArray]:
    """Return the leaves of the next state, or raise if they differ in structure or shapes."""
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
    """Return a method whose settings that are functions (schedules) are traced, too."""
    if not dataclasses.is_dataclass(method) or isinstance(method, type):
        return method
    settings = {}
    for field in dataclasses.fields(method):
        value = getattr(method, field.name)
        if callable(value) and not isinstance(value, type):
            settings[field.name] = follow(value, session)
        elif dataclasses.is_dataclass(value):
            settings[field.name] = with_followed_settings(value, session)
    return with_fields(method, settings) if settings else method

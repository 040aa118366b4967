"""The interior point method as a run of ``minimize``."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.descent.constraints.result import PointReport
from steepest.descent.iteration.problem import Problem
from steepest.descent.large.barrier import BarrierMethod
from steepest.descent.large.functions import functions_of
from steepest.descent.large.iterates import End, Iterate
from steepest.descent.large.ledger import FEASIBLE, Ledger, Row, refuse_to_save
from steepest.descent.large.program import Conditions, ConstrainedProgram, conditions_of
from steepest.descent.large.restoration import restored
from steepest.descent.large.saddles import beside_saddle
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.parameters import check_finite
from steepest.descent.results.result import Result, Status, Timings
from steepest.descent.running.callbacks import State, of_state
from steepest.descent.running.driver import interrupts
from steepest.descent.running.solve import progress_display

_HUGE = 2e6
"""Multiplier of a scaled constraint that counts as infinite."""

_POLISHING = 3
"""Largest number of steps after a goal was met, as long as the errors fall."""

_MOST_SADDLES = 5
"""How many saddle points are left."""

_STATUSES = {
    End.OPTIMAL: Status.PRECISION,
    End.STUCK: Status.STALLED,
    End.SINGULAR: Status.FLAT,
    End.INFEASIBLE: Status.INFEASIBLE,
}


def solve_by_interior_point(
    problem: Problem,
    vector: np.ndarray,
    callback: Callable[[State], Any] | None = None,
    progress: bool = False,
    reason: str = "",
) -> Result:
    """Return the result of a problem whose method is an :class:`InteriorPoint`.

    Parameters
    ----------
    problem, vector
        The problem, and its start as a vector.
    callback, progress, reason
        As for :func:`~steepest.descent.running.solve.solve`.
    """
    called = None if callback is None else of_state(callback)

    def run() -> Result:
        with progress_display(problem, None, progress) as watch, interrupts() as interrupt:
            return _InteriorRun(problem, vector, reason, called, watch, interrupt).result()

    found: Result = with_differences(problem.objective.subject, run)
    return found


class _InteriorRun:
    """A run of the method."""

    def __init__(
        self, problem: Problem, vector: np.ndarray, reason: str, callback: Any, watch: Any,
        interrupt: Any,
    ) -> None:  # fmt: skip
        self.problem, self.reason = problem, reason
        self.began = time.perf_counter()
        start = vector.astype(np.float64)
        self.functions = functions_of(problem, start)
        self.prepared = time.perf_counter()
        self.program = ConstrainedProgram(problem, self.functions, start)
        check_finite(problem.layout.unpack(vector))
        self.ledger = Ledger(problem, callback, watch, interrupt)
        self.conditions: Conditions | None = None

    def result(self) -> Result:
        """Return the result."""
        program, settings = self.program, self.problem.method
        method = BarrierMethod(program, self.judge, restored, settings.barrier)
        with np.errstate(all="ignore"):
            first = method.started(program.start())
            if not np.isfinite(first.loss):
                x = program.point(first.v)
                return self.summed_up(Status.DIVERGED, x, self.row(x, first))
            last, end = method.run(first)
            for _ in range(_MOST_SADDLES):
                beside = beside_saddle(method, last) if self.has_met_goal() else None
                if beside is None:
                    break
                method = BarrierMethod(program, self.judge, restored, settings.barrier)
                last, end = method.run(method.started(beside))
            if self.has_met_goal():
                last = self.polished(method, last)
            x, row = self.at_end(last)
        status = self.ledger.status
        if end is not End.JUDGED or status is None:
            status = _STATUSES[end]
            if status in (Status.PRECISION, Status.STALLED) and self.is_degenerate(last):
                status = Status.DEGENERATE
        return self.summed_up(status, x, row)

    def has_met_goal(self) -> bool:
        """Whether a goal of the stop rule was met."""
        return any([rule.is_goal for rule in self.ledger.met])

    def polished(self, method: BarrierMethod, at: Iterate) -> Iterate:
        """Return an iterate of which the conditions hold more exactly, if a step leads to one."""
        error = self.error(at)
        for _ in range(_POLISHING):
            following = method.polished(at)
            if following is None:
                break
            now = self.error(following)
            if not now < error:
                break
            at, error = following, now
        return at

    def error(self, at: Iterate) -> float:
        """Return the largest error of the conditions at the point that was evaluated last."""
        return float(np.max(np.abs(self.row(self.program.point(at.v), at).errors)))

    def row(self, x: np.ndarray, at: Iterate) -> Row:
        """Return what is known of the point that was evaluated last."""
        program, (loss, constraints) = self.program, self.program.last
        forces = (at.of_lower - at.of_upper)[: program.free.size]
        found = conditions_of(program, x, constraints, at.multipliers, forces)
        self.conditions = found
        ends = [np.where(np.isfinite(end), np.abs(end), 0.0) for end in program.limits]
        size = max(1.0, *[float(np.max(end, initial=0.0)) for end in ends])
        is_feasible = found.violation <= FEASIBLE * size
        return Row(x, loss, found.errors, is_feasible, program.evaluations)

    def judge(self, at: Iterate, length: float) -> bool:
        """Note an iterate, and say whether the run ends there."""
        return self.ledger.ends(self.row(self.program.point(at.v), at))

    def at_end(self, at: Iterate) -> tuple[np.ndarray, Row]:
        """Return the parameters at the end, and what is known of them.

        Those that a bound holds are put onto it, if the goals of the stop rule hold there, too.
        """
        program = self.program
        x = program.point(at.v)
        onto = np.clip(x, *program.box)
        number = program.free.size
        for force, box in ((at.of_lower, program.box[0]), (at.of_upper, program.box[1])):
            ends, own = box[program.free], x[program.free]
            holds = np.isfinite(ends) & (np.abs(own - ends) < force[:number] / program.weight)
            near = holds & (np.abs(own - ends) <= FEASIBLE * np.maximum(1.0, np.abs(ends)))
            onto[program.free[near]] = ends[near]
        if self.has_met_goal() and np.any(onto != x):
            values = program.scale * program.functions.values_at(onto, program.args)[1]
            v = np.concatenate([onto[program.free], values[program.ranged]])
            program.values(v)
            program.derivatives(v, at.multipliers)
            row = self.row(onto, at)
            if row.is_goal and self.ledger.is_goal(row):
                return onto, row
        program.values(at.v)
        program.derivatives(at.v, at.multipliers)
        return x, self.row(x, at)

    def is_degenerate(self, at: Iterate) -> bool:
        """Whether a point is feasible, and no finite multipliers exist."""
        assert self.conditions is not None
        largest = float(np.max(np.abs(at.multipliers), initial=0.0))
        return self.conditions.violation <= FEASIBLE and largest > _HUGE

    def summed_up(self, status: Status, x: np.ndarray, row: Row) -> Result:
        """Return the result of the run."""
        problem, program, ledger = self.problem, self.program, self.ledger
        assert self.conditions is not None
        plan, entries = self.functions.jacobian, program.slopes.jacobian
        lengths = np.sqrt(np.bincount(plan.rows, np.square(entries), minlength=program.rows))
        found, gradient = self.conditions, program.slopes.gradient
        known = PointReport(
            found.multipliers, found.forces, lengths, program.last[1], gradient, found.pull
        )
        x = x.astype(problem.layout.dtype)
        ended = time.perf_counter()
        seconds = ended - self.prepared
        return Result(
            x=problem.parameters(x),
            loss=float(row.loss),
            gradient=problem.layout.unpack(gradient),
            iterations=max(0, ledger.iterations),
            evaluations=program.evaluations,
            status=status,
            explain=ledger.explanation(status, float(row.loss)),
            look_back=ledger.history,
            timings=Timings(self.prepared - self.began, 0.0, seconds),
            graph=self.functions.graph,
            engine=problem.engine.name,
            method=problem.method,
            reason=self.reason,
            active=problem.active(x),
            report=known,
            vector=x,
            store=functools.partial(refuse_to_save, type(problem.method).__name__),
        )

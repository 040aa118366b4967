"""The result of a finished run: its status, point and message."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from steepest.derivative import nonfinite_origin
from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import ITERATIONS, OF_METHOD, RULES, STOP_RULE
from steepest.descent.methods.base import Failure, Search
from steepest.descent.problem.parameters import element_names, first_not_finite
from steepest.descent.problem.streamed import sources_in
from steepest.descent.results.curvature import curvature_of
from steepest.descent.results.landscape import Landscape
from steepest.descent.results.result import History, Result, Status, Timings
from steepest.descent.results.save import digest, save
from steepest.descent.running.at_point import loss_and_gradient
from steepest.descent.running.compile import CompiledProblem
from steepest.descent.running.driver import StopReason, interrupts
from steepest.descent.running.ends.dependence import (
    deciding_sentence,
    dependence,
    idle_sentence,
    read_without_slope,
)
from steepest.descent.running.ends.stationary import (
    AMBIGUOUS,
    CURVES_DOWN,
    curves_down,
    is_about_slopes,
)
from steepest.descent.running.standing import standing
from steepest.descent.stop_rules import StopRule
from steepest.engines import Recording, Run, RunInPasses, Snapshot
from steepest.graph import trees
from steepest.streams.evaluation import InterruptedPassError

_IN_A_PASS = (StopReason.INTERRUPTED, StopReason.TIME, StopReason.CLUSTER_LOST)
"""Reasons to stop for which no further pass over data on disk is made."""

_AT_POINT = (StopReason.STOPPED, StopReason.DIVERGED)
"""Reasons to stop at a point whose loss was evaluated."""


@dataclass(frozen=True)
class Summary:
    """Makes the result of a finished run.

    Attributes
    ----------
    problem, prepared
        The problem that ran, and its compiled code.
    reason
        Why the method was chosen.
    more
        Further settings to save with the run.
    """

    problem: Problem
    prepared: CompiledProblem
    reason: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def result(self, run: Run, ending: StopReason, timings: Timings) -> Result:
        """Return the result of a run."""
        gradient, is_at_point = None, ending in _AT_POINT
        is_met = ending is StopReason.STOPPED and run.reason == STOP_RULE
        if not is_met:
            x, loss, iterations, evaluations = standing(self.problem.method, run)
        is_cut_off = ending in _IN_A_PASS and bool(sources_in(self.problem.args))
        if is_cut_off:
            x, loss, iterations, gradient = self._last_known(run)
        if is_met:
            x, loss, gradient, evaluations = run.x, run.loss, run.gradient, run.count + 1
            iterations = int(run.report[ITERATIONS])
            status, explain = self._stopped(iterations, loss, int(run.report[RULES]))
        elif ending is StopReason.STOPPED:
            evaluations = run.count + 1
            if run.reason == Failure.UNBOUNDED:  # the candidate is the lowest point
                x, loss = run.x, run.loss
            status, explain = self._failed(Failure(run.reason), iterations, loss)
        elif ending is StopReason.DIVERGED:
            x = np.array(run.previous_x if run.count else run.x)
            status = Status.DIVERGED
            explain = functools.partial(self._diverged, run)
            loss, iterations = (run.previous_loss, run.count - 1) if run.count else (run.loss, 0)
            evaluations = run.count + 1
        else:
            status, explain = self._ended(ending, iterations)
            if isinstance(run, RunInPasses) and run.loss_of_machines:
                sentence = f"{explain()} What happened: {run.loss_of_machines}."
                explain = functools.partial(str, sentence)
        answer = getattr(self.problem.method, "answer", None)
        if answer is not None and ending is not StopReason.DIVERGED and not is_cut_off:
            x, gradient, is_at_point = answer(x, self._own_state(run.x, run.state)), None, False
        if gradient is None:
            found = self._at_unless_interrupted(x)
            if found is not None:
                loss_there, gradient = found
                loss = loss if is_at_point else loss_there
            else:
                if is_at_point:
                    gradient = np.full(x.shape, np.nan, x.dtype)
                else:
                    x, loss, iterations, gradient = self._last_known(run)
                status, explain = self._ended(StopReason.INTERRUPTED, int(iterations))
        snapshot, vector = run.snapshot(), np.array(x)
        notes: tuple[str, ...] = ()
        if np.count_nonzero(gradient) < gradient.size:  # else every parameter has influence
            status, explain, notes = self._without_slopes(status, explain, vector)
            if iterations == 0 and status.is_success and not np.any(gradient):
                met = self.problem.stop.met_by_bits(int(run.report[RULES])) if is_met else []
                status, explain = self._at_start(status, explain, vector, float(loss), met)
        return Result(
            x=self.problem.parameters(x),
            loss=float(loss),
            gradient=self.problem.layout.unpack(gradient),
            iterations=int(iterations),
            evaluations=int(evaluations),
            status=status,
            explain=explain,
            look_back=functools.partial(self._history, run.recording, run.x.size, run.x.dtype),
            timings=timings,
            graph=self.prepared.paths[-1].loss_graph,
            engine=self.problem.engine.name,
            method=self.problem.method,
            reason=self.reason,
            active=self.problem.active(x),
            report=_method_report(run) if ending is StopReason.STOPPED else (),
            observations=self.prepared.paths[-1].observations,
            vector=vector,
            store=functools.partial(self._save, snapshot, run.recording, ending in _AT_POINT),
            notes=notes,
            curvature=curvature_of(
                self.problem, vector, lambda: self._own_state(snapshot().x, snapshot().state)
            ),
            look_around=functools.partial(self._landscape, run.recording),
        )

    def _last_known(self, run: Run) -> tuple[np.ndarray, float, int, np.ndarray]:
        """Return the last point at which the loss is known, without a pass over the data.

        With the loss, the number of updates made before, and the gradient; NaN if it is not known.
        With minibatches, the loss over all data is not known at any point: the last point.
        """
        x, loss, iterations, _ = standing(self.problem.method, run)
        if not isinstance(run, RunInPasses):
            return np.array(x), float("nan"), iterations, np.full(x.shape, np.nan, x.dtype)
        if not isinstance(self.problem.method, Search) and run.count:
            x, iterations = run.previous_x, run.count - 1
        if run.count == 0:
            loss = run.first_loss
        return np.array(x), loss, iterations, run.gradient_at(x)

    def _without_slopes(
        self, status: Status, explain: Callable[[], str], x: np.ndarray
    ) -> tuple[Status, Callable[[], str], tuple[str, ...]]:
        """Return status, message and notes for a loss without derivatives by some parameters.

        Paths that were not taken may use other parameters, so that a loss that branches gets no
        note, unless such a parameter is read where there is no slope.
        """
        p = self.problem
        if getattr(p.objective, "constraints", ()):
            return status, explain, ()  # which may depend on the other parameters
        graphs = [path.loss_graph for path in (*self.prepared.paths, *self.prepared.tail_paths)]
        depends = dependence(graphs)
        if depends.all():
            return status, explain, ()
        names = self.more.get("names")
        name = element_names(p.layout) if names is None else names.__getitem__
        if depends.any() and any(graph.guards for graph in graphs):
            decides = ~depends & read_without_slope(graphs)
            if not decides.any():
                return status, explain, ()
            return status, explain, (deciding_sentence(p.objective.function, decides, name),)
        sentence = idle_sentence(p.objective.function, depends, name)
        if status.is_success and not depends.any():
            status, explain = Status.FLAT, functools.partial(str, Status.FLAT)
        return status, explain, (sentence,)

    def _at_start(
        self,
        status: Status,
        explain: Callable[[], str],
        x: np.ndarray,
        loss: float,
        met: list[StopRule],
    ) -> tuple[Status, Callable[[], str]]:
        """Return status and message of a run that met a goal at a start with gradient 0."""
        of_more = getattr(self.problem.objective, "constraints", ())
        if self.problem.objective.of_residuals or of_more or not is_about_slopes(met):
            return status, explain
        if curves_down(self.problem, x):
            return Status.FLAT, functools.partial(CURVES_DOWN.format, loss=loss)
        return status, lambda: f"{explain()} {AMBIGUOUS}"

    def _save(
        self,
        snapshot: Callable[[], Snapshot],
        recording: Recording,
        is_recorded: bool,
        path: Any,
    ) -> None:
        """Write the run to a file.

        A run that stopped has evaluated its last point, and will do so again when it continues.
        The last row of its history is therefore left out.
        """
        end = snapshot()
        columns = [_joined(parts) for parts in zip(*recording.columns, strict=True)]
        xs = _joined(recording.xs) if recording.xs else None
        if is_recorded and columns and self._is_of(columns, end.count):
            columns, xs = [c[:-1] for c in columns], None if xs is None else xs[:-1]
        loss_graph = self.prepared.paths[-1].loss_graph
        end = replace(end, state=self._without_numbers(end.state))
        more = {"reason": self.reason, "function": digest(loss_graph), **self.more}
        save(path, self.problem, end, columns, xs, more)

    def _is_of(self, columns: Sequence[np.ndarray], count: int) -> bool:
        """Return whether the last row of the history is for the point after `count` updates."""
        if len(columns) > 3:  # the last column holds evaluations
            return bool(columns[-1][-1] == count + 1)
        return (len(columns[0]) - 1) * self.problem.record_every == count

    def _at(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss over all data and its gradient, computed in NumPy."""
        return loss_and_gradient(self.problem, self.prepared, x)

    def _at_unless_interrupted(self, x: np.ndarray) -> tuple[float, np.ndarray] | None:
        """Return the loss over all data and its gradient; None if Ctrl-C ends a pass for them."""
        if not sources_in(self.problem.args):
            return self._at(x)
        with interrupts(), contextlib.suppress(InterruptedPassError):
            return self._at(x)
        return None

    def _own_state(self, x: np.ndarray, state: Sequence[np.ndarray]) -> Any:
        """Return the method's own part of the state."""
        structure = trees.structure(self.problem.first_state(x))
        return trees.unflatten(structure, self._without_numbers(state))[0]

    def _without_numbers(self, state: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return the state of a run without the numbers of settings."""
        return list(state[self.prepared.takes_numbers :])

    def _stopped(
        self, iterations: int, loss: float, bits: int
    ) -> tuple[Status, Callable[[], str]]:
        known = self.prepared.endings
        if bits not in known:
            known[bits] = Status.of_rules(self.problem.stop.met_by_bits(bits))
        status = known[bits]
        reached = status.is_success

        def explain() -> str:
            met = self.problem.stop.met_by_bits(bits)
            names = " and ".join(map(repr, met))
            after = f"after {iterations} iterations, at loss {loss:.6g}"
            if reached:
                return f"{names} was met {after}."
            return f"{names} was reached {after}, before any goal was met."

        return status, explain

    def _failed(
        self, failure: Failure, iterations: int, loss: float
    ) -> tuple[Status, Callable[[], str]]:
        status = Status.of_failure(failure)
        after = f"after {iterations} iterations, at loss {loss:.6g}"
        return status, lambda: f"{str(status)[:-1]} ({after})."

    def _diverged(self, run: Run) -> str:
        if run.count == 0:
            found = first_not_finite(tuple(self.problem.args), "args")
            if found:
                return (
                    f"The loss is {run.loss} at the start point, because {found}: clean the data."
                )
            origin = self._origin(run)
            data = ", or look for NaN in the data that it reads" if np.isnan(run.loss) else ""
            return (
                f"The loss is {run.loss} at the start point: start where the loss is finite"
                f"{'' if origin else data}.{origin}"
            )
        became = f"the loss became {run.loss}" if not np.isfinite(run.loss) else "x overflowed"
        step = getattr(self.problem.method, "step_size", None)
        advice = "use a smaller step size"
        if isinstance(step, int | float):
            advice += f" than {step:g}"
        return (
            f"The descent diverged at iteration {run.count}: {became}. The last finite point, "
            f"of iteration {run.count - 1}, is returned; {advice}.{self._origin(run)}"
        )

    def _origin(self, run: Run) -> str:
        """Return a sentence on the origin of the first NaN or infinity; empty if it is unknown."""
        if sources_in(self.problem.args):
            return ""
        points = [(run.count - 1, run.previous_x), (run.count, run.x)][not run.count :]
        for iteration, x in points:
            if np.isfinite(x).all():
                arguments = (x.astype(self.problem.dtype), *self.problem.args)
                with contextlib.suppress(Exception):  # the loss may raise at such a point
                    origin = nonfinite_origin(self.prepared.at, arguments)
                    if origin is not None:
                        return f" First, at iteration {iteration}, {origin}."
        return ""

    def _ended(self, ending: StopReason, count: int) -> tuple[Status, Callable[[], str]]:
        if ending is StopReason.LIMIT:
            epochs = self.problem.batches.epochs if self.problem.batches else 0
            sentence = f"All {epochs} epochs were done, {count} iterations."
            return Status.EPOCHS_DONE, lambda: sentence
        status = {
            StopReason.INTERRUPTED: Status.INTERRUPTED,
            StopReason.TIME: Status.TIME_LIMIT,
            StopReason.CALLBACK: Status.CALLBACK,
            StopReason.CLUSTER_LOST: Status.CLUSTER_LOST,
        }[ending]
        return status, lambda: f"{str(status)[:-1]} after {count} iterations."

    def _landscape(self, recording: Recording) -> Landscape:
        path = _joined(recording.xs) if recording.xs else None
        return Landscape(self.problem, path)

    def _history(self, recording: Recording, size: int, dtype: np.dtype) -> History:
        program = self.prepared.program
        records = program.full.records
        columns = [
            _joined(parts) if parts else np.empty(0, node.dtype)
            for node, parts in zip(
                records,
                zip(*recording.columns, strict=True) if recording.columns else [()] * len(records),
                strict=True,
            )
        ]
        if not columns:
            columns = [np.empty(0, program.full.loss.dtype)] * 3
        if len(columns) == 3:
            iteration = np.arange(len(columns[0])) * max(1, self.problem.record_every)
            columns += [iteration, iteration + 1]
        xs = None
        if program.record_x:
            rows = _joined(recording.xs) if recording.xs else np.empty((0, size), dtype)
            xs = self.problem.layout.unpack_history(rows)
            if self.problem.objective.expand is not None:
                xs = trees.stacked([self.problem.parameters(row) for row in rows])
        loss, gradient_norm, step_length, iteration, evaluations = columns
        return History(iteration, loss, xs, gradient_norm, step_length, evaluations)


def _method_report(run: Run) -> tuple[np.ndarray, ...]:
    """Return what the method reported of the point where the run stopped."""
    return tuple([np.array(part) for part in run.report[OF_METHOD]])


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)

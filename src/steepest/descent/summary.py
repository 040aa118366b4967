"""From a finished run to the result: what ended it, where, and in which words."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steepest.derivative import nonfinite_origin
from steepest.descent.driver import Ending
from steepest.descent.parameters import first_not_finite
from steepest.descent.prepare import Prepared, Problem
from steepest.descent.result import History, Result, Status, Timings
from steepest.descent.stop import Point
from steepest.engines import Run


@dataclass(frozen=True)
class Summary:
    """Turns a finished run into a result."""

    problem: Problem
    prepared: Prepared

    def result(self, run: Run, ending: Ending, timings: Timings) -> Result:
        """Return the result."""
        count, loss = run.count, run.loss
        if ending is Ending.STOPPED:
            x, gradient = run.x, run.gradient
            point = Point(count, loss, gradient, x)
            status, explain = self._stopped(point)
        elif ending is Ending.DIVERGED:
            x = np.array(run.previous_x if count else run.x)
            status = Status.DIVERGED
            explain = functools.partial(self._diverged, run)
            loss, count = (run.previous_loss, count - 1) if count else (run.loss, 0)
            gradient = self._at(x)[1]
        else:
            x = np.array(run.x)
            loss, gradient = self._at(x)
            status, explain = self._ended(ending, count)
        return Result(
            x=self.problem.layout.unpack(x),
            loss=float(loss),
            gradient=self.problem.layout.unpack(gradient),
            iterations=count,
            status=status,
            explain=explain,
            history=self._history(run),
            timings=timings,
            graph=self.prepared.paths[-1].loss_graph,
            engine=self.problem.engine.name,
        )

    def _at(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss over all data and its gradient, computed in NumPy."""
        loss, gradient = self.prepared.at(x.astype(self.problem.dtype), *self.problem.args)
        return float(loss), gradient

    def _stopped(self, point: Point) -> tuple[Status, Callable[[], str]]:
        met = self.problem.stop.met_rules(point)
        # Rounding may differ between the engine and NumPy, so that no rule seems met.
        reached = not met or any([rule.is_goal for rule in met])
        status = Status.CONVERGED if reached else Status.ITERATION_LIMIT

        def explain() -> str:
            names = " and ".join(map(repr, met)) or repr(self.problem.stop)
            after = f"after {point.iteration} iterations, at loss {point.loss:.6g}"
            if reached:
                return f"{names} was met {after}."
            return f"{names} was reached {after}, before any goal was met."

        return status, explain

    def _diverged(self, run: Run) -> str:
        if run.count == 0:
            found = first_not_finite(tuple(self.problem.args), "args")
            if found:
                return (
                    f"The loss is {run.loss} at the start point, because {found}: clean the data."
                )
            return (
                f"The loss is {run.loss} at the start point: start where the loss is finite."
                f"{self._origin(run)}"
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
        """Return a sentence on where the first NaN or infinity arose; empty if unknown."""
        points = [(run.count - 1, run.previous_x), (run.count, run.x)][not run.count :]
        for iteration, x in points:
            if np.isfinite(x).all():
                arguments = (x.astype(self.problem.dtype), *self.problem.args)
                with contextlib.suppress(Exception):  # the loss may raise at such a point
                    origin = nonfinite_origin(self.prepared.at, arguments)
                    if origin is not None:
                        return f" First, at iteration {iteration}, {origin}."
        return ""

    def _ended(self, ending: Ending, count: int) -> tuple[Status, Callable[[], str]]:
        if ending is Ending.LIMIT:
            epochs = self.problem.batches.epochs if self.problem.batches else 0
            sentence = f"All {epochs} epochs were done, {count} iterations."
            return Status.EPOCHS_DONE, lambda: sentence
        status = Status.INTERRUPTED if ending is Ending.INTERRUPTED else Status.CALLBACK
        return status, lambda: f"{status.value[:-1]} after {count} iterations."

    def _history(self, run: Run) -> History:
        kept, program = run.recording, self.prepared.program
        dtype = program.full.loss.dtype
        if not program.record_every:
            return History(np.empty(0, np.int64), np.empty(0, dtype))
        xs = None
        if program.record_x:
            rows = np.concatenate(kept.xs) if kept.xs else np.empty((0, run.x.size), run.x.dtype)
            xs = self.problem.layout.unpack_history(rows)
        return History(
            np.concatenate(kept.iterations) if kept.iterations else np.empty(0, np.int64),
            np.concatenate(kept.losses) if kept.losses else np.empty(0, dtype),
            xs,
        )

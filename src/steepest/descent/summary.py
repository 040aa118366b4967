"""From a finished run to the result: what ended it, where, and in which words."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optree

from steepest.derivative import Function, value_and_gradient
from steepest.descent.batches import Batches
from steepest.descent.build import Built
from steepest.descent.driver import Ending
from steepest.descent.parameters import Layout, first_not_finite
from steepest.descent.result import History, Result, Status, Timings
from steepest.descent.stop import Point, StopRule
from steepest.engines import Program, Run, Start
from steepest.trace import current
from steepest.trace.tracing import call_traced


@dataclass(frozen=True)
class Prepared:
    """A descent that was traced and compiled, for use again.

    Attributes
    ----------
    built, tail
        The iteration as it was traced, and that on the last batch of an epoch.
    program
        What the engine was given.
    start
        Starts the descent on the engine.
    budget
        Iterations to make before looking at the clock.
    at
        Loss and gradient at a vector, in NumPy, over all data.
    """

    built: Built
    tail: Built | None
    program: Program
    start: Callable[[Start], Run]
    budget: int
    at: Function


def loss_and_gradient_of_vector(function: Any, layout: Layout) -> Function:
    """Return loss and gradient as a function of the vector of parameters."""

    def of_vector(vector: Any, *args: Any) -> Any:
        tree = optree.tree_unflatten(layout.structure, layout.pieces(vector))
        return call_traced(function, current(), (tree, *args))

    return value_and_gradient(of_vector)


@dataclass(frozen=True)
class Summary:
    """Turns a finished run into a result."""

    function: Any
    layout: Layout
    args: Sequence[Any]
    method: Any
    stop: StopRule
    dtype: np.dtype
    batches: Batches | None

    def result(
        self, run: Run, ending: Ending, prepared: Prepared, timings: Timings, engine: str
    ) -> Result:
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
            gradient = self._at(prepared, x)[1]
        else:
            x = np.array(run.x)
            loss, gradient = self._at(prepared, x)
            status, explain = self._ended(ending, count)
        return Result(
            x=self.layout.unpack(x),
            loss=float(loss),
            gradient=self.layout.unpack(gradient),
            iterations=count,
            status=status,
            explain=explain,
            history=self._history(run, prepared.program),
            timings=timings,
            graph=prepared.built.loss_graph,
            engine=engine,
        )

    def _at(self, prepared: Prepared, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss over all data and its gradient, computed in NumPy."""
        loss, gradient = prepared.at(x.astype(self.dtype), *self.args)
        return float(loss), gradient

    def _stopped(self, point: Point) -> tuple[Status, Callable[[], str]]:
        met = self.stop.met_rules(point)
        # Rounding may differ between the engine and NumPy, so that no rule seems met.
        reached = not met or any([rule.is_goal for rule in met])
        status = Status.CONVERGED if reached else Status.ITERATION_LIMIT

        def explain() -> str:
            names = " and ".join(map(repr, met)) or repr(self.stop)
            after = f"after {point.iteration} iterations, at loss {point.loss:.6g}"
            if reached:
                return f"{names} was met {after}."
            return f"{names} was reached {after}, before any goal was met."

        return status, explain

    def _diverged(self, run: Run) -> str:
        if run.count == 0:
            found = first_not_finite(tuple(self.args), "args")
            if found:
                return (
                    f"The loss is {run.loss} at the start point, because {found}: clean the data."
                )
            return f"The loss is {run.loss} at the start point: start where the loss is finite."
        became = f"the loss became {run.loss}" if not np.isfinite(run.loss) else "x overflowed"
        step = getattr(self.method, "step_size", None)
        advice = "use a smaller step size"
        if isinstance(step, int | float):
            advice += f" than {step:g}"
        return (
            f"The descent diverged at iteration {run.count}: {became}. The last finite point, "
            f"of iteration {run.count - 1}, is returned; {advice}."
        )

    def _ended(self, ending: Ending, count: int) -> tuple[Status, Callable[[], str]]:
        if ending is Ending.LIMIT:
            epochs = self.batches.epochs if self.batches else 0
            sentence = f"All {epochs} epochs were done, {count} iterations."
            return Status.EPOCHS_DONE, lambda: sentence
        status = Status.INTERRUPTED if ending is Ending.INTERRUPTED else Status.CALLBACK
        return status, lambda: f"{status.value[:-1]} after {count} iterations."

    def _history(self, run: Run, program: Program) -> History:
        kept = run.recording
        dtype = program.full.loss.dtype
        if not program.record_every:
            return History(np.empty(0, np.int64), np.empty(0, dtype))
        xs = None
        if program.record_x:
            rows = np.concatenate(kept.xs) if kept.xs else np.empty((0, run.x.size), run.x.dtype)
            xs = self.layout.unpack_history(rows)
        return History(
            np.concatenate(kept.iterations) if kept.iterations else np.empty(0, np.int64),
            np.concatenate(kept.losses) if kept.losses else np.empty(0, dtype),
            xs,
        )

"""Many problems whose descents run in other processes, each by itself.

A loss that branches on values has paths. The processes run the paths that are known. A descent
that takes another one comes back: the path is traced here, and the descent is sent again, from
where it was, with all paths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.results.result import Result, Timings
from steepest.descent.running.compile import (
    CompiledProblem,
    compile_problem,
    extend,
    is_interpreted,
    start_from,
    start_of,
    step_in_numpy,
)
from steepest.descent.running.driver import StopReason, ending_of
from steepest.descent.running.solve import solve
from steepest.descent.running.summarize import Summary
from steepest.engines import Outcome, Start, engine_of_one
from steepest.engines.finished import Finished, FinishedRun
from steepest.engines.serialize import NotPlainError
from steepest.errors import ClusterError, UnsupportedError
from steepest.graph.source import at

_PARTS_PER_THREAD = 4


def solve_each(
    first: Problem,
    arguments: Callable[[int], Sequence[Any]],
    vectors: np.ndarray,
    watch: Callable[[int], bool],
) -> tuple[list[Result | None], str]:
    """Return the results of problems; None for those that are not finished when the call is over.

    Also return why the other processes are lost; an empty text if they are not.

    Parameters
    ----------
    first
        The first problem, whose engine runs descents elsewhere.
    arguments
        Returns all further arguments of a problem, by its number.
    vectors
        Start points, shape (N, n).
    watch
        Called now and then with the number of problems that are over; returns whether to stop.

    Raises
    ------
    UnsupportedError
        If a node cannot be sent; the message names it.
    """
    here = first._replace(engine=engine_of_one(first.engine))
    each = _Each(here, first.engine.name, arguments, vectors)
    elsewhere: Any = first.engine
    with elsewhere.runs_elsewhere(lambda: watch(each.over)) as runs:
        numbers = list(range(len(vectors)))
        size = max(1, len(vectors) // (_PARTS_PER_THREAD * max(runs.threads, 1)))
        if runs.threads:
            for low in range(0, len(numbers), size):
                each.submit(runs, [(i, each.start(i)) for i in numbers[low : low + size]])
        while runs.pending:
            try:
                found = runs.done()
            except ClusterError as error:
                if not each.over:
                    raise  # there is nothing to return
                return each.results, str(error)
            if found is None:
                break
            for (part, prepared), ends in found:
                again = [each.take(i, prepared, end) for i, end in zip(part, ends, strict=True)]
                left = [pair for pair in again if pair is not None]
                if left:
                    each.submit(runs, left)
    return each.results, ""


class _Each:
    """The problems, and the results so far."""

    def __init__(
        self,
        problem: Problem,
        engine: str,
        arguments: Callable[[int], Sequence[Any]],
        vectors: np.ndarray,
    ) -> None:
        self._problem, self._engine = problem, engine
        self._arguments, self._vectors = arguments, vectors
        self.results: list[Result | None] = [None] * len(vectors)
        self.over = 0

    def _of(self, number: int) -> Problem:
        return self._problem._replace(args=self._arguments(number))

    def start(self, number: int) -> Start:
        """Return the start of a problem."""
        problem, vector = self._of(number), self._vectors[number]
        return start_of(problem, self._prepared(number, vector), vector)

    def _prepared(self, number: int, vector: np.ndarray) -> CompiledProblem:
        """Return the compiled problem with all paths that are known now."""
        return compile_problem(self._of(number), vector)[0]

    def submit(self, runs: Any, starts: Sequence[tuple[int, Start]]) -> None:
        """Send some problems to be run."""
        number, start = starts[0]
        prepared = self._prepared(number, start.x)
        label = [number for number, _ in starts], prepared
        try:
            runs.submit(label, prepared.program, [start for _, start in starts])
        except NotPlainError as error:
            node = error.node
            sources = [part.sources.get(node) for part in prepared.program.traced]
            raise UnsupportedError(
                f"the engine {self._engine!r} cannot send {node.op.name}"
                f"{at(next((s for s in sources if s is not None), None))} to other processes: it "
                "calls Python, and is not a part of the graph. Write it in NumPy, or use "
                "engine='native'"
            ) from error

    def take(
        self, number: int, prepared: CompiledProblem, end: Finished | None
    ) -> tuple[int, Start] | None:
        """Take the end of a run; return a start from there if it is not over."""
        problem = self._of(number)
        found: Result | Start
        if end is None:  # it raised: here the message names the line
            found = solve(problem, self._vectors[number])
        elif end.outcome is Outcome.NEW_PATH and np.isfinite(end.x).all():
            found = self._on_new_path(number, prepared, FinishedRun(end))
        else:
            ending = StopReason.INTERRUPTED
            if end.outcome is Outcome.NEW_PATH:
                ending = StopReason.DIVERGED
            elif end.outcome is not Outcome.PAUSED:
                ending = ending_of(end.outcome)
            found = _summed_up(problem, prepared, FinishedRun(end), ending)
        if isinstance(found, Start):
            return number, found
        self.results[number] = found
        self.over += 1
        return None

    def _on_new_path(
        self, number: int, prepared: CompiledProblem, run: FinishedRun
    ) -> Result | Start:
        """Return the result of a run that has met a path, or how to go on with all paths."""
        problem = self._of(number)
        latest = self._prepared(number, np.array(run.x))
        if latest is not prepared:  # another problem has met a new path meanwhile
            return start_from(problem, latest, run)
        stepped = step_in_numpy(problem, latest, run)
        if stepped is not None:
            following, outcome = stepped
            if outcome is not Outcome.PAUSED:
                return _summed_up(problem, latest, following, ending_of(outcome))
            return start_from(problem, latest, following)
        extended, _, _ = extend(problem, latest, run)
        if is_interpreted(extended):  # more paths than may be compiled
            return solve(problem, self._vectors[number])
        return start_from(problem, extended, run)


def _summed_up(
    problem: Problem, prepared: CompiledProblem, run: Any, ending: StopReason
) -> Result:
    return Summary(problem, prepared).result(run, ending, Timings(0.0, 0.0, 0.0))

"""Many independent problems that share one function."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import STOP_RULE
from steepest.descent.iteration.trace_many import Answer, BuiltMany, build_many
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.parameters import ParameterLayout, element_names, ravel_parameters
from steepest.descent.problem.transforms import check_unmarked
from steepest.descent.results.result import Result, Status, Timings
from steepest.descent.running.compile import bound, known, remember
from steepest.descent.running.dependence import idle_sentence, moving_in
from steepest.descent.running.driver import interrupts
from steepest.descent.running.solve import solve
from steepest.descent.stop_rules import StopRule
from steepest.engines import DIVERGED, NOT_STARTED, ManyStart
from steepest.errors import InputError
from steepest.frames import warn_user
from steepest.graph import evaluate, trees
from steepest.presentation import presenter
from steepest.trace.tracing import is_array_like, key_of


class Problems(NamedTuple):
    """Many problems that differ in their starts and some of their data.

    Attributes
    ----------
    first
        The first of them, with its own arguments alone.
    vectors
        Their starts, shape (N, n).
    own
        Arguments with a row for each problem, nested.
    shared
        Arguments that follow these, the same for all.
    """

    first: Problem
    vectors: np.ndarray
    own: Sequence[Any]
    shared: Sequence[Any]

    def rows(self, number: int) -> tuple[Any, ...]:
        """Return the own arguments of one problem."""
        return rows(self.own, number)


class BatchSolution(NamedTuple):
    """What became of many problems; arrays have a row for each."""

    x: np.ndarray
    loss: np.ndarray
    status: np.ndarray
    iterations: np.ndarray
    evaluations: np.ndarray
    report: Sequence[np.ndarray]
    timings: Timings
    observations: int
    side_by_side: bool


def common(solved: BatchSolution, first: Problem) -> dict[str, Any]:
    """Return what every kind of result says of many problems, by its names there."""
    return {
        "vectors": solved.x,
        "loss": solved.loss,
        "status": solved.status,
        "iterations": solved.iterations,
        "evaluations": solved.evaluations,
        "timings": solved.timings,
        "layout": first.layout,
        "engine": first.engine.name,
        "method": first.method,
        "side_by_side": solved.side_by_side,
    }


def rows(own: Sequence[Any], number: int) -> tuple[Any, ...]:
    """Return the own arguments of one problem out of those of all."""
    return tuple(trees.map_leaves(lambda leaf: np.asarray(leaf[number]), part) for part in own)


def lay_out_many(x0: Any) -> tuple[ParameterLayout, np.ndarray, Any]:
    """Return the layout of each start, the starts as rows of a matrix, and the first of them.

    Raises
    ------
    InputError
        If there are none, or their leaves disagree on how many there are.
    """
    check_unmarked(x0)
    leaves = [np.asarray(leaf) for leaf in trees.leaves(x0)]
    counts = {leaf.shape[0] if leaf.ndim else -1 for leaf in leaves}
    if len(counts) != 1 or -1 in counts:
        raise InputError(
            "x0 needs a row for each problem along the first axis of every array in it: got "
            f"shapes {[leaf.shape for leaf in leaves]}"
        )
    (number,) = counts
    if number == 0:
        raise InputError("x0 has no rows: there are no problems to solve")
    first = trees.map_leaves(lambda leaf: np.asarray(leaf)[0], x0)
    layout, vector = ravel_parameters(first)
    parts = [leaf.reshape(number, -1).astype(layout.dtype) for leaf in leaves]
    vectors = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    assert vectors.shape == (number, vector.size)
    return layout, np.ascontiguousarray(vectors), first


def check_own(args: Sequence[Any], number: int) -> None:
    """Raise unless every array of the arguments has a row for each problem."""
    for position, argument in enumerate(args):
        names = trees.leaf_names(argument, f"args[{position}]")
        for leaf, name in zip(trees.leaves(argument), names, strict=True):
            shape = np.shape(leaf)
            if not isinstance(leaf, np.ndarray) or not shape or shape[0] != number:
                got = f"has shape {shape}" if isinstance(leaf, np.ndarray) else f"is {leaf!r}"
                raise InputError(
                    f"{name} {got}: args need a row for each of the {number} problems; what is "
                    "the same for all of them belongs in shared=(...)"
                )


def check_starts(box: Box | None, vectors: np.ndarray) -> None:
    """Raise for a start outside of the bounds."""
    if box is None:
        return
    outside = ~((box.lower <= vectors) & (vectors <= box.upper))
    for problem, place in np.argwhere(outside)[:1]:
        raise InputError(
            f"problem {problem} starts at {vectors[problem, place]:g} in parameter {place}, "
            f"outside of its bounds {box.lower[place]:g} and {box.upper[place]:g}: start inside"
        )


def solve_many(problems: Problems, progress: bool) -> BatchSolution:
    """Solve all problems: side by side where that can be, else one after the other."""
    began = time.perf_counter()
    first, vectors = problems.first, problems.vectors
    key: Any = None
    found: tuple[BuiltMany, Any, np.ndarray] | None = None
    with contextlib.suppress(TypeError):  # a setting that cannot be compared: traced anew
        leaves, structure = trees.flatten(tuple(problems.shared))
        key = ("many", first.key(), structure, *map(key_of, leaves))
        found = known(key, lambda entry: entry[0].captures.still_hold())
    traced = compiled = 0.0
    if found is None:
        built = build_many(first, vectors[0], problems.shared)
        traced = time.perf_counter() - began
        work = first.engine.prepare_many(built.program) if built.program else None
        compiled = time.perf_counter() - began - traced
        found = built, work, moving_in(first, vectors[0], (*first.args, *problems.shared))
        remember(key, found)
    built, work, moves = found
    started = time.perf_counter()
    deadline = started + first.stop.time_limit()
    with _watching(progress, len(vectors), deadline) as (watch, ended_by):
        if work is None:
            one_by_one = _one_by_one(problems, watch, ended_by, built.observations)
            _warn_of(first, one_by_one.status, moves)
            return one_by_one._replace(
                timings=Timings(traced, compiled, time.perf_counter() - started)
            )
        answers = work(ManyStart(vectors, _data(problems, built)), watch)
    timings = Timings(traced, compiled, time.perf_counter() - started)
    answer: Answer = trees.unflatten(built.structure, answers.values)
    over, begun = answers.codes, answers.codes != NOT_STARTED
    status = _statuses(over, answer.rules, first.stop, ended_by())
    _warn_of(first, status, moves)
    x, loss = answer.x, answer.loss
    iterations, evaluations = answer.iterations, answer.evaluations
    if not begun.all():
        rest = ~begun
        x[rest], loss[rest] = vectors[rest], np.nan
        iterations[rest] = evaluations[rest] = 0
    report = trees.leaves(answer.report)
    for part in report:
        part[~begun] = np.nan
    return BatchSolution(
        x, loss, status, iterations, evaluations, report, timings, built.observations, True
    )


def _warn_of(first: Problem, status: np.ndarray, moves: np.ndarray) -> None:
    """Warn of Ctrl-C, and of parameters that do not matter; without any no loss converges."""
    if Status.INTERRUPTED in status.tolist():
        warn_user(str(Status.INTERRUPTED))
    if moves.all():
        return
    reached = np.array([one.is_success or one is Status.FLAT for one in status.tolist()])
    if reached.any():
        if not moves.any():
            status[reached] = Status.FLAT
        warn_user(idle_sentence(first.objective.function, moves, element_names(first.layout)))


def _data(problems: Problems, built: BuiltMany) -> list[np.ndarray]:
    """Return the values of the data inputs."""
    assert built.program is not None
    leaves = trees.leaves((*problems.own, *problems.shared, *(problems.first.box or ())))
    given = [leaf for leaf in leaves if is_array_like(leaf)]
    nodes = built.program.data[: len(built.program.data) - len(built.constants)]
    data = bound(given, built.captures, nodes)
    if built.constants:
        own = sum(built.program.is_own)
        data += evaluate(built.constants, dict(zip(nodes[own:], data[own:], strict=True)))
    return data


@contextlib.contextmanager
def _watching(progress: bool, total: int, deadline: float) -> Any:
    """Yield what looks around while problems are worked through, and what ended them."""
    ending: list[Status] = [Status.INTERRUPTED]
    display: Any = contextlib.nullcontext()
    if progress:
        display = presenter("progress").display_many(total)
    with interrupts() as interrupt, display as show:

        def watch(begun: int) -> bool:
            if show:
                show(begun)
            if time.perf_counter() > deadline:
                ending[0] = Status.TIME_LIMIT
                return True
            return interrupt.pressed

        yield watch, lambda: ending[0]


def _statuses(over: np.ndarray, rules: np.ndarray, stop: StopRule, rest: Status) -> np.ndarray:
    """Return how each problem ended; `rest` is what became of those that nothing ended."""
    status = np.array([rest] * len(over), object)
    for code in np.unique(over):
        where = over == code
        if code == STOP_RULE:
            for bits in np.unique(rules[where]):
                status[where & (rules == bits)] = Status.of_rules(stop.met_by_bits(int(bits)))
        elif code == DIVERGED:
            status[where] = Status.DIVERGED
        elif code > 0:
            status[where] = Status.of_failure(int(code))
    return status


def _one_by_one(
    problems: Problems,
    watch: Callable[[int], bool],
    ended_by: Callable[[], Status],
    observations: int,
) -> BatchSolution:
    """Solve the problems one after the other."""
    results: list[Result] = []
    first, total = problems.first, len(problems.vectors)
    for number, vector in enumerate(problems.vectors):
        if watch(number):
            break
        args = (*problems.rows(number), *problems.shared)
        results.append(solve(first._replace(args=args), vector))
    size = problems.vectors.shape[1]
    x, loss = problems.vectors.copy(), np.full(total, np.nan)
    status = np.array([ended_by()] * total, object)
    iterations, evaluations = np.zeros((2, total), np.int64)
    for i, result in enumerate(results):
        x[i] = result.vector
        loss[i], status[i] = result.loss, result.status
        iterations[i], evaluations[i] = result.iterations, result.evaluations
    report = []
    if any(result.report for result in results):
        factor = np.full((total, size, size + 1), np.nan)
        for i, result in enumerate(results):
            if result.report:
                factor[i] = result.report[0]
        report.append(factor)
    nothing = Timings(0.0, 0.0, 0.0)
    return BatchSolution(
        x, loss, status, iterations, evaluations, report, nothing, observations, False
    )

"""Solution of many problems with one function: by machine code for all, or one after the other."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.problem import Problem
from steepest.descent.iteration.step import STOP_RULE
from steepest.descent.iteration.trace_many import Answer, TracedBatch, trace_batch
from steepest.descent.problem.bounds import Box
from steepest.descent.problem.differencing import with_differences
from steepest.descent.problem.parameters import ParameterLayout, element_names, ravel_parameters
from steepest.descent.problem.transforms import check_unmarked
from steepest.descent.results.result import Result, Status, Timings
from steepest.descent.running.compile import bound, known, remember
from steepest.descent.running.driver import interrupts
from steepest.descent.running.ends.dependence import idle_sentence, trace_dependence
from steepest.descent.running.solve import solve
from steepest.descent.running.solve_each import solve_each
from steepest.descent.stop_rules import StopRule
from steepest.engines import DIVERGED, INTERRUPTED, NOT_STARTED, ManyStart
from steepest.errors import InputError
from steepest.frames import warn_user
from steepest.graph import evaluate, trees
from steepest.presentation import presenter
from steepest.trace.tracing import is_array_like, key_of


class Problems(NamedTuple):
    """Many problems that differ in start values and data.

    Attributes
    ----------
    first
        The first problem, with its arguments in place of all.
    vectors
        Start points, shape (N, n).
    own
        Arguments with a row for each problem, nested.
    shared
        Arguments after these, the same for all problems.
    """

    first: Problem
    vectors: np.ndarray
    own: Sequence[Any]
    shared: Sequence[Any]

    def rows(self, number: int) -> tuple[Any, ...]:
        """Return the arguments of one problem, without the shared ones."""
        return rows(self.own, number)


class BatchSolution(NamedTuple):
    """The solution of many problems; arrays have a row for each."""

    x: np.ndarray
    loss: np.ndarray
    status: np.ndarray
    iterations: np.ndarray
    evaluations: np.ndarray
    report: Sequence[np.ndarray]
    timings: Timings
    observations: int
    side_by_side: bool


def batch_fields(solved: BatchSolution, first: Problem) -> dict[str, Any]:
    """Return the fields that :class:`Many` and :class:`ManyFits` have in common."""
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
    """Return the arguments of one problem from those of all."""
    return tuple(trees.map_leaves(lambda leaf: np.asarray(leaf[number]), part) for part in own)


def ravel_many(x0: Any) -> tuple[ParameterLayout, np.ndarray, Any]:
    """Return the layout of one start, the starts as rows of a matrix, and the first start.

    Raises
    ------
    InputError
        If there are no rows, or if arrays differ in their number.
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


def check_rows(
    args: Sequence[Any], number: int, what: str = "args", elsewhere: str = "in shared=(...)"
) -> None:
    """Raise unless every array of the arguments has a row for each problem.

    `what` names the arguments, and `elsewhere` says where those belong that all problems share.
    """
    for position, argument in enumerate(args):
        names = trees.leaf_names(argument, f"{what}[{position}]")
        for leaf, name in zip(trees.leaves(argument), names, strict=True):
            shape = np.shape(leaf)
            if not isinstance(leaf, np.ndarray) or not shape or shape[0] != number:
                got = f"has shape {shape}" if isinstance(leaf, np.ndarray) else f"is {leaf!r}"
                raise InputError(
                    f"{name} {got}: {what} need a row for each of the {number} problems; what is "
                    f"the same for all of them belongs {elsewhere}"
                )


def check_starts(box: Box | None, vectors: np.ndarray) -> None:
    """Raise if a start is outside of the bounds."""
    if box is None:
        return
    outside = ~((box.lower <= vectors) & (vectors <= box.upper))
    for problem, index in np.argwhere(outside)[:1]:
        raise InputError(
            f"problem {problem} starts at {vectors[problem, index]:g} in parameter {index}, "
            f"outside of its bounds {box.lower[index]:g} and {box.upper[index]:g}: start inside"
        )


def solve_many(problems: Problems, progress: bool) -> BatchSolution:
    """Solve all problems: by machine code for all if possible, else one after the other."""
    function = problems.first.objective.subject
    return with_differences(function, lambda: _solve_many(problems, progress))


def _solve_many(problems: Problems, progress: bool) -> BatchSolution:
    began = time.perf_counter()
    first, vectors = problems.first, problems.vectors
    key: Any = None
    found: tuple[TracedBatch, Any, np.ndarray] | None = None
    with contextlib.suppress(TypeError):  # a setting is not hashable: traced anew
        leaves, structure = trees.flatten(tuple(problems.shared))
        key = ("many", first.key(), first.method, first.stop, structure, *map(key_of, leaves))
        found = known(key, lambda entry: entry[0].captures.still_hold())
    traced = compiled = 0.0
    if found is None:
        batch = trace_batch(first, vectors[0], problems.shared)
        traced = time.perf_counter() - began
        work = first.engine.prepare_many(batch.program) if batch.program else None
        compiled = time.perf_counter() - began - traced
        found = (
            batch,
            work,
            trace_dependence(first, vectors[0], (*first.args, *problems.shared)),
        )
        remember(key, found)
    batch, work, depends = found
    started = time.perf_counter()
    deadline = started + first.stop.time_limit()
    with _watching(progress, len(vectors), deadline) as (watch, ended_by):
        answers = None
        if work is not None:
            answers = work(ManyStart(vectors, _data(problems, batch)), watch)
        if answers is None:  # NumPy computes a part, or is to say what failed
            one_by_one, lost = _one_by_one(problems, watch, ended_by, batch.observations)
            _warn_of(first, one_by_one.status, depends, loss_of_machines=lost)
            return one_by_one._replace(
                timings=Timings(traced, compiled, time.perf_counter() - started)
            )
    timings = Timings(traced, compiled, time.perf_counter() - started)
    answer: Answer = trees.unflatten(batch.structure, answers.values)
    over, begun = answers.codes, answers.codes != NOT_STARTED
    loss_of_machines = answers.loss_of_machines
    unfinished = Status.CLUSTER_LOST if loss_of_machines else ended_by()
    status = _statuses(over, answer.rules, first.stop, unfinished)
    _warn_of(first, status, depends, over <= INTERRUPTED, loss_of_machines)
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
        x, loss, status, iterations, evaluations, report, timings, batch.observations, True
    )


def _warn_of(
    first: Problem,
    status: np.ndarray,
    depends: np.ndarray,
    unfinished: Any = slice(None),
    loss_of_machines: str = "",
) -> None:
    """Warn of Ctrl-C, and of parameters without influence; without any, no problem converged.

    `unfinished` selects the problems that Ctrl-C may have ended, or that were not finished when
    machines were lost.
    """
    if any(one is Status.INTERRUPTED for one in status[unfinished].tolist()):
        warn_user(str(Status.INTERRUPTED))
    if loss_of_machines:
        warn_user(f"{Status.CLUSTER_LOST} What happened: {loss_of_machines}.")
    if depends.all():
        return
    if getattr(first.objective, "constraints", ()):  # which may depend on the other parameters
        return
    reached = np.array([one.is_success or one is Status.FLAT for one in status.tolist()])
    if reached.any():
        if not depends.any():
            status[reached] = Status.FLAT
        warn_user(idle_sentence(first.objective.function, depends, element_names(first.layout)))


def _data(problems: Problems, batch: TracedBatch) -> list[np.ndarray]:
    """Return the values of the data inputs."""
    assert batch.program is not None
    leaves = trees.leaves((*problems.own, *problems.shared, *(problems.first.box or ())))
    given = [leaf for leaf in leaves if is_array_like(leaf)]
    nodes = batch.program.data[: len(batch.program.data) - len(batch.constants)]
    data = bound(given, batch.captures, nodes)
    if batch.constants:
        own = sum(batch.program.is_own)
        data += evaluate(batch.constants, dict(zip(nodes[own:], data[own:], strict=True)))
    return data


@contextlib.contextmanager
def _watching(progress: bool, total: int, deadline: float) -> Any:
    """Yield a function that checks clock and Ctrl-C, and one that returns why it ended the run."""
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


def _statuses(
    over: np.ndarray, rules: np.ndarray, stop: StopRule, unfinished: Status
) -> np.ndarray:
    """Return the status of each problem; `unfinished` is that of problems that did not end."""
    status = np.array([unfinished] * len(over), object)
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
) -> tuple[BatchSolution, str]:
    """Solve the problems one after the other; if the engine can, in other processes.

    Also return why those are lost; an empty text if they are not.
    """
    results: list[Result | None] = []
    loss_of_machines = ""
    first, total = problems.first, len(problems.vectors)

    def arguments(number: int) -> tuple[Any, ...]:
        return (*problems.rows(number), *problems.shared)

    if hasattr(first.engine, "runs_elsewhere"):
        results, loss_of_machines = solve_each(first, arguments, problems.vectors, watch)
    else:
        for number, vector in enumerate(problems.vectors):
            if watch(number):
                break
            results.append(solve(first._replace(args=arguments(number)), vector))
    x, loss = problems.vectors.copy(), np.full(total, np.nan)
    unfinished = Status.CLUSTER_LOST if loss_of_machines else ended_by()
    status = np.array([unfinished] * total, object)
    iterations, evaluations = np.zeros((2, total), np.int64)
    for i, result in enumerate(results):
        if result is None:
            continue
        x[i] = result.vector
        loss[i], status[i] = result.loss, result.status
        iterations[i], evaluations[i] = result.iterations, result.evaluations
    report = _reports([() if result is None else result.report for result in results], total)
    unknown = Timings(0.0, 0.0, 0.0)
    solution = BatchSolution(
        x, loss, status, iterations, evaluations, report, unknown, observations, False
    )
    return solution, loss_of_machines


def _reports(found: Sequence[Sequence[np.ndarray]], total: int) -> list[np.ndarray]:
    """Return what methods reported, with a row for each problem; NaN where there is nothing."""
    known = next((report for report in found if report), ())
    rows_of = [np.full((total, *part.shape), np.nan) for part in known]
    for i, report in enumerate(found):
        for rows_of_part, part in zip(rows_of, report, strict=False):
            rows_of_part[i] = part
    return rows_of

"""What workers do: compile programs that they are sent as plain data, and run them.

Tasks name these functions; neither our code nor the user's is sent.
"""

from __future__ import annotations

import functools
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.batch import ManyAnswers, ManyStart
from steepest.engines.dask.cluster import cancellation
from steepest.engines.dask.places import Divided, Rows
from steepest.engines.finished import Finished
from steepest.engines.native import Native
from steepest.engines.native.programs.batch import LanesCode, compile_lanes, lanes_for
from steepest.engines.native.runs.batch_run import work_through
from steepest.engines.native.runs.streaming import Evaluation, Fold
from steepest.engines.program import Program
from steepest.engines.protocol import Outcome, Run, Start
from steepest.engines.serialize import unpack_program
from steepest.streams.evaluation import InterruptedPassError
from steepest.streams.source import Opener

_stopped: dict[str, float] = {}
"""Calls whose tasks are to return what they have, by their names, and since when."""

_PRUNED_AFTER = 3600.0
"""Seconds after which a stopped call is forgotten: its tasks have been cancelled long before."""


def identity(value: Any) -> Any:
    """Return a value: the task whose result other tasks share."""
    return value


def stop(call: str) -> None:
    """Let the tasks of a call return what they have found so far."""
    now = time.monotonic()
    for name, since in list(_stopped.items()):
        if now - since > _PRUNED_AFTER:
            _stopped.pop(name, None)
    _stopped[call] = now


# Many problems.


def solve_part(
    content: bytes,
    shared: Sequence[np.ndarray],
    call: str,
    x: np.ndarray,
    own: Sequence[np.ndarray],
) -> ManyAnswers | None:
    """Solve some of many problems, on one thread.

    Parameters
    ----------
    content
        The program, as plain data.
    shared
        Data that all problems share.
    call
        Name of the call that this is a part of, for :func:`stop`.
    x, own
        Starts and data of these problems.
    """
    compiled = _lanes_code(content)
    rest, mine = iter(shared), iter(own)
    data = [next(mine if is_own else rest) for is_own in compiled.program.is_own]
    is_cancelled = cancellation()
    is_over = lambda _: call in _stopped or is_cancelled()
    return work_through(compiled, ManyStart(x, data), is_over, threads=1)


@functools.lru_cache(maxsize=16)
def _lanes_code(content: bytes) -> LanesCode:
    program = unpack_program(content)
    return compile_lanes(program, lanes_for(program))


# Whole descents.

StartValues = tuple[Any, list[np.ndarray], list[np.ndarray], int, Any, float]
"""Of a :class:`Start`: x, state, data, count, previous x and previous loss."""


def run_each(content: bytes, starts: Sequence[StartValues]) -> list[Finished | None]:
    """Run a program from some starts, one after the other; None for a run that raises."""
    program, starter = _starter(content)
    budget, is_cancelled = Native().first_budget(program), cancellation()
    ends: list[Finished | None] = []
    for x, state, data, count, previous_x, previous_loss in starts:
        start = Start(
            x, state, data, count=count, previous_x=previous_x, previous_loss=previous_loss
        )
        run, outcome = starter(start), Outcome.PAUSED
        try:
            while outcome is Outcome.PAUSED and not is_cancelled():
                outcome = run.advance(budget)
        except Exception:  # the client runs it once more, and says at which line it fails
            ends.append(None)
        else:
            ends.append(Finished.of(run, outcome))
        run.release()
    return ends


@functools.lru_cache(maxsize=16)
def _starter(content: bytes) -> tuple[Program, Callable[[Start], Run]]:
    program = unpack_program(content)
    return program, Native().prepare(program)


# Passes over rows.


class Sums(NamedTuple):
    """What a pass over some strips gives.

    Attributes
    ----------
    values, errors
        The sums of the strips and their rounding errors, by the numbers of the results.
    """

    values: dict[int, np.ndarray]
    errors: dict[int, np.ndarray]


class Computed(NamedTuple):
    """What a pass over some strips gives, with rows of which triangles are made.

    Attributes
    ----------
    sums
        The sums.
    rows
        Rows of the results that are factored, by their numbers.
    """

    sums: Sums
    rows: dict[int, np.ndarray]


Factors = dict[int, tuple[np.ndarray, np.ndarray]]
"""By the number of the result: the factor of the rows so far, and the rows that remain."""


def read_rows(opener: Opener, first: int, end: int) -> np.ndarray:
    """Return rows of a table that this machine can read, too."""
    return opener.open().read(first, end)


def compute_strips(
    content: bytes,
    rows: Sequence[tuple[int, int, Any]],
    fixed: Mapping[int, np.ndarray],
    given: Mapping[int, np.ndarray],
    number: int,
    strips: tuple[int, int],
) -> Computed | None:
    """Compute some strips of a pass; None if the task was cancelled, so that nobody asks.

    Parameters
    ----------
    content
        The graph, as :meth:`Divided.packed` returns it.
    rows
        The rows of inputs that these strips need, each as the fields of a :class:`Rows`.
    fixed, given
        Values of other nodes, by their numbers: the same for all calls, and of this one.
    number
        Number of the pass.
    strips
        The first strip, and the one after the last.
    """
    divided = Divided.unpacked(content)
    work = divided.passes[number]
    values_of = divided.values_of(itertools.starmap(Rows, rows), {**fixed, **given})
    evaluation = Evaluation(divided.code.again, {}, cancellation())
    kept: dict[int, list[np.ndarray]] = {n: [] for n in work.triangles}
    try:
        sums = evaluation.sums(
            work,
            {root: values_of[root] for root in work.roots},
            strips,
            lambda n, rows: kept[n].append(rows),
        )
    except InterruptedPassError:
        return None
    part = slice(*strips)
    values = {n: array[part] for n, array in sums.values.items()}
    errors = {n: array[part] for n, array in sums.errors.items()}
    return Computed(Sums(values, errors), {n: np.concatenate(rows) for n, rows in kept.items()})


def sums_of_strips(*task: Any) -> Sums | None:
    """Return the sums of some strips of a pass; takes what :func:`compute_strips` takes."""
    computed = compute_strips(*task)
    return computed and computed.sums


def sums_of(computed: Computed) -> Sums:
    """Return the sums of some strips that were computed."""
    return computed.sums


def fold(content: bytes, number: int, computed: Computed, before: Factors | None) -> Factors:
    """Add the rows of some strips to the factors of the strips before."""
    factors = {}
    for result, triangle in Divided.unpacked(content).passes[number].triangles.items():
        folded = Fold(triangle)
        if before is not None:
            folded.factor, folded.rest = before[result]
        folded.add(computed.rows[result])
        factors[result] = folded.factor, folded.rest
    return factors


def factors_of(content: bytes, number: int, factors: Factors) -> dict[int, np.ndarray]:
    """Return the factors of all rows, by the numbers of the results."""
    found = {}
    for result, (factor, rest) in factors.items():
        folded = Fold(Divided.unpacked(content).passes[number].triangles[result])
        folded.factor, folded.rest = factor, rest
        found[result] = folded.end()
    return found

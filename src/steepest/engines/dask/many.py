"""Many problems on a cluster: they are divided over the workers."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from steepest.engines.batch import NOT_STARTED, ManyAnswers, ManyProgram, ManyStart, Watch
from steepest.engines.dask import worker
from steepest.engines.dask.cluster import (
    Lost,
    Tasks,
    answering,
    check_client,
    check_workers,
)
from steepest.errors import ClusterError

_BYTES = 4_000_000
"""Most bytes of starts and data that are sent to a worker at once."""

_FEW = 32
"""Fewer problems than this do not fill the SIMD lanes for most of their time."""

_PARTS_PER_THREAD = 4
_AHEAD = 2
"""Tasks for each thread that are given to the cluster before it asks for them."""

_GRACE = 5.0
"""Seconds that workers are given to return what they have when a call is over."""


def solve_parts(
    client: Any, program: ManyProgram, content: bytes, start: ManyStart, watch: Watch
) -> ManyAnswers | None:
    """Return the answers of all problems that were started; None if a computation failed.

    Parameters
    ----------
    client
        The client of the cluster.
    program, content
        The program, and what workers are sent of it.
    start, watch
        As for every engine.
    """
    check_client(client)
    total, call = len(start.x), uuid.uuid4().hex
    codes = np.full(total, NOT_STARTED, np.int64)
    values = [np.zeros((total, *node.shape), node.dtype) for node in program.answer]
    own = [array for array, is_own in zip(start.data, program.is_own, strict=True) if is_own]
    rest = [array for array, is_own in zip(start.data, program.is_own, strict=True) if not is_own]
    answers = ManyAnswers(codes, values)
    done = 0
    with Tasks(client, lambda: watch(done)) as tasks:
        common = [tasks.persist(worker.identity, value) for value in (content, rest)]
        threads = tasks.workers()
        if threads:
            check_workers(client)
        parts = _parts(
            total, threads, sum(row.nbytes for row in (start.x[0], *(a[0] for a in own)))
        )

        def submit_next() -> None:
            for part in itertools.islice(parts, 1):
                x, *mine = [np.ascontiguousarray(array[part]) for array in (start.x, *own)]
                tasks.submit(part, worker.solve_part, *common, call, x, mine)

        try:
            with answering(client):
                for _ in range(_AHEAD * threads):
                    submit_next()
                while tasks.pending:
                    finished = tasks.done()
                    if finished is None:
                        _take_the_rest(tasks, call, answers)
                        break
                    for part, found in tasks.results(finished):
                        if not _take(answers, part, found):
                            return None
                        done += part.stop - part.start
                        submit_next()
        except ClusterError as error:
            if not done:
                raise  # there is nothing to return
            return replace(answers, loss_of_machines=str(error))
    return answers


def _parts(total: int, threads: int, row_bytes: int) -> Iterator[slice]:
    """Yield the rows of each part: equal ones, as many as are useful, none of them too large."""
    threads = max(threads, 1)
    fewest = min(_FEW, -(-total // threads))
    size = max(total // (_PARTS_PER_THREAD * threads), fewest)
    size = max(min(size, _BYTES // max(row_bytes, 1)), 1)
    count = -(-total // size)
    for number in range(count):
        yield slice(total * number // count, total * (number + 1) // count)


def _take(answers: ManyAnswers, part: slice, found: ManyAnswers | Lost | None) -> bool:
    """Put the answers of a part in their places; return whether there are any.

    Raises
    ------
    ClusterError
        If the cluster was restarted, so that all tasks are lost.
    """
    if isinstance(found, Lost):
        raise ClusterError(
            "the cluster was restarted during the call, and has lost its tasks: call again"
        ) from found.error
    if found is None:
        return False
    answers.codes[part] = found.codes
    for array, value in zip(answers.values, found.values, strict=True):
        array[part] = value
    return True


def _take_the_rest(tasks: Tasks, call: str, answers: ManyAnswers) -> None:
    """End the tasks of a call that is over, and take what they have found so far."""
    deadline = time.monotonic() + _GRACE
    tasks.is_over = lambda: time.monotonic() > deadline
    tasks.run_on_workers(worker.stop, call)
    while tasks.pending:
        finished = tasks.done()
        if finished is None:
            break
        for part, found in tasks.results(finished):
            _take(answers, part, found)

"""Whole descents on a cluster, one after the other on each worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steepest.engines.dask import worker
from steepest.engines.dask.cluster import (
    Lost,
    Tasks,
    answering,
    check_client,
    check_workers,
)
from steepest.engines.finished import Finished
from steepest.engines.program import Program
from steepest.engines.protocol import Start
from steepest.engines.serialize import pack_program
from steepest.errors import ClusterError


class RunsElsewhere:
    """Descents in progress on a cluster; a context manager, which leaves nothing there.

    Parameters
    ----------
    client
        The client of the cluster.
    is_over
        Says, when asked now and then, whether to give up.
    """

    def __init__(self, client: Any, is_over: Callable[[], bool]) -> None:
        check_client(client)
        self._tasks = Tasks(client, is_over)
        self._contents: dict[int, tuple[Program, Any]] = {}
        self.threads = self._tasks.workers()
        if self.threads:
            check_workers(client)

    def __enter__(self) -> RunsElsewhere:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._tasks.__exit__(*exception)

    @property
    def pending(self) -> int:
        """Number of groups of runs that have not come back."""
        return self._tasks.pending

    def submit(self, label: Any, program: Program, starts: Sequence[Start]) -> None:
        """Let a worker run a program from some starts, one after the other.

        Raises
        ------
        NotPlainError
            If the program cannot be sent.
        """
        key = id(program)
        if key not in self._contents:
            content = self._tasks.persist(worker.identity, pack_program(program))
            self._contents[key] = program, content
        given = [
            (s.x, list(s.state), list(s.data), s.count, s.previous_x, s.previous_loss)
            for s in starts
        ]
        self._tasks.submit(label, worker.run_each, self._contents[key][1], given)

    def done(self) -> list[tuple[Any, list[Finished | None]]] | None:
        """Return labels and ends of runs; None for a run that raised, or if the call is over.

        Raises
        ------
        ClusterError
            If the cluster was restarted.
        """
        with answering(self._tasks.client):
            found = self._tasks.done()
            if found is None:
                return None
            results = self._tasks.results(found)
        for _, ends in results:
            if isinstance(ends, Lost):
                raise ClusterError(
                    "the cluster was restarted during the call, and has lost its tasks: call again"
                ) from ends.error
        return results

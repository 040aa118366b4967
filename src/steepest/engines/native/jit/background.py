"""Work in the background: compilation that no answer waits for, on one thread.

The thread starts with the first job. Before the process forks, the job at work is completed, so
that the child inherits no lock; the child has no jobs.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable

_log = logging.getLogger(__name__)


class _Worker:
    """A thread and its jobs."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all jobs, and the thread."""
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self.at_work = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Callable[[], None]) -> None:
        """Put a job last."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="steepest", daemon=True)
            self._thread.start()
        self._jobs.put(job)

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self.at_work:
                _run(job)

    def stop(self) -> None:
        """Drop the jobs that have not begun, and wait for the one at work."""
        while not self._jobs.empty():
            self._jobs.get()
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()

    def finish(self) -> None:
        """Wait until all jobs are done."""
        done = threading.Event()
        self.submit(done.set)
        done.wait()


def _run(job: Callable[[], None]) -> None:
    try:
        job()
    except Exception:  # nobody waits for the job: what runs now goes on
        _log.warning("compilation in the background failed", exc_info=True)


_worker = _Worker()


def submit(job: Callable[[], None]) -> None:
    """Run a job in the background, after those that were submitted before."""
    _worker.submit(job)


def finish() -> None:
    """Wait until all jobs are done."""
    _worker.finish()


def _release() -> None:
    _worker.at_work.release()


def _acquire() -> None:
    _worker.at_work.acquire()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_acquire, after_in_parent=_release, after_in_child=_worker.start_anew
    )
# At exit the interpreter ends threads wherever they are, also inside of LLVM.
atexit.register(_worker.stop)

"""Work in the background: compilation that no answer waits for, on one thread.

The thread lives while there are jobs. Before the process forks, the job at work is completed, so
that the child inherits no lock that is held; the child has no jobs.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable

_log = logging.getLogger("steepest")

Job = Callable[[], None]


class _Worker:
    """A thread and its jobs."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget all jobs, and the thread."""
        self._jobs: deque[Job] = deque()
        self._lock, self._at_work = threading.Lock(), threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, job: Job) -> None:
        """Put a job last."""
        with self._lock:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="steepest", daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._thread = None
                    return
                job = self._jobs.popleft()
            with self._at_work:
                _run(job)

    def stop(self) -> None:
        """Drop the jobs that have not begun, and wait for the one at work."""
        with self._lock:
            self._jobs.clear()
            thread = self._thread
        if thread is not None:
            thread.join()

    def finish(self) -> None:
        """Wait until all jobs are done."""
        done = threading.Event()
        self.submit(done.set)
        done.wait()

    def before_fork(self) -> None:
        """Wait for the job at work, and let no other one begin."""
        self._at_work.acquire()
        self._lock.acquire()

    def after_fork(self) -> None:
        """Go on, in the parent."""
        self._lock.release()
        self._at_work.release()


def _run(job: Job) -> None:
    try:
        job()
    except Exception:  # nobody waits for the job: what runs now goes on
        _log.warning("compilation in the background failed", exc_info=True)


_worker = _Worker()
submit, finish = _worker.submit, _worker.finish

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_worker.before_fork,
        after_in_parent=_worker.after_fork,
        after_in_child=_worker.start_anew,
    )
# At exit the interpreter ends threads wherever they are, also inside of LLVM.
atexit.register(_worker.stop)

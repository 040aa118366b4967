"""The threads that share work: as many as the user wants, asleep while there is none.

Workers are Python threads that stay in machine code, without the interpreter's lock, until the
process ends. docs/architecture.md draws their states.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from steepest.engines.native.codegen import work_queue
from steepest.engines.native.codegen.work_queue import (
    ACQUIRE,
    MAX_WORKERS,
    QUEUE_WORDS,
    RELEASE,
    RUNNING,
    SHUTDOWN,
    SLEEPING,
    STARTED,
    THREADS,
    WAKE_LOCK,
    WORKER_STRIDE,
    WORKERS,
)
from steepest.engines.native.jit.compile import Code, once
from steepest.engines.native.runtime.buffer_pool import address_of, aligned_bytes
from steepest.errors import SettingError


@once
def _serve() -> tuple[Code, Any]:
    code = Code(work_queue.serve_module(), "serve")
    return code, ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(code.address)


_new_lock = ctypes.pythonapi.PyThread_allocate_lock
_new_lock.restype, _new_lock.argtypes = ctypes.c_void_p, []
_acquire, _release = (
    getattr(ctypes.pythonapi, name) for name in ("PyThread_acquire_lock", "PyThread_release_lock")
)
_acquire.restype, _acquire.argtypes = ctypes.c_int, [ctypes.c_void_p, ctypes.c_int]
_release.restype, _release.argtypes = None, [ctypes.c_void_p]


def _find_current_processor() -> Callable[[], int] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


_current_processor = _find_current_processor()


def _wake_lock(number: int) -> int:
    """Return the place of a worker's lock in the queue."""
    return WORKERS + WORKER_STRIDE * number + WAKE_LOCK


class _ThreadPool:
    """The workers of this process, started when they are first needed.

    Attributes
    ----------
    queue
        The memory that workers and programs share.
    """

    def __init__(self, threads: int, queue: np.ndarray | None = None) -> None:
        if queue is None:
            queue = aligned_bytes(8 * QUEUE_WORDS).view(np.int64)
        self.queue = queue
        self.queue[:] = 0
        self.queue[THREADS] = threads
        for place, function in ((ACQUIRE, _acquire), (RELEASE, _release)):
            self.queue[place] = ctypes.cast(function, ctypes.c_void_p).value or 0
        self._lock = threading.Lock()
        self._workers: list[threading.Thread] = []

    @property
    def threads(self) -> int:
        return int(self.queue[THREADS])

    @threads.setter
    def threads(self, number: int) -> None:
        self.queue[THREADS] = number

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep the workers awake meanwhile."""
        if self.threads < 2:
            yield
            return
        with self._lock:
            # If no thread can be started, the caller does everything itself.
            with contextlib.suppress(RuntimeError):
                while len(self._workers) < min(self.threads - 1, MAX_WORKERS):
                    self._start()
            self.queue[RUNNING] += 1
        if self.queue[SLEEPING]:
            self._keep_off_this_processor()
        try:
            yield
        finally:
            with self._lock:
                self.queue[RUNNING] -= 1

    def _keep_off_this_processor(self) -> None:
        """Let workers that wake up run on other processors than the caller.

        Linux wakes a thread on the processor of the thread that woke it. It may leave both
        there for long although another processor is idle.
        """
        if _current_processor is None:
            return
        elsewhere = os.sched_getaffinity(0) - {_current_processor()}
        for worker in self._workers:
            if elsewhere and worker.native_id is not None:
                with contextlib.suppress(OSError):  # it has just ended, or may not be moved
                    os.sched_setaffinity(worker.native_id, elsewhere)

    def _start(self) -> None:
        _, serve = _serve()
        number, address = len(self._workers), address_of(self.queue)
        lock = _new_lock()
        _acquire(lock, 1)
        self.queue[_wake_lock(number)] = lock
        name = f"steepest worker {number + 1}"
        worker = threading.Thread(target=serve, args=(address, number), name=name, daemon=True)
        worker.start()
        self._workers.append(worker)
        self.queue[STARTED] = len(self._workers)

    def end(self) -> None:
        """Let the workers end; machine code is unloaded after this."""
        self.queue[SHUTDOWN] = 1
        for number in range(len(self._workers)):
            _release(self.queue[_wake_lock(number)].item())
        for worker in self._workers:
            worker.join(timeout=1.0)


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _requested_threads() -> int:
    text = os.environ.get("STEEPEST_NUM_THREADS", "")
    return int(text) if text.isdigit() and int(text) > 0 else available_threads()


_pool = _ThreadPool(_requested_threads())
atexit.register(lambda: _pool.end())  # noqa: PLW0108 - a fork makes another pool


def _after_fork() -> None:
    global _pool  # noqa: PLW0603 - a child process has no copies of the parent's workers
    _pool = _ThreadPool(_pool.threads, _pool.queue)  # compiled code knows the queue's address


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def queue() -> np.ndarray:
    """Return the queue through which programs share work."""
    return _pool.queue


def at_work(shares_work: bool = True) -> contextlib.AbstractContextManager[None]:
    """Keep the workers awake while a program runs, if it may share work."""
    return _pool.at_work() if shares_work else contextlib.nullcontext()


def set_num_threads(number: int) -> None:
    """Set how many threads compiled code uses; results are the same for any number.

    Parameters
    ----------
    number : int
        At least 1. The default is the environment variable ``STEEPEST_NUM_THREADS``, or else
        the number of processors that this process may use.

    Raises
    ------
    SettingError
        For anything but a positive whole number.

    Examples
    --------
    >>> import steepest as st
    >>> st.set_num_threads(st.get_num_threads())  # as many as there are now
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise SettingError(f"the number of threads is a positive whole number, got {number!r}")
    _pool.threads = number


def get_num_threads() -> int:
    """Return how many threads compiled code uses.

    Returns
    -------
    int
        At least 1: the number given to :func:`set_num_threads`, or that of the processors.

    Examples
    --------
    >>> import steepest as st
    >>> st.get_num_threads() >= 1
    True
    """
    return _pool.threads

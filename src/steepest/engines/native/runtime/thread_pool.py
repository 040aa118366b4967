"""The threads that share work: as many as the user wants, asleep unless there is any.

Helpers are Python threads that stay in machine code, without the interpreter's lock, until
the process ends.
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
    MOST_HELPERS,
    OPEN,
    OVER,
    RELEASE,
    SLEEPING,
    STARTED,
    THREADS,
    WAKE_LOCK,
    WORDS,
    WORKER_STRIDE,
    WORKERS,
)
from steepest.engines.native.jit.compile import Code, once
from steepest.engines.native.runtime.buffer_pool import address_of
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


class _Helpers:
    """The helpers of this process, started when they are first needed.

    Attributes
    ----------
    queue
        What they and the programs share.
    """

    def __init__(self, threads: int, queue: np.ndarray | None = None) -> None:
        if queue is None:
            block = np.zeros(WORDS + 8, np.int64)
            start = -(address_of(block) // 8) % 8
            queue = block[start : start + WORDS]
        self.queue = queue
        self.queue[:] = 0
        self.queue[THREADS] = threads
        for place, function in ((ACQUIRE, _acquire), (RELEASE, _release)):
            self.queue[place] = ctypes.cast(function, ctypes.c_void_p).value or 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    @property
    def threads(self) -> int:
        return int(self.queue[THREADS])

    @threads.setter
    def threads(self, number: int) -> None:
        self.queue[THREADS] = number

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep the helpers awake meanwhile."""
        if self.threads < 2:
            yield
            return
        with self._lock:
            # Where no thread can be started, the caller does everything itself.
            with contextlib.suppress(RuntimeError):
                while len(self._threads) < min(self.threads - 1, MOST_HELPERS):
                    self._start()
            self.queue[OPEN] += 1
        if self.queue[SLEEPING]:
            self._keep_off_this_processor()
        try:
            yield
        finally:
            with self._lock:
                self.queue[OPEN] -= 1

    def _keep_off_this_processor(self) -> None:
        """Let helpers that wake up run elsewhere than the caller, who goes on here.

        Linux wakes a thread where the one that woke it runs, and may leave both there for
        long although another processor is idle.
        """
        if _current_processor is None:
            return
        elsewhere = os.sched_getaffinity(0) - {_current_processor()}
        for helper in self._threads:
            if elsewhere and helper.native_id is not None:
                with contextlib.suppress(OSError):  # it has just ended, or may not be moved
                    os.sched_setaffinity(helper.native_id, elsewhere)

    def _start(self) -> None:
        _, serve = _serve()
        number, address = len(self._threads), address_of(self.queue)
        lock = _new_lock()
        _acquire(lock, 1)
        self.queue[WORKERS + WORKER_STRIDE * number + WAKE_LOCK] = lock
        name = f"steepest helper {number + 1}"
        helper = threading.Thread(target=serve, args=(address, number), name=name, daemon=True)
        helper.start()
        self._threads.append(helper)
        self.queue[STARTED] = len(self._threads)

    def end(self) -> None:
        """Let the helpers go: machine code is unloaded after this."""
        self.queue[OVER] = 1
        for number in range(len(self._threads)):
            _release(self.queue[WORKERS + WORKER_STRIDE * number + WAKE_LOCK].item())
        for helper in self._threads:
            helper.join(timeout=1.0)


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _asked_for() -> int:
    text = os.environ.get("STEEPEST_NUM_THREADS", "")
    return int(text) if text.isdigit() and int(text) > 0 else available_threads()


_helpers = _Helpers(_asked_for())
atexit.register(lambda: _helpers.end())  # noqa: PLW0108 - a fork makes new ones


def _after_fork() -> None:
    global _helpers  # noqa: PLW0603 - the parent's helpers did not come along
    _helpers = _Helpers(_helpers.threads, _helpers.queue)  # which compiled code knows


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def queue() -> np.ndarray:
    """Return what programs need to share work out."""
    return _helpers.queue


def at_work(shares_work: bool = True) -> contextlib.AbstractContextManager[None]:
    """Keep the helpers awake while a program runs, if it may share work out."""
    return _helpers.at_work() if shares_work else contextlib.nullcontext()


def set_num_threads(number: int) -> None:
    """Let compiled code use so many threads; results are the same for any number.

    Parameters
    ----------
    number
        At least 1. At first it is the number of processors that this process may use, or
        what the environment variable ``STEEPEST_NUM_THREADS`` says.

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
    _helpers.threads = number


def get_num_threads() -> int:
    """Return how many threads compiled code uses.

    Examples
    --------
    >>> import steepest as st
    >>> st.get_num_threads() >= 1
    True
    """
    return _helpers.threads

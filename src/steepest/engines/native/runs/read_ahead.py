"""Reading in threads of their own, ahead of the work on what was read."""

from __future__ import annotations

import concurrent.futures
import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

from steepest.streams.evaluation import InterruptedPassError

_READERS = 2
"""Threads that read. Most of their work is to decode, which other threads can do meanwhile."""

_AHEAD = 2
"""Items that are read ahead."""

_SECONDS = 0.05
"""Seconds between two looks at whether to give up."""

_T = TypeVar("_T")
_S = TypeVar("_S")


def read_ahead(
    items: Iterable[_T],
    read: Callable[[_T], _S],
    is_sequential: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> Generator[_S]:
    """Yield what a function returns for each item, in order.

    Threads call it, some items ahead: a single one if `is_sequential`. They end with the iterator.
    An error of the function is raised here.

    Raises
    ------
    InterruptedPassError
        If `is_over` says so. Threads that read then are left to themselves.
    """
    tasks: SimpleQueue[tuple[Future[_S], _T] | None] = SimpleQueue()
    readers = [
        threading.Thread(target=_work, args=(tasks, read), name="steepest reader", daemon=True)
        for _ in range(1 if is_sequential else _READERS)
    ]
    for reader in readers:
        reader.start()
    waiting: deque[Future[_S]] = deque()
    rest = iter(items)
    try:
        while True:
            for item in itertools.islice(rest, _AHEAD + 1 - len(waiting)):
                waiting.append(Future())
                tasks.put((waiting[-1], item))
            if not waiting:
                return
            while not concurrent.futures.wait([waiting[0]], _SECONDS).done:
                _give_up_if(is_over())
            _give_up_if(is_over())
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        for _ in readers:
            tasks.put(None)
        if not is_over():
            for reader in readers:
                reader.join()


def _give_up_if(is_over: bool) -> None:
    if is_over:
        raise InterruptedPassError


def _work(tasks: SimpleQueue[Any], read: Callable[[Any], Any]) -> None:
    """Read what is asked for, until there is nothing more."""
    while (task := tasks.get()) is not None:
        future, item = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(read(item))
            except BaseException as error:
                future.set_exception(error)

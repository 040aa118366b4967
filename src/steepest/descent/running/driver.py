"""The loop around a run: limits, the clock, interrupts and callbacks."""

from __future__ import annotations

import contextlib
import enum
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from steepest.activity import Interrupt
from steepest.descent.running.callbacks import State
from steepest.engines import Outcome, Run

_SHORT, _LONG = 0.01, 0.05
"""Range of seconds that machine code runs before Python checks clock, Ctrl-C and callbacks."""


class StopReason(enum.Enum):
    """Why :func:`drive` returned."""

    STOPPED = enum.auto()
    DIVERGED = enum.auto()
    LIMIT = enum.auto()
    INTERRUPTED = enum.auto()
    CALLBACK = enum.auto()
    TIME = enum.auto()
    NEW_PATH = enum.auto()
    CLUSTER_LOST = enum.auto()


@contextlib.contextmanager
def interrupts() -> Iterator[Interrupt]:
    """Note Ctrl-C instead of raising KeyboardInterrupt, so that iterations are completed.

    A second Ctrl-C raises.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    if Interrupt.current is not None:
        yield Interrupt.current  # of the call that solves this problem among many
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:  # a handler of the user's own
        yield interrupt
        return

    def note(number: int, frame: Any) -> None:
        if interrupt.pressed:
            signal.default_int_handler(number, frame)
        interrupt.pressed = True

    signal.signal(signal.SIGINT, note)
    Interrupt.current = interrupt
    try:
        yield interrupt
    finally:
        Interrupt.current = None
        signal.signal(signal.SIGINT, before)


def drive(
    run: Run,
    limit: int | None,
    budget: int,
    current_state: Callable[[], State],
    exact_state: Callable[[], State],
    callback: Callable[[State], Any] | None,
    watch: Callable[[State], None] | None = None,
    deadline: float = math.inf,
) -> StopReason:
    """Advance a run to its end, and return why it ended.

    Parameters
    ----------
    run
        The descent.
    limit
        Largest number of updates, besides the stop rule; None for no limit.
    budget
        Number of iterations that take less than about ten milliseconds; 0 if one may take long.
    current_state
        Returns the state of the run, with the last computed loss.
    exact_state
        Returns the state of the run, with the loss at its point.
    callback
        Called after every update. Ends the run by returning True or raising StopIteration.
    watch
        Called between calls of machine code, to show progress.
    deadline
        When the run ends, by ``time.perf_counter``.
    """
    is_quick, budget, seen = budget > 0, (1 if callback else max(1, budget)), 0
    if not callback and is_quick:  # most runs end within the first call
        outcome = run.advance(budget if limit is None else min(budget, limit - run.count))
        if outcome is not Outcome.PAUSED:
            return ending_of(outcome)
    with interrupts() as interrupt:
        while limit is None or run.count < limit:
            if interrupt.pressed:
                return StopReason.INTERRUPTED
            if time.perf_counter() > deadline:
                return StopReason.TIME
            steps = budget if limit is None else min(budget, limit - run.count)
            started = time.perf_counter()
            outcome = run.advance(steps)
            elapsed = time.perf_counter() - started
            if outcome is not Outcome.PAUSED:
                return ending_of(outcome)
            if watch:
                watch(current_state())
            if callback is None:
                budget = _adapted(budget, steps, elapsed)
                continue
            state = exact_state()
            if state.iteration > seen and _wants_to_stop(callback, state):
                return StopReason.CALLBACK
            seen = state.iteration
    return StopReason.LIMIT


def ending_of(outcome: Outcome) -> StopReason:
    """Return why the driver stops after an outcome."""
    return _ENDINGS[outcome]


_ENDINGS = {
    Outcome.STOPPED: StopReason.STOPPED,
    Outcome.DIVERGED: StopReason.DIVERGED,
    Outcome.NEW_PATH: StopReason.NEW_PATH,
    Outcome.LOST: StopReason.CLUSTER_LOST,
}


def _adapted(budget: int, steps: int, elapsed: float) -> int:
    if elapsed > _LONG:
        return max(1, budget // 2)
    return budget * 2 if elapsed < _SHORT and steps == budget else budget


def _wants_to_stop(callback: Callable[[State], Any], state: State) -> bool:
    try:
        answer = callback(state)
    except StopIteration:
        return True
    return isinstance(answer, bool | np.bool_) and bool(answer)

"""The calls that a traced function has made, and whether they repeat themselves."""

from __future__ import annotations

import contextlib
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.recording.session import Session
from steepest.trace.replaying.events import NO_KEYWORDS, Event, flat
from steepest.trace.replaying.learning import best_start, learn
from steepest.trace.replaying.replay import MISSING, Replay
from steepest.trace.replaying.template import LEAST_ROUNDS, MOST_ROUNDS

_LEAST_REPEATED = 16
"""Calls that must repeat themselves before a loop is replayed."""

_MOST_EVENTS = 3 * 512
_MOST_KEYS = 1 << 16

_MOST_FAILURES = 12
"""Loops that are given up, or that no template describes, before nothing is replayed any more."""


class CallLog:
    """The calls of one recording.

    Parameters
    ----------
    session
        The recording.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.replay: Replay | None = None
        self._failures = 0
        self._forget()

    def _forget(self) -> None:
        self._events: deque[Event] = deque(maxlen=_MOST_EVENTS)
        self._keys: list[tuple[int, int]] = []
        self._last: dict[tuple[int, int], int] = {}
        self._period = self._repeated = 0
        self._next_try, self._waited = 0, False

    def call(
        self,
        function: Callable[..., Any],
        args: Any,
        kwargs: Mapping[str, Any] = NO_KEYWORDS,
    ) -> Any:
        """Make a call of the user's, or return what stands for its result."""
        session, replay = self.session, self.replay
        if replay is not None:
            if not replay.is_settled:
                session.calls = None
                try:
                    result = replay.answer(function, args, kwargs)
                finally:
                    session.calls = self
                if result is not MISSING:
                    return result
            self.end()
        session.calls = None
        guards = len(session.guards)
        try:
            result = function(*args, **kwargs)
        finally:
            session.calls = self
        if self._failures < _MOST_FAILURES:
            self._note(function, args, kwargs, result, len(session.guards) == guards)
        else:
            session.calls = None
        return result

    def end(self) -> None:
        """End a replay that is going on."""
        replay, self.replay = self.replay, None
        if replay is not None:
            replay.settle()
            self._failures += not replay.is_long
            self._forget()

    def _note(
        self, function: Any, args: Any, kwargs: Mapping[str, Any], result: Any, is_free: bool
    ) -> None:
        """Note a call; begin a replay where calls have repeated themselves for long enough."""
        leaves, structure = flat(args)
        node = result._node if type(result) is TracedArray else None
        is_new = node is not None and not any([x is result for x in leaves])
        changes = result is None or any([x is result for x in leaves[:1]])
        if not is_free or not (is_new or changes) or _is_strange(leaves, kwargs):
            self._forget()
            return
        frame = sys._getframe(3)
        place = id(frame.f_code), frame.f_lasti
        key = id(function), place[1]
        keys, number = self._keys, len(self._keys)
        self._events.append(Event(function, structure, leaves, kwargs, result, node, place))
        keys.append(key)
        if self._period and keys[number - self._period] == key:
            self._repeated += 1
        else:
            self._period = number - self._last.get(key, number)
            self._repeated = 0
        self._last[key] = number
        least = max((LEAST_ROUNDS - 1) * self._period, _LEAST_REPEATED)
        if self._repeated >= least and number >= self._next_try:
            self._begin(number)
        elif number > _MOST_KEYS:
            self._forget()

    def _begin(self, number: int) -> None:
        rounds = min(self._repeated // self._period + 1, MOST_ROUNDS)
        count = rounds * self._period
        self._next_try = 2 * number
        if count > len(self._events):
            return
        last = list(islice(self._events, len(self._events) - count, None))
        template = learn(last, rounds, self.session)
        if template is None:
            self._failures += 1
            return
        wait = best_start(template)
        if wait == 0 or self._waited:
            self.replay = Replay(template, self.session)
        self._next_try, self._waited = number + wait, True


def _is_strange(leaves: Any, kwargs: Mapping[str, Any]) -> bool:
    """Whether a call has operands that no template describes."""
    for leaf in leaves:
        kind = type(leaf)
        if kind is not TracedArray and (isinstance(leaf, Traced) or callable(leaf)):
            return not isinstance(leaf, type)
    return any([isinstance(x, Traced | list | tuple) for x in kwargs.values()])


@contextlib.contextmanager
def replaying(session: Session) -> Iterator[None]:
    """Replay the loops of what is recorded meanwhile."""
    outer, session.calls = session.calls, CallLog(session)
    log = session.calls
    try:
        yield
        log.end()
    finally:
        session.calls = outer

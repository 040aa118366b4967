"""The calls that a traced function has made, and whether they repeat themselves."""

from __future__ import annotations

import contextlib
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.recording.session import AbandonedError, Session
from steepest.trace.replaying.events import Event, flat
from steepest.trace.replaying.learning import best_start, learn
from steepest.trace.replaying.replay import MISSING, Replay
from steepest.trace.replaying.template import LEAST_ROUNDS, MOST_ROUNDS

_LEAST_REPEATED = 16
"""Calls that must repeat themselves before a loop is replayed."""

_MOST_EVENTS, _MOST_KEYS = 6 * 512, 1 << 16
"""Calls that are kept, and after how many the search for a period begins anew."""

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
        self._keys: list[tuple[int, int, int]] = []
        self._last: dict[tuple[int, int, int], int] = {}
        self._period = self._repeated = 0
        self._next_try, self._waited = 0, False

    def call(
        self,
        function: Callable[..., Any],
        args: Any,
        kwargs: Mapping[str, Any],
        frame: types.FrameType,
    ) -> Any:
        """Make a call of the user's, or return what stands for its result.

        `frame` is the user's.
        """
        session, replay = self.session, self.replay
        if replay is not None:
            if not replay.is_settled:
                session.call_log = None
                try:
                    result = replay.answer(function, args, kwargs)
                finally:
                    session.call_log = self
                if result is not MISSING:
                    return result
            self.end()
        session.call_log = None
        guards = len(session.guards)
        try:
            result = function(*args, **kwargs)
        finally:
            session.call_log = self
        if self._failures < _MOST_FAILURES:
            place = id(frame.f_code), frame.f_lasti
            self._note(place, function, args, kwargs, result, len(session.guards) == guards)
        else:
            session.call_log = None
        return result

    def end(self) -> None:
        """End a replay that is going on."""
        replay, self.replay = self.replay, None
        if replay is not None:
            replay.settle()
            self._failures += not replay.is_long
            self._forget()

    def _note(
        self,
        place: tuple[int, int],
        function: Any,
        args: Any,
        kwargs: Mapping[str, Any],
        result: Any,
        is_free: bool,
    ) -> None:
        """Note a call; begin a replay where calls have repeated themselves for long enough."""
        leaves, structure = flat(args)
        node = result._node if type(result) is TracedArray else None
        is_new = node is not None and not any([x is result for x in leaves])
        changes = result is None or any([x is result for x in leaves[:1]])
        if not is_free or not (is_new or changes) or _is_strange(leaves, kwargs):
            self._forget()
            return
        key = id(function), *place
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
            if not isinstance(leaf, type):
                return True
    return any([isinstance(x, Traced | list | tuple) for x in kwargs.values()])


@contextlib.contextmanager
def replaying(session: Session) -> Iterator[None]:
    """Replay the loops of what is recorded meanwhile."""
    outer, session.call_log = session.call_log, CallLog(session)
    log = session.call_log
    try:
        yield
        log.end()
    finally:
        session.call_log = outer
    if session.is_abandoned:  # and the user's code caught the error
        raise AbandonedError

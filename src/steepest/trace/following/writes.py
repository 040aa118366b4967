"""Writes of a traced function to places outside: made once it has returned, or undone.

While a function is traced, it writes to stand-ins. So nothing outside holds a traced value, and
an error leaves everything as it was. When the function has returned, its writes are made with
the values of this call. Compiled code does not repeat them: a warning says so.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from steepest.errors import TraceWarning, UnsupportedError
from steepest.graph.source import Source, at, function_source
from steepest.trace.arrays.array import TracedArray
from steepest.trace.following.places import UNCHANGED, Place
from steepest.trace.following.plain_values import plain
from steepest.trace.recording.session import Session


def roll_back(session: Session) -> None:
    """Undo what a function has written to objects that it saw themselves."""
    for pending in session.pending:
        pending.take_back()


_traced_in_this_call: ContextVar[list[str] | None] = ContextVar("traced", default=None)


@contextlib.contextmanager
def writing_once() -> Iterator[None]:
    """Let a function that is traced several times for one call write as if it ran once."""
    token = _traced_in_this_call.set([])
    try:
        yield
    finally:
        _traced_in_this_call.reset(token)


def finish(session: Session, function_name: str) -> None:
    """Make the writes of a function that has returned, unless they are made already."""
    traced = _traced_in_this_call.get()
    if traced:
        roll_back(session)
        return
    if session.captures.opaque:
        _warn_of_traces(session, function_name)
    commit(session, function_name)
    if traced is not None:
        traced.append(function_name)


def commit(session: Session, function_name: str) -> None:
    """Make the writes of a function that has returned, and warn of them.

    Raises
    ------
    UnsupportedError
        Where a value is not known while the function is traced.
    """
    places = [*session.places]
    for pending in session.pending:
        places += pending.places()
    written = [(place, place.written()) for place in places]
    written = [(place, value) for place, value in written if value is not UNCHANGED]
    session.attributes.clear()
    session.places.clear()
    memo: dict[int, tuple[Any, Any]] = {}
    for place, value in written:
        try:
            place.store(plain(value, session, memo))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"the traced function writes a traced value to {place.name}{at(place.source)}, "
                "where it cannot be kept: return the value instead"
            ) from error
    if written:
        for pending in session.pending:
            pending.start_anew()
    changes = [(place, value) for place, value in written if not _is_cached(place, value)]
    if changes:  # the function has read what was there before: the trace holds for this call only
        captures = session.captures
        captures.opaque.extend(place.name for place, _ in changes)
        captures.filled.extend(place.name for place, value in changes if place.is_filled(value))
        captures.arrays[:] = [(_returning(array), array) for _, array in captures.arrays]
        _warn_of_changes(function_name, [place for place, _ in changes])


def _returning(array: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: array


def _is_cached(place: Place, value: Any) -> bool:
    """Whether a write only caches a value that is the same for all arguments."""
    return place.is_filled(value) and not _varies(value)


def _varies(value: Any) -> bool:
    """Whether something in a value may depend on the arguments, or be a count."""
    if isinstance(value, TracedArray):
        return value.session.known_value(value.node) is None
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_varies, value))
    return not (value is None or isinstance(value, bool | str | np.ndarray))


def _warn_of_changes(function_name: str, places: Sequence[Place]) -> None:
    names = ", ".join(dict.fromkeys(place.name for place in places))
    warn(
        f"{function_name} changes {names}: that happens when the function is traced, not in "
        "compiled code; a value that later calls need must be an argument and a result, and "
        "callback= or run.history shows values on the way",
        places[0].source,
    )


_PATIENCE = 8
"""Traces of a function after which a warning says that each call traces it."""

_MOST_COUNTED = 256
_traced: dict[int, tuple[weakref.ref[Any], int]] = {}
"""How often a function was traced that reads what cannot be compared, by identity."""


def _warn_of_traces(session: Session, function_name: str) -> None:
    """Warn of a function that has been traced at each of several calls, and say why."""
    function = session.subject
    owner = getattr(function, "__self__", function)
    try:
        reference = weakref.ref(owner)
    except TypeError:
        return
    known, count = _traced.get(id(owner), (reference, 0))
    count = count + 1 if known() is owner else 1
    if len(_traced) >= _MOST_COUNTED:
        _traced.clear()
    _traced[id(owner)] = reference, count
    if count == _PATIENCE:
        names = ", ".join(dict.fromkeys(session.captures.opaque))
        warn(
            f"{function_name} is traced anew at each call, which takes a thousand times as long "
            f"as a call of compiled code: it uses {names}, and steepest cannot tell whether that "
            "has changed; read what the function needs from it before, and pass that in",
            function_source(function),
        )


_announced: dict[Any, Any] = {}
"""The warnings that were given, so that each line warns once."""


def warn(message: str, source: Source | None) -> None:
    """Warn with the user's line."""
    file, line = (source.file, source.line) if source else ("<unknown>", 0)
    warnings.warn_explicit(message, TraceWarning, file, line, registry=_announced)

"""Fits of functions that cannot be recorded: what is differenced, and the warning about it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

from steepest.errors import FiniteDifferenceWarning, RandomnessError, RefusalError
from steepest.frames import warn_user
from steepest.graph.source import at
from steepest.lazy import keep_recent
from steepest.trace.following.opaque.names import short_name
from steepest.trace.following.opaque.permission import Differencing, differencing
from steepest.trace.following.traced_globals import TracedGlobals

_R = TypeVar("_R")

_MOST_FUNCTIONS = 256
"""How many functions are remembered."""

_MOST_ATTEMPTS = 20
"""How many functions of the user's are differenced in one fit."""

_is_inside: ContextVar[bool] = ContextVar("is_inside", default=False)
"""Whether a problem is solved inside another, which warns."""

_known: OrderedDict[Hashable, tuple[Differencing, Any]] = OrderedDict()
"""What is differenced in each function, by its identity.

No function is kept alive, but for objects that cannot be referred to weakly: they come second.
"""


def permission_for(function: Any) -> Differencing:
    """Return what is differenced in a loss, residuals or a model, or in several functions."""
    functions = function if isinstance(function, tuple) else (function,)
    subjects = [_subject(one) for one in functions]
    key = tuple([_identity(subject) for subject in subjects])
    entry = _known.get(key)
    if entry is None:
        kept = []
        for owner in map(_owner, subjects):
            try:
                weakref.finalize(owner, _known.pop, key, None).atexit = False
            except TypeError:  # an object of slots
                kept.append(owner)
        entry = Differencing({}), kept
    keep_recent(_known, key, entry, _MOST_FUNCTIONS)
    return entry[0]


def _owner(subject: Any) -> Any:
    """Return the object whose lifetime a function has."""
    return subject.__self__ if isinstance(subject, types.MethodType) else subject


def _identity(subject: Any) -> tuple[int, int]:
    is_method = isinstance(subject, types.MethodType)
    return id(_owner(subject)), id(subject.__func__) if is_method else 0


def _subject(function: Any) -> Any:
    """Return the user's own function."""
    if isinstance(function, functools.partial):
        return function.func
    while type(function).__module__.startswith("steepest."):  # around the user's
        inner = [getattr(function, name, None) for name in ("curve", "model", "function")]
        found = next((f for f in inner if callable(f)), None)
        if found is None:
            break
        function = found
    return function


@contextlib.contextmanager
def allowing_differences(function: Any, most_operands: int | None = None) -> Iterator[None]:
    """Let what cannot be recorded in a function be called as it is, and be differenced."""
    known = permission_for(function)
    with differencing(dataclasses.replace(known, most_operands=most_operands, calls={})):
        yield


def is_differenced(function: Any) -> bool:
    """Whether something in a function is differenced."""
    return bool(permission_for(function).used)


def differenced_codes(function: Any) -> frozenset[types.CodeType]:
    """Return the code of what is differenced in a function, on which compiled code depends."""
    return frozenset(permission_for(function).codes)


def with_differences(function: Any, solve: Callable[[], _R]) -> _R:
    """Solve a problem; difference the innermost functions that cannot be recorded, and warn.

    Parameters
    ----------
    function
        The loss, the residuals or the model; or a tuple of it and the constraints.
    solve
        Solves the problem, from the start.
    """
    known, is_outermost = permission_for(function), not _is_inside.get()
    first: RefusalError | None = None
    for _ in range(_MOST_ATTEMPTS):
        token = _is_inside.set(True)
        try:
            result = solve()
        except RandomnessError:
            raise
        except RefusalError as error:
            first = first or error
            code = _innermost(error, known) or _own_code(function)
            if code is None or code in known.codes:
                known.codes.clear()
                known.used.clear()
                raise first from None
            known.codes[code] = str(error)
            known.used.clear()
            continue
        finally:
            _is_inside.reset(token)
        if is_outermost:
            _warn(known)
        return result
    return solve()


def _innermost(error: RefusalError, known: Differencing) -> types.CodeType | None:
    """Return the code of the innermost function of the user's that was followed to an error."""
    followed, traceback = [*getattr(error, "callers", ())], error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if isinstance(frame.f_globals, TracedGlobals):
            followed.append(frame.f_code)
        traceback = traceback.tb_next
    return next((code for code in reversed(followed) if code not in known.codes), None)


def _own_code(function: Any) -> types.CodeType | None:
    """Return the code of the user's function itself, for a refusal of its derivative."""
    function = _subject(function[0] if isinstance(function, tuple) else function)
    function = getattr(getattr(function, "py_func", function), "__func__", function)
    if not hasattr(function, "__code__"):  # an object that is called
        function = vars(type(function)).get("__call__")
    code: types.CodeType | None = getattr(function, "__code__", None)
    return code


def _warn(known: Differencing) -> None:
    if not known.used:
        return
    functions = [f"{name}{at(source)}" for name, (source, _) in known.used.items()]
    reasons = [why for _, why in known.used.values() if why]
    name = short_name(next(iter(known.used)))
    verb = "derivative comes" if len(functions) == 1 else "derivatives come"
    warn_user(
        f"of {' and '.join(functions)} the {verb} from differences, because "
        f"{reasons[0] if reasons else 'it cannot be recorded'}; all else is exact. Call "
        f'st.black_box({name}, derivative="differences") in its place to say so',
        FiniteDifferenceWarning,
    )

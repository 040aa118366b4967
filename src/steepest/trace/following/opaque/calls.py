"""Functions that cannot be recorded, in a traced function.

Compiled code, and functions of libraries that have no implementation here, are tried with traced
values first. Where that fails, a fit calls them as they are and takes their derivatives from
differences; everything else refuses.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from steepest.errors import (
    REFUSALS,
    RandomnessError,
    RefusalError,
    SteepestError,
    UnsupportedError,
)
from steepest.graph.source import PACKAGE, at, user_source
from steepest.trace.arrays.refusals import PlainNeededError
from steepest.trace.arrays.registries import CALLS
from steepest.trace.arrays.text import refuse_text
from steepest.trace.following.opaque.lifting import (
    CannotLiftError,
    Lifted,
    has_pending_writes,
    lift,
)
from steepest.trace.following.opaque.names import name_of, short_name, users_source
from steepest.trace.following.opaque.permission import permission_now
from steepest.trace.following.stand_ins import SeenFunction
from steepest.trace.following.traced_globals import TracedGlobals
from steepest.trace.recording.library import LIBRARIES
from steepest.trace.recording.session import ForkError, current

MOST_CALLS = 64
"""How many calls of one function are recorded one by one."""


def is_opaque(value: Any) -> bool:
    """Whether a value is called as it is: a callable whose call is not Python code."""
    if not callable(value) or isinstance(value, type | SeenFunction):
        return False
    if hasattr(value, "nin") and hasattr(value, "nout"):  # a ufunc of another library
        return True
    owner = value if isinstance(value, types.BuiltinFunctionType) else type(value)
    top = (getattr(owner, "__module__", None) or "builtins").partition(".")[0]
    if top in LIBRARIES and top not in ("ctypes", "_ctypes"):
        return False
    calls: Any = next(
        (vars(base)["__call__"] for base in type(value).__mro__ if "__call__" in vars(base)), None
    )
    return not isinstance(calls, types.FunctionType)


class SeenHandle:
    """A library of compiled code that ``ctypes`` has opened, as traced code sees it."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return seen_opaque(value) if callable(value) else value

    def __getitem__(self, name: Any) -> SeenFunction:
        return seen_opaque(self._real[name])


def is_handle(value: Any) -> bool:
    """Whether a value is a library that ``ctypes`` has opened."""
    ctypes = sys.modules.get("ctypes")
    return ctypes is not None and isinstance(value, ctypes.CDLL)


def is_by_element(function: Any) -> bool:
    """Whether each element of a function's result is known to come from one of each operand."""
    if isinstance(function, np.vectorize):
        return function.signature is None and not function.excluded
    return hasattr(function, "nin") and getattr(function, "signature", "") is None


def seen_opaque(function: Callable[..., Any]) -> SeenFunction:
    """Return what traced code sees in place of a function that is called as it is."""

    def seen(*args: Any, **kwargs: Any) -> Any:
        refuse_text((*args, *kwargs.values()), name_of(function))
        lifted = _lifted(function, args, kwargs)
        if not lifted.operands:
            plain, args, kwargs = lifted.build(())
            return plain(*args, **kwargs)
        return as_it_is(function, lifted)

    return SeenFunction(function, seen)


def seen_tried(function: Callable[..., Any]) -> SeenFunction:
    """Return what traced code sees in place of a library's function: it may take traced values."""
    return SeenFunction(function, lambda *args, **kwargs: attempt(function, args, kwargs))


def seen_code(function: types.FunctionType, code_owner: Any) -> Callable[..., Any]:
    """Return a plain function, also of a class, that calls a user's function as it is."""

    def seen(*args: Any, **kwargs: Any) -> Any:
        root = current().root
        if has_pending_writes(root):
            raise CannotLiftError(f"{name_of(function)} may read what the traced function wrote")
        lifted = _lifted(function, args, kwargs)
        if not lifted.operands:
            root.captures.opaque.append(name_of(function))
        return as_it_is(code_owner, lifted)

    seen.__name__, seen.__qualname__ = function.__name__, function.__qualname__
    return seen


def followed_callers() -> tuple[types.CodeType, ...]:
    """Return the code of the user's functions that are followed now, the innermost last."""
    found: list[types.CodeType] = []
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        if isinstance(frame.f_globals, TracedGlobals):
            found.append(frame.f_code)
        frame = frame.f_back
    return tuple(reversed(found))


def as_it_is(function: Any, lifted: Lifted, error: Exception | None = None) -> Any:
    """Record a call of a function as it is, if that is allowed; else refuse it."""
    permission, root = permission_now(), current().root
    if permission is None:
        refuse_call(function, error)
    if root.forks:
        raise ForkError(root.forks[0].site)
    count = permission.calls[id(function)] = permission.calls.get(id(function), 0) + 1
    size = sum(x.size for x in lifted.operands if current().has_slope(x.node))
    most = permission.most_operands
    is_many = most is not None and size > most and not is_by_element(function)
    if count > MOST_CALLS or is_many:
        refuse_call(function, error)
    result = CALLS["black box"](function, lifted)
    if size:
        code = getattr(getattr(function, "py_func", function), "__code__", None)
        why = permission.codes.get(code, "") if code is not None else ""
        where = users_source(function) or user_source()
        permission.used.setdefault(name_of(function), (where, why.partition(": ")[0]))
    return result


def attempt(function: Any, args: Any, kwargs: Any) -> Any:
    """Call a library's function with traced values; where that fails, call it as it is."""
    refuse_text((*args, *kwargs.values()), name_of(function))
    session, noted = current(), REFUSALS.get()
    guards, before = len(session.guards), len(noted or ())
    try:
        result = function(*args, **kwargs)
        if not noted or len(noted) == before:
            return result
        error: Exception = _refusal(function, noted[-1])  # which the library has caught
    except (RandomnessError, RecursionError):
        raise
    except Exception as raised:
        if isinstance(raised, SteepestError) and not isinstance(raised, RefusalError):
            raise
        if _is_users(raised):
            raise
        error = _refusal(function, raised).with_traceback(raised.__traceback__)
    for guard in session.guards[guards:]:
        session.decided.pop(guard.condition, None)
    del session.guards[guards:]
    return instead(function, args, kwargs, error, before)


def instead(
    function: Any, args: Any, kwargs: Any, error: Exception, before: int | None = None
) -> Any:
    """Return the result of a call that could not be recorded, if it may be made as it is.

    Parameters
    ----------
    function, args, kwargs
        The call.
    error
        What was raised when it was recorded; it is raised unless the call is made.
    before
        How many refusals were noted before the call.
    """
    if permission_now() is None or isinstance(error, RandomnessError):
        raise error
    try:
        result = as_it_is(function, _lifted(function, args, kwargs), error)
    except RandomnessError:
        raise
    except UnsupportedError:
        raise error from None
    noted = REFUSALS.get()
    if noted:
        del noted[noted.index(error) if before is None and error in noted else before :]
    return result


def _is_users(error: Exception) -> bool:
    """Whether an error is about the user's own code, and not about what that calls."""
    if isinstance(error, PlainNeededError | CannotLiftError):
        return False
    is_ours = isinstance(error, SteepestError)
    is_users, traceback = is_ours, error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if not (is_ours and frame.f_code.co_filename.startswith(PACKAGE)):
            is_users = isinstance(frame.f_globals, TracedGlobals)
        traceback = traceback.tb_next
    return is_users


def _lifted(function: Any, args: Any, kwargs: Any) -> Lifted:
    try:
        return lift((function, tuple(args), dict(kwargs)))
    except CannotLiftError as error:
        raise _refusal(function, error) from None


def refuse_call(function: Any, error: Exception | None = None) -> NoReturn:
    """Raise for a call of a function that cannot be recorded."""
    raise _refusal(function, error) from error


def _refusal(function: Any, error: Exception | None = None) -> UnsupportedError:
    """Return the refusal of a call; an error of a library's says nothing to the user."""
    why = str(error).partition(": ")[0] if isinstance(error, UnsupportedError) else ""
    name, kind = name_of(function), UnsupportedError
    if isinstance(error, CannotLiftError):
        kind = CannotLiftError
    return kind(
        f"{name}{at(user_source())} cannot be recorded{f' ({why})' if why else ''}: call "
        f'st.black_box({short_name(name)}, derivative="differences") in its place, give its '
        "derivative with st.custom_derivative, or compute it outside and pass it in"
    )


CALLS["attempt"], CALLS["instead"] = attempt, instead

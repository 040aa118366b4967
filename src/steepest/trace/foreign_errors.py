"""Errors of libraries that meet a traced value, told from errors of the user's own."""

from __future__ import annotations

import dis
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steepest.errors import SteepestError, UnsupportedError, not_noting
from steepest.graph import trees
from steepest.graph.source import PACKAGE, Source, at, library_code_name
from steepest.trace.arrays.array import Traced
from steepest.trace.following.traced_globals import TracedGlobals
from steepest.trace.recording.session import not_recording


def as_refusal(
    error: Exception,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    named: Mapping[str, Any],
) -> Exception:
    """Return an error as it is if plain code raises it as well, else the refusal of a call.

    Parameters
    ----------
    error
        What a traced function raised.
    function, arguments, named
        The function and its traced arguments.
    """
    if isinstance(error, (SteepestError, *_OWN)) or _is_raised_by_user(error):
        return error
    line, called = _last_call(error)
    if line is None:
        return error
    try:
        values, by_name = trees.map_leaves(_plain, (tuple(arguments), dict(named)))
        with not_recording(), not_noting():
            function(*values, **by_name)
    except Exception as plain:
        return error if isinstance(plain, type(error) | SteepestError) else plain
    name = "a call of compiled code" if called is None else library_code_name(called)
    refusal = UnsupportedError(
        f"{name}{at(line)} cannot be recorded ({type(error).__name__} about a "
        'traced value): call it in a function of st.black_box(function, derivative="differences") '
        "or st.custom_derivative, or compute it outside and pass it in"
    )
    return refusal.with_traceback(error.__traceback__)


_OWN = (
    *(AttributeError, NameError, LookupError, AssertionError, ArithmeticError, RecursionError),
    *(ImportError, OSError, NotImplementedError, StopIteration),
)
"""Errors that libraries do not raise about the type of a value."""


def _is_raised_by_user(error: Exception) -> bool:
    """Whether a statement of the user's raised an error that is not about the type of a value."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or not isinstance(traceback.tb_frame.f_globals, TracedGlobals):
        return False
    is_builtin = type(error).__module__ == "builtins"
    if is_builtin and not isinstance(error, TypeError | SystemError | BufferError):
        return True
    code, at_instruction = traceback.tb_frame.f_code, traceback.tb_lasti
    return dis.opname[code.co_code[at_instruction]] == "RAISE_VARARGS"


def _plain(leaf: Any) -> Any:
    return leaf.plain() if isinstance(leaf, Traced) else leaf


def _last_call(error: Exception) -> tuple[Source | None, types.FrameType | None]:
    """Return the user's line that an error passed last, and the frame that it called."""
    found: Source | None = None
    called, traceback = None, error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if isinstance(frame.f_globals, TracedGlobals):
            code = frame.f_code
            found, called = Source(code.co_filename, traceback.tb_lineno, code.co_name), None
        elif called is None and not frame.f_code.co_filename.startswith(PACKAGE):
            called = frame
        traceback = traceback.tb_next
    return found, called

"""What the public functions of descents have in common: names of arguments, and errors.

They take SciPy's names of arguments besides ours, say of others what to write instead, and
each error says which of them was called, and at which line.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ParamSpec, TypeVar

from steepest.descent.scipy_compat import Asked, translated
from steepest.errors import SteepestError
from steepest.frames import hides_frames
from steepest.graph.source import PACKAGE, Source, is_library

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NAMED = re.compile(r" \(st\.\w+ at .*\)$")
_NOTHING: Mapping[str, str] = MappingProxyType({})


def entry_point(
    names: Mapping[str, str] = _NOTHING,
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a public function; `names` are SciPy's names of its arguments, with ours."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        ours = tuple(inspect.signature(function).parameters)
        known = frozenset(ours)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                if not kwargs or known.issuperset(kwargs):
                    return function(*args, **kwargs)
                any_names: Callable[..., _R] = function
                given, asked = translated(function.__name__, args, kwargs, names, ours)
                return answered(any_names(*asked.args, **given), asked)
            except SteepestError as error:
                _name_caller(error, function.__name__)
                raise

        return hides_frames(call)

    return decorate


def answered(result: _R, asked: Asked) -> _R:
    """Return a result with what is to be said of the arguments, printed where that was asked."""
    if asked.notes:
        result = asked.noted(result)
    if asked.verbosity:
        asked.print(result)
    return result


def _name_caller(error: SteepestError, name: str) -> None:
    """Add to an error which function the user called, and where; the innermost one counts."""
    caller = user_call()
    if caller is None or len(error.args) != 1 or _NAMED.search(str(error)):
        return
    error.args = (f"{error} (st.{name} at {caller})",)


def user_call() -> Source | None:
    """Return the line that called a public function; None where that is the command's."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and is_library(frame.f_code.co_filename):
        if frame.f_code.co_filename.startswith(_COMMAND):
            return None
        frame = frame.f_back
    if frame is None:
        return None
    return Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


_COMMAND = os.path.join(PACKAGE, "cli") + os.sep

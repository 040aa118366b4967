"""The decorator of the entry points: SciPy's names of arguments, and errors.

Entry points accept SciPy's names of arguments, suggest replacements for unknown ones, and add the
name of the function and the line of the call to each error.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

from steepest.descent.calling.scipy_compat import THIRD_IS_ARGS, CallOptions, is_slopes, translated
from steepest.errors import SettingError, SteepestError
from steepest.frames import hides_frames
from steepest.graph.source import PACKAGE, Source, is_library

_P = ParamSpec("_P")
_R = TypeVar("_R")

_NAMED = re.compile(r" \(st\.\w+ at (.*)\)$")
_NOTHING: Mapping[str, str] = MappingProxyType({})


def entry_point(
    names: Mapping[str, str] = _NOTHING,
) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Decorate a public function; `names` maps SciPy's names of its arguments to steepest's."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        ours = tuple(inspect.signature(function).parameters)
        known = frozenset(ours)

        @functools.wraps(function)
        def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                if not kwargs or known.issuperset(kwargs):
                    return function(*args, **kwargs)
                any_names: Callable[..., _R] = function
                given, options = translated(function.__name__, args, kwargs, names, ours)
                return answered(any_names(*options.args, **given), options)
            except SteepestError as error:
                _name_caller(error, function.__name__)
                raise
            except TypeError:
                twice = [name for name in kwargs if name in ours[: len(args)]]
                if not twice:
                    raise
                wrong = SettingError(_given_twice(function.__name__, twice[0], args, ours))
                _name_caller(wrong, function.__name__)
                raise wrong from None

        return hides_frames(call)

    return decorate


def _given_twice(function: str, name: str, args: Sequence[Any], ours: Sequence[str]) -> str:
    """Return the message for an argument that is given by its place and by its name."""
    if name == "args" and is_slopes(args[ours.index(name)]):
        return THIRD_IS_ARGS
    place = ours.index(name) + 1
    return f"{name} is given twice: it is argument {place} of {function}, and given by its name"


def answered(result: _R, options: CallOptions) -> _R:
    """Return a result with the notes on the arguments, and print it if the call asked for that."""
    if options.notes:
        result = options.noted(result)
    if options.verbosity:
        options.print(result)
    return result


def _name_caller(error: SteepestError, name: str) -> None:
    """Add to an error the public function that the user called, and the line of the call.

    If that function called another one, the other has added its name before, with the same line.
    """
    caller = user_call()
    if caller is None or len(error.args) != 1:
        return
    text = str(error)
    named = _NAMED.search(text)
    if named is not None:
        if named[1] != str(caller):  # called by the user's own code inside
            return
        text = text[: named.start()]
    error.args = (f"{text} (st.{name} at {caller})",)


def user_call() -> Source | None:
    """Return the line that called a public function; None if the command-line tool did."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and is_library(frame.f_code.co_filename):
        if frame.f_code.co_filename.startswith(_COMMAND):
            return None
        frame = frame.f_back
    if frame is None:
        return None
    return Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


_COMMAND = os.path.join(PACKAGE, "cli") + os.sep

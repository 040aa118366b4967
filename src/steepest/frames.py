"""Tracebacks and warnings that show the user's own frames."""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from steepest.errors import OptimizeWarning, SteepestError
from steepest.graph.source import LESSON, PACKAGE, is_library

_P = ParamSpec("_P")
_R = TypeVar("_R")
_C = TypeVar("_C")


_stand_ins: set[types.CodeType] = set()


def stands_in(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate what calls a function for the user: an error raised by that call is the user's."""
    _stand_ins.add(function.__code__)
    return function


def is_own(traceback: types.TracebackType) -> bool:
    """Whether a frame is steepest's own."""
    file = traceback.tb_frame.f_code.co_filename
    return file.startswith(PACKAGE) and not file.startswith(LESSON)


def without_own_frames(error: BaseException) -> types.TracebackType | None:
    """Return an error's traceback without steepest's frames.

    An error that arose in steepest itself and is not a :class:`SteepestError` is a bug of
    steepest. Its traceback stays whole.
    """
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    is_users = not frames or not is_own(frames[-1]) or isinstance(error, SteepestError)
    if not is_users and frames[-1].tb_frame.f_code not in _stand_ins:
        return error.__traceback__
    result: types.TracebackType | None = None
    for frame in reversed(frames):
        if not is_own(frame):
            result = types.TracebackType(result, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return result


def hides_frames(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a public function: errors that pass through it leave steepest's frames out."""

    @functools.wraps(function)
    def public(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            error.__traceback__ = without_own_frames(error)
            raise

    return public


def hides_method_frames(cls: type[_C]) -> type[_C]:
    """Decorate a public class: what :func:`hides_frames` does, for its own public methods."""
    for name, member in list(vars(cls).items()):
        if isinstance(member, types.FunctionType) and not name.startswith("_"):
            setattr(cls, name, hides_frames(member))
    return cls


def warn_user(message: str, category: type[Warning] = OptimizeWarning) -> None:
    """Warn at the user's own line, however deep in steepest this is."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and is_library(frame.f_code.co_filename):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)

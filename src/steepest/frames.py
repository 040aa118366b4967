"""Tracebacks that show the user's own frames."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from steepest.errors import SteepestError
from steepest.graph.source import LESSON, PACKAGE

_P = ParamSpec("_P")
_R = TypeVar("_R")


def is_own(traceback: types.TracebackType) -> bool:
    """Whether a frame is steepest's own."""
    file = traceback.tb_frame.f_code.co_filename
    return file.startswith(PACKAGE) and not file.startswith(LESSON)


def without_own_frames(error: BaseException) -> types.TracebackType | None:
    """Return an error's traceback without steepest's frames.

    An error that arose in steepest itself and is none of :class:`SteepestError` is a bug of
    steepest: its traceback stays whole.
    """
    frames, traceback = [], error.__traceback__
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    if frames and is_own(frames[-1]) and not isinstance(error, SteepestError):
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

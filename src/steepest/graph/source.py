"""Where in the user's own file a node was written."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGE = str(Path(__file__).parents[1])
LESSON = os.path.join(PACKAGE, "lesson") + os.sep
_LIBRARIES = (PACKAGE + os.sep, str(Path(np.__file__).parent) + os.sep, "<frozen", "<string>")


class Source(NamedTuple):
    """A line of a file.

    Parameters
    ----------
    file
        Path of the file, as Python knows it.
    line
        Line number, from 1.
    function
        Name of the function that the line stands in.
    """

    file: str
    line: int
    function: str

    @property
    def text(self) -> str:
        """The line itself, without indentation; empty where the file cannot be read."""
        return linecache.getline(self.file, self.line).strip()

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


def is_library(file: str) -> bool:
    """Whether a file belongs to steepest or NumPy rather than to the user.

    The lesson inside steepest is code as a user would write it, and counts as the user's.
    """
    return file.startswith(_LIBRARIES) and not file.startswith(LESSON)


def user_source() -> Source | None:
    """Return the innermost line on the stack that is the user's own, if there is one."""
    frame = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if not is_library(code.co_filename):
            return Source(code.co_filename, frame.f_lineno, code.co_name)
        frame = frame.f_back  # type: ignore[assignment]
    return None


def function_source(function: Callable[..., object]) -> Source | None:
    """Return the line that a function is defined at; None for what has no Python code."""
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    return Source(code.co_filename, code.co_firstlineno, code.co_name)


def at(source: Source | None) -> str:
    """Return ``" at file:line"`` for an error message, or nothing where it is unknown."""
    return "" if source is None else f" at {source}"

"""The user's source lines: where nodes come from, and which files are the user's."""

from __future__ import annotations

import enum
import functools
import linecache
import os
import sys
import sysconfig
import types
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGE = str(Path(__file__).parents[1])
LESSON = os.path.join(PACKAGE, "lesson") + os.sep
_LIBRARIES = (PACKAGE + os.sep, str(Path(np.__file__).parent) + os.sep, "<frozen")
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_WITHOUT_LINES = "<string>"
_STANDARD = sysconfig.get_path("stdlib") + os.sep


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
        is_file = not self.file.startswith("<")  # as the text of a formula does
        return f"{Path(self.file).name if is_file else self.file}:{self.line}"


NOWHERE = Source("", 0, "")
"""The source of nodes that do not come from a line of the user's."""


def is_library(file: str) -> bool:
    """Whether a file belongs to steepest or NumPy rather than to the user.

    The lesson inside steepest is code as a user would write it, and counts as the user's.
    """
    return file.startswith(_LIBRARIES) and not file.startswith(LESSON)


def user_source() -> Source | None:
    """Return the innermost line on the stack that is the user's own, if there is one.

    If all code on the stack is installed, return the innermost line outside NumPy and
    steepest.
    """
    frame: types.FrameType | None = sys._getframe(1)
    installed = None
    while frame is not None:
        file = frame.f_code.co_filename
        owner = _owners.get(file) or _owner(file)
        if owner is not _Owner.LIBRARY:
            if owner is _Owner.USER:
                return _line(frame)
            installed = installed or _line(frame)
        frame = frame.f_back
    return installed


class _Owner(enum.Enum):
    """Whose code a file holds: steepest's and NumPy's, another package's, or the user's."""

    LIBRARY = enum.auto()
    INSTALLED = enum.auto()
    USER = enum.auto()


_owners: dict[str, _Owner] = {}
_lines: dict[tuple[int, int], tuple[types.CodeType, Source]] = {}
_MOST_LINES, _MOST_FILES = 1 << 11, 1 << 11
"""Largest number of lines and files that are remembered.

A line keeps the code that it is in alive: a process that traces one new function after another
would hold them all.
"""


def _owner(file: str) -> _Owner:
    owner = _Owner.USER
    if is_library(file):
        owner = _Owner.LIBRARY
    elif file == _WITHOUT_LINES or is_installed(file):
        owner = _Owner.INSTALLED
    if len(_owners) >= _MOST_FILES:  # each text that is executed may be a file of its own
        _owners.clear()
    _owners[file] = owner
    return owner


def _line(frame: types.FrameType) -> Source:
    """Return the line that a frame is at; a loop comes back to the same ones again and again."""
    code = frame.f_code
    key = id(code), frame.f_lasti  # the code itself would be compared by its content
    known = _lines.get(key)
    if known is not None and known[0] is code:
        return known[1]
    if len(_lines) >= _MOST_LINES:
        _lines.clear()
    source = Source(code.co_filename, frame.f_lineno, code.co_name)
    _lines[key] = code, source
    return source


def library_function() -> str | None:
    """Return the public name of the installed library's function that the user's line called.

    If no function on the stack has a public name, return the library's name. Return None if
    the user's own line raises, or if the traced function itself is installed.
    """
    frame: types.FrameType | None = sys._getframe(1)
    name = library = None
    while frame is not None:
        file = frame.f_code.co_filename
        if frame.f_code in ENTRIES:
            return None
        if not is_library(file):
            if not is_installed(file):
                return name or library
            library = library_code_name(frame)
            name = library if not library.startswith("a function of ") else name
        frame = frame.f_back
    return None


def library_code_name(frame: types.FrameType) -> str:
    """Return the public name of the library's function that a frame runs, or the library's."""
    parts = [part for part in frame.f_globals["__name__"].split(".") if part[0] != "_"]
    name = _public_name(".".join(parts), frame.f_code)
    return name or f"a function of {'.'.join(parts)}"


def _public_name(module: str, code: types.CodeType) -> str | None:
    """Return the name by which a library's function, or its class, can be imported."""
    path = [part for part in code.co_qualname.split(".") if not part.startswith("__")]
    is_known = path and hasattr(sys.modules.get(module), path[0])
    return f"{module}.{'.'.join(path)}" if is_known else None


ENTRIES: set[types.CodeType] = set()
"""Code from which traced functions are called; ``trace.tracing`` fills it."""


def is_within_try() -> bool:
    """Whether the line of the traced function that runs now is inside a ``try`` or ``with``.

    A ``try`` around the call of the traced function does not count: an exception ends the trace.
    """
    frame: types.FrameType | None = sys._getframe(1)
    found = result = False
    while frame is not None:
        code = frame.f_code
        if code in ENTRIES:
            result = result or found
        elif not (is_library(code.co_filename) or is_installed(code.co_filename)):
            found = found or _is_guarded(code, frame.f_lasti)
        frame = frame.f_back
    return result


def _is_guarded(code: types.CodeType, instruction: int) -> bool:
    """Whether an instruction stands in the body of a ``try`` or ``with``."""
    return any(start <= instruction < end for start, end in _guarded_ranges(code))


@functools.lru_cache(maxsize=256)
def _guarded_ranges(code: types.CodeType) -> tuple[tuple[int, int], ...]:
    """Return the ranges in which exceptions are handled, from Python's exception table.

    Each entry is four numbers of six bits a byte: where the range starts, its length, where
    its handler stands, and the depth of the stack; the first three are in code units.
    """
    numbers, number = [], 0
    for byte in code.co_exceptiontable:
        number = number << 6 | byte & 0x3F
        if not byte & 0x40:
            numbers.append(number)
            number = 0
    pairs = zip(numbers[::4], numbers[1::4], strict=True)
    return tuple((2 * start, 2 * (start + length)) for start, length in pairs)


def is_installed(file: str) -> bool:
    """Whether a file belongs to an installed package or to Python itself."""
    return file.startswith(_STANDARD) or any(part in file for part in _INSTALLED)


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

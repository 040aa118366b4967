"""What steepest is doing now, told to Python's logging and to a display while one is open."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from typing import ClassVar

from steepest.errors import SettingError

_log = logging.getLogger("steepest")

Listener = Callable[[str], None]

_listeners: list[Listener] = []


@contextlib.contextmanager
def doing(what: str) -> Iterator[None]:
    """Tell what is done inside, and log how long it took."""
    tell(what)
    began = time.perf_counter()
    yield
    _log.info("%s took %.1f ms", what, 1e3 * (time.perf_counter() - began))


def tell(what: str) -> None:
    """Tell what is done now."""
    for listener in _listeners:
        listener(what)


class Interrupt:
    """Whether Ctrl-C was pressed."""

    current: ClassVar[Interrupt | None] = None
    """The instance in use, shared by the problems of one call."""

    pressed = False


def is_interrupted() -> bool:
    """Whether Ctrl-C was pressed during the call that runs now."""
    return Interrupt.current is not None and Interrupt.current.pressed


@contextlib.contextmanager
def told_to(listener: Listener) -> Iterator[None]:
    """Tell a function what is done inside."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def note(text: str, *details: object, level: int = logging.INFO) -> None:
    """Log what happened."""
    _log.log(level, text, *details)


def set_log_level(level: str | int) -> None:
    """Set from which level on steepest logs what it does, on stderr unless logging is set up.

    The logger is ``logging.getLogger("steepest")``. At level ``"info"`` it tells what is traced
    and compiled, how long that took, and which paths a run meets; at ``"debug"``, also each piece
    of machine code.

    Parameters
    ----------
    level : str or int
        A level of Python's logging: ``"debug"``, ``"info"``, ``"warning"``...

    Raises
    ------
    SettingError
        If there is no such level.

    Examples
    --------
    >>> import steepest as st
    >>> st.set_log_level("warning")
    """
    known = logging.getLevelNamesMapping()
    number = known.get(level.upper()) if isinstance(level, str) else level
    if isinstance(number, bool) or not isinstance(number, int):
        names = ", ".join(repr(name.lower()) for name in ("DEBUG", "INFO", "WARNING", "ERROR"))
        raise SettingError(f"st.set_log_level: level must be one of {names}, got {level!r}")
    _log.setLevel(number)
    if not _log.hasHandlers():
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        _log.addHandler(handler)

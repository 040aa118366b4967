"""Text made of traced values: it may be printed, but not parsed.

A number that is parsed from the text of a traced value would be a constant of the recorded
graph. It would have no derivative and be wrong at the next call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from steepest.errors import ConcreteValueError
from steepest.graph.source import at, is_installed, is_library, user_source
from steepest.trace.recording.session import current, is_tracing

_LONG_ENOUGH = 3
"""Number of characters from which on a part of such a text is recognized."""


def _refuse(what: str) -> NoReturn:
    raise ConcreteValueError(
        f"{what} the text of a traced value{at(user_source())}: the recorded graph would keep "
        "what it says at this call for ever; use the value itself"
    )


def _refusing(name: str) -> Callable[..., Any]:
    def method(self: TracedText, *args: Any, **kwargs: Any) -> Any:
        file = sys._getframe(1).f_code.co_filename
        if is_installed(file) or is_library(file):  # libraries print it
            return getattr(str, name)(self, *args, **kwargs)
        _refuse(f"{name} looks at")

    return method


class TracedText(str):
    """The text of a traced value, as it is now."""

    __slots__ = ()


for _name in (
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__len__",
    "__contains__", "__getitem__", "__iter__", "count", "endswith", "find", "index", "isdecimal",
    "isdigit", "isnumeric", "partition", "rfind", "rindex", "rpartition", "rsplit", "split",
    "splitlines", "startswith",
):  # fmt: skip
    setattr(TracedText, _name, _refusing(_name))


def shown(text: str) -> str:
    """Return the text of a traced value, noted as such."""
    if not is_tracing():
        return text
    current().root.texts.add(text)
    return TracedText(text)


def refuse_text(values: Iterable[Any], what: str) -> None:
    """Raise where the text of a traced value is about to be read."""
    texts = current().root.texts if is_tracing() else ()
    if texts:
        for value in values:
            if isinstance(value, list | tuple):
                refuse_text(value, what)
            elif isinstance(value, str | bytes) and _holds(value, texts):
                _refuse(f"{what} reads")


def _holds(value: str | bytes, texts: Iterable[str]) -> bool:
    whole = str.__str__(value) if isinstance(value, str) else value.decode(errors="replace")
    stripped, digits = whole.strip(), _digits(whole)
    for text in texts:
        part = len(stripped) >= _LONG_ENOUGH and stripped in text
        if text in whole or part or (len(digits) > 1 and digits == _digits(text)):
            return True
    return False


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))

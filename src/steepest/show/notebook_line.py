"""Progress in a notebook that has no widgets: a line of text that is replaced as it changes."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import Any

_OFTEN = 0.2
"""Seconds between two changes of the line."""

_BAR = 24
"""Number of characters of a bar."""


def is_of_notebook() -> bool:
    """Whether the interpreter is that of a notebook which has no widgets."""
    shell = sys.modules.get("IPython")
    found = None if shell is None else shell.get_ipython()
    if found is None or not hasattr(found, "kernel"):
        return False
    return importlib.util.find_spec("ipywidgets") is None


def line(doing: str, completed: int, total: int | None, loss: float, seconds: float) -> str:
    """Return what is going on in a line: a bar, a count, the loss, and the time since it began."""
    minutes, rest = divmod(int(seconds), 60)
    done = f"{completed:,}"
    if total:
        filled = min(round(_BAR * completed / total), _BAR)
        done = f"[{'#' * filled}{'.' * (_BAR - filled)}] {completed:,} of {total:,}"
    of_loss = "" if loss != loss else f", loss {loss:.6g}"
    return f"{doing}: {done}{of_loss}, {minutes}:{rest:02}"


class NotebookLine:
    """A line below the cell that runs, with the interface of a display of rich.

    Parameters
    ----------
    doing
        What is done at first.
    total
        How many steps there are at most; None where that is not known.
    """

    def __init__(self, doing: str, total: int | None) -> None:
        self._doing, self._total = doing, total
        self._completed, self._loss = 0, float("nan")
        self._handle: Any = None
        self._begun, self._shown = time.monotonic(), 0.0

    def start(self) -> None:
        """Show the line."""
        from IPython.display import DisplayHandle

        make: Any = DisplayHandle  # which has no types
        handle = make()
        handle.display({"text/plain": self._text()}, raw=True)
        self._handle = handle

    def update(
        self,
        doing: str | None = None,
        completed: int | None = None,
        loss: float | None = None,
    ) -> None:
        """Say what has changed; the line changes a few times a second."""
        self._doing = self._doing if doing is None else doing
        self._completed = self._completed if completed is None else completed
        self._loss = self._loss if loss is None else loss
        now = time.monotonic()
        if self._handle is not None and now - self._shown > _OFTEN:
            self._shown = now
            self._handle.update({"text/plain": self._text()}, raw=True)

    def stop(self) -> None:
        """Take the line away."""
        if self._handle is not None:
            self._handle.update({"text/plain": ""}, raw=True)

    def _text(self) -> str:
        seconds = time.monotonic() - self._begun
        return line(self._doing, self._completed, self._total, self._loss, seconds)

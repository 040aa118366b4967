"""The programs of docs/scientific_python.md, which steepest and SciPy can run."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "scientific_python.md"

_PROGRAM = re.compile(r"^## (.*?)$.*?^```python\n(.*?)^```\n+```text\n(.*?)^```$", re.M | re.S)
_IMPORT = re.compile(r"^from steepest import (\w+)$", re.M)


@dataclass(frozen=True)
class Program:
    """A program of the page.

    Attributes
    ----------
    name
        Its heading.
    text
        Its code, in the lines that it has in the page, where tracebacks and tracing find it.
    printed
        What it prints, as the page says.
    """

    name: str
    text: str
    printed: str

    @property
    def entry(self) -> str:
        """The name of the function of SciPy's and steepest's that it calls."""
        (name,) = _IMPORT.findall(self.text)
        return name

    def run(self, entry: Callable[..., Any] | None = None) -> tuple[dict[str, Any], str]:
        """Run the program; return its variables, and what it prints.

        `entry` takes the place of the function that it imports of steepest.
        """
        space: dict[str, Any] = {"__name__": "__main__"}
        text = self.text
        if entry is not None:
            space[self.entry] = entry
            text = _IMPORT.sub("", text)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(text, PAGE, "exec"), space)
        return space, printed.getvalue()

    def minimum(self, space: dict[str, Any]) -> float:
        """Return the loss at the end of a run, from its variables."""
        if self.entry == "curve_fit":
            return float(space["chi2"])
        fit = space["fit"]
        return float(fit.cost if self.entry == "least_squares" else fit.fun)


def programs() -> list[Program]:
    """Return the programs of the page."""
    page = PAGE.read_text()
    return [
        Program(found[1], "\n" * page[: found.start(2)].count("\n") + found[2], found[3])
        for found in _PROGRAM.finditer(page)
    ]

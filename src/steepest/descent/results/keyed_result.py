"""How results are read: by name in brackets, as SciPy's, and through to those of a descent."""

from __future__ import annotations

import difflib
import operator
from collections.abc import ItemsView, KeysView, Sequence
from typing import Any

import numpy as np

_LONGEST = 100
"""Largest number of characters of the parameters in the ``repr`` of a result."""


def shortened(head: str, x: Any, tail: str) -> str:
    """Return a result on one line: what it is, its parameters abbreviated, and the rest."""
    with np.printoptions(threshold=8, edgeitems=2, precision=6):
        text = " ".join(repr(x).split())
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{head}, x={text}, {tail}"


class KeyedResult:
    """A result whose attributes can be read by name: ``result["x"]``, ``result.keys()``."""

    def _names(self) -> Sequence[str]:
        """Return the names of the fields, SciPy's first."""
        raise NotImplementedError

    def __getitem__(self, name: Any) -> Any:
        """Return the field of a name."""
        if name in self:
            return getattr(self, name)
        near = difflib.get_close_matches(str(name), self._names(), n=1)
        guess = f": did you mean {near[0]!r}?" if near else f": there is {', '.join(self.keys())}"
        raise KeyError(f"{name!r}{guess}")

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._names()

    def get(self, name: str, default: Any = None) -> Any:
        """Return the field of a name, or `default` if there is none."""
        return getattr(self, name) if name in self else default

    def keys(self) -> KeysView[str]:
        """Return the names of the fields."""
        return dict.fromkeys(self._names()).keys()

    def items(self) -> ItemsView[str, Any]:
        """Return the fields with their names."""
        return {name: getattr(self, name) for name in self._names()}.items()


def of_run(name: str, doc: str) -> Any:
    """Return a property that reads an attribute of the descent's result."""
    return property(operator.attrgetter(f"run.{name}"), doc=doc)


class OfDescent:
    """A result that has what its descent, ``run``, says of itself."""

    gradient = of_run("gradient", "The gradient of the loss, as :attr:`Result.gradient`.")
    iterations = of_run("iterations", "Updates made.")
    evaluations = of_run("evaluations", "Evaluations of the loss and its derivatives.")
    status = of_run("status", "How the descent ended.")
    history = of_run("history", "What was recorded at each iteration.")
    timings = of_run("timings", "Seconds for trace, compile and run.")
    graph = of_run("graph", "The graph of the loss.")
    engine = of_run("engine", "Name of the engine.")
    method = of_run("method", "The descent method.")
    reason = of_run("reason", "Why this method was taken, unless it was asked for.")
    active = of_run("active", "Which parameters are on a bound: :attr:`Result.active`.")

    def save(self: Any, path: Any) -> None:
        """Save the end of the fit to a file, as :meth:`Result.save` does."""
        self.run.save(path)

"""The hook by which an engine evaluates graphs whose data are read in blocks, and its error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from steepest.streams.source import Source


class InterruptedPassError(Exception):
    """A pass over the data was given up, since the run is to end."""


OFFERED: list[Callable[[Sequence[Any]], Callable[[Sequence[Any]], Any]]] = []
"""What makes a function of flat inputs of the paths through a function; an engine fills it."""


def is_streamed(values: Sequence[Any]) -> bool:
    """Whether any of some values is read in blocks."""
    return any([type(value) is Source for value in values])

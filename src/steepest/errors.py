"""The errors a user can meet.

Every one is a :class:`SteepestError` and also the built-in exception that a NumPy user
would expect, and its message says what happened, where in the user's own file, why, and
what to write instead.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

REFUSALS: ContextVar[list[SteepestError] | None] = ContextVar("refusals", default=None)
"""What was refused while a function is traced: an ``except`` of its own must not hide it."""


class SteepestError(Exception):
    """Base of every error that steepest raises itself."""


class RefusalError(SteepestError):
    """What NumPy could do, and steepest cannot."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        noted = REFUSALS.get()
        if noted is not None:
            noted.append(self)


def forgive(refusal: Exception) -> None:
    """Take a refusal back that was dealt with."""
    noted = REFUSALS.get()
    if noted and refusal in noted:
        noted.remove(refusal)


class UnsupportedError(RefusalError, TypeError):
    """NumPy code that cannot be recorded as a graph (yet), or run by an engine."""


class ConcreteValueError(RefusalError, TypeError):
    """A traced value was used where Python needs a number that is known now."""


class OperandError(SteepestError, TypeError):
    """An operand of the wrong kind, which NumPy takes no more than steepest."""


class EndlessRecursionError(SteepestError, RecursionError):
    """A traced function that calls itself deeper than Python allows."""


class InputError(SteepestError, ValueError):
    """An argument with the wrong value, shape or structure."""


class SettingError(SteepestError, TypeError):
    """An argument of the wrong kind."""


class GraphIndexError(SteepestError, IndexError):
    """An index into an array is out of bounds."""


class EngineUnavailableError(SteepestError, ImportError):
    """An engine whose package is not installed."""


class OptimizeWarning(UserWarning):
    """A descent that does something else than it seems to have been asked for."""


class TraceWarning(UserWarning):
    """Something that a traced function does is not what compiled code does at each call."""


class VerificationError(SteepestError, AssertionError):
    """A graph that breaks an invariant: a bug in a pass, never in a user's code."""

"""The errors and warnings that steepest raises.

Every one is a :class:`SteepestError` and also the built-in exception that a NumPy user
would expect, and its message says what happened, where in the user's own file, why, and
what to write instead.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

REFUSALS: ContextVar[list[SteepestError] | None] = ContextVar("refusals", default=None)
"""Refusals during a trace. An ``except`` in the traced function must not hide them."""


class SteepestError(Exception):
    """Base of every error that steepest raises itself."""


class RefusalError(SteepestError):
    """Code that NumPy can run and steepest cannot."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        noted = REFUSALS.get()
        if noted is not None:
            noted.append(self)


def forgive(refusal: Exception) -> None:
    """Remove a refusal that has been handled."""
    noted = REFUSALS.get()
    if noted and refusal in noted:
        noted.remove(refusal)


class UnsupportedError(RefusalError, TypeError):
    """NumPy code that cannot be recorded as a graph (yet), or run by an engine."""


class ConcreteValueError(RefusalError, TypeError):
    """A traced value was used where Python needs a number that is known now."""


class OperandError(SteepestError, TypeError):
    """An operand of a kind that NumPy does not accept either."""


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
    """A descent does not do what its arguments seem to ask for."""


class TraceWarning(UserWarning):
    """A traced function does something that compiled code does not repeat at each call."""


class VerificationError(SteepestError, AssertionError):
    """A graph that breaks an invariant: a bug in a pass, never in a user's code."""

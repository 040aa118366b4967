"""The errors a user can meet.

Every one is a :class:`SteepestError` and also the built-in exception that a NumPy user
would expect, and its message says what happened, where in the user's own file, why, and
what to write instead.
"""

from __future__ import annotations


class SteepestError(Exception):
    """Base of every error that steepest raises itself."""


class UnsupportedError(SteepestError, TypeError):
    """NumPy code that cannot be recorded as a graph (yet), or run by an engine."""


class ConcreteValueError(SteepestError, TypeError):
    """A traced value was used where Python needs a number that is known now."""


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


class TraceWarning(UserWarning):
    """Something that a traced function does is not what compiled code does at each call."""


class VerificationError(SteepestError, AssertionError):
    """A graph that breaks an invariant: a bug in a pass, never in a user's code."""

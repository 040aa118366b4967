"""The errors and warnings that steepest raises.

Every one is a :class:`SteepestError` and also the built-in exception that a NumPy user
would expect, and its message says what happened, where in the user's own file, why, and
what to write instead.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
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


@contextlib.contextmanager
def not_noting() -> Iterator[None]:
    """Note no refusals."""
    token = REFUSALS.set(None)
    try:
        yield
    finally:
        REFUSALS.reset(token)


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


class ClusterError(SteepestError, RuntimeError):
    """A cluster that gave up: its scheduler is gone, or workers are lost again and again."""


class OptimizeWarning(UserWarning):
    """A descent does not do what its arguments seem to ask for."""


class TraceWarning(UserWarning):
    """A traced function does something that compiled code does not repeat at each call."""


class FiniteDifferenceWarning(UserWarning):
    """A fit takes the derivative of a function that cannot be recorded from differences.

    The message names the function, the line that calls it, and why it cannot be recorded.
    :func:`black_box` says the same in advance, without a warning.

    Examples
    --------
    >>> import ctypes, ctypes.util, warnings
    >>> import numpy as np, steepest as st
    >>> expm1 = ctypes.CDLL(ctypes.util.find_library("m")).expm1
    >>> expm1.restype, expm1.argtypes = ctypes.c_double, [ctypes.c_double]
    >>> with warnings.catch_warnings(record=True) as noted:
    ...     warnings.simplefilter("always")
    ...     run = st.minimize(lambda x: (expm1(x[0]) - 1) ** 2, np.zeros(1))
    >>> issubclass(noted[0].category, st.FiniteDifferenceWarning), run.x.round(4)
    (True, array([0.6931]))
    """


class RandomnessError(UnsupportedError):
    """A function that gives different values for the same arguments."""


class VerificationError(SteepestError, AssertionError):
    """A graph that breaks an invariant: a bug in a pass, never in a user's code."""


def imported(name: str, message: str) -> Any:
    """Return a module of an optional package.

    Raises
    ------
    EngineUnavailableError
        If it is not installed, with a message that says how to.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise EngineUnavailableError(message) from error


def optional(name: str, why: str) -> Any:
    """Return a module of an optional package that has no extra of its own.

    Raises
    ------
    EngineUnavailableError
        If it is not installed.
    """
    package = name.partition(".")[0]
    return imported(name, f"{why} needs {package}, which is not installed: pip install {package}")

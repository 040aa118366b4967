"""Where derivatives may be taken from differences, and where they were."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from steepest.graph.source import Source


@dataclass
class Differencing:
    """Permission to take derivatives from differences, and where that was done.

    Attributes
    ----------
    codes
        Code of the user's functions that cannot be recorded, and why.
    most_operands
        Largest number of elements that a function may be differentiated by; None is no limit.
    used
        Names of the functions that are differenced, with the lines that call them and why.
    calls
        How often each function was called.
    """

    codes: dict[types.CodeType, str]
    most_operands: int | None = None
    used: dict[str, tuple[Source | None, str]] = field(default_factory=dict)
    calls: dict[Any, int] = field(default_factory=dict)


_permission: ContextVar[Differencing | None] = ContextVar("differencing", default=None)


@contextlib.contextmanager
def differencing(permission: Differencing) -> Iterator[None]:
    """Allow that derivatives are taken from differences."""
    token = _permission.set(permission)
    try:
        yield
    finally:
        _permission.reset(token)


def reason_for(code: types.CodeType) -> str | None:
    """Return why a user's function cannot be recorded, as far as is known."""
    permission = _permission.get()
    return None if permission is None else permission.codes.get(code)


def permission_now() -> Differencing | None:
    """Return the permission that is given now; None if derivatives must be exact."""
    return _permission.get()

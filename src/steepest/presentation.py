"""A registry of the modules that print, draw and plot, for layers that must not import them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

_LOADERS: dict[str, Callable[[], ModuleType]] = {}


def register(kind: str, load: Callable[[], ModuleType]) -> None:
    """Register a function that loads the module for one kind of presentation."""
    _LOADERS[kind] = load


def presenter(kind: str) -> ModuleType:
    """Return the module for a kind: ``"picture"``, ``"plot"``, ``"report"``..."""
    return _LOADERS[kind]()

"""What shows graphs and descents, for the modules below it: it registers itself here."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

_LOADERS: dict[str, Callable[[], ModuleType]] = {}


def register(kind: str, load: Callable[[], ModuleType]) -> None:
    """Register what loads the module that presents something, once it is asked for."""
    _LOADERS[kind] = load


def presenter(kind: str) -> ModuleType:
    """Return the module that presents something: ``"picture"``, ``"plot"``, ``"report"``..."""
    return _LOADERS[kind]()

"""The same descent on every engine."""

from __future__ import annotations

from typing import Any

from steepest.descent import Result, minimize
from steepest.engines import BY_NAME
from steepest.errors import EngineUnavailableError


def installed_engines() -> list[str]:
    """Return the names of the engines that can run here."""
    names = []
    for name, make in BY_NAME.items():
        try:
            make()
        except EngineUnavailableError:
            continue
        names.append(name)
    return names


def compare_engines(function: Any, x0: Any, **settings: Any) -> list[Result]:
    """Return the descent's result on each installed engine."""
    return [minimize(function, x0, engine=name, **settings) for name in installed_engines()]

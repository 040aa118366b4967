"""Settings of NumPy and Python by which a computation raises: compiled code knows of none."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.following.namespaces import SEEN

_QUIET = (None, "ignore", "warn")


def _quiet_only(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *(value for key, value in kwargs.items() if key != "call")]
        loud = [value for value in given if value not in _QUIET]
        if loud:
            raise UnsupportedError(
                f"np.{name}(...={loud[0]!r}){at(user_source())} cannot be recorded: compiled code "
                "does not stop at a division by zero or an overflow; test for it, such as with "
                "`if not np.all(np.isfinite(y)): raise ...`"
            )
        return real(*args, **kwargs)

    seen.__name__ = name
    return seen


def _no_errors(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        action = args[0] if args and name != "catch_warnings" else kwargs.get("action")
        category = kwargs.get("category", Warning)
        place = 2 if name == "filterwarnings" else 1
        if name != "catch_warnings" and len(args) > place:
            category = args[place]
        if action == "error" and issubclass(RuntimeWarning, category):
            raise UnsupportedError(
                f"warnings.{name}('error'){at(user_source())} cannot be recorded: compiled code "
                "does not warn of a division by zero or an overflow; test for it, such as with "
                "`if not np.all(np.isfinite(y)): raise ...`"
            )
        return real(*args, **kwargs)

    seen.__name__ = name
    return seen


SEEN[np.errstate] = _quiet_only(np.errstate, "errstate")
SEEN[np.seterr] = _quiet_only(np.seterr, "seterr")
for _name in ("simplefilter", "filterwarnings", "catch_warnings"):
    SEEN[getattr(warnings, _name)] = _no_errors(getattr(warnings, _name), _name)

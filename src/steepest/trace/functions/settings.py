"""Settings that turn warnings into errors, which compiled code cannot follow."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.following.namespaces import SEEN

_SUPPORTED = (None, "ignore", "warn")


def _refusing_raise(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *(value for key, value in kwargs.items() if key != "call")]
        raising = [value for value in given if value not in _SUPPORTED]
        if raising:
            raise UnsupportedError(
                f"np.{name}(...={raising[0]!r}){at(user_source())} cannot be recorded: compiled "
                "code does not stop at a division by zero or an overflow; test for it, such as "
                "with `if not np.all(np.isfinite(y)): raise ...`"
            )
        return real(*args, **kwargs)

    seen.__name__ = name
    return seen


def _refusing_error_filters(real: Callable[..., Any], name: str) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        action = args[0] if args and name != "catch_warnings" else kwargs.get("action")
        category = kwargs.get("category", Warning)
        position = 2 if name == "filterwarnings" else 1
        if name != "catch_warnings" and len(args) > position:
            category = args[position]
        if action == "error" and issubclass(RuntimeWarning, category):
            raise UnsupportedError(
                f"warnings.{name}('error'){at(user_source())} cannot be recorded: compiled code "
                "does not warn of a division by zero or an overflow; test for it, such as with "
                "`if not np.all(np.isfinite(y)): raise ...`"
            )
        return real(*args, **kwargs)

    seen.__name__ = name
    return seen


SEEN[np.errstate] = _refusing_raise(np.errstate, "errstate")
SEEN[np.seterr] = _refusing_raise(np.seterr, "seterr")
for _name in ("simplefilter", "filterwarnings", "catch_warnings"):
    SEEN[getattr(warnings, _name)] = _refusing_error_filters(getattr(warnings, _name), _name)

"""The names of functions in messages."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from steepest.graph.source import Source, function_source, is_installed
from steepest.trace.arrays.ufuncs import full_name


def name_of(function: Any) -> str:
    """Return the name of a function as a user writes it: with a library's public module."""
    if isinstance(function, np.ufunc):
        return full_name(function)
    function = getattr(function, "pyfunc", getattr(function, "func", function))
    name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
    if name is None:
        return f"a {type(function).__name__}"
    name = str(name).rpartition("<locals>.")[2]
    source = users_source(function)
    if source is not None:
        return name
    parts = (getattr(function, "__module__", None) or "").split(".")
    short = getattr(function, "__name__", name)
    for count in range(1, len(parts) + 1):  # the module that users import it from
        module = ".".join(parts[:count])
        if getattr(sys.modules.get(module), short, None) is function:
            return f"{module}.{short}"
    public = ".".join(part for part in parts if not part.startswith("_"))
    return f"{public}.{name}" if public not in ("", "builtins", "__main__", "ctypes") else name


def users_source(function: Any) -> Source | None:
    """Return the line that a function of the user's is defined at."""
    source = function_source(getattr(function, "py_func", function))
    return None if source is None or is_installed(source.file) else source


def short_name(name: str) -> str:
    """Return the last part of a name, as an argument of a call is written."""
    short = name.rpartition(".")[2]
    return short if short.isidentifier() else "function"

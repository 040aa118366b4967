"""Values of a recording as the caller's code may keep them."""

from __future__ import annotations

import collections
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph.source import is_library
from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.following.places import cell_value
from steepest.trace.following.stand_ins import SeenFunction, SeenModule, SeenType
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session

_EMPTY_FIRST = (list, dict, collections.deque)
"""Containers that are made empty first, and filled then."""

_LIBRARIES = sys.stdlib_module_names - {"types"} | {"numpy", "scipy", "builtins"}
"""Top-level packages whose objects are taken as they are."""


def plain(value: Any, session: Session, memo: dict[int, tuple[Any, Any]]) -> Any:
    """Return a value in which nothing belongs to the recording.

    Traced arrays become arrays with the values of this call. Stand-ins become the objects
    that they stand for. `memo` holds the values that were met before, by identity, with what
    became of them.
    """
    original = session.originals.get(id(value), MISSING)
    if original is not MISSING:
        return original
    if id(value) not in memo:
        kind = next((kind for kind in _EMPTY_FIRST if isinstance(value, kind)), None)
        if kind is None:
            memo[id(value)] = value, _made_plain(value, session, memo)
        else:  # memoized while it is empty, because it may hold itself
            made = value.copy()
            made.clear()
            memo[id(value)] = value, made
            _fill(made, value, lambda item: plain(item, session, memo))
    return memo[id(value)][1]


def _fill(made: Any, value: Any, inner: Callable[[Any], Any]) -> None:
    if isinstance(made, dict):
        made.update({inner(key): inner(item) for key, item in value.items()})
    else:
        made.extend(map(inner, value))


def _made_plain(value: Any, session: Session, memo: dict[int, tuple[Any, Any]]) -> Any:
    def inner(item: Any) -> Any:
        return plain(item, session, memo)

    if isinstance(value, TracedArray):
        known = np.array(value.session.value(value.node))
        if value.weak:
            return known.item()
        return known[()] if value.is_scalar else known
    if isinstance(value, Traced):
        parts: Any = value
        return inner(parts.real) + 1j * inner(parts.imag)
    if isinstance(value, SeenFunction | SeenType | SeenModule):
        return value._real
    if isinstance(value, set | frozenset):
        return type(value)(map(inner, value))
    if isinstance(value, tuple):
        items = [inner(item) for item in value]
        kind = session.originals.get(id(type(value)), type(value))
        return tuple.__new__(kind, items) if hasattr(value, "_fields") else kind(items)
    if isinstance(value, types.MethodType):
        return types.MethodType(inner(value.__func__), inner(value.__self__))
    if isinstance(value, functools.partial):
        keywords = {name: inner(item) for name, item in value.keywords.items()}
        return functools.partial(inner(value.func), *map(inner, value.args), **keywords)
    if isinstance(value, types.FunctionType) and hasattr(value.__globals__, "real"):
        return _plain_function(value, inner)
    if isinstance(value, types.FunctionType) and is_library(value.__code__.co_filename):
        return getattr(value, "__wrapped__", value)  # a version of a library's function
    return _plain_object(value, session, memo, inner)


def _plain_function(function: types.FunctionType, inner: Callable[[Any], Any]) -> Any:
    """Return a function that was made during the trace, over the real globals."""
    cells = function.__closure__ or ()
    namespace: Any = function.__globals__
    made = types.FunctionType(
        function.__code__,
        namespace.real,
        function.__name__,
        inner(function.__defaults__),
        tuple(types.CellType(inner(cell_value(cell))) for cell in cells) or None,
    )
    made.__kwdefaults__ = inner(function.__kwdefaults__)
    made.__dict__.update({name: inner(item) for name, item in function.__dict__.items()})
    return made


def _plain_object(
    value: Any, session: Session, memo: dict[int, tuple[Any, Any]], inner: Callable[[Any], Any]
) -> Any:
    """Return an object that was made during the trace, with plain attributes.

    It is the same object, unless it is of a stand-in's class or holds something traced.
    """
    kind = type(value)
    is_library = kind.__module__.partition(".")[0] in _LIBRARIES
    if isinstance(value, type) or is_library or not hasattr(value, "__dict__"):
        return value
    real = session.originals.get(id(kind), kind)
    made = value if real is kind else object.__new__(real)
    memo[id(value)] = value, made
    attributes = {name: inner(item) for name, item in vars(value).items()}
    if real is kind and any(attributes[name] is not item for name, item in vars(value).items()):
        made = object.__new__(real)  # it holds something traced
        memo[id(value)] = value, made
    if made is not value:
        made.__dict__.update(attributes)
    return made

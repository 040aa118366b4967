"""What a traced function sees in place of what libraries define.

NumPy's functions, `math`'s, and the builtins that convert or create numbers are replaced by
versions that record. They are found by identity, not by name: ``from numpy import zeros as z``
is replaced as well as ``np.zeros``.
"""

from __future__ import annotations

import ast
import builtins
import functools
import json
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import RefusalError, UnsupportedError
from steepest.frames import stands_in
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced, holds_traced, python_type
from steepest.trace.arrays.dispatch import as_returned
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.registries import CALLS
from steepest.trace.arrays.text import refuse_text
from steepest.trace.following.stand_ins import (
    PURE,
    READ,
    SEEN_TYPES,
    LibraryObject,
    SeenFunction,
    SeenModule,
    SeenType,
    is_of_scipy,
    load_scipy_of,
    public_name,
    seen_type,
    to_number,
)
from steepest.trace.following.writes import warn
from steepest.trace.recording.chance import (
    is_seeded,
    makes_generators,
    refuse_chance,
    refuse_random,
)
from steepest.trace.recording.session import current, is_tracing

SEEN: dict[Any, Any] = {}
"""Versions that record, by the function that each replaces; ``trace.functions`` fills it."""

SEEN_BY_NAME: dict[str, Callable[..., Any]] = {}
"""Versions that record functions of libraries that are not imported here, by full name."""

MADE: dict[type, Callable[[Any], Any]] = {}
"""Makes the stand-in of an object of a library's type that was made outside, by type."""

MADE_BY_NAME: dict[str, Callable[[Any], Any]] = {}
"""The same for types of libraries that are not imported here, by the full name of a base."""

WATCHED: dict[Any, Any] = {}
"""Versions that only check their arguments, by the function that each replaces."""

_TRANSPARENT = frozenset((
    "builtins", "operator", "functools", "itertools", "collections", "copy", "heapq", "bisect",
    "contextlib", "dataclasses", "typing", "types", "abc", "enum", "numbers", "warnings",
    "logging", "pprint", "reprlib", "inspect", "traceback", "sys", "threading", "time", "string",
    "unittest", "bdb", "pdb", "steepest", "math", "cmath",
))  # fmt: skip
"""Modules of Python's library that pass values on and do not compute with them."""

_CLOCKS = frozenset({"time"})


def _refusing_text(real: Callable[..., Any]) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        refuse_text(args, f"{real.__name__}()")
        return real(*args, **kwargs)

    return SeenFunction(real, seen)


for _reader in (builtins.len, builtins.compile, ast.literal_eval, json.loads):
    WATCHED[_reader] = _refusing_text(_reader)


def _hasattr(value: Any, name: str) -> bool:
    """Whether a value has an attribute; a traced value has those of its plain type."""
    if not isinstance(value, Traced) or not isinstance(name, str):
        return hasattr(value, name)
    return any(name in vars(kind) for kind in python_type(value).__mro__)  # and no metaclass


WATCHED[builtins.hasattr] = SeenFunction(builtins.hasattr, _hasattr)


_modules: dict[types.ModuleType, SeenModule] = {}
_functions: dict[Any, SeenFunction] = {}


def see_library(value: Any, name: str = "") -> Any:
    """Return what traced code sees in place of something that a library defines."""
    if isinstance(value, types.ModuleType):
        return _modules.get(value) or _modules.setdefault(value, SeenModule(value))
    refuse_random(value, name)
    if makes_generators(value):
        return _seeded(value)
    if isinstance(value, type):
        return _see_type(value)
    make = maker_of(type(value))
    if make is not None:
        return make(value)
    if not callable(value) and value is not np.r_ and value is not np.c_:
        return value
    try:
        seen = SEEN[value] if value in SEEN else WATCHED.get(value)
    except TypeError:  # unhashable
        return value
    if seen is not None or type(value).__module__.startswith("steepest."):
        return value if seen is None else seen
    module = getattr(value, "__module__", None) or ""
    _note_changing(value, module, name)
    if module in _CLOCKS:
        return _announcing(value)
    if module.startswith("scipy."):
        load_scipy_of(value)
        found = SEEN_BY_NAME.get(public_name(value))
        return _guarded(value) if found is None else _only_traced(value, found)
    if module.partition(".")[0] == "numpy" or isinstance(value, np.ufunc):
        return _functions.get(value) or _functions.setdefault(value, SeenFunction(value))
    return _guarded(value) if _computes(module) else value


def maker_of(cls: type) -> Callable[[Any], Any] | None:
    """Return what makes the stand-in of a library's object; None if there is none."""
    if not is_of_scipy(cls):  # most often
        return MADE.get(cls)
    load_scipy_of(cls)
    names = map(public_name, cls.__mro__)
    return next((MADE_BY_NAME[x] for x in names if x in MADE_BY_NAME), None)


CALLS["type"], READ["library"] = functools.cache(see_library), see_library


def _computes(module: str) -> bool:
    """Whether a module is of Python's library, and its functions compute with their arguments."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top.lstrip("_") not in _TRANSPARENT


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a version of a library's function whose errors about traced values are refusals."""
    if not isinstance(function, types.FunctionType | types.BuiltinFunctionType):
        return function

    return SeenFunction(function, lambda *a, **k: CALLS["attempt"](function, a, k))


def _refused(function: Any, error: Exception | None = None) -> UnsupportedError:
    why = f" ({error})" if error else ""
    return UnsupportedError(
        f"{function.__module__}.{function.__name__} is given a traced value{at(user_source())}, "
        f"with which it cannot compute{why}: compute it outside and pass it in"
    )


def _refusing(real: type) -> Callable[..., Any]:
    def convert(*args: Any, **kwargs: Any) -> Any:
        raise _refused(real)

    return convert


class _Seeded(SeenType):
    """A type of random number generators, which a traced function may make from a seed."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        return _from_seed(cls._real, args, kwargs)


def _seeded(maker: Any) -> Any:
    if not isinstance(maker, type):
        return lambda *args, **kwargs: _from_seed(maker, args, kwargs)
    return seen_type(maker, kind=_Seeded)


def _from_seed(maker: Any, args: Any, kwargs: Any) -> Any:
    if not is_seeded(maker, args, kwargs) or holds_traced([*args, *kwargs.values()]):
        refuse_chance(f"{maker.__name__} without a seed")
    return maker(*args, **kwargs)


def _note_changing(value: Any, module: str, name: str) -> None:
    """Note a function of Python's library whose result may differ from call to call."""
    top = module.partition(".")[0]
    if top.lstrip("_") not in PURE and top in sys.stdlib_module_names and is_tracing():
        current().root.captures.opaque.append(name or getattr(value, "__name__", module))


def _announcing(clock: Callable[..., Any]) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        warn(
            f"{clock.__name__} is read when the function is traced: in compiled code it stands "
            "still",
            user_source(),
        )
        return clock(*args, **kwargs)

    return SeenFunction(clock, seen)


def _only_traced(real: Callable[..., Any], recorded: Callable[..., Any]) -> Callable[..., Any]:
    name = public_name(real)

    def seen(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if not holds_traced(given) and not any(map(_reads_outside, given)):
            return real(*args, **kwargs)
        try:
            result = call_implementation(recorded, name, args, kwargs, real)
        except RefusalError as error:
            return CALLS["instead"](real, args, kwargs, error)
        return as_returned(result, name, args, kwargs)

    return SeenFunction(real, seen)


def _reads_outside(value: Any) -> bool:
    """Whether an argument may bring traced values that cannot be seen in it."""
    return isinstance(value, LibraryObject | types.FunctionType | types.MethodType)


def _see_type(value: type) -> Any:
    if value.__module__.startswith("scipy."):
        load_scipy_of(value)
        made = SEEN_BY_NAME.get(public_name(value))
        if made is not None:
            return made if isinstance(made, type) else seen_type(value, made)
    if value in SEEN_TYPES or value in SEEN:
        return SEEN.get(value) or SEEN_TYPES[value]
    if issubclass(value, np.generic):
        return seen_type(value, to_number(value))
    if value is np.ndarray or value.__module__ == "numbers":
        return seen_type(value)
    if value in (np.finfo, np.iinfo):
        return _functions.setdefault(value, SeenFunction(value))
    if value in _BUFFERS or (_computes(value.__module__) and not issubclass(value, Exception)):
        return seen_type(value, _refusing(value))
    return value


_BUFFERS = frozenset({memoryview, bytes, bytearray})


def _opaque(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a version of a function whose use makes the trace hold for this call only."""

    @stands_in
    def seen(*args: Any, **kwargs: Any) -> Any:
        current().root.captures.opaque.append(function.__name__)
        return function(*args, **kwargs)

    return SeenFunction(function, seen)


for _function in (builtins.id, builtins.open, builtins.input):
    WATCHED[_function] = _opaque(_function)


@functools.cache
def seen_builtins() -> dict[str, Any]:
    """Return the builtins as traced code sees them."""
    return {
        name: see_library(value) if getattr(value, "__module__", "") == "builtins" else value
        for name, value in vars(builtins).items()
    } | {"open": WATCHED[builtins.open]}

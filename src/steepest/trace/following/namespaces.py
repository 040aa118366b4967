"""What a traced function sees in place of libraries' functions, types and modules.

NumPy's functions, `math`'s, and the builtins that convert or create numbers are replaced by
versions that record. They are found by what they are, not by what they are called, so that
``from numpy import zeros as z`` is seen as well as ``np.zeros``.
"""

from __future__ import annotations

import ast
import builtins
import functools
import json
import math
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import SteepestError, UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced, TracedArray, as_traced, holds_traced, python_type
from steepest.trace.arrays.assignment import freeze
from steepest.trace.arrays.dispatch import (
    as_number,
    as_returned,
    call_function,
    call_ufunc,
)
from steepest.trace.arrays.implementations import call_implementation
from steepest.trace.arrays.numbers import python_number, single, whole
from steepest.trace.arrays.refusals import refuse
from steepest.trace.arrays.registries import CALLS, UFUNC_METHODS
from steepest.trace.arrays.text import refuse_text
from steepest.trace.following.plain_values import STAND_INS
from steepest.trace.following.writes import warn
from steepest.trace.recording.chance import (
    is_seeded,
    makes_generators,
    refuse_chance,
    refuse_random,
)
from steepest.trace.recording.session import SUPPORTED, current, is_tracing

SEEN: dict[Any, Any] = {}
"""Versions that record, by the function they stand for; ``trace.functions`` fills it."""

SEEN_BY_NAME: dict[str, Callable[..., Any]] = {}
"""The same for libraries that are not imported here, by full name."""

MADE: dict[type, Callable[[Any], Any]] = {}
"""What traced code sees for objects of libraries' types that were made outside, by type."""

WATCHED: dict[Any, Any] = {}
"""Versions that only look at what they are given, by the function they stand for."""

MAKERS: frozenset[Any] = frozenset({np.zeros, np.empty, np.ones, np.full})
"""Functions whose results are recorded even where no argument is traced."""

READ: dict[str, Callable[..., Any]] = {}
"""What notes a value that is read; ``trace.following.follow`` fills it."""

_PURE = frozenset((
    "numpy", "math", "cmath", "scipy", "builtins", "numbers", "operator", "functools",
    "itertools", "collections", "typing", "dataclasses", "abc", "enum", "fractions",
    "decimal", "statistics", "copy", "types", "string", "re", "textwrap", "bisect", "heapq",
    "struct", "warnings", "contextlib", "steepest",
))  # fmt: skip
"""Top-level modules whose functions give the same for the same arguments."""

_TRANSPARENT = frozenset((
    "builtins", "operator", "functools", "itertools", "collections", "copy", "heapq", "bisect",
    "contextlib", "dataclasses", "typing", "types", "abc", "enum", "numbers", "warnings",
    "logging", "pprint", "reprlib", "inspect", "traceback", "sys", "threading", "time", "string",
    "unittest", "bdb", "pdb", "steepest", "math", "cmath",
))  # fmt: skip
"""Modules of Python's library that hand on what they are given, and do not compute with it."""

_CLOCKS = frozenset({"time"})


class SeenFunction:
    """A library's function, as traced code sees it: it says of itself what the real one says.

    Where nothing else is to be called in its place it is NumPy's: what it returns for plain
    arguments is an array that can hold traced values.
    """

    def __init__(
        self, real: Callable[..., Any], instead: Callable[..., Any] | None = None
    ) -> None:
        self._real, self._instead = real, instead
        for name in ("__name__", "__qualname__", "__module__", "__doc__"):
            if hasattr(real, name):
                setattr(self, name, getattr(real, name))

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(self) -> Any:
        return type(self._real)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Record the call, or call the real one where nothing is traced."""
        if self._instead is not None:
            return self._instead(*args, **kwargs)
        args, kwargs = _unwrapped(args), _unwrapped(kwargs)
        refuse_text(args, f"np.{self.__name__}")
        if any(isinstance(value, types.GeneratorType) for value in args):
            raise UnsupportedError(
                f"a generator is given to np.{self.__name__}{at(user_source())}, which would not "
                "record its items: use the builtin sum, or a list"
            )
        if self._real in MAKERS or holds_traced([*args, *kwargs.values()]):
            if isinstance(self._real, np.ufunc):
                return call_ufunc(self._real, *args, **kwargs)
            return call_function(self._real, args, kwargs)
        return recordable(self._real(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._real, name)
        if not isinstance(self._real, np.ufunc) or not callable(attribute):
            return attribute
        return _seen_ufunc_method(self._real, name)

    def __repr__(self) -> str:
        return repr(self._real)

    def __eq__(self, other: object) -> bool:
        # Methods of ufuncs are made anew each time: equal, not the same.
        return self._real == (other._real if type(other) is SeenFunction else other)

    def __hash__(self) -> int:
        return hash(self._real)

    def __copy__(self) -> SeenFunction:
        return self

    def __deepcopy__(self, memo: Any) -> SeenFunction:
        return self


def _seen_ufunc_method(ufunc: np.ufunc, name: str) -> SeenFunction:
    def method(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = _unwrapped(args), _unwrapped(kwargs)
        if not holds_traced([*args, *kwargs.values()]):
            return recordable(getattr(ufunc, name)(*args, **kwargs))
        implementation, full = UFUNC_METHODS.get((ufunc, name)), f"np.{ufunc.__name__}.{name}"
        if implementation is None:
            refuse(full)
        result = call_implementation(implementation, full, args, kwargs, getattr(ufunc, name))
        return as_returned(result, full, args, kwargs)

    return SeenFunction(getattr(ufunc, name), method)


def recordable(result: Any) -> Any:
    """Return a plain result with its arrays as ones that can hold traced values."""
    if type(result) is np.ndarray and result.dtype in SUPPORTED:
        ordered = result.flags.c_contiguous
        made = TracedArray(current().lift(result), current(), is_scalar=False, ordered=ordered)
        return made if result.flags.writeable else freeze(made, "NumPy made it read-only")
    if type(result) in (tuple, list):
        return type(result)(map(recordable, result))
    return result


def _unwrapped(values: Any) -> Any:
    """Return arguments with the real types in place of seen ones (``dtype=float``)."""
    if isinstance(values, dict):
        return {name: _unwrapped(value) for name, value in values.items()}
    if type(values) in (tuple, list):
        return type(values)(map(_unwrapped, values))
    if isinstance(values, SeenType):
        return values._real
    return values._real if isinstance(values, SeenModule) else values


class SeenType(type):
    """A type, as traced code sees it: it knows traced values as its instances."""

    _real: type
    convert: Callable[..., Any] | None

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(cls) -> Any:
        return see_library(type(cls._real))

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Record a conversion, or convert plain values."""
        args, kwargs = _unwrapped(args), _unwrapped(kwargs)
        if cls._real is not str:
            refuse_text(args, f"{cls._real.__name__}()")
        if cls.convert is not None and holds_traced([*args, *kwargs.values()]):
            return cls.convert(*args, **kwargs)
        return cls._real(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        if isinstance(instance, Traced):
            return issubclass(python_type(instance), cls._real)
        return isinstance(instance, cls._real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(_unwrapped(subclass), cls._real)

    def __getattr__(cls, name: str) -> Any:
        if name == "dtype":  # so that NumPy takes it for a dtype
            return np.dtype(cls._real)
        return getattr(cls._real, name)

    def __eq__(cls, other: object) -> bool:
        return cls._real is _unwrapped(other)

    def __hash__(cls) -> int:
        return hash(cls._real)

    def __repr__(cls) -> str:
        return repr(cls._real)


_types: dict[type, SeenType] = {}


STAND_INS += [SeenFunction, SeenType]


def seen_type(real: type, convert: Callable[..., Any] | None = None) -> SeenType:
    """Return a type as traced code sees it."""
    if real not in _types:
        namespace: dict[str, Any] = {"__module__": real.__module__, "__doc__": real.__doc__}
        namespace |= {"_real": real, "convert": staticmethod(convert) if convert else None}
        _types[real] = SeenType(real.__name__, (), namespace)
    return _types[real]


def _to_number(dtype: type) -> Callable[..., Any]:
    """Return a conversion to a NumPy scalar, or an array, of a dtype."""
    return lambda value=0: as_number(as_traced(value).astype(dtype))


def _to_float(value: Any) -> TracedArray:
    return python_number(single(value, "float()"), np.float64)


def _to_int(value: Any) -> TracedArray:
    return whole(single(value, "int()"), "int()")


class _TypeOf(SeenType):
    """The builtin ``type``, which knows what a traced value would be."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], Traced):
            return see_library(python_type(args[0]))
        if len(args) == 1 and isinstance(args[0], SeenFunction | SeenType):
            return see_library(type(args[0]._real))
        if len(args) == 1 and is_tracing():
            return READ["type"](args[0])
        if len(args) == 3:
            bases = tuple(getattr(base, "_followed", _unwrapped(base)) for base in args[1])
            return types.new_class(args[0], bases, kwargs, lambda made: made.update(args[2]))
        return type(*args, **kwargs)


_types[type] = _TypeOf("type", (), {"_real": type, "convert": None})
seen_type(float, _to_float)
seen_type(int, _to_int)


def _refusing_text(real: Callable[..., Any]) -> Callable[..., Any]:
    def seen(*args: Any, **kwargs: Any) -> Any:
        refuse_text(args, f"{real.__name__}()")
        return real(*args, **kwargs)

    return SeenFunction(real, seen)


for _reader in (builtins.len, builtins.compile, ast.literal_eval, json.loads):
    WATCHED[_reader] = _refusing_text(_reader)


def _hasattr(value: Any, name: str) -> bool:
    """Whether a value has an attribute; a traced one has those that NumPy's or Python's has."""
    if not isinstance(value, Traced) or not isinstance(name, str):
        return hasattr(value, name)
    return any(name in vars(kind) for kind in python_type(value).__mro__)  # and no metaclass


WATCHED[builtins.hasattr] = SeenFunction(builtins.hasattr, _hasattr)


class SeenModule(types.ModuleType):
    """A library's module, as traced code sees it."""

    def __init__(self, real: types.ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self._real = real

    def __getattr__(self, name: str) -> Any:
        real, full_name = self._real, f"{self.__name__}.{name}"
        value = getattr(real, name)
        if isinstance(value, types.ModuleType) or _is_given(real, name, value):
            seen = see_library(value, full_name)
            if real.__name__ in _GIVEN:
                self.__dict__[name] = seen  # where Python finds it the next time
            return seen
        return READ["see"](value, functools.partial(getattr, real, name), full_name, current())

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_real", "__name__", "__doc__"):
            super().__setattr__(name, value)
            return
        raise UnsupportedError(
            f"the traced function assigns to {self.__name__}.{name}{at(user_source())}: the "
            "recorded graph would not repeat it; return the value instead"
        )

    def __dir__(self) -> list[str]:
        return dir(self._real)


STAND_INS.append(SeenModule)


_GIVEN = {module.__name__: frozenset(vars(module)) for module in (np, np.linalg, math, builtins)}
"""What these modules hold, before anybody adds to them."""


def _is_given(module: types.ModuleType, name: str, value: Any) -> bool:
    """Whether a module has a value of itself, which nobody changes."""
    given = _GIVEN.get(module.__name__)
    if given is not None:
        return name in given
    return callable(value) and module.__name__.partition(".")[0] in _PURE


_modules: dict[types.ModuleType, SeenModule] = {}
_functions: dict[Any, SeenFunction] = {}


def see_library(value: Any, name: str = "") -> Any:
    """Return what traced code sees for something that a library defines."""
    if isinstance(value, types.ModuleType):
        return _modules.get(value) or _modules.setdefault(value, SeenModule(value))
    refuse_random(value, name)
    if makes_generators(value):
        return _seeded(value)
    if isinstance(value, type):
        return _see_type(value)
    if type(value) in MADE:
        return MADE[type(value)](value)
    if not callable(value) and value is not np.r_ and value is not np.c_:
        return value
    try:
        seen = SEEN[value] if value in SEEN else WATCHED.get(value)
    except TypeError:  # unhashable
        return value
    if seen is not None:
        return seen
    module = getattr(value, "__module__", None) or ""
    _note_changing(value, module, name)
    if module in _CLOCKS:
        return _announcing(value)
    if module.startswith("scipy."):
        found = SEEN_BY_NAME.get(f"{_public(module)}.{getattr(value, '__name__', '')}")
        return _guarded(value) if found is None else _only_traced(value, found)
    if module.partition(".")[0] == "numpy" or isinstance(value, np.ufunc):
        return _functions.get(value) or _functions.setdefault(value, SeenFunction(value))
    return _guarded(value) if _computes(module) else value


CALLS["type"] = functools.cache(see_library)


def _computes(module: str) -> bool:
    """Whether a module of Python's library computes with what its functions are given."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top.lstrip("_") not in _TRANSPARENT


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a library's function, whose complaints about traced values are refusals."""
    if not isinstance(function, types.FunctionType | types.BuiltinFunctionType):
        return function

    def seen(*args: Any, **kwargs: Any) -> Any:
        if not holds_traced([*args, *kwargs.values()]):
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        except SteepestError:
            raise
        except Exception as error:
            raise _refused(function, error) from error

    return SeenFunction(function, seen)


def _refused(function: Any, error: Exception | None = None) -> UnsupportedError:
    why = f" ({error})" if error else ""
    return UnsupportedError(
        f"{function.__module__}.{function.__name__} is given a traced value{at(user_source())}, "
        f"with which it cannot compute{why}: give its derivative with st.custom_derivative, or "
        "compute it outside and pass it in"
    )


def _refusing(real: type) -> Callable[..., Any]:
    def convert(*args: Any, **kwargs: Any) -> Any:
        raise _refused(real)

    return convert


class _Seeded(SeenType):
    """A type of generators of random numbers, which the function may make from a seed."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return _from_seed(cls._real, args, kwargs)


def _seeded(maker: Any) -> Any:
    if not isinstance(maker, type):
        return lambda *args, **kwargs: _from_seed(maker, args, kwargs)
    if maker not in _types:
        _types[maker] = _Seeded(maker.__name__, (), {"_real": maker, "convert": None})
    return _types[maker]


def _from_seed(maker: Any, args: Any, kwargs: Any) -> Any:
    if not is_seeded(maker, args, kwargs) or holds_traced([*args, *kwargs.values()]):
        refuse_chance(f"{maker.__name__} without a seed")
    return maker(*args, **kwargs)


def _note_changing(value: Any, module: str, name: str) -> None:
    """Note a function of Python's library that may give something else at each call."""
    top = module.partition(".")[0]
    if top not in _PURE and top in sys.stdlib_module_names and is_tracing():
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
    name = f"{_public(real.__module__)}.{real.__name__}"

    def seen(*args: Any, **kwargs: Any) -> Any:
        if not holds_traced([*args, *kwargs.values()]):
            return real(*args, **kwargs)
        result = call_implementation(recorded, name, args, kwargs, real)
        return as_returned(result, name, args, kwargs)

    return SeenFunction(real, seen)


def _public(module: str) -> str:
    return ".".join(part for part in module.split(".") if not part.startswith("_"))


def _see_type(value: type) -> Any:
    if value in _types or value in SEEN:
        return SEEN.get(value) or _types[value]
    if issubclass(value, np.generic):
        return seen_type(value, _to_number(value))
    if value is np.ndarray or value.__module__ == "numbers":
        return seen_type(value)
    if value in (np.finfo, np.iinfo):
        return _functions.setdefault(value, SeenFunction(value))
    if value in _BUFFERS or (_computes(value.__module__) and not issubclass(value, Exception)):
        return seen_type(value, _refusing(value))
    return value


_BUFFERS = frozenset({memoryview, bytes, bytearray})


def _opaque(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the trace hold for this call only: what the function says is not noted."""

    def seen(*args: Any, **kwargs: Any) -> Any:
        current().root.captures.opaque.append(function.__name__)
        return function(*args, **kwargs)

    return SeenFunction(function, seen)


for _door in (builtins.id, builtins.open, builtins.input):
    WATCHED[_door] = _opaque(_door)


@functools.cache
def seen_builtins() -> dict[str, Any]:
    """Return the builtins as traced code sees them."""
    return {
        name: see_library(value) if getattr(value, "__module__", "") == "builtins" else value
        for name, value in vars(builtins).items()
    } | {"open": WATCHED[builtins.open]}

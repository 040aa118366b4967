"""A function's names, seen while it is traced.

A function that is traced runs with its own code over a live view of its globals, closure
and defaults: each name that it reads is noted, captured arrays become traced inputs, and
functions of the user's own are followed. Nothing global is patched.
"""

from __future__ import annotations

import dis
import functools
import os
import random
import sys
import sysconfig
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import source
from steepest.graph.source import Source, at, user_source
from steepest.trace.array import TracedArray
from steepest.trace.captures import MISSING, is_comparable
from steepest.trace.session import SUPPORTED, Session

LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy", "steepest", "builtins"}
"""Top-level packages whose functions are called as they are."""

_TAKEN_DIRECTLY = ("__builtins__", "__name__", "__package__", "__spec__", "__file__")

_RANDOM_MODULES = {"random", "secrets", "numpy.random"}
_RANDOM_TYPES = (np.random.Generator, np.random.RandomState, random.Random)

_STANDARD_LIBRARY = sysconfig.get_path("stdlib") + os.sep


class View(dict):
    """The globals of a user's function, as a traced run sees them."""

    def __init__(self, real: dict[str, Any], session: Session) -> None:
        # These the interpreter takes from the dictionary itself, past __getitem__.
        super().__init__({name: real[name] for name in _TAKEN_DIRECTLY if name in real})
        self.real = real
        self.session = session
        self.seen: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.seen:
            real = self.real
            self.seen[name] = see(
                real.get(name, MISSING), lambda: real.get(name, MISSING), name, self.session
            )
        value = self.seen[name]
        if value is MISSING:
            raise KeyError(name)
        return value


def see(value: Any, read: Callable[[], Any], name: str, session: Session) -> Any:
    """Return what a traced function sees for a value that it reads, and note the reading.

    Parameters
    ----------
    value
        What the name means now.
    read
        Reads it again, at a later call.
    name
        The name, for messages.
    session
        The recording.
    """
    captures = session.root.captures
    if isinstance(value, TracedArray):
        return value
    if type(value) is np.ndarray and value.dtype in SUPPORTED:
        if value.dtype == np.bool_:  # a mask decides shapes: compared by value
            captures.values.append((read, value.copy()))
            return value
        return TracedArray(session.hold(value, name, read), session.root)
    refuse_random(value, name)
    if is_comparable(value) or value is MISSING or is_library(value):
        captures.values.append((read, value))
        return value
    if isinstance(value, types.FunctionType):
        captures.values.append((read, value))
        return follow(value, session)
    captures.opaque.append(f"{name} ({type(value).__name__})")
    if isinstance(value, types.MethodType | functools.partial):
        return follow(value, session)
    return value


def is_library(value: Any) -> bool:
    """Whether a value is a module, class or function that no user changes."""
    if isinstance(value, types.ModuleType):
        name = value.__name__
    elif isinstance(value, types.FunctionType) and not _is_library_file(value.__code__):
        return False  # whatever its module is called
    elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | np.ufunc):
        name = getattr(value, "__module__", None) or "builtins"
    else:
        # Transformed functions (st.gradient(f)) and NumPy's dispatching functions.
        name = type(value).__module__
        if name != "steepest" and not name.startswith(("steepest.", "numpy")):
            return False
        if isinstance(value, np.ndarray):
            return False
    return name.partition(".")[0] in LIBRARIES and not name.startswith("steepest.lesson")


def _is_library_file(code: types.CodeType) -> bool:
    file = code.co_filename
    packages = f"{os.sep}site-packages{os.sep}"
    if packages in file:
        return file.partition(packages)[2].partition(os.sep)[0] in LIBRARIES
    return source.is_library(file) or file.startswith(_STANDARD_LIBRARY)


def refuse_random(value: Any, name: str) -> None:
    """Raise for a source of random numbers: a trace would freeze what it drew."""
    owner = getattr(value, "__self__", None)
    is_module = isinstance(value, types.ModuleType) and value.__name__ in _RANDOM_MODULES
    if is_module or isinstance(value, _RANDOM_TYPES) or isinstance(owner, _RANDOM_TYPES):
        _raise_random(name, user_source())


def _raise_random(name: str, source: Source | None) -> None:
    raise UnsupportedError(
        f"{name} draws random numbers inside a traced function{at(source)}: the recorded "
        "graph would repeat one draw for ever; draw them outside and pass them as arguments"
    )


def follow(function: Callable[..., Any], session: Session) -> Callable[..., Any]:
    """Return a user's function so that its own names are seen through the view.

    Parameters
    ----------
    function
        Anything callable; what has no Python code is returned as it is.
    session
        The recording.

    Raises
    ------
    UnsupportedError
        Where the function assigns to globals or to an enclosing function's variables, or
        draws random numbers.
    """
    if isinstance(function, types.MethodType):
        followed = follow(function.__func__, session)
        owner = function.__self__
        if not is_library(owner) and not isinstance(owner, type):
            session.root.captures.opaque.append(f"self ({type(owner).__name__})")
        return types.MethodType(followed, owner)
    if isinstance(function, functools.partial):
        session.root.captures.opaque.append("functools.partial")
        return functools.partial(
            follow(function.func, session), *function.args, **function.keywords
        )
    if not isinstance(function, types.FunctionType):
        if not is_library(function):
            session.root.captures.opaque.append(type(function).__name__)
        return function
    if is_library(function) or isinstance(function.__globals__, View):
        return function  # the latter was made by a function that is followed itself
    known = session.root.followed.get(function)
    return known or _rebuild(function, session)


def _rebuild(function: types.FunctionType, session: Session) -> types.FunctionType:
    code, root = function.__code__, session.root
    _refuse_side_effects(code, function.__globals__, frozenset(code.co_freevars))
    if function.__dict__ and not hasattr(function, "__wrapped__"):
        root.captures.opaque.append(f"attributes of {function.__name__}")
    root.captures.values.append((lambda: id(function.__code__), id(code)))
    view = root.views.get(id(function.__globals__))
    if view is None:
        view = root.views[id(function.__globals__)] = View(function.__globals__, root)
    cells = tuple(types.CellType() for _ in code.co_freevars)
    rebuilt = types.FunctionType(code, view, function.__name__, None, cells or None)
    root.followed[function] = rebuilt  # before its cells: a function may call itself
    rebuilt.__qualname__ = function.__qualname__
    rebuilt.__dict__.update(function.__dict__)
    for name, new, old in zip(code.co_freevars, cells, function.__closure__ or (), strict=True):
        value = see(_cell_value(old), functools.partial(_cell_value, old), name, root)
        if value is not MISSING:
            new.cell_contents = value
    if function.__defaults__:
        names = code.co_varnames[code.co_argcount - len(function.__defaults__) :]
        rebuilt.__defaults__ = tuple(
            see(value, functools.partial(_default, function, i), name, root)
            for i, (name, value) in enumerate(zip(names, function.__defaults__, strict=False))
        )
    if function.__kwdefaults__:
        rebuilt.__kwdefaults__ = {
            name: see(value, functools.partial(_keyword_default, function, name), name, root)
            for name, value in function.__kwdefaults__.items()
        }
    return rebuilt


def _cell_value(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the variable has no value (yet)
        return MISSING


def _default(function: types.FunctionType, position: int) -> Any:
    defaults = function.__defaults__ or ()
    return defaults[position] if position < len(defaults) else MISSING


def _keyword_default(function: types.FunctionType, name: str) -> Any:
    return (function.__kwdefaults__ or {}).get(name, MISSING)


def _refuse_side_effects(
    code: types.CodeType, names: dict[str, Any], outer: frozenset[str]
) -> None:
    for nested in code.co_consts:
        if isinstance(nested, types.CodeType):
            _refuse_side_effects(nested, names, outer)
    previous, line = None, code.co_firstlineno
    for instruction in dis.get_instructions(code):
        line = (instruction.positions and instruction.positions.lineno) or line
        operation, name = instruction.opname, instruction.argval
        source = Source(code.co_filename, line, code.co_name)
        if operation in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            raise UnsupportedError(
                f"the traced function assigns to the global {name!r}{at(source)}: the "
                "recorded graph would not repeat it; return the value instead"
            )
        if operation == "STORE_DEREF" and name in outer:
            raise UnsupportedError(
                f"the traced function assigns to {name!r} of an enclosing function"
                f"{at(source)}: the recorded graph would not repeat it; return the value "
                "instead"
            )
        if name == "random" and operation in ("LOAD_ATTR", "LOAD_METHOD"):
            if previous is not None and names.get(previous) is np:
                _raise_random(f"{previous}.random", source)
        previous = name if operation == "LOAD_GLOBAL" else None

"""A function's names, seen while it is traced.

A function that is traced runs with its own code over a live view of its globals, closure
and defaults: each name that it reads is noted, captured arrays become traced inputs, and
functions of the user's own are followed. Nothing global is patched.
"""

from __future__ import annotations

import builtins
import dis
import functools
import sys
import types
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Node, source
from steepest.graph.source import Source, at, user_source
from steepest.trace.array import TracedArray
from steepest.trace.captures import MISSING, is_comparable
from steepest.trace.objects import follow_object, see_class
from steepest.trace.seen import refuse_random, see_library, seen_builtins
from steepest.trace.session import SUPPORTED, Session, current
from steepest.trace.writing import freeze

LIBRARIES = sys.stdlib_module_names | {"numpy", "scipy", "steepest", "builtins"}
"""Top-level packages whose functions are never followed."""

_READ_UNSEEN = {"eval", "exec", "globals", "locals", "vars"}


class View(dict):
    """The globals of a user's function, as a traced run sees them.

    Functions look names up with ``__getitem__``. The dictionary itself holds the real
    values, for whoever reads it directly: debuggers, and ``eval``.
    """

    def __init__(self, real: dict[str, Any], session: Session) -> None:
        super().__init__(real)
        own = {"__import__": _import, "super": _super}
        dict.__setitem__(self, "__builtins__", {**seen_builtins(), **own})
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


def _import(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    """Import inside a traced function: what comes is seen through the recording too."""
    module = builtins.__import__(name, globals, locals, fromlist, level)
    return see(module, lambda: module, name, current())


def _super(*arguments: Any) -> Any:
    """Return what `super` gives, with the methods of the user's own classes followed."""
    if not arguments:
        frame = sys._getframe(1)
        first = frame.f_code.co_varnames[0]
        arguments = (frame.f_locals["__class__"], frame.f_locals[first])
    return _Super(super(*arguments))


class _Super:
    """The stand-in for a ``super()`` of the user's."""

    def __init__(self, real: Any) -> None:
        object.__setattr__(self, "real", real)

    def __getattribute__(self, name: str) -> Any:
        # Every name, so that super().__init__ is the other class's and not this one's.
        value = getattr(object.__getattribute__(self, "real"), name)
        if isinstance(value, types.MethodType):
            return types.MethodType(follow(value.__func__, current()), value.__self__)
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
        node = session.hold(value, name, read)
        return captured(node, name, session, value.flags.c_contiguous)
    refuse_random(value, name)
    if is_comparable(value) or value is MISSING:
        captures.values.append((read, value))
        return value
    if is_library(value):
        captures.values.append((read, value))
        return see_library(value)
    if isinstance(value, types.FunctionType):
        captures.values.append((read, value))
        return follow(value, session)
    if isinstance(value, types.ModuleType):
        captures.values.append((read, value))
        return UserModule(value, session)
    if isinstance(value, type):
        captures.values.append((read, value))
        return see_class(value, session, follow)
    captures.opaque.append(f"{name} ({type(value).__name__})")
    if isinstance(value, list | dict | set):
        session.root.containers.append((name, value, user_source()))
    return follow(value, session)


def captured(node: Node, name: str, session: Session, ordered: bool) -> TracedArray:
    """Return the stand-in of an array that the function did not make: it may not be changed."""
    return freeze(
        TracedArray(node, session.root, is_scalar=False, ordered=ordered),
        f"{name} is an array from outside the function, which the recorded graph would not "
        "change again: assign to a copy of it, or return the new values",
    )


class UserModule(types.ModuleType):
    """A module of the user's own, whose names are seen through the session."""

    def __init__(self, real: types.ModuleType, session: Session) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["_view"] = view_of(vars(real), session)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_view"][name]
        except KeyError:
            return getattr(self.__dict__["_real"], name)

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise UnsupportedError(
            f"the traced function assigns to {self.__name__}.{name}{at(user_source())}: the "
            "recorded graph would not repeat it; return the value instead"
        )


def view_of(real: dict[str, Any], session: Session) -> View:
    """Return the one view of a module's names that a recording has."""
    root = session.root
    view = root.views.get(id(real))
    if view is None:
        view = root.views[id(real)] = View(real, root)
    return view


def is_library(value: Any) -> bool:
    """Whether a value is a module, class or function that no user changes."""
    if isinstance(value, types.ModuleType):
        name = value.__name__
        if source.is_installed(getattr(value, "__file__", None) or ""):
            return True
    elif isinstance(value, types.FunctionType) and not _is_library_file(value.__code__):
        return False  # whatever its module is called
    elif isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | np.ufunc):
        name = getattr(value, "__module__", None) or "builtins"
        file = getattr(sys.modules.get(name), "__file__", None) or ""
        if isinstance(value, type) and source.is_installed(file):
            return True
    else:
        # Transformed functions (st.gradient(f)) and NumPy's dispatching functions.
        name = type(value).__module__
        if name != "steepest" and not name.startswith(("steepest.", "numpy")):
            return False
        if isinstance(value, np.ndarray):
            return False
    return name.partition(".")[0] in LIBRARIES and not name.startswith("steepest.lesson")


def _is_library_file(code: types.CodeType) -> bool:
    return source.is_library(code.co_filename) or source.is_installed(code.co_filename)


def follow(function: Any, session: Session) -> Any:
    """Return a user's function so that its own names are seen through the view.

    Parameters
    ----------
    function
        A function, a bound method, a partial, or an object of the user's own; what has no
        Python code is returned as it is.
    session
        The recording.

    Raises
    ------
    UnsupportedError
        Where the function assigns to globals or to an enclosing function's variables, or
        is a generator or a coroutine.
    """
    opaque = session.root.captures.opaque
    if isinstance(function, types.MethodType):
        owner = function.__self__
        if isinstance(owner, type):
            return types.MethodType(
                follow(function.__func__, session), see_class(owner, session, follow)
            )
        return types.MethodType(follow(function.__func__, session), follow(owner, session))
    if isinstance(function, functools.partial):
        opaque.append("functools.partial")
        return functools.partial(
            follow(function.func, session), *function.args, **function.keywords
        )
    if isinstance(function, functools._lru_cache_wrapper):  # its keys would be traced values
        return follow(function.__wrapped__, session)
    if isinstance(function, types.FunctionType):
        if isinstance(function.__globals__, View):
            return function  # made by a function that is followed itself
        if is_library(function):
            return see_library(function)
        return session.root.followed.get(function) or _rebuild(function, session)
    if is_library(function):
        return see_library(function)
    if is_library(type(function)):
        return function
    opaque.append(type(function).__name__)
    return follow_object(function, session, follow)


def _rebuild(function: types.FunctionType, session: Session) -> types.FunctionType:
    code, root = function.__code__, session.root
    _refuse_side_effects(code, frozenset(code.co_freevars))
    if function.__dict__ and not hasattr(function, "__wrapped__"):
        root.captures.opaque.append(f"attributes of {function.__name__}")
    root.captures.values.append((lambda: function.__code__, code))
    unseen = _READ_UNSEEN.intersection(code.co_names)
    if unseen:  # what they read is not noted
        root.captures.opaque.append(f"{', '.join(sorted(unseen))} in {function.__name__}")
    view = view_of(function.__globals__, root)
    _show_to_classes(code, view)
    cells = tuple(types.CellType() for _ in code.co_freevars)
    rebuilt = types.FunctionType(code, view, function.__name__, None, cells or None)
    root.followed[function] = rebuilt  # before its cells: a function may call itself
    rebuilt.__qualname__ = function.__qualname__
    rebuilt.__dict__.update(function.__dict__)
    for name, new, old in zip(code.co_freevars, cells, function.__closure__ or (), strict=True):
        value = _cell_value(old)
        if name != "__class__":  # which `super` wants as it is
            value = see(value, functools.partial(_cell_value, old), name, root)
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


def _show_to_classes(code: types.CodeType, view: View) -> None:
    """Put what bodies of classes name into the view itself, where the interpreter looks."""
    for nested in code.co_consts:
        if isinstance(nested, types.CodeType):
            for instruction in dis.get_instructions(nested):
                if instruction.opname == "LOAD_NAME" and instruction.argval in view.real:
                    dict.__setitem__(view, instruction.argval, view[instruction.argval])
            _show_to_classes(nested, view)


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


def _refuse_side_effects(code: types.CodeType, outer: frozenset[str]) -> None:
    for nested in code.co_consts:
        if isinstance(nested, types.CodeType):
            _refuse_side_effects(nested, outer)
    line = code.co_firstlineno
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

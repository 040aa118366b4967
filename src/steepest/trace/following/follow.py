"""Functions of the user's own, followed while they are traced.

A traced function runs with its own code over a live view of its globals, closure and
defaults. Each name that it reads is noted. Captured arrays become traced inputs, and
functions of the user's own are followed in turn. Nothing global is patched.
"""

from __future__ import annotations

import dis
import enum
import functools
import logging
import operator
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import Node
from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.arrays.assignment import freeze
from steepest.trace.following.classes import see_class
from steepest.trace.following.containers import (
    CONTAINERS,
    is_named_tuple,
    note_dictionaries,
    see_container,
    see_member,
    see_proxy,
    see_tuple,
)
from steepest.trace.following.lazy_items import SeenDict, reads_past
from steepest.trace.following.members import has_own_methods
from steepest.trace.following.namespaces import maker_of, see_library
from steepest.trace.following.objects import IN_PYTHON, follow_object
from steepest.trace.following.opaque.calls import (
    SeenHandle,
    is_handle,
    is_opaque,
    seen_code,
    seen_opaque,
    seen_tried,
)
from steepest.trace.following.opaque.permission import reason_for
from steepest.trace.following.places import attributes_place, cell_place, cell_value
from steepest.trace.following.stand_ins import READ, public_name, see_made
from steepest.trace.following.tables.frames import is_table, see_table
from steepest.trace.following.traced_globals import TracedGlobals, UserModule, view_of
from steepest.trace.recording.captures import (
    MISSING,
    can_compare,
    is_comparable,
    note_contents,
    note_logger,
)
from steepest.trace.recording.chance import refuse_random
from steepest.trace.recording.dtypes import SUPPORTED
from steepest.trace.recording.library import is_called_as_it_is, is_library
from steepest.trace.recording.session import Session, current

_READ_UNSEEN = {"eval", "exec", "globals", "locals", "vars"}


def wrap_captured(value: Any, read: Callable[[], Any], name: str, session: Session) -> Any:
    """Return what a traced function sees for a value that it reads, and note that it reads it.

    Parameters
    ----------
    value
        What the name means now.
    read
        Reads it again, at a later call.
    name
        The name in messages.
    session
        The recording.
    """
    root = session.root
    seen = _seen(value, read, name, root)
    if seen is not value:
        root.originals[id(seen)] = value
        root.kept.append(seen)  # so that no other object gets its identity
    return seen


def _may_change(value: Any) -> bool:
    """Whether a library's object keeps something that can be changed in place."""
    kind = type(value)
    is_instance = not isinstance(value, type | types.ModuleType | types.FunctionType | np.ufunc)
    is_numpys = kind.__module__.startswith("numpy") and "__dict__" in vars(kind)
    return is_instance and is_numpys and kind not in (np.vectorize, type(np.mean))


def type_of(value: Any) -> Any:
    """Return the type of a value, as traced code sees it."""
    root, kind = current().root, type(value)
    if kind is SeenDict:
        return dict
    own = root.originals.get(id(kind))
    return see_class(own, root) if isinstance(own, type) else kind


READ["see"], READ["type"] = wrap_captured, type_of


def _seen(value: Any, read: Callable[[], Any], name: str, root: Session) -> Any:
    captures = root.captures
    if isinstance(value, Traced) or id(value) in root.originals:
        return value
    if type(value) is np.ndarray and value.dtype in SUPPORTED:
        return _seen_input(value, read, name, root)
    refuse_random(value, name)
    if isinstance(value, np.ndarray):
        return _seen_array(value, read, name, root)
    captures.values.append((read, value))
    if is_comparable(value) or value is MISSING:
        return value
    if type(value) in CONTAINERS:
        return see_container(value, name, root)
    if type(value) is types.MappingProxyType:
        return see_proxy(value, name, root)
    if is_table(value):
        return see_table(value, name, root)
    if type(value) is frozenset:
        return frozenset(see_member(item, name, root) for item in value)
    if type(value) is tuple or is_named_tuple(value):
        return see_tuple(value, name, root)
    if type(value) in _METHODS_OF_TYPES and value.__objclass__ is dict:  # by another name
        note_dictionaries(root)
    made = see_made(value, name, root)
    if made is not None:
        return made
    if is_library(value) and type(value) is not np.poly1d:
        if _may_change(value):
            captures.opaque.append(f"{name} ({type(value).__name__})")
        return see_library(value, name)
    if isinstance(value, _FUNCTIONS):
        return follow(value, root)
    if isinstance(value, types.ModuleType):
        return UserModule(value, root)
    if isinstance(value, type):
        return see_class(value, root)
    if isinstance(value, enum.Enum):
        see_class(type(value), root)
        return value
    if type(value) in IN_PYTHON or public_name(type(value)) == "argparse.Namespace":
        return follow_object(value, root)
    if isinstance(value, _GETTERS):
        return _seen_getter(value, name, root)
    if type(value) is logging.Logger:
        note_logger(value, name, captures)
        return value
    if type(value) is np.poly1d:
        note_contents(value.coeffs, lambda: read().coeffs, captures)
        return value
    if is_handle(value):
        return SeenHandle(value)
    make = maker_of(type(value))
    if make is not None:
        return make(value)
    if is_library(type(value)):
        captures.opaque.append(f"{name} ({type(value).__name__})")
    return follow(value, root)


def _seen_input(array: np.ndarray, read: Callable[[], Any], name: str, root: Session) -> Any:
    """Return the one stand-in for an array that the graph can hold."""
    captures, key = root.captures, (id(array), "array")
    is_mask = array.dtype == np.bool_
    if is_mask:  # it decides shapes: compared by value
        note_contents(array, read, captures)
    if key in root.followed:
        known, first = root.followed[key]
        if not is_mask:  # a second name: both must be one array at later calls, too
            captures.values.append((lambda: read() is first(), True))
        return known
    node = root.lift(array) if is_mask else root.hold(array, name, read)
    known = captured(node, name, root, array.flags.c_contiguous)
    root.followed[key] = known, read
    return known


_GETTERS = (operator.itemgetter, operator.attrgetter, operator.methodcaller)


def _seen_getter(getter: Any, name: str, root: Session) -> Any:
    """Return a getter whose keys, or the arguments of its method, are seen."""
    make, args = getter.__reduce__()
    if isinstance(make, functools.partial):  # a method with keyword arguments
        make = functools.partial(make.func, *make.args, **see_container(make.keywords, name, root))
    return make(*see_tuple(args, name, root))


_METHODS_OF_TYPES = (types.MethodDescriptorType, types.WrapperDescriptorType)
_FUNCTIONS = (
    types.FunctionType,
    types.MethodType,
    functools.partial,
    functools._lru_cache_wrapper,
)


def _seen_array(array: np.ndarray, read: Callable[[], Any], name: str, root: Session) -> Any:
    """Return what is seen for an array that is no input: its contents are noted, or its fields."""
    captures = root.captures
    if is_table(array):
        captures.values.append((lambda: read() is array, True))
        return see_table(array, name, root)
    if type(array) is np.memmap and array.dtype in SUPPORTED:
        captures.values.append((lambda: read() is array, True))
        key = (id(array), "memory")
        plain = root.followed.setdefault(key, array.view(np.ndarray))
        root.kept.append(array)
        return _seen(plain, lambda: plain, name, root)
    if can_compare(array) and not has_own_methods(type(array)):
        note_contents(array, read, captures)
    else:
        captures.opaque.append(f"{name} ({type(array).__name__})")
    return _read_only(array, root)


def _read_only(array: np.ndarray, root: Session) -> np.ndarray:
    """Return the recording's one view of an array that traced code may read, but not change."""
    key = (id(array), "read only")
    if key not in root.followed:
        view = root.followed[key] = array.view()
        view.flags.writeable = False
    shown: np.ndarray = root.followed[key]
    return shown


def captured(node: Node, name: str, session: Session, ordered: bool) -> TracedArray:
    """Return the read-only stand-in of an array from outside the function."""
    return freeze(
        TracedArray(node, session.root, is_scalar=False, ordered=ordered),
        f"{name} is an array from outside the function, which the recorded graph would not "
        "change again: assign to a copy of it, or return the new values",
    )


def follow(function: Any, session: Session) -> Any:
    """Return a user's function that sees its names through the recording.

    Parameters
    ----------
    function
        A function, a bound method, a partial, or an object of the user's own. What has no
        Python code is returned as it is.
    session
        The recording.

    Raises
    ------
    UnsupportedError
        Where it draws random numbers.
    """
    made = see_made(function, type(function).__name__, session.root)
    if made is not None:
        return made
    if isinstance(function, types.MethodType):
        owner = function.__self__
        make = maker_of(type(owner))
        if make is not None:
            return getattr(make(owner), function.__name__)
        if isinstance(owner, type):
            return types.MethodType(
                follow(function.__func__, session),
                see_class(owner, session),
            )
        return types.MethodType(follow(function.__func__, session), follow(owner, session))
    if isinstance(function, functools.partial):
        args = see_tuple(function.args, "args", session)
        keywords = see_container(function.keywords, "keywords", session)
        return functools.partial(follow(function.func, session), *args, **keywords)
    if isinstance(function, functools._lru_cache_wrapper):  # its keys would be traced values
        return follow(function.__wrapped__, session)
    if isinstance(function, types.FunctionType):
        namespace = function.__globals__
        if isinstance(namespace, TracedGlobals) and namespace.session is session.root:
            if session.root.merging is not None:
                session.root.merging.rewrite(function)
            return function  # made by a function that is followed itself
        if is_library(function):
            return see_library(function)
        if is_called_as_it_is(function):
            return seen_tried(function)
        if reason_for(function.__code__) is not None:
            return seen_code(function, function)
        return session.root.followed.get(function) or _rebuild(function, session)
    if is_jitted(function):
        if reason_for(function.py_func.__code__) is not None:
            return seen_code(function.py_func, function)
        return follow(function.py_func, session)
    if is_library(function):
        return see_library(function)
    if is_opaque(function):
        return seen_opaque(function)
    if is_library(type(function)):
        return function
    return follow_object(function, session)


READ["follow"] = follow


def is_jitted(value: Any) -> bool:
    """Whether a value is a function that Numba compiles, whose Python code is known."""
    is_numbas = type(value).__module__.startswith("numba.")
    return is_numbas and isinstance(getattr(value, "py_func", None), types.FunctionType)


def _rebuild(function: types.FunctionType, session: Session) -> types.FunctionType:
    code, root = function.__code__, session.root
    root.captures.values.append((functools.partial(getattr, function, "__code__"), code))
    own = function.__dict__
    root.captures.values.append((functools.partial(len, own), len(own)))
    unseen = _READ_UNSEEN.intersection(code.co_names)
    if unseen:  # what they read is not noted
        root.captures.opaque.append(f"{', '.join(sorted(unseen))} in {function.__name__}")
    if reads_past(code):
        note_dictionaries(root)
    view = view_of(function.__globals__, root)
    _show_to_classes(code, view)
    old_cells = function.__closure__ or ()
    cells = tuple(root.cells.setdefault(id(cell), types.CellType()) for cell in old_cells)
    rebuilt = types.FunctionType(code, view, function.__name__, None, cells or None)
    if root.merging is not None:
        root.merging.rewrite(rebuilt)
    root.followed[function] = rebuilt  # before its cells: a function may call itself
    root.originals[id(rebuilt)] = function
    rebuilt.__qualname__ = function.__qualname__
    for name, value in own.items():
        read = functools.partial(own.get, name, MISSING)
        rebuilt.__dict__[name] = wrap_captured(value, read, f"{function.__name__}.{name}", root)
    root.places.append(attributes_place(rebuilt, function))
    for name, new, old in zip(code.co_freevars, cells, old_cells, strict=True):
        if id(old) in root.filled:
            continue
        root.filled.add(id(old))
        value = cell_value(old)
        if name != "__class__":  # which `super` wants as it is
            value = wrap_captured(value, functools.partial(cell_value, old), name, root)
        if value is not MISSING:
            new.cell_contents = value
        root.places.append(cell_place(new, old, name))
    for name in _assigned_globals(code):
        view.watch(name)
    if function.__defaults__:
        names = code.co_varnames[code.co_argcount - len(function.__defaults__) :]
        rebuilt.__defaults__ = tuple(
            wrap_captured(value, functools.partial(_default, function, i), name, root)
            for i, (name, value) in enumerate(zip(names, function.__defaults__, strict=False))
        )
    if function.__kwdefaults__:
        rebuilt.__kwdefaults__ = {
            name: wrap_captured(
                value, functools.partial(_keyword_default, function, name), name, root
            )
            for name, value in function.__kwdefaults__.items()
        }
    return rebuilt


def _show_to_classes(code: types.CodeType, view: TracedGlobals) -> None:
    """Put the names that class bodies read into the view itself, where they are looked up."""
    for nested in code.co_consts:
        if isinstance(nested, types.CodeType):
            for name in _names(nested, "LOAD_NAME"):
                if name in view.real:
                    dict.__setitem__(view, name, view[name])
            _show_to_classes(nested, view)


def _names(code: types.CodeType, *operations: str) -> set[str]:
    """Return the names that some instructions of a function have."""
    used = code.co_code[::2]  # which disassembling takes long to find out
    if not any(dis.opmap[operation] in used for operation in operations):
        return set()
    return {x.argval for x in dis.get_instructions(code) if x.opname in operations}


def _default(function: types.FunctionType, position: int) -> Any:
    defaults = function.__defaults__ or ()
    return defaults[position] if position < len(defaults) else MISSING


def _keyword_default(function: types.FunctionType, name: str) -> Any:
    return (function.__kwdefaults__ or {}).get(name, MISSING)


def _assigned_globals(code: types.CodeType) -> set[str]:
    """Return the global names that a function assigns to, or deletes."""
    names = _names(code, "STORE_GLOBAL", "DELETE_GLOBAL")
    for nested in code.co_consts:
        if isinstance(nested, types.CodeType):
            names |= _assigned_globals(nested)
    return names

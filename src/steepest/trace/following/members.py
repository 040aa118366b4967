"""What classes define, and how it is noted that traced code depends on it."""

from __future__ import annotations

import enum
import functools
import operator
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import source
from steepest.trace.recording.captures import MISSING, can_compare, is_comparable, note_contents
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import Session


def member_of(cls: type, name: str) -> Any:
    """Return the attribute of a class or of its bases, without calling descriptors."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return MISSING


def note_member(cls: type, name: str, session: Session) -> Callable[[], Any]:
    """Note an attribute of a class, and which of its bases has it; return what reads it again.

    An array is not noted: it is bound by what captures it.
    """
    root = session.root
    key = (cls, name, "member")
    if key not in root.followed:
        values = root.captures.values
        read: Callable[[], Any] = _read_nothing
        for base in cls.__mro__:
            found, read = vars(base).get(name, MISSING), _reader(base, name)
            if not _is_builtin(base) and not isinstance(found, np.ndarray):
                values.append((read, found))
            if found is not MISSING:
                break
        root.followed[key] = read
    known: Callable[[], Any] = root.followed[key]
    return known


def _reader(cls: type, name: str) -> Callable[[], Any]:
    return functools.partial(vars(cls).get, name, MISSING)


def _read_nothing() -> Any:
    return MISSING


def _is_builtin(cls: type) -> bool:
    return cls.__module__ == "builtins"


_METHODS = (types.FunctionType, staticmethod, classmethod, property)
_FIXED = (types.BuiltinFunctionType, np.ufunc)
"""Types of objects that do not change."""


_CACHE = "_abc_impl"
"""What an abstract class knows of its subclasses."""


def _note_namespace(namespace: Any, name: str, session: Session, *, is_followed: bool) -> None:
    """Note everything that a class or an object has; methods may be followed already."""
    session.root.captures.values.append((functools.partial(len, namespace), len(namespace)))
    for key, value in list(namespace.items()):
        if not (key.startswith("_") and key.endswith("_")) and key != _CACHE:
            read = functools.partial(namespace.get, key, MISSING)
            if is_followed and isinstance(value, _METHODS):
                session.root.captures.values.append((read, value))
            else:
                _note(read, value, f"{name}.{key}", session)


def _note(read: Callable[[], Any], value: Any, name: str, session: Session) -> None:
    """Note a value that traced code sees as it is, and all that can be reached through it.

    What cannot be compared at the next call makes the trace hold for this one only.
    """
    captures = session.root.captures
    if isinstance(value, _FIXED) or is_comparable(value):
        captures.values.append((read, value))
    elif type(value) is np.ndarray and can_compare(value):
        note_contents(value, read, captures)
    elif isinstance(value, type | enum.Enum):
        captures.values.append((read, value))
        cls = value if isinstance(value, type) else type(value)
        if not is_library(cls):
            note_unfollowed(cls, session)
    elif type(value) in (list, dict):
        captures.values.append((read, value))
        if (id(value), "noted") in session.root.followed:  # it contains itself
            return
        session.root.followed[id(value), "noted"] = value
        captures.values.append((functools.partial(len, value), len(value)))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            _note(functools.partial(operator.getitem, value, key), item, name, session)
    elif isinstance(value, _METHODS) and not _is_users(value):
        captures.values.append((read, value))
    elif isinstance(value, _METHODS) or not hasattr(type(value), "__get__"):
        captures.opaque.append(name)


def note_unfollowed(cls: type, session: Session) -> None:
    """Note everything that a class has, when traced code sees the class itself."""
    note_class(cls, session, is_followed=False)
    if has_own_methods(cls) or has_own_methods(type(cls)):
        session.root.captures.opaque.append(cls.__name__)


def note_class(cls: type, session: Session, *, is_followed: bool = True) -> None:
    """Note everything that a class, its bases and its metaclass have."""
    key = (cls, "noted", is_followed)
    if key not in session.root.followed:
        session.root.followed[key] = True
        metaclass: Any = type(cls)
        for base in (*cls.__mro__, *metaclass.__mro__):
            if base.__module__.partition(".")[0] not in sys.stdlib_module_names:
                own = is_followed and base in cls.__mro__
                _note_namespace(vars(base), base.__name__, session, is_followed=own)
        if issubclass(cls, enum.Enum):
            for member in cls.__members__.values():
                name = f"{cls.__name__}.{member.name}"
                _note_namespace(vars(member), name, session, is_followed=False)


def is_objects(cls: type, name: str) -> bool:
    """Whether a class has an attribute from ``object``, and none of its own."""
    member = member_of(cls, name)
    return any(member is vars(base).get(name) for base in (object, dict, list))


def has_own_methods(cls: type) -> bool:
    """Whether a class, or a base of it, has methods that are the user's own."""
    return any(
        isinstance(member, _METHODS) and _is_users(member)
        for base in cls.__mro__
        if base.__module__.partition(".")[0] not in sys.stdlib_module_names
        for member in vars(base).values()
    )


def _is_users(member: Any) -> bool:
    namespace = getattr(getattr(member, "__func__", member), "__globals__", {})
    if str(namespace.get("__name__")).startswith("namedtuple_"):  # the one that Python writes
        return False
    file = _file_of(member)
    return not source.is_library(file) and not source.is_installed(file)


def _file_of(member: Any) -> str:
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    code = getattr(function, "__code__", None)
    return code.co_filename if code else "<frozen"


_KNOWN_DESCRIPTORS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    staticmethod,
    property,
)


def note_descriptor(member: Any, name: str, root: Session) -> None:
    """Note a call of the user's own descriptor, whose result may differ from call to call."""
    if member is not MISSING and not isinstance(member, _KNOWN_DESCRIPTORS):
        root.captures.opaque.append(f"{type(member).__name__} {name}")

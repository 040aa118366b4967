"""Objects and classes of the user's own, as a traced function sees them.

Methods that a traced method calls on ``self`` must be followed as well. So the function sees a
stand-in for an object, of a subclass whose methods are followed. Each attribute that it reads is
noted. What it writes is stored in the object when the function has returned.
"""

from __future__ import annotations

import abc
import enum
import functools
import operator
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph import source
from steepest.graph.source import user_source
from steepest.trace.following.places import Pending, write_attribute
from steepest.trace.following.stand_ins import READ, SeenType
from steepest.trace.recording.captures import MISSING, is_comparable
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import Session

_WHOLE = frozenset({"__dict__", "__reduce_ex__", "__reduce__", "__getstate__", "__sizeof__"})
"""Attributes that give access to all others of an object."""

_METACLASSES = (type, abc.ABCMeta, type(typing.Protocol))


def can_follow(cls: type) -> bool:
    """Whether a subclass of a user's class can stand in for it without side effects."""
    new: Any = cls.__new__
    plain = type(cls) in _METACLASSES and new in (object.__new__, typing.Generic.__new__)
    hooks = any(
        vars(base).get("__slots__") or "__init_subclass__" in vars(base)
        for base in cls.__mro__
        if base is not object and base.__module__ != "typing"
    )
    return plain and not hooks and not issubclass(cls, enum.Enum | BaseException)


def followed_class(cls: type, session: Session) -> type:
    """Return a subclass whose methods are followed."""
    known: type | None = session.root.followed.get(cls)
    if known is not None:
        return known
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    # The function sees the same class for objects made inside and for those from outside.
    namespace["__class__"] = property(READ["type"])
    followed = type(cls)(cls.__name__, (cls,), namespace)
    session.root.followed[cls] = followed
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            member = _followed_member(value, session)
            if member is not value:
                note_member(cls, name, session)
                setattr(followed, name, member)
    return followed


def _followed_member(value: Any, session: Session) -> Any:
    if isinstance(value, types.FunctionType | functools._lru_cache_wrapper):
        return READ["follow"](value, session)
    if isinstance(value, staticmethod | classmethod):
        inner = READ["follow"](value.__func__, session)
        return value if inner is value.__func__ else type(value)(inner)
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return property(*(part and READ["follow"](part, session) for part in parts))
    return value


def member_of(cls: type, name: str) -> Any:
    """Return the attribute of a class or of its bases, without calling descriptors."""
    for base in cls.__mro__:
        if name in vars(base):
            return vars(base)[name]
    return MISSING


def note_member(cls: type, name: str, session: Session) -> None:
    """Note an attribute of a class, and which of its bases has it."""
    values = session.root.captures.values
    for base in cls.__mro__:
        found = vars(base).get(name, MISSING)
        if not _is_builtin(base):
            values.append((functools.partial(vars(base).get, name, MISSING), found))
        if found is not MISSING:
            return


def _is_builtin(cls: type) -> bool:
    return cls.__module__ == "builtins"


_METHODS = (types.FunctionType, staticmethod, classmethod, property)
_FIXED = (types.BuiltinFunctionType, np.ufunc)
"""Types of objects that do not change."""


def _note_namespace(namespace: Any, name: str, session: Session, *, is_followed: bool) -> None:
    """Note everything that a class or an object has; methods may be followed already."""
    session.root.captures.values.append((functools.partial(len, namespace), len(namespace)))
    for key, value in list(namespace.items()):
        if not (key.startswith("_") and key.endswith("_")):
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
    elif isinstance(value, type | enum.Enum):
        captures.values.append((read, value))
        cls = value if isinstance(value, type) else type(value)
        if not is_library(cls):
            _note_unfollowed(cls, session)
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


def _note_unfollowed(cls: type, session: Session) -> None:
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


def _is_objects(cls: type, name: str) -> bool:
    return member_of(cls, name) is vars(object)[name]


def has_own_methods(cls: type) -> bool:
    """Whether a class, or a base of it, has methods that are the user's own."""
    return any(
        isinstance(member, _METHODS) and _is_users(member)
        for base in cls.__mro__
        if base.__module__.partition(".")[0] not in sys.stdlib_module_names
        for member in vars(base).values()
    )


def _is_users(member: Any) -> bool:
    file = _file_of(member)
    return not source.is_library(file) and not source.is_installed(file)


def _file_of(member: Any) -> str:
    function = getattr(member, "fget", None) or getattr(member, "__func__", member)
    code = getattr(function, "__code__", None)
    return code.co_filename if code else "<frozen"


def follow_object(owner: Any, session: Session) -> Any:
    """Return a stand-in for an object of a user's class, or the object itself."""
    root, cls = session.root, type(owner)
    known = root.followed.get(id(owner))
    if known is not None:
        return known
    reads_itself = not _is_objects(cls, "__getattribute__")
    if not can_follow(cls) or not hasattr(owner, "__dict__") or reads_itself:
        root.captures.opaque.append(cls.__name__)
        root.followed[id(owner)] = owner
        root.kept.append(owner)
        if hasattr(owner, "__dict__"):  # the function writes to the object itself
            root.pending.append(Pending(owner, vars(owner)))
        return owner
    metaclass: Any = type(cls)
    stand_in_class = metaclass(cls.__name__, (followed_class(cls, session),), {})
    stand_in = object.__new__(stand_in_class)
    pending = Pending(owner, dict(vars(owner)))
    object.__setattr__(stand_in, "__dict__", pending.now)
    values = root.captures.values
    values.append((functools.partial(type, owner), cls))
    values.append((functools.partial(getattr, owner, "__dict__"), vars(owner)))

    def read(self: Any, name: str) -> Any:
        if self is not stand_in:  # a copy of it
            return object.__getattribute__(self, name)
        if name in _WHOLE:
            root.captures.opaque.append(f"{name} of {cls.__name__}")
            return object.__getattribute__(self, name)
        if name in pending.now and pending.is_written(name):
            return pending.now[name]
        for base in cls.__mro__ if name not in pending.now else ():
            if (id(base), name) in root.attributes:
                return root.attributes[id(base), name]
        if name not in pending.seen:
            found = _read(pending, stand_in, name, root)
            if found is None:
                return object.__getattribute__(self, name)
            pending.seen[name] = found[0]
        return pending.seen[name]

    def write(self: Any, name: str, value: Any) -> None:
        if self is stand_in:
            pending.sources[name] = user_source()
        object.__setattr__(self, name, value)

    def delete(self: Any, name: str) -> None:
        if self is stand_in:
            pending.sources[name] = user_source()
            pending.seen.pop(name, None)
        object.__delattr__(self, name)

    hooks = (("__getattribute__", read), ("__setattr__", write), ("__delattr__", delete))
    for name, hook in hooks:
        if _is_objects(cls, name):  # a class's own hooks write to the same attributes
            setattr(stand_in_class, name, hook)
    stand_in_class.__module__, stand_in_class.__qualname__ = cls.__module__, cls.__qualname__
    root.followed[id(owner)] = stand_in
    root.originals[id(stand_in)], root.originals[id(stand_in_class)] = owner, cls
    root.kept += [stand_in, stand_in_class]
    root.pending.append(pending)
    return stand_in


def _read(pending: Pending, stand_in: Any, name: str, root: Session) -> tuple[Any] | None:
    """Note the reading of an attribute; return it as a tuple, or None for Python to look it up."""
    owner = pending.owner
    cls, own = type(owner), owner.__dict__
    member = member_of(cls, name)
    if hasattr(type(member), "__set__") or (name.startswith("__") and name.endswith("__")):
        if not name.startswith("__"):
            _note_descriptor(member, name, root)
        return None
    read = functools.partial(own.get, name, MISSING)
    if name in pending.now:
        return (READ["see"](own[name], read, f"{cls.__name__}.{name}", root),)
    root.captures.values.append((read, MISSING))
    note_member(cls, name, root)
    if isinstance(member, classmethod):
        function = member_of(type(stand_in), name).__func__
        return (types.MethodType(function, see_class(cls, root)),)
    if isinstance(member, functools.cached_property):
        value = pending.now[name] = READ["follow"](member.func, root)(stand_in)
        return (value,)
    if member is MISSING or hasattr(type(member), "__get__"):
        _note_descriptor(member, name, root)
        return None
    read = functools.partial(member_of, cls, name)
    return (READ["see"](member, read, f"{cls.__name__}.{name}", root),)


def _names_of(cls: Any) -> Any:
    note_class(cls._real, cls._session)
    return vars(cls._real)


def _seen_of(name: str) -> Callable[[Any], Any]:
    """Return a getter of an attribute that `type` gives a class, as traced code sees it."""

    def look_up(cls: Any) -> Any:
        read = functools.partial(getattr, cls._real, name)
        return READ["see"](read(), read, f"{cls._real.__name__}.{name}", cls._session)

    return look_up


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


def _note_descriptor(member: Any, name: str, root: Session) -> None:
    """Note a call of the user's own descriptor, whose result may differ from call to call."""
    if member is not MISSING and not isinstance(member, _KNOWN_DESCRIPTORS):
        root.captures.opaque.append(f"{type(member).__name__} {name}")


class _FollowedType(SeenType):
    """The stand-in for a user's class, whose objects have methods that are followed."""

    _followed: type
    _session: Session
    locals()["__dict__"] = property(_names_of)  # a class statement may not say it
    __base__: Any = property(_seen_of("__base__"))
    __bases__: Any = property(_seen_of("__bases__"))
    __mro__: Any = property(_seen_of("__mro__"))

    def __new__(mcs, name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
        """Return a class; one that derives from a seen class derives from the followed one."""
        if any(isinstance(base, _FollowedType) for base in bases):
            real = tuple(getattr(base, "_followed", base) for base in bases)
            return types.new_class(name, real, {}, lambda made: made.update(namespace))
        return super().__new__(mcs, name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        note_class(cls._real, cls._session)
        return cls._followed(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:  # noqa: N805
        real, root = cls._real, cls._session.root
        for base in real.__mro__:
            if (id(base), name) in root.attributes:
                return root.attributes[id(base), name]
        member = member_of(real, name)
        if name.startswith("__") and name.endswith("__"):
            note_class(real, root)
            return getattr(cls._followed, name)
        note_member(real, name, root)
        if member is MISSING:  # perhaps its metaclass has it
            note_class(real, root)
            return getattr(cls._followed, name)
        if isinstance(member, classmethod):
            return types.MethodType(member_of(cls._followed, name).__func__, cls)
        if hasattr(type(member), "__get__"):
            _note_descriptor(member, name, root)
            return getattr(cls._followed, name)
        read = functools.partial(member_of, real, name)
        return READ["see"](member, read, f"{real.__name__}.{name}", root)

    def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805
        write_attribute(cls._real, name, value, cls._session)
        setattr(cls._followed, name, value)


def see_class(cls: type, session: Session) -> type:
    """Return a user's class as traced code sees it."""
    if not can_follow(cls):
        _note_unfollowed(cls, session)
        return cls
    known: type | None = session.root.followed.get((cls, "seen"))
    if known is None:
        followed = followed_class(cls, session)
        namespace = {"_real": cls, "_followed": followed, "_session": session.root}
        known = _FollowedType(cls.__name__, (), namespace)
        session.root.followed[cls, "seen"] = known
        session.root.originals[id(known)] = session.root.originals[id(followed)] = cls
        session.root.kept += [known, followed]
    return known

"""Classes of the user's own, as a traced function sees them.

The function sees a stand-in for a class. Objects that it makes are of a subclass whose methods
are followed. Each attribute of the class that it reads is noted.
"""

from __future__ import annotations

import abc
import dataclasses
import enum
import functools
import operator
import types
import typing
from collections.abc import Callable
from typing import Any

from steepest.graph import trees
from steepest.trace.following.members import (
    has_own_methods,
    member_of,
    note_class,
    note_descriptor,
    note_member,
    note_unfollowed,
)
from steepest.trace.following.places import write_attribute
from steepest.trace.following.stand_ins import READ, SeenType
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import Session, current, is_tracing

_METACLASSES = (type, abc.ABCMeta, type(typing.Protocol))


def can_follow(cls: type) -> bool:
    """Whether a stand-in for a user's class makes objects as the class itself does."""
    new: Any = cls.__new__
    plain = type(cls) in _METACLASSES and new in (object.__new__, typing.Generic.__new__)
    return plain and not _watches_subclasses(cls) and can_stand_in(cls)


def can_stand_in(cls: type) -> bool:
    """Whether an object of a subclass can stand in for an object of a user's class."""
    builtin = (object, dict, list)
    in_python = all(base.__flags__ & _HEAP_TYPE for base in cls.__mro__ if base not in builtin)
    has_hooks = type(cls) not in _METACLASSES or _watches_subclasses(cls)
    is_special = issubclass(cls, enum.Enum | BaseException) or (has_hooks and slots_of(cls))
    return in_python and not is_special


_HEAP_TYPE = 1 << 9
"""Flag of the types that a class statement makes."""


def _watches_subclasses(cls: type) -> bool:
    bases = (base for base in cls.__mro__ if base is not object and base.__module__ != "typing")
    return any("__init_subclass__" in vars(base) for base in bases)


def slots_of(cls: type) -> dict[str, Any]:
    """Return the descriptors of a class's slots, by name."""
    return {
        name: member
        for base in reversed(cls.__mro__)
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType) and member.__objclass__ is base
    }


class _Slot:
    """A slot of a followed class: its objects keep the value with their other attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"{owner.__name__!r} object has no attribute {self._name!r}")


def subclass_of(cls: type, namespace: dict[str, Any]) -> Any:
    """Return a subclass; the class and its metaclass are not told of it."""
    metaclass: Any = type(cls)
    if metaclass in _METACLASSES and not _watches_subclasses(cls):
        return metaclass(cls.__name__, (cls,), namespace)

    class Empty:
        pass

    made = type.__new__(metaclass, cls.__name__, (Empty,), namespace)
    type.__setattr__(made, "__bases__", (cls,))
    return made


def followed_class(cls: type, session: Session) -> type:
    """Return a subclass whose methods are followed."""
    if cls in session.root.followed:
        known: type = session.root.followed[cls]
        return known
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    # The function sees the same class for objects made inside and for those from outside.
    namespace["__class__"] = property(READ["type"])
    namespace |= {name: _Slot(name) for name in slots_of(cls)}
    namespace[trees.STANDS_FOR] = cls
    followed: type = subclass_of(cls, namespace)
    session.root.followed[cls] = followed
    of_bases: set[str] = set()
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items() if base.__flags__ & _HEAP_TYPE else ():
            is_plain = name in _GENERATED and dataclasses.is_dataclass(base)
            member = (
                value if is_plain and _is_generated(value) else _followed_member(value, session)
            )
            if member is not value:
                note_member(cls, name, session)
                type.__setattr__(followed, name, member)
                of_bases.add(name)
            elif name in of_bases:  # which this class overrides by something else
                type.__delattr__(followed, name)
                of_bases.discard(name)
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


_GENERATED = frozenset({"__repr__", "__eq__"})
"""Methods that read nothing from outside where ``dataclasses`` writes them."""


def _is_generated(member: Any) -> bool:
    """Whether ``dataclasses`` wrote a method."""
    code = getattr(getattr(member, "__wrapped__", member), "__code__", None)
    return code is not None and code.co_filename.startswith("<")


def _names_of(cls: Any) -> Any:
    note_class(cls._real, cls._session)
    return vars(cls._real)


def _seen_of(name: str) -> Callable[[Any], Any]:
    """Return a getter of an attribute that `type` gives a class, as traced code sees it."""

    def look_up(cls: Any) -> Any:
        read = functools.partial(getattr, cls._real, name)
        return READ["see"](read(), read, f"{cls._real.__name__}.{name}", cls._session)

    return look_up


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
        read = note_member(real, name, root)
        if member is MISSING:  # perhaps its metaclass has it
            note_class(real, root)
            return getattr(cls._followed, name)
        if isinstance(member, classmethod):
            return types.MethodType(member_of(cls._followed, name).__func__, cls)
        if hasattr(type(member), "__get__"):
            note_descriptor(member, name, root)
            return getattr(cls._followed, name)
        return READ["see"](member, read, f"{real.__name__}.{name}", root)

    def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805
        write_attribute(cls._real, name, value, cls._session)
        setattr(cls._followed, name, value)


def is_followed_tuple(cls: type) -> bool:
    """Whether a class is one of named tuples that have methods of the user's own."""
    return issubclass(cls, tuple) and hasattr(cls, "_fields") and has_own_methods(cls)


def see_class(cls: type, session: Session) -> type:
    """Return a user's class as traced code sees it."""
    if not can_follow(cls) and not is_followed_tuple(cls):
        note_unfollowed(cls, session)
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


def followed(cls: type, session: Session) -> type:
    """Return the class of objects that a traced function makes by a user's class."""
    found: type = getattr(see_class(cls, session), "_followed", cls)
    return found


def _see_made(tree: Any) -> Any:
    """Return a nested value with followed methods if it was made for a traced function."""
    return _with_methods(tree, current().root) if is_tracing() else tree


def _with_methods(tree: Any, root: Session) -> Any:
    cls = type(tree)
    if isinstance(tree, tuple):
        items = [_with_methods(item, root) for item in tree]
        if is_followed_tuple(cls):
            return tuple.__new__(followed(cls, root), items)
        return tree if _are_same(items, tree) else tuple.__new__(cls, items)
    if isinstance(tree, list | dict):
        for key, item in tree.items() if isinstance(tree, dict) else enumerate(tree):
            tree[key] = _with_methods(item, root)
    if dataclasses.is_dataclass(cls) and not is_library(cls):
        made = followed(cls, root)
        parts = {field.name: getattr(tree, field.name) for field in dataclasses.fields(cls)}
        if made is not cls:
            seen = {name: _with_methods(part, root) for name, part in parts.items()}
            return trees.made_of(made, seen)
    return tree


def _are_same(items: list[Any], others: tuple[Any, ...]) -> bool:
    return all(map(operator.is_, items, others))


trees.ON_MADE.append(_see_made)

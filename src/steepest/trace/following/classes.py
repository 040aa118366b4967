"""Classes of the user's own, as a traced function sees them.

The function sees a stand-in for a class. Objects that it makes are of a subclass whose methods
are followed. Each attribute of the class that it reads is noted.
"""

from __future__ import annotations

import abc
import enum
import functools
import types
import typing
from collections.abc import Callable
from typing import Any

from steepest.trace.following.members import (
    member_of,
    note_class,
    note_descriptor,
    note_member,
    note_unfollowed,
)
from steepest.trace.following.places import write_attribute
from steepest.trace.following.stand_ins import READ, SeenType
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session

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
        note_member(real, name, root)
        if member is MISSING:  # perhaps its metaclass has it
            note_class(real, root)
            return getattr(cls._followed, name)
        if isinstance(member, classmethod):
            return types.MethodType(member_of(cls._followed, name).__func__, cls)
        if hasattr(type(member), "__get__"):
            note_descriptor(member, name, root)
            return getattr(cls._followed, name)
        read = functools.partial(member_of, real, name)
        return READ["see"](member, read, f"{real.__name__}.{name}", root)

    def __setattr__(cls, name: str, value: Any) -> None:  # noqa: N805
        write_attribute(cls._real, name, value, cls._session)
        setattr(cls._followed, name, value)


def see_class(cls: type, session: Session) -> type:
    """Return a user's class as traced code sees it."""
    if not can_follow(cls):
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

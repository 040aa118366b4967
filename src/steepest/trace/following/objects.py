"""Objects of the user's own, as a traced function sees them.

Methods that a traced method calls on ``self`` must be followed as well. So the function sees a
stand-in for an object, of a subclass whose methods are followed. Each attribute that it reads is
noted. What it writes is stored in the object when the function has returned.
"""

from __future__ import annotations

import functools
import types
from typing import Any

from steepest.graph.source import user_source
from steepest.trace.following.classes import can_follow, followed_class, see_class
from steepest.trace.following.members import is_objects, member_of, note_descriptor, note_member
from steepest.trace.following.places import Pending
from steepest.trace.following.stand_ins import READ
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session

_WHOLE = frozenset({"__dict__", "__reduce_ex__", "__reduce__", "__getstate__", "__sizeof__"})
"""Attributes that give access to all others of an object."""


def follow_object(owner: Any, session: Session) -> Any:
    """Return a stand-in for an object of a user's class, or the object itself."""
    root, cls = session.root, type(owner)
    known = root.followed.get(id(owner))
    if known is not None:
        return known
    reads_itself = not is_objects(cls, "__getattribute__")
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
        if is_objects(cls, name):  # a class's own hooks write to the same attributes
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
            note_descriptor(member, name, root)
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
        note_descriptor(member, name, root)
        return None
    read = functools.partial(member_of, cls, name)
    return (READ["see"](member, read, f"{cls.__name__}.{name}", root),)

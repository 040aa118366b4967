"""Objects of the user's own, as a traced function sees them.

Methods that a traced method calls on ``self`` must be followed as well. So the function sees a
stand-in for an object, of a subclass whose methods are followed. Each attribute that it reads is
noted. What it writes is stored in the object when the function has returned.
"""

from __future__ import annotations

import collections
import functools
import types
from typing import Any

from steepest.graph.source import user_source
from steepest.trace.following.classes import can_stand_in, followed_class, see_class, subclass_of
from steepest.trace.following.containers import fill
from steepest.trace.following.members import is_objects, member_of, note_descriptor, note_member
from steepest.trace.following.places import Pending, attributes_of, slot_value
from steepest.trace.following.stand_ins import READ
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import Session

_WHOLE = frozenset({"__dict__", "__reduce_ex__", "__reduce__", "__getstate__", "__sizeof__"})
"""Attributes that give access to all others of an object."""


IN_PYTHON = (collections.UserDict, collections.UserList, collections.ChainMap)
"""Classes of Python's library whose objects are followed like the user's own."""


def follow_object(owner: Any, session: Session) -> Any:
    """Return a stand-in for an object of a user's class, or the object itself."""
    root, cls = session.root, type(owner)
    if id(owner) in root.originals:  # a stand-in, such as the owner of a followed method
        return owner
    known = root.followed.get(id(owner))
    if known is not None:
        return known
    reads_itself = not is_objects(cls, "__getattribute__")
    is_own_dict = isinstance(owner, dict) and getattr(owner, "__dict__", None) is owner
    if not can_stand_in(cls) or reads_itself or is_own_dict:
        root.captures.opaque.append(cls.__name__)
        root.followed[id(owner)] = owner
        root.kept.append(owner)
        if hasattr(owner, "__dict__"):  # the function writes to the object itself
            root.pending.append(Pending(owner, vars(owner)))
        return owner
    stand_in_class = subclass_of(followed_class(cls, session), {})
    base: Any = next((base for base in (dict, list) if issubclass(cls, base)), object)
    stand_in = base.__new__(stand_in_class)
    pending = Pending(owner, attributes_of(owner))
    object.__setattr__(stand_in, "__dict__", pending.now)
    values = root.captures.values
    values.append((functools.partial(type, owner), cls))
    if hasattr(owner, "__dict__"):
        values.append((functools.partial(getattr, owner, "__dict__"), vars(owner)))
    _add_hooks(stand_in_class, stand_in, pending, root)
    root.followed[id(owner)] = stand_in
    root.originals[id(stand_in)], root.originals[id(stand_in_class)] = owner, cls
    root.kept += [stand_in, stand_in_class]
    root.pending.append(pending)
    if base is not object:
        fill(owner, stand_in, cls.__name__, root)
    return stand_in


def _add_hooks(stand_in_class: Any, stand_in: Any, pending: Pending, root: Session) -> None:
    """Let the class of a stand-in note what is read and written."""
    cls = type(pending.owner)

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
            member = member_of(cls, name)
            is_given = name in pending.now and not hasattr(type(member), "__set__")
            if not is_given and _is_users_descriptor(member):
                return _call_descriptor(member, stand_in, name, root)
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
            type.__setattr__(stand_in_class, name, hook)
    for name in ("__module__", "__qualname__"):
        type.__setattr__(stand_in_class, name, getattr(cls, name))


def _read(pending: Pending, stand_in: Any, name: str, root: Session) -> tuple[Any] | None:
    """Note the reading of an attribute; return it as a tuple, or None for Python to look it up."""
    owner = pending.owner
    cls, own = type(owner), getattr(owner, "__dict__", {})
    member = member_of(cls, name)
    if isinstance(member, types.MemberDescriptorType):
        return _read_slot(pending, name, root)
    if hasattr(type(member), "__set__") or (name.startswith("__") and name.endswith("__")):
        if not name.startswith("__"):
            note_descriptor(member, name, root)
        return None
    read = functools.partial(own.get, name, MISSING)
    if name in pending.now:
        return (READ["see"](own[name], read, f"{cls.__name__}.{name}", root),)
    root.captures.values.append((read, MISSING))
    read_member = note_member(cls, name, root)
    if isinstance(member, classmethod):
        function = member_of(type(stand_in), name).__func__
        return (types.MethodType(function, see_class(cls, root)),)
    if isinstance(member, functools.cached_property):
        value = pending.now[name] = READ["follow"](member.func, root)(stand_in)
        return (value,)
    if member is MISSING or hasattr(type(member), "__get__"):
        note_descriptor(member, name, root)
        return None
    return (READ["see"](member, read_member, f"{cls.__name__}.{name}", root),)


def _is_users_descriptor(member: Any) -> bool:
    """Whether a class's attribute computes what it gives, by code of the user's own."""
    kind = type(member)
    in_python = isinstance(member_of(kind, "__get__"), types.FunctionType)
    return in_python and not is_library(kind) and can_stand_in(kind)


def _call_descriptor(member: Any, stand_in: Any, name: str, root: Session) -> Any:
    """Return what a descriptor gives for an object; its own code and attributes are followed."""
    owner = root.originals[id(stand_in)]
    cls = type(owner)
    if not hasattr(type(member), "__set__"):
        own = getattr(owner, "__dict__", {})
        root.captures.values.append((functools.partial(own.get, name, MISSING), MISSING))
    seen = READ["see"](member, note_member(cls, name, root), f"{cls.__name__}.{name}", root)
    return type(seen).__get__(seen, stand_in, see_class(cls, root))


def _read_slot(pending: Pending, name: str, root: Session) -> tuple[Any] | None:
    owner = pending.owner
    note_member(type(owner), name, root)
    read = functools.partial(getattr, owner, name, MISSING)
    if name in pending.now:
        full_name = f"{type(owner).__name__}.{name}"
        return (READ["see"](pending.now[name], read, full_name, root),)
    root.captures.values.append((functools.partial(slot_value, owner, name), MISSING))
    return None

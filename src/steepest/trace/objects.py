"""Objects of the user's own classes, while their methods are traced.

A method that is called on ``self`` inside a traced method must be seen through as well. So
the object is stood in for by one of a subclass whose methods are followed; it shares the
original's attributes.
"""

from __future__ import annotations

import abc
import enum
import types
from collections.abc import Callable
from typing import Any, NoReturn

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.seen import SeenType
from steepest.trace.session import Session

Follow = Callable[[Any, Session], Any]


def can_follow(cls: type) -> bool:
    """Whether a subclass of a user's class can stand in for it without side effects."""
    new: Any = cls.__new__
    plain = type(cls) in (type, abc.ABCMeta) and new is object.__new__
    hooks = any(
        "__init_subclass__" in vars(base) or "__slots__" in vars(base)
        for base in cls.__mro__
        if base is not object
    )
    return plain and not hooks and not issubclass(cls, enum.Enum | BaseException)


def followed_class(cls: type, session: Session, follow: Follow) -> type:
    """Return a subclass whose methods are followed."""
    known = session.root.followed.get(cls)
    if known is not None:
        return known
    namespace: dict[str, Any] = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
    followed = type(cls)(cls.__name__, (cls,), namespace)
    session.root.followed[cls] = followed
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            member = _followed_member(value, session, follow)
            if member is not value:
                setattr(followed, name, member)
    return followed


def _followed_member(value: Any, session: Session, follow: Follow) -> Any:
    if isinstance(value, types.FunctionType):
        return follow(value, session)
    if isinstance(value, staticmethod | classmethod):
        inner = follow(value.__func__, session)
        return value if inner is value.__func__ else type(value)(inner)
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return property(*(part and follow(part, session) for part in parts))
    return value


def follow_object(owner: Any, session: Session, follow: Follow) -> Any:
    """Return a stand-in for an object of a user's class, or the object itself."""
    cls = type(owner)
    if not can_follow(cls) or not hasattr(owner, "__dict__"):
        return owner
    known = session.root.followed.get(id(owner))
    if known is not None:
        return known
    metaclass: Any = type(cls)
    outlives = metaclass(cls.__name__, (followed_class(cls, session, follow),), {})
    stand_in = object.__new__(outlives)
    object.__setattr__(stand_in, "__dict__", owner.__dict__)
    outlives.__setattr__ = _refuse_assignment
    outlives.__module__, outlives.__qualname__ = cls.__module__, cls.__qualname__
    session.root.followed[id(owner)] = stand_in
    return stand_in


def _refuse_assignment(self: Any, name: str, value: Any) -> NoReturn:
    raise UnsupportedError(
        f"the traced function assigns to the attribute .{name} of an object that outlives it"
        f"{at(user_source())}: the recorded graph would not repeat it; return the value instead"
    )


class _FollowedType(SeenType):
    """A user's class: what it makes are objects whose methods are followed."""

    followed: type

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        return cls.followed(*args, **kwargs)

    def __getattr__(cls, name: str) -> Any:  # noqa: N805
        return getattr(cls.followed, name)


def see_class(cls: type, session: Session, follow: Follow) -> type:
    """Return a user's class as traced code sees it."""
    if not can_follow(cls):
        return cls
    known = session.root.followed.get((cls, "seen"))
    if known is None:
        followed = followed_class(cls, session, follow)
        known = _FollowedType(cls.__name__, (), {"_real": cls, "followed": followed})
        session.root.followed[cls, "seen"] = known
    return known

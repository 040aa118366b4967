"""Globals and modules of the user's own as traced code sees them.

Functions that are traced run over a :class:`TracedGlobals`. It notes each name that they read,
and keeps what they write until they have returned.
"""

from __future__ import annotations

import builtins
import functools
import sys
import types
from typing import Any

from steepest.trace.arrays.text import refuse_text
from steepest.trace.following.classes import see_class
from steepest.trace.following.namespaces import WATCHED, seen_builtins
from steepest.trace.following.places import global_place
from steepest.trace.following.stand_ins import READ
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session, current

HELPERS: dict[str, Any] = {}
"""What rewritten code calls, by names that no user can write; ``trace.branching`` fills it."""


class TracedGlobals(dict[str, Any]):
    """The globals of a user's function as traced code sees them.

    The interpreter looks names up with ``__getitem__``, which wraps the values. The dictionary
    itself holds the real values, for debuggers and ``eval``, which read it directly.
    """

    def __init__(self, real: dict[str, Any], session: Session) -> None:
        super().__init__(real)
        own = {"__import__": _import, "super": _super}
        dict.__setitem__(self, "__builtins__", {**seen_builtins(), **own})
        self.real = real
        self.session = session
        self.seen: dict[str, Any] = {}
        self.assigned: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        if name in self.assigned:
            now = dict.get(self, name, MISSING)
            if now is not self.real.get(name, MISSING):
                if now is MISSING:
                    raise KeyError(name)
                return now
        if name not in self.seen:
            if name in HELPERS:
                return HELPERS[name]
            read = functools.partial(self.real.get, name, MISSING)
            self.seen[name] = READ["see"](read(), read, name, self.session)
        value = self.seen[name]
        if value is MISSING:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self.watch(name)
        dict.__setitem__(self, name, value)

    def __delitem__(self, name: str) -> None:
        self.watch(name)
        dict.__delitem__(self, name)

    def update(self, *others: Any, **named: Any) -> None:
        """Assign to several names."""
        for name, value in dict(*others, **named).items():
            self[name] = value

    def watch(self, name: str) -> None:
        """Expect that the function assigns to a name."""
        if name not in self.assigned:
            self.assigned.add(name)
            self.session.places.append(global_place(self, self.real, name))


def _import(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    """Import inside a traced function, and wrap the module."""
    module = builtins.__import__(name, globals, locals, fromlist, level)
    return READ["see"](module, lambda: module, name, current())


def _eval(source: Any, globals: Any = None, locals: Any = None) -> Any:
    refuse_text((source,), "eval()")
    frame = sys._getframe(1)
    default_locals = frame.f_locals if globals is None else globals
    return eval(source, frame.f_globals if globals is None else globals, locals or default_locals)


def _exec(source: Any, globals: Any = None, locals: Any = None) -> None:
    refuse_text((source,), "exec()")
    frame = sys._getframe(1)
    default_locals = frame.f_locals if globals is None else globals
    exec(source, frame.f_globals if globals is None else globals, locals or default_locals)


def _super(*arguments: Any) -> Any:
    """Return a ``super()`` object by which methods of the user's classes are followed."""
    if not arguments:
        frame = sys._getframe(1)
        first = frame.f_code.co_varnames[0]
        arguments = (frame.f_locals["__class__"], frame.f_locals[first])
    originals = current().root.originals
    first, *rest = arguments
    first = originals.get(id(first), first)
    rest = [getattr(x, "_followed", x) if isinstance(x, type) else x for x in rest]
    return _Super(super(first, *rest))


class _Super:
    """The stand-in for a ``super()`` object."""

    def __init__(self, real: Any) -> None:
        object.__setattr__(self, "real", real)

    def __getattribute__(self, name: str) -> Any:
        # For every name: super().__init__ must be the other class's, and not this one's.
        real = object.__getattribute__(self, "real")
        value = getattr(real, name)
        if isinstance(value, types.MethodType):
            owner = value.__self__
            if isinstance(owner, type):  # of a class method
                own = current().root.originals.get(id(owner), owner)
                owner = see_class(own, current())
            return types.MethodType(READ["follow"](value.__func__, current()), owner)
        return READ["see"](value, functools.partial(getattr, real, name), name, current())


class UserModule(types.ModuleType):
    """A user's module whose names are seen through the recording."""

    def __init__(self, real: types.ModuleType, session: Session) -> None:
        super().__init__(real.__name__, real.__doc__)
        _own(self).update(view=view_of(vars(real), session), real=real)

    def __getattribute__(self, name: str) -> Any:
        own = _own(self)
        if name == "__dict__":
            own["view"].session.captures.opaque.append(f"names in {own['real'].__name__}")
            return own["view"]
        try:
            return own["view"][name]
        except KeyError:
            return getattr(own["real"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        _own(self)["view"][name] = value


_own: Any = vars(types.ModuleType)["__dict__"].__get__


def view_of(real: dict[str, Any], session: Session) -> TracedGlobals:
    """Return the recording's one view of a module's globals."""
    root = session.root
    view = root.views.get(id(real))
    if view is None:
        view = root.views[id(real)] = TracedGlobals(real, root)
    return view


WATCHED[builtins.eval], WATCHED[builtins.exec] = _eval, _exec

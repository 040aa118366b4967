"""Places outside that a traced function may write to, and what it has written there.

Places are globals, variables of enclosing functions, containers, and attributes of objects,
functions and classes. The traced function writes to stand-ins of them; ``writes`` stores the
values in the real places.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from steepest.graph.source import Source, user_source
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session


@dataclass(frozen=True)
class Place:
    """Somewhere outside that the function may write to.

    Attributes
    ----------
    name
        What the user calls it.
    written
        Returns what the function wrote; :data:`UNCHANGED` if nothing.
    store
        Writes a plain value to the real place.
    source
        The line that reads or writes it.
    is_filled
        Whether a value that was written fills a place that was empty before.
    save
        Returns a function that restores what the traced function sees there now.
    reset
        Restores what the traced function saw there at first.
    """

    name: str
    written: Callable[[], Any]
    store: Callable[[Any], None]
    source: Source | None
    is_filled: Callable[[Any], bool]
    save: Callable[[], Callable[[], None]]
    reset: Callable[[], None]


UNCHANGED = object()
"""Stands for a place to which nothing was written."""


def slot_value(owner: Any, name: str) -> Any:
    """Return what an object keeps in a slot, or :data:`MISSING`."""
    for base in type(owner).__mro__:
        member = vars(base).get(name)
        if isinstance(member, types.MemberDescriptorType):
            try:
                return member.__get__(owner)
            except AttributeError:
                return MISSING
    return MISSING


def attributes_of(owner: Any) -> dict[str, Any]:
    """Return an object's own attributes, whether they are in slots or not."""
    names = {
        name
        for base in type(owner).__mro__
        for name, member in vars(base).items()
        if isinstance(member, types.MemberDescriptorType)
    }
    slots = {name: slot_value(owner, name) for name in names}
    found = {name: value for name, value in slots.items() if value is not MISSING}
    return found | getattr(owner, "__dict__", {})


def _put_attribute(owner: Any, name: str, value: Any) -> None:
    own = getattr(owner, "__dict__", None)
    slot = next(
        (
            vars(base)[name]
            for base in type(owner).__mro__
            if isinstance(vars(base).get(name), types.MemberDescriptorType)
        ),
        None,
    )
    if slot is None and own is not None:
        _put_item(own, name, value)  # past methods of the class, which did it already
    elif value is MISSING:
        object.__delattr__(owner, name)
    else:
        object.__setattr__(owner, name, value)


class Pending:
    """What a traced function has written to the attributes of an object.

    Parameters
    ----------
    owner
        The object.
    now
        The attributes that the function sees and writes to. They are the object's own
        where the function sees the object itself.

    Attributes
    ----------
    before
        The attributes before the trace.
    seen
        What the function was given for each attribute that it read.
    sources
        The lines that write, by attribute.
    """

    def __init__(self, owner: Any, now: dict[str, Any]) -> None:
        self.owner, self.now, self.before = owner, now, dict(now)
        self.seen: dict[str, Any] = {}
        self.sources: dict[str, Source | None] = {}
        self._source = user_source()

    def is_written(self, name: str) -> bool:
        """Whether an attribute differs from what it was before the trace."""
        return self.now.get(name, MISSING) is not self.before.get(name, MISSING)

    def places(self) -> list[Place]:
        """Return the attributes that were written to."""
        names = [name for name in {**self.before, **self.now} if self.is_written(name)]
        return [self._place(name) for name in names]

    def _place(self, name: str) -> Place:
        value = self.now.get(name, MISSING)
        return Place(
            f"{type(self.owner).__name__}.{name}",
            lambda: value,
            functools.partial(_put_attribute, self.owner, name),
            self.sources.get(name, self._source),
            _is_filling(self.before.get(name, MISSING)),
            self.save,
            self.reset,
        )

    def save(self) -> Callable[[], None]:
        """Return a function that restores what the traced function sees now."""
        now, seen = dict(self.now), dict(self.seen)

        def restore() -> None:
            self.now.clear()
            self.now.update(now)
            self.seen.clear()
            self.seen.update(seen)

        return restore

    def reset(self) -> None:
        """Restore what the traced function saw at first."""
        self.now.clear()
        self.now.update(self.before)

    def start_anew(self) -> None:
        """Start over from the object's attributes as they are now."""
        if self.now is not getattr(self.owner, "__dict__", None):
            now = attributes_of(self.owner)
            self.now.clear()
            self.now.update(now)
        self.before = dict(self.now)
        self.seen.clear()

    def take_back(self) -> None:
        """Undo what the function wrote if it wrote to the object itself."""
        if self.now is getattr(self.owner, "__dict__", None):
            self.reset()


def _variable_place(
    name: str,
    read: Callable[[], Any],
    write: Callable[[Any], None],
    store: Callable[[Any], None],
) -> Place:
    """Return the place of a variable; `read` and `write` are about its stand-in.

    The value :data:`MISSING` stands for a variable that is not defined.
    """
    before = read()

    def written() -> Any:
        now = read()
        return UNCHANGED if now is before else now

    def save() -> Callable[[], None]:
        return functools.partial(write, read())

    return Place(name, written, store, user_source(), _is_filling(before), save, save())


def global_place(namespace: dict[str, Any], real: dict[str, Any], name: str) -> Place:
    """Return the place of a global variable that a function assigns to.

    `namespace` are the globals that the traced function sees.
    """

    def write(value: Any) -> None:  # past the methods of the namespace, which note writes
        if value is MISSING:
            dict.pop(namespace, name, None)
        else:
            dict.__setitem__(namespace, name, value)

    read = functools.partial(namespace.get, name, MISSING)
    return _variable_place(
        f"the global {name}", read, write, functools.partial(_put_item, real, name)
    )


def cell_place(new: types.CellType, old: types.CellType, name: str) -> Place:
    """Return the place of an enclosing function's variable that a function assigns to."""
    read = functools.partial(cell_value, new)
    write = functools.partial(_put_in_cell, new)
    return _variable_place(name, read, write, functools.partial(_put_in_cell, old))


def _put_item(items: MutableMapping[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        items.pop(name, None)
    else:
        items[name] = value


def _put_in_cell(cell: types.CellType, value: Any) -> None:
    if value is MISSING:
        del cell.cell_contents
    else:
        cell.cell_contents = value


def cell_value(cell: types.CellType) -> Any:
    """Return the value of an enclosing function's variable, or :data:`MISSING`."""
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet, or deleted
        return MISSING


def _is_filling(before: Any) -> Callable[[Any], bool]:
    return lambda value: before is MISSING or before is None


def keeps_items(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Whether a dictionary still has every item that it had before."""
    return all(key in now and now[key] is value for key, value in before.items())


def attributes_place(new: types.FunctionType, old: types.FunctionType) -> Place:
    """Return the place of a function's own attributes."""
    before = dict(new.__dict__)

    def written() -> Any:
        now = new.__dict__
        is_same = len(now) == len(before) and keeps_items(now, before)
        return UNCHANGED if is_same else dict(now)

    def store(value: Any) -> None:
        old.__dict__.clear()
        old.__dict__.update(value)

    def save() -> Callable[[], None]:
        now = dict(new.__dict__)

        def restore() -> None:
            new.__dict__.clear()
            new.__dict__.update(now)

        return restore

    return Place(
        f"attributes of {old.__name__}",
        written,
        store,
        user_source(),
        lambda value: keeps_items(value, before),
        save,
        save(),
    )


def attribute_place(owner: type, name: str, session: Session) -> Place:
    """Return the place of a class's attribute that a function has assigned to."""
    key = (id(owner), name)

    def store(value: Any) -> None:
        if value is MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, value)

    def save() -> Callable[[], None]:
        now = session.attributes.get(key, UNCHANGED)

        def restore() -> None:
            session.attributes.pop(key, None)
            if now is not UNCHANGED:
                session.attributes[key] = now

        return restore

    before = next((vars(base)[name] for base in owner.__mro__ if name in vars(base)), MISSING)
    return Place(
        f"{owner.__name__}.{name}",
        lambda: session.attributes.get(key, UNCHANGED),
        store,
        user_source(),
        _is_filling(before),
        save,
        save(),
    )


def write_attribute(owner: type, name: str, value: Any, session: Session) -> None:
    """Note what a function assigns to an attribute of a class that outlives it."""
    root = session.root
    if (id(owner), name) not in root.attributes:
        root.places.append(attribute_place(owner, name, root))
    root.attributes[id(owner), name] = value

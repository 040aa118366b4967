"""Lists, dictionaries, sets and tuples from outside, as a traced function sees them.

The function gets a copy whose items are wrapped as well: arrays in it are inputs, functions
in it are followed. Each item is noted: the trace holds as long as the container has the same
items. What the function writes to the copy is written to the container when the function has
returned.
"""

from __future__ import annotations

import collections
import functools
import operator
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from steepest.graph.source import user_source
from steepest.trace.following.classes import followed, is_followed_tuple
from steepest.trace.following.lazy_items import SeenDict
from steepest.trace.following.members import note_class
from steepest.trace.following.places import UNCHANGED, Place, keeps_items
from steepest.trace.following.stand_ins import READ
from steepest.trace.recording.captures import MISSING, is_comparable
from steepest.trace.recording.chance import watch
from steepest.trace.recording.session import Session

_LONG = 64
"""Number of items from which on a list of plain numbers or texts is noted as a whole."""

_LONGEST = 4096
"""Largest number of items that are wrapped; longer containers are used as they are."""


def is_named_tuple(value: Any) -> bool:
    """Whether a value is a named tuple, by ``collections`` or by ``typing``."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def see_tuple(value: tuple[Any, ...], name: str, session: Session) -> Any:
    """Return a tuple of what the function sees for each item; a named tuple stays one."""
    root, cls = session.root, type(value)
    if cls is not tuple:
        is_followed = is_followed_tuple(cls)
        note_class(cls, root, is_followed=is_followed)
        if is_followed:
            cls = followed(cls, root)
    items = [
        READ["see"](item, functools.partial(operator.getitem, value, i), f"{name}[{i}]", session)
        for i, item in enumerate(value)
    ]
    if cls is type(value) and all(a is b for a, b in zip(items, value, strict=True)):
        return value
    return tuple.__new__(cls, items)


def see_proxy(value: Any, name: str, session: Session) -> Any:
    """Return a read-only dictionary of what the function sees for each item of one."""
    root = session.root
    if id(value) not in root.followed:
        items: dict[Any, Any] = {}
        root.followed[id(value)] = proxy = types.MappingProxyType(items)
        root.kept.append(value)
        _fill_dict(value, items, name, root)
        return proxy
    return root.followed[id(value)]


def see_container(value: Any, name: str, session: Session) -> Any:
    """Return the copy of a list, dictionary or set that the function is given."""
    root = session.root
    known = root.followed.get(id(value), MISSING)
    if known is not MISSING:
        return known
    if _is_beyond(value):
        root.captures.opaque.append(name)
        return value
    copy = _seen_dict(value, root) if type(value) is dict else _empty(value)
    root.followed[id(value)] = copy
    _FILL[type(value)](value, copy, name, root)
    root.places.append(_place(value, copy, name))
    return copy


def fill(value: Any, copy: Any, name: str, session: Session) -> None:
    """Fill the stand-in of an object whose class derives from ``dict`` or ``list``."""
    root, kind = session.root, dict if isinstance(value, dict) else list
    if _is_beyond(value):
        root.captures.opaque.append(name)
    items: Any = kind()
    _FILL[kind](value, items, name, root)
    _put(copy, items)
    root.places.append(_place(value, copy, name))


def _is_beyond(value: Any) -> bool:
    plainest = _plainest(value)
    items = plainest.values() if isinstance(plainest, dict) else plainest
    return value is sys.modules or (len(items) > _LONGEST and not all(map(is_comparable, items)))


def _item(item: Any, read: Callable[[], Any], name: str, root: Session) -> Any:
    return item if watch(item, name, root) else READ["see"](item, read, name, root)


def _fill_list(value: list[Any], copy: list[Any], name: str, root: Session) -> None:
    if len(value) > _LONG and all(map(is_comparable, value)):
        seen = tuple(value)
        root.captures.values.append((lambda: _are_same(value, seen), True))
        copy.extend(value)
        return
    kind = _builtin_base(value)
    items = kind.copy(value)
    root.captures.values.append((functools.partial(_has_length, kind, value, len(items)), True))
    for i, item in enumerate(items):
        read = functools.partial(kind.__getitem__, value, i)
        copy.append(_item(item, read, f"{name}[{i}]", root))


def _has_length(kind: Any, items: Any, count: int) -> bool:
    return bool(kind.__len__(items) == count)


def _builtin_base(value: Any) -> Any:
    """Return the container's type, without what a user's class adds to it."""
    kinds = (collections.OrderedDict, dict, list, set, collections.deque, types.MappingProxyType)
    return next(kind for kind in kinds if isinstance(value, kind))


def _are_same(items: list[Any], seen: tuple[Any, ...]) -> bool:
    return len(items) == len(seen) and all(map(operator.is_, items, seen))


def _fill_dict(value: Mapping[Any, Any], copy: dict[Any, Any], name: str, root: Session) -> None:
    if type(copy) is SeenDict:
        _fill_seen_dict(value, copy, name, root)  # type: ignore[arg-type]
        return
    kind = _builtin_base(value)
    keys = tuple(kind.keys(value))
    root.captures.values.append((lambda: _are_same(list(kind.keys(value)), keys), True))
    for key, item in kind.items(value):
        read = functools.partial(kind.get, value, key, MISSING)
        copy[see_member(key, name, root)] = _item(item, read, f"{name}[{key!r}]", root)


def _seen_dict(value: dict[Any, Any], root: Session) -> SeenDict:
    """Return the stand-in of a dictionary: it notes plain items when they are read."""

    def note(key: Any) -> None:
        key = root.originals.get(id(key), key)  # an object, of which the function sees a stand-in
        found = value.get(key, MISSING)
        if found is MISSING or is_comparable(found):  # others are noted already
            root.captures.values.append((functools.partial(value.get, key, MISSING), found))

    def note_keys() -> None:
        keys = tuple(value)
        root.captures.values.append((lambda: _are_same(list(value), keys), True))

    seen = SeenDict(note, note_keys)
    root.followed.setdefault(_DICTIONARIES, []).append(seen)
    return seen


_DICTIONARIES, _WHOLE = "dictionaries", "whole dictionaries"


def note_dictionaries(root: Session) -> None:
    """Note all plain items of dictionaries, whether they are read or not.

    The function may read them in ways that :class:`SeenDict` does not see.
    """
    root.followed[_WHOLE] = True
    for seen in root.followed.get(_DICTIONARIES, ()):
        seen.note_all()


def _fill_seen_dict(value: dict[Any, Any], copy: SeenDict, name: str, root: Session) -> None:
    for key, item in value.items():
        read = functools.partial(value.get, key, MISSING)
        seen = item if is_comparable(item) else _item(item, read, f"{name}[{key!r}]", root)
        dict.__setitem__(copy, see_member(key, name, root), seen)
    if _WHOLE in root.followed:
        copy.note_all()


def see_member(item: Any, name: str, root: Session) -> Any:
    """Return a member of a set, or a key, as the function sees it."""
    if is_comparable(item):
        return item
    return READ["see"](item, lambda: item, f"a member of {name}", root)


def _fill_set(value: set[Any], copy: set[Any], name: str, root: Session) -> None:
    seen = frozenset(value)
    root.captures.values.append((lambda: value == seen, True))
    copy.update(see_member(item, name, root) for item in value)


def _fill_namespace(value: Any, copy: Any, name: str, root: Session) -> None:
    _fill_dict(vars(value), vars(copy), name, root)


_FILL: dict[type, Callable[..., None]] = {
    list: _fill_list,
    collections.deque: _fill_list,
    dict: _fill_dict,
    collections.OrderedDict: _fill_dict,
    collections.defaultdict: _fill_dict,
    collections.Counter: _fill_dict,
    set: _fill_set,
    types.SimpleNamespace: _fill_namespace,
}

CONTAINERS = frozenset(_FILL)
"""Types of containers that the function sees a copy of."""


def _empty(value: Any) -> Any:
    """Return a container like another, with nothing in it."""
    if isinstance(value, types.SimpleNamespace):
        return types.SimpleNamespace()
    copy = value.copy()
    copy.clear()
    return copy


def _place(value: Any, copy: Any, name: str) -> Place:
    before, first = _items(copy), _plainest(copy)

    def written() -> Any:
        now = _items(copy)
        if len(now) == len(before) and all(map(operator.is_, now, before)):
            return UNCHANGED
        return _plainest(copy)

    def store(contents: Any) -> None:
        _put(value, contents)

    def is_filled(contents: Any) -> bool:
        return isinstance(contents, dict) and keeps_items(contents, first)

    def save() -> Callable[[], None]:
        now = _plainest(copy)
        return lambda: _put(copy, now)

    return Place(name, written, store, user_source(), is_filled, save, save())


def _put(container: Any, contents: Any) -> None:
    """Replace the contents of a container."""
    is_namespace = isinstance(container, types.SimpleNamespace)
    target: Any = vars(container) if is_namespace else container
    kind = _builtin_base(target)
    kind.clear(target)
    kind.extend(target, contents) if isinstance(contents, list) else kind.update(target, contents)


def _plainest(container: Any) -> Any:
    """Return the same items as a list, a dictionary or a set."""
    if isinstance(container, types.SimpleNamespace):
        return dict(vars(container))
    kind = _builtin_base(container)
    # A copy of a seen dictionary would read it.
    items = dict(dict.items(container)) if kind is dict else kind.copy(container)
    plain = next(plain for plain in (dict, set, list) if issubclass(kind, plain) or plain is list)
    return plain(items)


def _items(container: Any) -> list[Any]:
    plainest = _plainest(container)
    if isinstance(plainest, dict):
        return [part for pair in plainest.items() for part in pair]
    return list(plainest)

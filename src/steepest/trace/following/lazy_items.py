"""Dictionaries whose items are noted when they are read."""

from __future__ import annotations

import dis
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

from steepest.graph import trees
from steepest.trace.arrays.text import refuse_text
from steepest.trace.recording.captures import is_comparable

_KEYS, _ITEMS = object(), object()
"""Stand for all keys and all items of a dictionary."""


class SeenDict(dict[Any, Any]):
    """What a traced function sees for a dictionary from outside.

    Parameters
    ----------
    note
        Notes that an item is read, given its key.
    note_keys
        Notes that the keys are read, all of them and their order.

    Notes
    -----
    C code that copies a dictionary looks at ``__iter__``: where a subclass has its own, it takes
    the items by ``keys`` and ``__getitem__``.
    """

    __slots__ = ("_note", "_note_keys", "_noted")

    def __init__(self, note: Callable[[Any], None], note_keys: Callable[[], None]) -> None:
        super().__init__()
        self._note, self._note_keys = note, note_keys
        self._noted: set[Any] = set()

    def _read(self, key: Any) -> None:
        refuse_text((key,), "a key")
        if not is_comparable(key):  # an object, or a traced value
            self._read_all()
        elif key not in self._noted:
            self._noted.add(key)
            self._note(key)

    def _read_keys(self) -> None:
        if _KEYS not in self._noted:
            self._noted.add(_KEYS)
            self._note_keys()

    def note_all(self) -> None:
        """Note all items."""
        self._read_all()

    def _read_all(self) -> dict[Any, Any]:
        if _ITEMS not in self._noted:
            self._noted.add(_ITEMS)
            self._read_keys()
            for key in dict.keys(self):
                self._note(key)
        return self

    @property  # type: ignore[misc]  # object has an attribute of this name
    def __class__(self) -> Any:
        return dict

    def __getitem__(self, key: Any) -> Any:
        self._read(key)
        return super().__getitem__(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return an item, or a default."""
        self._read(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._read(key)
        return super().__contains__(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """Return an item, which is set if there is none."""
        self._read(key)
        return super().setdefault(key, default)

    def pop(self, key: Any, *default: Any) -> Any:
        """Remove an item, and return it."""
        self._read(key)
        return super().pop(key, *default)

    def __iter__(self) -> Iterator[Any]:
        self._read_keys()
        return super().__iter__()

    def __reversed__(self) -> Iterator[Any]:
        self._read_keys()
        return super().__reversed__()

    def __len__(self) -> int:
        self._read_keys()
        return super().__len__()

    def keys(self) -> Any:
        """Return the keys."""
        self._read_keys()
        return super().keys()

    def __copy__(self) -> dict[Any, Any]:
        return self.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)


def _reading_all(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def call(self: SeenDict, *args: Any, **kwargs: Any) -> Any:
        return method(self._read_all(), *args, **kwargs)

    call.__name__, call.__doc__ = name, method.__doc__
    return call


for _name in (
    *("values", "items", "popitem", "copy", "clear", "update", "__eq__", "__ne__", "__or__"),
    *("__ror__", "__ior__", "__repr__", "__delitem__", "__setitem__", "__sizeof__"),
):
    setattr(SeenDict, _name, _reading_all(_name))


setattr(SeenDict, trees.STANDS_FOR, dict)


def reads_past(code: types.CodeType) -> bool:
    """Whether code may read a dictionary past the methods of :class:`SeenDict`.

    It does so by methods of ``dict`` itself, and where it makes a dictionary an object's
    attributes.
    """
    nested = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    if any(map(reads_past, nested)):
        return True
    if not {"dict", "__dict__"}.intersection((*code.co_names, *code.co_freevars)):
        return False
    names = [(found.opname, found.argval) for found in dis.get_instructions(code)]
    for (load, name), (then, attribute) in itertools.pairwise(names):
        is_method = load in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF") and name == "dict"
        if is_method and then in ("LOAD_ATTR", "LOAD_METHOD") and attribute != "fromkeys":
            return True
    return ("STORE_ATTR", "__dict__") in names

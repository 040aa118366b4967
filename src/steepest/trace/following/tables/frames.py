"""Tables from outside, as a traced function sees them: data frames and arrays with named fields.

A column is an input, bound by reference. What else the function asks a table is computed by the
library, and the trace holds as long as the contents of the table are the same.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.trace.following.stand_ins import READ
from steepest.trace.following.tables.forwarding import Table, forwarded
from steepest.trace.recording.captures import is_comparable
from steepest.trace.recording.dtypes import SUPPORTED
from steepest.trace.recording.session import Session

_OF_FRAMES = frozenset({"DataFrame", "Series"})
_OF_STRUCTURE = frozenset(
    {"columns", "index", "shape", "ndim", "size", "dtypes", "dtype", "empty", "name"}
)
"""Attributes of a frame that do not depend on its numbers."""

_PARTS = ("_ndarray", "_data", "_mask", "_pa_array", "_dtype")
"""Attributes of pandas' own arrays that hold their contents."""

_UNSEEN = frozenset({"attrs", "flags", "_metadata"})
"""Attributes that can be changed, and are not noted."""


def is_table(value: Any) -> bool:
    """Whether a value is a table that has a stand-in here."""
    kind = type(value)
    if kind in (np.ndarray, np.recarray):
        return value.dtype.names is not None and not value.dtype.hasobject
    is_pandas = kind.__name__ in _OF_FRAMES and kind.__module__.partition(".")[0] == "pandas"
    return is_pandas and _blocks(value) is not None


def see_table(value: Any, name: str, session: Session) -> Any:
    """Return the stand-in of a table."""
    root = session.root
    known = root.followed.get((id(value), "table"))
    if known is None:
        if isinstance(value, np.ndarray):
            table: Table = _Records(value, name, root)
        else:
            table = _Frame(value, name, root)
        known = root.followed[id(value), "table"] = forwarded(table)
        root.originals[id(known)] = value
        root.kept += [known, value]
    return known


def _has_contents(array: np.ndarray, contents: bytes, kept: np.ndarray) -> bool:
    return array.tobytes() == contents


def _note_array(array: np.ndarray, root: Session) -> None:
    """Note the contents of an array that is known to stay the same object."""
    kept = array.copy()  # which keeps objects alive, so that their addresses are theirs
    contents = kept.tobytes()
    root.captures.values.append((functools.partial(_has_contents, array, contents, kept), True))


class _Noting(Table):
    """What tables have in common: a name, a recording, and whether all contents are noted."""

    def __init__(self, real: Any, name: str, root: Session) -> None:
        self.real, self.name, self.root = real, name, root
        self.seen: dict[Any, Any] = {}
        self.is_noted = False

    def note_contents(self) -> None:
        if not self.is_noted:
            self.is_noted = True
            self._note_contents()

    def _note_contents(self) -> None:
        raise NotImplementedError

    def note_change(self, name: str) -> None:
        self.root.captures.opaque.append(f"{name} of {self.name}")

    def _see(self, key: Any, make: Callable[[], Any]) -> tuple[Any]:
        if key not in self.seen:
            self.seen[key] = make()
        return (self.seen[key],)


class _Records(_Noting):
    """An array with named fields."""

    def __init__(self, real: Any, name: str, root: Session) -> None:
        super().__init__(real, name, root)
        shape, dtype = real.shape, real.dtype  # which can be assigned to
        same = lambda: real.shape == shape and real.dtype == dtype
        root.captures.values.append((same, True))

    def find(self, name: str) -> tuple[Any] | None:
        is_field = isinstance(self.real, np.recarray) and name in (self.real.dtype.names or ())
        return self.item(name) if is_field else None

    def item(self, key: Any) -> tuple[Any] | None:
        fields = self.real.dtype.fields or {}
        if not isinstance(key, str) or key not in fields or fields[key][0] not in SUPPORTED:
            return None
        field = np.ndarray.__getitem__(self.real, key).view(np.ndarray)
        read = functools.partial(np.ascontiguousarray, field)  # fields lie between others
        return self._see(
            key, lambda: READ["see"](read(), read, f"{self.name}[{key!r}]", self.root)
        )

    def _note_contents(self) -> None:
        _note_array(self.real, self.root)


def _blocks(frame: Any) -> tuple[Any, ...] | None:
    """Return the blocks of a pandas object's memory; None in a version that has no such blocks."""
    blocks = getattr(getattr(frame, "_mgr", None), "blocks", None)
    return blocks if isinstance(blocks, tuple) else None


class _Frame(_Noting):
    """A data frame or a series of pandas.

    Its memory lies in blocks. They are noted by identity when the frame is read first, so that
    views of them stay views of the frame's numbers.

    Parameters
    ----------
    of
        The frame of which a series is a column.
    """

    def __init__(self, real: Any, name: str, root: Session, of: _Frame | None = None) -> None:
        super().__init__(real, name, root)
        self.of = of
        self.blocks: tuple[Any, ...] = _blocks(real) or ()
        if of is None:
            self._note_structure()

    def _note_structure(self) -> None:
        manager, values = self.real._mgr, self.root.captures.values
        for path, found in (("_mgr", manager), ("_mgr.blocks", self.blocks)):
            values.append((functools.partial(operator.attrgetter(path), self.real), found))
        for block in self.blocks:
            self._note_identity(functools.partial(getattr, block, "values"), block.values)
        for i, axis in enumerate(manager.axes):  # axes do not change; they are replaced
            self._note_identity(functools.partial(operator.getitem, manager.axes, i), axis)
            names = functools.partial(_has_names, axis, tuple(axis.names))
            values.append((names, True))
        values.append((functools.partial(type, self.real), type(self.real)))

    def _note_identity(self, read: Callable[[], Any], found: Any) -> None:
        if isinstance(found, np.ndarray):  # which are compared by their contents otherwise
            self.root.captures.values.append((lambda: read() is found, True))
        else:
            self.root.captures.values.append((read, found))

    def _note_contents(self) -> None:
        values = [block.values for block in self.blocks]
        memory = self.of.blocks if self.of else self.blocks
        if self.of and not all(_is_part(array, memory) for array in values):
            self.of.note_contents()
            return
        for array in values:
            if not self._note_values(array):
                self.root.captures.opaque.append(f"{self.name} ({type(self.real).__name__})")
                return

    def _note_values(self, values: Any) -> bool:
        """Note the contents of a block; return whether its kind is known."""
        if isinstance(values, np.ndarray):
            parts = [values]
        else:  # one of pandas' own arrays, which consists of others
            held = {name: getattr(values, name, None) for name in _PARTS}
            for name, part in held.items():
                self._note_identity(functools.partial(getattr, values, name, None), part)
            parts = [part for part in held.values() if isinstance(part, np.ndarray)]
            if not parts and held["_pa_array"] is None:  # Arrow's arrays do not change
                return False
        for part in parts:
            if part.dtype.hasobject and not _are_plain(part):
                return False
            _note_array(part, self.root)
        return True

    def find(self, name: str) -> tuple[Any] | None:
        kind, real = type(self.real), self.real
        if name in _OF_STRUCTURE:
            return (getattr(real, name),)
        if name == "values":
            return self._numbers()
        if name == "to_numpy":
            return (self._to_numpy,)
        if not hasattr(kind, name) and not name.startswith("_"):
            if kind.__name__ == "DataFrame" and name in real.columns:
                return self.item(name)
            self.note_change(name)  # an attribute that the user gave it
        if name in _UNSEEN:
            self.note_change(name)
        return None

    def item(self, key: Any) -> tuple[Any] | None:
        columns = getattr(self.real, "columns", None)
        if columns is None or not is_comparable(key) or isinstance(key, np.ndarray):
            return None
        if not columns.is_unique or key not in columns:
            return None
        column = self.real[key]
        if type(column).__name__ != "Series":  # all columns below a key of several levels
            return None
        return self._see(key, lambda: self._series(column, f"{self.name}[{key!r}]"))

    def _series(self, column: Any, name: str) -> Any:
        root = self.root
        stand_in = forwarded(_Frame(column, name, root, self))
        root.originals[id(stand_in)] = column
        root.kept += [stand_in, column]
        return stand_in

    def _to_numpy(self, *args: Any, **kwargs: Any) -> Any:
        found = None if args or kwargs else self._numbers()
        if found is not None:
            return found[0]
        self.note_contents()
        return self.real.to_numpy(*args, **kwargs)

    def _numbers(self) -> tuple[Any] | None:
        """Return all numbers as an array by reference, as a tuple; None if that is a copy."""
        array = self.real.to_numpy()
        memory = self.of.blocks if self.of else self.blocks
        if type(array) is not np.ndarray or array.dtype not in SUPPORTED:
            return None
        if not _is_part(array, memory):
            return None
        if array.ndim == 2 and not array.flags.c_contiguous:  # a block holds columns as rows
            see = lambda: READ["see"](array.T, lambda rows=array.T: rows, self.name, self.root).T
        else:
            see = lambda: READ["see"](array, lambda: array, self.name, self.root)
        return self._see("numbers", see)


def _has_names(axis: Any, names: tuple[Any, ...]) -> bool:
    return tuple(axis.names) == names


def _is_part(array: Any, blocks: tuple[Any, ...]) -> bool:
    """Whether an array is a view of a block's memory."""
    arrays = [block.values for block in blocks if isinstance(block.values, np.ndarray)]
    return isinstance(array, np.ndarray) and any(np.may_share_memory(array, x) for x in arrays)


def _are_plain(array: np.ndarray) -> bool:
    return array.size <= 4096 and all(map(is_comparable, array.reshape(-1).tolist()))

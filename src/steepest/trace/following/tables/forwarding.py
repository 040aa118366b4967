"""Stand-ins that forward everything to the object that they stand for.

A library's table computes with its own code, which sees the real table. A stand-in answers what
it can by reference, and notes the contents of the table for everything else.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

_OWN = frozenset({
    "__class__", "__new__", "__init__", "__init_subclass__", "__subclasshook__", "__getattr__",
    "__getattribute__", "__setattr__", "__delattr__", "__dict__", "__weakref__", "__slots__",
    "__doc__", "__module__", "__del__", "__class_getitem__",
})  # fmt: skip
"""Names that are not forwarded as they are."""


class Forwarded:
    """Base of the stand-ins that forward; `_table` is what they note."""

    __slots__ = ("_table",)


class Table:
    """What a stand-in for a table answers, and what it notes. Subclasses say how.

    Attributes
    ----------
    real
        The table.
    """

    real: Any

    def find(self, name: str) -> tuple[Any] | None:
        """Return an attribute that is known by reference, as a tuple, or None."""
        raise NotImplementedError

    def item(self, key: Any) -> tuple[Any] | None:
        """Return an item that is known by reference, as a tuple, or None."""
        raise NotImplementedError

    def note_contents(self) -> None:
        """Note all contents: the trace holds as long as they are the same."""
        raise NotImplementedError

    def note_change(self, name: str) -> None:
        """Note that the function changes the table: the trace holds for this call only."""
        raise NotImplementedError


def forwarded(table: Table) -> Any:
    """Return the stand-in that forwards to a table."""
    kind: Any = type(table.real)
    stand_in = object.__new__(_class_for(kind))
    object.__setattr__(stand_in, "_table", table)
    return stand_in


def real_table(value: Any) -> Any:
    """Return the real table of a stand-in, all of which is noted; other values as they are."""
    if not issubclass(type(value), Forwarded):
        return value
    table = _table_of(value)
    table.note_contents()
    return table.real


_table_of: Any = Forwarded.__dict__["_table"].__get__


def table_of(stand_in: Any) -> Any:
    """Return what a stand-in notes."""
    return _table_of(stand_in)


@functools.cache
def _class_for(kind: type) -> Any:
    """Return the class of the stand-ins for objects of a library's type."""
    special = {
        name
        for base in kind.__mro__
        for name, member in vars(base).items()
        if name.startswith("__") and name.endswith("__") and callable(member)
    }
    namespace: dict[str, Any] = {name: _forwarding(name) for name in special - _OWN}
    if "__getitem__" in special:
        namespace["__getitem__"] = _item
    namespace |= {
        "__slots__": (),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
        "__class__": property(lambda self: kind),
        "__getattribute__": _attribute,
        "__setattr__": _set_attribute,
        "__delattr__": _forwarding("__delattr__"),
    }
    if getattr(kind, "__hash__", None) is None:
        namespace["__hash__"] = None
    return type(kind.__name__, (Forwarded,), namespace)


_CHANGING = frozenset({"__setitem__", "__delitem__", "__delattr__"}) | {
    f"__{name}__" for name in vars(operator) if name[0] == "i" and hasattr(operator, f"__{name}__")
} - {"__index__", "__inv__", "__invert__"}
"""Methods that change the table."""


_OPERATORS = frozenset(
    f"__{prefix}{name}__"
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"),
        *("lt", "le", "gt", "ge", "eq", "ne"),
    )
    for prefix in ("", "r")
)

OPERANDS: set[type] = set()
"""Types of traced operands, which operators of tables are left to."""


_STEADY = frozenset({"__len__", "__dir__", "__hash__", "__sizeof__"})
"""Methods that do not depend on the numbers."""


def _forwarding(name: str) -> Any:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if name in _OPERATORS and args and type(args[0]) in OPERANDS:
            return NotImplemented  # the traced operand records it
        table = _table_of(self)
        if name not in _STEADY:
            table.note_contents()
        if name in _CHANGING:
            table.note_change(name)
        kwargs = {key: real_table(value) for key, value in kwargs.items()}
        result = getattr(table.real, name)(*map(real_table, args), **kwargs)
        return self if result is table.real else result

    return call


def _item(self: Any, key: Any) -> Any:
    table = _table_of(self)
    found = table.item(key)
    if found is not None:
        return found[0]
    table.note_contents()
    return table.real[real_table(key)]


def _attribute(self: Any, name: str) -> Any:
    table = _table_of(self)
    if name == "__class__":
        return type(table.real)
    found = table.find(name)
    if found is not None:
        return found[0]
    table.note_contents()
    return getattr(table.real, name)


def _set_attribute(self: Any, name: str, value: Any) -> None:
    table = _table_of(self)
    table.note_change(name)
    setattr(table.real, name, real_table(value))

"""The traced values in the arguments of a function that is called as it is.

Such a function gets plain values in place of traced ones, and the user's own objects in place of
stand-ins. Traced values may be nested in containers, in objects that the traced function made,
and in variables that an inner function of it uses.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph import Node, trees
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.following.lazy_items import SeenDict
from steepest.trace.following.places import UNCHANGED, cell_value
from steepest.trace.following.stand_ins import SeenFunction, SeenModule, SeenType
from steepest.trace.following.tables.columns import TracedFrame, plain_frame
from steepest.trace.following.tables.forwarding import Forwarded, real_table
from steepest.trace.following.tables.series import TracedSeries
from steepest.trace.following.traced_globals import HELPERS, TracedGlobals, UserModule
from steepest.trace.recording.captures import MISSING
from steepest.trace.recording.session import Session, current

Build = Callable[[Sequence[np.ndarray]], Any]
"""Makes a plain value from those of the operands."""


@dataclasses.dataclass(frozen=True)
class Lifted:
    """A nested value, such as a function and its arguments, whose traced values are operands.

    Attributes
    ----------
    operands
        The traced arrays in it, each once.
    build
        Makes the value from plain arrays, one for each operand. It holds those arrays themselves.
    """

    operands: tuple[TracedArray, ...]
    build: Build


class CannotLiftError(UnsupportedError):
    """An argument that cannot be had as a plain value."""


def lift(value: Any) -> Lifted:
    """Return the traced values in a nested value, and how to make it from plain ones.

    Raises
    ------
    CannotLiftError
        If it holds traced values where they cannot be replaced.
    """
    found: dict[Node, tuple[int, TracedArray]] = {}
    build = _lift(value, found, ())
    return Lifted(tuple(x for _, x in found.values()), build)


def has_pending_writes(root: Session) -> bool:
    """Whether the traced function has written to something outside that plain code may read."""
    if any(place.written() is not UNCHANGED for place in root.places):
        return True
    return any(pending.is_written(name) for pending in root.pending for name in pending.now)


def plain_number(array: np.ndarray, like: TracedArray) -> Any:
    """Return an array as the plain value that a traced one stands for."""
    if array.ndim:
        return array
    if like.weak:
        return array.item()
    return array[()] if like.is_scalar else array


def _lift(value: Any, found: dict[Node, tuple[int, TracedArray]], above: tuple[int, ...]) -> Build:
    if isinstance(value, TracedArray):
        return _lift_array(value, found)
    if isinstance(value, Traced):
        real, imag = (_lift_array(x, found) for x in (value.real, value.imag))  # type: ignore[attr-defined]
        return lambda values: real(values) + 1j * imag(values)
    if id(value) in above:
        _refuse("something that contains itself")
    inner = functools.partial(_lift, found=found, above=(*above, id(value)))
    root = current().root
    if id(value) in root.originals and not issubclass(type(value), Forwarded):
        if has_pending_writes(root):
            _refuse("something that the traced function has changed")
        return _constant(root.originals[id(value)])
    if type(value) in (list, tuple, set, frozenset) or type(value) is slice:
        return _lift_items(value, inner)
    if isinstance(value, dict):
        return _lift_dict(value, inner)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        items = [inner(item) for item in value]
        kind: Any = _real_class(type(value))
        return lambda values: tuple.__new__(kind, [item(values) for item in items])
    if issubclass(type(value), Forwarded):
        return _constant(real_table(value))
    if type(value) is TracedFrame:
        columns = inner(value._columns)
        return lambda values: plain_frame(columns(values))
    if type(value) is TracedSeries:
        numbers, index, name = inner(value.x), value.index, value.name
        return lambda values: sys.modules["pandas"].Series(numbers(values), index, name=name)
    if isinstance(value, SeenFunction | SeenModule | SeenType):
        return _constant(value._real)
    if isinstance(value, UserModule):
        return _constant(vars(types.ModuleType)["__dict__"].__get__(value)["real"])
    if isinstance(value, types.FunctionType):
        return _lift_function(value, inner)
    if isinstance(value, types.MethodType):
        function, owner = inner(value.__func__), inner(value.__self__)
        return lambda values: types.MethodType(function(values), owner(values))
    if isinstance(value, functools.partial):
        parts = inner((value.func, value.args, dict(value.keywords)))
        return lambda values: _partial(*parts(values))
    if hasattr(type(value), trees.STANDS_FOR) or dataclasses.is_dataclass(value):
        return _lift_object(value, inner)
    if _hides_traced(value):
        _refuse(f"a {type(value).__name__}")
    return _constant(value)


def _refuse(what: str) -> NoReturn:
    raise CannotLiftError(f"{what}{at(user_source())} holds values that are not known yet")


def _constant(value: Any) -> Build:
    return lambda values: value


def _partial(function: Any, args: Any, keywords: Any) -> Any:
    return functools.partial(function, *args, **keywords)


def _lift_array(x: TracedArray, found: dict[Node, tuple[int, TracedArray]]) -> Build:
    node = x.node
    known = current().known_value(node)
    if known is not None:
        return lambda values: plain_number(np.array(known), x)
    position, _ = found.setdefault(node, (len(found), x))
    return lambda values: plain_number(values[position], x)


def _lift_items(value: Any, inner: Callable[[Any], Build]) -> Build:
    if type(value) is slice:
        ends = inner((value.start, value.stop, value.step))
        return lambda values: slice(*ends(values))
    kind, items = type(value), [inner(item) for item in value]
    return lambda values: kind([item(values) for item in items])


def _lift_dict(value: dict[Any, Any], inner: Callable[[Any], Build]) -> Build:
    kind = dict if type(value) is SeenDict else type(value)
    if type(value) is SeenDict:
        value.note_all()
    items = {key: inner(item) for key, item in dict.items(value)}

    def build(values: Sequence[np.ndarray]) -> Any:
        made = kind.__new__(kind)
        dict.update(made, {key: item(values) for key, item in items.items()})
        return made

    return build


def _lift_function(function: types.FunctionType, inner: Callable[[Any], Build]) -> Build:
    """Lift a function that the traced function has made."""
    view = function.__globals__
    found = [cell_value(cell) for cell in function.__closure__ or ()]
    if not isinstance(view, TracedGlobals):
        if _is_or_has_traced(found):
            _refuse(function.__name__)
        return _constant(function)
    cells = [_MISSING_CELL if value is MISSING else value for value in found]
    parts = inner((cells, function.__defaults__, function.__kwdefaults__))
    if not HELPERS.keys().isdisjoint(function.__code__.co_names) or _assigns_outside(function):
        _refuse(f"{function.__name__}, a function inside the traced one,")

    def build(values: Sequence[np.ndarray]) -> Any:
        contents, defaults, named = parts(values)
        own = tuple(map(_cell, contents))
        made = types.FunctionType(
            function.__code__, view.real, function.__name__, defaults, own or None
        )
        made.__kwdefaults__ = named
        return made

    return build


_MISSING_CELL = object()


def _cell(content: Any) -> types.CellType:
    return types.CellType() if content is _MISSING_CELL else types.CellType(content)


def _assigns_outside(function: types.FunctionType) -> bool:
    """Whether a function assigns to variables of the function around it, or to globals."""
    outside = frozenset(function.__code__.co_freevars)
    return any(
        step.opname == "STORE_GLOBAL"
        or (step.opname in ("STORE_DEREF", "DELETE_DEREF") and step.argval in outside)
        for step in dis.get_instructions(function.__code__)
    )


def _real_class(cls: type) -> type:
    real: type = getattr(cls, trees.STANDS_FOR, cls)
    return real


def _lift_object(value: Any, inner: Callable[[Any], Build]) -> Build:
    """Lift an object of the user's class that the traced function has made."""
    own = object.__getattribute__(value, "__dict__") if hasattr(value, "__dict__") else None
    if own is None or isinstance(value, type | list | dict | tuple):
        return _constant(value) if not _hides_traced(value) else _refuse(type(value).__name__)
    cls, parts = _real_class(type(value)), {name: inner(part) for name, part in own.items()}
    return lambda values: trees.made_of(cls, {k: part(values) for k, part in parts.items()})


def _hides_traced(value: Any) -> bool:
    """Whether an object may hold traced values: an iterator, or attributes that are traced."""
    kind = type(value)
    if issubclass(kind, Iterator) and not hasattr(kind, "read"):
        return True
    if issubclass(kind, np.ndarray):
        return value.dtype.hasobject and any(issubclass(type(x), Traced) for x in value.flat)
    return _is_or_has_traced(value)


def _is_or_has_traced(value: Any, depth: int = 3) -> bool:
    kind = type(value)
    if issubclass(kind, Traced):
        return True
    if not depth or issubclass(kind, type | types.ModuleType | types.FunctionType):
        return False
    if kind in (list, tuple, dict):
        items = value.values() if kind is dict else value
        return any(_is_or_has_traced(item, depth - 1) for item in items)
    own = getattr(value, "__dict__", None)
    return type(own) is dict and any(_is_or_has_traced(item, depth - 1) for item in own.values())

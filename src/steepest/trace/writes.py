"""What a traced function writes outside: to globals, enclosing variables, attributes, containers.

While a function is traced, its writes go to stand-ins, so that nothing outside holds a traced
value and an error leaves everything as it was. Once the function has returned they are made,
with the values of this call. Compiled code does not repeat them: a warning says so.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import TraceWarning, UnsupportedError
from steepest.graph.source import Source, at, user_source
from steepest.trace.array import Traced, TracedArray
from steepest.trace.captures import MISSING
from steepest.trace.session import Session


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
        Writes a plain value there.
    source
        The line that reads or writes it.
    is_filled
        Whether a value that was written fills a place that was empty before.
    """

    name: str
    written: Callable[[], Any]
    store: Callable[[Any], None]
    source: Source | None
    is_filled: Callable[[Any], bool]


UNCHANGED = object()
"""Stands for a place to which nothing was written."""


def commit(session: Session, function_name: str) -> None:
    """Make the writes of a function that has returned, and say so.

    Raises
    ------
    UnsupportedError
        Where a value is not known while the function is traced.
    """
    written = [(place, place.written()) for place in session.places]
    written = [(place, value) for place, value in written if value is not UNCHANGED]
    session.places.clear()
    session.attributes.clear()
    for place, value in written:
        try:
            place.store(plain(value, session))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"the traced function writes a traced value to {place.name}{at(place.source)}, "
                "where it cannot be kept: return the value instead"
            ) from error
    seen = [place for place, value in written if not _is_remembered(place, value)]
    if seen:  # what was recorded is about what was there before, and holds for this call only
        captures = session.captures
        captures.opaque.extend(place.name for place in seen)
        captures.arrays[:] = [(_returning(array), array) for _, array in captures.arrays]
    announce(function_name, seen)


def _returning(array: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: array


def _is_remembered(place: Place, value: Any) -> bool:
    """Whether a write only keeps what is the same for all arguments, for another time."""
    return place.is_filled(value) and not _varies(value)


def _varies(value: Any) -> bool:
    """Whether something in a value depends on the arguments, or may be a count."""
    if isinstance(value, TracedArray):
        return value.session.known_value(value.node) is None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return True
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    return isinstance(value, Traced) or (
        isinstance(value, list | tuple | set) and any(map(_varies, value))
    )


_announced: dict[Any, Any] = {}


def announce(function_name: str, places: Sequence[Place]) -> None:
    """Warn once that a function changes something outside."""
    if places:
        names = ", ".join(dict.fromkeys(place.name for place in places))
        warn(
            f"{function_name} changes {names}: that happens when the function is traced, "
            "not in compiled code; a value that later calls need belongs into its arguments "
            "and results, and what is to be seen on the way into callback= or run.history",
            places[0].source,
        )


def warn(message: str, source: Source | None) -> None:
    """Warn with the user's line."""
    file, line = (source.file, source.line) if source else ("<unknown>", 0)
    warnings.warn_explicit(message, TraceWarning, file, line, registry=_announced)


def plain(value: Any, session: Session) -> Any:
    """Return a value with everything that belongs to a recording replaced by what it stands for.

    Traced arrays become arrays with the values of this call; stand-ins become the objects
    that they stand for.
    """
    original = session.originals.get(id(value), MISSING)
    if original is not MISSING:
        return original
    if isinstance(value, TracedArray):
        known = np.array(value.session.value(value.node))
        if value.weak:
            return known.item()
        return known[()] if value.is_scalar else known
    if isinstance(value, Traced):
        parts: Any = value
        return plain(parts.real, session) + 1j * plain(parts.imag, session)
    if type(value) in (list, set):
        return type(value)(plain(item, session) for item in value)
    if type(value) is tuple:
        return tuple(plain(item, session) for item in value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(plain(item, session) for item in value))
    if type(value) is dict:
        return {plain(key, session): plain(item, session) for key, item in value.items()}
    if isinstance(value, types.MethodType):
        owner = plain(value.__self__, session)
        return getattr(owner, value.__name__, value)
    return value


def global_place(namespace: dict[str, Any], real: dict[str, Any], name: str) -> Place:
    """Return the place of a global variable, which a function assigns to."""
    before = namespace.get(name, MISSING)

    def written() -> Any:
        now = namespace.get(name, MISSING)
        return UNCHANGED if now is before else now

    def store(value: Any) -> None:
        if value is MISSING:
            real.pop(name, None)
        else:
            real[name] = value

    return Place(f"the global {name}", written, store, user_source(), _fills(before))


def cell_place(new: types.CellType, old: types.CellType, name: str) -> Place:
    """Return the place of a variable of an enclosing function, which a function assigns to."""
    before = cell_value(new)

    def written() -> Any:
        now = cell_value(new)
        return UNCHANGED if now is before else now

    def store(value: Any) -> None:
        if value is MISSING:
            del old.cell_contents
        else:
            old.cell_contents = value

    return Place(name, written, store, user_source(), _fills(before))


def _fills(before: Any) -> Callable[[Any], bool]:
    return lambda value: before is MISSING or before is None


def cell_value(cell: types.CellType) -> Any:
    """Return what a variable of an enclosing function means now."""
    try:
        return cell.cell_contents
    except ValueError:  # the variable has no value (yet)
        return MISSING


def keeps_items(now: dict[Any, Any], before: dict[Any, Any]) -> bool:
    """Whether a dictionary has all that it had before."""
    return all(key in now and now[key] is value for key, value in before.items())


def attributes_place(new: types.FunctionType, old: types.FunctionType) -> Place:
    """Return the place of a function's own attributes."""
    before = dict(new.__dict__)

    def written() -> Any:
        now = new.__dict__
        same = now.keys() == before.keys() and all(now[name] is before[name] for name in now)
        return UNCHANGED if same else dict(now)

    def store(value: Any) -> None:
        old.__dict__.clear()
        old.__dict__.update(value)

    return Place(
        f"attributes of {old.__name__}",
        written,
        store,
        user_source(),
        lambda value: keeps_items(value, before),
    )


def attribute_place(owner: Any, name: str, session: Session) -> Place:
    """Return the place of an attribute that a function has assigned to."""
    key = (id(owner), name)

    def store(value: Any) -> None:
        if value is MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, value)

    kind = owner.__name__ if isinstance(owner, type) else type(owner).__name__
    return Place(
        f"{kind}.{name}",
        lambda: session.attributes.get(key, UNCHANGED),
        store,
        user_source(),
        _fills(getattr(owner, name, MISSING)),
    )


def write_attribute(owner: Any, name: str, value: Any, session: Session) -> None:
    """Note that a function assigns to an attribute of something that outlives it."""
    root = session.root
    if (id(owner), name) not in root.attributes:
        root.places.append(attribute_place(owner, name, root))
    root.attributes[id(owner), name] = value

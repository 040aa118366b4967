"""What a traced function writes outside: to globals, enclosing variables, attributes, containers.

While a function is traced, its writes go to stand-ins, so that nothing outside holds a traced
value and an error leaves everything as it was. Once the function has returned they are made,
with the values of this call. Compiled code does not repeat them: a warning says so.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import sys
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import TraceWarning, UnsupportedError
from steepest.graph.source import Source, at, is_library, user_source
from steepest.trace.arrays.array import Traced, TracedArray
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
        Writes a plain value there.
    source
        The line that reads or writes it.
    is_filled
        Whether a value that was written fills a place that was empty before.
    save
        Returns what puts back what the function sees there now.
    reset
        Puts back what it saw at first.
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


class Pending:
    """What a traced function has written to the attributes of an object.

    Parameters
    ----------
    owner
        The object.
    now
        The attributes that the function sees, which it writes to; those of the object itself
        where nothing stands in for it.

    Attributes
    ----------
    before
        The attributes before.
    seen
        What the function has been given for an attribute.
    sources
        The lines that write.
    """

    def __init__(self, owner: Any, now: dict[str, Any]) -> None:
        self.owner, self.now, self.before = owner, now, dict(now)
        self.seen: dict[str, Any] = {}
        self.sources: dict[str, Source | None] = {}
        self._source = user_source()

    def is_written(self, name: str) -> bool:
        """Whether an attribute is not what it was."""
        return self.now.get(name, MISSING) is not self.before.get(name, MISSING)

    def places(self) -> list[Place]:
        """Return the attributes that were written to."""
        names = [name for name in {**self.before, **self.now} if self.is_written(name)]
        return [self._place(name) for name in names]

    def _place(self, name: str) -> Place:
        attributes, value = self.owner.__dict__, self.now.get(name, MISSING)

        def store(plain: Any) -> None:
            if plain is MISSING:
                attributes.pop(name, None)
            else:
                attributes[name] = plain

        return Place(
            f"{type(self.owner).__name__}.{name}",
            lambda: value,
            store,
            self.sources.get(name, self._source),
            _fills(self.before.get(name, MISSING)),
            self.save,
            self.reset,
        )

    def save(self) -> Callable[[], None]:
        """Return what puts back what the function sees now."""
        now, seen = dict(self.now), dict(self.seen)

        def restore() -> None:
            self.now.clear()
            self.now.update(now)
            self.seen.clear()
            self.seen.update(seen)

        return restore

    def reset(self) -> None:
        """Put back what the function saw at first."""
        self.now.clear()
        self.now.update(self.before)

    def start_anew(self) -> None:
        """Take the object as it is now."""
        if self.now is not self.owner.__dict__:
            self.now.clear()
            self.now.update(self.owner.__dict__)
        self.before = dict(self.now)
        self.seen.clear()

    def take_back(self) -> None:
        """Undo what was written to an object that nothing stands in for."""
        if self.now is self.owner.__dict__:
            self.reset()


def roll_back(session: Session) -> None:
    """Leave everything outside as it was before a function that has failed."""
    for pending in session.pending:
        pending.take_back()


_traced_in_this_call: ContextVar[list[str] | None] = ContextVar("traced", default=None)


@contextlib.contextmanager
def writing_once() -> Iterator[None]:
    """Let a function that is traced several times for one call write as if it ran once."""
    token = _traced_in_this_call.set([])
    try:
        yield
    finally:
        _traced_in_this_call.reset(token)


def finish(session: Session, function_name: str) -> None:
    """Make the writes of a function that has returned, unless they are made already."""
    traced = _traced_in_this_call.get()
    if traced:
        roll_back(session)
        return
    commit(session, function_name)
    if traced is not None:
        traced.append(function_name)


def commit(session: Session, function_name: str) -> None:
    """Make the writes of a function that has returned, and say so.

    Raises
    ------
    UnsupportedError
        Where a value is not known while the function is traced.
    """
    places = [*session.places]
    for pending in session.pending:
        places += pending.places()
    written = [(place, place.written()) for place in places]
    written = [(place, value) for place, value in written if value is not UNCHANGED]
    session.attributes.clear()
    session.places.clear()
    memo: dict[int, Any] = {}
    for place, value in written:
        try:
            place.store(plain(value, session, memo))
        except UnsupportedError as error:
            raise UnsupportedError(
                f"the traced function writes a traced value to {place.name}{at(place.source)}, "
                "where it cannot be kept: return the value instead"
            ) from error
    kept = [(place, value) for place, value in written if not _is_remembered(place, value)]
    seen = [place for place, _ in kept]
    if written:
        for pending in session.pending:
            pending.start_anew()
    if seen:  # what was recorded is about what was there before, and holds for this call only
        captures = session.captures
        captures.opaque.extend(place.name for place in seen)
        captures.filled.extend(place.name for place, value in kept if place.is_filled(value))
        captures.arrays[:] = [(_returning(array), array) for _, array in captures.arrays]
    announce(function_name, seen)


def _returning(array: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: array


def _is_remembered(place: Place, value: Any) -> bool:
    """Whether a write only keeps what is the same for all arguments, for another time."""
    return place.is_filled(value) and not _varies(value)


def _varies(value: Any) -> bool:
    """Whether something in a value may depend on the arguments, or be a count."""
    if isinstance(value, TracedArray):
        return value.session.known_value(value.node) is None
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    if isinstance(value, list | tuple | set):
        return any(map(_varies, value))
    return not (value is None or isinstance(value, bool | str | np.ndarray))


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


def plain(value: Any, session: Session, memo: dict[int, Any]) -> Any:
    """Return a value with everything that belongs to a recording replaced by what it stands for.

    Traced arrays become arrays with the values of this call; stand-ins become the objects
    that they stand for. `memo` holds what was met before, by its identity.
    """
    original = session.originals.get(id(value), MISSING)
    if original is not MISSING:
        return original
    if id(value) not in memo:
        kind = next((kind for kind in _MADE_FIRST if isinstance(value, kind)), None)
        if kind is None:
            memo[id(value)] = value, _made_plain(value, session, memo)
        else:  # it may hold itself
            made = value.copy()
            made.clear()
            memo[id(value)] = value, made
            _fill(made, value, lambda item: plain(item, session, memo))
    return memo[id(value)][1]


STAND_INS: list[type] = []
"""Types of what stands for libraries' functions, types and modules.

``trace.following.namespaces`` fills it.
"""

_MADE_FIRST = (list, dict, collections.deque)


def _fill(made: Any, value: Any, inner: Callable[[Any], Any]) -> None:
    if isinstance(made, dict):
        made.update({inner(key): inner(item) for key, item in value.items()})
    else:
        made.extend(map(inner, value))


def _made_plain(value: Any, session: Session, memo: dict[int, Any]) -> Any:
    def inner(item: Any) -> Any:
        return plain(item, session, memo)

    stand_in: Any = value
    if isinstance(value, TracedArray):
        known = np.array(value.session.value(value.node))
        if value.weak:
            return known.item()
        return known[()] if value.is_scalar else known
    if isinstance(value, Traced):
        parts: Any = value
        return inner(parts.real) + 1j * inner(parts.imag)
    if isinstance(value, tuple(STAND_INS)):
        return stand_in._real
    if isinstance(value, set | frozenset):
        return type(value)(map(inner, value))
    if isinstance(value, tuple):
        items = [inner(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, types.MethodType):
        return types.MethodType(inner(value.__func__), inner(value.__self__))
    if isinstance(value, functools.partial):
        keywords = {name: inner(item) for name, item in value.keywords.items()}
        return functools.partial(inner(value.func), *map(inner, value.args), **keywords)
    if isinstance(value, types.FunctionType) and hasattr(value.__globals__, "real"):
        return _plain_function(value, inner)
    if isinstance(value, types.FunctionType) and is_library(value.__code__.co_filename):
        return getattr(value, "__wrapped__", value)  # a version of a library's function
    return _plain_object(value, session, memo, inner)


def _plain_function(function: types.FunctionType, inner: Callable[[Any], Any]) -> Any:
    """Return a function that was made while another was traced, over the real globals."""
    cells = function.__closure__ or ()
    namespace: Any = function.__globals__
    made = types.FunctionType(
        function.__code__,
        namespace.real,
        function.__name__,
        inner(function.__defaults__),
        tuple(types.CellType(inner(cell_value(cell))) for cell in cells) or None,
    )
    made.__kwdefaults__ = inner(function.__kwdefaults__)
    made.__dict__.update({name: inner(item) for name, item in function.__dict__.items()})
    return made


def _plain_object(
    value: Any, session: Session, memo: dict[int, Any], inner: Callable[[Any], Any]
) -> Any:
    """Return an object like one that was made meanwhile, with plain attributes."""
    kind = type(value)
    is_library = kind.__module__.partition(".")[0] in _LIBRARIES
    if isinstance(value, type) or is_library or not hasattr(value, "__dict__"):
        return value
    real = session.originals.get(id(kind), kind)
    made = value if real is kind else object.__new__(real)
    memo[id(value)] = value, made
    attributes = {name: inner(item) for name, item in vars(value).items()}
    if real is kind and any(attributes[name] is not item for name, item in vars(value).items()):
        made = object.__new__(real)  # it holds something traced
        memo[id(value)] = value, made
    if made is not value:
        made.__dict__.update(attributes)
    return made


_LIBRARIES = sys.stdlib_module_names - {"types"} | {"numpy", "scipy", "builtins"}


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

    def save() -> Callable[[], None]:
        now = namespace.get(name, MISSING)

        def restore() -> None:
            if now is not MISSING:
                dict.__setitem__(namespace, name, now)
            elif name in namespace:
                dict.__delitem__(namespace, name)

        return restore

    source, is_filled = user_source(), _fills(before)
    return Place(f"the global {name}", written, store, source, is_filled, save, save())


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

    def save() -> Callable[[], None]:
        now = cell_value(new)

        def restore() -> None:
            if now is not MISSING:
                new.cell_contents = now
            elif cell_value(new) is not MISSING:
                del new.cell_contents

        return restore

    return Place(name, written, store, user_source(), _fills(before), save, save())


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

    return Place(
        f"{owner.__name__}.{name}",
        lambda: session.attributes.get(key, UNCHANGED),
        store,
        user_source(),
        _fills(next((vars(base)[name] for base in owner.__mro__ if name in vars(base)), MISSING)),
        save,
        save(),
    )


def write_attribute(owner: type, name: str, value: Any, session: Session) -> None:
    """Note that a function assigns to an attribute of something that outlives it."""
    root = session.root
    if (id(owner), name) not in root.attributes:
        root.places.append(attribute_place(owner, name, root))
    root.attributes[id(owner), name] = value

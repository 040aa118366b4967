"""The numbers among the settings of a method and a stop rule, which are inputs of an iteration.

Compiled code is shared by descents whose settings differ only in such numbers: a step size, a
momentum, a threshold. They are one vector, the first part of the state of a run, which no
iteration changes. Where Python needs the value of a number (a branch, a count), the recording
notes what it asked (``SettingInput.asked``). The code is shared where the answers are the same.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest import cache
from steepest.descent.stop_rules import StopRule
from steepest.engines.serialize import pack_nodes, unpack_nodes
from steepest.graph import Node, substitute
from steepest.graph.evaluate import evaluator
from steepest.lazy import keep_recent
from steepest.ops import input_node
from steepest.trace import TracedArray
from steepest.trace.recording.library import is_library
from steepest.trace.recording.session import Session
from steepest.trace.recording.settings import SettingInput

_MOST_QUESTIONS = 512
"""Largest number of forms of settings, and of answers, for which questions are remembered."""

Answers = tuple[tuple[Node, bytes], ...]
"""Nodes that are computed from the numbers, and their values as bytes."""

_LEVEL = 1 << 22
"""Level of the input that stands for the numbers in questions about them."""


class Number(NamedTuple):
    """Stands for a number in the form of settings.

    Attributes
    ----------
    dtype
        Its dtype.
    is_pythons
        Whether it is one of Python's numbers.
    """

    dtype: str
    is_pythons: bool


class Opened(NamedTuple):
    """Stands for a dataclass in the form of settings.

    Attributes
    ----------
    cls
        The class.
    parts
        The forms of its fields.
    """

    cls: type
    parts: tuple[Form, ...]


class Constant(NamedTuple):
    """Stands for any other setting in the form of settings.

    Attributes
    ----------
    value
        The setting.
    exact
        Tells it from others that are equal to it: types and numbers of what it consists of.
    """

    value: Any
    exact: Any


Form = Number | Opened | Constant


class SettingRefusedError(Exception):
    """A method cannot be traced with inputs for its numbers."""


@dataclass(frozen=True, eq=False)
class SplitSettings:
    """A method and a stop rule, and their numbers.

    Attributes
    ----------
    method, stop
        The settings.
    form
        The forms of both: what is left of them if each number is replaced by a :class:`Number`.
    numbers
        The numbers, shape (k,).
    """

    method: Any
    stop: StopRule
    form: tuple[Form, Form]
    numbers: np.ndarray

    def as_constants(self) -> SplitSettings:
        """Return the same settings, whose numbers are constants."""
        form = _constant(self.method), _constant(self.stop)
        return SplitSettings(self.method, self.stop, form, _NO_NUMBERS)

    @property
    def state(self) -> list[np.ndarray]:
        """The first part of the state of a run: the numbers, if there are any."""
        return [self.numbers] if self.numbers.size else []

    @functools.cached_property
    def content(self) -> bytes:
        """The numbers as bytes."""
        return self.numbers.tobytes()

    def key(self) -> Any:
        """Return what compiled code depends on: the form, and what is asked of the numbers."""
        return self.form, self.answers()

    def answers(self) -> Answers:
        """Return the answers to all that recordings have asked, as far as it is known.

        What a recording asks first may decide what it asks next.
        """
        found: Answers = ()
        if not self.numbers.size:  # there is nothing to ask, and the form may have no hash
            return found
        while more := _questions.get((self.form, found)):
            found += _answered(more, self.content)
        return found

    def seen(self, session: Session, state: Sequence[TracedArray]) -> tuple[Any, Any]:
        """Return the method and the stop rule with inputs for the numbers, given these.

        Raises
        ------
        SettingRefusedError
            If the settings have changed, as those of a method do whose ``init`` keeps in it what
            it computes from its numbers.
        """
        if not state:
            return self.method, self.stop
        now = split_settings(self.method, self.stop)
        if now.form != self.form or now.content != self.content:
            raise SettingRefusedError
        (vector,) = state
        session.settings = SettingInput(vector.node, session.value)
        elements = iter(range(vector.size))

        def stand_in(kind: Number) -> TracedArray:
            element: Any = vector[next(elements)]
            node = element.astype(kind.dtype).node
            return TracedArray(node, session, kind.is_pythons, is_scalar=True)

        method, stop = [_filled(form, stand_in) for form in self.form]
        assert next(elements, None) is None, "the form has as many numbers as the settings"
        return method, stop

    def note(self, session: Session) -> None:
        """Note what a recording asked about the numbers."""
        settings = session.settings
        if settings is not None:
            known = self.answers()
            asked = substitute(list(settings.asked), {settings.node: _input(self.numbers.size)})
            answered = {node for node, _ in known}
            more = [node for node in dict.fromkeys(asked) if node not in answered]
            if more:
                self._note(known, more)

    def _note(self, known: Answers, more: Sequence[Node]) -> None:
        with _lock:
            keep_recent(_questions, (self.form, known), tuple(more), _MOST_QUESTIONS)

    def load(self, name: str) -> None:
        """Note what is asked according to the cache on disk; `name` is the context."""
        while content := cache.find(self._file("questions", name, known := self.answers())):
            found = unpack_nodes(content)
            if not found:
                return
            self._note(known, found)

    def keep(self, name: str) -> None:
        """Keep on disk what is asked."""
        known: Answers = ()
        while more := _questions.get((self.form, known)):
            content = pack_nodes(more)
            if content is None:
                return
            cache.keep(self._file("questions", name, known), content)
            known += _answered(more, self.content)

    def file(self, name: str) -> str:
        """Return the name of a file that depends on a context and on all answers."""
        return self._file("answers", name, self.answers())

    def _file(self, kind: str, name: str, known: Answers) -> str:
        asked = pack_nodes([node for node, _ in known])
        return cache.key_of(kind, name, repr(asked), repr([answer for _, answer in known]))


_lock = threading.Lock()
_questions: OrderedDict[Any, tuple[Node, ...]] = OrderedDict()
"""What is asked next, by the form of settings and the answers so far."""

_refused: OrderedDict[Any, bool] = OrderedDict()
"""Forms whose numbers are constants."""

_NO_NUMBERS = np.empty(0)


def _input(size: int) -> Node:
    return input_node(0, (size,), np.dtype(np.float64), _LEVEL)


@functools.lru_cache(maxsize=256)
def _answered(questions: tuple[Node, ...], numbers: bytes) -> Answers:
    vector = np.frombuffer(numbers)
    values = _evaluator(questions, vector.size)({_input(vector.size): vector})
    return tuple([(node, x.tobytes()) for node, x in zip(questions, values, strict=True)])


@functools.lru_cache(maxsize=64)
def _evaluator(questions: tuple[Node, ...], size: int) -> Callable[..., list[np.ndarray]]:
    return evaluator(questions, {_input(size)})


def split_settings(method: Any, stop: StopRule) -> SplitSettings:
    """Return a method and a stop rule with their numbers apart.

    They are looked at each time: a user may change a number of the same object, and objects that
    differ may be equal.
    """
    numbers: list[float] = []
    form = _form(method, False, numbers), _form(stop, True, numbers)
    split = SplitSettings(method, stop, form, np.array(numbers, np.float64))
    if not numbers:
        return split
    try:
        is_refused = form in _refused
    except TypeError:  # a setting is not hashable: it is traced each time
        is_refused = True
    return split.as_constants() if is_refused else split


def refuse(split: SplitSettings) -> None:
    """Let the numbers of settings of a form be constants from now on."""
    if split.numbers.size:
        with _lock:
            keep_recent(_refused, split.form, True, _MOST_QUESTIONS)


def _form(value: Any, is_rule: bool, numbers: list[float], owner: type | None = None) -> Form:
    """Return the form of a setting, and append its numbers.

    Whole numbers count in stop rules. In methods they are sizes and counts, which shape the code.
    """
    cls: Any = type(value)
    kind = _FLOATS.get(cls)
    if kind is None and is_rule and cls is int and _is_exact(value):
        kind = _WHOLE
    if kind is not None:
        numbers.append(float(value))
        return kind
    names = _names(cls, owner is not None)
    if not names or callable(value) or not _holds(value, names):
        return _constant(value)
    return Opened(cls, tuple([_form(getattr(value, x), is_rule, numbers, cls) for x in names]))


_FLOATS = {
    float: Number("float64", True),
    np.float64: Number("float64", False),
    np.float32: Number("float32", False),
}
_WHOLE = Number("int64", True)


def _is_exact(value: int) -> bool:
    """Whether a float can hold a whole number."""
    return abs(value) < 1 << 63 and int(float(value)) == value


def _constant(value: Any) -> Constant:
    return Constant(value, _exact(value))


def _exact(value: Any, depth: int = 0) -> Any:
    """Return what tells a setting from those that are equal to it by their own definition."""
    cls = type(value)
    if cls in _ATOMS:
        return cls, value
    if isinstance(value, _INEXACT):
        return cls, np.asarray(value).tobytes()
    if depth > _DEEPEST:
        return cls
    if cls is tuple:
        return cls, tuple([_exact(part, depth + 1) for part in value])
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [getattr(value, field.name, None) for field in dataclasses.fields(value)]
        return cls, tuple([_exact(field, depth + 1) for field in fields])
    return cls


_ATOMS = frozenset((bool, int, str, bytes))
_INEXACT = (float, complex, np.inexact)
_DEEPEST = 8
"""Nesting of settings that is looked at; objects may contain themselves."""


def _filled(form: Form, stand_in: Callable[[Number], Any]) -> Any:
    """Return the setting of a form with stand-ins for its numbers.

    A class does not check them. A new object holds nothing but its fields.
    """
    if isinstance(form, Number):
        return stand_in(form)
    if isinstance(form, Constant):
        return form.value
    result: Any = object.__new__(form.cls)
    for field, part in zip(dataclasses.fields(form.cls), form.parts, strict=True):
        object.__setattr__(result, field.name, _filled(part, stand_in))
    return result


def with_fields(value: Any, new: Mapping[str, Any]) -> Any:
    """Return a copy of a dataclass with other fields, which its class does not check."""
    result = copy.copy(value)
    for name, field in new.items():
        object.__setattr__(result, name, field)
    return result


def _holds(value: Any, names: Mapping[str, Any]) -> bool:
    """Whether an object holds its fields and nothing else."""
    held = getattr(value, "__dict__", _NOTHING).keys()
    if held == names.keys():
        return True
    return held <= names.keys() and all([hasattr(value, name) for name in names])  # in slots


_NOTHING: Mapping[str, Any] = {}


@functools.lru_cache(maxsize=256)
def _names(cls: type, is_inner: bool) -> Mapping[str, Any]:
    """Return the fields of a class; none if there may be more to know about its objects.

    Objects of the user's that contain others are followed as functions, and so are schedules.
    """
    if not dataclasses.is_dataclass(cls) or cls.__new__ is not object.__new__:
        return _NOTHING
    is_frozen: bool = cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    if not is_frozen or (is_inner and not is_library(cls)):
        return _NOTHING
    names = {field.name: field for field in dataclasses.fields(cls)}
    members = [(name, x) for base in cls.__mro__ for name, x in vars(base).items()]
    slots = {name for name, x in members if isinstance(x, types.MemberDescriptorType)}
    return names if slots <= names.keys() else _NOTHING

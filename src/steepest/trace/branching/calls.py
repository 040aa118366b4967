"""What rewritten code calls, by the names that ``rewriting`` gives."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.graph.source import PACKAGE
from steepest.trace.arrays.array import Traced, TracedArray
from steepest.trace.branching import rewriting
from steepest.trace.branching.fork import Decided, fork_of, touch_items
from steepest.trace.branching.merging import NewLists
from steepest.trace.branching.source_code import is_rewritten
from steepest.trace.following.stand_ins import SeenFunction, SeenType
from steepest.trace.following.traced_globals import HELPERS
from steepest.trace.recording.session import ForkError, current

MOST_STEPS = 100_000
"""Steps of ``while`` loops in arms that both run: an arm that is not taken may never end."""


def _forks() -> list[Any]:
    return current().root.forks


def _refuse() -> None:
    raise ForkError(_forks()[0].site)


def fork(test: Any, first: int, last: int, written: Any, read: Any) -> Any:
    """Return the sides of an ``if`` statement that run."""
    return fork_of(test, (first, last), written, read, depth=1)


def choose(test: Any, yes: Any, no: Any, first: int, last: int) -> Any:
    """Return the value of a conditional expression."""
    return _chosen(fork_of(test, (first, last), (), (), depth=1), yes, no)


def _chosen(branch: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
    if isinstance(branch, Decided):
        return yes() if branch.truth else no()
    branch.begin()
    first = yes()
    branch.turn()
    second = no()
    branch.end()
    try:
        return branch.joined(first, second, NewLists(branch.made))
    except ForkError:
        raise ForkError(branch.site) from None


def join(is_and: bool, is_test: bool, first: int, last: int, value: Any, *others: Any) -> Any:
    """Return the value of ``and`` or ``or``, or in a test its truth."""
    for other in others:
        branch = fork_of(value, (first, last), (), (), depth=1)
        if isinstance(branch, Decided):
            if branch.truth != is_and:
                return value
            value = other()
            continue
        left = _truth(value) if is_test else value
        right = (lambda other=other: _truth(other())) if is_test else other
        sides = (right, lambda left=left: left) if is_and else (lambda left=left: left, right)
        value = _chosen(branch, *sides)
    return value


def _truth(value: Any) -> Any:
    """Return the truth of a value, as Python has it."""
    if not isinstance(value, TracedArray) or value.size != 1:
        return bool(value)
    truth: Any = np.reshape(value.astype(np.bool_), ())
    return TracedArray(truth.node, current(), weak=True, is_scalar=True)


def negate(value: Any) -> Any:
    """Return the truth of ``not value`` in a test."""
    if not isinstance(value, TracedArray) or value.size != 1:
        return not value
    opposite: Any = np.logical_not(_truth(value))
    return TracedArray(opposite.node, current(), weak=True, is_scalar=True)


def call(function: Any) -> Any:
    """Return a function that is called; inside arms, only one that has no effect."""
    merging = current().root.merging
    if function is print and merging is not None and merging.has_run:
        return _nothing
    if _forks() and not _is_harmless(function):
        _refuse()
    return function


def _nothing(*values: Any, **options: Any) -> None:
    """Print nothing: the function has printed it already."""


_HARMLESS = frozenset(
    """
    abs all any callable chr divmod getattr hasattr isinstance issubclass len max min ord pow repr
    round sorted sum
    """.split()  # noqa: SIM905
)
"""Builtin functions that change nothing."""

_TYPES = frozenset((
    bool, int, float, complex, str, tuple, list, dict, set, frozenset, range, zip, enumerate, map,
    filter, reversed, slice, types.SimpleNamespace,
))  # fmt: skip

_LIBRARIES = frozenset({"numpy", "math", "cmath", "scipy", "operator"})

_EFFECTS = frozenset((
    "seterr", "seterrcall", "setbufsize", "set_printoptions", "save", "savez",
    "savez_compressed", "savetxt",
))  # fmt: skip
"""NumPy's functions that change something other than arrays."""


def _is_harmless(function: Any) -> bool:
    """Whether a call changes nothing but arrays and lists, whose changes are noted."""
    kind = type(function)
    if kind is SeenFunction:
        top = (getattr(function, "__module__", None) or "").partition(".")[0]
        name = function.__name__
        return (
            name in _HARMLESS if top == "builtins" else top in _LIBRARIES and name not in _EFFECTS
        )
    if issubclass(kind, SeenType) or (kind is type and function in _TYPES):
        return True
    if kind is types.FunctionType:
        code = function.__code__
        return is_rewritten(code) or code.co_filename.startswith(PACKAGE)
    if kind is types.MethodType:
        return _is_harmless(function.__func__)
    if kind is functools.partial:
        return _is_harmless(function.func)
    if kind is types.BuiltinFunctionType:
        return _is_harmless_builtin(function)
    return isinstance(function, np.ufunc)


def _is_harmless_builtin(function: Any) -> bool:
    owner = function.__self__
    if isinstance(owner, types.ModuleType) or owner is None:
        top = (function.__module__ or "").partition(".")[0]
        return function.__name__ in _HARMLESS if top == "builtins" else top in _LIBRARIES
    if type(owner) in (list, dict):
        touch_items(owner)
        return True
    return type(owner) in (str, tuple, int, float, complex, range, frozenset)


def touch(thing: Any) -> None:
    """Note that something is changed in place."""
    if not _forks() or isinstance(
        thing, Traced | int | float | complex | str | tuple | np.generic
    ):
        return
    is_flat = type(thing) in (list, dict) and not any(
        isinstance(x, list | dict | set)
        for x in (thing if type(thing) is list else thing.values())
    )
    if not is_flat:
        _refuse()
    touch_items(thing)


def effect() -> None:
    """Note that something outside is about to be changed."""
    if _forks():
        _refuse()


def caught() -> None:
    """Note that an exception may have been caught, which merging may have caused."""
    merging = current().root.merging
    if merging is not None and merging.count:
        raise ForkError(None)


def iterate(values: Any) -> Any:
    """Return what is iterated over; both arms would take from the same iterator."""
    if _forks() and hasattr(type(values), "__next__"):
        _refuse()
    return values


def made(items: Any) -> Any:
    """Note a new list or dictionary."""
    for open_fork in _forks():
        open_fork.made[id(items)] = items
    return items


def step() -> None:
    """Count the steps of a ``while`` loop in an arm."""
    root = current().root
    if root.forks:
        root.merging.steps += 1
        if root.merging.steps > MOST_STEPS:
            _refuse()


HELPERS |= {
    rewriting.FORK: fork,
    rewriting.CHOOSE: choose,
    rewriting.JOIN: join,
    rewriting.NOT: negate,
    rewriting.CALL: call,
    rewriting.TOUCH: touch,
    rewriting.EFFECT: effect,
    rewriting.CAUGHT: caught,
    rewriting.ITERATE: iterate,
    rewriting.MADE: made,
    rewriting.STEP: step,
}

"""Calls that a traced function makes, and their operands one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node
from steepest.trace.arrays.array import Traced, TracedArray

_SIMPLE = frozenset(
    {int, float, bool, str, type(None), type(Ellipsis), slice, np.float64, np.int64}
)
"""Types of plain operands that are compared by value."""


class Event(NamedTuple):
    """A call that was recorded.

    Attributes
    ----------
    function
        What was called.
    structure
        The nesting of its arguments; None where no argument is a list or tuple.
    leaves
        Its arguments, one by one.
    kwargs
        Its keyword arguments.
    result, node
        What it returned, and the node of that when it was returned.
    place
        The user's code that called it, and the position in that.
    """

    function: Callable[..., Any]
    structure: Any
    leaves: Sequence[Any]
    kwargs: Mapping[str, Any]
    result: Any
    node: Node | None
    place: tuple[int, int]


class Flags(NamedTuple):
    """What NumPy and Python would know of a traced array, besides its node."""

    weak: bool
    is_scalar: bool
    ordered: bool


def flags_of(x: TracedArray) -> Flags:
    """Return the flags of a traced array."""
    return Flags(x.weak, x.is_scalar, x.ordered)


def flat(args: Sequence[Any]) -> tuple[Sequence[Any], Any]:
    """Return arguments one by one, and their nesting; that is None where there is none."""
    for value in args:
        if type(value) in (list, tuple):
            leaves: list[Any] = []
            return leaves, _flatten(args, leaves)
    return args, None


def _flatten(value: Any, leaves: list[Any]) -> Any:
    kind = type(value)
    if kind is list or kind is tuple:
        return (kind, *[_flatten(item, leaves) for item in value])
    leaves.append(value)
    return None


def nested(structure: Any, leaves: Sequence[Any]) -> Sequence[Any]:
    """Return arguments in their nesting."""
    if structure is None:
        return leaves
    remaining = iter(leaves)

    def build(part: Any) -> Any:
        if part is None:
            return next(remaining)
        kind, *items = part
        return kind([build(item) for item in items])

    arguments: Sequence[Any] = build(structure)
    return arguments


def is_plain(leaf: Any) -> bool:
    """Whether an operand is a plain value of a known type."""
    if type(leaf) is slice:
        return all(map(is_plain, (leaf.start, leaf.stop, leaf.step)))
    return type(leaf) in _SIMPLE or isinstance(leaf, type | np.dtype | np.generic)


def is_same(a: Any, b: Any) -> bool:
    """Whether two plain operands are equal in type and value, signs of zeros included."""
    if a is b:
        return type(a) is not slice or is_plain(a)
    if type(a) is not type(b) or isinstance(a, Traced | np.ndarray):
        return False
    if isinstance(a, float | np.floating):
        return bool(a == b) and (a != 0 or math.copysign(1.0, a) == math.copysign(1.0, b))
    if isinstance(a, slice):
        return all(map(is_same, (a.start, a.stop, a.step), (b.start, b.stop, b.step)))
    return (type(a) in _SIMPLE or isinstance(a, np.integer | np.bool_)) and bool(a == b)

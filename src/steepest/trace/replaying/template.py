"""The calls of one iteration, and where their operands come from."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node, Shape, Source
from steepest.trace.arrays.array import TracedArray
from steepest.trace.replaying.events import Event, Flags

LEAST_ROUNDS, MOST_ROUNDS = 3, 6
"""Recorded iterations that a template is made of: operands may come from as many before."""


@dataclass(frozen=True, slots=True)
class Same:
    """A plain operand that is the same in all iterations."""

    value: Any


@dataclass(frozen=True, slots=True)
class Varying:
    """A plain number that differs from iteration to iteration.

    Attributes
    ----------
    column
        Where its values are noted.
    kind
        Its type.
    extent
        If it is an index, the elements along its axis; else None.
    """

    column: int
    kind: type
    extent: int | None


@dataclass(frozen=True, slots=True)
class Made:
    """The result of another call, of so many iterations before; 0 for the same iteration."""

    index: int
    lag: int


@dataclass(frozen=True, slots=True)
class Fixed:
    """An array that is the same in all iterations."""

    node: Node
    flags: Flags


@dataclass(frozen=True, slots=True)
class Other:
    """An array that is not replayed, and differs from iteration to iteration."""

    column: int
    shape: Shape
    dtype: np.dtype
    flags: Flags


@dataclass(frozen=True, slots=True)
class Target:
    """The array of which each iteration sets another element."""

    array: TracedArray


Operand = Same | Varying | Made | Fixed | Other | Target


class Kind(enum.Enum):
    """What a replayed call does."""

    REPLAYED = enum.auto()
    """It returns a new array, whose node is made later."""
    PICKED = enum.auto()
    """It takes another element, or row, of an array that is the same in all iterations."""
    WRITTEN = enum.auto()
    """It changes its first operand in place."""
    STORED = enum.auto()
    """It sets an element, or row, of an array outside the loop; this is done later."""
    READ_BACK = enum.auto()
    """It reads an element that was set: the result of another call."""
    KNOWN = enum.auto()
    """It returns the same array in each iteration."""
    REAL = enum.auto()
    """It is made as without a replay."""


class Call(NamedTuple):
    """A call of the template.

    Attributes
    ----------
    kind, function, structure, operands, kwargs
        What is called and how (:class:`~steepest.trace.replaying.events.Event`).
    node, flags
        The result in the last iteration that was recorded.
    read_only
        Why nothing may be assigned to the result; empty if it may.
    base
        The position of the operand that the result is a view of; None if it is none.
    returns
        The position of the operand that is returned; None if the result is new.
    back
        The call whose result is read back, for :attr:`Kind.READ_BACK`.
    source
        The user's line.
    """

    kind: Kind
    function: Callable[..., Any]
    structure: Any
    operands: tuple[Operand, ...]
    kwargs: Mapping[str, Any]
    node: Node | None
    flags: Flags | None
    read_only: str
    base: int | None
    returns: int | None
    back: Made | None
    source: Source | None


@dataclass(frozen=True)
class Template:
    """The calls of an iteration.

    Attributes
    ----------
    calls
        In their order.
    earlier
        What differs in the last recorded iterations, for each column that is noted.
    before
        The nodes of results of the recorded iterations, by call and lag; lag 1 is the last.
    alike
        The number of recorded iterations, the last ones, that the template describes.
    owners
        What the arrays of the recorded iterations stand for, by their identity: the call, and
        the number of the iteration (-1 is the last).
    positions
        The elements that were set, by the array's identity and the position: call and iteration.
    kept
        The calls of the recorded iterations, which keep these identities from being used again.
    """

    calls: tuple[Call, ...]
    earlier: Sequence[tuple[Any, ...]]
    before: Mapping[tuple[int, int], Node]
    alike: int
    owners: Mapping[int, tuple[int, int]]
    positions: Mapping[tuple[int, tuple[int, ...] | None], tuple[int, int]]
    kept: Sequence[Event] = field(repr=False)

    @property
    def rounds(self) -> int:
        """The number of recorded iterations."""
        return len(self.kept) // len(self.calls)

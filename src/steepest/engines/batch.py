"""Programs for many problems: one iteration of each, as a graph; their start and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node, Source, trees

NOT_STARTED, INTERRUPTED, DIVERGED = -3, -2, -1
"""Codes of problems that no stop rule ended; other codes are values of ``Iteration.stop``."""


class Computed(NamedTuple):
    """The values computed for each problem: see :class:`ManyProgram`."""

    over: Any
    answer: tuple[Any, ...]
    next_x: Any
    next_state: tuple[Any, ...]


@dataclass(frozen=True)
class ManyProgram:
    """One iteration of each of many problems, as nodes over common inputs.

    Attributes
    ----------
    x, count, state, data
        Inputs, as in :class:`Iteration`; the state is arbitrary if `count` is 0.
    is_own
        For each data input, whether it differs between problems.
    over
        A number that says why a problem is over; 0 if it is not.
    answer
        The values that are stored when it is over.
    next_x, next_state
        The values after the update.
    sources
        The user's line for every node.
    """

    x: Node
    count: Node
    state: tuple[Node, ...]
    data: tuple[Node, ...]
    is_own: tuple[bool, ...]
    over: Node
    answer: tuple[Node, ...]
    next_x: Node
    next_state: tuple[Node, ...]
    sources: Mapping[Node, Source] = field(compare=False, repr=False, default_factory=dict)

    @property
    def outputs(self) -> tuple[Node, ...]:
        """All computed nodes."""
        computed = Computed(self.over, self.answer, self.next_x, self.next_state)
        return tuple(trees.leaves(computed))


@dataclass(frozen=True)
class ManyStart:
    """The start of many problems.

    Attributes
    ----------
    x
        A row for each problem, in storage precision.
    data
        Values of the data inputs; a row for each problem if they differ between problems.
    """

    x: np.ndarray
    data: Sequence[np.ndarray]


@dataclass(frozen=True)
class ManyAnswers:
    """The answers of many problems; all arrays have a row for each problem.

    Attributes
    ----------
    codes
        Why each problem is over.
    values
        The values of ``ManyProgram.answer``.
    loss_of_machines
        Why the machines that compute the rest are lost; empty if they are not.
    """

    codes: np.ndarray
    values: Sequence[np.ndarray]
    loss_of_machines: str = ""


Watch = Callable[[int], bool]
"""Called now and then with the number of problems started; returns whether to stop."""

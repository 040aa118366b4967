"""What an engine is given to run of many problems: one iteration of each, as a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node, trees

NOT_STARTED, INTERRUPTED, DIVERGED = -3, -2, -1
"""Codes of problems that no stop rule ended; the others are those of ``Iteration.stop``."""


class Computed(NamedTuple):
    """What is computed of each problem: see :class:`ManyProgram`."""

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
        Inputs, as of :class:`Iteration`; where `count` is 0 the state says nothing.
    is_own
        Which data differ from problem to problem.
    over
        A number that is not 0 where a problem is over, and says why.
    answer
        What is kept of it then.
    next_x, next_state
        After the update.
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

    @property
    def outputs(self) -> tuple[Node, ...]:
        """Everything that is computed."""
        computed = Computed(self.over, self.answer, self.next_x, self.next_state)
        return tuple(trees.leaves(computed))


@dataclass(frozen=True)
class ManyStart:
    """Where many problems start.

    Attributes
    ----------
    x
        A row for each problem, in storage precision.
    data
        Values of the data inputs: a row for each problem where they differ.
    """

    x: np.ndarray
    data: Sequence[np.ndarray]


@dataclass(frozen=True)
class ManyAnswers:
    """What is known of many problems; all arrays have a row for each.

    Attributes
    ----------
    codes
        Why each is over.
    values
        What was kept of it, as ``ManyProgram.answer`` says.
    """

    codes: np.ndarray
    values: Sequence[np.ndarray]


Watch = Callable[[int], bool]
"""Called now and then with the number of problems begun; returns whether to stop."""

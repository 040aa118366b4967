"""The calls of a replayed loop, recorded one by one after all."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any, NamedTuple

from steepest.graph import Node
from steepest.trace.arrays.array import TracedArray
from steepest.trace.recording.session import Session, abandon
from steepest.trace.replaying.events import nested
from steepest.trace.replaying.template import (
    Call,
    Fixed,
    Kind,
    Made,
    Operand,
    Other,
    Same,
    Target,
    Template,
    Varying,
)

WITH_NODES = frozenset({Kind.REPLAYED, Kind.WRITTEN, Kind.PICKED})
"""Kinds of calls whose results have nodes of their own."""


class Replayed(NamedTuple):
    """What was replayed.

    Attributes
    ----------
    session, template
        The recording, and the calls of an iteration.
    columns
        What differed, for each iteration.
    rounds, position
        The number of whole iterations, and of the calls of one more.
    wanted
        Results that are still used, by iteration and call.
    """

    session: Session
    template: Template
    columns: Sequence[Sequence[Any]]
    rounds: int
    position: int
    wanted: Set[tuple[int, int]]


class _Calls:
    """The calls of some iterations, made one by one.

    Parameters
    ----------
    replayed
        What was replayed.
    results
        Results of iterations before.
    """

    def __init__(self, replayed: Replayed, results: dict[tuple[int, int], Node]) -> None:
        self.replayed, self.results = replayed, results

    def make(self, number: int, count: int | None = None) -> None:
        """Make the calls of an iteration, or the first of them."""
        for index, call in enumerate(self.replayed.template.calls[:count]):
            if call.kind in (Kind.KNOWN, Kind.REAL, Kind.READ_BACK):
                continue
            operands = [self._operand(x, number) for x in call.operands]
            result = called(self.replayed.session, call, operands)
            if call.kind in WITH_NODES:
                self.results[number, index] = result.node

    def _operand(self, operand: Operand, number: int) -> Any:
        template, session = self.replayed.template, self.replayed.session
        if isinstance(operand, Made):
            node = self.results[number - operand.lag, operand.index]
            return array_of(node, session, template.calls[operand.index])
        if isinstance(operand, Varying):
            return self.replayed.columns[operand.column][number]
        if isinstance(operand, Other):
            return TracedArray(
                self.replayed.columns[operand.column][number], session, *operand.flags
            )
        return outer(operand, session)


def outer(operand: Operand, session: Session) -> Any:
    """Return an operand that is the same in all iterations."""
    if isinstance(operand, Same):
        return operand.value
    if isinstance(operand, Fixed):
        return TracedArray(operand.node, session, *operand.flags)
    assert isinstance(operand, Target)
    return operand.array


def array_of(node: Node, session: Session, call: Call) -> TracedArray:
    """Return a call's result as a traced array of its own."""
    assert call.flags is not None
    return TracedArray(node, session, *call.flags)


def called(session: Session, call: Call, operands: Sequence[Any]) -> Any:
    """Make a call; return what it returns or changes."""
    with session.at(call.source):
        result = call.function(*nested(call.structure, operands), **call.kwargs)
    return operands[0] if call.kind is Kind.WRITTEN else result


def recorded(
    replayed: Replayed, known: dict[tuple[int, int], Node], first: int = 0
) -> dict[tuple[int, int], Node]:
    """Record all calls from an iteration on; return the nodes of results, by iteration and call.

    `known` are the results of iterations before.
    """
    calls = _Calls(replayed, known)
    try:
        for number in range(first, replayed.rounds):
            calls.make(number)
        calls.make(replayed.rounds, replayed.position)
    except Exception:  # it belongs to another line of the user's: that one will raise it
        abandon()
    return calls.results


def results_before(replayed: Replayed) -> dict[tuple[int, int], Node]:
    """Return the results of the iterations that the template was made of."""
    return {(-lag, index): node for (index, lag), node in replayed.template.before.items()}

"""A loop that tries steps and keeps those that pass, recorded as one node of the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import UnsupportedError, forgive
from steepest.graph.source import user_source
from steepest.ops import COLLECT
from steepest.ops.arrays.collect import CollectLayout
from steepest.trace.arrays.array import as_traced, node_of, record
from steepest.trace.recording.session import current
from steepest.trace.subgraph import RecordedStep, packing_of, with_common_inputs

_ROOM = 64
"""Fewest rows that a loop has room for."""

_GROWTH = 4
"""How much more room there is where rows do not fit. Each size is a path of the function."""

_FIRST_RUN = 1 << 14
"""Most numbers that the rows of the first run hold. Where its rows suffice, it is the only run."""

_FIXED_ROOM = 256
"""The room for rows where it cannot be found by a run."""


class Collected(NamedTuple):
    """What a loop found.

    Attributes
    ----------
    carry
        What it carried after its last step.
    count
        The number of rows that were kept.
    rows
        The rows, as nested values with a leading axis. Rows beyond the count are zero.
    limit
        How many rows there is room for.
    fits
        Whether there was room for all rows that were kept.
    gave_up
        Whether the loop gave up.
    """

    carry: Any
    count: Any
    rows: Any
    limit: int
    fits: Any
    gave_up: Any


def collect(
    condition: Callable[..., Any],
    step: Callable[..., Any],
    carry: Any,
    gave_up: Callable[..., Any] = lambda carry: np.array(False),
    fits: bool = False,
) -> Collected:
    """Run a step as long as a condition holds, and keep the rows that it says to keep.

    How many rows there are is found by a run at the values at hand. The room for those of the
    first loop of a function is chosen in steps of a factor, and each size is a path: a call does
    the work of its own rows, however many another call has needed. Later loops have the room of
    the first one; where they need more, the function is recorded once more. Inside a loop that
    stays in the graph no values are at hand. There the room is fixed, and the caller has to look
    whether it was enough.

    Parameters
    ----------
    condition
        Function of the carry that returns a truth value.
    step
        Function of the carry that returns the next one, a row, and whether to keep the row.
    carry
        Nested arrays of float64 and truth values.
    gave_up
        Function of the last carry that returns whether the loop gave up. Its rows are of no use
        then, and no more room is made for them.
    fits
        Whether the least room is expected to be enough, so that no run need find it.
    """
    packing = packing_of(carry)
    shapes: list[Any] = []

    def packed_step(carry: Any) -> Any:
        after, row, keep = step(carry)
        shapes[:] = [packing_of(row)]
        return packing.pack(after), shapes[0].pack(row), np.reshape(as_traced(keep), ())

    recorded = RecordedStep(packed_step, [packing])
    tested = RecordedStep(lambda carry: np.reshape(as_traced(condition(carry)), ()), [packing])
    parts = [tested.graph([tested.result]), recorded.graph(list(recorded.result))]
    (test, body), outer = with_common_inputs(parts)
    row_packing = shapes[0]
    start = packing.pack(carry)

    def run(limit: int) -> tuple[Any, CollectLayout]:
        packed = record(COLLECT, start, *outer, condition=test, step=body, limit=limit)
        return packed, CollectLayout(packing.size, row_packing.size, limit)

    def needs(packed: Any, layout: CollectLayout) -> Any:
        useless = gave_up(packing.unpack(packed[: layout.carry]))
        return np.where(useless, 0.0, packed[layout.carry])

    session = current()
    if fits or session.root.room:
        least = _ROOM if fits else session.root.room
        packed, layout, limit = _in_room_for_all(run, needs, least, fits and session.defers)
    else:
        packed, layout, limit = _in_rooms(run, needs, row_packing.size)
    count = packed[layout.carry]
    rows = np.reshape(packed[layout.rows : layout.rows + limit * layout.row], (limit, layout.row))
    carried = packing.unpack(packed[: layout.carry])
    rows = row_packing.unpack(rows, limit)
    return Collected(carried, count, rows, limit, as_traced(count <= limit), gave_up(carried))


_Run = Callable[[int], tuple[Any, CollectLayout]]
_Needs = Callable[[Any, CollectLayout], Any]
_Found = tuple[Any, CollectLayout, int]


def _in_rooms(run: _Run, needs: _Needs, row: int) -> _Found:
    """Return a run and its room, the smallest of some sizes; that it is becomes a guard."""
    session, limit, first = current(), _ROOM, _ROOM
    while _GROWTH * first * row <= _FIRST_RUN:
        first *= _GROWTH
    packed, layout = run(first)
    number = needs(packed, layout)
    if _at_hand(number) is None:
        return *run(_FIXED_ROOM), _FIXED_ROOM
    while not bool(session.decide(as_traced(number <= limit).node)):
        limit *= _GROWTH
    session.root.room = limit
    if limit > first:
        packed, layout = run(limit)
    return packed, layout, limit


def _in_room_for_all(run: _Run, needs: _Needs, limit: int, is_sure: bool) -> _Found:
    """Return a run and its room, at least some size; that there is enough is demanded.

    Demands of many loops are one guard, so that they can become one loop.
    """
    session = current()
    found: int | None = 0 if is_sure else _at_hand(needs(*run(limit)))
    while limit < (_FIXED_ROOM if found is None else 1.25 * found):
        limit *= 2
    packed, layout = run(limit)
    if found is not None:
        enough = as_traced(needs(packed, layout) <= limit)
        session.add_guard(enough.node, np.array(True), user_source())
        session.demands.add(enough.node)
    return packed, layout, limit


def _at_hand(count: Any) -> int | None:
    """Return the number of rows at the values at hand; None if values are not known here."""
    try:
        return int(current().value(node_of(count)))
    except UnsupportedError as refusal:
        forgive(refusal)
        return None

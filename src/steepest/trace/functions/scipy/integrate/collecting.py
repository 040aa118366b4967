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
) -> Collected:
    """Run a step as long as a condition holds, and keep the rows that it says to keep.

    The room for rows is found by a run at the values at hand. That there is enough becomes a
    guard: where more rows are needed, the function is recorded once more. Inside a loop that
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

    limit = _ROOM
    packed, layout = run(limit)
    needs: Callable[..., Any] = lambda carry, count: np.where(
        gave_up(packing.unpack(carry)), 0.0, count
    )
    found = _at_hand(needs(packed[: layout.carry], packed[layout.carry]))
    while limit < (_FIXED_ROOM if found is None else 1.25 * found):
        limit *= 2
    packed, layout = run(limit)
    count = packed[layout.carry]
    if found is not None:
        enough = as_traced(needs(packed[: layout.carry], count) <= limit)
        current().add_guard(enough.node, np.array(True), user_source())
    rows = np.reshape(packed[layout.rows :], (limit, layout.row))
    carried = packing.unpack(packed[: layout.carry])
    rows = row_packing.unpack(rows, limit)
    return Collected(carried, count, rows, limit, as_traced(count <= limit), gave_up(carried))


def _at_hand(count: Any) -> int | None:
    """Return the number of rows at the values at hand; None if values are not known here."""
    try:
        return int(current().value(node_of(count)))
    except UnsupportedError as refusal:
        forgive(refusal)
        return None

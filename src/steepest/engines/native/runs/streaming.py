"""The evaluation of a graph whose data are read in blocks, while the next blocks are read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.native.programs.function import CompiledGraph
from steepest.engines.native.programs.streamed import (
    Between,
    Loop,
    Pass,
    StreamedCode,
    Triangle,
)
from steepest.engines.native.programs.strips import (
    MOST_ROWS,
    StripSums,
    coordinate_of,
    panel_at,
    shape_in_block,
    strip_of,
)
from steepest.engines.native.runs.read_ahead import read_ahead
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.graph import Node
from steepest.ops.arrays.loops import ScanLayout
from steepest.rewrite.panels import Panels
from steepest.streams import Source

BLOCK_BYTES = 1 << 23
"""Bytes of a block that is read at a time: few enough to stay in the last cache."""


class Window(NamedTuple):
    """Some rows of an array.

    Attributes
    ----------
    first
        Number of the first.
    rows
        An array with the rows.
    step
        Bytes from one row to the next.
    """

    first: int
    rows: np.ndarray
    step: int

    @property
    def address(self) -> int:
        """The address that row 0 would have, if all rows were in memory."""
        return address_of(self.rows) - self.first * self.step


@dataclass(frozen=True, eq=False)
class PanelRows:
    """Rows that a pass computes from others, each time they are needed.

    Attributes
    ----------
    work
        The pass.
    number
        Number of the result.
    values
        The values of the pass's roots.
    """

    work: Pass
    number: int
    values: Mapping[Node, Any]

    def panels(self, first: int, end: int) -> tuple[int, int]:
        """Return the panels that compute some rows: the first, and the one after the last."""
        plan = self.work.code.plan
        start = plan.results[self.number].start
        low = panel_at(plan, first + start)
        return low, max(low, panel_at(plan, end + start - 1)) + 1


class Fold:
    """The triangular factor of rows that arrive in their order.

    Attributes
    ----------
    triangle
        What is computed.
    factor, rest
        The factor of the rows so far, without the last ones, which do not make a block.
    """

    def __init__(self, triangle: Triangle) -> None:
        self.triangle = triangle
        self.factor = np.zeros(triangle.node.shape, triangle.node.dtype)
        self.rest = np.empty((0, triangle.node.shape[1]), triangle.node.dtype)

    def add(self, rows: np.ndarray) -> None:
        """Add the rows that follow."""
        size = self.triangle.size
        rows = np.concatenate([self.rest, rows]) if len(self.rest) else rows
        whole = len(rows) - len(rows) % size
        for first in range(0, whole, size):
            self.factor = _only(self.triangle.add, self.factor, rows[first : first + size])
        self.rest = rows[whole:].copy()

    def end(self) -> np.ndarray:
        """Return the factor of all rows."""
        if self.triangle.add_rest is None:
            return self.factor
        return _only(self.triangle.add_rest, self.factor, self.rest)


def _only(code: CompiledGraph, *values: np.ndarray) -> np.ndarray:
    """Return the only output of a graph without branches."""
    found = code(values)
    assert found is not None, "there are no branches"
    return found[1][0]


Elsewhere = Callable[[Pass, Mapping[Node, Any]], tuple[StripSums, Mapping[int, np.ndarray]]]
"""Computes a pass in other processes, from the values of its roots."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A graph whose data are read in blocks, with the values of its inputs but the first.

    Attributes
    ----------
    code
        The machine code.
    data
        The values of the inputs that do not change between calls, by node.
    is_over
        Returns whether to give up in the middle of a pass, by an ``InterruptedPassError``.
    on_rows
        Called with the number of rows that were read, and that there are.
    elsewhere
        Computes in other processes the sums of all strips of a pass, and its triangles by the
        numbers of the results; None if they are computed here.
    """

    code: StreamedCode
    data: Mapping[Node, Any]
    is_over: Callable[[], bool] = lambda: False
    on_rows: Callable[[int, int], None] = lambda done, rows: None
    elsewhere: Elsewhere | None = None

    def __call__(self, values: Mapping[Node, Any]) -> list[Any]:
        """Return the outputs for the values of the other inputs."""
        known = {**self.data, **values}
        for stage in self.code.stages:
            if isinstance(stage, Between):
                _compute(stage, known)
            elif isinstance(stage, Pass):
                self._pass(stage, known)
            elif isinstance(stage, Loop):
                known[stage.node] = self._loop(stage, known)
            elif known[stage.stop] != 0 or not known[stage.finite]:
                break
        return [
            known[node] if node in known else np.zeros(node.shape, node.dtype)
            for node in self.code.outputs
        ]

    def _loop(self, loop: Loop, known: Mapping[Node, Any]) -> np.ndarray:
        """Return the result of a loop, from the values of the nodes around it."""
        around = {inner: known[outer] for inner, outer in loop.around.items()}
        steps = {name: replace(self, code=code, data=around) for name, code in loop.steps.items()}
        carry, *rows = [known[node] for node in loop.node.operands[: loop.carried]]
        if rows:
            return _scanned(loop.node, steps["step"], carry, rows[0])
        condition, step, limit = steps["condition"], steps["step"], loop.node.attributes["limit"]
        (before,) = step.code.inputs[:1]
        for _ in itertools.count() if limit is None else range(limit):
            if not condition({before: carry})[0]:
                break
            (carry,) = step({before: carry})
        return np.asarray(carry)

    def _pass(self, work: Pass, known: dict[Node, Any]) -> None:
        plan, values = work.code.plan, {root: known[root] for root in work.roots}
        known.update(rows_of(work, values))
        if all(result.axis is not None for result in plan.results) and not work.triangles:
            return
        if self.elsewhere is None:
            folds = {number: Fold(triangle) for number, triangle in work.triangles.items()}
            sums = self.sums(work, values, (0, plan.strips), lambda n, rows: folds[n].add(rows))
            factors: Mapping[int, np.ndarray] = {n: fold.end() for n, fold in folds.items()}
        else:
            sums, factors = self.elsewhere(work, values)
        totals = work.code.totals(sums)
        known.update({work.results[n]: a for n, a in totals.items() if n in work.results})
        known.update({work.triangles[n].node: factor for n, factor in factors.items()})

    def sums(
        self,
        work: Pass,
        values: Mapping[Node, Any],
        strips: tuple[int, int],
        take: Callable[[int, np.ndarray], None],
    ) -> StripSums:
        """Return the sums of some strips of a pass, from the values of its roots.

        `take` is given the rows of results that triangles are made of, in their order.
        """
        plan, code = work.code.plan, work.code
        sums, arena, strip = code.new_sums(), code.new_arena(), strips[0]
        for panels, windows in _read(work, values, panels_of(plan, strips), self.is_over):
            operands = _addresses(work, values, panels, windows)
            rows = _row_buffers(work, panels)
            low = panels[0]
            while low < panels[1]:
                while strip_of(plan, strip)[1] <= low:
                    strip += 1
                high = min(strip_of(plan, strip)[1], panels[1])
                code.add(strip, (low, high), operands, rows.addresses, sums, arena)
                low = high
            for number in work.triangles:
                take(number, rows.windows[number].rows)
            self.on_rows(_coordinates(work, panels)[1], plan.rows)
        return sums


def _scanned(node: Node, step: Evaluation, carry: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the result of a scan over rows that are in memory."""
    before, results = [], []
    for row in rows:
        before.append(carry)
        carry, result = step(dict(zip(step.code.inputs, (carry, row), strict=False)))
        results.append(result)
    kept = before if ScanLayout.of(node).keeps else []
    return np.concatenate([*kept, *results, carry])


def rows_of(work: Pass, values: Mapping[Node, Any]) -> dict[Node, PanelRows]:
    """Return the results of a pass that have rows, from the values of its roots."""
    results = work.code.plan.results
    return {
        node: PanelRows(work, number, values)
        for number, node in work.results.items()
        if results[number].axis is not None
    }


def panels_of(plan: Panels, strips: tuple[int, int]) -> tuple[int, int]:
    """Return the first panel of some strips, and the one after the last."""
    return strip_of(plan, strips[0])[0], strip_of(plan, strips[1] - 1)[1]


def _compute(stage: Between, known: dict[Node, Any]) -> None:
    found = stage.code([known[node] for node in stage.given])
    assert found is not None, "there are no branches"
    known.update(zip(stage.computed, found[1], strict=True))


def _coordinates(work: Pass, panels: tuple[int, int]) -> tuple[int, int]:
    """Return the first coordinate of some panels, and the one after the last."""
    low, high = (coordinate_of(work.code.plan, panel) for panel in panels)
    return low, high


def _needs(value: Any, first: int, end: int, needed: dict[Source, tuple[int, int]]) -> None:
    """Add the rows of sources that some rows of a value need."""
    if isinstance(value, Source):
        low, high = needed.get(value, (first, end))
        needed[value] = min(low, first), max(high, end)
    elif isinstance(value, PanelRows):
        pass_needs(value.work, value.values, value.panels(first, end), needed)


def pass_needs(
    work: Pass,
    values: Mapping[Node, Any],
    panels: tuple[int, int],
    needed: dict[Source, tuple[int, int]],
) -> None:
    """Add the rows of sources that some panels of a pass need."""
    first, end = _coordinates(work, panels)
    for root, reach in work.reaches.items():
        _needs(values[root], *reach.of(first, end, work.rows_of[root]), needed)


@dataclass(frozen=True)
class _RowBuffers:
    """Memory for the results of some panels that have rows.

    Attributes
    ----------
    windows
        The rows of each result, by its number.
    addresses
        The address that row 0 of each result would have.
    """

    windows: Mapping[int, Window]
    addresses: Mapping[int, int]


def _row_buffers(work: Pass, panels: tuple[int, int]) -> _RowBuffers:
    first, end = _coordinates(work, panels)
    windows, addresses = {}, {}
    for number, result in enumerate(work.code.plan.results):
        if result.axis is None:
            continue
        low = first - result.start
        shape = shape_in_block(result, end - first, work.code.room)
        step = math.prod(shape[result.axis + 1 :]) * result.dtype.itemsize
        windows[number] = Window(low, np.empty(shape, result.dtype), step)
        addresses[number] = windows[number].address
    return _RowBuffers(windows, addresses)


def _addresses(
    work: Pass,
    values: Mapping[Node, Any],
    panels: tuple[int, int],
    windows: dict[Any, Window],
) -> list[int]:
    """Return the address of each operand's first row, for some panels."""
    first, end = _coordinates(work, panels)
    found: dict[Node, int] = {}
    for root in work.roots:
        if root in found:
            continue
        value = values[root]
        if isinstance(value, np.ndarray):
            found[root] = address_of(value)
        else:
            rows = work.reaches[root].of(first, end, work.rows_of[root])
            found[root] = _rows(value, *rows, windows).address
    return [found[root] for root in work.roots]


def _rows(value: Any, first: int, end: int, windows: dict[Any, Window]) -> Window:
    """Return rows of a source, or compute them from rows of sources."""
    if isinstance(value, Source):
        return windows[value]
    panels = value.panels(first, end)
    key = value.work, panels
    if key not in windows:
        buffers = _row_buffers(value.work, panels)
        code = value.work.code
        operands = _addresses(value.work, value.values, panels, windows)
        unused = code.new_sums()
        code.add(0, panels, operands, buffers.addresses, unused, code.new_arena())
        windows.update({(value.work, panels, n): w for n, w in buffers.windows.items()})
        windows[key] = Window(0, np.empty(0), 0)
    return windows[(value.work, panels, value.number)]


def _chunks(
    work: Pass, values: Mapping[Node, Any], panels: tuple[int, int]
) -> Iterator[tuple[int, int]]:
    """Yield neighboring ones of some panels that need about as many bytes as a block has."""
    needed: dict[Source, tuple[int, int]] = {}
    pass_needs(work, values, (0, 1), needed)
    row_bytes = max(1, sum(source.row_bytes for source in needed))
    low, end = panels
    while low < end:
        first, _ = _coordinates(work, (low, low + 1))
        limit = first + max(1, min(BLOCK_BYTES // row_bytes, MOST_ROWS))
        high = min(end, max(low + 1, panel_at(work.code.plan, limit)))
        if coordinate_of(work.code.plan, end) <= limit:
            high = end
        yield low, high
        low = high


def _read(
    work: Pass,
    values: Mapping[Node, Any],
    panels: tuple[int, int],
    is_over: Callable[[], bool],
) -> Iterator[tuple[tuple[int, int], dict[Any, Window]]]:
    """Yield some panels, and the rows of sources that they need, which a thread reads ahead."""

    def windows(some: tuple[int, int]) -> tuple[tuple[int, int], dict[Any, Window]]:
        needed: dict[Source, tuple[int, int]] = {}
        pass_needs(work, values, some, needed)
        read = {s: (low, s.read(low, high)) for s, (low, high) in needed.items()}
        return some, {s: Window(low, rows, s.row_bytes) for s, (low, rows) in read.items()}

    needed: dict[Source, tuple[int, int]] = {}
    pass_needs(work, values, (0, 1), needed)
    is_sequential = any(source.is_sequential for source in needed)
    return read_ahead(_chunks(work, values, panels), windows, is_sequential, is_over)

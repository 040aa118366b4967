"""Divide rows into panels, and replace nodes by the results of panels."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from steepest.graph import Node, make, order, verify_pass, with_operands
from steepest.rewrite.panels.analysis import Analysis
from steepest.rewrite.panels.loops import with_divided_steps, with_views_inside
from steepest.rewrite.panels.op import PANELS, Panels, Segment
from steepest.rewrite.panels.passes import Round


@dataclass(frozen=True)
class Limits:
    """When rows are divided into panels, and into how large ones.

    Attributes
    ----------
    worth_it
        Fewest bytes of data.
    shared
        Fewest bytes of data for which threads share the work.
    panel
        Bytes that the rows of a panel and what is computed from them may take, so that they
        stay in a cache.
    widest
        Most bytes that a panel of the fewest rows may take.
    fewest_rows, most_rows
        Of a panel.
    segments
        Most segments of coordinates; each is code of its own.
    strips
        Most parts that threads share, each with sums of its own.
    sums
        Most bytes that the sums of all strips may take, as a share of the data's.
    flops
        Most operations of matrix products for each byte of data.
    """

    worth_it: int = 1 << 15
    shared: int = 1 << 18
    panel: int = 1 << 17
    widest: int = 1 << 21
    fewest_rows: int = 16
    most_rows: int = 1 << 13
    segments: int = 12
    strips: int = 64
    sums: float = 0.125
    flops: float = 64.0


LIMITS = Limits()


@dataclass(frozen=True)
class Report:
    """What was found; ``plan()`` prints it.

    Attributes
    ----------
    rows
        Extent of the data axis; 0 if there is none.
    inputs
        Arrays that have it.
    rounds
        The passes over the data.
    obstacles
        Nodes that need all rows at once.
    reason
        Why there are no panels; empty if there are.
    """

    rows: int
    inputs: tuple[Node, ...]
    rounds: tuple[Panels, ...] = ()
    obstacles: tuple[Node, ...] = ()
    reason: str = ""


def with_panels(
    first: Sequence[Node], then: Sequence[Node] = (), among: Collection[int] | None = None
) -> tuple[list[Node], Report]:
    """Return the same outputs, computed by panels of rows where that is worth it.

    Parameters
    ----------
    first, then
        Nodes of one graph. What only `then` needs runs in later passes than `first`.
    among
        Numbers of rows of data that are not in memory. One of them is that of the rows, and rows
        are divided even where that is not faster. None if all data are in memory.

    Returns
    -------
    outputs : list of Node
        With :data:`PANELS` nodes for what is computed by rows.
    report : Report
        What was found.
    """
    outputs = [*first, *then]
    rows, inputs = _data_axis(order(outputs), among)
    if not rows:
        return outputs, Report(0, (), reason="no array is large")
    outputs = with_views_inside(outputs, rows)
    divided, report = _divided(outputs, len(first), rows, inputs, among is not None)
    if among is None:  # else the steps are passes over data of their own
        divided = with_divided_steps(divided, rows, lambda step: with_panels(step)[0])
    return divided, report


def _divided(
    outputs: list[Node], number: int, rows: int, inputs: tuple[Node, ...], must: bool
) -> tuple[list[Node], Report]:
    """Return outputs of which the first ones, so many, are computed in earlier passes."""
    nodes = order(outputs)
    analysis = Analysis(nodes, rows, outputs[:number])
    rounds = _rounds(analysis, nodes, outputs)
    obstacles = tuple(analysis.obstacles)
    if not rounds:
        return outputs, Report(rows, inputs, (), obstacles, "nothing is computed by rows")
    plans = []
    for place, work in enumerate(rounds):
        plan, reason = _plan(work, place % 2 == 1, must)
        if plan is None:
            return outputs, Report(rows, inputs, (), obstacles, reason)
        plans.append(plan)
    new = _with_panel_nodes(outputs, rounds, plans)
    steps = (segment.step for plan in plans for segment in plan.segments)
    verify_pass("with_panels", outputs, new, steps=steps)
    return new, Report(rows, inputs, tuple(plans), obstacles)


def is_large(data: Sequence[Node]) -> bool:
    """Whether data have so many bytes that threads share the work."""
    return sum([node.size * node.dtype.itemsize for node in data]) >= LIMITS.shared


def _data_axis(
    nodes: Sequence[Node], among: Collection[int] | None
) -> tuple[int, tuple[Node, ...]]:
    """Return the extent that the most bytes of arrays share, and these arrays.

    It is one of those `among`, unless that is None.
    """
    bytes_of: Counter[int] = Counter()
    leaves = [node for node in nodes if not node.operands]
    for node in leaves:
        for extent in set(node.shape):
            if extent >= 4 * LIMITS.fewest_rows if among is None else extent in among:
                bytes_of[extent] += node.size * node.dtype.itemsize
    if not bytes_of:
        return 0, ()
    rows, size = max(bytes_of.items(), key=lambda item: (item[1], item[0]))
    if among is None and size < LIMITS.worth_it:
        return 0, ()
    return rows, tuple(node for node in leaves if rows in node.shape)


def _rounds(analysis: Analysis, nodes: Sequence[Node], outputs: Sequence[Node]) -> list[Round]:
    """Return the passes over the data: sums over rows, and rows that others want to see."""
    wanted = set(outputs)
    for node in nodes:
        is_row = node in analysis.sums or (
            node in analysis.mapped and node not in analysis.in_memory
        )
        for operand in node.operands:
            is_before = analysis.rounds[operand] < analysis.rounds[node]
            if not is_row or (is_before and not analysis.is_computed_again(operand)):
                wanted.add(operand)
    by_round: dict[int, list[Node]] = {}
    for node in nodes:
        computed = node in analysis.mapped and not analysis.is_free(node) and node in wanted
        if node in analysis.sums or computed:
            by_round.setdefault(analysis.rounds[node], []).append(node)
    return [Round(analysis, number, by_round[number]) for number in sorted(by_round)]


def _plan(work: Round, backwards: bool, must: bool) -> tuple[Panels | None, str]:
    """Divide the coordinates into panels, or say why not; `must` if it need not be faster."""
    if work.is_too_wide():
        return None, "rows are looked at from too many distances"
    read, made = work.row_bytes()
    if work.row_flops() > LIMITS.flops * read and not must:
        return None, "products of large matrices take most of the time, and are divided themselves"
    if LIMITS.fewest_rows * (read + made) > LIMITS.widest and not must:
        return None, "the rows are so wide that a few of them fill the caches"
    points = work.boundaries()
    if len(points) - 1 > LIMITS.segments:
        return None, "rows begin and end at too many places"
    results = work.results()
    sum_bytes = sum(math.prod(r.shape) * r.dtype.itemsize for r in results if r.axis is None)
    rows = points[-1] - points[0]
    strips = min(
        LIMITS.strips, max(1, int(LIMITS.sums * (read + made) * rows / max(sum_bytes, 1)))
    )
    if strips < 4 and not must:
        return None, "the sums over rows are as large as the data"
    if read * rows < LIMITS.shared:
        strips = 1
    size = LIMITS.panel // max(read + made // 4, 1)
    size = max(LIMITS.fewest_rows, min(size - size % LIMITS.fewest_rows, LIMITS.most_rows))
    segments = []
    for start, end in itertools.pairwise(points):
        for first, rows_each, count in _panel_sizes(start, end, size):
            step, numbers = work.step(first, rows_each)
            if numbers:
                segments.append(Segment(first, rows_each, count, step, numbers))
    sliced, whole = tuple(work.sliced.values()), tuple(work.whole.values())
    total = sum(segment.count for segment in segments)
    strips = min(strips, total)
    return Panels(rows, sliced, whole, tuple(segments), results, strips, backwards), ""


def _panel_sizes(start: int, end: int, size: int) -> list[tuple[int, int, int]]:
    """Return (first coordinate, rows, number) of panels, of the same size if possible."""
    extent = end - start
    if extent <= size * 3 // 2:
        return [(start, extent, 1)]
    for rows in range(size, size // 2, -8):
        if extent % rows == 0:
            return [(start, rows, extent // rows)]
    count = extent // size
    return [(start, size, count), (start + count * size, extent - count * size, 1)]


def _with_panel_nodes(
    outputs: Sequence[Node], rounds: Sequence[Round], plans: Sequence[Panels]
) -> list[Node]:
    """Rebuild the outputs on the results of panels."""
    place = {
        target: (work, plan, number)
        for work, plan in zip(rounds, plans, strict=True)
        for number, target in enumerate(work.targets)
    }
    new: dict[Node, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack[-1]
        if node in new:
            stack.pop()
            continue
        needed = place[node][0].operands if node in place else node.operands
        missing = [operand for operand in needed if operand not in new]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if node in place:
            _, plan, number = place[node]
            new[node] = make(PANELS, [new[x] for x in needed], plan=plan, number=number)
        else:
            new[node] = with_operands(node, new)
    return [new[node] for node in outputs]

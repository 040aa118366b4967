"""The data axis: a graph over many rows as a short graph over a panel of them.

A loss sums over samples, a gradient too; between the data and these sums each row is
computed by itself, or from its neighbors. What is computed row by row from arrays in memory
is found here and cut out: in its place come :data:`PANELS` nodes, which run a graph of a few
hundred rows again and again, so that each panel is read from memory once, however often it
is used, what lies in between never leaves the caches, and panels can go to threads. Sums
over rows are sums over panels of the panels' sums, in an order that depends on shapes alone.

Rows have coordinates. A slice of rows, ``x[1:]``, keeps the coordinates of ``x``; to meet
``x[:-1]``, it is read one row further on. Where rows come to an end, the coordinates are
divided: on each stretch every row that is looked at is there, or is known to be zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, Shape, make, order
from steepest.ops import TABLE, Domain, Elementwise, Kernel, Reduction, Row, Zero, constant_node
from steepest.ops.loops import run_step, step_input
from steepest.ops.row import Case

PANEL_BYTES = 1 << 17
"""What the rows of a panel and what is computed from them may take: it stays in a cache."""

_WORTH_IT = 1 << 19  # bytes; smaller arrays stay in a cache anyway
_FEWEST_ROWS, _MOST_ROWS = 16, 1 << 13
_MOST_STRETCHES = 12
_MOST_COPIES = 3  # of a node, at different distances
_STRIPS = 64

COMBINE = {"sum": "add", "max": "maximum", "min": "minimum", "prod": "multiply"}
"""What joins the results of panels, by the reduction over rows."""


@dataclass(frozen=True)
class Dealt:
    """An operand of which a panel sees some rows.

    Attributes
    ----------
    operand
        Its position among the operands.
    axis
        The axis of its rows.
    distance
        The row that belongs to the coordinate 0.
    """

    operand: int
    axis: int
    distance: int


@dataclass(frozen=True)
class Stretch:
    """A range of coordinates that is computed in the same way.

    Attributes
    ----------
    start
        The first coordinate.
    size, count
        Rows of a panel, and the number of panels.
    step
        What a panel computes: its inputs are the dealt operands, then the whole ones.
    results
        For each output of the step, the number of the result it belongs to.
    """

    start: int
    size: int
    count: int
    step: Graph
    results: tuple[int, ...]


@dataclass(frozen=True)
class Result:
    """Something that the panels compute together.

    Attributes
    ----------
    shape, dtype
        Of the whole.
    axis
        Axis of its rows; None for what is combined over all rows.
    start
        Coordinate of its first row.
    combine
        Key of :data:`COMBINE`.
    """

    shape: Shape
    dtype: np.dtype
    axis: int | None
    start: int = 0
    combine: str = "sum"


@dataclass(frozen=True, eq=False)
class Panels:
    """A computation over many rows.

    Attributes
    ----------
    rows
        Number of coordinates.
    dealt
        Operands of which panels see some rows.
    whole
        Positions of the operands that every panel sees whole.
    stretches
        What is computed where.
    results
        What comes out.
    strips
        Into how many parts, of neighboring panels, the work is divided: each is summed by
        itself, and then all together.
    """

    rows: int
    dealt: tuple[Dealt, ...]
    whole: tuple[int, ...]
    stretches: tuple[Stretch, ...]
    results: tuple[Result, ...]
    strips: int

    @property
    def count(self) -> int:
        """Number of panels."""
        return sum(stretch.count for stretch in self.stretches)


def _evaluate(*operands: Any, plan: Panels, number: int) -> np.ndarray:
    wanted = plan.results[number]
    result: Any = None if wanted.axis is None else np.empty(wanted.shape, wanted.dtype)
    for stretch in plan.stretches:
        if number not in stretch.results:
            continue
        for panel in range(stretch.count):
            start = stretch.start + panel * stretch.size
            values = [
                _rows(operands[d.operand], d.axis, start + d.distance, stretch.size)
                for d in plan.dealt
            ]
            values += [operands[i] for i in plan.whole]
            part = run_step(stretch.step, values)[stretch.results.index(number)]
            if wanted.axis is not None:
                _rows(result, wanted.axis, start - wanted.start, stretch.size)[...] = part
            else:
                combine = TABLE[COMBINE[wanted.combine]].evaluate
                result = part if result is None else combine(result, part)
    return result


def _rows(array: np.ndarray, axis: int, start: int, size: int) -> np.ndarray:
    return array[(slice(None),) * axis + (slice(max(start, 0), max(start, 0) + size),)]


PANELS = Row(
    name="panels",
    evaluate=_evaluate,
    infer=lambda *operands, plan, number: (plan.results[number].shape, plan.results[number].dtype),
    derivative=Zero(),  # made after differentiation
    torch="",
    lower=Kernel("panels"),
    domain=Domain(((-3.0, 3.0),), (Case(((3,),)),)),
)
"""One result of a computation by panels; not in the op table, for no function records it."""


# Which rows of the operands a row of a result needs.

WHOLE = None
Need = tuple[int, int] | None
"""Axis of an operand, and how much further on its row lies; or all of the operand."""


def _needs(node: Node, axis: int) -> tuple[list[Need], bool] | None:
    """Return what the rows of a node need of each operand, and whether one of them is enough.

    One is enough where the rows of a result come from one operand or another.
    """
    rule = _RULES.get(node.op.name)
    if rule is not None:
        return rule(node, axis)
    if isinstance(node.op.lower, Elementwise):
        return [_aligned(node, operand, axis) for operand in node.operands], False
    if isinstance(node.op.lower, Reduction) or node.op.name in ("argmax", "argmin"):
        reduced = node.attributes["axis"]
        reduced = reduced if isinstance(reduced, tuple) else (reduced,)
        kept = [i for i in range(node.operands[0].ndim) if i not in reduced]
        return [(kept[axis], 0)], False
    return None


def _aligned(node: Node, operand: Node, axis: int) -> Need:
    position = axis - (node.ndim - operand.ndim)
    if position < 0 or (operand.shape[position] == 1 and node.shape[axis] != 1):
        return WHOLE
    return position, 0


def _needs_of_reshape(node: Node, axis: int) -> Any:
    (operand,) = node.operands
    before = int(np.prod(node.shape[:axis], dtype=int))
    for place, extent in enumerate(operand.shape):
        same = int(np.prod(operand.shape[:place], dtype=int)) == before
        if same and extent == node.shape[axis] and extent > 1:
            return [(place, 0)], False
    return None


def _needs_of_matmul(node: Node, axis: int) -> Any:
    a, b = node.operands
    if axis == node.ndim - 2:
        return [(a.ndim - 2, 0), WHOLE], False
    if axis == node.ndim - 1:
        return [WHOLE, (b.ndim - 1, 0)], False
    return [_aligned(node, operand, axis) for operand in node.operands], False


def _is_full(part: tuple[int, int, int], extent: int) -> bool:
    return part == (0, extent, 1)


def _needs_of_getitem(node: Node, axis: int) -> Any:
    first, _, step = node.attributes["slices"][axis]
    return ([(axis, first)], False) if step == 1 else None


def _needs_of_put(node: Node, axis: int) -> Any:
    """Return the needs of embed and setitem, whose last operand lies within the result."""
    slices = node.attributes["slices"]
    first, _, step = slices[axis]
    base: list[Need] = [(axis, 0)] * (len(node.operands) - 1)
    if _is_full(slices[axis], node.shape[axis]):
        return [*base, (axis, 0)], False
    others = [i for i in range(node.ndim) if i != axis]
    if step != 1 or not all(_is_full(slices[i], node.shape[i]) for i in others):
        return None
    return [*base, (axis, -first)], True


def _needs_of_concatenate(node: Node, axis: int) -> Any:
    if node.attributes["axis"] != axis:
        return [(axis, 0)] * len(node.operands), False
    needs, start = [], 0
    for operand in node.operands:
        needs.append((axis, -start))
        start += operand.shape[axis]
    return needs, True


def _needs_along_others(node: Node, axis: int) -> Any:
    return None if node.attributes["axis"] == axis else ([(axis, 0)], False)


_RULES: dict[str, Callable[[Node, int], Any]] = {
    "reshape": _needs_of_reshape,
    "transpose": lambda node, axis: ([(node.attributes["axes"][axis], 0)], False),
    "broadcast_to": lambda node, axis: ([_aligned(node, node.operands[0], axis)], False),
    "matmul": _needs_of_matmul,
    "getitem": _needs_of_getitem,
    "embed": _needs_of_put,
    "setitem": _needs_of_put,
    "concatenate": _needs_of_concatenate,
    "cumsum": _needs_along_others,
    "cumprod": _needs_along_others,
}


def _sums_over(node: Node) -> Iterator[tuple[str, list[Need]]]:
    """Yield the ways in which a node combines rows: how, and the rows' axis in the operands."""
    if isinstance(node.op.lower, Reduction) and node.op.name in COMBINE:
        for axis in node.attributes["axis"]:
            yield node.op.name, [(axis, 0)]
    elif node.op.name == "matmul":
        a, b = node.operands
        yield "sum", [(a.ndim - 1, 0), (b.ndim - 2, 0)]


def _with_rows(node: Node, axis: int, operands: Sequence[Node], rows: int) -> Node:
    """Return a node on so many rows."""
    attributes = dict(node.attributes)
    if "shape" in attributes:
        shape = attributes["shape"]
        attributes["shape"] = (*shape[:axis], rows, *shape[axis + 1 :])
    if "slices" in attributes:
        slices = attributes["slices"]
        attributes["slices"] = (*slices[:axis], (0, rows, 1), *slices[axis + 1 :])
    return make(node.op, operands, **attributes)


# Finding what is computed by rows.


@dataclass(frozen=True)
class _Mapped:
    """A node that is computed by rows: their axis, and the coordinate of the first."""

    axis: int
    start: int
    needs: tuple[Need, ...] = ()
    one_is_enough: bool = False


class _Analysis:
    """Which nodes are computed by rows, and in which round.

    Attributes
    ----------
    mapped
        For each node computed by rows, how; also arrays that can be dealt out.
    sums
        For each node that combines rows: how, and what of its operands.
    rounds
        Number of the pass over the data that computes a node.
    obstacles
        Nodes that see rows as a whole and keep what they compute from being cut out.
    """

    def __init__(self, nodes: Sequence[Node], rows: int, first: Sequence[Node]) -> None:
        self.rows = rows
        self._first = frozenset(order(first))
        self._after_first = 0
        self.mapped: dict[Node, _Mapped] = {}
        self.sums: dict[Node, tuple[str, list[Need]]] = {}
        self.rounds: dict[Node, int] = {}
        self.obstacles: list[Node] = []
        for node in nodes:
            self._look_at(node)

    def _look_at(self, node: Node) -> None:
        if not node.operands:
            axes = [axis for axis, extent in enumerate(node.shape) if extent == self.rows]
            if len(axes) == 1:
                self.mapped[node] = _Mapped(axes[0], 0)
            self.rounds[node] = 0
            return
        found = self._as_rows(node)
        combined = None if found else self._as_sum(node)
        self.rounds[node] = max(
            self.rounds[x] + (x in self.sums or self._is_whole_here(x, found, combined))
            for x in node.operands
        )
        if node in self._first:
            self._after_first = max(self._after_first, self.rounds[node] + 1)
        else:
            self.rounds[node] = max(self.rounds[node], self._after_first)
        if found:
            self.mapped[node] = found
        elif combined:
            self.sums[node] = combined
        elif any(x in self.mapped and not self.is_free(x) for x in node.operands):
            self.obstacles.append(node)

    def _is_whole_here(self, operand: Node, found: Any, combined: Any) -> bool:
        """Whether a node that sees its operands whole must wait for their rows."""
        is_rows = operand in self.mapped and not self.is_free(operand)
        return is_rows and not found and not combined

    def _fits(self, operand: Node, need: Need) -> bool:
        mapped = self.mapped.get(operand)
        if need is WHOLE:
            return mapped is None or self.is_free(operand)
        if mapped is None:
            return True  # an array in memory, of which rows can be dealt out
        return mapped.axis == need[0] or not operand.operands

    def _fitting(self, node: Node, needs: Sequence[Need]) -> tuple[Node, Need] | None:
        """Return an operand that says where the rows are, if all can be served."""
        pairs = list(zip(node.operands, needs, strict=True))
        if not all(self._fits(operand, need) for operand, need in pairs):
            return None
        for operand, need in pairs:
            mapped = self.mapped.get(operand)
            if mapped and need is not WHOLE and mapped.axis == need[0]:
                return operand, need
        return None

    def _as_rows(self, node: Node) -> _Mapped | None:
        for axis in range(node.ndim):
            found = _needs(node, axis)
            if found is None:
                continue
            needs, one_is_enough = found
            leader = self._fitting(node, needs)
            if leader is not None:
                start = self.mapped[leader[0]].start + leader[1][1]
                return _Mapped(axis, start, tuple(needs), one_is_enough)
        return None

    def _as_sum(self, node: Node) -> tuple[str, list[Need]] | None:
        for combine, needs in _sums_over(node):
            if self._fitting(node, needs) is not None:
                return combine, needs
        return None

    def start_of(self, node: Node) -> int:
        """Return the coordinate of a node's first row."""
        mapped = self.mapped.get(node)
        return mapped.start if mapped else 0

    def is_free(self, node: Node) -> bool:
        """Whether a node is an array in memory or a view of one."""
        while node.operands:
            if node.op.name not in ("transpose", "getitem", "reshape", "broadcast_to"):
                return False
            (node,) = node.operands
        return True


@dataclass(frozen=True)
class _Copy:
    """A node at a distance: its rows that lie so much further on."""

    node: Node
    distance: int


class _Round:
    """One pass over the data: what it is to compute, stretch by stretch."""

    def __init__(self, analysis: _Analysis, number: int, targets: Sequence[Node]) -> None:
        self.analysis, self.number, self.targets = analysis, number, targets
        self.operands: list[Node] = []
        self.dealt: dict[tuple[Node, int, int], Dealt] = {}
        self.whole: dict[Node, int] = {}
        self._copies: list[_Copy] = []
        self._collect()

    def _is_inside(self, node: Node) -> bool:
        analysis = self.analysis
        return (
            node in analysis.mapped
            and bool(node.operands)
            and analysis.rounds[node] == self.number
        )

    def _extent(self, copy: _Copy) -> tuple[int, int]:
        """Return the coordinates at which a copy has rows."""
        mapped = self.analysis.mapped[copy.node]
        first = mapped.start - copy.distance
        return first, first + copy.node.shape[mapped.axis]

    def _operands_of(self, copy: _Copy) -> list[tuple[Node, Need, int]]:
        """Return for each operand its need and its distance."""
        mapped = self.analysis.mapped[copy.node]
        return [
            (x, need, self._distance(x, need, mapped.start, copy.distance))
            for x, need in zip(copy.node.operands, mapped.needs, strict=True)
        ]

    def _distance(self, operand: Node, need: Need, start: int, distance: int) -> int:
        if need is WHOLE:
            return 0
        return self.analysis.start_of(operand) + need[1] - start + distance

    def _roots(self, target: Node) -> list[tuple[Node, Need, int]]:
        """Return what a sum over rows needs, with distances."""
        _, needs = self.analysis.sums[target]
        pairs = list(zip(target.operands, needs, strict=True))
        leader = self.analysis._fitting(target, needs)
        assert leader is not None
        start = self.analysis.start_of(leader[0])
        return [(x, need, self._distance(x, need, start, 0)) for x, need in pairs]

    def _sum_extent(self, target: Node) -> tuple[int, int]:
        _, needs = self.analysis.sums[target]
        leader = self.analysis._fitting(target, needs)
        assert leader is not None and leader[1] is not None
        start = self.analysis.start_of(leader[0])
        return start, start + leader[0].shape[leader[1][0]]

    def _collect(self) -> None:
        """List the copies of nodes that are needed, and the operands they come from."""
        seen: dict[_Copy, None] = {}
        stack: list[tuple[Node, Need, int]] = []
        for target in self.targets:
            if target in self.analysis.sums:
                stack += self._roots(target)
            else:
                stack.append((target, (self.analysis.mapped[target].axis, 0), 0))
        while stack:
            node, need, distance = stack.pop()
            if need is WHOLE:
                self._note_whole(node)
            elif not self._is_inside(node):
                self._note_dealt(node, need[0], distance)
            elif _Copy(node, distance) not in seen:
                seen[_Copy(node, distance)] = None
                stack += self._operands_of(_Copy(node, distance))
        self._copies = list(seen)

    def _note_whole(self, node: Node) -> None:
        if node.op.name != "constant" and node not in self.whole:
            self.whole[node] = len(self.operands)
            self.operands.append(node)

    def _note_dealt(self, node: Node, axis: int, distance: int) -> None:
        key = (node, axis, distance)
        if key not in self.dealt:
            first = distance - self.analysis.start_of(node)
            self.dealt[key] = Dealt(len(self.operands), axis, first)
            self.operands.append(node)

    def is_too_wide(self) -> bool:
        """Whether nodes would be computed at too many distances."""
        counts = Counter(copy.node for copy in self._copies)
        return any(number > _MOST_COPIES for number in counts.values())

    def row_bytes(self) -> tuple[int, int]:
        """Return the bytes of a row: what is read, and what is computed from it."""
        read = sum(_row_bytes(node, axis) for node, axis in {k[:2] for k in self.dealt})
        made = sum(
            _row_bytes(copy.node, self.analysis.mapped[copy.node].axis)
            for copy in self._copies
            if not self.analysis.is_free(copy.node)
        )
        return read, made

    def boundaries(self) -> list[int]:
        """Return the coordinates between which everything is there or not."""
        points: set[int] = set()
        for copy in self._copies:
            points.update(self._extent(copy))
        for target in self.targets:
            if target in self.analysis.sums:
                points.update(self._sum_extent(target))
        return sorted(points)

    def results(self) -> tuple[Result, ...]:
        """Return what comes out."""
        found = []
        for target in self.targets:
            if target in self.analysis.sums:
                combine, _ = self.analysis.sums[target]
                found.append(Result(target.shape, target.dtype, None, 0, combine))
            else:
                mapped = self.analysis.mapped[target]
                found.append(Result(target.shape, target.dtype, mapped.axis, mapped.start))
        return tuple(found)

    def step(self, start: int, size: int) -> tuple[Graph, tuple[int, ...]]:
        """Return what a panel of a size computes there, and which results it belongs to."""
        inputs: list[Node] = []
        known: dict[Any, Node] = {}
        for node, axis, distance in self.dealt:
            shape = (*node.shape[:axis], size, *node.shape[axis + 1 :])
            known[node, axis, distance] = step_input(len(inputs), shape, node.dtype)
            inputs.append(known[node, axis, distance])
        for node in self.whole:
            known[node] = step_input(len(inputs), node.shape, node.dtype)
            inputs.append(known[node])

        def value(node: Node, need: Need, distance: int) -> Node:
            if need is WHOLE:
                return known.get(node, node)
            if self._is_inside(node):
                return known[_Copy(node, distance)]
            return known[node, need[0], distance]

        for copy in self._in_order():
            first, end = self._extent(copy)
            if first <= start and start + size <= end:
                known[copy] = self._copied(copy, start, size, value)
        outputs, numbers = [], []
        for number, target in enumerate(self.targets):
            if target in self.analysis.sums:
                first, end = self._sum_extent(target)
                if first <= start and start + size <= end:
                    operands = [value(*root) for root in self._roots(target)]
                    outputs.append(make(target.op, operands, **target.attributes))
                    numbers.append(number)
            elif _Copy(target, 0) in known:
                outputs.append(known[_Copy(target, 0)])
                numbers.append(number)
        return Graph(tuple(inputs), tuple(outputs)), tuple(numbers)

    def _in_order(self) -> list[_Copy]:
        position = {node: i for i, node in enumerate(order([c.node for c in self._copies]))}
        return sorted(self._copies, key=lambda copy: position[copy.node])

    def _copied(
        self, copy: _Copy, start: int, size: int, value: Callable[[Node, Need, int], Node]
    ) -> Node:
        node, mapped = copy.node, self.analysis.mapped[copy.node]
        operands = self._operands_of(copy)
        if not mapped.one_is_enough:
            return _with_rows(node, mapped.axis, [value(*x) for x in operands], size)
        for operand, need, distance in reversed(operands):
            assert need is not None
            first = self.analysis.start_of(operand) - distance
            if first <= start and start + size <= first + operand.shape[need[0]]:
                return value(operand, need, distance)
        shape = (*node.shape[: mapped.axis], size, *node.shape[mapped.axis + 1 :])
        zero = constant_node(np.zeros((), node.dtype))
        return make(TABLE["broadcast_to"], (zero,), shape=shape)


def _row_bytes(node: Node, axis: int) -> int:
    return node.size // max(node.shape[axis], 1) * node.dtype.itemsize


# Putting panels in their place.


@dataclass(frozen=True)
class Report:
    """What was found, for people.

    Attributes
    ----------
    rows
        Extent of the data axis; 0 if there is none.
    inputs
        Arrays that have it.
    rounds
        The passes over the data.
    obstacles
        Nodes that see rows as a whole.
    reason
        Why nothing was cut out; empty if something was.
    """

    rows: int
    inputs: tuple[Node, ...]
    rounds: tuple[Panels, ...] = ()
    obstacles: tuple[Node, ...] = ()
    reason: str = ""


def with_panels(first: Sequence[Node], then: Sequence[Node] = ()) -> tuple[list[Node], Report]:
    """Return the same outputs, computed by panels of rows where that is worth it.

    Parameters
    ----------
    first, then
        Nodes of one graph; nothing that only the latter need is computed with the former.

    Returns
    -------
    outputs : list of Node
        With :data:`PANELS` nodes in the place of what is computed by rows.
    report : Report
        What was found.
    """
    outputs = [*first, *then]
    nodes = order(outputs)
    rows, inputs = _data_axis(nodes)
    if not rows:
        return outputs, Report(0, (), reason="no array is large")
    analysis = _Analysis(nodes, rows, first)
    rounds = _rounds(analysis, nodes, outputs)
    obstacles = tuple(analysis.obstacles)
    if not rounds:
        return outputs, Report(rows, inputs, (), obstacles, "nothing is computed by rows")
    plans = []
    for work in rounds:
        plan, reason = _planned(work)
        if plan is None:
            return outputs, Report(rows, inputs, (), obstacles, reason)
        plans.append(plan)
    new = _replaced(outputs, rounds, plans)
    return new, Report(rows, inputs, tuple(plans), obstacles)


def _data_axis(nodes: Sequence[Node]) -> tuple[int, tuple[Node, ...]]:
    """Return the extent that the most bytes of arrays share, and these arrays."""
    bytes_of: Counter[int] = Counter()
    leaves = [node for node in nodes if not node.operands]
    for node in leaves:
        for extent in set(node.shape):
            if extent >= 4 * _FEWEST_ROWS:
                bytes_of[extent] += node.size * node.dtype.itemsize
    if not bytes_of:
        return 0, ()
    rows, size = max(bytes_of.items(), key=lambda item: (item[1], item[0]))
    if size < _WORTH_IT:
        return 0, ()
    return rows, tuple(node for node in leaves if rows in node.shape)


def _rounds(analysis: _Analysis, nodes: Sequence[Node], outputs: Sequence[Node]) -> list[_Round]:
    """Return the passes over the data: sums over rows, and rows that others want to see."""
    wanted: dict[Node, None] = {}
    for node in outputs:
        wanted[node] = None
    for node in nodes:
        for operand in node.operands:
            is_row = node in analysis.mapped or node in analysis.sums
            if not is_row or analysis.rounds[operand] < analysis.rounds[node]:
                wanted[operand] = None
    by_round: dict[int, list[Node]] = {}
    for node in nodes:
        computed = node in analysis.mapped and not analysis.is_free(node) and node in wanted
        if node in analysis.sums or computed:
            by_round.setdefault(analysis.rounds[node], []).append(node)
    return [_Round(analysis, number, by_round[number]) for number in sorted(by_round)]


def _planned(work: _Round) -> tuple[Panels | None, str]:
    """Divide the coordinates into panels, or say why not."""
    if work.is_too_wide():
        return None, "rows are looked at from too many distances"
    points = work.boundaries()
    if len(points) - 1 > _MOST_STRETCHES:
        return None, "rows begin and end at too many places"
    results = work.results()
    read, made = work.row_bytes()
    kept = sum(
        int(np.prod(r.shape, dtype=int)) * r.dtype.itemsize for r in results if r.axis is None
    )
    rows = points[-1] - points[0]
    strips = min(_STRIPS, max(1, (read + made) * rows // (8 * max(kept, 1))))
    if strips < 4:
        return None, "the sums over rows are as large as the data"
    size = PANEL_BYTES // max(read + made // 4, 1)
    size = max(_FEWEST_ROWS, min(size - size % _FEWEST_ROWS, _MOST_ROWS))
    stretches = []
    for start, end in zip(points, points[1:], strict=False):
        for first, rows_each, count in _divided(start, end, size):
            step, numbers = work.step(first, rows_each)
            if numbers:
                stretches.append(Stretch(first, rows_each, count, step, numbers))
    dealt, whole = tuple(work.dealt.values()), tuple(work.whole.values())
    total = sum(stretch.count for stretch in stretches)
    return Panels(rows, dealt, whole, tuple(stretches), results, min(strips, total)), ""


def _divided(start: int, end: int, size: int) -> list[tuple[int, int, int]]:
    """Return (first coordinate, rows, number) of panels; all alike where that can be."""
    extent = end - start
    if extent <= size * 3 // 2:
        return [(start, extent, 1)]
    for rows in range(size, size // 2, -8):
        if extent % rows == 0:
            return [(start, rows, extent // rows)]
    count = extent // size
    return [(start, size, count), (start + count * size, extent - count * size, 1)]


def _replaced(
    outputs: Sequence[Node], rounds: Sequence[_Round], plans: Sequence[Panels]
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
        operands = [new[operand] for operand in needed]
        if node in place:
            _, plan, number = place[node]
            new[node] = make(PANELS, operands, plan=plan, number=number)
        elif list(node.operands) == operands:
            new[node] = node
        else:
            new[node] = make(node.op, operands, **node.attributes)
    return [new[node] for node in outputs]

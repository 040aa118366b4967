"""Machine code of a graph some of whose inputs are read in blocks of rows.

The graph is divided into panels of rows as in memory (``rewrite/panels``). Then each pass over the
data becomes code of its own (``strips.py``), and so does what is computed between two passes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from steepest.engines.native.programs.function import CompiledGraph, compile_undivided
from steepest.engines.native.programs.strips import StripCode, compile_strips, room_for
from steepest.engines.native.schedule.regions import REGISTER_LIMIT, is_view
from steepest.errors import UnsupportedError
from steepest.graph import Graph, Node, Source, make, order, substitute
from steepest.graph.source import at
from steepest.ops import input_node
from steepest.ops.linear_algebra.triangular import FIT_TRIANGLE, MORE_ROWS, is_tall, rows_of_block
from steepest.rewrite.panels import PANELS, Panels, Report, with_panels
from steepest.rewrite.panels.row_rules import needs_of

_LEVEL = 1 << 22


@dataclass(frozen=True)
class Reach:
    """The rows of an array that some coordinates need: from `low` to `high` beyond them."""

    low: int
    high: int

    def of(self, first: int, end: int, rows: int) -> tuple[int, int]:
        """Return the rows that the coordinates from one to another need."""
        low = min(max(0, first + self.low), rows)
        return low, max(low, min(rows, end + self.high))


@dataclass(frozen=True, eq=False)
class Triangle:
    """The triangular factor of rows that a pass computes, block by block as in memory.

    Attributes
    ----------
    node
        Its node.
    size
        Rows of a block.
    add, add_rest
        Return the factor with a block of rows beneath, and with the last, smaller block; None if
        there is none.
    """

    node: Node
    size: int
    add: CompiledGraph
    add_rest: CompiledGraph | None


@dataclass(frozen=True, eq=False)
class Pass:
    """A pass over the data.

    Attributes
    ----------
    code
        Its machine code.
    roots
        For each operand, the array that is in memory or is read in blocks, of which it is a view.
    reaches
        For each root of which rows are read, which ones.
    rows_of
        The number of rows of each of these roots.
    results
        The nodes of the results, by their numbers.
    triangles
        For each result whose rows are factored, by its number, the factor.
    """

    code: StripCode
    roots: tuple[Node, ...]
    reaches: Mapping[Node, Reach]
    rows_of: Mapping[Node, int]
    results: Mapping[int, Node]
    triangles: Mapping[int, Triangle]


@dataclass(frozen=True, eq=False)
class Between:
    """What is computed between two passes: nodes from other ones."""

    code: CompiledGraph
    given: tuple[Node, ...]
    computed: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class StreamedCode:
    """Machine code of a graph some of whose inputs are read in blocks.

    Attributes
    ----------
    inputs, outputs
        Of the graph.
    stages
        Passes, and what is computed between them, in order.
    axes
        For each output that has rows, which are computed when they are needed, their axis; else
        None.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    stages: tuple[Pass | Between, ...]
    axes: tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class _PlannedPass:
    """A pass that is not compiled yet; see :class:`Pass`.

    Attributes
    ----------
    plan
        Its panels.
    chains
        For each operand, the root and the views that lead from it to the operand.
    reaches, rows, results, triangles
        Those of the pass, and the axis of the rows of each root that has some.
    """

    plan: Panels
    chains: tuple[tuple[Node, ...], ...]
    reaches: Mapping[Node, Reach]
    rows: Mapping[Node, int]
    results: Mapping[int, Node]
    triangles: Mapping[int, Node]

    @property
    def span(self) -> int:
        """Rows beyond a block that are needed at most: whole panels, and those between reaches."""
        reaches = self.reaches.values()
        low = min([0, *(reach.low for reach in reaches)])
        high = max([0, *(reach.high for reach in reaches)])
        return high - low + 2 * max(segment.size for segment in self.plan.segments)

    def compile(self, room: int) -> Pass:
        """Return the pass with its machine code."""
        operands = [(chain, self.rows.get(chain[0])) for chain in self.chains]
        return Pass(
            compile_strips(self.plan, operands, room),
            tuple([chain[0] for chain in self.chains]),
            self.reaches,
            {root: root.shape[self.rows[root]] for root in self.reaches},
            self.results,
            {number: _triangle(node) for number, node in self.triangles.items()},
        )


@dataclass(frozen=True, eq=False)
class StreamedPlan:
    """A graph some of whose inputs are read in blocks, divided into passes.

    Attributes
    ----------
    inputs, outputs, axes
        See :class:`StreamedCode`.
    stages
        Passes that are not compiled yet, and what is computed between them, in order.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    stages: tuple[_PlannedPass | Between, ...]
    axes: tuple[int | None, ...]

    def compile(self, room: int) -> StreamedCode:
        """Return the machine code; `room` is that of all graphs whose rows it takes or gives."""
        stages = [s.compile(room) if isinstance(s, _PlannedPass) else s for s in self.stages]
        return StreamedCode(self.inputs, self.outputs, tuple(stages), self.axes)


def room_of(plans: Sequence[StreamedPlan]) -> int:
    """Return the rows for which memory for computed rows needs room, for all of some graphs."""
    stages = [stage for plan in plans for stage in plan.stages]
    return room_for([stage.span for stage in stages if isinstance(stage, _PlannedPass)])


def plan_streamed(graph: Graph, streamed: Mapping[Node, int], original: Graph) -> StreamedPlan:
    """Divide a graph some of whose inputs are read in blocks into passes.

    Parameters
    ----------
    graph
        The graph, without guards.
    streamed
        The inputs that have rows and are not in memory, and the axis of the rows of each.
    original
        The graph from which it was made, for messages.

    Raises
    ------
    UnsupportedError
        If it needs all rows of an input at once.
    """
    outputs, report = with_panels(graph.outputs, among=_numbers_of_rows(streamed))
    needs_rows = any(node in streamed for node in order(graph.outputs))
    if needs_rows and not report.rounds:
        refuse(original, streamed, report)
    writer = _Schedule(graph.inputs, streamed, original, report)
    stages = writer.stages(outputs)
    axes = [writer.rows.get(node) for node in outputs]
    if -1 in axes:
        refuse(original, streamed, report)
    return StreamedPlan(graph.inputs, tuple(outputs), stages, tuple(axes))


class _Schedule:
    """Divides a graph into passes and what is between them."""

    def __init__(
        self,
        inputs: Sequence[Node],
        streamed: Mapping[Node, int],
        original: Graph,
        report: Report,
    ) -> None:
        self._streamed, self._original, self._report = streamed, original, report
        self._known: set[Node] = set(inputs)
        self.rows: dict[Node, int] = dict(streamed)
        self._stages: list[_PlannedPass | Between] = []
        self._triangles: dict[Node, Node] = {}

    def stages(self, outputs: Sequence[Node]) -> tuple[_PlannedPass | Between, ...]:
        """Return passes, and what is between them, that compute the outputs."""
        nodes = order(outputs)
        self._find_rows(nodes)
        passes: dict[int, dict[int, Node]] = {}
        plans: dict[int, Panels] = {}
        for node in nodes:
            if node.op is PANELS:
                plan = node.attributes["plan"]
                plans[id(plan)] = plan
                passes.setdefault(id(plan), {})[node.attributes["number"]] = node
            elif self._is_triangle_of_rows(node):
                self._triangles[node.operands[0]] = node
        for key, results in passes.items():
            self._add_pass(plans[key], results)
        self._compute([node for node in outputs if node not in self.rows])
        return tuple(self._stages)

    def _find_rows(self, nodes: Sequence[Node]) -> None:
        for node in nodes:
            has_rows = any(operand in self.rows for operand in node.operands)
            if node.op is PANELS:
                axis = node.attributes["plan"].results[node.attributes["number"]].axis
                if axis is not None:
                    self.rows[node] = axis
            elif has_rows and is_view(node):
                self.rows[node] = -1  # that of what it shows
            elif has_rows and not self._is_triangle_of_rows(node):
                refuse(self._original, self._streamed, self._report)

    def _is_triangle_of_rows(self, node: Node) -> bool:
        if node.op is not FIT_TRIANGLE or not is_tall(node):
            return False
        return node.operands[0] in self.rows and node.operands[0].op is PANELS

    def _add_pass(self, plan: Panels, results: Mapping[int, Node]) -> None:
        operands = next(iter(results.values())).operands
        chains = [self._chain(operand) for operand in operands]
        self._compute([chain[0] for chain in chains if chain[0] not in self.rows])
        reaches: dict[Node, Reach] = {}
        step = plan.segments[0].step
        for sliced, node in zip(plan.sliced, step.inputs, strict=False):
            chain = chains[sliced.operand]
            if chain[0] not in self.rows:
                continue
            axis, offset = sliced.axis, sliced.distance
            for view in reversed(chain[1:]):
                axis, offset = self._through(view, axis, offset)
            if axis != self.rows[chain[0]]:
                self._refuse_columns()
            more = node.shape[sliced.axis] - plan.segments[0].size
            before = reaches.get(chain[0], Reach(offset, offset + more))
            reaches[chain[0]] = Reach(min(before.low, offset), max(before.high, offset + more))
        for place in plan.whole:
            if chains[place][0] in self.rows:
                refuse(self._original, self._streamed, self._report)
        found = {n: self._triangles[x] for n, x in results.items() if x in self._triangles}
        self._stages.append(
            _PlannedPass(plan, tuple(chains), reaches, dict(self.rows), dict(results), found)
        )
        self._known.update(results.values())
        self._known.update(found.values())

    def _through(self, view: Node, axis: int, offset: int) -> tuple[int, int]:
        """Return the axis and the offset of a view's rows in its operand."""
        found = needs_of(view, axis)
        if found is None or found[0][0] is None:
            refuse(self._original, self._streamed, self._report)
        further, start = found[0][0]
        return further, offset + start

    def _chain(self, node: Node) -> tuple[Node, ...]:
        """Return the array that is in memory, and the views that lead from it to a node."""
        chain = [node]
        while is_view(chain[0]) and (node in self.rows or node.size > REGISTER_LIMIT):
            chain.insert(0, chain[0].operands[0])
        return tuple(chain)

    def _refuse_columns(self) -> NoReturn:
        raise UnsupportedError(
            f"{_which(self._original, self._streamed)} cannot be read in blocks of rows: the loss "
            "needs all rows at once, since it goes through the data along another axis"
        )

    def _compute(self, wanted: Sequence[Node]) -> None:
        """Add a stage that computes nodes, unless they are known."""
        missing = [node for node in dict.fromkeys(wanted) if node not in self._known]
        if not missing:
            return
        nodes = order(missing, stop=self._known)
        given = tuple([node for node in nodes if node in self._known])
        inputs = [input_node(i, x.shape, x.dtype, _LEVEL) for i, x in enumerate(given)]
        outputs = substitute(missing, dict(zip(given, inputs, strict=True)))
        code = compile_undivided(Graph(tuple(inputs), tuple(outputs)))
        self._stages.append(Between(code, given, tuple(missing)))
        self._known.update(missing)


def _triangle(node: Node) -> Triangle:
    rows, columns = node.operands[0].shape
    size = rows_of_block(columns)
    add, add_rest = (
        _more_rows(node, number) if number else None for number in (size, rows % size)
    )
    assert add is not None
    return Triangle(node, size, add, add_rest)


def _more_rows(node: Node, rows: int) -> CompiledGraph:
    shapes = (node.shape, (rows, node.shape[1]))
    inputs = [input_node(i, shape, node.dtype, _LEVEL) for i, shape in enumerate(shapes)]
    return compile_undivided(Graph(tuple(inputs), (make(MORE_ROWS, inputs),)))


def _numbers_of_rows(streamed: Mapping[Node, int]) -> set[int]:
    return {node.shape[axis] for node, axis in streamed.items()}


def refuse(graph: Graph, streamed: Mapping[Node, int], report: Report) -> NoReturn:
    """Raise an error that says why a graph needs all rows of its inputs at once."""
    which = _which(graph, streamed)
    _, found = with_panels(graph.outputs, among=_numbers_of_rows(streamed))
    for node in (*found.obstacles, *report.obstacles):
        raise UnsupportedError(
            f"{which} cannot be read in blocks: {node.op.name}{at(_source(graph, node))} needs "
            "all rows at once. A loss that is a sum over rows can be computed in blocks; load "
            "the data, if they fit in memory, for any other"
        )
    reason = found.reason or report.reason or "an operation needs all rows at once"
    raise UnsupportedError(f"{which} cannot be read in blocks: {reason}")


def _which(graph: Graph, streamed: Collection[Node]) -> str:
    names = dict(zip(graph.inputs, graph.input_names, strict=True))
    return ", ".join(names[node] for node in graph.inputs if node in streamed)


def _source(graph: Graph, node: Node) -> Source | None:
    return graph.sources.get(node)


def without_guards(graph: Graph) -> Graph:
    """Return a graph that does not branch.

    Raises
    ------
    UnsupportedError
        If it does.
    """
    if graph.guards:
        lines = [guard.source for guard in graph.guards if guard.source is not None]
        raise UnsupportedError(
            f"the loss branches on a value{at(lines[0] if lines else None)}, which is not "
            "possible where data are read in blocks: write np.where(condition, a, b)"
        )
    return graph

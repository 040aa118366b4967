"""A graph some of whose inputs are read in blocks of rows, divided but not compiled yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from steepest.engines.native.programs.function import CompiledGraph, compile_undivided
from steepest.engines.native.programs.streamed import (
    Between,
    Gate,
    Loop,
    Pass,
    Reach,
    StreamedCode,
    Triangle,
)
from steepest.engines.native.programs.strips import compile_strips, room_for
from steepest.graph import Graph, Node, make
from steepest.ops import input_node
from steepest.ops.linear_algebra.triangular import FIT_TRIANGLE, MORE_ROWS, is_tall, rows_of_block
from steepest.rewrite.panels import Panels

_LEVEL = 1 << 22


@dataclass(frozen=True, eq=False)
class PlannedPass:
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
class PlannedLoop:
    """A loop whose steps are not compiled yet; see :class:`Loop`."""

    node: Node
    carried: int
    around: Mapping[Node, Node]
    steps: Mapping[str, StreamedPlan]

    def compile(self, room: int) -> Loop:
        """Return the loop with the machine code of its steps."""
        steps = {name: step.compile(room) for name, step in self.steps.items()}
        return Loop(self.node, self.carried, self.around, steps)


PlannedStage = PlannedPass | PlannedLoop | Between | Gate


@dataclass(frozen=True, eq=False)
class StreamedPlan:
    """A graph some of whose inputs are read in blocks, divided into passes.

    Attributes
    ----------
    inputs, outputs, axes
        See :class:`StreamedCode`.
    stages
        Passes and loops that are not compiled yet, and what is computed between them, in order.
    """

    inputs: tuple[Node, ...]
    outputs: tuple[Node, ...]
    stages: tuple[PlannedStage, ...]
    axes: tuple[int | None, ...]

    def compile(self, room: int) -> StreamedCode:
        """Return the machine code; `room` is that of all graphs whose rows it takes or gives."""
        stages = [s if isinstance(s, Between | Gate) else s.compile(room) for s in self.stages]
        return StreamedCode(self.inputs, self.outputs, tuple(stages), self.axes)

    def passes(self) -> Iterator[PlannedPass]:
        """Yield the passes, also those of loops."""
        for stage in self.stages:
            if isinstance(stage, PlannedPass):
                yield stage
            elif isinstance(stage, PlannedLoop):
                for step in stage.steps.values():
                    yield from step.passes()


def room_of(plans: Sequence[StreamedPlan]) -> int:
    """Return the rows for which memory for computed rows needs room, for all of some graphs."""
    return room_for([work.span for plan in plans for work in plan.passes()])


def _triangle(node: Node) -> Triangle:
    rows, columns = node.operands[0].shape
    if not is_tall(node):  # in memory, all rows are factored at once
        return Triangle(node, rows, _more_rows(node, rows), None)
    size = rows_of_block(columns)
    rest = rows % size
    return Triangle(node, size, _more_rows(node, size), _more_rows(node, rest) if rest else None)


def _more_rows(node: Node, rows: int) -> CompiledGraph:
    shapes = (node.shape, (rows, node.shape[1]))
    inputs = [input_node(i, shape, node.dtype, _LEVEL) for i, shape in enumerate(shapes)]
    factor = make(MORE_ROWS, inputs) if is_tall(node) else make(FIT_TRIANGLE, inputs[1:])
    return compile_undivided(Graph(tuple(inputs), (factor,)))

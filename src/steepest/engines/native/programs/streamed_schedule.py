"""Divide a graph some of whose inputs are read in blocks of rows into passes over the data.

The graph is divided into panels of rows as in memory (``rewrite/panels``). The steps of a loop
that reads rows are divided in the same way.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from steepest.engines.native.programs.function import compile_undivided
from steepest.engines.native.programs.streamed import Between, Gate, Reach
from steepest.engines.native.programs.streamed_plan import (
    PlannedLoop,
    PlannedPass,
    PlannedStage,
    StreamedPlan,
)
from steepest.engines.native.schedule.regions import REGISTER_LIMIT, is_view
from steepest.engines.program import Iteration
from steepest.errors import UnsupportedError
from steepest.graph import Graph, Node, order, substitute, trees
from steepest.graph.source import at
from steepest.ops import CONSTANT, constant_value, input_node
from steepest.ops.linear_algebra.triangular import FIT_TRIANGLE
from steepest.rewrite.panels import PANELS, Panels, Report, with_panels
from steepest.rewrite.panels.loops import around_of, is_loop, steps_of
from steepest.rewrite.panels.row_rules import needs_of

_LEVEL, _CUT = 1 << 22, 1 << 23


@dataclass(frozen=True)
class _Whole:
    """What a graph is a part of.

    Attributes
    ----------
    graph, streamed
        The user's graph and its inputs with rows, for messages.
    levels
        Tell the inputs of different loops apart.
    """

    graph: Graph
    streamed: Mapping[Node, int]
    levels: Iterator[int]

    def refuse(self, report: Report) -> NoReturn:
        """Raise an error that says why the graph needs all rows of its inputs at once."""
        _, found = with_panels(self.graph.outputs, among=_numbers_of_rows(self.streamed))
        for node in (*found.obstacles, *report.obstacles):
            if not is_loop(node):  # of which a step is at fault
                self.refuse_node(node)
        reason = found.reason or report.reason or "an operation needs all rows at once"
        raise UnsupportedError(f"{self.names} cannot be read in blocks: {reason}")

    def refuse_node(self, node: Node) -> NoReturn:
        """Raise an error that names a node which needs all rows at once."""
        sources = self.graph.sources
        if node not in sources:  # it was made of another one
            node = next((x for x in sources if x.op is node.op), node)
        what = "the Jacobian of the fit" if node.op is FIT_TRIANGLE else node.op.name
        raise UnsupportedError(
            f"{self.names} cannot be read in blocks: {what}"
            f"{at(sources.get(node))} needs "
            "all rows at once. A loss that is a sum over rows can be computed in blocks; load "
            "the data, if they fit in memory, for any other"
        )

    def refuse_columns(self) -> NoReturn:
        """Raise an error for a pass along another axis."""
        raise UnsupportedError(
            f"{self.names} cannot be read in blocks of rows: the loss "
            "needs all rows at once, since it goes through the data along another axis"
        )

    @property
    def names(self) -> str:
        """The names of the inputs with rows."""
        names = dict(zip(self.graph.inputs, self.graph.input_names, strict=True))
        return ", ".join(names[node] for node in self.graph.inputs if node in self.streamed)


def levels_of_loops() -> Iterator[int]:
    """Return what tells the inputs of loops apart, in graphs that share rows."""
    return itertools.count(1 << 24)


def plan_streamed(
    graph: Graph, streamed: Mapping[Node, int], original: Graph, levels: Iterator[int]
) -> StreamedPlan:
    """Divide a graph some of whose inputs are read in blocks into passes.

    Parameters
    ----------
    graph
        The graph, without guards.
    streamed
        The inputs that have rows and are not in memory, and the axis of the rows of each.
    original
        The graph from which it was made, for messages.
    levels
        Of :func:`levels_of_loops`.

    Raises
    ------
    UnsupportedError
        If it needs all rows of an input at once.
    """
    return _planned(graph, streamed, _Whole(original, streamed, levels))


def _planned(graph: Graph, streamed: Mapping[Node, int], whole: _Whole) -> StreamedPlan:
    outputs, report = with_panels(graph.outputs, among=_numbers_of_rows(streamed))
    writer = _Schedule(graph.inputs, outputs, streamed, whole, report)
    writer.add(outputs)
    writer.compute([node for node in outputs if node not in writer.rows])
    axes = [writer.rows.get(node) for node in outputs]
    if -1 in axes:
        whole.refuse(report)
    return StreamedPlan(graph.inputs, tuple(outputs), tuple(writer.stages), tuple(axes))


def plan_iteration(
    it: Iteration, streamed: Mapping[Node, int], original: Graph, levels: Iterator[int]
) -> tuple[StreamedPlan, Iteration]:
    """Cut an iteration where rows end: into an evaluation, and the rest as a step.

    Parameters
    ----------
    it, streamed, original, levels
        The iteration, and what :func:`plan_streamed` is given.

    Returns
    -------
    evaluation : StreamedPlan
        Computes the data of the step. It ends early where the step will not make an update.
    step : Iteration
        The step.
    """
    whole, then = _Whole(original, streamed, levels), (it.next_x, *it.next_state)
    outputs, report = with_panels(it.at_x, then, among=_numbers_of_rows(streamed))
    divided = it.with_outputs(outputs)
    writer = _Schedule(it.inputs, outputs, streamed, whole, report)
    if any(node in writer.rows for node in outputs):
        whole.refuse(report)
    gate = Gate(_certain_end(divided.stop), divided.finite)
    writer.add([*trees.leaves(divided.computed.at_point), *divided.report, gate.stop])
    writer.compute([divided.gradient, *gate])
    writer.stages.append(gate)
    writer.add(outputs)
    varying = {it.x, it.count, *it.state}
    nodes = order(outputs, stop=writer.known)
    given = [node for node in nodes if node in writer.known and node not in varying]
    data = tuple([input_node(i, x.shape, x.dtype, _CUT) for i, x in enumerate(given)])
    rest = substitute(outputs, dict(zip(given, data, strict=True)))
    step = replace(divided.with_outputs(rest), data=data)
    evaluation = StreamedPlan(it.inputs, tuple(given), tuple(writer.stages), (None,) * len(given))
    return evaluation, step


def _certain_end(stop: Node) -> Node:
    """Return what, if it is not 0, says alone that a run stops; a failure may need more passes."""
    if stop.op.name == "where":
        condition, reason, _ = stop.operands
        if reason.op is CONSTANT and np.all(constant_value(reason)):
            return condition
    return stop


class _Schedule:
    """Divides a graph into passes, loops of passes, and what is between them.

    Attributes
    ----------
    rows
        The nodes that have rows, and their axis; -1 for a view, which has that of what it shows.
    stages
        What is computed so far.
    known
        The inputs, and the nodes that the stages compute.
    """

    def __init__(
        self,
        inputs: Sequence[Node],
        outputs: Sequence[Node],
        streamed: Mapping[Node, int],
        whole: _Whole,
        report: Report,
    ) -> None:
        self._whole, self._report = whole, report
        self.rows: dict[Node, int] = dict(streamed)
        self.stages: list[PlannedStage] = []
        self.known: set[Node] = set(inputs)
        self._triangles: dict[Node, Node] = {}
        self._results: dict[int, dict[int, Node]] = {}
        self._seen: set[Node] = set()
        for node in order(outputs):
            self._note(node)

    def _note(self, node: Node) -> None:
        has_rows = any(operand in self.rows for operand in node.operands)
        if node.op is PANELS:
            plan, number = node.attributes["plan"], node.attributes["number"]
            self._results.setdefault(id(plan), {})[number] = node
            axis = plan.results[number].axis
            if axis is not None:
                self.rows[node] = axis
        elif has_rows and is_view(node):
            self.rows[node] = -1
        elif has_rows and self._is_triangle_of_rows(node):
            self._triangles[node.operands[0]] = node
        elif has_rows and not is_loop(node):
            self._whole.refuse(self._report)

    def _is_triangle_of_rows(self, node: Node) -> bool:
        is_made_here = node.operands[0] in self.rows and node.operands[0].op is PANELS
        return node.op is FIT_TRIANGLE and is_made_here

    def add(self, outputs: Sequence[Node]) -> None:
        """Add the passes and loops that some nodes need."""
        for node in order(outputs, stop=self._seen):
            if node in self._seen:
                continue
            self._seen.add(node)
            if node.op is PANELS and node not in self.known:
                plan = node.attributes["plan"]
                self._add_pass(plan, self._results[id(plan)])
            elif is_loop(node) and any(operand in self.rows for operand in node.operands):
                self._add_loop(node)

    def _add_pass(self, plan: Panels, results: Mapping[int, Node]) -> None:
        operands = next(iter(results.values())).operands
        chains = [self._chain(operand) for operand in operands]
        self.compute([chain[0] for chain in chains if chain[0] not in self.rows])
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
                self._whole.refuse_columns()
            more = node.shape[sliced.axis] - plan.segments[0].size
            before = reaches.get(chain[0], Reach(offset, offset + more))
            reaches[chain[0]] = Reach(min(before.low, offset), max(before.high, offset + more))
        for place in plan.whole:
            if chains[place][0] in self.rows:
                self._whole.refuse(self._report)
        found = {n: self._triangles[x] for n, x in results.items() if x in self._triangles}
        self.stages.append(
            PlannedPass(plan, tuple(chains), reaches, dict(self.rows), dict(results), found)
        )
        self.known.update(results.values())
        self.known.update(found.values())

    def _add_loop(self, node: Node) -> None:
        """Add a loop; the arrays with rows that its steps read are no views."""
        carried = len(node.operands) - len(around_of(node))
        if any(operand in self.rows for operand in node.operands[:carried]):
            self._whole.refuse_node(node)
        self.compute([operand for operand in node.operands if operand not in self.rows])
        steps, around = {}, dict[Node, Node]()
        level = next(self._whole.levels)
        for name, step in steps_of(node).items():
            given = [input_node(i, x.shape, x.dtype, level) for i, x in enumerate(step.inputs)]
            outputs = substitute(step.outputs, dict(zip(step.inputs, given, strict=True)))
            around.update(zip(given[carried:], around_of(node), strict=True))
            axes = {i: self.rows[x] for i, x in around.items() if x in self.rows}
            steps[name] = _planned(Graph(tuple(given), tuple(outputs)), axes, self._whole)
            if any(axis is not None for axis in steps[name].axes):
                self._whole.refuse_node(node)
        self.stages.append(PlannedLoop(node, carried, around, steps))
        self.known.add(node)

    def _through(self, view: Node, axis: int, offset: int) -> tuple[int, int]:
        """Return the axis and the offset of a view's rows in its operand."""
        found = needs_of(view, axis)
        if found is None or found[0][0] is None:
            self._whole.refuse(self._report)
        further, start = found[0][0]
        return further, offset + start

    def _chain(self, node: Node) -> tuple[Node, ...]:
        """Return the array that is in memory, and the views that lead from it to a node."""
        chain = [node]
        while is_view(chain[0]) and (node in self.rows or node.size > REGISTER_LIMIT):
            chain.insert(0, chain[0].operands[0])
        return tuple(chain)

    def compute(self, wanted: Sequence[Node]) -> None:
        """Add a stage that computes nodes, unless they are known."""
        missing = [node for node in dict.fromkeys(wanted) if node not in self.known]
        if not missing:
            return
        nodes = order(missing, stop=self.known)
        given = tuple([node for node in nodes if node in self.known])
        inputs = [input_node(i, x.shape, x.dtype, _LEVEL) for i, x in enumerate(given)]
        outputs = substitute(missing, dict(zip(given, inputs, strict=True)))
        code = compile_undivided(Graph(tuple(inputs), tuple(outputs)))
        self.stages.append(Between(code, given, tuple(missing)))
        self.known.update(missing)


def _numbers_of_rows(streamed: Mapping[Node, int]) -> set[int]:
    return {node.shape[axis] for node, axis in streamed.items()}


def check_guards(graph: Graph, streamed: Collection[Node]) -> None:
    """Raise if a graph branches on what is read in blocks.

    Raises
    ------
    UnsupportedError
        If it does.
    """
    for guard in graph.guards:
        if any(node in streamed for node in order([guard.condition])):
            raise UnsupportedError(
                f"the loss branches on a value of the data{at(guard.source)}, which is not "
                "possible where they are read in blocks: write np.where(condition, a, b)"
            )

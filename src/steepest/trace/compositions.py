"""What is composed of a recorded function: recorded once, however often it recurs.

A quadrature records some hundred operations, whatever the integrand. A loop in Python may call it
with one integrand hundreds of times, each time with other outer values. Such a composition is
therefore recorded on inputs of its own. In the graph it is one node, a loop of a single step,
until repetition has become loops (``trace.rerolling``). Then its operations take the node's place.

What a composition expects (that an integral is accurate, say) becomes a guard.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, Source, make, rebuild, substitute, trees, with_operands
from steepest.ops import SCAN, TABLE, constant_node
from steepest.ops.arrays.loops import step_input
from steepest.ops.arrays.slices import Slice
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.recording.session import current, open_session
from steepest.trace.rerolling.build import EXACT, joined, split

_NOTHING = constant_node(np.zeros(0))
_ONE_ROW = constant_node(np.zeros((1, 0)))


@dataclass(frozen=True)
class _Composition:
    """What was composed, as a step.

    Attributes
    ----------
    step
        Its inputs are nothing, nothing, and the outer values. It yields the results, and whether
        all is as expected.
    leaves, structure
        The nested results, as they were recorded first.
    has_condition
        Whether anything is expected.
    """

    step: Graph
    leaves: tuple[TracedArray, ...]
    structure: Any
    has_condition: bool


def composed(
    key: Any, compose: Callable[..., Any], graph: Graph, outer: Sequence[TracedArray]
) -> Any:
    """Return what is composed of a recorded function.

    Parameters
    ----------
    key
        What the composition depends on, other than the function.
    compose
        Function of outer values that returns nested arrays. It uses no others.
    graph
        The recorded function.
    outer
        The outer values that it uses.
    """
    session = current()
    if session.is_step or session.root.forks:  # its values are not at hand, or not certain
        return compose(outer)
    known = session.compositions
    whole_key = (key, graph, session.source())
    if whole_key not in known:
        known[whole_key] = _recorded(compose, outer)
    found: _Composition | None = known[whole_key]
    if found is None:
        return compose(outer)
    node = session.record(SCAN, [_NOTHING, _ONE_ROW, *(x.node for x in outer)], step=found.step)
    examples = [leaf.node for leaf in found.leaves]
    truth = constant_node(np.array(True))
    *parts, holds = split(node, [*examples, truth])
    if found.has_condition:
        if not session.defers and not session.value(holds):
            return compose(outer)
        before = len(session.guards)
        session.add_guard(holds, np.array(True), session.source())
        session.demands.update([guard.condition for guard in session.guards[before:]])
    leaves = [
        TracedArray(part, session, leaf.weak, leaf.is_scalar)
        for part, leaf in zip(parts, found.leaves, strict=True)
    ]
    return trees.unflatten(found.structure, leaves)


def _recorded(compose: Callable[..., Any], outer: Sequence[TracedArray]) -> _Composition | None:
    """Return a composition; None if it branches, or if its results are no numbers of float64."""
    around = current()
    with open_session() as session:
        inputs = [
            session.add_input(x.shape, x.dtype, "", functools.partial(around.value, x.node))
            for x in outer
        ]
        arrays = [TracedArray(node, session, is_scalar=False) for node in inputs]
        leaves, structure = trees.flatten(compose(arrays))
        results = tuple(map(as_traced, leaves))
        guards = session.guards
        if not all(guard.condition in session.demands for guard in guards):
            return None
        conditions = [guard.condition for guard in guards] or [constant_node(np.array(True))]
        every = session.record(TABLE["pack"], conditions, shape=(len(conditions),))
        holds = session.record(TABLE["all"], [every], axis=(0,))
    nodes = [*(leaf.node for leaf in results), holds]
    if not {node.dtype for node in nodes} <= EXACT:
        return None
    own = [step_input(2 + i, node.shape, node.dtype) for i, node in enumerate(inputs)]
    replaced = dict(zip(inputs, own, strict=True))
    (yielded,) = substitute([joined(nodes)], replaced, session.sources)
    before, row = (step_input(i, (0,), np.dtype(np.float64)) for i in range(2))
    step = Graph((before, row, *own), (before, yielded))
    return _Composition(step, results, structure, bool(guards))


def is_composition(node: Node) -> bool:
    """Whether a node stands for the operations of a composition."""
    return node.op is SCAN and node.operands[:2] == (_NOTHING, _ONE_ROW)


def inlined(outputs: Sequence[Node], sources: MutableMapping[Node, Source]) -> list[Node]:
    """Return outputs with operations in place of compositions, in loops as well."""
    known: dict[Graph, Graph] = {}
    pieces: dict[Node, dict[Slice, Node]] = {}

    def inside(graph: Graph) -> Graph:
        if graph not in known:
            known[graph] = graph
            new = tuple(rebuild(graph.outputs, visit, sources))
            if new != graph.outputs:
                known[graph] = Graph(graph.inputs, new)
        return known[graph]

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        node = with_operands(node, new)
        if is_composition(node):
            step = inside(node.attributes["step"])
            (yielded,) = substitute(
                step.outputs[1:], dict(zip(step.inputs, node.operands, strict=True)), sources
            )
            pieces[yielded] = dict(_pieces(yielded))
            return yielded
        if node.op.name == "getitem" and node.operands[0] in pieces:
            return pieces[node.operands[0]].get(node.attributes["slices"][0], node)
        graphs = {k: inside(x) for k, x in node.attributes.items() if type(x) is Graph}
        if any(graph is not node.attributes[k] for k, graph in graphs.items()):
            return make(node.op, node.operands, **{**node.attributes, **graphs})
        return node

    return rebuild(outputs, visit, sources)


def _pieces(vector: Node) -> Iterator[tuple[Slice, Node]]:
    """Yield the vectors that a vector is put together of, and where they lie."""
    parts = vector.operands if vector.op.name == "concatenate" else (vector,)
    start = 0
    for part in parts:
        yield (start, part.size, 1), part
        start += part.size

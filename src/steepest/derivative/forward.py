"""Forward mode: tangents of inputs pushed forward to outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from steepest.derivative.reverse import depends_on
from steepest.derivative.support import scale
from steepest.graph import Node, order
from steepest.ops import JointLinear, Linear, Partials, Rule, is_zero
from steepest.ops.sides import Sides, sides_of
from steepest.trace import TracedArray, as_traced, current, record


def push_forward(
    outputs: Sequence[Node], tangents: Mapping[Node, TracedArray]
) -> list[TracedArray | None]:
    """Return the tangent of each output; None where it depends on no variable.

    Parameters
    ----------
    outputs
        Nodes to differentiate.
    tangents
        The tangent of each variable.
    """
    session = current()
    variables = list(tangents)
    active = depends_on(outputs, variables)
    known: dict[Node, Any] = dict(tangents)
    nodes = order(outputs, stop=tangents)
    sides = sides_of(outputs, nodes)
    for node in nodes:
        if node in active and node not in known:
            with session.at(session.sources.get(node)):
                tangent = output_tangent(node, known, sides)
                known[node] = np.broadcast_to(tangent, node.shape)
    return [known.get(output) for output in outputs]


def output_tangent(node: Node, known: Mapping[Node, TracedArray], sides: Sides) -> TracedArray:
    """Return the tangent of a node from those of its operands (no entry means zero)."""
    session = current()
    operands = [TracedArray(sides.value(operand), session) for operand in node.operands]
    output = TracedArray(sides.value(node), session)
    given = {
        i: known[operand]
        for i, operand in enumerate(node.operands)
        if operand in known and not is_zero(known[operand].node)
    }

    def tangent_or_zero(i: int) -> TracedArray:
        return given[i] if i in given else as_traced(np.zeros_like(operands[i]))

    match sides.rule(node):
        case Partials(of=partials):
            terms = [
                scale(partial(output, *operands), given[i])
                for i, partial in enumerate(partials)
                if i in given and partial is not None
            ]
        case Linear(transposes=transposes, joint=True):
            mixed = [tangent_or_zero(i) if i in transposes else x for i, x in enumerate(operands)]
            terms = [record(node.op, *mixed, **node.attributes)]
        case Linear(transposes=transposes):
            terms = [
                record(
                    node.op,
                    *(given[i] if j == i else x for j, x in enumerate(operands)),
                    **node.attributes,
                )
                for i in transposes
                if i in given
            ]
        case JointLinear():
            mixed = [tangent_or_zero(i) for i in range(len(operands))]
            terms = [record(node.op, *mixed, **node.attributes)]
        case Rule(pushforward=pushforward):
            mixed = [tangent_or_zero(i) for i in range(len(operands))]
            terms = [pushforward(mixed, output, *operands, **node.attributes)]
        case _:
            raise AssertionError(f"no derivative for {node}")
    total: TracedArray = terms[0] if terms else as_traced(np.zeros_like(output))
    for term in terms[1:]:
        total = total + term
    return total

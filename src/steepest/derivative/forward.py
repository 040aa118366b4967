"""Forward mode: tangents of inputs pushed forward to outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from steepest.derivative.reverse import depends_on
from steepest.derivative.support import scale
from steepest.graph import Node, order
from steepest.ops import JointLinear, Linear, Partials, Rule, is_zero
from steepest.ops.sides import Sides, sides_of
from steepest.trace import TracedArray, as_traced, current, record

Push = Callable[[Sequence[TracedArray]], list[TracedArray | None]]
"""A function of the variables' tangents that returns those of the outputs."""


def push_forward(
    outputs: Sequence[Node], tangents: Mapping[Node, TracedArray]
) -> list[TracedArray | None]:
    """Return the tangent of each output; None where it is zero whatever the variables.

    Parameters
    ----------
    outputs
        Nodes to differentiate.
    tangents
        The tangent of each variable.
    """
    return pushed_by(outputs, list(tangents))(list(tangents.values()))


def pushed_by(outputs: Sequence[Node], variables: Sequence[Node]) -> Push:
    """Return the function that pushes tangents of the variables forward to the outputs."""
    session = current()
    active = depends_on(outputs, variables).difference(variables)
    nodes = order(outputs, stop=frozenset(variables))
    sides = sides_of(outputs, nodes, active)
    nodes = [node for node in nodes if node in active]

    def push(tangents: Sequence[TracedArray]) -> list[TracedArray | None]:
        known: dict[Node, Any] = dict(zip(variables, tangents, strict=True))
        for node in nodes:
            if not any([operand in known for operand in node.operands]):
                continue
            with session.at(session.sources.get(node)):
                tangent: Any = output_tangent(node, known, sides)
                if tangent.shape != node.shape:
                    tangent = np.broadcast_to(tangent, node.shape)
            if not is_zero(tangent.node):
                known[node] = tangent
        return [known.get(output) for output in outputs]

    return push


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

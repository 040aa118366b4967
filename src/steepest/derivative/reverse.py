"""Reverse mode: cotangents of outputs pulled back to inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.derivative.support import scale
from steepest.graph import Node, Shape, order
from steepest.ops import JointLinear, Linear, Partials, Rule, Zero, is_zero
from steepest.ops.arrays.gather import add_at
from steepest.ops.arrays.shaping import pack
from steepest.ops.sides import Sides, sides_of
from steepest.trace import TracedArray, as_traced, current, node_of, open_session


def depends_on(outputs: Sequence[Node], variables: Sequence[Node]) -> set[Node]:
    """Return the real nodes between variables and outputs, both included."""
    active = set(variables)
    for node in order(outputs, stop=frozenset(variables)):
        if node.dtype.kind == "f" and not isinstance(node.op.derivative, Zero):
            if not active.isdisjoint(node.operands):
                active.add(node)
    return active


def unbroadcast(cotangent: Any, shape: Shape) -> Any:
    """Sum a cotangent over the axes along which an operand was broadcast."""
    if cotangent.shape == shape:
        return cotangent
    missing = cotangent.ndim - len(shape)
    stretched = tuple(
        i
        for i, extent in enumerate(cotangent.shape)
        if i < missing or (shape[i - missing] == 1 and extent != 1)
    )
    return np.reshape(np.sum(cotangent, axis=stretched), shape)


def pull_back(
    outputs: Sequence[Node],
    cotangents: Sequence[TracedArray],
    variables: Sequence[Node],
) -> list[TracedArray | None]:
    """Return the cotangent of each variable; None where no output depends on it.

    Parameters
    ----------
    outputs
        Nodes to differentiate.
    cotangents
        One for each output, of its shape.
    variables
        Nodes to differentiate with respect to.

    Notes
    -----
    Records in the current session; each new node keeps the line of the primal node that
    it comes from. Broadcasting is undone here, once, for every rule.
    """
    total = all_cotangents(outputs, cotangents, variables)
    return [total.get(variable) for variable in variables]


def all_cotangents(
    outputs: Sequence[Node],
    cotangents: Sequence[TracedArray],
    variables: Sequence[Node],
) -> dict[Node, TracedArray]:
    """Return the cotangent of every node between the variables and the outputs."""
    session = current()
    active = depends_on(outputs, variables)
    total: dict[Node, Any] = {}
    elements: dict[Node, dict[int, Any]] = {}

    def add(node: Node, cotangent: TracedArray) -> None:
        cotangent = unbroadcast(cotangent, node.shape)
        total[node] = total[node] + cotangent if node in total else cotangent

    def add_element(node: Node, position: int, cotangent: Any) -> None:
        known = elements.setdefault(node, {})
        known[position] = known[position] + cotangent if position in known else cotangent

    def collect(node: Node) -> None:
        if node in elements:
            add(node, _assembled(node, elements.pop(node)))

    for output, cotangent in zip(outputs, cotangents, strict=True):
        if output in active:
            add(output, cotangent)
    nodes = order(outputs, stop=frozenset(variables))
    sides = sides_of(outputs, nodes, active.difference(variables))
    for node in reversed(nodes):
        collect(node)
        if node not in total or node not in active or node in variables:
            continue
        if is_zero(total[node].node):
            continue
        with session.at(session.sources.get(node)):
            if node.op.name == "getitem" and node.size == 1:
                (operand,) = node.operands
                first = tuple(part[0] for part in node.attributes["slices"])
                position = int(np.ravel_multi_index(first, operand.shape)) if first else 0
                add_element(operand, position, np.reshape(total[node], ()))
                continue
            wanted = [i for i, operand in enumerate(node.operands) if operand in active]
            for i, cotangent in operand_cotangents(node, total[node], wanted, sides):
                add(node.operands[i], cotangent)
    for variable in variables:
        collect(variable)
    return total


def _assembled(node: Node, elements: dict[int, Any]) -> TracedArray:
    """Return the cotangent of an array from those of single elements.

    A Python loop over elements gives each its own cotangent. One node collects them.
    """
    positions = sorted(elements)
    if 4 * len(positions) < node.size:
        values = pack(*(elements[i] for i in positions), shape=(len(positions),))
        indices = np.unravel_index(positions, node.shape)
        assembled: TracedArray = add_at(values, *indices, shape=node.shape)
        return assembled
    zero = as_traced(np.zeros((), node.dtype))
    assembled = pack(*(elements.get(i, zero) for i in range(node.size)), shape=node.shape)
    return assembled


def node_gradients(loss: Node, variables: Sequence[Node]) -> dict[Node, Node]:
    """Return a node for the gradient of a loss by each node that it depends on.

    Parameters
    ----------
    loss
        A real number.
    variables
        Inputs where to stop.
    """
    with open_session():
        one = as_traced(np.ones((), loss.dtype))
        total = all_cotangents([loss], [one], variables)
        return {node: node_of(cotangent) for node, cotangent in total.items()}


def operand_cotangents(
    node: Node, cotangent: TracedArray, wanted: Sequence[int], sides: Sides
) -> list[tuple[int, TracedArray]]:
    """Return the cotangents of some of a node's operands, by their positions."""
    session = current()
    operands = [TracedArray(sides.value(operand), session) for operand in node.operands]
    output = TracedArray(sides.value(node), session)
    match sides.rule(node):
        case Partials(of=partials):
            return [
                (i, scale(partial(output, *operands), cotangent))
                for i in wanted
                if (partial := partials[i]) is not None
            ]
        case Linear(transposes=transposes):
            return [
                (i, transposes[i](cotangent, *operands, **node.attributes))
                for i in wanted
                if i in transposes
            ]
        case JointLinear(transpose=transpose):
            pieces = transpose(cotangent, *operands, **node.attributes)
            return [(i, pieces[i]) for i in wanted]
        case Rule(pullback=pullback):
            pieces = pullback(cotangent, output, *operands, **node.attributes)
            return [(i, pieces[i]) for i in wanted]
    raise AssertionError(f"no derivative for {node}")

"""Move what does not change between iterations out of the loop."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from steepest.graph import Node, order, rebuild, verify_pass, with_operands
from steepest.ops import Elementwise, Indexed, Kernel, input_node

_LEVEL = 1 << 21


def invariants(outputs: Sequence[Node], varying: Collection[Node]) -> frozenset[Node]:
    """Return the nodes that do not depend on any of the varying inputs."""
    found: set[Node] = set()
    for node in order(outputs):
        if node not in varying and all(operand in found for operand in node.operands):
            found.add(node)
    return frozenset(found)


def hoist(
    outputs: Sequence[Node], varying: Collection[Node]
) -> tuple[list[Node], list[Node], list[Node]]:
    """Replace what does not vary by further inputs.

    Parameters
    ----------
    outputs
        Nodes that every iteration computes.
    varying
        The inputs that change between iterations.

    Returns
    -------
    outputs : list of Node
        As functions of the old inputs and the new ones.
    inputs : list of Node
        The new inputs.
    values : list of Node
        The nodes whose values the new inputs get. They depend on inputs that do not vary.

    Notes
    -----
    Cheap elementwise arithmetic stays in the loop: reading one more array would cost more than
    computing it again. A view is made of what it shows. Ops that may raise stay, too: the engine
    then names the user's line.
    """
    fixed = invariants(outputs, varying)
    is_costly: dict[Node, bool] = {}
    may_fail: dict[Node, bool] = {}
    inputs: list[Node] = []
    values: list[Node] = []
    wanted = set(outputs)
    nodes = order(outputs)
    for node in nodes:
        if node not in fixed:
            wanted.update(node.operands)
    for node in reversed(nodes):
        if node in wanted and node in fixed and _is_view(node):
            wanted.discard(node)
            wanted.update(node.operands)

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        costs = _is_costly(node) or any(is_costly[operand] for operand in node.operands)
        is_costly[node] = costs
        may_fail[node] = _may_fail(node) or any(may_fail[operand] for operand in node.operands)
        if node in fixed and node in wanted and costs and not may_fail[node]:
            inputs.append(input_node(len(inputs), node.shape, node.dtype, _LEVEL))
            values.append(node)
            return inputs[-1]
        return with_operands(node, new)

    result = rebuild(outputs, visit)
    verify_pass("hoist", [*outputs, *values], [*result, *inputs], inputs)
    return result, inputs, values


def _is_view(node: Node) -> bool:
    return isinstance(node.op.lower, Indexed) and node.op.lower.view


def _is_costly(node: Node) -> bool:
    if not node.operands or isinstance(node.op.lower, Indexed):
        return False
    return not (isinstance(node.op.lower, Elementwise) and node.op.lower.is_cheap)


def _may_fail(node: Node) -> bool:
    if node.op.looks_up:
        return True  # an index may be out of bounds
    return isinstance(node.op.lower, Kernel) and node.op.lower.may_raise

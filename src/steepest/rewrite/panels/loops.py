"""Loops whose steps read rows: what a step computes is divided into panels, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from steepest.graph import Graph, Node, make, rebuild, substitute, verify_pass, with_operands
from steepest.ops import CONSTANT, SCAN, WHILE, Indexed
from steepest.ops.arrays.loops import step_input

_FIRST_AROUND = {WHILE: 1, SCAN: 2}
"""Loops, and how many of their operands come before the values of the enclosing function."""


def is_loop(node: Node) -> bool:
    """Whether a node is a loop whose step may be divided into panels."""
    return node.op in _FIRST_AROUND


def steps_of(node: Node) -> dict[str, Graph]:
    """Return the graphs that a loop runs, by the names of its attributes."""
    return {name: x for name, x in node.attributes.items() if isinstance(x, Graph)}


def around_of(node: Node) -> Sequence[Node]:
    """Return the values of the enclosing function that a loop's steps use."""
    return node.operands[_FIRST_AROUND[node.op] :]


def with_views_inside(outputs: Sequence[Node], rows: int) -> list[Node]:
    """Return outputs whose loops make views of arrays with so many rows in their steps.

    A step that reads an array and its transpose then reads the array once, and nothing is copied.
    """
    changes = False

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        nonlocal changes
        found = with_operands(node, new)
        if not is_loop(node):
            return found
        around = around_of(found)
        roots = [_root(operand) for operand in around]
        if roots == list(around) or not any(rows in root.shape for root in roots):
            return found
        changes = True
        return _around(found, roots)

    result = rebuild(outputs, visit)
    if changes:
        verify_pass("with_views_inside", outputs, result)
    return result


def _around(node: Node, roots: Sequence[Node]) -> Node:
    """Return a loop around other arrays, of which those around it so far are views."""
    first = _FIRST_AROUND[node.op]
    before, around = node.operands[:first], node.operands[first:]
    new = [root for root in dict.fromkeys(roots) if root.op is not CONSTANT]
    attributes = dict(node.attributes)
    for name, step in steps_of(node).items():
        inputs = [step_input(first + i, x.shape, x.dtype) for i, x in enumerate(new)]
        views = substitute(around, dict(zip(new, inputs, strict=True)))
        outputs = substitute(step.outputs, dict(zip(step.inputs[first:], views, strict=True)))
        attributes[name] = Graph((*step.inputs[:first], *inputs), tuple(outputs))
    return make(node.op, (*before, *new), **attributes)


def _root(node: Node) -> Node:
    while _is_view(node):
        (node,) = node.operands
    return node


def _is_view(node: Node) -> bool:
    return isinstance(node.op.lower, Indexed) and node.op.lower.view and len(node.operands) == 1


def with_divided_steps(
    outputs: Sequence[Node], rows: int, divide: Callable[[Sequence[Node]], Sequence[Node]]
) -> list[Node]:
    """Return outputs whose loops that read arrays with so many rows have divided steps."""

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        found = with_operands(node, new)
        if not is_loop(node) or not any(rows in x.shape for x in found.operands):
            return found
        steps = {k: Graph(x.inputs, tuple(divide(x.outputs))) for k, x in steps_of(node).items()}
        return make(found.op, found.operands, **{**found.attributes, **steps})

    return rebuild(outputs, visit)

"""Apply the rewrite rules, operands first, until none fits."""

from __future__ import annotations

import functools
from collections.abc import Mapping, MutableMapping, Sequence

from steepest.graph import Guard, Node, Source, rebuild, verify_pass, with_operands
from steepest.ops import SCAN
from steepest.rewrite.factors import use_factors
from steepest.rewrite.loops import trim_loops
from steepest.rewrite.rules import RULES, RewriteRule


def simplify(
    outputs: Sequence[Node],
    sources: MutableMapping[Node, Source] | None = None,
    rules: Sequence[RewriteRule] = RULES,
    conditions: int = 0,
) -> list[Node]:
    """Return simpler nodes with the same values, bit for bit but for systems of equations.

    Parameters
    ----------
    outputs
        Nodes to simplify.
    sources
        Lines of nodes; new nodes get those of the nodes they replace.
    rules
        Rules to apply.
    conditions
        So many of the last outputs are conditions of guards.
    """
    loops: list[Node] = []

    def simpler(node: Node, new: Mapping[Node, Node]) -> Node:
        if node.op is SCAN:
            loops.append(node)
        return _simplify_node(with_operands(node, new), rules)

    result = rebuild(outputs, simpler, sources)
    if rules is RULES:
        result = use_factors(result, sources, conditions)
    if loops:
        inside = functools.partial(simplify, sources=sources, rules=rules)
        result = trim_loops(result, sources, inside)
    verify_pass("simplify", outputs, result)
    return result


def simplify_guarded(
    outputs: Sequence[Node],
    guards: Sequence[Guard],
    sources: MutableMapping[Node, Source] | None = None,
) -> tuple[list[Node], tuple[Guard, ...]]:
    """Return simpler outputs of a path, and its guards on the simpler conditions."""
    conditions = [guard.condition for guard in guards]
    nodes = simplify([*outputs, *conditions], sources, conditions=len(conditions))
    count = len(outputs)
    simpler = zip(guards, nodes[count:], strict=True)
    return nodes[:count], tuple(Guard(node, g.value, g.source) for g, node in simpler)


def _simplify_node(node: Node, rules: Sequence[RewriteRule]) -> Node:
    # Every rule makes the node smaller or drops an operand, so that this ends.
    while True:
        for rule in rules:
            if not rule.ops or node.op.name in rule.ops:
                simpler = rule.apply(node)
                if simpler is not None and simpler is not node:
                    node = simpler
                    break
        else:
            return node

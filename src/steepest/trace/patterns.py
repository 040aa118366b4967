"""Steps that differ only in numbers become one step.

A loop in Python may record a step in each of its iterations: the integrand of a quadrature, say,
which uses the loop's own numbers. They are constants of that step, so that no two steps are
alike, and each would be compiled. Here the constants in which steps differ become further inputs
(the least general generalization of the steps: Plotkin, Machine Intelligence 5, 1970). What is the
same in all stays a constant.

That constants differ is known from the third step on. The recording then begins anew, so that the
first steps are like the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.graph import Graph, Node, Source, make, order, rebuild, with_operands
from steepest.ops import CONSTANT
from steepest.ops.arrays.loops import step_input
from steepest.ops.elementwise.arithmetic import STOP_GRADIENT
from steepest.trace.recording.session import CONSTANT_LIMIT, Session, folded, restart

LEAST_ALIKE = 3
"""Steps that differ, from which on they are made alike."""

_Place = tuple[Node | None, int]
"""Where a constant is used: a node and the position among its operands; None for an output."""


@dataclass
class Pattern:
    """What steps have in common that are alike but for their constants.

    Attributes
    ----------
    first
        The constants of the first step.
    classes
        A number for each constant. Those that were equal in every step have the same one.
    varies
        Whether a constant was another one in some step.
    seen
        The constants of the first steps that differ.
    """

    first: list[Node]
    classes: list[int]
    varies: list[bool]
    seen: set[tuple[Node, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, constants: list[Node]) -> Pattern:
        """Return the pattern of a single step."""
        return cls(constants, _numbered(constants), [False] * len(constants))

    @property
    def is_general(self) -> bool:
        """Whether there were enough steps that differ."""
        return len(self.seen) >= LEAST_ALIKE

    def learn(self, constants: Sequence[Node]) -> bool:
        """Take in the constants of a step; return whether steps recorded before now differ."""
        was_general = self.is_general
        if not was_general:
            self.seen.add(tuple(constants))
        classes = _numbered(list(zip(self.classes, constants, strict=True)))
        varies = [
            known or here is not first
            for known, here, first in zip(self.varies, constants, self.first, strict=True)
        ]
        is_news = (classes, varies) != (self.classes, self.varies) or not was_general
        self.classes, self.varies = classes, varies
        return is_news and self.is_general


def _numbered(keys: Sequence[Any]) -> list[int]:
    """Return a number for each key, the same for equal ones."""
    numbers: dict[Any, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]


def generalized(graph: Graph, outer: Sequence[Node], session: Session) -> tuple[Graph, list[Node]]:
    """Return a step with inputs for constants in which it differs from others before it.

    Parameters
    ----------
    graph, outer
        The step, and the outer nodes that are its last inputs.
    session
        The recording.

    Returns
    -------
    graph, outer
        The same, with these constants as the last outer nodes. They are hidden, so that what
        is composed of the step keeps them apart from its own constants.
    """
    patterns = session.root.patterns
    skeleton, places = _parts(graph)
    constants = list(places.values())
    pattern = patterns.get(skeleton)
    if pattern is None:
        pattern = patterns[skeleton] = Pattern.of(constants)
    if pattern.learn(constants):
        restart(session)
    if not pattern.is_general:
        return graph, list(outer)
    inputs: dict[int, Node] = {}
    lifted: dict[_Place, Node] = {}
    further: list[Node] = []
    for place, number, varies in zip(places, pattern.classes, pattern.varies, strict=True):
        if varies:
            if number not in inputs:
                constant = places[place]
                position = len(graph.inputs) + len(inputs)
                inputs[number] = step_input(position, constant.shape, constant.dtype)
                further.append(hidden(constant))
            lifted[place] = inputs[number]
    outputs = _with_inputs(graph.outputs, lifted, session.sources)
    return Graph((*graph.inputs, *inputs.values()), outputs), [*outer, *further]


def _parts(graph: Graph) -> tuple[Any, dict[_Place, Node]]:
    """Return what two steps have in common that are alike, and the constants that may differ."""
    numbers: dict[Node, int] = {}
    for node in (*graph.inputs, *order(graph.outputs)):
        if node.op is not CONSTANT:
            numbers.setdefault(node, len(numbers))
    places: dict[_Place, Node] = {}

    def tokens(user: Node | None, operands: Sequence[Node]) -> Iterator[Any]:
        for position, node in enumerate(operands):
            if node in numbers:
                yield numbers[node]
            elif _may_differ(user, position, node):
                places[user, position] = node
                yield node.shape, node.dtype
            else:
                yield node

    skeleton = [
        (node.op, node.shape, node.dtype, _hashable(node.attributes), *tokens(node, node.operands))
        for node in numbers
    ]
    return (*skeleton, None, *tokens(None, graph.outputs)), places


def _hashable(attributes: Mapping[str, Any]) -> Any:
    return tuple(sorted(attributes.items(), key=lambda item: item[0])) if attributes else ()


def _may_differ(user: Node | None, position: int, constant: Node) -> bool:
    """Whether a constant may become an input, and all bits stay.

    Powers with small whole or half exponents are products and roots.
    """
    if constant.dtype.kind != "f":
        return False
    if user is not None and user.op.name == "power" and position == 1:
        twice = 2.0 * np.asarray(constant.op.evaluate(**constant.attributes))
        return bool(np.all(twice != np.rint(twice)))
    return True


def _with_inputs(
    outputs: Sequence[Node], lifted: Mapping[_Place, Node], sources: MutableMapping[Node, Source]
) -> tuple[Node, ...]:
    """Return outputs with inputs in place of constants."""

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        if not node.operands:
            return node
        operands = [lifted.get((node, i)) or new[x] for i, x in enumerate(node.operands)]
        return make(node.op, operands, **node.attributes)

    rebuilt = rebuild(outputs, visit, sources)
    return tuple([lifted.get((None, i), node) for i, node in enumerate(rebuilt)])


def hidden(constant: Node) -> Node:
    """Return a node that has the value of a constant, and is none."""
    return make(STOP_GRADIENT, (constant,))


def is_hidden(node: Node) -> bool:
    """Whether a node hides a constant."""
    return node.op is STOP_GRADIENT and node.operands[0].op is CONSTANT


def revealed(outputs: Sequence[Node], sources: MutableMapping[Node, Source]) -> list[Node]:
    """Return outputs with the constants that were hidden, and what is computed of them."""

    def visit(node: Node, new: Mapping[Node, Node]) -> Node:
        if is_hidden(node):
            return new[node.operands[0]]
        rebuilt = with_operands(node, new)
        is_constant = rebuilt is not node and all([x.op is CONSTANT for x in rebuilt.operands])
        return folded(rebuilt) if is_constant and node.size <= CONSTANT_LIMIT else rebuilt

    if not any(map(is_hidden, order(outputs))):
        return list(outputs)
    return rebuild(outputs, visit, sources)

"""The boxes of a picture: one for each operation, and their texts."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from steepest.graph import Graph, Node, order
from steepest.show.text import format_attributes, format_value, node_names, type_of
from steepest.show.values import NodeNumbers

_LONGEST = 46
"""Largest number of characters in a line of a box."""

_MOST_BRANCHES = 4
"""Largest number of boxes of branches."""


@dataclass(frozen=True)
class Box:
    """A box of a picture.

    Attributes
    ----------
    key
        What identifies it.
    lines
        Its text.
    kind
        ``"parameter"``, ``"data"``, ``"operation"``, ``"result"``, ``"folded"`` or ``"branch"``.
    operands
        Keys of the boxes that edges come from.
    note
        More about it, which a browser shows where the pointer rests.
    """

    key: Hashable
    lines: tuple[str, ...]
    kind: str
    operands: tuple[Hashable, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Wording:
    """What the boxes of a graph say.

    Attributes
    ----------
    graph
        The graph.
    names
        A name for each node.
    known
        Value and gradient of each node; empty if none are shown.
    parameters
        The inputs that are parameters rather than data.
    write
        Returns a number or an array as text.
    words
        What to write for an English word, in another language.
    """

    graph: Graph
    names: Mapping[Node, str]
    known: Mapping[Node, NodeNumbers]
    parameters: frozenset[Node]
    write: Callable[[Any], str] = format_value
    words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Graph, known: Mapping[Node, NodeNumbers]) -> Wording:
        """Return the wording of a graph."""
        return cls(graph, node_names(graph), known, frozenset(parameters_of(graph)))

    def word(self, english: str) -> str:
        """Return a word in the language of the picture."""
        return self.words.get(english, english)

    def input_box(self, node: Node) -> Box:
        """Return the box of an input."""
        kind = "parameter" if node in self.parameters else "data"
        lines = (self.names[node], f"{self.word(kind)} {type_of(node)}", *self.numbers(node))
        return Box(node, shortened(lines), kind)

    def operation_box(self, node: Node) -> Box:
        """Return the box of one operation; an item of an array is one."""
        kind = "result" if node in self.graph.outputs else "operation"
        lines = (f"{self.names[node]} = {self.call(node)}", type_of(node), *self.numbers(node))
        return Box(node, shortened(lines), kind, operands_of(node), self.where(node))

    def call(self, node: Node) -> str:
        """Return an operation as text: ``sum(%3, axis=(0,))``, ``x[1:3]``."""
        item = item_of(node)
        if item is not None:
            return f"{self.names[item.operands[0]]}[{index_of(item, node.ndim < item.ndim)}]"
        arguments = [self.names[operand] for operand in node.operands]
        if node.attributes and node.op.name != "input":
            arguments.append(format_attributes(node))
        return f"{node.op.name}({', '.join(arguments)})"

    def numbers(self, node: Node) -> list[str]:
        """Return value and gradient of a node as lines."""
        found = self.known.get(node)
        if found is None:
            return []
        lines = [f"{self.word('value')} {self.write(found.value)}"]
        if found.gradient is not None:
            lines.append(f"{self.word('gradient')} {self.write(found.gradient)}")
        return lines

    def where(self, node: Node) -> str:
        """Return the user's line of a node."""
        source = self.graph.sources.get(node)
        return f"{source}  {source.text}" if source else ""

    def branch_boxes(self, visible: Set[Node]) -> list[Box]:
        """Return boxes that say which way branches went, and that there are others."""
        places: dict[Any, list[Any]] = {}
        for guard in self.graph.guards:
            places.setdefault(guard.source, []).append(guard)
        boxes: list[Box] = []
        for number, (source, guards) in enumerate(places.items()):
            if number == _MOST_BRANCHES and len(places) > _MOST_BRANCHES + 1:
                rest = [guard for more in list(places.values())[number:] for guard in more]
                more = (f"{len(rest)} more branches", "each as it was traced")
                return [*boxes, _branch("more", more, rest, visible)]
            line = source.text if source else guards[0].condition.op.name
            values = {format_value(guard.value) for guard in guards}
            taken = values.pop() if len(values) == 1 else "as it was traced"
            met = f" ({len(guards)} times)" if len(guards) > 1 else ""
            lines = (
                line,
                f"{self.word('here')}: {taken}{met}",
                self.word("otherwise: another path"),
            )
            note = f"{source}  {line}" if source else ""
            boxes.append(_branch(number, lines, guards, visible, note))
        return boxes


def _branch(
    key: Hashable, lines: Sequence[str], guards: Sequence[Any], visible: Set[Node], note: str = ""
) -> Box:
    """Return the box of a branch, with edges from the nodes that decide on it."""
    operands: dict[Node, None] = {}
    waiting, seen = [guard.condition for guard in guards], set[Node]()
    while waiting:
        node = waiting.pop()
        if node in visible:
            operands[node] = None
        elif node not in seen:
            seen.add(node)
            waiting += operands_of(node)
    return Box(("branch", key), shortened(lines), "branch", tuple(operands), note)


def parameters_of(graph: Graph) -> tuple[Node, ...]:
    """Return the inputs that are parameters; the others are data.

    They are the function's first argument, or all numbers if that is a number.
    """
    if graph.signature is None:
        return graph.inputs[: len(graph.inputs) - len(graph.captured)]
    arguments = graph.signature.arguments.children()
    leaves = arguments[0].num_leaves if arguments else 0
    fixed = sum(position < leaves for position in graph.signature.fixed)
    first = graph.inputs[: leaves - fixed]
    if len(first) == 1 and first[0].shape == ():
        given = graph.inputs[: len(graph.inputs) - len(graph.captured)]
        return tuple(node for node in given if node.shape == ())
    return first


def item_of(node: Node) -> Node | None:
    """Return the node that takes an item of an array, if that is what a node is."""
    if node.op.name == "reshape" and node.operands[0].op.name == "getitem":
        (inner,) = node.operands
        return inner if node.size == 1 == inner.size else None
    return node if node.op.name == "getitem" else None


def operands_of(node: Node) -> tuple[Node, ...]:
    """Return the nodes whose boxes edges come from; constants stand in the text."""
    item = item_of(node)
    operands = node.operands if item is None else item.operands
    return tuple(operand for operand in operands if operand.op.name != "constant")


def index_of(item: Node, is_item: bool) -> str:
    """Return the index of a ``getitem`` as it is written: ``0``, ``1:3``, ``::-1``."""
    parts = []
    for (start, count, step), extent in zip(
        item.attributes["slices"], item.operands[0].shape, strict=True
    ):
        end = start + count * step
        if count == 1 and (is_item or extent > 1):
            parts.append(str(start) if is_item else f"{start}:{start + 1}")
        elif (start, end, step) == (0, extent, 1):
            parts.append(":")
        else:
            first = "" if start == (0 if step > 0 else extent - 1) else str(start)
            last = "" if end in ((extent,) if step > 0 else (-1,)) else str(end)
            parts.append(f"{first}:{last}" + (f":{step}" if step != 1 else ""))
    while len(parts) > 1 and parts[-1] == ":":
        parts.pop()
    return ", ".join(parts)


def shortened(lines: Sequence[str]) -> tuple[str, ...]:
    """Return lines of which the long ones are cut."""
    return tuple(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..." for line in lines)


def boxes_of_nodes(wording: Wording) -> list[Box]:
    """Return a box for each input and operation, operands first."""
    graph = wording.graph
    needed = visible_nodes(graph)
    boxes = []
    for node in order([*graph.inputs, *graph.outputs]):
        if node in needed:
            is_input = node in graph.inputs
            boxes.append(wording.input_box(node) if is_input else wording.operation_box(node))
    return [*boxes, *wording.branch_boxes(needed)]


def visible_nodes(graph: Graph) -> set[Node]:
    """Return the nodes that have a box: inputs, and what the outputs are computed from.

    Constants stand in the text, as do arrays of one item that becomes a number. What only decides
    on branches is in their boxes.
    """
    found, waiting = set[Node](), list(graph.outputs)
    while waiting:
        node = waiting.pop()
        if node not in found and node.op.name != "constant":
            found.add(node)
            waiting += operands_of(node)
    return found.union(graph.inputs)

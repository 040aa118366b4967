"""Nodes and programs as plain data that files and other processes can hold, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.engines.batch import ManyProgram
from steepest.engines.program import BatchPlan, Iteration, Program
from steepest.graph import Graph, Guard, Node, make, order
from steepest.ops import CONSTANT, INPUT, TABLE

Flat = list[tuple[str, tuple[int, ...], dict[str, Any]]]
"""For each node: the name of its op, the positions of its operands, and its attributes."""

_OPS: dict[str, Any] = {**TABLE, INPUT.name: INPUT, CONSTANT.name: CONSTANT}
_PLAIN = (bool, int, float, str, bytes, type(None), np.dtype)


def flattened(outputs: Sequence[Node]) -> tuple[Flat, dict[Node, int]] | None:
    """Return all nodes that the outputs need, in order, and the position of each.

    The result is None if a node is not plain data: it contains a graph, or its op is not in
    the table.
    """
    positions: dict[Node, int] = {}
    flat: Flat = []
    for node in order(outputs):
        name, attributes = node.op.name, dict(node.attributes)
        if _OPS.get(name) is not node.op or not _is_plain(tuple(attributes.values())):
            return None
        flat.append((name, tuple([positions[x] for x in node.operands]), attributes))
        positions[node] = len(positions)
    return flat, positions


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    if type(value) is slice:
        return _is_plain((value.start, value.stop, value.step))
    if isinstance(value, np.dtype):
        return np.dtype(value.str) == value
    return isinstance(value, _PLAIN)


def _encoded(value: Any) -> Any:
    """Return a plain value as JSON; a type that JSON lacks becomes a list that starts with it."""
    if isinstance(value, tuple):
        return ["tuple", *map(_encoded, value)]
    if isinstance(value, slice):
        return ["slice", *map(_encoded, (value.start, value.stop, value.step))]
    if isinstance(value, bytes):
        return ["bytes", value.hex()]
    if isinstance(value, np.dtype):
        return ["dtype", value.str]
    if isinstance(value, float):
        return ["float", value.hex()]
    return value


def _decoded(value: Any) -> Any:
    """Return the plain value that was encoded."""
    if not isinstance(value, list):
        return value
    kind, *parts = value
    return _KINDS[kind](*parts)


_KINDS: dict[str, Any] = {
    "tuple": lambda *parts: tuple(map(_decoded, parts)),
    "slice": lambda *parts: slice(*map(_decoded, parts)),
    "bytes": bytes.fromhex,
    "dtype": np.dtype,
    "float": float.fromhex,
}


def rebuilt(flat: Flat) -> list[Node]:
    """Return the nodes that were flattened; they are the same objects if these still exist."""
    nodes: list[Node] = []
    for name, operands, attributes in flat:
        nodes.append(make(_OPS[name], [nodes[place] for place in operands], **attributes))
    return nodes


def pack(iteration: Iteration) -> bytes | None:
    """Return an iteration, without its source lines, as JSON; None if it is not plain data."""
    if iteration.guards:
        return None
    found = flattened([*iteration.inputs, iteration.variable, *iteration.outputs])
    if found is None:
        return None
    flat, positions = found
    fields = {}
    for name in _FIELDS:
        value = getattr(iteration, name)
        many = isinstance(value, tuple)
        fields[name] = tuple([positions[x] for x in value]) if many else positions.get(value)
    return json.dumps((_encoded_nodes(flat), fields)).encode()


def unpack(content: bytes) -> Iteration | None:
    """Return the iteration that was packed; None if the content is something else."""
    try:
        flat, fields = json.loads(content)
        nodes = rebuilt(_decoded_nodes(flat))
        found = {name: _nodes_at(nodes, positions) for name, positions in fields.items()}
        return Iteration(**found)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def pack_nodes(outputs: Sequence[Node]) -> bytes | None:
    """Return nodes as JSON; None if they are not plain data."""
    found = flattened(outputs)
    if found is None:
        return None
    flat, positions = found
    return json.dumps((_encoded_nodes(flat), [positions[x] for x in outputs])).encode()


def unpack_nodes(content: bytes) -> list[Node] | None:
    """Return the nodes that were packed; None if the content is something else."""
    try:
        flat, places = json.loads(content)
        nodes = rebuilt(_decoded_nodes(flat))
        return [nodes[place] for place in places]
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _encoded_nodes(flat: Flat) -> Flat:
    return [
        (name, operands, {key: _encoded(value) for key, value in attributes.items()})
        for name, operands, attributes in flat
    ]


def _decoded_nodes(flat: Flat) -> Flat:
    return [
        (name, operands, {key: _decoded(value) for key, value in attributes.items()})
        for name, operands, attributes in flat
    ]


def _nodes_at(nodes: Sequence[Node], positions: Any) -> Any:
    if isinstance(positions, list):
        return tuple([nodes[place] for place in positions])
    return None if positions is None else nodes[positions]


_FIELDS = [x.name for x in dataclasses.fields(Iteration) if x.name not in ("guards", "sources")]


# Whole programs, with all their graphs.


class NotPlainError(Exception):
    """A program has a node that is not plain data.

    Attributes
    ----------
    node
        The node. Its op is not in the table, or it has an object of Python's as an attribute.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(f"{node!r} is not plain data")
        self.node = node


def pack_program(program: Any) -> bytes:
    """Return a program, or another record of nodes and graphs, as JSON without source lines.

    Raises
    ------
    NotPlainError
        If a node is not plain data.
    """
    packer = _Packer()
    whole = packer.encoded(program)
    return json.dumps((packer.table, whole)).encode()


def unpack_program(content: bytes) -> Any:
    """Return the program that was packed; nodes that still exist are the same objects."""
    table, whole = json.loads(content)
    unpacker = _Unpacker()
    for name, operands, attributes in table:
        values = {key: unpacker.decoded(value) for key, value in attributes.items()}
        operands = [unpacker.nodes[place] for place in operands]
        unpacker.nodes.append(make(_OPS[name], operands, **values))
    return unpacker.decoded(whole)


_RECORDS: dict[str, Any] = {kind.__name__: kind for kind in (Iteration, Program, BatchPlan)}
_RECORDS |= {kind.__name__: kind for kind in (ManyProgram, Graph, Guard)}
_DESCRIPTIVE = ("sources", "source", "names", "captured", "signature", "written")
"""Fields of records that machine code does not depend on."""


class _Packer:
    """Encodes the nodes of all graphs as one table, in which each node stands once.

    Attributes
    ----------
    table
        For each node: the name of its op, the places of its operands, and its attributes.
    """

    def __init__(self) -> None:
        self.table: list[tuple[str, list[int], dict[str, Any]]] = []
        self._places: dict[Node, int] = {}

    def encoded(self, value: Any) -> Any:
        """Return a value as JSON."""
        if isinstance(value, Node):
            return ["node", self._place(value)]
        if type(value) is tuple:
            return ["tuple", *map(self.encoded, value)]
        if isinstance(value, np.ndarray):
            return ["array", value.dtype.str, list(value.shape), value.tobytes().hex()]
        if type(value).__name__ in _RECORDS:
            names = [field.name for field in dataclasses.fields(value)]
            kept = {n: self.encoded(getattr(value, n)) for n in names if n not in _DESCRIPTIVE}
            return ["record", type(value).__name__, kept]
        return _encoded(value)

    def _place(self, node: Node) -> int:
        for each in order([node], stop=self._places):
            if each not in self._places:
                self._add(each)
        return self._places[node]

    def _add(self, node: Node) -> None:
        values, name = node.attributes.values(), node.op.name
        if _OPS.get(name) is not node.op or not all(map(_may_be_sent, values)):
            raise NotPlainError(node)
        attributes = {key: self.encoded(value) for key, value in node.attributes.items()}
        operands = [self._places[operand] for operand in node.operands]
        self._places[node] = len(self.table)
        self.table.append((name, operands, attributes))


def _may_be_sent(value: Any) -> bool:
    """Whether an attribute is plain data; a graph is, if its nodes are."""
    if type(value) is tuple:
        return all(map(_may_be_sent, value))
    return isinstance(value, Graph) or _is_plain(value)


class _Unpacker:
    """Decodes what a :class:`_Packer` encoded; `nodes` are those of the table so far."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def decoded(self, value: Any) -> Any:
        """Return a value from JSON."""
        if not isinstance(value, list):
            return value
        match value:
            case ["node", place]:
                return self.nodes[place]
            case ["tuple", *parts]:
                return tuple([self.decoded(part) for part in parts])
            case ["array", dtype, shape, content]:
                return np.frombuffer(bytes.fromhex(content), dtype).reshape(shape)
            case ["record", name, kept]:
                fields = {key: self.decoded(part) for key, part in kept.items()}
                return _RECORDS[name](**fields)
        return _decoded(value)

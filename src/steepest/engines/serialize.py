"""Nodes as plain data that files can hold, and back."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.engines.program import Iteration
from steepest.graph import Node, make, order
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
    nodes = [
        (name, operands, {key: _encoded(value) for key, value in attributes.items()})
        for name, operands, attributes in flat
    ]
    return json.dumps((nodes, fields)).encode()


def unpack(content: bytes) -> Iteration | None:
    """Return the iteration that was packed; None if the content is something else."""
    try:
        flat, fields = json.loads(content)
        nodes = rebuilt(
            [
                (name, operands, {key: _decoded(value) for key, value in attributes.items()})
                for name, operands, attributes in flat
            ]
        )
        found = {name: _nodes_at(nodes, positions) for name, positions in fields.items()}
        return Iteration(**found)
    except (ValueError, TypeError, LookupError, AttributeError):
        return None


def _nodes_at(nodes: Sequence[Node], positions: Any) -> Any:
    if isinstance(positions, list):
        return tuple([nodes[place] for place in positions])
    return None if positions is None else nodes[positions]


_FIELDS = [x.name for x in dataclasses.fields(Iteration) if x.name not in ("guards", "sources")]

"""Nodes as plain data, to be kept in files, and back."""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.engines.program import Iteration
from steepest.graph import Node, make, order
from steepest.ops import CONSTANT, INPUT, TABLE

Flat = list[tuple[str, tuple[int, ...], dict[str, Any]]]
"""For each node its op, the places of its operands among those before, and its attributes."""

_OPS: dict[str, Any] = {**TABLE, INPUT.name: INPUT, CONSTANT.name: CONSTANT}
_PLAIN = (bool, int, float, str, bytes, type(None), np.dtype)


def flattened(outputs: Sequence[Node]) -> tuple[Flat, dict[Node, int]] | None:
    """Return all nodes that the outputs need, in order, and the place of each.

    None is returned where one is not plain data: it contains a graph, or its op is not in the
    table.
    """
    places: dict[Node, int] = {}
    flat: Flat = []
    for node in order(outputs):
        name, attributes = node.op.name, dict(node.attributes)
        if _OPS.get(name) is not node.op or not _is_plain(tuple(attributes.values())):
            return None
        flat.append((name, tuple([places[x] for x in node.operands]), attributes))
        places[node] = len(places)
    return flat, places


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    if type(value) is slice:
        return _is_plain((value.start, value.stop, value.step))
    return isinstance(value, _PLAIN)


def rebuilt(flat: Flat) -> list[Node]:
    """Return the nodes that were flattened: the same ones, where they still exist."""
    nodes: list[Node] = []
    for name, operands, attributes in flat:
        nodes.append(make(_OPS[name], [nodes[place] for place in operands], **attributes))
    return nodes


def pack(iteration: Iteration) -> bytes | None:
    """Return an iteration without its lines as bytes; None where it is not plain data."""
    if iteration.guards:
        return None
    found = flattened([*iteration.inputs, iteration.variable, *iteration.outputs])
    if found is None:
        return None
    flat, places = found
    fields = {}
    for name in _FIELDS:
        value = getattr(iteration, name)
        many = isinstance(value, tuple)
        fields[name] = tuple([places[x] for x in value]) if many else places.get(value)
    return pickle.dumps((flat, fields))


def unpack(content: bytes) -> Iteration:
    """Return the iteration that was packed."""
    flat, fields = pickle.loads(content)
    nodes = rebuilt(flat)

    def found(places: Any) -> Any:
        if isinstance(places, tuple):
            return tuple([nodes[place] for place in places])
        return None if places is None else nodes[places]

    return Iteration(**{name: found(places) for name, places in fields.items()})


_FIELDS = [x.name for x in dataclasses.fields(Iteration) if x.name not in ("guards", "sources")]

"""The node: one operation on earlier nodes, immutable and interned.

Two nodes with the same op, operands and attributes are the same object, so that common
subexpressions are shared by construction and ``is`` is equality.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

Shape = tuple[int, ...]


class Operation(Protocol):
    """What a node needs to know of its row in the op table (see ``steepest.ops.row``)."""

    @property
    def name(self) -> str:
        """NumPy's name for it."""
        ...

    @property
    def explain(self) -> str:
        """Why its result is not finite although its operands are; empty where that is plain."""
        ...

    def infer(self, *operands: Any, **attributes: Any) -> tuple[Shape, np.dtype]:
        """Return shape and dtype of the result."""
        ...

    def evaluate(self, *values: Any, **attributes: Any) -> Any:
        """Compute it in NumPy."""
        ...


class Node:
    """One operation; build it with :func:`make`, which interns.

    Attributes
    ----------
    op
        Row of the op table.
    operands
        The nodes that it is computed from.
    attributes
        What else determines its value: an axis, a target shape. Hashable values only.
    shape, dtype
        Of the result; they follow from the rest.
    """

    __slots__ = ("__weakref__", "attributes", "dtype", "op", "operands", "shape")

    op: Any
    operands: tuple[Node, ...]
    attributes: Mapping[str, Any]
    shape: Shape
    dtype: np.dtype

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"nodes are immutable: cannot set {name!r}")

    @property
    def size(self) -> int:
        """Number of elements."""
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<{self.op.name} {self.dtype}{list(self.shape)}>"


_interned: dict[tuple[Any, ...], weakref.ref[Node]] = {}
"""Nodes by op, operands and attributes. References whose node is gone are removed from time to
time: a key names operands by their addresses, which a live node keeps from being used again."""

_swept = 1 << 12
"""Number of entries from which on those of nodes that are gone are removed."""

_lock = threading.Lock()
_NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})
_set_op, _set_operands, _set_attributes, _set_shape, _set_dtype = (
    vars(Node)[name].__set__ for name in ("op", "operands", "attributes", "shape", "dtype")
)


def make(op: Operation, operands: Sequence[Node] = (), **attributes: Any) -> Node:
    """Return the node for an operation: the one that exists already, or a new one.

    Parameters
    ----------
    op
        Row of the op table.
    operands
        Nodes it is computed from.
    **attributes
        Hashable attributes of the op.

    Returns
    -------
    Node
        Its shape and dtype are those that the row's own rule gives.
    """
    operands = tuple(operands)
    key = (op, *map(id, operands))
    if attributes:
        key += tuple(sorted(attributes.items()))
    known = _interned.get(key)
    node = None if known is None else known()
    if node is not None:
        return node
    shape, dtype = op.infer(*operands, **attributes)
    node = Node()
    _set_op(node, op)
    _set_operands(node, operands)
    _set_attributes(node, MappingProxyType(attributes) if attributes else _NO_ATTRIBUTES)
    _set_shape(node, tuple(map(int, shape)) if shape else ())
    _set_dtype(node, np.dtype(dtype))
    with _lock:
        known = _interned.get(key)
        other = None if known is None else known()
        if other is not None:  # made by another thread meanwhile
            return other
        _interned[key] = weakref.ref(node)
        if len(_interned) > _swept:
            _sweep()
    return node


def _sweep() -> None:
    """Remove the entries of nodes that are gone."""
    global _swept  # noqa: PLW0603 - guarded by the lock
    for key in [key for key, known in _interned.copy().items() if known() is None]:
        del _interned[key]
    _swept = max(1 << 12, 2 * len(_interned))


def order(outputs: Sequence[Node], stop: Any = ()) -> list[Node]:
    """Return every node that the outputs need, operands first, in a deterministic order.

    Parameters
    ----------
    outputs
        Nodes to be computed.
    stop
        Container of nodes whose operands are not followed (they are known already).
    """
    seen: set[Node] = set()
    result: list[Node] = []
    stack: list[Node | None] = list(reversed(outputs))
    while stack:
        node = stack.pop()
        if node is None:  # the operands of the next one are done
            done = stack.pop()
            assert done is not None
            result.append(done)
        elif node not in seen:
            seen.add(node)
            if node.operands and node not in stop:
                stack += (node, None)
                stack += node.operands[::-1]
            else:
                result.append(node)
    return result

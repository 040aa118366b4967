"""Memory of traced arrays: assignment changes the node that an array stands for.

An array that was assigned to, or has views, owns a :class:`Storage`. Each of its views owns a
:class:`ViewStep`, which leads to the storage. When the base has changed, reading a view applies
its op again. Writing to a view puts the new elements into the base. So views alias as in NumPy,
while nodes never change.

Elements that are assigned one by one are collected. They become one node when the whole array
is read: a loop that fills an array costs one node, not one for each element.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.graph import Node, Shape
from steepest.ops import TABLE, Row, constant_node, constant_value
from steepest.trace.recording.session import abandon, current


class Storage:
    """The elements of an array, as nodes.

    Attributes
    ----------
    node
        The whole array as it was before `elements` were assigned.
    elements
        Known nodes of single elements, by position in C order.
    dirty
        Positions whose elements are newer than `node`.
    version
        Number of changes so far.
    origin
        The array's node before any assignment; its shape never changes.
    read_only
        Why nothing may be assigned; empty if it may.
    is_ordered
        Whether the array surely lies in C order.
    argument
        The node of the caller's array that an assignment would change; None for an array that
        the function made itself.
    has_views
        Whether other arrays share the elements.
    is_shared
        Whether others do that a replayed loop has made, and that do not know it: then nothing
        may be assigned.
    replay
        The replay of a loop that will set elements (``trace.replaying``); None if there is none.
    """

    __slots__ = (
        *("argument", "dirty", "elements", "has_views", "is_ordered", "is_shared"),
        *("node", "origin", "read_only", "replay", "version"),
    )

    def __init__(self, node: Node, is_ordered: bool, argument: Node | None = None) -> None:
        self.is_ordered = is_ordered
        self.argument = argument
        self.node = self.origin = node
        self.elements: dict[int, Node] = {}
        self.dirty: set[int] = set()
        self.version = 0
        self.read_only = ""
        self.has_views = self.is_shared = False
        self.replay: Any = None

    @property
    def root(self) -> Storage:
        """The storage itself."""
        return self

    def current(self) -> Node:
        """Return the node for the array as it is now."""
        if self.dirty:
            self.node = _with_elements(self.node, {i: self.elements[i] for i in self.dirty})
            self.dirty.clear()
        return self.node

    def replace(self, node: Node) -> None:
        """Replace the whole array by a node."""
        self.node = node
        self.elements.clear()
        self.dirty.clear()
        self.version += 1

    def replace_element(self, position: int, node: Node) -> None:
        """Replace one element by a node."""
        self.elements[position] = node
        self.dirty.add(position)
        self.version += 1

    def check_alone(self) -> None:
        """Raise if the array cannot be written to, because others do not know of it."""
        if self.is_shared:
            abandon()

    def position(self, flat: int) -> int:
        """Return an element's position in the array that owns the elements."""
        return flat

    def save(self) -> Elements:
        """Return the elements as they are now."""
        return Elements(self.node, dict(self.elements), set(self.dirty))

    def restore(self, saved: Elements) -> None:
        """Set the elements to those that were saved."""
        self.node = saved.node
        self.elements, self.dirty = dict(saved.elements), set(saved.dirty)
        self.version += 1


class Elements(NamedTuple):
    """The elements of an array at one time, as in :class:`Storage`."""

    node: Node
    elements: dict[int, Node]
    dirty: set[int]


class ViewStep:
    """A view: an op whose result shares its operand's memory in NumPy.

    Attributes
    ----------
    base
        What it is a view of.
    row, attributes
        The op.
    root
        The storage that it leads to.
    read_only
        Why nothing may be assigned; empty if it may.
    """

    __slots__ = ("_node", "_positions", "_seen", "attributes", "base", "read_only", "root", "row")

    def __init__(
        self, base: Storage | ViewStep, row: Row, attributes: dict[str, Any], node: Node
    ) -> None:
        self.base, self.row, self.attributes = base, row, attributes
        self.read_only = ""
        if row.put is None:
            self.read_only = f"the result of np.{row.name} is read-only: use .copy()"
        self.root: Storage = base.root
        self.root.has_views = True
        self._node, self._seen = node, self.root.version
        self._positions: np.ndarray | None = None

    def current(self) -> Node:
        """Return the node for the view as it is now."""
        if self._seen != self.root.version:
            self._node = current().record(self.row, [self.base.current()], **self.attributes)
            self._seen = self.root.version
        return self._node

    def position(self, flat: int) -> int:
        """Return an element's position in the array that owns the elements."""
        if self._positions is None:
            shape = self.root.origin.shape
            whole = np.arange(self.root.origin.size).reshape(shape)
            self._positions = np.ravel(self.through(whole))
        return int(self._positions[flat])

    def through(self, array: np.ndarray) -> np.ndarray:
        """Apply the view's steps to a plain array of the root's shape."""
        steps: list[ViewStep] = []
        step: Storage | ViewStep = self
        while isinstance(step, ViewStep):
            steps.append(step)
            step = step.base
        for step in reversed(steps):
            array = step.row.evaluate(array, **step.attributes)
        return array


def element_of(node: Node, position: int) -> Node | None:
    """Return the node of an element where it is known without a new node."""
    if node.op.name == "pack":
        return node.operands[position]
    constant = constant_value(node)
    return None if constant is None else constant_node(constant.reshape(-1)[position])


def _with_elements(node: Node, elements: dict[int, Node]) -> Node:
    session, size = current(), node.size
    constant = constant_value(node)
    if len(elements) == size or (constant is not None and 4 * len(elements) >= size):
        parts: list[Any] = [elements.get(i) or element_of(node, i) for i in range(size)]
        return session.record(TABLE["pack"], parts, shape=node.shape)
    positions = sorted(elements)
    values = session.record(
        TABLE["pack"], [elements[i] for i in positions], shape=(len(positions),)
    )
    indices = [
        constant_node(np.asarray(index, np.intp))
        for index in np.unravel_index(positions, node.shape)
    ]
    return session.record(TABLE["put_at"], [node, values, *indices])


def stand_in_of(storage: Storage | ViewStep) -> np.ndarray | None:
    """Return a plain array with the same strides, or None if these are unknown.

    Its elements are never read.
    """
    origin = storage.root.origin
    if not storage.root.is_ordered and origin.ndim > 1:
        return None
    strides, step = [], 1
    for extent in reversed(origin.shape):
        strides.append(step)
        step *= extent
    array = np.lib.stride_tricks.as_strided(np.empty(1, np.int8), origin.shape, strides[::-1])
    return storage.through(array) if isinstance(storage, ViewStep) else array


def reshapes_as_view(storage: Storage | ViewStep, shape: Shape) -> bool | None:
    """Whether NumPy's reshape gives a view; None where that depends on an unknown layout."""
    array = stand_in_of(storage)
    if array is None:
        return None
    try:
        np.reshape(array, shape, copy=False)
    except ValueError:
        return False
    return True

"""Arrays whose nodes are made when the replay of a loop ends."""

from __future__ import annotations

from typing import Any

from steepest.graph import Node
from steepest.trace.arrays.storage import Storage


class Pending(Storage):
    """The elements of an array that a replayed call has returned or changed.

    Attributes
    ----------
    replay
        The replay; None once the node is known.
    round, index
        The iteration and the call whose result this is.

    Notes
    -----
    What a storage has besides is set when it is asked for: most results never need it.
    """

    __slots__ = ("__weakref__", "index", "round")

    def __init__(self, replay: Any, number: int, index: int, is_shared: bool) -> None:
        self.replay, self.round, self.index = replay, number, index
        self.is_shared, self.has_views = is_shared, False

    def __getattr__(self, name: str) -> Any:
        if name not in _LATE:
            raise AttributeError(name)
        call = self.replay.template.calls[self.index]
        self.argument, self.version = None, 0
        self.elements, self.dirty = {}, set()
        self.is_ordered, self.node = call.flags.ordered, call.node
        self.origin, self.read_only = call.node, call.read_only
        return getattr(self, name)

    def current(self) -> Node:
        """Return the node for the array as it is now; this ends the replay."""
        if self.replay is not None:
            self.replay.settle()
            self.replace(self.replay.node_of(self.round, self.index))
        return super().current()

    def replace(self, node: Node) -> None:
        """Replace the whole array by a node."""
        self.elements.clear()
        self.replay = None
        super().replace(node)

    def replace_element(self, position: int, node: Node) -> None:
        """Replace one element by a node."""
        self.current()
        super().replace_element(position, node)


_LATE = frozenset(Storage.__slots__) - {"replay", "is_shared", "has_views"}


class Awaited(Storage):
    """A storage some of whose elements are set when the replay of a loop ends.

    To read anything that they change ends the replay.
    """

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in _ELEMENTS:
            object.__getattribute__(self, "replay").settle()
        return object.__getattribute__(self, name)


_ELEMENTS = frozenset({
    "node", "elements", "dirty", "version", "current", "replace", "save", "restore",
})  # fmt: skip

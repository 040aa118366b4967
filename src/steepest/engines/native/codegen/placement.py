"""The memory of a graph's nodes: inputs, outputs, and intermediate arrays."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.control_flow import constant_data
from steepest.engines.native.codegen.memory import Arena, Slot, View, contiguous, rearranged
from steepest.engines.native.schedule.plan import Plan
from steepest.engines.native.schedule.regions import is_view
from steepest.graph import Node

Position = tuple[ir.Value, ...]


class PlacementState(NamedTuple):
    """A copy of the state of a :class:`Placement`, to return to after a branch."""

    views: dict[Node, View]
    destinations: dict[Node, View]
    differs_at: dict[Node, Position]
    keep: set[Node]
    slots: dict[Node, Slot]
    free: list[Slot]


class Placement:
    """The memory of a graph's nodes.

    Parameters
    ----------
    builder
        Builder of the function.
    arena
        Memory for arrays.
    plan
        The nodes that are stored, and how long.

    Attributes
    ----------
    views
        The memory of each node that is in memory.
    keep
        Nodes whose memory is not used again.
    """

    def __init__(self, builder: Builder, arena: Arena, plan: Plan) -> None:
        self.arena = arena
        self.views: dict[Node, View] = {}
        self.keep: set[Node] = set()
        self._builder, self._plan = builder, plan
        self._destinations: dict[Node, View] = {}
        self._differs_at: dict[Node, Position] = {}
        self._slots: dict[Node, Slot] = {}

    def state(self) -> PlacementState:
        """Return a copy of the current state."""
        return PlacementState(
            dict(self.views),
            dict(self._destinations),
            dict(self._differs_at),
            set(self.keep),
            dict(self._slots),
            self.arena.free_slots(),
        )

    def restore(self, state: PlacementState) -> None:
        """Return to a state."""
        self.views, self.keep = dict(state.views), set(state.keep)
        self._destinations, self._differs_at = dict(state.destinations), dict(state.differs_at)
        self._slots = dict(state.slots)
        self.arena.restore(state.free)

    def bind(self, node: Node, view: View) -> None:
        """Set the memory of a node that is there."""
        self.views[node] = view

    def bind_output(self, node: Node, view: View, differs_at: Position | None = None) -> bool:
        """Have a node computed in `view`; return False if it has another destination.

        `differs_at` is for a node that puts a slice into an array. It is the only index at
        which `view` does not hold the array already.
        """
        if node in self._destinations:
            return False
        self._destinations[node] = view
        if differs_at is not None:
            self._differs_at[node] = differs_at
        return True

    def differs_at(self, node: Node) -> Position:
        """Return the index at which a node's destination must be brought up to date."""
        return self._differs_at.get(node, ())

    def destination(self, node: Node) -> View | None:
        """Return the view in which a node is to be computed, or None."""
        return self._destinations.get(node)

    def allocate(self, node: Node) -> View:
        """Return new memory for a node, which is there from now on."""
        if node in self._slots and node in self.views:  # its loops are emitted a second time
            return self.views[node]
        self.views[node] = view = self._new_place(node)
        return view

    def _new_place(self, node: Node) -> View:
        if node in self._destinations:
            return self._destinations[node]
        if node in self._plan.parts:
            whole, start = self._plan.parts[node]
            around = self._new_place(whole)
            self._destinations[whole] = around
            if around.is_contiguous:
                part = contiguous(around.pointer, node.dtype, node.shape, around.tag)
                return dataclasses.replace(part, offset=around.offset + start)
        view, self._slots[node] = self.arena.allocate(node.dtype, node.shape)
        return view

    def release_after(self, reader: Node) -> None:
        """Free the memory of the nodes that `reader` is the last to read."""
        last_use = self._plan.last_use
        for node in [n for n in self._slots if last_use.get(n) is reader and n not in self.keep]:
            self.arena.release(self._slots.pop(node))

    def constant(self, value: np.ndarray) -> View:
        """Return memory that holds a known array."""
        data = constant_data(self._builder.module, value)
        return contiguous(data, value.dtype, value.shape, is_common=True)

    def view_of(self, node: Node) -> View | None:
        """Return a node's memory, which may be a view of another node's; None if there is none."""
        chain = []
        base = node
        while base not in self.views and is_view(base):
            chain.append(base)
            base = base.operands[0]
        if base not in self.views:
            return None
        view: View | None = self.views[base]
        for step in reversed(chain):
            if view is None:
                return None
            view = rearranged(view, step)
        return view

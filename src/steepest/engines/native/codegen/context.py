"""The methods of a lowering that emitters of reductions and of tiny arrays call."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.memory import Arena, View
from steepest.engines.native.codegen.placement import Placement
from steepest.engines.native.schedule.plan import Plan
from steepest.graph import Node


class LoweringContext(Protocol):
    """A graph being lowered: :class:`~steepest.engines.native.codegen.lowering.Lowering`."""

    builder: Builder
    arena: Arena
    plan: Plan
    memory: Placement
    elements: dict[Node, Any]

    def in_registers(self, node: Node) -> Any:
        """Return a small node's elements; load them if they are in memory."""

    def is_flat(self, node: Node) -> bool:
        """Whether one loop over all elements computes a node and all nodes fused into it."""

    def scope(self) -> AbstractContextManager[None]:
        """Forget the elements computed meanwhile at the end."""

    def element(self, node: Node, at: Any) -> Element:
        """Return the element of a node at a position, computed once in each scope."""

    def computed(self, node: Node, at: Any) -> Element:
        """Compute an element of a node; other nodes in this loop use it."""

    def apply(self, node: Node, operands: Sequence[Element]) -> Element:
        """Emit an elementwise op on elements."""

    def store_at(self, target: View, element: Element, at: Any) -> None:
        """Store an element of an array at the current position of a loop."""

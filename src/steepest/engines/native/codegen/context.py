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
    """A graph being lowered.

    :class:`~steepest.engines.native.codegen.lowering.Lowering` describes the methods.
    """

    builder: Builder
    arena: Arena
    plan: Plan
    memory: Placement
    elements: dict[Node, Any]

    def in_registers(self, node: Node) -> Any: ...
    def is_flat(self, node: Node) -> bool: ...
    def scope(self) -> AbstractContextManager[None]: ...
    def element(self, node: Node, at: Any) -> Element: ...
    def computed(self, node: Node, at: Any) -> Element: ...
    def apply(self, node: Node, operands: Sequence[Element]) -> Element: ...
    def store_at(self, target: View, element: Element, at: Any) -> None: ...

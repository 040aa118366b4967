"""Values that one iteration of a descent hands to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import View, copy
from steepest.engines.native.codegen.types import index
from steepest.engines.native.schedule.regions import REGISTER_LIMIT, is_dynamic_update
from steepest.graph import Node


class Carried:
    """A value that one iteration hands to the next.

    Where all that iterations do to an array is to put a slice into it, its two copies are
    the same but for the last slice that was put. An iteration keeps it so: where it writes
    the next value it writes that slice and its own, and nothing else.

    Parameters
    ----------
    node
        The input that receives it.
    here, there
        The two copies in memory.
    following
        The next value in every iteration that there is; none where the value before is
        looked at from outside.

    Attributes
    ----------
    width
        How many values the loop carries for it: elements, or the two addresses and the
        indices of the last slice that was put.
    """

    def __init__(
        self, builder: Builder, node: Node, here: View, there: View, following: Sequence[Node] = ()
    ) -> None:
        self.node = node
        self.here, self.there = here, there
        self.in_registers = node.size <= REGISTER_LIMIT
        axes = {len(new.operands) - 2 if is_dynamic_update(new, node) else 0 for new in following}
        self._axes = axes.pop() if len(axes) == 1 else 0  # 0 where it is written as a whole
        self.width = node.size if self.in_registers else 2 + self._axes
        self._builder = builder

    def load(self) -> list[ir.Value]:
        """Return what the loop starts with."""
        if self.in_registers:
            return [element.value for element in self.elements(self.here)]
        if self._axes:
            copy(self._builder, self.here, self.there)
        return [self.here.pointer, self.there.pointer, *[index(0)] * self._axes]

    def elements(self, view: View) -> list[Element]:
        """Return the elements of one of the copies."""
        builder = self._builder
        return [
            view.load(builder, view.at_offset(builder, index(i))) for i in range(self.node.size)
        ]

    def bind(self, lowering: Lowering, values: Sequence[ir.Value]) -> None:
        """Let the iteration see the values."""
        if self.in_registers:
            self.bound = as_elements(self._builder, self.node, values)
            lowering.elements[self.node] = self.bound
        else:
            lowering.memory.bind(self.node, dataclasses.replace(self.here, pointer=values[0]))
            self.target = dataclasses.replace(self.here, pointer=values[1])
            self._last = tuple(values[2:])

    def direct(self, lowering: Lowering, node: Node) -> None:
        """Let the next value be computed where the next iteration looks for it."""
        if self.in_registers:
            return
        differs_at = self._last if self._axes else None
        if lowering.memory.bind_output(node, self.target, differs_at) and self._axes:
            lowering.memory.keep.update(node.operands[2:])  # they are carried on

    def next(self, lowering: Lowering, node: Node, values: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the values for the next iteration, where `node` is the new value."""
        if self.in_registers:
            return [element.value for element in lowering.in_registers(node).reshape(-1)]
        lowering.store(node, self.target)
        indices = node.operands[2:] if self._axes else ()
        at = lowering.position_of(indices, node.shape, node)
        return [values[1], values[0], *at]

    def save(self, values: Sequence[ir.Value]) -> None:
        """Write values in registers back to memory."""
        if self.in_registers:
            for i, value in enumerate(values):
                element = self._builder.element(value, self.node.dtype)
                self.here.store(
                    self._builder, element, self.here.at_offset(self._builder, index(i))
                )


def as_elements(builder: Builder, node: Node, values: Sequence[ir.Value]) -> np.ndarray:
    """Return values in registers as the elements of a node."""
    result = np.empty(node.size, object)
    for i, value in enumerate(values):
        result[i] = builder.element(value, node.dtype)
    return result.reshape(node.shape)

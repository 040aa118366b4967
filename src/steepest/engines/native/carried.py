"""Values that one iteration of a descent hands to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.builder import Builder
from steepest.engines.native.element import Element
from steepest.engines.native.lower import Lowering
from steepest.engines.native.memory import View
from steepest.engines.native.region import REGISTER_LIMIT
from steepest.engines.native.types import index
from steepest.graph import Node


class Carried:
    """A value that one iteration hands to the next.

    Parameters
    ----------
    node
        The input that receives it.
    here, there
        The two copies in memory.
    """

    def __init__(self, builder: Builder, node: Node, here: View, there: View) -> None:
        self.node = node
        self.here, self.there = here, there
        self.in_registers = node.size <= REGISTER_LIMIT
        self._builder = builder

    def load(self) -> list[ir.Value]:
        """Return what the loop starts with: elements, or the two addresses."""
        if not self.in_registers:
            return [self.here.pointer, self.there.pointer]
        return [element.value for element in self.elements(self.here)]

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
            lowering.views[self.node] = dataclasses.replace(self.here, pointer=values[0])
            self.target = dataclasses.replace(self.here, pointer=values[1])

    def next(self, lowering: Lowering, node: Node, values: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the values for the next iteration, where `node` is the new value."""
        if self.in_registers:
            return [element.value for element in lowering.in_registers(node).reshape(-1)]
        lowering.store(node, self.target)
        return [values[1], values[0]]

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

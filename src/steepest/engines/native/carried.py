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


def is_put(node: Node, into: Node) -> bool:
    """Whether a value is another one but for a stretch, at a place computed."""
    if node.op.name != "put_at" or node.operands[0] is not into:
        return False
    return node.operands[2].ndim == 0 and into.size > REGISTER_LIMIT


class Carried:
    """A value that one iteration hands to the next.

    Where every iteration only puts a stretch into an array, the copies differ by the last
    stretch: so both are written in two places, and not everywhere.

    Parameters
    ----------
    node
        The input that receives it.
    here, there
        The two copies in memory.
    following
        The next value, in every iteration that there is.

    Attributes
    ----------
    width
        How many values the loop carries for it: elements, or the two addresses and the
        indices of the last stretch that was put.
    """

    def __init__(
        self, builder: Builder, node: Node, here: View, there: View, following: Sequence[Node]
    ) -> None:
        self.node = node
        self.here, self.there = here, there
        self.in_registers = node.size <= REGISTER_LIMIT
        self._puts = all(is_put(new, node) for new in following)
        self._axes = len(following[0].operands) - 2 if self._puts else 0
        self.width = node.size if self.in_registers else 2 + self._axes
        self._builder = builder

    def load(self) -> list[ir.Value]:
        """Return what the loop starts with."""
        if self.in_registers:
            return [element.value for element in self.elements(self.here)]
        if self._puts:
            with self._builder.loop(self.node.size) as i:
                element = self.here.load(self._builder, self.here.at_offset(self._builder, i))
                self.there.store(self._builder, element, self.there.at_offset(self._builder, i))
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
            lowering.views[self.node] = dataclasses.replace(self.here, pointer=values[0])
            self.target = dataclasses.replace(self.here, pointer=values[1])
            self._last = tuple(values[2:])

    def direct(self, lowering: Lowering, node: Node) -> None:
        """Let the next value be computed where the next iteration looks for it."""
        if not self.in_registers and node not in lowering.destinations:
            lowering.destinations[node] = self.target
            if self._puts:
                lowering.differs_at[node] = self._last

    def next(self, lowering: Lowering, node: Node, values: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the values for the next iteration, where `node` is the new value."""
        if self.in_registers:
            return [element.value for element in lowering.in_registers(node).reshape(-1)]
        lowering.store(node, self.target)
        at = lowering.place_in(node.operands[2:], node) if self._puts else ()
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

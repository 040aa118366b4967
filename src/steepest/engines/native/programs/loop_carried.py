"""Values that one iteration of a descent hands to the next."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import View, copy
from steepest.engines.native.codegen.types import index
from steepest.engines.native.schedule.regions import REGISTER_LIMIT, is_dynamic_update
from steepest.graph import Node


class Carried:
    """A value that one iteration hands to the next.

    A small value is in registers. A large one has two copies in memory, the current one and
    the previous one, which change places at each update.

    If every iteration only puts a slice into an array, its copies differ only in the slice
    that was put last. An iteration then writes that slice and its own, and nothing else.

    Parameters
    ----------
    node
        The input that receives it.
    current, previous
        The two copies in memory.
    following
        The next value on each path; none if the previous value is read from outside.
    """

    def __init__(
        self,
        builder: Builder,
        node: Node,
        current: View,
        previous: View,
        following: Sequence[Node] = (),
    ) -> None:
        self.node = node
        self.current, self.previous = current, previous
        self.in_registers = node.size <= REGISTER_LIMIT
        axes = {len(new.operands) - 2 if is_dynamic_update(new, node) else 0 for new in following}
        self._slice_axes = axes.pop() if len(axes) == 1 else 0  # 0 if it is written as a whole
        self._builder = builder

    def load(self) -> list[ir.Value]:
        """Return the values with which the loop starts.

        They are the elements, or the addresses of both copies and the indices of the slice
        that was put last.
        """
        if self.in_registers:
            return [element.value for element in self.current.load_all(self._builder)]
        if self._slice_axes:
            copy(self._builder, self.current, self.previous)
        return [self.current.pointer, self.previous.pointer, *[index(0)] * self._slice_axes]

    def bind(self, lowering: Lowering, values: Sequence[ir.Value]) -> None:
        """Bind the input to the values that the loop carries."""
        if self.in_registers:
            self.bound = as_elements(self._builder, self.node, values)
            lowering.elements[self.node] = self.bound
        else:
            lowering.memory.bind(self.node, dataclasses.replace(self.current, pointer=values[0]))
            self.target = dataclasses.replace(self.current, pointer=values[1])
            self._last_slice = tuple(values[2:])

    def direct(self, lowering: Lowering, node: Node) -> None:
        """Let the next value, `node`, be computed in the copy that becomes the current one."""
        if self.in_registers:
            return
        differs_at = self._last_slice if self._slice_axes else None
        if lowering.memory.bind_output(node, self.target, differs_at) and self._slice_axes:
            lowering.memory.keep.update(node.operands[2:])  # they are carried on

    def next(self, lowering: Lowering, node: Node, values: Sequence[ir.Value]) -> list[ir.Value]:
        """Return the values that the loop carries on, if `node` is the new value."""
        if self.in_registers:
            return [element.value for element in lowering.in_registers(node).reshape(-1)]
        lowering.store(node, self.target)
        indices = node.operands[2:] if self._slice_axes else ()
        at = lowering.position_of(indices, node.shape, node)
        return [values[1], values[0], *at]

    def save(self, values: Sequence[ir.Value]) -> None:
        """Write values in registers back to memory."""
        if self.in_registers:
            elements = as_elements(self._builder, self.node, values)
            self.current.store_all(self._builder, elements.reshape(-1))


def as_elements(builder: Builder, node: Node, values: Sequence[ir.Value]) -> np.ndarray:
    """Return values in registers as the elements of a node."""
    result = np.empty(node.size, object)
    for i, value in enumerate(values):
        result[i] = builder.element(value, node.dtype)
    return result.reshape(node.shape)

"""Arithmetic of indices, such as from a position to a flat index and back."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence

from steepest.engines.native import ir
from steepest.engines.native.codegen.control_flow import Control
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.types import index
from steepest.graph import Shape


class Places(Control):
    """A function being written, with arithmetic of the indices of its loops."""

    @abc.abstractmethod
    def truth_of(self, value: ir.Value) -> Element:
        """Return a bit as an element."""

    def index(self, value: int) -> ir.Value:
        return index(value)

    def compare_places(self, symbol: str, i: ir.Value, j: ir.Value) -> Element:
        """Return whether two indices compare as a symbol such as ``<`` says."""
        return self.truth_of(self.ir.icmp_signed(symbol, i, j))

    def add_places(self, i: ir.Value, j: ir.Value) -> ir.Value:
        """Return the sum of two indices."""
        return self.ir.add(i, j)

    def affine(self, i: ir.Value, first: int, step: int) -> ir.Value:
        """Return ``first + step * i``."""
        scaled = i if step == 1 else self.ir.mul(i, index(step))
        return scaled if first == 0 else self.ir.add(scaled, index(first))

    def invert_affine(
        self, i: ir.Value, first: int, number: int, step: int
    ) -> tuple[Element, ir.Value]:
        """Return whether ``i`` is ``first + step * j`` for a ``j < number``, and ``j``.

        If it is not, ``j`` is 0, an index that is safe to read.
        """
        offset = self.ir.sub(i, index(first))
        if step == 1:
            j = offset
            within = self.ir.icmp_unsigned("<", j, index(number))
        else:
            j = self.ir.sdiv(offset, index(step))
            exact = self.ir.icmp_signed("==", self.ir.mul(j, index(step)), offset)
            within = self.ir.and_(exact, self.ir.icmp_unsigned("<", j, index(number)))
        return self.truth_of(within), self.ir.select(within, j, index(0))

    def ravel(self, position: Sequence[ir.Value], shape: Shape) -> ir.Value:
        """Return the flat index of a position."""
        flat, stride = index(0), 1
        for i, extent in zip(reversed(position), reversed(shape), strict=True):
            if extent != 1:
                flat = self.ir.add(flat, i if stride == 1 else self.ir.mul(i, index(stride)))
            stride *= extent
        return flat

    def unravel(self, flat: ir.Value, shape: Shape) -> tuple[ir.Value, ...]:
        """Return the position of a flat index."""
        position: list[ir.Value] = []
        for axis, extent in reversed(list(enumerate(shape))):
            if extent == 1:
                position.append(index(0))
            elif math.prod(shape[:axis]) == 1:
                position.append(flat)
                flat = index(0)
            else:
                position.append(self.ir.urem(flat, index(extent)))
                flat = self.ir.udiv(flat, index(extent))
        return tuple(reversed(position))

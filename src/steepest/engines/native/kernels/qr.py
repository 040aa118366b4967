"""QR factors of small matrices, and triangular systems."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import Cell, View
from steepest.engines.native.codegen.registry import kernel
from steepest.engines.native.codegen.types import index
from steepest.engines.native.kernels.lapack.spectral import triangle_by_blocks, triangle_by_lapack
from steepest.graph import Node
from steepest.ops.linear_algebra.triangular import is_small, is_tall


class Matrix:
    """A matrix in memory whose elements are read and written one by one."""

    def __init__(self, builder: Builder, view: View, ahead: tuple[ir.Value, ...] = ()) -> None:
        self._builder, self._view, self._ahead = builder, view, ahead

    def get(self, i: ir.Value, j: ir.Value) -> Element:
        """Return an element."""
        return self._view.load(self._builder, self._at(i, j))

    def set(self, i: ir.Value, j: ir.Value, value: Element) -> None:
        """Write an element."""
        self._view.store(self._builder, value, self._at(i, j))

    def _at(self, i: ir.Value, j: ir.Value) -> ir.Value:
        return self._view.address(self._builder, (*self._ahead, i, j))


@kernel("triangle")
def triangle(lowering: Lowering, node: Node) -> None:
    """Compute the triangular factor of a matrix; LAPACK does that for large ones."""
    (_by_reflections if is_small(node) else triangle_by_lapack)(lowering, node)


@kernel("fit_triangle")
def fit_triangle(lowering: Lowering, node: Node) -> None:
    """Compute the triangular factor of the rows of a fit, by blocks if there are many."""
    (triangle_by_blocks if is_tall(node) else triangle)(lowering, node)


def _by_reflections(lowering: Lowering, node: Node) -> None:
    """Reflect each column onto its diagonal element (Householder 1958)."""
    builder = lowering.builder
    (operand,) = node.operands
    rows, columns = operand.shape[-2:]
    target = lowering.memory.allocate(node)
    view, slot = lowering.arena.allocate(node.dtype, (columns, rows))
    work = Matrix(builder, view)  # transposed: a column's elements follow each other
    with builder.loops(node.shape[:-2]) as ahead, lowering.scope():
        result = Matrix(builder, target, ahead)
        scale, unscale = _copy_scaled(lowering, operand, ahead, work)
        with builder.loops((columns, rows)) as (j, i):
            work.set(j, i, work.get(j, i) * scale)
        with builder.range(index(0), index(columns)) as k:
            _reflect(builder, work, k, rows, columns)
            with builder.range(index(0), k) as j:
                result.set(k, j, builder.zero(node.dtype))
            with builder.range(k, index(columns)) as j:
                result.set(k, j, work.get(j, k) * unscale)
    lowering.arena.release(slot)


def _copy_scaled(
    lowering: Lowering, operand: Node, ahead: tuple[ir.Value, ...], work: Matrix
) -> tuple[Element, Element]:
    """Copy a matrix; return the power of two that scales it to about 1, and the inverse.

    In the scaled matrix no square overflows, and no square that matters underflows.
    """
    builder, (rows, columns) = lowering.builder, operand.shape[-2:]
    largest = Cell(builder, builder.zero(operand.dtype))
    with builder.loops((rows, columns)) as (i, j), lowering.scope():
        element = lowering.element(operand, (*ahead, i, j))
        work.set(j, i, element)
        size = builder.fabs(element)
        largest.set(builder.select(size > largest.get(), size, largest.get()))
    top = largest.get()
    digits = np.finfo(operand.dtype).nmant
    bias = 2 * (1 << (operand.dtype.itemsize * 8 - digits - 2)) - 2
    exponent = builder.shift_right(builder.to_bits(top), digits)
    ordinary = (exponent > 0) & (exponent < bias)
    down = builder.of_bits(builder.shift_left(-(exponent - bias), digits), top)
    up = builder.of_bits(builder.shift_left(exponent, digits), top)
    return builder.select(ordinary, down, 1.0), builder.select(ordinary, up, 1.0)


def _reflect(builder: Builder, work: Matrix, k: ir.Value, rows: int, columns: int) -> None:
    """Reflect column k onto its diagonal element, and with it the columns to its right."""
    following = builder.ir.add(k, index(1))
    alpha = work.get(k, k)
    rest = _sum(builder, following, rows, alpha, lambda i: work.get(k, i) * work.get(k, i))
    is_done = rest == 0
    norm = builder.copysign(builder.sqrt(alpha * alpha + rest), alpha)
    diagonal = builder.select(is_done, alpha, -norm)
    head = alpha - diagonal
    shape = builder.select(is_done, 0.0, builder.number(-1, alpha.dtype) / (diagonal * head))
    work.set(k, k, head)
    with builder.range(following, index(columns)) as j:
        overlap = _sum(builder, k, rows, alpha, lambda i: work.get(k, i) * work.get(j, i))
        share = overlap * shape
        with builder.range(k, index(rows)) as i:
            work.set(j, i, work.get(j, i) - share * work.get(k, i))
    work.set(k, k, diagonal)


def _sum(
    builder: Builder,
    start: ir.Value,
    stop: int,
    like: Element,
    term: Callable[[ir.Value], Element],
) -> Element:
    total = Cell(builder, builder.zero(like.dtype))
    with builder.range(start, index(stop)) as i:
        total.set(total.get() + term(i))
    return total.get()


@kernel("solve_triangle")
def solve_triangle(lowering: Lowering, node: Node) -> None:
    """Solve a triangular system by back substitution."""
    builder = lowering.builder
    triangle, right = node.operands
    rows, columns = node.shape[-2:]
    target = lowering.memory.allocate(node)
    with builder.loops(node.shape[:-2]) as ahead, lowering.scope():
        result = Matrix(builder, target, ahead)
        with builder.loops((columns, rows)) as (column, step), lowering.scope():
            i = builder.ir.sub(index(rows - 1), step)
            rest = Cell(builder, lowering.element(right, (*ahead, i, column)))
            with builder.range(builder.ir.add(i, index(1)), index(rows)) as j, lowering.scope():
                known = lowering.element(triangle, (*ahead, i, j)) * result.get(j, column)
                rest.set(rest.get() - known)
            result.set(i, column, rest.get() / lowering.element(triangle, (*ahead, i, i)))

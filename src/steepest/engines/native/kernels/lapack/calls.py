"""Emits calls of LAPACK and BLAS on matrices in memory.

LAPACK's matrices are in column-major order. A matrix in C order is the transpose of one, so that
a lower triangle is an upper one for LAPACK.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.lowering import Lowering
from steepest.engines.native.codegen.memory import View, contiguous, transposed
from steepest.engines.native.codegen.registry import LoopKernel, kernel
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit import lapack_symbols
from steepest.engines.native.jit.lapack_symbols import (
    GET_THREADS,
    LOCK,
    RUNNING,
    SAVED,
    SET_THREADS,
    STATE,
)
from steepest.engines.native.kernels.host import host
from steepest.graph import Node

INT = ir.IntType(32)
INT_DTYPE = np.dtype(np.int32)

_VOID = ir.VoidType()

_TILE = 16
"""Rows and columns that are transposed at a time: a cache line or two for each of them."""

_LEAF = 64
"""Most rows of a triangle that LAPACK inverts in one call."""

Argument = str | int | float | ir.Value


UNROLLED: dict[str, LoopKernel] = {}
"""Kernels for stacks of matrices of at most `UNROLLED_ROWS` rows and columns, by name."""

UNROLLED_ROWS = 4


def lapack_kernel(name: str) -> Callable[[LoopKernel], LoopKernel]:
    """Register the decorated function as the kernel of this name where LAPACK can compute it.

    NumPy computes empty matrices, and all matrices if SciPy's functions are not as expected.
    """

    def register(emit: LoopKernel) -> LoopKernel:
        def choose(lowering: Lowering, node: Node) -> None:
            chosen = emit if _is_served(node) else host
            if chosen is emit and _is_unrolled(node):
                chosen = UNROLLED.get(name, emit)
            chosen(lowering, node)

        return kernel(name)(choose)

    return register


def _is_served(node: Node) -> bool:
    is_filled = all(0 not in x.shape for x in (node, *node.operands))
    is_known = all(x.dtype in (np.float32, np.float64) for x in node.operands)
    return is_filled and is_known and lapack_symbols.is_available()


def _is_unrolled(node: Node) -> bool:
    return all(max(x.shape[-2:]) <= UNROLLED_ROWS for x in node.operands)


class Caller:
    """Calls functions of LAPACK and BLAS for one precision.

    Parameters
    ----------
    builder
        Builder of the function that calls.
    dtype
        Of the matrices.
    """

    def __init__(self, builder: Builder, dtype: np.dtype) -> None:
        self._builder, self._dtype = builder, dtype
        self._letter = "d" if dtype == np.float64 else "s"
        self._code = builder.alloca(INT)

    @property
    def code(self) -> ir.Value:
        """The error code of the last call."""
        return self._builder.ir.load(self._code, typ=INT)

    def failed(self) -> ir.Value:
        """Return whether the last call returned an error code."""
        return self._builder.ir.icmp_unsigned("!=", self.code, ir.Constant(INT, 0))

    def blas(self, name: str, *arguments: Argument) -> None:
        """Call a function of BLAS, named without its letter."""
        symbol = lapack_symbols.symbol(self._letter + name)
        pointers = [self._pointer(argument) for argument in arguments]
        function = _declared(
            self._builder, symbol, ir.FunctionType(_VOID, [POINTER] * len(pointers))
        )
        self._builder.ir.call(function, pointers)

    def lapack(self, name: str, *arguments: Argument) -> None:
        """Call a function of LAPACK, whose last argument is the error code."""
        self.blas(name, *arguments, self._code)

    def work_sizes(
        self, name: str, *arguments: str | int | None, of: tuple[str, ...]
    ) -> list[int]:
        """Return the sizes of work arrays: see :func:`lapack_symbols.work_sizes`."""
        return lapack_symbols.work_sizes(self._letter + name, arguments, of)

    def _pointer(self, argument: Argument) -> ir.Value:
        if isinstance(argument, ir.Value):
            return argument
        if isinstance(argument, str):
            value: ir.Value = ir.Constant(ir.IntType(8), ord(argument))
        elif isinstance(argument, int):
            value = ir.Constant(INT, argument)
        else:
            value = self._builder.number(argument, self._dtype).value
        place = self._builder.alloca(value.type)
        with self._builder.at_entry():
            self._builder.ir.store(value, place)
        return place


def _declared(builder: Builder, symbol: str, kind: ir.FunctionType) -> ir.Function:
    known: ir.Function | None = builder.module.globals.get(symbol)
    return known or ir.Function(builder.module, kind, symbol)


@contextlib.contextmanager
def calling(lowering: Lowering, dtype: np.dtype) -> Iterator[Caller]:
    """Yield what calls LAPACK; the library has one thread meanwhile."""
    builder = lowering.builder
    limits = lapack_symbols.limits_threads()
    if limits:
        builder.ir.call(_switch(builder, "begin"), [])
    yield Caller(builder, dtype)
    if limits:
        builder.ir.call(_switch(builder, "end"), [])


def _switch(builder: Builder, name: str) -> ir.Function:
    """Return the function that begins or ends a time with one thread."""
    module = builder.module
    symbol = f"lapack.{name}"
    known: ir.Function | None = module.globals.get(symbol)
    if known is not None:
        return known
    function = ir.Function(module, ir.FunctionType(_VOID, []), symbol)
    function.linkage = "internal"
    function.attributes.add("noinline")
    inner = Builder(function)
    b = inner.ir
    state = _declared(inner, lapack_symbols.symbol(STATE), ir.FunctionType(_VOID, []))
    lock, running, saved = (
        b.gep(state, [index(place)], source_etype=INDEX) for place in (LOCK, RUNNING, SAVED)
    )
    attempt, locked = (function.append_basic_block(block) for block in ("attempt", "locked"))
    b.branch(attempt)
    b.position_at_end(attempt)
    before = b.atomic_rmw("xchg", lock, index(1), "seq_cst")
    b.cbranch(b.icmp_unsigned("==", before, index(0)), locked, attempt)
    b.position_at_end(locked)
    others: ir.Value = b.load(running, typ=INDEX)
    if name == "begin":
        b.store(b.add(others, index(1)), running)
    else:
        others = b.sub(others, index(1))
        b.store(others, running)
    is_alone = b.icmp_unsigned("==", others, index(0))
    read = _declared(inner, lapack_symbols.symbol(GET_THREADS), ir.FunctionType(INT, []))
    write = _declared(inner, lapack_symbols.symbol(SET_THREADS), ir.FunctionType(_VOID, [INT]))
    with b.if_then(is_alone):
        if name == "begin":
            threads = b.call(read, [])
            b.store(b.sext(threads, INDEX), saved)
            b.call(write, [ir.Constant(INT, 1)])
        else:
            b.call(write, [b.trunc(b.load(saved, typ=INDEX), INT)])
    b.store_atomic(index(0), lock, "seq_cst", 8)
    b.ret_void()
    return function


# Matrices.


def space(lowering: Lowering, dtype: np.dtype, shape: tuple[int, ...]) -> View:
    """Return memory for the rest of a kernel, which allocates nothing else."""
    view, slot = lowering.arena.allocate(dtype, shape)
    lowering.arena.release(slot)
    return view


def copy_matrix(builder: Builder, source: View, target: View) -> None:
    """Copy a matrix. If one is the other transposed in memory, tiles fit in the first cache."""
    if source.strides[0] == target.strides[0] == 1:
        source, target = transposed(source), transposed(target)
    rows, columns = target.shape
    if source.strides[1] == target.strides[1] or 1 in (rows, columns):
        tiles = [(0, 1, columns)]
    else:
        whole = columns // _TILE
        tiles = [(0, whole, _TILE), (whole * _TILE, 1, columns % _TILE)]
    for first, count, width in tiles:
        if not count or not width:
            continue
        with builder.loops((count, rows, width)) as (tile, row, column):
            place = builder.ir.add(builder.affine(tile, first, width), column)
            element = source.load(builder, source.address(builder, (row, place)))
            target.store(builder, element, target.address(builder, (row, place)))


def copy_lower(builder: Builder, source: View, target: View) -> None:
    """Copy the lower triangle of a matrix; zeros above."""
    with builder.loops(target.shape) as (row, column):
        element = source.load(builder, source.address(builder, (row, column)))
        is_lower = builder.compare_places("<=", column, row)
        element = builder.select(is_lower, element, builder.zero(target.dtype))
        target.store(builder, element, target.address(builder, (row, column)))


def vector_at(view: View, start: int, shape: tuple[int, ...]) -> View:
    """Return the part of a vector in memory from an offset, as a matrix in C order."""
    inside = contiguous(view.pointer, view.dtype, shape, view.tag, view.is_common)
    return dataclasses.replace(inside, offset=view.offset + start)


def invert_upper(
    builder: Builder,
    call: Caller,
    matrix: View,
    node: Node | None = None,
    start: int = 0,
    size: int | None = None,
) -> None:
    """Invert an upper triangle in column-major order, or a part of it.

    Most of the work is products of the halves, which are faster than LAPACK's own inversion. A
    zero on the diagonal is an error of the node, if one is given.
    """
    distance = matrix.shape[0]
    size = distance if size is None else size
    own = matrix.at_offset(builder, index(start * (distance + 1)))
    if size <= _LEAF:
        call.lapack("trtri", "U", "N", size, own, distance)
        if node is not None:
            builder.fail_if(call.failed(), node)
        return
    first = size // 2
    second, middle = size - first, start + first
    invert_upper(builder, call, matrix, node, start, first)
    invert_upper(builder, call, matrix, node, middle, second)
    beside = matrix.at_offset(builder, index(middle * distance + start))
    after = matrix.at_offset(builder, index(middle * (distance + 1)))
    for side, scale, factor in (("L", -1.0, own), ("R", 1.0, after)):
        shape = (first, second)
        call.blas("trmm", side, "U", "N", "N", *shape, scale, factor, distance, beside, distance)

"""Calls from Python: machine code looks into NumPy's array objects itself.

Asking an array for its address, its flags and its shape takes Python a microsecond each
time; their places in the object are part of NumPy's binary interface, which every compiled
extension relies on. One function, made once in a process, checks the arrays of a call and
hands their addresses to the program.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from steepest.engines.native.jit import Code
from steepest.engines.native.types import INDEX, POINTER, index

OTHER_KIND = -(1 << 62)
"""What a call returns if an array is not of the shape, dtype and order compiled for."""

_INT = ir.IntType(32)
_ALIGNED_IN_ORDER = 0x0101  # flags of NumPy's interface: C contiguous, and aligned

# The beginning of an array object: data, ndim, shape, strides, base, dtype, flags.
_DATA, _NDIM, _SHAPE, _DTYPE, _FLAGS = 0, 8, 16, 40, 48
_HEADER = object.__basicsize__  # what every object starts with; its type comes last
_ITEMS = tuple.__basicsize__

# The description of a program: its function, its number of inputs, of arrays in all, the
# type of arrays; then for each input its dtype, number of axes and shape.
_FUNCTION, _INPUTS, _ARRAYS, _TYPE, _FIRST = range(5)


def describe(
    function: int, inputs: Sequence[tuple[tuple[int, ...], np.dtype]], others: int
) -> np.ndarray:
    """Return what :func:`invoke` needs to know of a program.

    Parameters
    ----------
    function
        Address of the program's function.
    inputs
        Shape and dtype of each input.
    others
        How many arrays there are besides, which are not checked.
    """
    words = [function, len(inputs), len(inputs) + others, id(np.ndarray)]
    for shape, dtype in inputs:
        words += [id(dtype), len(shape), *shape]
    return np.array(words, np.int64)


@functools.cache
def invoke() -> Callable[[int, int], int] | None:
    """Return the function that calls a program.

    It takes the ids of a tuple of arrays (the inputs, then the others) and the address of
    the program's description, and returns what the program returns, or
    :data:`OTHER_KIND`. It is None where arrays are not laid out as expected.
    """
    if not _layout_is_known():
        return None
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(_code().address)


@functools.cache
def _code() -> Code:
    return Code(_module(), "invoke")


def _layout_is_known() -> bool:
    """Whether an array and a tuple can be read as expected."""
    if sys.implementation.name != "cpython":
        return False
    array = np.zeros((3, 5), np.float32)
    pair = (None, array)

    def word(address: int, kind: Any = ctypes.c_int64) -> int:
        return kind.from_address(address).value

    place = id(array) + _HEADER
    shape = word(place + _SHAPE)
    return (
        word(id(pair) + _ITEMS + 8) == id(array)
        and word(place - 8) == id(np.ndarray)
        and word(place + _DATA) == array.__array_interface__["data"][0]
        and word(place + _NDIM, ctypes.c_int32) == 2
        and [word(shape), word(shape + 8)] == [3, 5]
        and word(place + _DTYPE) == id(array.dtype)
        and word(place + _FLAGS, ctypes.c_int32) == array.flags.num
    )


class _Writer:
    """Writes the function, with loads at byte offsets and early returns."""

    def __init__(self, function: ir.Function) -> None:
        self.function = function
        self.b = ir.IRBuilder(function.append_basic_block("entry"))

    def load(self, pointer: ir.Value, offset: int | ir.Value, kind: ir.Type = INDEX) -> ir.Value:
        place = index(offset) if isinstance(offset, int) else offset
        address = self.b.gep(pointer, [place], source_etype=ir.IntType(8))
        return self.b.load(address, typ=kind)

    def require(self, found: ir.Value, expected: ir.Value, otherwise: ir.Block) -> None:
        fine = self.function.append_basic_block("fine")
        self.b.cbranch(self.b.icmp_unsigned("==", found, expected), fine, otherwise)
        self.b.position_at_end(fine)

    def each(self, first: ir.Value, stop: ir.Value, body: Callable[[ir.Value], None]) -> None:
        """Repeat for an index from `first` to below `stop`, maybe never."""
        before = self.b.block
        head, inside, after = (
            self.function.append_basic_block(name) for name in ("head", "inside", "after")
        )
        self.b.branch(head)
        self.b.position_at_end(head)
        i = self.b.phi(INDEX)
        i.add_incoming(first, before)
        self.b.cbranch(self.b.icmp_signed("<", i, stop), inside, after)
        self.b.position_at_end(inside)
        body(i)
        i.add_incoming(self.b.add(i, index(1)), self.b.block)
        self.b.branch(head)
        self.b.position_at_end(after)


def _module() -> ir.Module:
    module = ir.Module("invoke")
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, POINTER]), "invoke")
    arrays, program = function.args
    w = _Writer(function)
    b = w.b
    other_kind = function.append_basic_block("other_kind")
    inputs, count = (w.load(program, 8 * place) for place in (_INPUTS, _ARRAYS))
    table = b.alloca(POINTER, count)
    place = b.alloca(INDEX)  # of the description's next word
    b.store(index(8 * _FIRST), place)

    def next_word() -> ir.Value:
        here = b.load(place, typ=INDEX)
        b.store(b.add(here, index(8)), place)
        return w.load(program, here)

    def item(i: ir.Value) -> ir.Value:
        found = w.load(arrays, b.add(b.mul(i, index(8)), index(_ITEMS)), POINTER)
        return b.gep(found, [index(_HEADER)], source_etype=ir.IntType(8))

    def take(i: ir.Value) -> None:
        target = b.gep(table, [i], source_etype=POINTER)
        b.store(w.load(item(i), _DATA, POINTER), target)

    def check(i: ir.Value) -> None:
        array = item(i)
        w.require(w.load(array, -8), w.load(program, 8 * _TYPE), other_kind)
        w.require(w.load(array, _DTYPE), next_word(), other_kind)
        flags = b.and_(w.load(array, _FLAGS, _INT), ir.Constant(_INT, _ALIGNED_IN_ORDER))
        w.require(flags, ir.Constant(_INT, _ALIGNED_IN_ORDER), other_kind)
        ndim = b.sext(w.load(array, _NDIM, _INT), INDEX)
        w.require(ndim, next_word(), other_kind)
        shape = w.load(array, _SHAPE, POINTER)
        w.each(
            index(0),
            ndim,
            lambda axis: w.require(w.load(shape, b.mul(axis, index(8))), next_word(), other_kind),
        )
        take(i)

    w.each(index(0), inputs, check)
    w.each(inputs, count, take)
    target = w.load(program, 8 * _FUNCTION, POINTER)
    target.type = ir.FunctionType(INDEX, [POINTER, INDEX, INDEX]).as_pointer()
    b.ret(b.call(target, [table, index(0), index(0)]))
    b.position_at_end(other_kind)
    b.ret(index(OTHER_KIND))
    return module

"""Calls from Python in which machine code reads NumPy's array objects itself.

Python takes a microsecond to read an array's address, flags or shape. Their offsets in the
object are part of NumPy's binary interface, on which every compiled extension relies. One
function, made once in a process, checks the arrays of a call and calls the program with their
addresses.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit.compile import Code, once
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.graph import Shape

OTHER_KIND = -(1 << 62)
"""The result of a call with an array of another shape, dtype or order than compiled for."""

_INT = ir.IntType(32)
_ALIGNED_IN_ORDER = 0x0101  # flags of NumPy's C interface: C contiguous, and aligned

# Offsets in an array object, whose fields are: data, ndim, shape, strides, base, dtype, flags.
_DATA, _NDIM, _SHAPE, _DTYPE, _FLAGS = 0, 8, 16, 40, 48
# In a dtype object: kind, character, byte order, a byte without meaning, and number.
_WORD, _MEANING = 8, ~(0xFF << 24)
_HEADER = object.__basicsize__  # bytes at the start of every object; its type comes last
ITEMS = tuple.__basicsize__
"""Offset of a tuple's first item."""


class Header:
    """The first words of a description, by name.

    A description is an array of 64-bit words that says how a program is called. Python writes
    it and machine code reads it. The words that follow the header are read in order.

    Parameters
    ----------
    names
        The names of the words, in order.
    """

    def __init__(self, *names: str) -> None:
        self._offsets = {name: 8 * place for place, name in enumerate(names)}
        self.size = 8 * len(names)

    def write(self, **words: int) -> list[int]:
        """Return the words in order; each name is given once."""
        assert words.keys() == self._offsets.keys()
        return [words[name] for name in self._offsets]

    def read(self, w: Writer, description: ir.Value, name: str, kind: ir.Type = INDEX) -> ir.Value:
        """Emit the load of a word."""
        return w.load(description, self._offsets[name], kind)


_HEADER_OF_CALL = Header("function", "inputs", "arrays", "type")
"""The program, its number of inputs, its number of arrays in all, and NumPy's array type."""


def array_words(shape: Shape, dtype: np.dtype) -> list[int]:
    """Return the words with which :func:`check_array` compares: dtype, number of axes, shape."""
    return [word_of(dtype), len(shape), *shape]


def word_of(dtype: np.dtype) -> int:
    """Return a word that identifies a dtype of numbers.

    The address of the dtype object would not do: an array out of a pickle has its own object.
    """
    characters = [ord(x) for x in (dtype.kind, dtype.char, dtype.byteorder)]
    return int.from_bytes(bytes(characters), "little") | dtype.num << 32


def describe(function: int, inputs: Sequence[tuple[Shape, np.dtype]], others: int) -> np.ndarray:
    """Return the description of a program for :func:`invoke`.

    Parameters
    ----------
    function
        Address of the program's function.
    inputs
        Shape and dtype of each input.
    others
        Number of further arrays, which are not checked.
    """
    arrays = len(inputs) + others
    words = _HEADER_OF_CALL.write(
        function=function, inputs=len(inputs), arrays=arrays, type=id(np.ndarray)
    )
    for shape, dtype in inputs:
        words += array_words(shape, dtype)
    return np.array(words, np.int64)


@once
def invoke() -> Callable[[int, int], int] | None:
    """Return the function that calls a program; None if arrays are not laid out as expected.

    It takes the id of a tuple of arrays (the inputs, then the others) and the address of the
    program's description. It returns the program's result, or :data:`OTHER_KIND`.
    """
    if not layout_is_known():
        return None
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(_code().address)


@once
def _code() -> Code:
    return Code(_module(), "invoke")


_SOME_DTYPES = [np.dtype(x) for x in ("f4", "f8", "i8", "u1", "?", ">f8", "c16")]


@functools.cache
def layout_is_known() -> bool:
    """Whether arrays and tuples are laid out as expected."""
    if sys.implementation.name != "cpython":
        return False
    array = np.zeros((3, 5), np.float32)
    pair = (None, array)

    def word(address: int, kind: Any = ctypes.c_int64) -> int:
        value: int = kind.from_address(address).value
        return value

    place = id(array) + _HEADER
    shape = word(place + _SHAPE)
    return (
        word(id(pair) + ITEMS + 8) == id(array)
        and word(place - 8) == id(np.ndarray)
        and word(place + _DATA) == address_of(array)
        and word(place + _NDIM, ctypes.c_int32) == 2
        and [word(shape), word(shape + 8)] == [3, 5]
        and word(place + _DTYPE) == id(array.dtype)
        and word(place + _FLAGS, ctypes.c_int32) == array.flags.num
        and all(word(id(x) + _HEADER + _WORD) & _MEANING == word_of(x) for x in _SOME_DTYPES)
    )


class Writer:
    """Writes a function with loads at byte offsets, checks and loops."""

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
        """Repeat `body` for an index from `first` to below `stop`."""
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


def item_of(w: Writer, items: ir.Value, i: ir.Value) -> ir.Value:
    """Return an item of a tuple."""
    return w.load(items, w.b.add(w.b.mul(i, index(8)), index(ITEMS)), POINTER)


class Words:
    """Reads the words of a description that follow its header, one after another."""

    def __init__(self, w: Writer, description: ir.Value, header: Header) -> None:
        self._w, self._description = w, description
        self.offset = w.b.alloca(INDEX)
        w.b.store(index(header.size), self.offset)

    def next(self, kind: ir.Type = INDEX) -> ir.Value:
        b = self._w.b
        offset = b.load(self.offset, typ=INDEX)
        b.store(b.add(offset, index(8)), self.offset)
        return self._w.load(self._description, offset, kind)


def data_of(w: Writer, array: ir.Value) -> ir.Value:
    """Return the address of an array's elements."""
    return w.load(array, _HEADER + _DATA, POINTER)


def check_array(
    w: Writer, array: ir.Value, kind: ir.Value, words: Words, other_kind: ir.Block
) -> None:
    """Leave unless an object is an array of the dtype and shape in the next words."""
    b = w.b
    w.require(w.load(array, _HEADER - 8), kind, other_kind)
    dtype = w.load(array, _HEADER + _DTYPE, POINTER)
    word = b.and_(w.load(dtype, _HEADER + _WORD), index(_MEANING))
    w.require(word, words.next(), other_kind)
    flags = b.and_(w.load(array, _HEADER + _FLAGS, _INT), ir.Constant(_INT, _ALIGNED_IN_ORDER))
    w.require(flags, ir.Constant(_INT, _ALIGNED_IN_ORDER), other_kind)
    ndim = b.sext(w.load(array, _HEADER + _NDIM, _INT), INDEX)
    w.require(ndim, words.next(), other_kind)
    shape = w.load(array, _HEADER + _SHAPE, POINTER)

    def extent(axis: ir.Value) -> None:
        w.require(w.load(shape, b.mul(axis, index(8))), words.next(), other_kind)

    w.each(index(0), ndim, extent)


def _module() -> ir.Module:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, POINTER]), "invoke")
    arrays, program = function.args
    w = Writer(function)
    b = w.b
    other_kind = function.append_basic_block("other_kind")
    inputs, count = (_HEADER_OF_CALL.read(w, program, name) for name in ("inputs", "arrays"))
    table = b.alloca(POINTER, count)
    words = Words(w, program, _HEADER_OF_CALL)
    kind = _HEADER_OF_CALL.read(w, program, "type")

    def take(i: ir.Value) -> None:
        b.store(data_of(w, item_of(w, arrays, i)), b.gep(table, [i], source_etype=POINTER))

    def check(i: ir.Value) -> None:
        check_array(w, item_of(w, arrays, i), kind, words, other_kind)
        take(i)

    w.each(index(0), inputs, check)
    w.each(inputs, count, take)
    target = _HEADER_OF_CALL.read(w, program, "function", POINTER)
    of_tables = ir.FunctionType(INDEX, [POINTER, INDEX, INDEX])
    b.ret(b.call(target, [table, index(0), index(0)], of_tables))
    b.position_at_end(other_kind)
    b.ret(index(OTHER_KIND))
    return module

"""Arrays in memory: views, cells, and the arena in which arrays are allocated."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.control_flow import alias_class
from steepest.engines.native.codegen.element import Element
from steepest.engines.native.codegen.types import POINTER, index, memory_type
from steepest.graph import Node, Shape

_ALIGNMENT = 64


@dataclass(frozen=True)
class View:
    """An array in memory.

    Attributes
    ----------
    pointer
        Address of the element that offsets count from.
    dtype, shape
        Dtype and shape of the array.
    strides
        Distance between neighbors along each axis, in elements.
    offset
        Offset of the first element, in elements.
    tag
        Alias class: memory of different tags never overlaps.
    is_common
        Whether all problems read the same numbers, if several run side by side.
    """

    pointer: ir.Value
    dtype: np.dtype
    shape: Shape
    strides: tuple[int, ...]
    offset: int
    tag: ir.Value | None
    is_common: bool = False

    @property
    def is_contiguous(self) -> bool:
        """Whether elements follow each other in C order."""
        return self.strides == c_strides(self.shape) or 0 in self.shape

    @property
    def size_in_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def address(self, builder: Builder, position: tuple[ir.Value, ...]) -> ir.Value:
        """Return the address of an element."""
        flat = None
        for i, stride, extent in zip(position, self.strides, self.shape, strict=True):
            if extent == 1 or stride == 0:
                continue
            term = i if stride == 1 else builder.ir.mul(i, index(stride), flags=("nsw",))
            flat = term if flat is None else builder.ir.add(flat, term, flags=("nsw",))
        return self.at_offset(builder, flat)

    def at_offset(self, builder: Builder, flat: ir.Value | None) -> ir.Value:
        """Return the address of the element at a distance from the first."""
        element = memory_type(self.dtype, self._lanes(builder))
        pointer = self.pointer
        if self.offset:
            pointer = builder.ir.gep(pointer, [index(self.offset)], source_etype=element)
        if flat is None or (isinstance(flat, ir.Constant) and flat.constant == 0):
            return pointer
        return builder.ir.gep(pointer, [flat], source_etype=element)

    def load(self, builder: Builder, address: ir.Value) -> Element:
        """Load an element."""
        kind = memory_type(self.dtype, self._lanes(builder))
        loaded = builder.ir.load(address, typ=kind)
        self._mark(loaded)
        value: ir.Value = loaded
        if self.dtype == np.bool_:
            value = builder.ir.icmp_unsigned("!=", loaded, ir.Constant(kind, None))
        return builder.element(builder.spread(value), self.dtype)

    def _lanes(self, builder: Builder) -> int:
        """Return how many numbers an element holds."""
        return 1 if self.is_common else builder.lanes

    def store(self, builder: Builder, element: Element, address: ir.Value) -> None:
        """Store an element."""
        value = element.value
        if self.dtype == np.bool_:
            value = builder.ir.zext(value, memory_type(self.dtype, builder.lanes))
        self._mark(builder.ir.store(value, address))

    def load_all(self, builder: Builder) -> list[Element]:
        """Load all elements of a contiguous array."""
        places = map(index, range(math.prod(self.shape)))
        return [self.load(builder, self.at_offset(builder, place)) for place in places]

    def store_all(self, builder: Builder, elements: Iterable[Element]) -> None:
        """Store all elements of a contiguous array."""
        for place, element in enumerate(elements):
            self.store(builder, element, self.at_offset(builder, index(place)))

    def load_vector(self, builder: Builder, address: ir.Value, lanes: int) -> ir.Value:
        """Load neighbors into a vector register."""
        kind = ir.VectorType(memory_type(self.dtype), lanes)
        value = builder.ir.load(address, typ=kind, align=self.dtype.itemsize)
        self._mark(value)
        return value

    def store_vector(self, builder: Builder, value: ir.Value, address: ir.Value) -> None:
        """Store a vector register to neighbors."""
        self._mark(builder.ir.store(value, address, align=self.dtype.itemsize))

    def _mark(self, instruction: ir.Instruction) -> None:
        if self.tag is not None:
            instruction.set_metadata("tbaa", self.tag)


def c_strides(shape: Shape) -> tuple[int, ...]:
    """Return the strides of an array in C order, in elements."""
    strides, step = [], 1
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))


def contiguous(
    pointer: ir.Value,
    dtype: np.dtype,
    shape: Shape,
    tag: ir.Value | None = None,
    is_common: bool = False,
) -> View:
    """Return an array in C order at an address."""
    return View(pointer, dtype, shape, c_strides(shape), 0, tag, is_common)


def with_batch(view: View, shape: Shape) -> View:
    """Return a view with the leading axes of a result; repeated axes have stride 0."""
    missing = len(shape) - len(view.shape)
    own = (*shape[:-2], *view.shape[-2:])
    strides = [0] * missing
    strides += [
        0 if n == 1 else s for n, s in zip(view.shape[:-2], view.strides[:-2], strict=True)
    ]
    return replace(view, shape=own, strides=(*strides, *view.strides[-2:]))


def part(builder: Builder, view: View, batch: tuple[ir.Value, ...]) -> View:
    """Return one matrix or vector of a batch."""
    left = len(view.shape) - len(batch)
    start = view.address(builder, (*batch, *[index(0)] * left))
    strides = view.strides[len(batch) :]
    return View(start, view.dtype, view.shape[len(batch) :], strides, 0, view.tag, view.is_common)


def transposed(view: View) -> View:
    """Return the view of the transposed matrices."""
    order = (*range(len(view.shape) - 2), len(view.shape) - 1, len(view.shape) - 2)
    shape, strides = (tuple(values[i] for i in order) for values in (view.shape, view.strides))
    return replace(view, shape=shape, strides=strides)


def copy(builder: Builder, source: View, target: View) -> None:
    """Emit a copy of an array, element by element."""
    with builder.loops(target.shape) as position:
        element = source.load(builder, source.address(builder, position))
        target.store(builder, element, target.address(builder, position))


def rearranged(view: View, node: Node) -> View | None:
    """Return the view that a node makes of a view, as in NumPy; None if NumPy would copy."""
    if 0 in view.shape or 0 in node.shape:
        return None
    extent = 1 + sum((n - 1) * abs(s) for n, s in zip(view.shape, view.strides, strict=True))
    lowest = sum((n - 1) * min(s, 0) for n, s in zip(view.shape, view.strides, strict=True))
    memory = np.empty(extent, np.int8)  # never read: only its addresses matter
    stand_in = np.lib.stride_tricks.as_strided(memory[-lowest:], view.shape, view.strides)
    result = node.op.evaluate(stand_in, **node.attributes)
    start = memory.__array_interface__["data"][0] - lowest
    offset = result.__array_interface__["data"][0] - start
    if not np.may_share_memory(result, memory):
        return None
    return replace(view, shape=node.shape, strides=result.strides, offset=view.offset + offset)


class Flat:
    """One index that runs through every element of a contiguous array."""

    def __init__(self, value: ir.Value) -> None:
        self.value = value


class Cell:
    """One number on the stack, which optimization turns into a register.

    Parameters
    ----------
    builder
        Builder of the function that uses it.
    value
        Its first value.
    """

    def __init__(self, builder: Builder, value: Element) -> None:
        self._builder = builder
        pointer = builder.alloca(memory_type(value.dtype, builder.lanes))
        self._view = contiguous(pointer, value.dtype, ())
        self.set(value)

    def get(self) -> Element:
        """Return the value."""
        return self._view.load(self._builder, self._view.pointer)

    def set(self, value: Element) -> None:
        """Store another value."""
        self._view.store(self._builder, value, self._view.pointer)


@dataclass
class Slot:
    """A part of the arena, used by one array after another."""

    offset: int
    size: int
    tag: ir.Value


class Arena:
    """Static memory of a program: each array has a fixed place.

    Parameters
    ----------
    builder
        Builder of the function that uses it.
    pointer
        Address of the arena.

    Attributes
    ----------
    builder
        The builder.
    slots
        The slots.
    size
        Number of bytes.
    """

    def __init__(self, builder: Builder, pointer: ir.Value) -> None:
        self.builder = builder
        self._pointer = pointer
        self._free: list[Slot] = []
        self.slots: list[Slot] = []
        self._tags = 0
        self.size = 0

    def new_tag(self) -> ir.Value:
        """Return a new alias class."""
        self._tags += 1
        return alias_class(self.builder.module, f"memory{self._tags}")

    def allocate(self, dtype: np.dtype, shape: Shape) -> tuple[View, Slot]:
        """Return a new array, in a free slot or at the end, and its slot."""
        size = max(int(np.prod(shape)) * dtype.itemsize, 1) * self.builder.lanes
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        fitting = [slot for slot in self._free if slot.size >= size]
        if fitting:
            slot = min(fitting, key=lambda slot: slot.size)
            self._free.remove(slot)
        else:
            slot = Slot(self.size, size, self.new_tag())
            self.slots.append(slot)
            self.size += size
        with self.builder.at_entry():
            byte = ir.IntType(8)
            pointer = self.builder.ir.gep(self._pointer, [index(slot.offset)], source_etype=byte)
        return contiguous(pointer, dtype, shape, slot.tag), slot

    def free_slots(self) -> list[Slot]:
        """Return the slots that are free now."""
        return list(self._free)

    def restore(self, free: list[Slot]) -> None:
        """Let these slots be the free ones again."""
        self._free = list(free)

    def release(self, slot: Slot) -> None:
        """Give a slot back for later arrays."""
        self._free.append(slot)


def table_entry(builder: Builder, table: ir.Value, position: int) -> ir.Value:
    """Emit the load of a pointer from the table with which a function is called."""
    address = builder.ir.gep(table, [index(position)], source_etype=POINTER)
    return builder.ir.load(address, typ=POINTER)

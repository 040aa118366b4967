"""Views of traced arrays, and assignment to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.errors import InputError, UnsupportedError
from steepest.graph import Node, Shape
from steepest.graph.source import at, user_source
from steepest.ops import TABLE, Row
from steepest.trace.arrays.aliasing import check_unshared
from steepest.trace.arrays.array import TracedArray, as_traced, node_of, record
from steepest.trace.arrays.storage import Storage, ViewStep, element_of
from steepest.trace.recording.session import current


class ReadOnlyError(InputError, UnsupportedError):
    """An assignment to an array that may not be changed."""


def storage_of(x: TracedArray) -> Storage | ViewStep:
    """Return the storage of an array."""
    if x.storage is None:
        x.storage = Storage(x.node, x.ordered, x.argument)
    return x.storage


def view(x: TracedArray, row: Row, **attributes: Any) -> TracedArray:
    """Record an op whose result is a view of an array (of a number, a new array)."""
    result = record(row, x, **attributes)
    result.is_scalar = False
    if row is TABLE["reshape"]:  # a view has its array's order in memory, a copy has C order
        result.ordered = x.ordered or result.ndim < 2
    if not x.is_scalar:
        result.storage = ViewStep(storage_of(x), row, attributes, result.node)
    return result


def alias(x: TracedArray) -> TracedArray:
    """Return a view of all of an array (of a number, an array with that element)."""
    result = TracedArray(x.node, current(), is_scalar=False, ordered=x.ordered)
    if not x.is_scalar:
        result.storage = storage_of(x)
        result.storage.root.has_views = True
    return result


def freeze(x: TracedArray, reason: str) -> TracedArray:
    """Make an array read-only, for a reason that messages give, and return it."""
    storage_of(x).read_only = reason
    return x


def fresh(x: TracedArray) -> TracedArray:
    """Return a new array with the same elements."""
    return TracedArray(x.node, current(), x.weak, x.is_scalar, x.ordered)


def check_writable(x: TracedArray) -> None:
    """Raise unless an array may be assigned to."""
    where = at(user_source())
    if x.is_scalar:
        raise UnsupportedError(
            f"assignment to a number{where}: only arrays can be assigned to, as in NumPy"
        )
    storage: Storage | ViewStep | None = storage_of(x)
    storage_of(x).root.check_alone()
    check_unshared(storage_of(x).root.argument)
    for fork in current().root.forks:
        fork.touch_storage(storage_of(x).root)
    while storage is not None:
        if storage.read_only:
            raise ReadOnlyError(f"assignment{where}: {storage.read_only}")
        storage = storage.base if isinstance(storage, ViewStep) else None
    if x.session is not current():
        raise UnsupportedError(
            f"assignment{where} to an array of an enclosing function, from a function that is "
            "being differentiated: make the array inside that function, or return the value"
        )


def write(x: TracedArray, values: TracedArray) -> None:
    """Replace all elements of an array or a view."""
    check_writable(x)
    storage = storage_of(x)
    while isinstance(storage, ViewStep):
        base = TracedArray(storage.base.current(), current())
        assert storage.row.put is not None
        values = storage.row.put(base, values, **storage.attributes)
        storage = storage.base
    storage.replace(values.node)


def write_element(x: TracedArray, position: tuple[int, ...], value: Node) -> None:
    """Replace one element."""
    check_writable(x)
    storage = storage_of(x)
    storage.root.replace_element(storage.position(_flat(position, x.shape)), value)


def read_element(x: TracedArray, position: tuple[int, ...]) -> TracedArray:
    """Return one element, as a number."""
    flat = _flat(position, x.shape)
    if x.storage is None or not x.storage.root.dirty:
        if x.storage is not None and x.storage.root.elements:
            node = x.storage.root.elements.get(x.storage.position(flat))
            if node is not None:
                return TracedArray(node, current())
        return _element(x.node, flat)
    # The elements that were written stay as they are: the array without them has all others.
    root, flat = x.storage.root, x.storage.position(flat)
    node = root.elements.get(flat)
    return _element(root.node, flat) if node is None else TracedArray(node, current())


def _element(whole: Node, flat: int) -> TracedArray:
    """Return an element of an array that is a node, as a number."""
    session = current()
    node = element_of(whole, flat) or session.elements.get((whole, flat))
    if node is not None:
        return TracedArray(node, session)
    slices = tuple([(int(i), 1, 1) for i in np.unravel_index(flat, whole.shape)])
    one = record(TABLE["getitem"], TracedArray(whole, session, is_scalar=False), slices=slices)
    number = record(TABLE["reshape"], one, shape=())
    session.elements[whole, flat] = number.node
    return number


def _flat(position: tuple[int, ...], shape: Shape) -> int:
    flat = 0
    for i, extent in zip(position, shape, strict=True):
        flat = flat * extent + i
    return flat


def cast_for(x: TracedArray, value: Any, shape: Shape) -> TracedArray:
    """Return a value with an array's dtype, broadcast to a shape, to be assigned."""
    values = as_traced(value)
    if values.shape != shape:
        # As in NumPy, leading axes of extent one are dropped.
        extra = values.ndim - len(shape)
        if extra > 0 and math.prod(values.shape[:extra]) == 1:
            values = record(TABLE["reshape"], values, shape=values.shape[extra:])
        try:
            values = np.broadcast_to(values, shape)
        except ValueError:
            raise InputError(
                f"could not broadcast a value of shape {values.shape} into shape {shape}"
                f"{at(user_source())}"
            ) from None
    return TracedArray(node_of(values, x.dtype), current())

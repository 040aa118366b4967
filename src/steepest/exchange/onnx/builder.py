"""Writes the nodes of an ONNX graph, with extents that may depend on the number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import imported

OPSET = 18
"""Version of ONNX's operators that files are written in."""

IR_VERSION = 8
"""Version of the file format that this set of operators came with."""

LOWEST = -(2**63)


def import_onnx() -> Any:
    """Return the module onnx; this is the only place that imports it.

    Raises
    ------
    EngineUnavailableError
        If it is not installed; the message says how to.
    """
    return imported(
        "onnx",
        "ONNX files need the package onnx, which is not installed: pip install 'steepest[onnx]'",
    )


class UnwritableError(Exception):
    """What an operation computes, if ONNX cannot: the end of a sentence about it."""


class Extent(NamedTuple):
    """A whole number that depends on the number of rows: ``factor * rows + constant``."""

    factor: int
    constant: int


Size = int | Extent


def plus(a: Size, b: Size) -> Size:
    """Return a sum."""
    a, b = (x if isinstance(x, Extent) else Extent(0, x) for x in (a, b))
    factor, constant = a.factor + b.factor, a.constant + b.constant
    return Extent(factor, constant) if factor else constant


def times(a: Size, number: int) -> Size:
    """Return a multiple."""
    if isinstance(a, Extent):
        return Extent(a.factor * number, a.constant * number) if number else 0
    return a * number


class Writer:
    """Collects nodes and arrays of an ONNX graph.

    Attributes
    ----------
    nodes
        Operators, and constants that the function contains.
    initializers
        Arrays that the function captures, such as parameters.
    """

    def __init__(self) -> None:
        self.onnx = import_onnx()
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._constants: dict[Any, str] = {}
        self._extents: dict[Extent, str] = {}
        self._taken: set[str] = set()
        self._rows = ""

    def fresh(self, base: str) -> str:
        """Return a name that nothing else has."""
        base = base.replace("['", ".").replace("']", "").replace("[", ".").replace("]", "")
        base = "".join(c if c.isalnum() or c in "._" else "_" for c in base).strip("_") or "value"
        name, number = base, 1
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name

    def emit(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Write a node; return the name of its result, or the names of several."""
        names = [self.fresh(kind.lower()) for _ in range(outputs)]
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: Any, dtype: Any = None, name: str = "constant") -> str:
        """Return the name of a constant array."""
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if array.dtype == object or key not in self._constants:
            chosen = self.fresh(name)
            tensor = self.onnx.numpy_helper.from_array(_in_order(array), chosen)
            self.nodes.append(self.onnx.helper.make_node("Constant", [], [chosen], value=tensor))
            self._constants[key] = chosen
        return self._constants[key]

    def stored(self, array: np.ndarray, name: str) -> str:
        """Return the name of a constant with a name of its own, such as a parameter's."""
        chosen = self.fresh(name)
        self.initializers.append(self.onnx.numpy_helper.from_array(_in_order(array), chosen))
        return chosen

    def number(self, value: Any, dtype: Any) -> str:
        """Return the name of a constant number."""
        return self.constant(np.asarray(value, dtype))

    def cast(self, name: str, dtype: Any) -> str:
        """Write a conversion."""
        kind = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return str(self.emit("Cast", name, to=kind))

    def count_rows_of(self, name: str) -> None:
        """Let the number of rows be the first extent of an array."""
        shape = self.emit("Shape", name, start=0, end=1)
        self._rows = shape

    def size(self, value: Size) -> str:
        """Return the name of a whole number, as an array with one element."""
        if not isinstance(value, Extent):
            return self.constant([int(value)], np.int64)
        if value not in self._extents:
            name = self._rows
            if value.factor != 1:
                name = self.emit("Mul", name, self.constant([value.factor], np.int64))
            if value.constant:
                name = self.emit("Add", name, self.constant([value.constant], np.int64))
            self._extents[value] = name
        return self._extents[value]

    def sizes(self, values: Sequence[Size]) -> str:
        """Return the name of an array of whole numbers."""
        if not any(isinstance(value, Extent) for value in values):
            return self.constant(np.array(values, np.int64).reshape(-1))
        return str(self.emit("Concat", *(self.size(value) for value in values), axis=0))

    def reshape(self, name: str, shape: Sequence[Size]) -> str:
        """Write a reshape."""
        return str(self.emit("Reshape", name, self.sizes(shape), allowzero=1))

    def filled(self, value: Any, dtype: Any, shape: Sequence[Size]) -> str:
        """Write an array of one number."""
        number = self.number(value, dtype)
        return str(self.emit("Expand", number, self.sizes(shape))) if shape else number

    def transpose(self, name: str, order: Sequence[int]) -> str:
        """Write a reordering of axes."""
        return str(self.emit("Transpose", name, perm=list(order)))


def _in_order(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(array.shape)


class Written(NamedTuple):
    """A node of a graph, with its shape and attributes where the number of rows is free.

    Attributes
    ----------
    node
        The node, for some number of rows.
    shape
        Its shape.
    attributes
        Its attributes.
    shapes
        The shapes of its operands.
    """

    node: Any
    shape: tuple[Size, ...]
    attributes: Mapping[str, Any]
    shapes: tuple[tuple[Size, ...], ...]

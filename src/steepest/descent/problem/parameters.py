"""Conversion between nested parameters and one vector."""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from steepest.descent.problem.single_numbers import as_parameter
from steepest.errors import InputError
from steepest.graph import Shape, trees
from steepest.streams import Source


def as_plain_dict(x: Any) -> Any:
    """Return parameters by name as a plain dict, which keeps their order."""
    return dict(x) if type(x) is OrderedDict else x


@dataclass(frozen=True)
class ParameterLayout:
    """Where each nested parameter is in a vector.

    Attributes
    ----------
    structure
        The nesting.
    shapes, dtypes
        Shape and dtype of each leaf.
    is_array
        Whether the parameters are one array or number, without nesting.
    """

    structure: Any
    shapes: tuple[Shape, ...]
    dtypes: tuple[np.dtype, ...]
    is_array: bool = False

    @functools.cached_property
    def dtype(self) -> np.dtype:
        """The dtype of the vector, which represents all leaves exactly."""
        return self.dtypes[0] if len(self.dtypes) == 1 else np.result_type(*self.dtypes)

    @functools.cached_property
    def sizes(self) -> list[int]:
        """Number of elements of each leaf."""
        return [int(np.prod(shape, dtype=int)) for shape in self.shapes]

    def in_double(self) -> ParameterLayout:
        """Return the layout of the same parameters in double precision."""
        double = np.dtype(np.float64)
        if set(self.dtypes) == {double}:
            return self
        return replace(self, dtypes=(double,) * len(self.dtypes))

    def pieces(self, vector: Any) -> list[Any]:
        """Return the leaves in a vector, plain or traced, in the vector's dtype."""
        leaves, start = [], 0
        for size, shape in zip(self.sizes, self.shapes, strict=True):
            leaves.append(np.reshape(vector[start : start + size], shape))
            start += size
        return leaves

    def unpack(self, vector: np.ndarray, dtype: np.dtype | None = None) -> Any:
        """Return the nested parameters in a vector, in their own dtypes or in `dtype`."""
        if self.is_array:
            leaf = np.array(vector, dtype or self.dtypes[0]).reshape(self.shapes[0])
            return leaf if leaf.ndim else as_parameter(leaf[()])
        leaves = [
            leaf.astype(dtype or own)[()] if leaf.ndim == 0 else leaf.astype(dtype or own)
            for leaf, own in zip(self.pieces(vector), self.dtypes, strict=True)
        ]
        return trees.unflatten(self.structure, leaves)

    def unpack_history(self, vectors: np.ndarray) -> Any:
        """Return nested parameters with a leading axis, from a matrix of vectors as rows."""
        leaves, start = [], 0
        for size, shape, dtype in zip(self.sizes, self.shapes, self.dtypes, strict=True):
            piece = vectors[:, start : start + size].astype(dtype)
            leaves.append(piece.reshape(len(vectors), *shape))
            start += size
        return trees.unflatten(self.structure, leaves)

    def rounded(self, vector: Any) -> Any:
        """Return a vector with each leaf rounded to its own dtype."""
        if len(set(self.dtypes)) == 1:
            return vector.astype(self.dtype)
        leaves = [
            np.reshape(leaf, (-1,)).astype(dtype).astype(self.dtype)
            for leaf, dtype in zip(self.pieces(vector), self.dtypes, strict=True)
        ]
        return np.concatenate(leaves)


def as_x0(x0: Any) -> Any:
    """Return a start point; a list or tuple of numbers becomes an array, as in SciPy."""
    if type(x0) in (list, tuple) and x0 and all([isinstance(v, _NUMBERS) for v in x0]):
        return np.array(x0)
    return x0


_NUMBERS = (int, float, np.integer, np.floating)


def ravel_parameters(start: Any) -> tuple[ParameterLayout, np.ndarray]:
    """Return the layout of a start point, and the point as a vector.

    Parameters
    ----------
    start
        An array, a number, or nested tuples, lists and dicts of them. Integers become float64.

    Raises
    ------
    InputError
        If the start is empty, or its values are not real numbers.
    """
    if type(start) is np.ndarray and start.size and start.dtype.char in "fd":
        return _array_layout(start.shape, start.dtype), start.reshape(-1)
    leaves, structure = trees.flatten(start)
    arrays = [_real(leaf, start, number) for number, leaf in enumerate(leaves)]
    if not any([array.size for array in arrays]):
        raise InputError("x0 is empty: a descent needs at least one number to start from")
    shapes, dtypes = tuple(a.shape for a in arrays), tuple(a.dtype for a in arrays)
    layout = ParameterLayout(structure, shapes, dtypes, structure.is_leaf())
    if len(arrays) == 1:
        return layout, arrays[0].reshape(-1)
    return layout, np.concatenate([array.reshape(-1) for array in arrays], dtype=layout.dtype)


@functools.lru_cache(maxsize=256)
def _array_layout(shape: Shape, dtype: np.dtype) -> ParameterLayout:
    return ParameterLayout(trees.structure(0), (shape,), (dtype,), is_array=True)


def _real(leaf: Any, start: Any, number: int) -> np.ndarray:
    array = np.asarray(leaf)
    code = array.dtype.char
    if code in "fd":
        return array
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    name = trees.leaf_names(start, "x0")[number]
    raise InputError(
        f"{name} has dtype {array.dtype}: start from float32, float64 or integer numbers"
    )


def first_not_finite(tree: Any, prefix: str) -> str | None:
    """Return text such as ``"x0[1] is nan"`` for the first number that is not finite, or None."""
    for number, leaf in enumerate(trees.leaves(tree)):
        if isinstance(leaf, Source):
            found = leaf.first_not_finite()
            if found:
                return found
            continue
        array = np.asarray(leaf)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            name = trees.leaf_names(tree, prefix)[number]
            index = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            where = f"{name}[{', '.join(map(str, index))}]" if index else name
            return f"{where} is {array[index]}"
    return None


def element_names(layout: ParameterLayout) -> Callable[[int], str]:
    """Return a function that names an element of the vector: ``"x0['scale'][2]"``."""
    leaves = trees.names_in(layout.structure, "x0")

    def name(flat: int) -> str:
        for leaf, size, shape in zip(leaves, layout.sizes, layout.shapes, strict=True):
            if flat < size:
                index = [str(int(i)) for i in np.unravel_index(flat, shape)]
                return f"{leaf}[{', '.join(index)}]" if index else leaf
            flat -= size
        raise AssertionError("no such element")

    return name


def check_finite(start: Any, what: str = "x0") -> None:
    """Raise if a start point, called `what`, has NaN or infinities, naming the first one."""
    found = first_not_finite(start, what)
    if found:
        raise InputError(f"{found}: start from finite numbers")


def check_data(args: Sequence[Any]) -> None:
    """Raise if an argument has an empty array."""
    for position, argument in enumerate(args):
        for number, leaf in enumerate(trees.leaves(argument)):
            if isinstance(leaf, np.ndarray) and leaf.size == 0:
                name = trees.leaf_names(argument, f"args[{position}]")[number]
                raise InputError(f"{name} is empty (shape {leaf.shape}): there is no data to fit")

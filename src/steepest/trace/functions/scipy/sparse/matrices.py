"""Sparse matrices as their entries and the places of these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.sparse import add_rows
from steepest.trace.arrays.array import TracedArray, as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.following.stand_ins import MADE_OUTSIDE, LibraryObject, See
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.registry import floating
from steepest.trace.recording.session import current


class Sparse(LibraryObject):
    """A sparse matrix with traced entries.

    Parameters
    ----------
    data, rows, columns
        The entries and their places; entries at one place add up.
    shape
        Numbers of rows and columns.
    is_matrix
        Whether ``*`` multiplies matrices, as it does for `csr_matrix` and not for `csr_array`.
    """

    def __init__(
        self, data: ArrayLike, rows: ArrayLike, columns: ArrayLike, shape: Any, is_matrix: bool
    ) -> None:
        self.data, self.shape = floating(data), (int(shape[0]), int(shape[1]))
        self.rows, self.columns = (as_traced(x).astype(np.int64) for x in (rows, columns))
        self.ndim, self._is_matrix = 2, is_matrix

    def _with(self, data: Array) -> Sparse:
        return Sparse(data, self.rows, self.columns, self.shape, self._is_matrix)

    @property
    def T(self) -> Sparse:  # noqa: N802  # SciPy's name
        """The transposed matrix."""
        return Sparse(self.data, self.columns, self.rows, self.shape[::-1], self._is_matrix)

    @property
    def nnz(self) -> int:
        """The number of entries."""
        return int(self.data.shape[0])

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the entries."""
        dtype: np.dtype = self.data.dtype
        return dtype

    def transpose(self) -> Sparse:
        """Return the transposed matrix."""
        return self.T

    def _same(self, copy: bool = False) -> Sparse:
        """Return the matrix itself: no other format computes anything else."""
        return self

    tocsr = tocsc = tocoo = todia = tolil = copy = asformat = _same

    def toarray(self) -> Array:
        """Return the matrix as an array."""
        dense: Any = as_traced(np.zeros(self.shape, self.data.dtype))
        add: Any = np.add.at
        add(dense, (self.rows, self.columns), self.data)
        return dense

    todense = toarray

    def diagonal(self) -> Array:
        """Return the elements on the diagonal."""
        return np.diagonal(self.toarray())

    def sum(self, axis: int | None = None) -> Array:
        """Return the sum of all elements, or along an axis."""
        if axis is None:
            return np.sum(self.data)
        if self._is_matrix:
            refuse("the sum of a sparse matrix along an axis (use A @ np.ones(n))")
        places, number = (self.columns, self.shape[1]) if axis % 2 == 0 else (
            self.rows, self.shape[0])  # fmt: skip
        return add_rows(self.data[:, None], places, number)[:, 0]

    def dot(self, other: Any) -> Any:
        """Return the product with a vector or a matrix."""
        if isinstance(other, Sparse):
            refuse("the product of two sparse matrices (compute it outside the function)")
        x = as_traced(other)
        if not x.ndim:
            return self._with(self.data * x)
        if x.ndim > 2 or x.shape[0] != self.shape[1]:
            raise InputError(
                f"a sparse matrix of shape {self.shape}{at(user_source())} times an array of "
                f"shape {x.shape}: dimension mismatch"
            )
        x = floating(x)
        matrix = x[:, None] if x.ndim == 1 else x
        product = add_rows(self.data[:, None] * matrix[self.columns], self.rows, self.shape[0])
        return product[:, 0] if x.ndim == 1 else product

    def __matmul__(self, other: Any) -> Any:
        return self.dot(other)

    def __rmatmul__(self, other: Any) -> Any:
        return np.transpose(self.T.dot(np.transpose(as_traced(other))))

    def multiply(self, other: Any) -> Sparse:
        """Return the matrix with its entries multiplied by a number."""
        factor = as_traced(other)
        if factor.ndim:
            refuse("the elementwise product of a sparse matrix and an array")
        return self._with(self.data * factor)

    def __mul__(self, other: Any) -> Any:
        return self.dot(other) if self._is_matrix else self.multiply(other)

    def __rmul__(self, other: Any) -> Any:
        is_product = self._is_matrix and as_traced(other).ndim
        return self.__rmatmul__(other) if is_product else self.multiply(other)

    def __truediv__(self, other: Any) -> Sparse:
        return self.multiply(1.0 / as_traced(other))

    def __neg__(self) -> Sparse:
        return self._with(-self.data)

    def _sum_with(self, other: Any, sign: float) -> Sparse:
        if not isinstance(other, Sparse) or other.shape != self.shape:
            refuse("the sum of a sparse matrix and anything but one of its shape")
        parts = [(self.data, sign * other.data), (self.rows, other.rows)]
        data, rows, columns = (
            np.concatenate(pair) for pair in (*parts, (self.columns, other.columns))
        )
        return Sparse(data, rows, columns, self.shape, self._is_matrix)

    def __add__(self, other: Any) -> Sparse:
        return self._sum_with(other, 1.0)

    def __sub__(self, other: Any) -> Sparse:
        return self._sum_with(other, -1.0)


def _majors(pointers: ArrayLike, number: int) -> Array:
    """Return the row of each entry of a matrix in compressed rows."""
    starts: Any = as_traced(np.zeros(number + 1, np.int64))
    add: Any = np.add.at
    add(starts, as_traced(pointers)[1:-1], 1)
    return np.cumsum(starts)[:number]


def _compressed(
    kind: str, data: ArrayLike, indices: ArrayLike, pointers: ArrayLike, shape: Any, matrix: bool
) -> Sparse:
    majors = _majors(pointers, as_traced(indices).shape[0])
    rows, columns = (majors, indices) if kind == "csr" else (indices, majors)
    return Sparse(data, rows, columns, shape, matrix)


def _made(value: Any, see: See) -> Sparse:
    """Return the stand-in of a matrix made outside, whose arrays become inputs."""
    kind, is_matrix = value.format, type(value).__name__.endswith("_matrix")
    if kind in ("csr", "csc"):
        parts = (see("data"), see("indices"), see("indptr"))
        return _compressed(kind, *parts, value.shape, is_matrix)
    # Other formats keep their entries in ways of their own: each call traces anew.
    current().root.captures.opaque.append(f"a sparse matrix in the format {kind}")
    plain = value.tocoo()
    return Sparse(plain.data, plain.row, plain.col, value.shape, is_matrix)


def _maker(name: str) -> Callable[..., Any]:
    kind, is_matrix = name[:3], name.endswith("_matrix")

    def make(arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False) -> Any:
        if isinstance(arg1, Sparse):
            return arg1
        if isinstance(arg1, TracedArray | np.ndarray | list) or dtype is not None or copy:
            refuse(f"scipy.sparse.{name} of a dense array, or with dtype= or copy=")
        is_sizes = len(arg1) == 2 and not hasattr(arg1[1], "__len__")
        if shape is None or is_sizes:
            refuse(f"scipy.sparse.{name} of traced entries without shape=")
        if len(arg1) == 2:
            data, (rows, columns) = arg1
            return Sparse(data, rows, columns, shape, is_matrix)
        data, indices, pointers = arg1
        return _compressed(kind, data, indices, pointers, shape, is_matrix)

    make.__name__ = name
    return make


for _name in ("csr", "csc", "coo", "dia", "bsr", "lil", "dok"):
    for _suffix in ("_matrix", "_array"):
        MADE_OUTSIDE[f"scipy.sparse.{_name}{_suffix}"] = _made
for _name in ("csr_matrix", "csr_array", "csc_matrix", "csc_array", "coo_matrix", "coo_array"):
    SEEN_BY_NAME[f"scipy.sparse.{_name}"] = _maker(_name)

"""Plans that recover a sparse matrix from a few products with it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.derivative.sparse.coloring import column_coloring, star_coloring


class JacobianPlan(NamedTuple):
    """How a Jacobian is computed: some products from the right, and some from the left.

    Attributes
    ----------
    tangents
        Vectors to multiply it with, shape (p, n).
    cotangents
        Vectors to multiply its transpose with, shape (q, m).
    rows, columns
        The places of its entries.
    places
        Where they are in the products, one after the other: the first p of size m each, the
        others of size n each.
    shape
        Numbers of rows and columns.
    """

    tangents: np.ndarray
    cotangents: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    places: np.ndarray
    shape: tuple[int, int]

    def entries(self, pushed: np.ndarray, pulled: np.ndarray) -> np.ndarray:
        """Return the entries, given the products, of shapes (p, m) and (q, n)."""
        found: np.ndarray = np.concatenate([pushed.reshape(-1), pulled.reshape(-1)])[self.places]
        return found


class HessianPlan(NamedTuple):
    """How a symmetric matrix is computed.

    Attributes
    ----------
    tangents
        Vectors to multiply it with, shape (p, n).
    rows, columns
        The places of all its entries, of both triangles.
    places
        Where they are in the products, one after the other.
    """

    tangents: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    places: np.ndarray

    def entries(self, pushed: np.ndarray) -> np.ndarray:
        """Return the entries, given the products, of shape (p, n)."""
        found: np.ndarray = pushed.reshape(-1)[self.places]
        return found


def seeds(colors: np.ndarray) -> np.ndarray:
    """Return for each color the vector that is 1 where a column has it."""
    count = int(colors.max(initial=-1)) + 1
    vectors: np.ndarray = (np.arange(count)[:, None] == colors).astype(np.float64)
    return vectors


def jacobian_plan(pattern: Any) -> JacobianPlan:
    """Return how the Jacobian of a pattern is computed.

    Its densest rows are computed by a product from the left each, if that leaves fewer products
    from the right.

    Parameters
    ----------
    pattern
        A sparse matrix of truth values, shape (m, n).
    """
    by_row = pattern.tocsr()
    count, number = by_row.shape
    lengths = np.diff(by_row.indptr)
    order = np.argsort(-lengths, kind="stable")
    expected = np.arange(count + 1) + np.append(lengths[order], 0)
    dense = np.sort(order[: int(np.argmin(expected))])
    others = np.setdiff1d(np.arange(count), dense, assume_unique=True)
    colors = column_coloring(by_row[others])
    tangents = seeds(colors) if others.size and by_row[others].nnz else np.zeros((0, number))
    cotangents = np.zeros((dense.size, count))
    cotangents[np.arange(dense.size), dense] = 1.0
    rows, columns = by_row.nonzero()
    order_of = np.full(count, -1)
    order_of[dense] = np.arange(dense.size)
    from_left = len(tangents) * count + order_of[rows] * number + columns
    from_right = colors[columns] * count + rows
    places = np.where(order_of[rows] >= 0, from_left, from_right)
    return JacobianPlan(tangents, cotangents, rows, columns, places, (count, number))


def hessian_plan(pattern: Any) -> HessianPlan:
    """Return how the Hessian of a pattern is computed.

    Parameters
    ----------
    pattern
        A sparse matrix of truth values, shape (n, n).
    """
    symmetric = (pattern + pattern.T).tocsr()
    number = symmetric.shape[0]
    if not symmetric.nnz:
        nothing = np.zeros(0, int)
        return HessianPlan(np.zeros((0, number)), nothing, nothing, nothing)
    colors = star_coloring(symmetric)
    rows, columns = symmetric.nonzero()
    # How many columns of its own color meet an entry in its row.
    key = rows.astype(np.int64) * (int(colors.max()) + 1) + colors[columns]
    _, place, met = np.unique(key, return_inverse=True, return_counts=True)
    is_alone = met[place] == 1
    row = np.where(is_alone, rows, columns)
    column = np.where(is_alone, columns, rows)
    return HessianPlan(seeds(colors), rows, columns, colors[column] * number + row)

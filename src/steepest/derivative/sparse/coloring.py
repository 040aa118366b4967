"""Colorings: which columns of a sparse matrix one product with it gives at once.

Columns of one color are added up in one product. Every entry must be alone among them in its row;
in a symmetric matrix, an entry or its mirror image.

A. H. Gebremedhin, F. Manne and A. Pothen, "What color is your Jacobian? Graph coloring for
computing derivatives", SIAM Review 47 (4), 629-705, 2005.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST_WORK = 50_000_000
"""Number of pairs of columns that meet in a row from which on every column gets a color."""


def column_coloring(pattern: Any) -> np.ndarray:
    """Return a color for each column of a matrix, so that no two of one color meet in a row.

    Parameters
    ----------
    pattern
        A sparse matrix of truth values, shape (m, n).
    """
    by_row, by_column = pattern.tocsr(), pattern.tocsc()
    lengths = np.diff(by_row.indptr).astype(float)
    number = pattern.shape[1]
    if np.sum(np.square(lengths)) > _MOST_WORK:
        return np.arange(number)
    used: list[set[int]] = [set() for _ in range(pattern.shape[0])]
    colors = np.zeros(number, int)
    rows, starts = by_column.indices.tolist(), by_column.indptr.tolist()
    for column in range(number):
        met = rows[starts[column] : starts[column + 1]]
        color = _least_outside([used[row] for row in met])
        colors[column] = color
        for row in met:
            used[row].add(color)
    return colors


def _least_outside(sets: list[set[int]]) -> int:
    """Return the least number that is in no set."""
    color = 0
    while any([color in one for one in sets]):
        color += 1
    return color


def star_coloring(pattern: Any) -> np.ndarray:
    """Return a color for each column of a symmetric matrix.

    Neighbors differ in color, and every path of four columns has three colors. Then of each entry
    and its mirror image, one is alone among the columns of its color in its row.

    Parameters
    ----------
    pattern
        A sparse symmetric matrix of truth values, shape (n, n).
    """
    number = pattern.shape[0]
    if pattern.nnz > 0.25 * number**2 and number > 32:
        return np.arange(number)
    by_row = pattern.tocsr()
    starts, columns = by_row.indptr.tolist(), by_row.indices.tolist()
    neighbors = [[j for j in columns[starts[i] : starts[i + 1]] if j != i] for i in range(number)]
    star = _Star(neighbors)
    for vertex in sorted(range(number), key=lambda i: -len(neighbors[i])):
        star.paint(vertex)
    return np.array(star.colors, int)


class _Star:
    """A star coloring in progress.

    Attributes
    ----------
    colors
        The color of each vertex; -1 if it has none yet.
    seen
        The colors of each vertex's neighbors, with how many have it.
    ends
        For each vertex w the colors of its neighbors x that have another neighbor of w's color:
        a further neighbor of w may not have them.
    """

    def __init__(self, neighbors: list[list[int]]) -> None:
        self.neighbors, number = neighbors, len(neighbors)
        self.colors = [-1] * number
        self.seen: list[dict[int, int]] = [{} for _ in range(number)]
        self.ends: list[set[int]] = [set() for _ in range(number)]

    def paint(self, vertex: int) -> None:
        """Give a vertex the least color that is allowed."""
        colors, seen, ends = self.colors, self.seen, self.ends
        forbidden: list[Any] = [seen[vertex]]
        for near in self.neighbors[vertex]:
            color = colors[near]
            is_alone = color >= 0 and seen[vertex][color] == 1
            forbidden.append(ends[near] if is_alone else seen[near])
        color = 0
        while any([color in one for one in forbidden]):
            color += 1
        colors[vertex] = color
        for near in self.neighbors[vertex]:
            count = seen[near][color] = seen[near].get(color, 0) + 1
            own = colors[near]
            if own < 0:
                continue
            if count == 2:
                for other in self.neighbors[near]:
                    if colors[other] == color:
                        ends[other].add(own)
            elif count > 2:
                ends[vertex].add(own)
            if seen[vertex][own] > 1:
                ends[near].add(color)

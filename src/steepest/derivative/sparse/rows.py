"""Sets of variables, one for each element of an array: as bits, or as a sparse matrix.

Both have the same few methods, by which any op is expressed: rows are taken, merged, and united.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_MOST_BITS = 2048
"""Number of variables up to which bits take less time."""

_MOST_ENTRIES = 20_000_000
"""Number of entries from which on a pattern counts as dense."""


class TooDenseError(Exception):
    """A pattern has so many entries that it is of no use."""


class BitRows:
    """Sets of variables as bits.

    Parameters
    ----------
    bits
        A row of words for each element, shape (size, words).
    """

    def __init__(self, bits: np.ndarray) -> None:
        self.bits = bits

    @classmethod
    def unit(cls, number: int) -> BitRows:
        """Return the sets that contain a variable each."""
        each = np.arange(number)
        bits = np.zeros((number, -(-number // 64)), np.uint64)
        bits[each, each // 64] = np.uint64(1) << (each % 64).astype(np.uint64)
        return cls(bits)

    @property
    def size(self) -> int:
        """Number of sets."""
        return len(self.bits)

    def take(self, index: np.ndarray) -> BitRows:
        """Return the sets at some places; empty ones where the place is negative."""
        taken = (
            self.bits[index]
            if self.size
            else np.zeros((len(index), *self.bits.shape[1:]), np.uint64)
        )
        taken[index < 0] = 0
        return BitRows(taken)

    def merge(self, groups: np.ndarray, count: int) -> BitRows:
        """Return the union of the sets of each group; `groups` has a number for each set."""
        merged = np.zeros((count, self.bits.shape[1]), np.uint64)
        if self.size:
            places = np.argsort(groups, kind="stable")
            ordered = groups[places]
            starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
            unions = np.bitwise_or.reduceat(self.bits[places], starts, axis=0)
            merged[ordered[starts]] = unions
        return BitRows(merged)

    def united(self, other: BitRows) -> BitRows:
        """Return the union with the set of the same place."""
        return BitRows(self.bits | other.bits)

    def followed_by(self, others: list[Any]) -> BitRows:
        """Return the sets, and then those of others."""
        return BitRows(np.concatenate([self.bits, *[other.bits for other in others]]))

    def any(self) -> np.ndarray:
        """Return which sets have members, shape (size,)."""
        found: np.ndarray = np.asarray(self.bits.any(axis=1))
        return found

    def matrix(self, number: int) -> Any:
        """Return the sets as a sparse matrix of truth values, shape (size, number)."""
        from scipy.sparse import csr_array

        octets = self.bits.astype("<u8").view(np.uint8)
        truths = np.unpackbits(octets, axis=1, count=number, bitorder="little")
        return csr_array(truths.astype(bool))


class SparseRows:
    """Sets of variables as the rows of a sparse matrix of truth values.

    Parameters
    ----------
    entries
        The matrix, shape (size, n).
    """

    def __init__(self, entries: Any) -> None:
        if entries.nnz > _MOST_ENTRIES:
            raise TooDenseError
        self.entries = entries

    @classmethod
    def unit(cls, number: int) -> SparseRows:
        """Return the sets that contain a variable each."""
        from scipy.sparse import eye_array

        return cls(eye_array(number, format="csr", dtype=bool))

    @property
    def size(self) -> int:
        """Number of sets."""
        return int(self.entries.shape[0])

    def _selected(self, rows: np.ndarray, places: np.ndarray, count: int) -> SparseRows:
        from scipy.sparse import csr_array

        ones = np.ones(len(rows), bool)
        selection = csr_array((ones, (rows, places)), shape=(count, self.size))
        return SparseRows(selection @ self.entries)

    def take(self, index: np.ndarray) -> SparseRows:
        """Return the sets at some places; empty ones where the place is negative."""
        known = np.flatnonzero(index >= 0)
        lengths = np.append(np.diff(self.entries.indptr), 0)
        if lengths[index].sum() > _MOST_ENTRIES:
            raise TooDenseError
        return self._selected(known, index[known], len(index))

    def merge(self, groups: np.ndarray, count: int) -> SparseRows:
        """Return the union of the sets of each group; `groups` has a number for each set."""
        return self._selected(groups, np.arange(self.size), count)

    def united(self, other: SparseRows) -> SparseRows:
        """Return the union with the set of the same place."""
        return SparseRows(self.entries + other.entries)

    def followed_by(self, others: list[Any]) -> SparseRows:
        """Return the sets, and then those of others."""
        from scipy.sparse import vstack

        return SparseRows(vstack([self.entries, *[o.entries for o in others]], format="csr"))

    def any(self) -> np.ndarray:
        """Return which sets have members, shape (size,)."""
        found: np.ndarray = np.diff(self.entries.indptr) > 0
        return found

    def matrix(self, number: int) -> Any:
        """Return the sets as a sparse matrix of truth values, shape (size, number)."""
        return self.entries


Rows = BitRows | SparseRows


def unit_rows(number: int) -> Rows:
    """Return the sets that contain one of some variables each."""
    return BitRows.unit(number) if number <= _MOST_BITS else SparseRows.unit(number)


def empty_rows(size: int, like: Any) -> Any:
    """Return empty sets, of the kind of others."""
    return like.take(np.full(size, -1))

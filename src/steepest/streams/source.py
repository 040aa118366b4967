"""Rows that are read when they are needed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import numpy as np

from steepest.errors import InputError

_FINGERPRINT_ROWS, _FINGERPRINT_PIECES, _SEARCHED_BYTES, _NEAR = 200, 10, 1 << 24, 1000


def _nothing() -> None:
    """Do nothing: the data of most sources cannot change."""


def plain(rows: Any, name: str, first: int = 0) -> np.ndarray:
    """Return rows as an array of NumPy.

    Raises
    ------
    InputError
        If some of them are masked: an ordinary array has no mask.
    """
    if np.ma.isMaskedArray(rows):
        masked = np.ma.getmaskarray(rows)
        if masked.any():
            row = first + int(np.argwhere(masked)[0][0]) if masked.ndim else first
            raise InputError(
                f"row {row} of {name} is masked: data that are read in blocks have no mask. Fill "
                "or drop such rows, or give weights that are 0 there"
            )
        rows = rows.data
    return np.asarray(rows)


class Opener(Protocol):
    """What opens a source again, in another process, too; it is plain data."""

    def open(self) -> Source:
        """Return the source."""
        ...


class Source:
    """An array whose rows are read when they are needed.

    Parameters
    ----------
    name
        What messages call it.
    shape, dtype
        Of the whole array. The first axis counts rows.
    reader
        Returns the rows from one number to another, which need not be a NumPy array. Several
        threads may call it, and what it returns must stay as it is.
    check
        Raises if the data are not what they were when the source was made.
    is_sequential
        Whether rows can be read in their order only, and by one thread.
    origin
        The array that it was made of, or an :class:`Opener`; None for anything else.
    locate
        Returns in words where a row is stored: ``"block 12"``.
    mark
        Returns a text that differs if the stored data do, as far as that is known without reading
        them.

    Notes
    -----
    It is no dataclass, since those are nested values among the arguments of a loss.
    """

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype,
        reader: Callable[[int, int], Any],
        check: Callable[[], None] = _nothing,
        is_sequential: bool = False,
        origin: Any = None,
        locate: Callable[[int], str] | None = None,
        mark: Callable[[], str] = str,
    ) -> None:
        self.name, self.shape, self.dtype = name, shape, np.dtype(dtype).newbyteorder("=")
        self.reader, self.check, self.is_sequential = reader, check, is_sequential
        self.origin, self._locate, self._mark = origin, locate, mark

    def __repr__(self) -> str:
        return f"<{self.name}: {self.dtype} of shape {self.shape}, read in blocks>"

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return self.size * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Raise: nothing reads all rows by accident."""
        raise InputError(
            f"{self.name} is read in blocks, as st.minimize and fits do where the method allows "
            "it; this needs all of it in memory: give its whole(), if that fits"
        )

    def _refuse(self, *_: Any) -> NoReturn:
        raise InputError(
            f"{self.name} is read in blocks, and is no array to compute with: give it in "
            "args=(...) of st.minimize or st.least_squares, and let the function take it as an "
            "argument"
        )

    __add__ = __sub__ = __mul__ = __truediv__ = __pow__ = __matmul__ = __getitem__ = _refuse
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rpow__ = __rmatmul__ = __neg__ = _refuse

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows from `start` to before `stop`, in C order.

        Raises
        ------
        InputError
            If they cannot be read, or do not have the shape and dtype of the whole.
        """
        expected = (stop - start, *self.shape[1:])
        try:
            rows = plain(self.reader(start, stop), self.name, start)
            if rows.dtype.newbyteorder("=") == self.dtype:
                rows = rows.astype(self.dtype, copy=False)
        except InputError:
            raise
        except Exception as error:
            self.check()  # says what has changed, if something has
            raise InputError(
                f"rows {start} to {stop} of {self.name} cannot be read: {error}"
            ) from error
        if rows.shape != expected or rows.dtype != self.dtype:
            raise InputError(
                f"rows {start} to {stop} of {self.name} should have shape {expected} and dtype "
                f"{self.dtype}, as the first ones have, but have shape {rows.shape} and dtype "
                f"{rows.dtype}: have all blocks been written in the same way?"
            )
        return np.ascontiguousarray(rows)

    def take(self, rows: np.ndarray) -> np.ndarray:
        """Return rows by their numbers; neighbors are read together."""
        found = np.empty((len(rows), *self.shape[1:]), self.dtype)
        ranks = np.argsort(rows, kind="stable")
        for places in np.split(ranks, np.flatnonzero(np.diff(rows[ranks]) > _NEAR) + 1):
            if len(places):
                first = int(rows[places[0]])
                found[places] = self.read(first, int(rows[places[-1]]) + 1)[rows[places] - first]
        return found

    def where(self, row: int) -> str:
        """Return a row's number in words, and where it is stored."""
        stored = "" if self._locate is None else f", in {self._locate(row)}"
        return f"row {row}{stored}"

    def fingerprint(self) -> str:
        """Return a text that differs for other data, by some rows and the source's mark.

        The rows are the first and the last ones, and some between.
        """
        rows = min(len(self), _FINGERPRINT_ROWS)
        starts = np.linspace(0, len(self) - rows, _FINGERPRINT_PIECES).astype(int)
        digest = hashlib.sha256(self._mark().encode())
        for start in starts.tolist():
            digest.update(self.read(start, start + rows).tobytes())
        return f"{self.dtype.name} {self.shape} read in blocks {digest.hexdigest()}"

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the first row, and the one after the last, of blocks that make up the whole."""
        step = max(1, _SEARCHED_BYTES // max(1, self.row_bytes))
        for start in range(0, len(self), step):
            yield start, min(start + step, len(self))

    def first_not_finite(self) -> str | None:
        """Return a sentence on the first NaN or infinity, for which all rows are read, or None."""
        return self.first_where(lambda rows: ~np.isfinite(rows))

    def first_where(self, is_wrong: Callable[[np.ndarray], np.ndarray]) -> str | None:
        """Return a sentence on the first number that is wrong, or None; all rows are read.

        `is_wrong` takes rows, and returns which of their numbers are.
        """
        for start, stop in self.spans():
            rows = self.read(start, stop)
            for index in np.argwhere(is_wrong(rows))[:1]:
                row, *rest = (int(i) for i in index)
                column = f", column {rest[0]}" if len(rest) == 1 else f" at {rest}" if rest else ""
                value = rows[(row, *rest)]
                return f"{self.name} has {value} in {self.where(start + row)}{column}"
        return None

    def map(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        dtype: Any = None,
        origin: Any = None,
    ) -> Source:
        """Return rows that a function makes of these, each from its own, of the same shape."""
        return Source(
            self.name,
            self.shape,
            self.dtype if dtype is None else dtype,
            lambda start, stop: function(self.read(start, stop)),
            self.check,
            self.is_sequential,
            origin,
            self._locate,
            self._mark,
        )

    def named(self, name: str) -> Source:
        """Return the same rows under another name."""
        return Source(
            name,
            self.shape,
            self.dtype,
            self.reader,
            self.check,
            self.is_sequential,
            self.origin,
            self._locate,
            self._mark,
        )

    def astype(self, dtype: Any) -> Source:
        """Return the same rows in another dtype."""
        dtype, origin = np.dtype(dtype), self.origin
        if dtype == self.dtype:
            return self
        if hasattr(origin, "open"):
            origin = Converted(origin, dtype.name)
        return self.map(lambda rows: rows.astype(dtype), dtype, origin)

    def whole(self) -> np.ndarray:
        """Return all rows."""
        return self.read(0, len(self))


def have_same_rows(one: Any, other: Any) -> bool:
    """Whether two arrays or sources hold the same numbers, NaN where the other has NaN."""
    if one is other:
        return True
    if not isinstance(one, Source):
        one, other = other, one
    if not isinstance(one, Source):
        return np.array_equal(one, other, equal_nan=True)
    if one.shape != np.shape(other):
        return False
    read = other.read if isinstance(other, Source) else lambda i, j: other[i:j]
    return all(np.array_equal(one.read(*x), read(*x), equal_nan=True) for x in one.spans())


@dataclass(frozen=True)
class Converted:
    """What opens a source again, in another dtype.

    Attributes
    ----------
    opener
        Opens the source.
    dtype
        Name of the dtype.
    """

    opener: Opener
    dtype: str

    def open(self) -> Source:
        """Return the source."""
        return self.opener.open().astype(self.dtype)

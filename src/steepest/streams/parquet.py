"""Columns of tables in Parquet, as arrays that are read in blocks."""

from __future__ import annotations

import difflib
import functools
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.streams.parquet_table import (
    File,
    Places,
    Table,
    check_file,
    check_table,
    local_files,
    mark_of,
    open_file,
    stamp_of,
    table_in,
    table_of,
)
from steepest.streams.source import Source
from steepest.streams.units import Units

_TILE = 1 << 12
"""Rows of which the columns are put side by side at a time: they stay in a cache."""


_OPEN = 4
"""Files that are open at a time, for each source."""


def of_parquet(source: Any, columns: str | Sequence[str]) -> Source:
    """Return the source of columns of a table in Parquet.

    Parameters
    ----------
    source
        A file, a folder of files, a list of files, or a dataset of pyarrow.
    columns
        A name, which gives an array of shape (n,), or k names for one of shape (n, k).

    Raises
    ------
    InputError
        If there is no such file or column, or if a column has no numbers.
    """
    return _source_of(table_of(source), columns)


def _source_of(table: Table, columns: str | Sequence[str]) -> Source:
    """Return the source of columns of a table that was opened."""
    names = [columns] if isinstance(columns, str) else list(columns)
    dtype = _dtype_of_all(table, names)
    rows = table.starts[-1]
    if rows == 0:
        raise InputError(f"{table.name} has no rows: there is no data to fit")
    shape = (rows,) if isinstance(columns, str) else (rows, len(names))
    reader = _Reader(table, names, dtype, len(shape) == 1)
    name = f"{table.name}[{', '.join(names)}]"
    check, mark = functools.partial(check_table, table), functools.partial(mark_of, table, names)
    asked = columns if isinstance(columns, str) else tuple(columns)
    return Source(
        *(name, shape, dtype, reader.read, check),
        origin=_columns_of(table, asked),
        locate=reader.locate,
        mark=mark,
    )


@dataclass(frozen=True)
class Columns:
    """Columns of a table, by which another process can open it.

    Attributes
    ----------
    files
        The path of each file, its size and the time of its last change, and its row groups.
    columns
        One name, or several.
    """

    files: tuple[tuple[str, tuple[int, int], tuple[int, ...]], ...]
    columns: str | tuple[str, ...]

    def open(self) -> Source:
        """Return their source.

        Raises
        ------
        InputError
            If a file is not there, or has another size or time.
        """
        local = local_files()
        for path, stamp, _ in self.files:
            if stamp_of(path, local) != stamp:
                raise InputError(
                    f"{path} is not the same file on {socket.gethostname()}: all machines must "
                    "see it under the same path, and copies must keep its time (cp -p)"
                )
        return _opened_again(self)


@functools.lru_cache(maxsize=16)
def _opened_again(columns: Columns) -> Source:
    local = local_files()
    places: Places = [(path, local, list(groups)) for path, _, groups in columns.files]
    name = os.path.commonpath([path for path, *_ in places])
    return _source_of(table_in(name, places), columns.columns)


def _columns_of(table: Table, columns: str | tuple[str, ...]) -> Columns | None:
    """Return by what another process can open columns; None if no machine has the files."""
    local = local_files()
    if not all(file.system.equals(local) for file in table.files):
        return None
    groups: dict[str, list[int]] = {file.path: [] for file in table.files}
    for file, number in table.groups:
        groups[file.path].append(number)
    files = [
        (os.path.abspath(file.path), file.stamp, tuple(groups[file.path])) for file in table.files
    ]
    return Columns(tuple(files), columns)


def _dtype_of_all(table: Table, names: list[str]) -> np.dtype:
    """Return the dtype of an array of some columns."""
    dtypes = [_dtype_of(table, name) for name in names]
    dtype = np.result_type(*dtypes)
    if dtype.kind == "f" and all(each.kind in "iub" for each in dtypes):
        which = ", ".join(f"{name} ({each})" for name, each in zip(names, dtypes, strict=True))
        raise InputError(
            f"the columns {which} of {table.name} have no common type of integers, and {dtype} "
            "would round large ones: read them one by one"
        )
    return dtype


def _dtype_of(table: Table, name: str) -> np.dtype:
    names = table.schema.names
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        if f"/{name}=" in table.files[0].path.replace(os.sep, "/"):
            hint = "the names of folders have it, and the files do not: write it to them, too. "
        raise InputError(f"{table.name} has no column {name!r}: {hint}It has {', '.join(names)}")
    first = table.schema.field(name).type
    for file in table.files:
        kind = file.schema.field(name).type
        if kind != first:
            raise InputError(
                f"column {name!r} is {kind} in {file.path}, but {first} in "
                f"{table.files[0].path}: all files of a table must have the same types"
            )
    dtype: np.dtype
    try:
        dtype = np.dtype(first.to_pandas_dtype())
    except (NotImplementedError, TypeError):
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise InputError(
            f"column {name!r} of {table.name} has type {first}: real numbers are needed"
        )
    return dtype


def _opened_file(file: File) -> Any:
    check_file(file)
    return open_file(file.path, file.system, file.metadata)


class _Reader:
    """Reads rows of some columns."""

    def __init__(self, table: Table, names: list[str], dtype: np.dtype, is_single: bool) -> None:
        self._table, self._names, self._dtype = table, names, dtype
        self._is_single = is_single
        self._units = Units(table.starts, self._decoded)
        self._opened = functools.lru_cache(_OPEN)(_opened_file)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the rows from `start` to before `stop`."""
        shape = (stop - start,) if self._is_single else (stop - start, len(self._names))
        result = np.empty(shape, self._dtype)
        for columns, row, low, high in self._units.between(start, stop):
            place = row - start
            if self._is_single:
                result[place : place + high - low] = columns[0][low:high]
                continue
            for first in range(low, high, _TILE):
                end = min(first + _TILE, high)
                target = result[place + first - low : place + end - low]
                for number, column in enumerate(columns):
                    target[:, number] = column[first:end]
        return result

    def locate(self, row: int) -> str:
        """Return where a row is."""
        file, group = self._table.groups[self._units.number_of(row)]
        return f"row group {group} of {file.path}"

    def _decoded(self, number: int) -> list[np.ndarray]:
        """Return the columns of a row group."""
        file, group = self._table.groups[number]
        table = self._opened(file).read_row_group(group, columns=self._names)
        columns = []
        for name in self._names:
            column = table.column(name)
            if column.null_count:
                row = self._table.starts[number] + int(np.asarray(column.is_null()).argmax())
                raise InputError(
                    f"row {row} of column {name!r} of {self._table.name} is null: fill or drop "
                    "such rows first"
                )
            chunks = [chunk.to_numpy(zero_copy_only=False) for chunk in column.chunks]
            columns.append(chunks[0] if len(chunks) == 1 else np.concatenate(chunks))
        return columns

"""Tables in Parquet: their files, row groups and columns."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from steepest.errors import InputError, optional


@dataclass(frozen=True, eq=False)
class File:
    """A file of a table.

    Attributes
    ----------
    path
        Its path.
    system
        The file system of pyarrow that has it.
    stamp
        Size and time when the table was opened.
    metadata, schema
        What the file says of its row groups and columns.
    """

    path: str
    system: Any
    stamp: tuple[int, int]
    metadata: Any = field(repr=False)
    schema: Any = field(repr=False)


@dataclass(frozen=True, eq=False)
class Table:
    """A table in one or several files.

    Attributes
    ----------
    name
        What messages call it.
    files
        The files, in order.
    groups
        For each row group, its file and its number there.
    starts
        The first row of each group, and the number of all rows.
    schema
        Names and types of the columns.
    """

    name: str
    files: tuple[File, ...]
    groups: tuple[tuple[File, int], ...]
    starts: tuple[int, ...]
    schema: Any = field(repr=False)


Places = list[tuple[str, Any, list[int] | None]]
"""Paths of files, their file systems, and the row groups that count, if not all do."""


def is_table(value: Any) -> bool:
    """Whether a value is a path, or a dataset of pyarrow."""
    return isinstance(value, str | os.PathLike) or hasattr(value, "get_fragments")


def local_files() -> Any:
    """Return the file system of this machine."""
    return optional("pyarrow.fs", "reading Parquet in blocks").LocalFileSystem()


def table_of(source: Any) -> Table:
    """Return the table of a file, a folder of files, or a dataset of pyarrow."""
    optional("pyarrow.parquet", "reading Parquet in blocks")
    return table_in(*_files_of(source))


def table_in(name: str, places: Places) -> Table:
    """Return the table in some files."""
    if not places:
        raise InputError(f"{name} has no files: there is no data to fit")
    files, groups, starts = [], [], [0]
    for path, system, wanted in places:
        file = _file(path, system)
        files.append(file)
        if file.schema.names != files[0].schema.names:
            raise InputError(
                f"{path} has the columns {', '.join(file.schema.names)}, but "
                f"{files[0].path} has {', '.join(files[0].schema.names)}: all files "
                "of a table must have the same columns"
            )
        for number in range(file.metadata.num_row_groups) if wanted is None else wanted:
            groups.append((file, number))
            starts.append(starts[-1] + file.metadata.row_group(number).num_rows)
    return Table(name, tuple(files), tuple(groups), tuple(starts), files[0].schema)


def _files_of(source: Any) -> tuple[str, Places]:
    """Return the name of a table, and its files in order."""
    if hasattr(source, "get_fragments"):
        return _files_of_dataset(source)
    name = os.fspath(source)
    return name, [(path, local_files(), None) for path in _paths(name)]


def _files_of_dataset(dataset: Any) -> tuple[str, Places]:
    try:
        fragments = list(dataset.get_fragments())
    except ValueError as error:
        raise InputError(
            f"rows of the dataset cannot be read in blocks: {error} Select rows in the loss, by "
            "weights that are 0, or write the selected rows to files first"
        ) from error
    for fragment in fragments:
        if not hasattr(fragment, "row_groups"):
            kind = type(dataset).__name__
            raise InputError(
                f"st.blocks reads datasets of files in Parquet, and this {kind} has others: give "
                "arrays, if it is in memory, or write it in Parquet first"
            )
    places: Places = [
        (fragment.path, fragment.filesystem, [group.id for group in fragment.row_groups])
        for fragment in fragments
    ]
    paths = [path for path, _, _ in places]
    return os.path.commonpath(paths) if paths else "the dataset", places


def _paths(name: str) -> list[str]:
    """Return the files of a table, in the order of their names.

    Names that begin with ``_`` or ``.`` are those of hidden and unfinished files.
    """
    if os.path.isfile(name):
        return [name]
    if not os.path.isdir(name):
        raise InputError(f"there is no file or folder {name!r}")
    found: list[str] = []
    for folder, folders, files in os.walk(name):
        folders[:] = [each for each in folders if not each.startswith(("_", "."))]
        found += [
            os.path.join(folder, file)
            for file in files
            if file.endswith((".parquet", ".pq")) and not file.startswith(("_", "."))
        ]
    if not found:
        raise InputError(f"the folder {name!r} has no files that end in .parquet")
    return sorted(found)


def _file(path: str, system: Any) -> File:
    """Return a file with what it says of itself."""
    stamp = stamp_of(path, system)
    try:
        with open_file(path, system) as opened:
            return File(path, system, stamp or (0, 0), opened.metadata, opened.schema_arrow)
    except Exception as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}") from error


def open_file(path: str, system: Any, metadata: Any = None) -> Any:
    """Return an open file of pyarrow; it does not read metadata that are given."""
    parquet = optional("pyarrow.parquet", "reading Parquet in blocks")
    return parquet.ParquetFile(path, metadata=metadata, filesystem=system, pre_buffer=False)


def stamp_of(path: str, system: Any) -> tuple[int, int] | None:
    """Return size and time of a file; None if there is none."""
    (found,) = system.get_file_info([path])
    return (found.size, found.mtime_ns or 0) if found.is_file else None


def check_table(table: Table) -> None:
    """Raise if a file has changed since the table was opened."""
    for file in table.files:
        check_file(file)


def check_file(file: File) -> None:
    """Raise if a file is not what it was when the table was opened."""
    stamp = stamp_of(file.path, file.system)
    if stamp is None:
        raise InputError(f"{file.path} has vanished while it was read")
    if stamp != file.stamp:
        raise InputError(
            f"{file.path} has changed while it was read: its size was {file.stamp[0]} bytes "
            f"and is {stamp[0]}"
        )


def mark_of(table: Table, names: list[str]) -> str:
    """Return the sizes and the statistics that the files have for some columns."""
    marks = []
    for file, number in table.groups:
        group = file.metadata.row_group(number)
        columns = map(group.column, range(group.num_columns))
        found = {column.path_in_schema: column for column in columns}
        for name in names:
            column = found[name]
            known = column.statistics
            ends = (known.min, known.max) if known is not None and known.has_min_max else ()
            marks.append((column.num_values, column.total_compressed_size, ends))
    return repr(marks)

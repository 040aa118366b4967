"""Read columns of numbers from tables: CSV and its relatives, Excel, Parquet."""

from __future__ import annotations

import csv
import difflib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from steepest.data.frames import SUFFIXES, read_frame
from steepest.errors import InputError

STANDARD_INPUT = Path("-")
"""What commands are given for the table that another one writes to them."""


@dataclass(frozen=True)
class Dialect:
    """How a table is written as text.

    Parameters
    ----------
    encoding
        The characters' encoding, such as ``"latin-1"``.
    separator
        What stands between two fields; found in the first row if None. A space stands for any
        number of spaces and tabs.
    decimal
        The decimal mark, a point or a comma.
    comment
        Lines that begin with it are skipped.
    """

    encoding: str = "utf-8-sig"
    separator: str | None = None
    decimal: str = "."
    comment: str = "#"

    def __post_init__(self) -> None:
        if self.decimal not in (".", ","):
            raise InputError(f"the decimal mark must be a point or a comma; got {self.decimal!r}")
        if self.separator is not None and len(self.separator) != 1:
            raise InputError(f"the separator must be one character; got {self.separator!r}")
        if self.separator == self.decimal:
            raise InputError("the separator and the decimal mark must differ")


@dataclass(frozen=True)
class Table:
    """Columns by their names.

    Parameters
    ----------
    path
        Where they were read.
    names
        The columns' names: from the first row, from a comment above it, or numbers from 1.
    read
        Returns the column of a number from 0 as float64, NaN where a field is empty.
    is_named
        Whether the file names its columns.
    """

    path: Path
    names: list[str]
    read: Callable[[int], np.ndarray]
    is_named: bool = True

    def column(self, name: str) -> np.ndarray:
        """Return a column as float64; an empty field is NaN.

        Raises
        ------
        InputError
            If there is no such column, or if a field is no number.
        """
        if self.names.count(name) > 1:
            raise InputError(
                f"{self.path} has {self.names.count(name)} columns {name!r}: rename them"
            )
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=1) or self.names
            raise InputError(f"{self.path} has no column {name!r}; there is {', '.join(near)}")
        return self.read(self.names.index(name))


def read_table(path: Path, dialect: Dialect | None = None) -> Table:
    """Return a table as text.

    Parameters
    ----------
    path
        A text file, or a file of Excel or Parquet, which pandas reads; ``-`` for standard input.
    dialect
        How the text is written.

    Raises
    ------
    InputError
        If the file cannot be read, has no rows, or has rows of several lengths.
    """
    if path.suffix.lower() in SUFFIXES:
        return Table(path, *read_frame(path))
    return _of_text(path, dialect or Dialect())


def _of_text(path: Path, dialect: Dialect) -> Table:
    numbered = list(enumerate(_text(path, dialect.encoding).splitlines(), 1))
    lines = [(n, line) for n, line in numbered if not _is_comment(line, dialect)]
    if not lines or not lines[0][1].strip():
        raise InputError(f"{path} is empty, or its first row: that must name the columns")
    separator = dialect.separator or _separator(lines[0][1], dialect.decimal)
    rows = [(number, fields) for number, line in lines if any(fields := _fields(line, separator))]
    names, is_named = rows[0][1], True
    if all(not name or _is_number(name, dialect.decimal) for name in names):
        above = numbered[: rows[0][0] - 1]
        names, is_named = _commented(above, len(names), separator, dialect)
    else:
        rows = rows[1:]
    for number, fields in rows:
        if len(fields) != len(names):
            raise InputError(
                f"{path}:{number} has {len(fields)} fields where the first row names {len(names)}"
            )
    if not rows:
        raise InputError(f"{path} has no rows of data")

    def read(index: int) -> np.ndarray:
        return np.array([_number(fields[index], dialect.decimal, path, n) for n, fields in rows])

    return Table(path, names, read, is_named)


def read_columns(
    path: Path, names: Sequence[str], dialect: Dialect | None = None
) -> list[np.ndarray]:
    """Return columns of a table as float64, NaN where a field is empty.

    Parameters
    ----------
    path
        A text file whose first row names the columns, or a file of Excel or Parquet.
    names
        Which columns.
    dialect
        How the text is written.

    Raises
    ------
    InputError
        If the file or a column is missing, or if a field is not a number. The message names
        the line.
    """
    table = read_table(path, dialect)
    return [table.column(name) for name in names]


def _text(path: Path, encoding: str) -> str:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.buffer.read().decode(encoding)
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except LookupError:
        raise InputError(f"there is no encoding {encoding!r}; write utf-8 or latin-1") from None
    except UnicodeError:
        name = "UTF-8" if encoding == "utf-8-sig" else encoding
        raise InputError(
            f"cannot read {path}: it is not {name}; name its encoding, such as --encoding latin-1"
        ) from None


def _is_comment(line: str, dialect: Dialect) -> bool:
    return bool(dialect.comment) and line.lstrip().startswith(dialect.comment)


def _separator(line: str, decimal: str) -> str:
    """Return what stands between the fields of a row."""
    usual = ";\t" if decimal == "," else ",;\t"
    return max(usual, key=line.count) if any(mark in line for mark in usual) else " "


def _fields(line: str, separator: str) -> list[str]:
    if separator == " ":
        return line.split()
    return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]


def _commented(
    above: list[tuple[int, str]], count: int, separator: str, dialect: Dialect
) -> tuple[list[str], bool]:
    """Return the names in the comment above a table of numbers alone, and whether there are any.

    If there are none, columns have numbers from 1.
    """
    for _, line in reversed(above):
        if _is_comment(line, dialect):
            names = _fields(line.lstrip().removeprefix(dialect.comment).strip(), separator)
            if len(names) == count:
                return names, True
    return [str(number) for number in range(1, count + 1)], False


def _is_number(field: str, decimal: str) -> bool:
    try:
        float(_plain(field, decimal))
    except ValueError:
        return False
    return True


def _plain(field: str, decimal: str) -> str:
    """Return a number as Python writes it; ValueError for what only Python reads as one."""
    if "_" in field or (decimal == "," and "." in field):
        raise ValueError(field)
    return field.replace(decimal, ".")


def _number(field: str, decimal: str, path: Path, line: int) -> float:
    try:
        return float(_plain(field, decimal)) if field else float("nan")
    except ValueError:
        hint = "" if decimal == "," or not _is_number(field, ",") else ": write --decimal ,"
        raise InputError(f"{path}:{line} has {field!r}, which is no number{hint}") from None

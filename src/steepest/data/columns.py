"""Read columns of numbers from CSV files."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from steepest.errors import InputError


def read_columns(path: Path, names: Sequence[str]) -> list[np.ndarray]:
    """Return columns of a CSV file whose first row names them.

    An empty field is NaN.

    Parameters
    ----------
    path
        The file, in UTF-8; fields are separated by commas, semicolons or tabs.
    names
        Which columns.

    Raises
    ------
    InputError
        If the file or a column is missing, or if a field is not a number. The message names
        the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"cannot read {path}: {reason}") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    if not first.strip():
        raise InputError(f"{path} is empty, or its first row: that must name the columns")
    header, *rows = csv.reader(text.splitlines(), delimiter=separator)
    header = [name.strip() for name in header]
    for name in names:
        if header.count(name) > 1:
            raise InputError(f"{path} has {header.count(name)} columns {name!r}: rename them")
        if name not in header:
            near = difflib.get_close_matches(name, header, n=1) or header
            raise InputError(f"{path} has no column {name!r}; there is {', '.join(near)}")
    indices = [header.index(name) for name in names]
    table = []
    for number, row in enumerate(rows, 2):
        if not any(field.strip() for field in row):
            continue
        if len(row) != len(header):
            raise InputError(
                f"{path}:{number} has {len(row)} fields where the first row names {len(header)}"
            )
        table.append([_number(row[index].strip(), path, number) for index in indices])
    if not table:
        raise InputError(f"{path} has no rows of data")
    return list(np.array(table).T.copy())


def _number(field: str, path: Path, line: int) -> float:
    try:
        if "_" in field:  # float() would skip it
            raise ValueError
        return float(field) if field else float("nan")
    except ValueError:
        raise InputError(f"{path}:{line} has {field!r}, which is no number") from None

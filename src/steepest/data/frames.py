"""Tables that are no text: pandas reads them, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from steepest.errors import InputError

SUFFIXES = {".xlsx": "read_excel", ".xls": "read_excel", ".parquet": "read_parquet"}
"""Endings of files, and the function of pandas that reads them."""


def read_frame(path: Path) -> tuple[list[str], Callable[[int], np.ndarray]]:
    """Return the names of columns, and a function that returns the column of a number.

    Raises
    ------
    InputError
        If pandas, or the package that it needs for this kind of file, is missing, or the file
        cannot be read.
    """
    reader = SUFFIXES[path.suffix.lower()]
    try:
        import pandas as pd

        frame = getattr(pd, reader)(path)
    except ImportError as error:
        raise InputError(
            f"{path} needs pandas and the package by which it reads {path.suffix}: {error}"
        ) from None
    except (OSError, ValueError, BadZipFile) as error:
        raise InputError(f"cannot read {path}: {error}") from None

    def read(index: int) -> np.ndarray:
        column = frame.iloc[:, index]
        numbers = pd.to_numeric(column, errors="coerce")
        for row in np.flatnonzero(numbers.isna() & column.notna())[:1]:
            raise InputError(
                f"{path} has {column.iloc[row]!r} in column {frame.columns[index]!r}, row "
                f"{row + 1} of the data, which is no number"
            )
        values: np.ndarray = numbers.to_numpy(np.float64, na_value=np.nan)
        return values

    return [str(name).strip() for name in frame.columns], read

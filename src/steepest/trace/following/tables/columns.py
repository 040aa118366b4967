"""A data frame whose columns are traced arrays."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.trace.following.tables.series import TracedSeries, refuse_method


class TracedFrame:
    """The stand-in for a data frame that is an argument.

    Parameters
    ----------
    columns
        The traced arrays, by name.
    """

    __slots__ = ("_columns", "_index")

    def __init__(self, columns: Mapping[Any, Any]) -> None:
        lengths = {len(column) for column in columns.values()}
        self._columns = dict(columns)
        self._index = sys.modules["pandas"].RangeIndex(max(lengths, default=0))

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, name: Any) -> bool:
        return name in self._columns

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, list):
            return TracedFrame({name: self._column(name) for name in key})
        return TracedSeries(self._column(key), self._index, key)

    def _column(self, name: Any) -> Any:
        if not isinstance(name, str | int) or name not in self._columns:
            raise UnsupportedError(
                f"{name!r}{at(user_source())} is no column of numbers of the data frame, which "
                f"has {', '.join(map(repr, self._columns))}"
            )
        return self._columns[name]

    @property
    def values(self) -> Any:
        """All columns as an array, shape (rows, columns)."""
        return np.stack(list(self._columns.values()), axis=1)

    def to_numpy(self) -> Any:
        """Return all columns as an array."""
        return self.values

    @property
    def columns(self) -> Any:
        """The names of the columns."""
        return sys.modules["pandas"].Index(list(self._columns))

    @property
    def index(self) -> Any:
        """The labels of the rows."""
        return self._index

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
        return len(self), len(self._columns)

    def __getattr__(self, name: str) -> Any:
        if name in self._columns:
            return self[name]
        refuse_method(name, "DataFrame")


def is_data_frame(value: Any) -> bool:
    """Whether a value is a data frame of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def columns_of(frame: Any) -> dict[Any, np.ndarray]:
    """Return the columns of numbers of a data frame, by name."""
    kinds = {name: frame[name].to_numpy() for name in frame.columns}
    return {name: column for name, column in kinds.items() if column.dtype.kind in "fiub"}


def plain_frame(columns: Mapping[Any, np.ndarray]) -> Any:
    """Return a data frame of columns."""
    return sys.modules["pandas"].DataFrame(dict(columns))

"""Which arrays can be recorded: plain ones, of the dtypes that all engines have."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.streams import Source

SUPPORTED = frozenset(
    np.dtype(kind)
    for kind in (
        *(np.bool_, np.int8, np.int16, np.int32, np.int64),
        *(np.uint8, np.uint16, np.uint32, np.uint64, np.float32, np.float64),
    )
)


def is_foreign_array(value: Any) -> bool:
    """Whether a value is an array or a table of another library."""
    is_own = isinstance(value, np.ndarray | np.generic | Source)
    return hasattr(type(value), "__array__") and not is_own


def check_plain(value: Any) -> Any:
    """Return a value that is no special kind of array, or raise.

    Masked arrays, matrices, data frames and other libraries' arrays would lose their meaning
    in a recording.
    """
    foreign = is_foreign_array(value)
    subclass = isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap)
    if foreign or subclass:
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise UnsupportedError(
            f"a {kind}{at(user_source())} cannot be recorded: it is more than a plain NumPy "
            "array; pass np.asarray(...) of it, or its .to_numpy(), if that is what you mean"
        )
    return value


_INSTEAD = {
    "c": "take the real and imaginary parts as two arrays",
    "U": "convert with .astype(np.float64), or give a text as Python's str",
    "S": "convert with .astype(np.float64), or give a text as Python's str",
}
"""What to do instead, by kind of dtype."""


def check_dtype(dtype: np.dtype) -> np.dtype:
    """Return a dtype that steepest can record, or raise."""
    if dtype not in SUPPORTED:
        raise UnsupportedError(
            f"arrays of dtype {dtype} cannot be recorded{at(user_source())}: steepest works on "
            "bool, integers, float32 and float64; "
            + _INSTEAD.get(dtype.kind, "convert with .astype(np.float64)")
        )
    return dtype

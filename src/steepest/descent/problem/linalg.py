"""Functions of vectors that methods, stop rules and history share."""

from __future__ import annotations

from typing import Any

import numpy as np


def norm(vector: Any) -> Any:
    """Return the Euclidean norm of a vector."""
    return np.sqrt(np.sum(np.square(vector)))


def chosen(condition: Any, first: Any, second: Any) -> Any:
    """Return the first or the second of two nested values, as ``np.where`` does for arrays."""
    if isinstance(first, tuple):
        parts = [chosen(condition, a, b) for a, b in zip(first, second, strict=True)]
        return type(first)(*parts) if type(first) is not tuple else tuple(parts)
    return np.where(condition, first, second)

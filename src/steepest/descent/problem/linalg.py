"""What methods, stop rules and history compute of vectors alike."""

from __future__ import annotations

from typing import Any

import numpy as np


def norm(vector: Any) -> Any:
    """Return the Euclidean norm."""
    return np.sqrt(np.sum(np.square(vector)))


def chosen(condition: Any, first: Any, second: Any) -> Any:
    """Return one of two nested values of the same structure."""
    if isinstance(first, tuple):
        parts = [chosen(condition, a, b) for a, b in zip(first, second, strict=True)]
        return type(first)(*parts) if type(first) is not tuple else tuple(parts)
    return np.where(condition, first, second)

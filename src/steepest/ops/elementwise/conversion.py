"""What becomes of a real number that is converted to an integer."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.aliases import Tensor, Torch

with np.errstate(invalid="ignore"):
    CONVERTS_TO_LOWEST = bool(np.array([np.nan]).astype(np.int32)[0] == -(2**31))
"""Whether NumPy, here, converts a number that is out of range to the lowest integer.

C leaves the result open: x86-64 gives the lowest integer, others the nearest one.
"""


def astype_in_torch(t: Torch, x: Tensor, target: Any) -> Tensor:
    """Convert a tensor to a dtype of torch as NumPy converts an array."""
    is_whole = not target.is_floating_point and target != t.bool
    if not x.dtype.is_floating_point or not is_whole or not CONVERTS_TO_LOWEST:
        return x.to(target)
    if target == t.uint64:
        beyond = x >= 2.0**63
        whole = _or_lowest(t, t.where(beyond, x - 2.0**63, x), 64)
        return t.where(beyond, whole ^ -(2**63), whole).view(t.uint64)
    bits = 64 if target == t.uint32 else max(8 * target.itemsize, 32)
    return _or_lowest(t, x, bits).to(target)


def _or_lowest(t: Torch, x: Tensor, bits: int) -> Tensor:
    limit = 2.0 ** (bits - 1)
    inside = (x >= -limit) & (x < limit)
    return t.where(inside, t.where(inside, x, 0).to(t.int64), -int(limit))

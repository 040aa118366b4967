"""NumPy dtypes as LLVM types."""

from __future__ import annotations

import numpy as np
from llvmlite import ir

POINTER = ir.PointerType()
INDEX = ir.IntType(64)
BIT = ir.IntType(1)

_REALS = {np.dtype(np.float64): ir.DoubleType(), np.dtype(np.float32): ir.FloatType()}


def register_type(dtype: np.dtype) -> ir.Type:
    """Return the type that an element has in a register (truth values are one bit)."""
    if dtype == np.bool_:
        return BIT
    return _REALS.get(dtype) or ir.IntType(8 * dtype.itemsize)


def memory_type(dtype: np.dtype) -> ir.Type:
    """Return the type that an element has in memory (truth values are one byte)."""
    return ir.IntType(8) if dtype == np.bool_ else register_type(dtype)


def literal(value: object, dtype: np.dtype) -> ir.Constant:
    """Return a number as a constant of a dtype."""
    if dtype.kind == "f":
        return ir.Constant(register_type(dtype), float(dtype.type(value)))
    return ir.Constant(register_type(dtype), int(value))  # type: ignore[call-overload]


def index(value: int) -> ir.Constant:
    """Return a constant index."""
    return ir.Constant(INDEX, value)

"""NumPy dtypes as LLVM types."""

from __future__ import annotations

import functools

import numpy as np

from steepest.engines.native import ir

POINTER = ir.PointerType()
INDEX = ir.IntType(64)
BIT = ir.IntType(1)

_REALS = {np.dtype(np.float64): ir.DoubleType(), np.dtype(np.float32): ir.FloatType()}


@functools.cache
def register_type(dtype: np.dtype, lanes: int = 1) -> ir.Type:
    """Return the type that an element has in a register (truth values are one bit)."""
    kind = BIT if dtype == np.bool_ else _REALS.get(dtype) or ir.IntType(8 * dtype.itemsize)
    return in_lanes(kind, lanes)


@functools.cache
def memory_type(dtype: np.dtype, lanes: int = 1) -> ir.Type:
    """Return the type that an element has in memory (truth values are one byte)."""
    if dtype == np.bool_:
        return in_lanes(ir.IntType(8), lanes)
    return register_type(dtype, lanes)


def in_lanes(kind: ir.Type, lanes: int) -> ir.Type:
    """Return the type of `lanes` numbers side by side."""
    return kind if lanes == 1 else ir.VectorType(kind, lanes)


def literal(value: object, dtype: np.dtype, lanes: int = 1) -> ir.Value:
    """Return a number as a constant of a dtype, the same in every lane."""
    number = float(dtype.type(value)) if dtype.kind == "f" else int(value)  # type: ignore[call-overload]
    constant = ir.Constant(register_type(dtype), number)
    return constant if lanes == 1 else ir.Constant(register_type(dtype, lanes), [constant] * lanes)


@functools.lru_cache(maxsize=4096)
def index(value: int) -> ir.Value:
    """Return a constant index."""
    return ir.Constant(INDEX, value)

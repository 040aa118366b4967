"""Calls from machine code back to NumPy, for ops that have no machine code of their own."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from steepest.graph import Node

_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(ctypes.c_void_p))


class HostCall:
    """A function for machine code that computes one node in NumPy.

    Parameters
    ----------
    node
        What to compute.

    Attributes
    ----------
    address
        Of a C function: it takes a table of pointers, to the operands and to the result,
        all in C order, and returns 0, or 1 if NumPy raised.
    error
        What NumPy raised last.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.error: Exception | None = None
        self._evaluate = functools.partial(node.op.evaluate, **node.attributes)
        self._function = _SIGNATURE(self._call)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def _call(self, table: ctypes.Array) -> int:
        try:
            *operands, result = [
                _array_at(table[i], node)
                for i, node in enumerate((*self.node.operands, self.node))
            ]
            with np.errstate(all="ignore"):
                result[...] = self._evaluate(*operands)
        except Exception as error:
            self.error = error
            return 1
        return 0


def _array_at(address: int, node: Node) -> np.ndarray:
    size = max(node.size * node.dtype.itemsize, 1)
    buffer: Any = (ctypes.c_char * size).from_address(address)
    return np.ndarray(node.shape, node.dtype, buffer)

"""Calls from machine code back to NumPy and SciPy, for ops without machine code."""

from __future__ import annotations

import ctypes
import functools
import importlib
import re
from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from steepest.engines.native.jit import lapack_symbols
from steepest.graph import Node

_SIGNATURE = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(ctypes.c_void_p))


_SPECIAL = "scipy.special."


class HostCall:
    """A function for machine code that computes one node in NumPy.

    Parameters
    ----------
    node
        The node to compute.

    Attributes
    ----------
    address
        Address of a C function. It takes a table of pointers to the operands and the result,
        all in C order. It returns 0, or 1 if NumPy raised an error.
    size_in_bytes
        Size of the largest array.
    error
        The error that NumPy raised last.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.error: Exception | None = None
        self.size_in_bytes = max(x.size * x.dtype.itemsize for x in (node, *node.operands))
        self._evaluate = functools.partial(node.op.evaluate, **node.attributes)
        self._function = _SIGNATURE(self._call)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def _call(self, table: ctypes.Array[Any]) -> int:
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


def _signatures(kinds: str, results: int) -> list[bytes]:
    """Return how Cython may write a function's signature.

    Parameters
    ----------
    kinds
        "d" for each operand that is a double, and "l" for each whole number of 64 bits.
    results
        Number of results, if they are written to addresses, or 0 for one that is returned.
    """
    found = []
    for whole in ("Py_ssize_t", "long", "long long"):
        operands = ", ".join({"d": "double", "l": whole}[kind] for kind in kinds)
        if whole == "long" and ctypes.sizeof(ctypes.c_long) < 8:
            continue
        if results:
            found.append(f"void ({operands}{', double *' * results})".encode())
        else:
            found.append(f"double ({operands}, int __pyx_skip_dispatch)".encode())
    return found


@functools.cache
def special_address(name: str, kinds: str, results: int = 0) -> int:
    """Return the address of SciPy's C function; see :func:`_signatures`."""
    exported = importlib.import_module("scipy.special.cython_special").__pyx_capi__
    wanted = _signatures(kinds, results)
    name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    specialized = re.compile(rf"(__pyx_fuse_\d(_\d)?)?{re.escape(name)}")
    for candidate, capsule in exported.items():
        if specialized.fullmatch(candidate):
            signature = name_of(capsule)
            if signature in wanted:
                return int(pointer_of(capsule, signature))
    raise AssertionError(f"SciPy exports no function {name} of {kinds} with {results} results")


@functools.cache
def special_symbol(name: str, kinds: str, results: int = 0) -> str:
    """Return the symbol under which machine code finds SciPy's function."""
    symbol = f"{_SPECIAL}{name}.{kinds}.{results}"
    llvm.add_symbol(symbol, special_address(name, kinds, results))
    return symbol


def make_symbols_known(names: Iterable[str]) -> bool:
    """Make SciPy's functions among these names known to machine code; return whether they are."""
    for symbol in names:
        if symbol.startswith(_SPECIAL):
            name, kinds, results = symbol.removeprefix(_SPECIAL).split(".")
            special_symbol(name, kinds, int(results))
        elif symbol.startswith(lapack_symbols.PREFIX):
            if not lapack_symbols.has(symbol):
                return False
            lapack_symbols.symbol(symbol)
    return True


def _array_at(address: int, node: Node) -> np.ndarray:
    size = max(node.size * node.dtype.itemsize, 1)
    buffer: Any = (ctypes.c_char * size).from_address(address)
    return np.ndarray(node.shape, node.dtype, buffer)

"""SciPy's pointers to LAPACK and BLAS, as symbols that machine code calls.

The functions take the address of every argument. SciPy's module of pointers is loaded without the
package ``scipy.linalg`` around it, which takes five times as long.

OpenBLAS has one number of threads for the whole process. Its results depend on that number, and
threads of its own would compete with those of the engine. So machine code sets the number to 1
while it computes and restores it afterwards: `STATE` holds a lock, how many computations are
running, and the number to restore.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

import llvmlite.binding as llvm

PREFIX = "scipy.linalg."
STATE = f"{PREFIX}state"
GET_THREADS, SET_THREADS = f"{PREFIX}get_num_threads", f"{PREFIX}set_num_threads"

LOCK, RUNNING, SAVED = 0, 1, 2
"""Positions in the state, an array of integers of 64 bits."""

_state = (ctypes.c_int64 * 3)()


def _reset() -> None:
    """Forget computations of threads that a fork left behind."""
    if _state[RUNNING] and GET_THREADS in _openblas():
        _function(_openblas()[SET_THREADS], None, ctypes.c_int)(_state[SAVED])
    _state[LOCK] = _state[RUNNING] = 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)


@functools.cache
def _module(name: str) -> ModuleType:
    """Return SciPy's module ``cython_lapack`` or ``cython_blas``."""
    full = f"scipy.linalg.{name}"
    if full in sys.modules:
        return sys.modules[full]
    package = importlib.import_module("scipy")  # which finds the libraries on some systems
    folders = [os.path.join(path, "linalg") for path in package.__path__]
    spec = PathFinder.find_spec(full, folders)
    if spec is None or spec.loader is None:
        return importlib.import_module(full)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _capsule(name: str) -> Any:
    for module in ("cython_lapack", "cython_blas"):
        found = _module(module).__pyx_capi__.get(name)
        if found is not None:
            return found
    raise AssertionError(f"SciPy exports no function {name}")


def _signature(capsule: Any) -> bytes:
    name_of = ctypes.pythonapi.PyCapsule_GetName
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    return bytes(name_of(capsule))


@functools.cache
def is_available() -> bool:
    """Return whether SciPy's functions are of the kind that machine code calls."""
    signature = _signature(_capsule("dpotrf"))
    return signature.startswith(b"void (char *, int *,") and signature.endswith(b"int *, int *)")


@functools.cache
def address_of(name: str) -> int:
    """Return the address of a function of LAPACK or BLAS, such as ``dpotrf``."""
    capsule = _capsule(name)
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return int(pointer_of(capsule, _signature(capsule)))


@functools.cache
def _openblas() -> dict[str, int]:
    """Return the addresses of the functions that read and set OpenBLAS's number of threads.

    Empty if another library is behind SciPy.
    """
    try:
        library = ctypes.CDLL(str(_module("cython_lapack").__file__))
    except OSError:
        return {}
    for prefix in ("scipy_openblas", "openblas"):
        try:
            found = [getattr(library, f"{prefix}_{verb}_num_threads") for verb in ("get", "set")]
        except AttributeError:
            continue
        addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in found]
        return dict(zip((GET_THREADS, SET_THREADS), addresses, strict=True))
    return {}


def limits_threads() -> bool:
    """Return whether the number of threads of the library can be set."""
    return bool(_openblas())


def has(name: str) -> bool:
    """Return whether there is a function for a symbol that a program of another process uses."""
    is_of_openblas = name in (GET_THREADS, SET_THREADS)
    return is_available() and (not is_of_openblas or limits_threads())


@functools.cache
def symbol(name: str) -> str:
    """Return the symbol under which machine code finds a function, or the state."""
    full = name if name.startswith(PREFIX) else PREFIX + name
    if full == STATE:
        address = ctypes.addressof(_state)
    elif full in (GET_THREADS, SET_THREADS):
        address = _openblas()[full]
    else:
        address = address_of(full.removeprefix(PREFIX))
    llvm.add_symbol(full, address)
    return full


def _function(address: int, result: Any, *arguments: Any) -> Any:
    return ctypes.CFUNCTYPE(result, *arguments)(address)


def work_sizes(
    name: str, arguments: Sequence[str | int | None], sizes: Sequence[str]
) -> list[int]:
    """Return the sizes of the work arrays that a function asks for.

    Parameters
    ----------
    name
        Name of the function.
    arguments
        Its arguments: characters, integers, and None for an array that is not read.
    sizes
        What follows `arguments`: "real" or "int" for a work array and its size, "array" for an
        array alone. The last argument is the error code.
    """
    is_double = name.startswith("d")
    answers: list[Any] = []
    table: list[Any] = []
    for argument in arguments:
        if isinstance(argument, str):
            table.append(ctypes.c_char(argument.encode()))
        else:
            table.append(ctypes.c_int(argument or 0))
    for kind in sizes:
        if kind == "array":
            table.append(ctypes.c_int(0))
            continue
        real = ctypes.c_double if is_double else ctypes.c_float
        answers.append(ctypes.c_int(0) if kind == "int" else real(0.0))
        table += [answers[-1], ctypes.c_int(-1)]
    table.append(ctypes.c_int(0))
    function = _function(address_of(name), None, *[ctypes.c_void_p] * len(table))
    function(*[ctypes.addressof(argument) for argument in table])
    return [max(int(answer.value), 1) for answer in answers]

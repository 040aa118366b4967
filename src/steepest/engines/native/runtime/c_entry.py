"""Compiled functions that Python calls as built-in functions.

If the arguments are arrays of the shapes and dtypes compiled for, machine code does the whole
call: it checks the arrays, asks NumPy for the results' memory, computes, and returns. Other
calls go to a function of Python, the fallback.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.engines.native.runtime.numpy_abi import (
    Header,
    Words,
    Writer,
    array_words,
    check_array,
    data_of,
    layout_is_known,
)
from steepest.graph import Shape

_FASTCALL = 0x0080  # flag of Python's C interface: arguments are a C array
_SCALAR = 60  # position of PyArray_Scalar in NumPy's C interface
_LONG_CALL = 1 << 13  # least elements for which the interpreter's lock is released

# Functions of Python's C interface; their addresses are the first words of a description.
_PYTHON = (
    "PyObject_Vectorcall",
    "PyTuple_New",
    "PyTuple_SetItem",
    "Py_DecRef",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
)
_HEADER = Header(
    *_PYTHON, "PyArray_Scalar",
    *("function", "fallback", "open_sessions", "arena", "busy", "type"),
    *("inputs", "reads", "results", "is_tuple", "is_long", "queue"),
)  # fmt: skip
"""The words that follow it describe the reads from outside, the inputs, and the results."""


class _Method(ctypes.Structure):
    """PyMethodDef."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


def entry(
    function: int,
    inputs: Sequence[tuple[Shape, np.dtype]],
    results: Sequence[tuple[Shape, np.dtype]],
    make: Callable[..., np.ndarray],
    arena: np.ndarray,
    queue: np.ndarray,
    reads: Sequence[tuple[Callable[[], Any], Any]],
    open_sessions: np.ndarray,
    fallback: Callable[..., Any],
    is_tuple: bool,
) -> Callable[..., Any] | None:
    """Return a built-in function that runs a program; None if this Python does not allow it.

    Parameters
    ----------
    function
        Address of the program.
    inputs, results
        Shapes and dtypes.
    make
        Makes a result's array, given its shape and dtype.
    arena
        Memory of the program; a second call at the same time goes to the fallback.
    queue
        The queue through which threads share work.
    reads
        For each object that the traced function read from outside: a function that reads it
        now, and the object. If one is another object now, the call goes to the fallback.
    open_sessions
        A number that is not 0 while something is being traced.
    fallback
        The function that takes all other calls.
    is_tuple
        Whether the results are returned as a tuple.
    """
    shared = _shared()
    if shared is None:
        return None
    busy = np.zeros(1, np.int64)
    size = sum(int(np.prod(shape, dtype=int)) for shape, _ in (*inputs, *results))
    words = _HEADER.write(
        **_functions(),
        function=function,
        fallback=id(fallback),
        open_sessions=address_of(open_sessions),
        arena=address_of(arena),
        busy=address_of(busy),
        type=id(np.ndarray),
        inputs=len(inputs),
        reads=len(reads),
        results=len(results),
        is_tuple=is_tuple,
        is_long=size > _LONG_CALL,
        queue=address_of(queue),
    )
    for read, found in reads:
        words += [id(read), id(found)]
    for shape, dtype in inputs:
        words += array_words(shape, dtype)
    alive: list[Any] = [arena, queue, busy, reads, open_sessions, fallback, make, *inputs]
    for shape, dtype in results:
        alive += [shape, dtype]
        words += [len(shape), id(make), id(shape), id(dtype)]
    description = np.array(words, np.int64).view(_Description)
    description.alive = alive
    made: Callable[..., Any] = _new_function()(ctypes.byref(shared[0]), description, None)
    return made


class _Description(np.ndarray):
    """The description of a program, with the objects whose addresses are in it."""

    alive: list[Any]


@functools.cache
def _functions() -> dict[str, int]:
    """Return the addresses of the functions that the machine code calls."""
    found = {
        name: ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p) for name in _PYTHON
    }
    addresses = {name: pointer.value or 0 for name, pointer in found.items()}
    return addresses | {"PyArray_Scalar": _numpy_function(_SCALAR)}


def _numpy_function(place: int) -> int:
    """Return the address of a function of NumPy's C interface."""
    capsule = np._core.multiarray._ARRAY_API  # type: ignore[attr-defined]
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    table = pointer_of(capsule, None)
    return ctypes.c_void_p.from_address(table + 8 * place).value or 0


@functools.cache
def _new_function() -> Any:
    function = ctypes.pythonapi.PyCFunction_NewEx
    function.restype = ctypes.py_object
    function.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p]
    return function


_lock = threading.Lock()


@functools.cache
def _shared() -> tuple[_Method, Code] | None:
    """Return the function that all entries share; None if objects are not laid out as expected."""
    with _lock:
        if not layout_is_known() or not _scalars_are_known():
            return None
        code = Code(_module(), "entry")
        return _Method(b"compiled", code.address, _FASTCALL, None), code


def _scalars_are_known() -> bool:
    """Whether NumPy's function that makes scalars works as expected."""
    kind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)
    try:
        address = _numpy_function(_SCALAR)
    except (AttributeError, ValueError):
        return False
    number = np.array(1.5)
    made = kind(address)(address_of(number), number.dtype, None)
    return type(made) is np.float64 and made == 1.5


def _module() -> ir.Module:  # noqa: PLR0915 - one function of machine code
    module = ir.Module()
    kind = ir.FunctionType(POINTER, [POINTER, POINTER, INDEX])
    function = ir.Function(module, kind, "entry")
    itself, arguments, given = function.args
    w = Writer(function)
    b = w.b
    null = ir.Constant(POINTER, None)
    names = ("other_kind", "failed", "computed", "gave_up")
    other_kind, failed, computed, gave_up = map(function.append_basic_block, names)
    description = data_of(w, itself)

    def load(name: str, kind: ir.Type = INDEX) -> ir.Value:
        return _HEADER.read(w, description, name, kind)

    count, reads, results = (load(name) for name in ("inputs", "reads", "results"))
    words = Words(w, description, _HEADER)
    arrays = b.alloca(POINTER, b.add(b.add(count, results), index(2)))  # the program's table
    made = b.alloca(POINTER, b.add(results, index(1)))  # results that are arrays
    numbers = b.alloca(INDEX, b.add(results, index(1)))  # results that are numbers
    pair = b.alloca(POINTER, index(2))

    def at(table: ir.Value, i: ir.Value) -> ir.Value:
        return b.gep(table, [i], source_etype=POINTER)

    def call(name: str, result: ir.Type, *operands: ir.Value) -> ir.Value:
        target = load(name, POINTER)
        return b.call(target, operands, ir.FunctionType(result, [x.type for x in operands]))

    def release(pointer: ir.Value) -> None:
        call("Py_DecRef", ir.VoidType(), pointer)

    w.require(given, count, other_kind)
    open_sessions = load("open_sessions", POINTER)
    w.require(b.load(open_sessions, typ=INDEX), index(0), other_kind)

    def read(i: ir.Value) -> None:
        found = call("PyObject_Vectorcall", POINTER, words.next(POINTER), null, index(0), null)
        expected = words.next()
        is_read = function.append_basic_block("is_read")
        b.cbranch(b.icmp_unsigned("!=", found, null), is_read, failed)
        b.position_at_end(is_read)
        release(found)  # the expected object is alive, so its address is nobody else's
        w.require(b.ptrtoint(found, INDEX), expected, other_kind)

    w.each(index(0), reads, read)
    array_type = load("type")

    def check(i: ir.Value) -> None:
        array = b.load(at(arguments, i), typ=POINTER)
        check_array(w, array, array_type, words, other_kind)
        b.store(data_of(w, array), at(arrays, i))

    w.each(index(0), count, check)
    busy = load("busy", POINTER)
    w.require(b.atomic_rmw("xchg", busy, index(1), "seq_cst"), index(0), other_kind)
    b.store(load("arena", POINTER), at(arrays, count))
    b.store(load("queue", POINTER), at(arrays, b.add(count, index(1))))

    def clear(i: ir.Value) -> None:
        b.store(null, at(made, i))

    def prepare(i: ir.Value) -> None:
        place = at(arrays, b.add(b.add(count, index(2)), i))
        ndim, make = words.next(), words.next(POINTER)
        for k in range(2):  # shape and dtype
            b.store(words.next(POINTER), at(pair, index(k)))
        is_number, is_array, ready = (
            function.append_basic_block(name) for name in ("number", "array", "ready")
        )
        b.cbranch(b.icmp_unsigned("==", ndim, index(0)), is_number, is_array)
        b.position_at_end(is_number)
        b.store(b.gep(numbers, [i], source_etype=INDEX), place)
        b.branch(ready)
        b.position_at_end(is_array)
        array = call("PyObject_Vectorcall", POINTER, make, pair, index(2), null)
        b.store(array, at(made, i))
        fine = function.append_basic_block("fine")
        b.cbranch(b.icmp_unsigned("!=", array, null), fine, gave_up)
        b.position_at_end(fine)
        b.store(data_of(w, array), place)
        b.branch(ready)
        b.position_at_end(ready)

    after_inputs = b.load(words.offset, typ=INDEX)
    w.each(index(0), results, clear)
    w.each(index(0), results, prepare)
    is_long = b.icmp_unsigned("!=", load("is_long"), index(0))
    thread = b.alloca(POINTER)
    with b.if_then(is_long):
        b.store(call("PyEval_SaveThread", POINTER), thread)
    zero = index(0)
    path = call("function", INDEX, arrays, zero, zero)
    with b.if_then(is_long):
        call("PyEval_RestoreThread", ir.VoidType(), b.load(thread, typ=POINTER))
    b.store_atomic(index(0), busy, "seq_cst", 8)
    drop = function.append_basic_block("drop")
    b.cbranch(b.icmp_unsigned("==", path, index(0)), computed, drop)
    b.position_at_end(drop)  # an index out of bounds, or another path: left to Python

    def forget(i: ir.Value) -> None:
        array = b.load(at(made, i), typ=POINTER)
        with b.if_then(b.icmp_unsigned("!=", array, null)):
            release(array)

    w.each(index(0), results, forget)
    b.branch(other_kind)

    b.position_at_end(computed)
    single = b.icmp_unsigned("==", load("is_tuple"), index(0))
    whole, slot = b.alloca(POINTER), b.alloca(POINTER)
    b.store(null, whole)
    with b.if_then(b.not_(single)):
        b.store(call("PyTuple_New", POINTER, results), whole)
    b.store(after_inputs, words.offset)

    def give(i: ir.Value) -> None:
        for _ in range(3):
            words.next()
        dtype = words.next(POINTER)
        array = b.load(at(made, i), typ=POINTER)
        b.store(array, slot)
        with b.if_then(b.icmp_unsigned("==", array, null)):
            number = b.gep(numbers, [i], source_etype=INDEX)
            b.store(call("PyArray_Scalar", POINTER, number, dtype, null), slot)
        result = b.load(slot, typ=POINTER)
        with b.if_else(single) as (alone, together):
            with alone:
                b.store(result, whole)
            with together:
                call("PyTuple_SetItem", ir.IntType(32), b.load(whole, typ=POINTER), i, result)

    w.each(index(0), results, give)
    b.ret(b.load(whole, typ=POINTER))

    b.position_at_end(gave_up)
    b.store_atomic(index(0), busy, "seq_cst", 8)
    w.each(index(0), results, forget)
    b.branch(failed)
    b.position_at_end(failed)
    b.ret(null)
    b.position_at_end(other_kind)
    fallback = load("fallback", POINTER)
    b.ret(call("PyObject_Vectorcall", POINTER, fallback, arguments, given, null))
    return module

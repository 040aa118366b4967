"""What this machine can do at best, measured in the same process as everything else."""

from __future__ import annotations

import ctypes
import functools
import time
from concurrent.futures import ThreadPoolExecutor

import llvmlite.binding as llvm
import numpy as np

from steepest.engines.native.jit.compile import target_machine, vector_bytes

_SUMS = 12  # enough additions on their way to fill the pipeline
_STEPS = 1_000_000


def median_of(run, repeats=9):
    """Return the median seconds of a call."""
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


@functools.cache
def read_bandwidth(threads):
    """Return bytes in a second that threads read from an array larger than the caches."""
    array = np.ones(64_000_000)
    parts = np.array_split(array, threads)
    with ThreadPoolExecutor(threads) as pool:
        return array.nbytes / median_of(lambda: list(pool.map(np.sum, parts)))


def _multiply_add(kind):
    """Return machine code that does nothing but multiply and add, in registers."""
    lanes = vector_bytes() // (8 if kind == "double" else 4)
    vector = f"<{lanes} x {kind}>"
    intrinsic = f"@llvm.fma.v{lanes}f{64 if kind == 'double' else 32}"
    sums = "\n".join(f"%s{i} = phi {vector} [%x, %entry], [%t{i}, %loop]" for i in range(_SUMS))
    products = "\n".join(
        f"%t{i} = call {vector} {intrinsic}({vector} %s{i}, {vector} %x, {vector} %s{i})"
        for i in range(_SUMS)
    )
    totals = "\n".join(
        f"%u{i} = fadd {vector} %{'t0' if i == 1 else f'u{i - 1}'}, %t{i}" for i in range(1, _SUMS)
    )
    text = f"""
    declare {vector} {intrinsic}({vector}, {vector}, {vector})
    define {kind} @limit({kind} %seed) {{
    entry:
      %one = insertelement {vector} undef, {kind} %seed, i32 0
      %x = shufflevector {vector} %one, {vector} undef, <{lanes} x i32> zeroinitializer
      br label %loop
    loop:
      %i = phi i64 [0, %entry], [%next, %loop]
      {sums}
      {products}
      %next = add i64 %i, 1
      %more = icmp ult i64 %next, {_STEPS}
      br i1 %more, label %loop, label %after
    after:
      {totals}
      %result = extractelement {vector} %u{_SUMS - 1}, i32 0
      ret {kind} %result
    }}"""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(text), target_machine())
    engine.finalize_object()
    real = ctypes.c_double if kind == "double" else ctypes.c_float
    call = ctypes.CFUNCTYPE(real, real)(engine.get_function_address("limit"))
    return lambda: call(1e-30), 2 * _SUMS * lanes * _STEPS, engine


@functools.cache
def flops(kind="double"):
    """Return operations in a second that one core does in registers."""
    call, operations, _alive = _multiply_add(kind)
    return operations / median_of(call)


@functools.cache
def ctypes_call():
    """Return the seconds of calling a C function that does nothing."""
    address = ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(address)

    def many():
        for _ in range(1000):
            function(1, 2)

    return median_of(many) / 1000


def all_limits():
    """Return every limit, by name."""
    return {
        "read, one thread, GB/s": read_bandwidth(1) / 1e9,
        "read, two threads, GB/s": read_bandwidth(2) / 1e9,
        "multiply-add, one core, float64, Gflop/s": flops() / 1e9,
        "multiply-add, one core, float32, Gflop/s": flops("float") / 1e9,
        "call through ctypes, us": ctypes_call() * 1e6,
    }

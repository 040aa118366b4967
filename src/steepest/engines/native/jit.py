"""LLVM IR to machine code in this process."""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

import llvmlite
import llvmlite.binding as llvm
from llvmlite import ir

from steepest.engines.native import cache

_lock = threading.Lock()

LARGE = 16_000
"""Functions of more instructions are turned into machine code by LLVM's fast instruction
selection: its full one takes time that grows faster than the number of instructions, while
the code runs about 1.5 times as fast (35,000 nodes in a row: 4.8 s against 0.5 s)."""


def target_machine(level: int = 3) -> Any:
    """Return the host as a target, with every feature of its CPU, at an optimization level."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):  # registers at their full width
        features["prefer-256-bit"] = False
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=level, jit=True
    )


@functools.cache
def vector_bytes() -> int:
    """Return the width of the host's widest registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


class Code:
    """Machine code of one function; it lives as long as this object does.

    Parameters
    ----------
    module
        What to compile.
    name
        Of the function.
    keep
        Whether other processes may use it: not if it holds addresses of this one.

    Attributes
    ----------
    call
        The function: of a pointer to a table of pointers and two integers, returning an
        integer. Calling it releases the GIL.
    address
        Where it is.
    is_new
        Whether it was compiled here, rather than found in the cache.
    assembly
        The machine code as text, made when asked for.
    """

    def __init__(self, module: ir.Module, name: str, keep: bool = True) -> None:
        size = sum(len(block.instructions) for f in module.functions for block in f.blocks)
        self._level = 3 if size <= LARGE else 0
        with _lock:
            # The execution engine takes the machine over, for good.
            machine = target_machine(self._level)
            module.triple = machine.triple
            module.data_layout = str(machine.target_data)
            self._text = str(module)
            key = cache.key_of(self._text, _maker(), str(self._level))
            found = cache.find(key) if keep else None
            self.is_new = found is None
            if found is None:
                found = machine.emit_object(self._optimized(machine))
                if keep:
                    cache.keep(key, found)
            self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(found))
            self._engine.finalize_object()
            self.address = self._engine.get_function_address(name)
        signature = ctypes.CFUNCTYPE(
            ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self.call = signature(self.address)

    def _optimized(self, machine: Any) -> Any:
        module = llvm.parse_assembly(self._text)
        module.verify()
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = True
        options.slp_vectorization = False
        options.loop_unrolling = False  # half of the time to compile, for no measurable speed
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        return module

    @functools.cached_property
    def assembly(self) -> str:
        """The machine code as text."""
        with _lock:
            machine = target_machine(self._level)
            return str(machine.emit_assembly(self._optimized(machine)))


_PIPELINE = "1"
"""Changes whenever what is done to a module does."""


@functools.cache
def _maker() -> str:
    """Return what machine code depends on besides the program."""
    features = llvm.get_host_cpu_features().flatten()
    versions = (_PIPELINE, llvmlite.__version__, str(llvm.llvm_version_info))
    return " ".join((*versions, llvm.get_host_cpu_name(), features))

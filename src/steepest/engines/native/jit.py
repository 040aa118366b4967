"""LLVM IR to machine code in this process."""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

_lock = threading.Lock()


def target_machine() -> Any:
    """Return the host as a target: its CPU and every feature it has."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    features = llvm.get_host_cpu_features()
    if "prefer-256-bit" in features:  # registers at their full width
        features["prefer-256-bit"] = False
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=3, jit=True
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

    Attributes
    ----------
    call
        The function: of a pointer to a table of pointers and two integers, returning an
        integer. Calling it releases the GIL.
    assembly
        The machine code as text, made when asked for.
    """

    def __init__(self, module: ir.Module, name: str) -> None:
        with _lock:
            machine = target_machine()  # the execution engine takes it over, for good
            module.triple = machine.triple
            module.data_layout = str(machine.target_data)
            self._module = llvm.parse_assembly(str(module))
            self._module.verify()
            self._optimize(machine)
            self._assembly: str | None = None
            self._engine = llvm.create_mcjit_compiler(self._module, machine)
            self._engine.finalize_object()
            address = self._engine.get_function_address(name)
        signature = ctypes.CFUNCTYPE(
            ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self.call = signature(address)

    def _optimize(self, machine: Any) -> None:
        options = llvm.create_pipeline_tuning_options(speed_level=3)
        options.loop_vectorization = True
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(self._module, builder)

    @property
    def assembly(self) -> str:
        """The machine code as text."""
        if self._assembly is None:
            with _lock:
                self._assembly = target_machine().emit_assembly(self._module)
        return self._assembly

"""Compilation of LLVM IR to machine code in this process."""

from __future__ import annotations

import ctypes
import functools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import llvmlite
import llvmlite.binding as llvm
from llvmlite.binding.newpassmanagers import NewPassManager

from steepest import activity, cache
from steepest.engines.native import ir
from steepest.engines.native.jit import background
from steepest.graph import passes as graph_passes

_lock = threading.Lock()

_T = TypeVar("_T")


def once(make: Callable[[], _T]) -> Callable[[], _T]:
    """Decorate a function that makes machine code, so that it runs once in all threads.

    ``functools.cache`` would let threads run it at the same time and drop all results but one,
    although addresses in the others may be in use.
    """
    lock, made = threading.RLock(), list[_T]()

    @functools.wraps(make)
    def get() -> _T:
        if not made:
            with lock:
                if not made:
                    made.append(make())
        return made[0]

    return get


LARGE = 16_000
"""Most instructions of a function for LLVM's full instruction selection.

Its time grows faster than the number of instructions. Fast selection takes less (35,000 nodes
in a row: 0.5 s instead of 4.8 s), but the code takes about 1.5 times as long to run."""


def target_machine(level: int = 3) -> Any:
    """Return the host as a target, with every feature of its CPU, at an optimization level."""
    cpu, features = _host()
    return _target().create_target_machine(cpu=cpu, features=features, opt=level, jit=True)


@functools.cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


@functools.cache
def _host() -> tuple[str, str]:
    """Return the name of the host's CPU, and its features."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):  # registers at their full width
        features["prefer-256-bit"] = False
    return llvm.get_host_cpu_name(), features.flatten()


@functools.cache
def _compiler(level: int) -> Any:
    """Return the target machine for all objects of an optimization level; hold the lock.

    A machine's tables of the processor take most of a megabyte, and are made at its first use.
    """
    return target_machine(level)


@functools.cache
def vector_bytes() -> int:
    """Return the width of the host's widest registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


@functools.cache
def has_fma() -> bool:
    """Whether the host multiplies and adds in one instruction, rounding once."""
    return bool(llvm.get_host_cpu_features().get("fma")) or "x86" not in llvm.get_process_triple()


class ProgramInfo(NamedTuple):
    """A program in LLVM IR, without its text.

    Attributes
    ----------
    name
        Name of its function.
    digest
        Hash of its text.
    size
        Number of instructions.
    """

    name: str
    digest: str
    size: int


def text_of(module: ir.Module) -> str:
    """Return the text of a module for this machine."""
    module.triple, module.data_layout = _names_of_machine()
    return str(module)


@functools.cache
def _names_of_machine() -> tuple[str, str]:
    """Return this machine's triple and data layout, as a module states them."""
    machine = _compiler(3)
    return machine.triple, str(machine.target_data)


class Code:
    """Machine code of one function; it lives as long as this object does.

    Parameters
    ----------
    module
        The module to compile.
    name
        Name of the function.
    keep
        Whether other processes may use it. They may not if it contains addresses.
    baseline
        Whether to compile without optimization first, if optimization changes no bit of the
        results. This takes a third of the time. Code that is used often is optimized later:
        see :meth:`record_use`.

    Attributes
    ----------
    call
        The function. It takes a pointer to a table of pointers and two integers, and returns
        an integer. A call releases the GIL.
    address
        Address of the function.
    is_new
        Whether it was compiled here, not found in the cache.
    is_baseline
        Whether it is not optimized yet.
    assembly
        The machine code as text.
    program
        The program that was compiled.
    """

    def __init__(
        self, module: ir.Module, name: str, keep: bool = True, baseline: bool = False
    ) -> None:
        with _lock:
            text = text_of(module)
            size = sum(len(block.instructions) for f in module.functions for block in f.blocks)
            program = ProgramInfo(name, cache.key_of(text), size)
            self._begin(program, lambda: text, keep, baseline)

    @classmethod
    def found(cls, program: ProgramInfo, text: Callable[[], str], baseline: bool = False) -> Code:
        """Return the code of a program that is known already; `text` returns its text."""
        code = cls.__new__(cls)
        with _lock:
            code._begin(program, text, True, baseline)
        return code

    def _begin(
        self, program: ProgramInfo, text: Callable[[], str], keep: bool, baseline: bool
    ) -> None:
        self._name, self._keep, self.program = program.name, keep, program
        self._make_text = text
        self._level = 3 if program.size <= LARGE else 0
        self._engines: list[Any] = []
        self._seconds, self._uses = 0.0, 0
        self.is_baseline = self._is_due = False
        optimized = self._found(self._level, 3)
        if optimized is None and baseline:
            self.is_baseline = True
            self._load(0, 0)
        else:
            self._load(self._level, 3, optimized)

    @functools.cached_property
    def _text(self) -> str:
        return self._make_text()

    def _key(self, selection: int, passes: int) -> str:
        return cache.key_of(self.program.digest, maker(), f"{selection} {passes}")

    def _found(self, selection: int, passes: int) -> bytes | None:
        return cache.find(self._key(selection, passes)) if self._keep else None

    def _load(self, selection: int, passes: int, found: bytes | None = None) -> None:
        """Load an object: the given one, or one from the cache, or one compiled now.

        `selection` and `passes` are the levels of LLVM's instruction selection and of its
        passes over the program.
        """
        began, found = time.perf_counter(), found or self._found(selection, passes)
        self.is_new = found is None
        if found is None:
            machine = _compiler(selection)
            found = machine.emit_object(self._optimized(machine, passes))
            if self._keep:
                cache.keep(self._key(selection, passes), found)
        # An execution engine takes ownership of a machine; this machine never compiles.
        machine = _target().create_target_machine(opt=0, jit=True)
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        engine.add_object_file(llvm.ObjectFileRef.from_data(found))
        engine.finalize_object()
        self._engines.append(engine)  # other threads may be running code that was loaded before
        self.address = engine.get_function_address(self._name)
        signature = ctypes.CFUNCTYPE(
            ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self.call = signature(self.address)
        activity.note(
            "%s %s of %d instructions%s in %.1f ms",
            "compiled" if self.is_new else "loaded",
            self._name,
            self.program.size,
            "" if passes else " without optimization",
            1e3 * (time.perf_counter() - began),
            level=logging.DEBUG,
        )

    def record_use(self, seconds: float) -> None:
        """Note that baseline code ran for some seconds; optimize it once it has been used much.

        It is optimized in the background, and relieved when that is done.
        """
        self._seconds, self._uses = self._seconds + seconds, self._uses + 1
        size = self.program.size
        is_used_often = self._uses > _BASELINE_USES and size <= _BASELINE_SIZE
        if self._is_due or not (is_used_often or self._seconds > _SECONDS_TO_OPTIMIZE * size):
            return
        self._is_due = True
        background.submit(self._optimize)

    def _optimize(self) -> None:
        with _lock:
            self._load(self._level, 3)
            self.is_baseline = False

    def _optimized(self, machine: Any, level: int = 3) -> Any:
        # In a new context, because a context never frees constants and types.
        module = llvm.parse_assembly(self._text, llvm.create_context())
        if graph_passes.VERIFY:
            module.verify()
        if level == 0:
            return module
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = True
        options.slp_vectorization = False
        options.loop_unrolling = False  # it would double the time, for no measurable speed
        builder = llvm.create_pass_builder(machine, options)
        passes = builder.getModulePassManager()
        passes.run(module, builder)
        # llvmlite leaks it: the first of the two base classes has a method that does nothing.
        NewPassManager._dispose(passes)
        passes.detach()
        return module

    @functools.cached_property
    def assembly(self) -> str:
        """The machine code as text."""
        with _lock:
            machine = _compiler(self._level)
            return str(machine.emit_assembly(self._optimized(machine)))


_BASELINE_USES, _BASELINE_SIZE = 16, 4_000
"""Number of runs after which code of at most so many instructions is optimized."""

_SECONDS_TO_OPTIMIZE = 2e-5
"""Seconds of an instruction after which code is optimized, too: a fifth of what that takes, for
nobody waits for it."""


_PIPELINE = "1"
"""Version of the compilation pipeline; part of the keys of the cache."""


@functools.cache
def maker() -> str:
    """Return a text with all that machine code depends on besides the program."""
    features = llvm.get_host_cpu_features().flatten()
    versions = (_PIPELINE, llvmlite.__version__, str(llvm.llvm_version_info))
    return " ".join((*versions, llvm.get_host_cpu_name(), features))

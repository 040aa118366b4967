"""Whole descents in one call of machine code, without Python in between.

For a small problem, Python would take as long to prepare memory as machine code takes to solve
it. Here one call checks the arrays, copies the first state, and runs.
"""

from __future__ import annotations

import ctypes
import functools
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, POINTER, index
from steepest.engines.native.jit.compile import Code, once
from steepest.engines.native.programs.descent import DescentCode
from steepest.engines.native.programs.function import FUNCTION_TYPE
from steepest.engines.native.programs.layout import COUNT, REASON, SWAPPED
from steepest.engines.native.runs.workspace import Columns, RunCopy, Workspace
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.engines.native.runtime.numpy_abi import (
    OTHER_KIND,
    Header,
    Words,
    Writer,
    array_words,
    check_array,
    data_of,
    item_of,
    layout_is_known,
)
from steepest.engines.protocol import Outcome, Snapshot
from steepest.graph import Node

_HEADER = Header(
    *("function", "table", "steps", "state", "start_state", "state_bytes", "copies", "copied"),
    *("x_bytes", "data", "arrays", "type"),
)
"""The words that follow it are, for each array: dtype and shape, the bytes of a number (0 if
numbers need not be finite), and how many numbers there are."""

_EXPONENTS = {8: 0x7FF0000000000000, 4: 0x7F800000}
"""The bits of a real number that are all set if it is not finite, by its number of bytes."""


_UNUSED_COUNT = 2
"""``sys.getrefcount`` of a run that only its slot holds: that reference, and the call's own."""


class _Slot(NamedTuple):
    """Memory in which one descent at a time runs.

    Attributes
    ----------
    work
        The memory.
    address
        Address of the description.
    alive
        Arrays whose addresses are used.
    last
        The last run, which may still read the memory.
    """

    work: Workspace
    address: int
    alive: tuple[np.ndarray, ...]
    last: list[FinishedRun]


class OneCall:
    """Runs descents that start in the same state, each in one call.

    Parameters
    ----------
    compiled
        The descent.
    steps
        Most iterations.
    state, copies
        The method's state at the start, and the numbers of its arrays that are x.
    """

    def __init__(
        self,
        compiled: DescentCode,
        steps: int,
        state: Sequence[np.ndarray],
        copies: Sequence[int] = (),
    ) -> None:
        self._compiled, self._steps = compiled, steps
        self._state, self._copies = state, copies
        self._slots: list[_Slot] = []
        self._function = _one_call()
        self._baseline = [code for code in compiled.codes if code.is_baseline]

    def __call__(self, arrays: tuple[Any, ...]) -> FinishedRun | None:
        """Run from x on data; return the finished run.

        `arrays` are x, then the data inputs. The result is None if an array is not finite or
        has another shape or dtype than compiled for, or if no stop rule ended the run.
        """
        if self._baseline:
            self._use_better_code()
        try:
            slot = self._slots.pop()
        except IndexError:
            slot = self._new_slot()
        last = slot.last
        if last and sys.getrefcount(last[0]) > _UNUSED_COUNT:
            last[0].copy_rest()
        began = time.perf_counter() if self._baseline else 0.0
        outcome = self._function(id(arrays), slot.address)
        for code in self._baseline:
            code.record_use(time.perf_counter() - began)
        run = FinishedRun(self._compiled, slot.work) if outcome == Outcome.STOPPED else None
        last[:] = () if run is None else (run,)
        self._slots.append(slot)
        return run

    def _use_better_code(self) -> None:
        """Take code that was optimized since the last call: slots have the addresses of code."""
        left = [code for code in self._baseline if code.is_baseline]
        if len(left) < len(self._baseline):
            self._baseline = left
            self._slots.clear()

    def _new_slot(self) -> _Slot:
        compiled = self._compiled
        work = Workspace(compiled.memory, compiled.evaluation)
        work.load(self._state)
        work.integers.fill(0)
        state = work.run_bytes
        start_state = state.copy()
        starts = [work.copies[0][0], *(work.copies[1 + number][0] for number in self._copies)]
        copies = np.array([address_of(array) for array in starts], np.int64)
        inputs, data = _data_slots(compiled, work)
        if compiled.evaluation is not None:
            work.bind_evaluation()
        steps = min(self._steps, work.history_rows - 1)
        words = _HEADER.write(
            function=compiled.code.address,
            table=ctypes.addressof(work.table),
            steps=steps,
            state=address_of(state),
            start_state=address_of(start_state),
            state_bytes=state.nbytes,
            copies=address_of(copies),
            copied=len(copies),
            x_bytes=starts[0].nbytes,
            data=data,
            arrays=1 + len(inputs),
            type=id(np.ndarray),
        )
        for node in (compiled.program.full.x, *inputs):
            real_bytes = node.dtype.itemsize if node.dtype.kind == "f" else 0
            words += [*array_words(node.shape, node.dtype), real_bytes, node.size]
        description = np.array(words, np.int64)
        return _Slot(work, address_of(description), (description, start_state, copies), [])


def _data_slots(compiled: DescentCode, work: Workspace) -> tuple[Sequence[Node], int]:
    """Return the data inputs, and the address of the slots where their addresses are."""
    evaluation = compiled.evaluation
    if evaluation is not None:  # its first input is x
        inputs: Sequence[Node] = evaluation.inputs[1:]
        layout, table, first = evaluation.table, work.evaluated, "input.1"
    else:
        inputs = compiled.program.full.data
        layout, table, first = compiled.memory.table, work.table, "data.0"
    offset = layout.place(first) * ctypes.sizeof(ctypes.c_void_p) if inputs else 0
    return inputs, ctypes.addressof(table) + offset


class FinishedRun:
    """A run that is over: the attributes of ``engines.protocol.Run``.

    Parameters
    ----------
    compiled
        The descent.
    work
        The memory in which it ran. The attributes that are read most often are copied at once,
        the others when one of them is read, or before another run starts in this memory.
    """

    def __init__(self, compiled: DescentCode, work: Workspace) -> None:
        self._compiled, self._work = compiled, work
        self._rest: tuple[np.ndarray, tuple[Columns, np.ndarray | None]] | None = None
        self.x: np.ndarray = work.copies[0][work.integers.item(SWAPPED)].copy()
        self.report = [part.copy() for part in work.report]
        self.gradient: np.ndarray = work.gradient.copy()
        self.reason: int = work.integers.item(REASON)
        self.count: int = work.integers.item(COUNT)
        self.loss: float = work.losses.item(1)
        self.tier = compiled.tier

    def copy_rest(self) -> tuple[np.ndarray, tuple[Columns, np.ndarray | None]]:
        """Copy the rest out of the memory, once; return it: bytes, and the history."""
        work = self._work
        rest = work.run_bytes.copy(), work.history()
        # If two threads copy, the first copy was made before the memory could change.
        if self._rest is None:
            self._rest = rest
        return self._rest

    @property
    def _copy(self) -> RunCopy:
        memory = self._compiled.memory
        run_bytes, _ = self._rest or self.copy_rest()
        integers = memory.view("integers", run_bytes, memory.run_start)
        return RunCopy(memory, run_bytes, integers[SWAPPED:].tolist())

    @property
    def recording(self) -> _LateRecording:
        return _LateRecording(self)

    @property
    def previous_loss(self) -> float:
        return self._copy.previous_loss

    @property
    def previous_x(self) -> np.ndarray:
        return self._copy.previous_vector(0)

    @property
    def state(self) -> list[np.ndarray]:
        return self._copy.state

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return what makes a snapshot of the run."""
        return lambda: self._copy.snapshot()  # noqa: PLW0108 - copied when it is called

    def release(self) -> None:
        """Do nothing: the memory is used again when nobody reads the run."""


class _LateRecording:
    """The history of a finished run, copied when it is read."""

    def __init__(self, run: FinishedRun) -> None:
        self._run = run

    @property
    def columns(self) -> list[tuple[np.ndarray, ...]]:
        return [tuple(self._history[0])]

    @property
    def xs(self) -> list[np.ndarray]:
        xs = self._history[1]
        return [] if xs is None else [xs]

    @property
    def _history(self) -> tuple[Columns, np.ndarray | None]:
        run = self._run
        _, history = run._rest or run.copy_rest()
        return history


def one_call(
    compiled: DescentCode, steps: int, is_best: bool = False
) -> Callable[..., OneCall] | None:
    """Return what runs descents in one call; None if this is not possible, or not yet.

    Code that is not optimized yet is used only if no other code will relieve it.
    """
    baseline = any([code.is_baseline for code in compiled.codes]) and not is_best
    program = compiled.program
    is_plain = program.batches is None and not program.branches and layout_is_known()
    if not is_plain or baseline or compiled.shares_work or compiled.bytes_called_back:
        return None
    return functools.partial(OneCall, compiled, steps)


@once
def _one_call() -> Callable[[int, int], int]:
    """Return the function that runs a descent.

    It takes the id of a tuple of arrays and the address of a description. It returns the
    machine code's result, or :data:`~steepest.engines.native.runtime.numpy_abi.OTHER_KIND`.
    """
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(_code().address)


@once
def _code() -> Code:
    return Code(_module(), "one_call")


def _module() -> ir.Module:
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, POINTER]), "one_call")
    arrays, description = function.args
    w = Writer(function)
    b = w.b
    other_kind = function.append_basic_block("other_kind")
    words = Words(w, description, _HEADER)

    def load(name: str, kind: ir.Type = INDEX) -> ir.Value:
        return _HEADER.read(w, description, name, kind)

    kind, number, data = load("type"), load("arrays"), load("data", POINTER)

    def check(i: ir.Value) -> None:
        array = item_of(w, arrays, i)
        check_array(w, array, kind, words, other_kind)
        _check_finite(w, data_of(w, array), words.next(), words.next(), other_kind)

    w.each(index(0), number, check)

    def bind(i: ir.Value) -> None:
        b.store(
            data_of(w, item_of(w, arrays, b.add(i, index(1)))),
            b.gep(data, [i], source_etype=POINTER),
        )

    w.each(index(0), b.sub(number, index(1)), bind)
    _copy(w, load("state", POINTER), load("start_state", POINTER), load("state_bytes"))
    x, x_bytes = data_of(w, item_of(w, arrays, index(0))), load("x_bytes")
    copies = load("copies", POINTER)

    def copy_start(i: ir.Value) -> None:
        _copy(w, w.load(copies, b.mul(i, index(8)), POINTER), x, x_bytes)

    w.each(index(0), load("copied"), copy_start)
    operands = [load("table", POINTER), load("steps"), index(0)]
    b.ret(b.call(load("function", POINTER), operands, FUNCTION_TYPE))
    b.position_at_end(other_kind)
    b.ret(index(OTHER_KIND))
    return module


def _copy(w: Writer, target: ir.Value, source: ir.Value, size: ir.Value) -> None:
    """Emit a copy of `size` bytes."""
    module, name = w.function.module, "memcpy"
    kind = ir.FunctionType(POINTER, [POINTER, POINTER, INDEX])
    function = module.globals.get(name) or ir.Function(module, kind, name)
    w.b.call(function, [target, source, size])


def _check_finite(
    w: Writer, data: ir.Value, size: ir.Value, count: ir.Value, otherwise: ir.Block
) -> None:
    """Leave unless all numbers, of `size` bytes each, are finite; if `size` is 0, check none."""
    b = w.b
    for width, exponent in _EXPONENTS.items():
        kind = ir.IntType(8 * width)
        found, mask = b.alloca(kind), ir.Constant(kind, exponent)
        b.store(ir.Constant(kind, 0), found)
        number = b.select(b.icmp_unsigned("==", size, index(width)), count, index(0))

        def look(i: ir.Value, kind: Any = kind, found: Any = found, mask: Any = mask) -> None:
            bits = b.and_(b.load(b.gep(data, [i], source_etype=kind), typ=kind), mask)
            wrong = b.zext(b.icmp_unsigned("==", bits, mask), kind)
            b.store(b.or_(b.load(found, typ=kind), wrong), found)

        w.each(index(0), number, look)
        none = ir.Constant(kind, 0)
        w.require(b.load(found, typ=kind), none, otherwise)

"""Blocks, loops and the stack of a function being written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, index
from steepest.graph import Shape


def alias_class(module: ir.Module, name: str) -> ir.Value:
    """Return what tells LLVM that memory of this name never overlaps that of another."""
    zero = ir.Constant(INDEX, 0)
    kind = module.add_metadata([name, module.add_metadata(["steepest"]), zero])
    return module.add_metadata([kind, kind, zero])


def constant_data(module: ir.Module, value: np.ndarray) -> ir.Value:
    """Return the address of a known array's elements, in C order."""
    kind = ir.ArrayType(ir.IntType(8), value.nbytes)
    content = ir.Constant(kind, value.tobytes())
    return ir.GlobalVariable(module, module.get_unique_name("constant"), content, align=64)


class Control:
    """A function being written: where the next instruction goes.

    Parameters
    ----------
    function
        The LLVM function.
    lanes
        How many numbers of different problems an element holds side by side.

    Attributes
    ----------
    ir
        Writes instructions at the current position.
    queue
        What threads share, where there are some (``threads.py``).
    shares_work
        Whether something was written that they share.
    """

    def __init__(self, function: ir.Function, lanes: int = 1) -> None:
        self.function = function
        self.lanes = lanes
        self.module: ir.Module = function.module
        self.entry = function.append_basic_block("entry")
        self.ir = ir.IRBuilder(self.entry)
        self.queue: ir.Value | None = None
        self.shares_work = False
        self._depth = 0  # of loops
        self._needs_care: ir.Value | None = None
        self._is_noting = False
        self._is_careful = False

    @property
    def is_in_loop(self) -> bool:
        """Whether what is emitted now is repeated."""
        return self._depth > 0

    def alloca(self, kind: ir.Type, align: int | None = None) -> ir.Room:
        """Return memory on the stack, for as long as the function runs."""
        with self.at_entry():
            return self.ir.alloca(kind, align=align)

    @contextlib.contextmanager
    def at_entry(self) -> Iterator[None]:
        """Emit into the function's first block meanwhile."""
        with self.ir.goto_block(self.entry):
            yield

    @contextlib.contextmanager
    def loop(self, extent: int) -> Iterator[ir.Value]:
        """Repeat what is emitted inside for an index from 0 to a static extent."""
        if extent == 1:
            yield index(0)
            return
        before = self.ir.block
        body = self.function.append_basic_block("loop")
        after = self.function.append_basic_block("after")
        if extent == 0:  # what is emitted inside is never reached
            self.ir.branch(after)
            self.ir.position_at_end(body)
            yield index(0)
            self.ir.branch(after)
            self.ir.position_at_end(after)
            return
        self.ir.branch(body)
        self.ir.position_at_end(body)
        i = self.ir.phi(INDEX)
        i.add_incoming(index(0), before)
        self._depth += 1
        yield i
        self._depth -= 1
        following = self.ir.add(i, index(1), flags=("nuw", "nsw"))
        i.add_incoming(following, self.ir.block)
        more = self.ir.icmp_unsigned("<", following, index(extent))
        self.ir.cbranch(more, body, after)
        self.ir.position_at_end(after)

    @contextlib.contextmanager
    def range(self, start: ir.Value, stop: ir.Value) -> Iterator[ir.Value]:
        """Repeat what is emitted inside for an index from `start` to below `stop`."""
        before = self.ir.block
        head, body, after = (
            self.function.append_basic_block(name) for name in ("range", "body", "after")
        )
        self.ir.branch(head)
        self.ir.position_at_end(head)
        i = self.ir.phi(INDEX)
        i.add_incoming(start, before)
        self.ir.cbranch(self.ir.icmp_signed("<", i, stop), body, after)
        self.ir.position_at_end(body)
        yield i
        i.add_incoming(self.ir.add(i, index(1), flags=("nsw",)), self.ir.block)
        self.ir.branch(head)
        self.ir.position_at_end(after)

    @contextlib.contextmanager
    def loops(self, shape: Shape) -> Iterator[tuple[ir.Value, ...]]:
        """Nest a loop for each axis."""
        with contextlib.ExitStack() as stack:
            yield tuple(stack.enter_context(self.loop(extent)) for extent in shape)

    def flag_slow_path(self, condition: ir.Value) -> bool:
        """Note that loops must be written once more if a condition ever holds.

        Returns whether it was noted: it is not outside of loops, nor when they are.
        """
        if not self._depth or not self._is_noting:
            return False
        if self._needs_care is None:
            self._needs_care = self.alloca(INDEX)
        before = self.ir.load(self._needs_care, typ=INDEX)
        noted = self.ir.or_(before, self.ir.zext(condition, INDEX))
        self.ir.store(noted, self._needs_care)
        return True

    def emit_with_slow_path(self, emit: Callable[[], None]) -> None:
        """Emit loops, and once more with calls where they turn out to be needed."""
        if self._is_careful:  # inside loops that are written once more
            emit()
            return
        was_noting, self._is_noting = self._is_noting, True
        outer, self._needs_care = self._needs_care, None
        start = self.ir.block
        here = self.function.append_basic_block("loops")
        self.ir.branch(here)
        self.ir.position_at_end(here)
        emit()
        self._is_noting = was_noting
        flag, self._needs_care = self._needs_care, outer
        if flag is None:
            return
        with self.ir.goto_block(start):
            self.ir.store(index(0), flag)
        careful, after = (self.function.append_basic_block(k) for k in ("careful", "done"))
        noted = self.ir.icmp_unsigned("!=", self.ir.load(flag, typ=INDEX), index(0))
        self.ir.cbranch(noted, careful, after)
        self.ir.position_at_end(careful)
        was_noting, self._is_noting, self._is_careful = self._is_noting, False, True
        emit()
        self._is_noting, self._is_careful = was_noting, False
        self.ir.branch(after)
        self.ir.position_at_end(after)

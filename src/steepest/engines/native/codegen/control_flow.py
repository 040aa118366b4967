"""Blocks, loops and the stack of a function being written."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import numpy as np

from steepest.engines.native import ir
from steepest.engines.native.codegen.types import INDEX, index
from steepest.graph import Shape


def alias_class(module: ir.Module, name: str) -> ir.Value:
    """Return metadata that tells LLVM that memory of different names never overlaps."""
    zero = ir.Constant(INDEX, 0)
    kind = module.add_metadata([name, module.add_metadata(["steepest"]), zero])
    return module.add_metadata([kind, kind, zero])


def constant_data(module: ir.Module, value: np.ndarray) -> ir.Value:
    """Return the address of a known array's elements, in C order."""
    kind = ir.ArrayType(ir.IntType(8), value.nbytes)
    content = ir.Constant(kind, value.tobytes())
    return ir.GlobalVariable(module, module.get_unique_name("constant"), content, align=64)


class Control:
    """A function being written: its blocks, loops and stack.

    Parameters
    ----------
    function
        The LLVM function.
    lanes
        Number of problems whose numbers an element holds side by side.

    Attributes
    ----------
    ir
        Writes instructions at the current position.
    queue
        Address of the queue through which threads share work; None if they do not.
    shares_work
        Whether the function contains work that threads share.
    """

    def __init__(self, function: ir.Function, lanes: int = 1) -> None:
        self.function = function
        self.lanes = lanes
        self.module: ir.Module = function.module
        self.entry = function.append_basic_block("entry")
        self.ir = ir.IRBuilder(self.entry)
        self.queue: ir.Value | None = None
        self.shares_work = False
        self._depth = 0  # of nested loops
        self._slow_flag: ir.Value | None = None  # what the loops being written set
        self._in_fast_version = False
        self._in_slow_version = False

    @property
    def is_in_loop(self) -> bool:
        """Whether the current position is inside a loop."""
        return self._depth > 0

    def alloca(self, kind: ir.Type, align: int | None = None) -> ir.Room:
        """Return memory on the stack that lasts as long as the function runs."""
        with self.at_entry():
            return self.ir.alloca(kind, align=align)

    @contextlib.contextmanager
    def at_entry(self) -> Iterator[None]:
        """Emit into the function's first block meanwhile."""
        with self.ir.goto_block(self.entry):
            yield

    @contextlib.contextmanager
    def loop(self, extent: int) -> Iterator[ir.Value]:
        """Repeat the instructions emitted inside for an index from 0 to below a static extent."""
        if extent == 1:
            yield index(0)
            return
        before = self.ir.block
        body = self.function.append_basic_block("loop")
        after = self.function.append_basic_block("after")
        if extent == 0:  # the instructions emitted inside are never reached
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
        """Repeat the instructions emitted inside for an index from `start` to below `stop`."""
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
        """Nest a loop for each axis of a shape; yield the indices."""
        with contextlib.ExitStack() as stack:
            yield tuple(stack.enter_context(self.loop(extent)) for extent in shape)

    def flag_slow_path(self, condition: ir.Value) -> bool:
        """Flag that the loops being written need a slow version if a condition ever holds.

        Return whether that was done: it is only in loops of a fast version.
        """
        if not self._depth or not self._in_fast_version:
            return False
        if self._slow_flag is None:
            self._slow_flag = self.alloca(INDEX)
        before = self.ir.load(self._slow_flag, typ=INDEX)
        flagged = self.ir.or_(before, self.ir.zext(condition, INDEX))
        self.ir.store(flagged, self._slow_flag)
        return True

    def emit_with_slow_path(self, emit: Callable[[], None]) -> None:
        """Emit loops in a fast version, and in a slow one if the fast one flags that.

        The fast version leaves out calls that would keep it from running in vector registers.
        The slow version makes them; it runs after the fast one if the flag was set.
        """
        if self._in_slow_version:
            emit()
            return
        was_in_fast, self._in_fast_version = self._in_fast_version, True
        outer_flag, self._slow_flag = self._slow_flag, None
        start = self.ir.block
        fast = self.function.append_basic_block("fast")
        self.ir.branch(fast)
        self.ir.position_at_end(fast)
        emit()
        self._in_fast_version = was_in_fast
        flag, self._slow_flag = self._slow_flag, outer_flag
        if flag is None:
            return
        with self.ir.goto_block(start):
            self.ir.store(index(0), flag)
        slow, after = (self.function.append_basic_block(name) for name in ("slow", "after"))
        is_flagged = self.ir.icmp_unsigned("!=", self.ir.load(flag, typ=INDEX), index(0))
        self.ir.cbranch(is_flagged, slow, after)
        self.ir.position_at_end(slow)
        self._in_fast_version, self._in_slow_version = False, True
        emit()
        self._in_fast_version, self._in_slow_version = was_in_fast, False
        self.ir.branch(after)
        self.ir.position_at_end(after)

"""Threads that share the work of one program.

Work is a function and a number of pieces. Whoever is free takes the next piece; what a piece
computes does not depend on who does it, so that results are the same for any number of
threads. Helpers are Python threads that stay in machine code, without the interpreter's
lock, while programs run, and sleep otherwise; nobody ever waits for a helper that has not
come yet.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from steepest.engines.native.buffers import address_of
from steepest.engines.native.builder import Builder
from steepest.engines.native.jit import Code
from steepest.engines.native.types import INDEX, POINTER, index
from steepest.errors import SettingError

# Words of the board that threads share, each on a cache line of its own.
TICKET, DONE, WORK, CONTEXT, OPEN, BUSY, THREADS = (8 * i for i in range(7))
_WORDS = 64

# A ticket is a number of pieces, how many of the first the caller has taken, and how many of
# the last the helpers have: all change at once. From the two ends, every thread comes back
# to the rows that its own caches keep from the last time.
_TAKEN_BITS = 21
_BY_CALLER, _BY_HELPERS = 0, _TAKEN_BITS

_CACHE = 1 << 21
"""Bytes that the caches of one processor keep."""

_PATIENCE = 10_000
"""Looks at the board before a caller takes over what was left to helpers."""

_SPINS = 20_000
"""Looks at the board before a helper goes back to sleep: some tens of microseconds."""

PIECE = ir.FunctionType(ir.VoidType(), [POINTER, INDEX])
"""Does one piece of work: of a context, and the number of the piece."""


def _word(b: ir.IRBuilder, board: ir.Value, place: int) -> ir.Value:
    address = b.gep(board, [index(place)], source_etype=INDEX)
    address.type = INDEX.as_pointer()  # llvmlite wants it for atomic operations
    return address


def _load(b: ir.IRBuilder, board: ir.Value, place: int) -> ir.Value:
    return b.load_atomic(_word(b, board, place), "seq_cst", 8, typ=INDEX)


def _store(b: ir.IRBuilder, board: ir.Value, place: int, value: ir.Value) -> None:
    b.store_atomic(value, _word(b, board, place), "seq_cst", 8)


def _add(b: ir.IRBuilder, board: ir.Value, place: int, value: int) -> ir.Value:
    return b.atomic_rmw("add", _word(b, board, place), index(value), "seq_cst")


def _new_ticket(b: ir.IRBuilder, pieces: ir.Value) -> ir.Value:
    return b.shl(pieces, index(2 * _TAKEN_BITS))


def _parts(b: ir.IRBuilder, ticket: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return the number of pieces, and those taken by the caller and by helpers."""
    mask = index((1 << _TAKEN_BITS) - 1)
    by_caller, by_helpers = (
        b.and_(b.lshr(ticket, index(taker)), mask) for taker in (_BY_CALLER, _BY_HELPERS)
    )
    return b.lshr(ticket, index(2 * _TAKEN_BITS)), by_caller, by_helpers


def _piece(b: ir.IRBuilder, ticket: ir.Value, taker: int) -> tuple[ir.Value, ir.Value]:
    """Return the piece that comes next for a taker, and whether there is one."""
    pieces, first, last = _parts(b, ticket)
    piece = first if taker == _BY_CALLER else b.sub(b.sub(pieces, index(1)), last)
    return piece, b.icmp_signed("<", b.add(first, last), pieces)


def _take(b: ir.IRBuilder, board: ir.Value, taker: int) -> tuple[ir.Value, ir.Value]:
    return _piece(b, _add(b, board, TICKET, 1 << taker), taker)


def _do_piece(b: ir.IRBuilder, board: ir.Value, piece: ir.Value) -> None:
    work = b.inttoptr(_load(b, board, WORK), PIECE.as_pointer())
    b.call(work, [b.inttoptr(_load(b, board, CONTEXT), POINTER), piece])
    _add(b, board, DONE, 1)


def _rest(b: ir.IRBuilder, module: ir.Module) -> None:
    """Let the other threads of the machine go on."""
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(ir.IntType(32), []), name)
    b.call(function, [])


def share(module: ir.Module) -> ir.Function:  # noqa: PLR0915 - one function of machine code
    """Return the function that shares work out and takes part in it.

    Its arguments are the board, the function that does a piece, its context, the number of
    pieces, and the bytes of memory that they look at. It returns when all are done. Where
    there are no helpers, or they are busy with the work of another thread, it does
    everything itself. What fits in the caches is halved, so that each half stays where it
    is, unless a helper does not come or does not get on.
    """
    found = module.globals.get("share")
    if found is not None:
        return found
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INDEX, INDEX])
    function = ir.Function(module, kind, "share")
    function.linkage = "internal"
    function.attributes.add("noinline")
    board, work, context, pieces, size = function.args
    blocks = ["entry", "alone", "each", "ask", "publish", "look", "take", "do", "wait", "again"]
    entry, alone, each, ask, publish, look, take, do, wait, again = (
        function.append_basic_block(name) for name in blocks
    )
    rest, over = function.append_basic_block("rest"), function.append_basic_block("over")
    b = ir.IRBuilder(entry)
    own = b.alloca(INDEX)  # pieces that the caller does if there are helpers
    own.type = POINTER
    threads = _load(b, board, THREADS)
    can_share = b.and_(b.icmp_signed(">", threads, index(1)), b.icmp_signed(">", pieces, index(1)))
    b.cbranch(can_share, ask, alone)

    b.position_at_end(alone)
    b.branch(each)
    b.position_at_end(each)
    i = b.phi(INDEX)
    i.add_incoming(index(0), alone)
    call = b.inttoptr(b.ptrtoint(work, INDEX), PIECE.as_pointer())
    b.call(call, [context, i])
    following = b.add(i, index(1))
    i.add_incoming(following, each)
    done = function.append_basic_block("left")
    b.cbranch(b.icmp_signed("<", following, pieces), each, done)
    b.position_at_end(done)
    b.ret_void()

    b.position_at_end(ask)  # whether the board is free
    before = b.atomic_rmw("xchg", _word(b, board, BUSY), index(1), "seq_cst")
    b.cbranch(b.icmp_signed("==", before, index(0)), publish, alone)

    b.position_at_end(publish)
    fits = b.icmp_signed("<=", size, b.mul(threads, index(_CACHE)))
    share_of_one = b.udiv(b.add(pieces, b.sub(threads, index(1))), threads)
    b.store(b.select(fits, share_of_one, pieces), own)
    for place, pointer in ((WORK, work), (CONTEXT, context)):
        _store(b, board, place, b.ptrtoint(pointer, INDEX))
    _store(b, board, DONE, index(0))
    _store(b, board, TICKET, _new_ticket(b, pieces))
    b.branch(look)

    b.position_at_end(look)
    _, by_caller, by_helpers = _parts(b, _load(b, board, TICKET))
    is_own = b.icmp_signed("<", by_caller, b.load(own, typ=INDEX))
    b.cbranch(b.or_(is_own, b.icmp_signed("==", by_helpers, index(0))), take, wait)
    b.position_at_end(take)
    piece, is_there = _take(b, board, _BY_CALLER)
    b.cbranch(is_there, do, wait)
    b.position_at_end(do)
    _do_piece(b, board, piece)
    b.branch(look)

    b.position_at_end(wait)
    spins = b.phi(INDEX)
    for origin in (look, take):
        spins.add_incoming(index(0), origin)
    b.cbranch(b.icmp_signed("==", _load(b, board, DONE), pieces), over, again)
    b.position_at_end(again)
    more = b.add(spins, index(1))
    spins.add_incoming(more, again)
    b.cbranch(b.icmp_signed(">", more, index(_PATIENCE)), rest, wait)
    b.position_at_end(rest)  # then take what helpers have not begun
    b.store(pieces, own)
    _rest(b, module)
    b.branch(look)

    b.position_at_end(over)
    _store(b, board, BUSY, index(0))
    b.ret_void()
    return function


def share_out(
    builder: Builder, work: ir.Function, pointers: Sequence[ir.Value], pieces: int, size: int
) -> None:
    """Emit a call of the function for every piece, with a table of pointers.

    `size` is that of the memory that all pieces look at, in bytes.
    """
    context = builder.alloca(ir.ArrayType(POINTER, max(len(pointers), 1)))
    for place, pointer in enumerate(pointers):
        builder.ir.store(pointer, builder.ir.gep(context, [index(place)], source_etype=POINTER))
    if builder.board is None or pieces == 1:
        with builder.loop(pieces) as piece:
            builder.ir.call(work, [context, piece])
        return
    builder.shares_work = True
    address = builder.ir.bitcast(work, POINTER)
    arguments = [builder.board, address, context, index(pieces), index(size)]
    builder.ir.call(share(builder.module), arguments)


def _serve_module() -> ir.Module:
    """Return what a helper does until nobody has had work for a while."""
    module = ir.Module("serve")
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, INDEX]), "serve")
    board, number = function.args
    entry, look, found, do, idle, rest, leave = (
        function.append_basic_block(name)
        for name in ("entry", "look", "found", "do", "idle", "rest", "leave")
    )
    b = ir.IRBuilder(entry)
    b.branch(look)
    b.position_at_end(look)
    spins = b.phi(INDEX)
    spins.add_incoming(index(0), entry)
    _, is_there = _piece(b, _load(b, board, TICKET), _BY_HELPERS)
    is_wanted = b.icmp_signed("<", number, _load(b, board, THREADS))
    b.cbranch(b.and_(is_wanted, is_there), found, idle)
    b.position_at_end(found)  # it may be gone by now: the ticket taken says so
    piece, is_there = _take(b, board, _BY_HELPERS)
    spins.add_incoming(index(0), found)
    b.cbranch(is_there, do, look)
    b.position_at_end(do)
    _do_piece(b, board, piece)
    spins.add_incoming(index(0), do)
    b.branch(look)
    b.position_at_end(idle)
    more = b.add(spins, index(1))
    tired = b.icmp_signed(">", more, index(_SPINS))
    closed = b.icmp_signed("==", _load(b, board, OPEN), index(0))
    spins.add_incoming(more, idle)
    tired_only = function.append_basic_block("tired")
    b.cbranch(tired, tired_only, look)
    b.position_at_end(tired_only)
    b.cbranch(closed, leave, rest)
    b.position_at_end(rest)
    _rest(b, module)
    spins.add_incoming(more, rest)
    b.branch(look)
    b.position_at_end(leave)
    b.ret(index(0))
    return module


@functools.cache
def _serve() -> tuple[Code, Any]:
    code = Code(_serve_module(), "serve")
    return code, ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)(code.address)


def _find_current_processor() -> Callable[[], int] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    return getattr(ctypes.CDLL(None), "sched_getcpu", None)


_current_processor = _find_current_processor()


class _Helpers:
    """The helpers of this process, started when they are first needed.

    Attributes
    ----------
    board
        What they and the programs share.
    """

    def __init__(self, threads: int, board: np.ndarray | None = None) -> None:
        if board is None:
            block = np.zeros(_WORDS + 8, np.int64)
            start = -(address_of(block) // 8) % 8
            board = block[start : start + _WORDS]
        self.board = board
        self.board[:] = 0
        self.board[THREADS] = threads
        self._lock = threading.Lock()
        self._wake = threading.Semaphore(0)
        self._asleep = 0
        self._threads: list[threading.Thread] = []
        self._is_over = False

    @property
    def threads(self) -> int:
        return int(self.board[THREADS])

    @threads.setter
    def threads(self, number: int) -> None:
        self.board[THREADS] = number

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep the helpers awake meanwhile."""
        if self.threads < 2:
            yield
            return
        with self._lock:
            # Where no thread can be started, the caller does everything itself.
            with contextlib.suppress(RuntimeError):
                while len(self._threads) < self.threads - 1:
                    self._start()
            self.board[OPEN] += 1
            sleeping, self._asleep = self._asleep, 0
        if sleeping:
            self._keep_off_this_processor()
        for _ in range(sleeping):
            self._wake.release()
        try:
            yield
        finally:
            with self._lock:
                self.board[OPEN] -= 1

    def _keep_off_this_processor(self) -> None:
        """Let helpers that wake up run elsewhere than the caller, who goes on here.

        Linux wakes a thread where the one that woke it runs, and may leave both there for
        long although another processor is idle.
        """
        if _current_processor is None:
            return
        elsewhere = os.sched_getaffinity(0) - {_current_processor()}
        for helper in self._threads:
            if elsewhere and helper.native_id is not None:
                with contextlib.suppress(OSError):  # it has just ended, or may not be moved
                    os.sched_setaffinity(helper.native_id, elsewhere)

    def _start(self) -> None:
        _, serve = _serve()
        address = address_of(self.board)
        number = 1 + len(self._threads)

        def help_out() -> None:
            while not self._is_over:
                serve(address, number)
                with self._lock:
                    if self.board[OPEN]:
                        continue
                    self._asleep += 1
                self._wake.acquire()

        helper = threading.Thread(target=help_out, name="steepest helper", daemon=True)
        helper.start()
        self._threads.append(helper)

    def end(self) -> None:
        """Let the helpers go: machine code is unloaded after this."""
        self._is_over = True
        with self._lock:
            self.board[OPEN] = 0
        for _ in self._threads:
            self._wake.release()
        for helper in self._threads:
            helper.join(timeout=1.0)


def available_threads() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _asked_for() -> int:
    text = os.environ.get("STEEPEST_NUM_THREADS", "")
    return int(text) if text.isdigit() and int(text) > 0 else available_threads()


_helpers = _Helpers(_asked_for())
atexit.register(lambda: _helpers.end())  # noqa: PLW0108 - a fork makes new ones


def _after_fork() -> None:
    global _helpers  # noqa: PLW0603 - the parent's helpers did not come along
    _helpers = _Helpers(_helpers.threads, _helpers.board)  # which compiled code knows


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def board() -> np.ndarray:
    """Return what programs need to share work out."""
    return _helpers.board


def at_work(shares_work: bool = True) -> contextlib.AbstractContextManager[None]:
    """Keep the helpers awake while a program runs, if it may share work out."""
    return _helpers.at_work() if shares_work else contextlib.nullcontext()


def set_num_threads(number: int) -> None:
    """Let compiled code use so many threads; results are the same for any number.

    Parameters
    ----------
    number
        At least 1. At first it is the number of processors that this process may use, or
        what the environment variable ``STEEPEST_NUM_THREADS`` says.

    Raises
    ------
    SettingError
        For anything but a positive whole number.

    Examples
    --------
    >>> import steepest as st
    >>> st.set_num_threads(st.get_num_threads())  # as many as there are now
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise SettingError(f"the number of threads is a positive whole number, got {number!r}")
    _helpers.threads = number


def get_num_threads() -> int:
    """Return how many threads compiled code uses.

    Examples
    --------
    >>> import steepest as st
    >>> st.get_num_threads() >= 1
    True
    """
    return _helpers.threads

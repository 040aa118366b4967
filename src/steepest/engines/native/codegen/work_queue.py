"""Work shared among threads, in machine code.

Work is a function and a number of pieces. Whoever is free takes the next piece; what a piece
computes does not depend on who does it, so that results are the same for any number of
threads. Nobody ever waits for a helper that has not come yet.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.types import INDEX, POINTER, index

# Words of the queue that threads share, on cache lines of their own if they change often.
TICKET, DONE, WORK, CONTEXT, OPEN, BUSY, SLEEPING, THREADS = (8 * i for i in range(8))
STARTED, OVER, ACQUIRE, RELEASE = (THREADS + i for i in range(1, 5))
TURN = WORK + 1  # pieces of each half that are done in the opposite order, from its end

# Then a line for each helper: whether it sleeps, and the lock that it waits for meanwhile.
WORKERS, WORKER_STRIDE, WAKE_LOCK = 64, 8, 1
MOST_HELPERS = 255
WORDS = WORKERS + WORKER_STRIDE * MOST_HELPERS

# A ticket is a number of pieces, how many of the first the caller has taken, and how many of
# the last the helpers have: all change at once. From the two ends, every thread comes back
# to the rows that its own caches keep from the last time.
_TAKEN_BITS = 21
_BY_CALLER, _BY_HELPERS = 0, _TAKEN_BITS

_CACHE = 1 << 21
"""Bytes that the caches of one processor keep."""

_PATIENCE = 10_000
"""Looks at the queue before a caller takes over what was left to helpers."""

_SPINS = 100_000
"""Looks at the queue before a helper goes to sleep: some hundred microseconds."""

PIECE = ir.FunctionType(ir.VoidType(), [POINTER, INDEX])
"""Does one piece of work: of a context, and the number of the piece."""


def _word(b: ir.IRBuilder, queue: ir.Value, place: int) -> ir.Value:
    return b.gep(queue, [index(place)], source_etype=INDEX)


def _load(b: ir.IRBuilder, queue: ir.Value, place: int) -> ir.Value:
    return b.load_atomic(_word(b, queue, place), "seq_cst", 8, typ=INDEX)


def _store(b: ir.IRBuilder, queue: ir.Value, place: int, value: ir.Value) -> None:
    b.store_atomic(value, _word(b, queue, place), "seq_cst", 8)


def _add(b: ir.IRBuilder, queue: ir.Value, place: int, value: int) -> ir.Value:
    return b.atomic_rmw("add", _word(b, queue, place), index(value), "seq_cst")


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


def _take(b: ir.IRBuilder, queue: ir.Value, taker: int) -> tuple[ir.Value, ir.Value]:
    return _piece(b, _add(b, queue, TICKET, 1 << taker), taker)


def _do_piece(b: ir.IRBuilder, queue: ir.Value, piece: ir.Value) -> None:
    work = b.inttoptr(_load(b, queue, WORK), POINTER)
    pieces, _, _ = _parts(b, _load(b, queue, TICKET))
    piece = _turned(b, piece, pieces, _load(b, queue, TURN))
    b.call(work, [b.inttoptr(_load(b, queue, CONTEXT), POINTER), piece], PIECE)
    _add(b, queue, DONE, 1)


def _turned(b: ir.IRBuilder, piece: ir.Value, pieces: ir.Value, turn: ir.Value) -> ir.Value:
    """Return the piece in its place if the first ones, and the others, are in reverse order."""
    end = b.select(b.icmp_signed("<", piece, turn), turn, b.add(pieces, turn))
    turned = b.sub(b.sub(end, index(1)), piece)
    return b.select(b.icmp_signed(">", turn, index(0)), turned, piece)


def _rest(b: ir.IRBuilder, module: ir.Module) -> None:
    """Let the other threads of the machine go on."""
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(ir.IntType(32), []), name)
    b.call(function, [])


def share(module: ir.Module) -> ir.Function:  # noqa: PLR0915 - one function of machine code
    """Return the function that shares work out and takes part in it.

    Its arguments are the queue, the function that does a piece, its context, the number of
    pieces, the bytes of memory that they look at, and whether every thread begins with the
    pieces that it ended with the last time, which its caches still keep. It returns when all
    are done. Where there are no helpers, or they are busy with the work of another thread, it
    does everything itself. What fits in the caches is halved, so that each half stays where
    it is, unless a helper does not come or does not get on.
    """
    found: ir.Function | None = module.globals.get("share")
    if found is not None:
        return found
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INDEX, INDEX, INDEX])
    function = ir.Function(module, kind, "share")
    function.linkage = "internal"
    function.attributes.add("noinline")
    queue, work, context, pieces, size, backwards = function.args
    blocks = ["entry", "alone", "each", "ask", "publish", "look", "take", "do", "wait", "again"]
    entry, alone, each, ask, publish, look, take, do, wait, again = (
        function.append_basic_block(name) for name in blocks
    )
    rest, over = function.append_basic_block("rest"), function.append_basic_block("over")
    b = ir.IRBuilder(entry)
    own = b.alloca(INDEX)  # pieces that the caller does if there are helpers
    threads = _load(b, queue, THREADS)
    can_share = b.and_(b.icmp_signed(">", threads, index(1)), b.icmp_signed(">", pieces, index(1)))
    b.cbranch(can_share, ask, alone)

    b.position_at_end(alone)
    b.branch(each)
    b.position_at_end(each)
    i = b.phi(INDEX)
    i.add_incoming(index(0), alone)
    b.call(work, [context, _turned(b, i, pieces, b.mul(backwards, pieces))], PIECE)
    following = b.add(i, index(1))
    i.add_incoming(following, each)
    done = function.append_basic_block("left")
    b.cbranch(b.icmp_signed("<", following, pieces), each, done)
    b.position_at_end(done)
    b.ret_void()

    b.position_at_end(ask)  # whether the queue is free
    before = b.atomic_rmw("xchg", _word(b, queue, BUSY), index(1), "seq_cst")
    b.cbranch(b.icmp_signed("==", before, index(0)), publish, alone)

    b.position_at_end(publish)
    fits = b.icmp_signed("<=", size, b.mul(threads, index(_CACHE)))
    share_of_one = b.udiv(b.add(pieces, b.sub(threads, index(1))), threads)
    b.store(b.select(fits, share_of_one, pieces), own)
    _store(b, queue, TURN, b.mul(backwards, share_of_one))
    for place, pointer in ((WORK, work), (CONTEXT, context)):
        _store(b, queue, place, b.ptrtoint(pointer, INDEX))
    _store(b, queue, DONE, index(0))
    _store(b, queue, TICKET, _new_ticket(b, pieces))
    with b.if_then(b.icmp_signed(">", _load(b, queue, SLEEPING), index(0)), likely=False):
        b.call(_wake(module), [queue])
    b.branch(look)

    b.position_at_end(look)
    _, by_caller, by_helpers = _parts(b, _load(b, queue, TICKET))
    is_own = b.icmp_signed("<", by_caller, b.load(own, typ=INDEX))
    b.cbranch(b.or_(is_own, b.icmp_signed("==", by_helpers, index(0))), take, wait)
    b.position_at_end(take)
    piece, is_there = _take(b, queue, _BY_CALLER)
    b.cbranch(is_there, do, wait)
    b.position_at_end(do)
    _do_piece(b, queue, piece)
    b.branch(look)

    b.position_at_end(wait)
    spins = b.phi(INDEX)
    for origin in (look, take):
        spins.add_incoming(index(0), origin)
    b.cbranch(b.icmp_signed("==", _load(b, queue, DONE), pieces), over, again)
    b.position_at_end(again)
    more = b.add(spins, index(1))
    spins.add_incoming(more, again)
    b.cbranch(b.icmp_signed(">", more, index(_PATIENCE)), rest, wait)
    b.position_at_end(rest)  # then take what helpers have not begun
    b.store(pieces, own)
    _rest(b, module)
    b.branch(look)

    b.position_at_end(over)
    _store(b, queue, BUSY, index(0))
    b.ret_void()
    return function


def share_out(
    builder: Builder,
    work: ir.Function,
    pointers: Sequence[ir.Value],
    pieces: int,
    size: int,
    backwards: bool = False,
) -> None:
    """Emit a call of the function for every piece, with a table of pointers.

    `size` is that of the memory that all pieces look at, in bytes; `backwards`, each thread
    begins where it has just ended.
    """
    context = builder.alloca(ir.ArrayType(POINTER, max(len(pointers), 1)))
    for place, pointer in enumerate(pointers):
        builder.ir.store(pointer, builder.ir.gep(context, [index(place)], source_etype=POINTER))
    if builder.queue is None or pieces == 1:
        with builder.loop(pieces) as piece:
            builder.ir.call(work, [context, piece])
        return
    builder.shares_work = True
    address = builder.ir.bitcast(work, POINTER)
    numbers = map(index, (pieces, size, int(backwards)))
    builder.ir.call(share(builder.module), [builder.queue, address, context, *numbers])


def _wake(module: ir.Module) -> ir.Function:
    """Return the function that wakes as many helpers as are wanted."""
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [POINTER]), "wake")
    function.linkage = "internal"
    builder = Builder(function)
    b, (queue,) = builder.ir, function.args
    started, others = _load(b, queue, STARTED), b.sub(_load(b, queue, THREADS), index(1))
    wanted = b.select(b.icmp_signed("<", started, others), started, others)
    with builder.range(index(0), wanted) as number:
        worker = _worker(b, queue, number)
        with b.if_then(_mark_awake(b, queue, worker)):
            kind = ir.FunctionType(ir.VoidType(), [POINTER])
            _call(b, _load(b, queue, RELEASE), kind, [_lock(b, worker)])
    b.ret_void()
    return function


def _worker(b: ir.IRBuilder, queue: ir.Value, number: ir.Value) -> ir.Value:
    place = b.add(b.mul(number, index(WORKER_STRIDE)), index(WORKERS))
    return b.gep(queue, [place], source_etype=INDEX)


def _lock(b: ir.IRBuilder, worker: ir.Value) -> ir.Value:
    return b.inttoptr(_load(b, worker, WAKE_LOCK), POINTER)


def _call(
    b: ir.IRBuilder, address: ir.Value, kind: ir.FunctionType, arguments: Sequence[ir.Value]
) -> None:
    b.call(b.inttoptr(address, POINTER), arguments, kind)


def _mark_awake(b: ir.IRBuilder, queue: ir.Value, worker: ir.Value) -> ir.Value:
    """Note that a helper does not sleep any more; return whether it did."""
    before = b.atomic_rmw("xchg", _word(b, worker, 0), index(0), "seq_cst")
    did = b.icmp_signed("==", before, index(1))
    with b.if_then(did):
        _add(b, queue, SLEEPING, -1)
    return did


def serve_module() -> ir.Module:
    """Return what a helper does: of the queue, and its number from 0 on.

    It takes pieces. Where there are none for a while, it sleeps, but for programs that are
    running; nothing of this needs the interpreter's lock.
    """
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, INDEX]), "serve")
    queue, number = function.args
    names = ["entry", "look", "found", "do", "idle", "backoff", "rest", "park", "stay", "sleep"]
    entry, look, found, do, idle, backoff, rest, park, stay, sleep = (
        function.append_basic_block(name) for name in names
    )
    up, leave = function.append_basic_block("up"), function.append_basic_block("leave")
    b = ir.IRBuilder(entry)
    worker = _worker(b, queue, number)
    b.branch(look)

    b.position_at_end(look)
    spins = b.phi(INDEX)
    for origin in (entry, found, do, up):
        spins.add_incoming(index(0), origin)
    b.cbranch(_is_wanted(b, queue, number), found, idle)
    b.position_at_end(found)  # it may be gone by now: the ticket taken says so
    piece, is_there = _take(b, queue, _BY_HELPERS)
    b.cbranch(is_there, do, look)
    b.position_at_end(do)
    _do_piece(b, queue, piece)
    b.branch(look)

    b.position_at_end(idle)
    more = b.add(spins, index(1))
    spins.add_incoming(more, idle)
    b.cbranch(b.icmp_signed(">", more, index(_SPINS)), backoff, look)
    b.position_at_end(backoff)
    b.cbranch(b.icmp_signed(">", _load(b, queue, OPEN), index(0)), rest, park)
    b.position_at_end(rest)
    _rest(b, module)
    spins.add_incoming(index(0), rest)
    b.branch(look)

    b.position_at_end(park)
    b.atomic_rmw("xchg", _word(b, worker, 0), index(1), "seq_cst")
    _add(b, queue, SLEEPING, 1)
    # Whoever has shared work out since then has either seen this, or is seen here.
    is_open = b.icmp_signed(">", _load(b, queue, OPEN), index(0))
    is_over = b.icmp_signed(">", _load(b, queue, OVER), index(0))
    b.cbranch(b.or_(_is_wanted(b, queue, number), b.or_(is_open, is_over)), stay, sleep)
    b.position_at_end(stay)
    b.cbranch(_mark_awake(b, queue, worker), up, sleep)
    b.position_at_end(sleep)  # not for long if somebody has just released the lock
    kind = ir.FunctionType(ir.IntType(32), [POINTER, ir.IntType(32)])
    wait = ir.Constant(ir.IntType(32), 1)
    _call(b, _load(b, queue, ACQUIRE), kind, [_lock(b, worker), wait])
    b.branch(up)
    b.position_at_end(up)
    b.cbranch(b.icmp_signed(">", _load(b, queue, OVER), index(0)), leave, look)
    b.position_at_end(leave)
    b.ret(index(0))
    return module


def _is_wanted(b: ir.IRBuilder, queue: ir.Value, number: ir.Value) -> ir.Value:
    """Return whether there is a piece for a helper, from number 0 on."""
    _, is_there = _piece(b, _load(b, queue, TICKET), _BY_HELPERS)
    others = b.sub(_load(b, queue, THREADS), index(1))
    return b.and_(b.icmp_signed("<", number, others), is_there)

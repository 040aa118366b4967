"""Work shared among threads, in machine code.

Work is a function and a number of pieces. Each free thread takes the next piece. What a piece
computes does not depend on the thread, so results are the same for any number of threads. A
caller never waits for a worker that has not taken a piece.

The caller of the work runs :func:`share`; each worker runs the function of
:func:`serve_module`. Both are state machines over the words of one queue. Their blocks are the
states; docs/architecture.md draws them, and says why the order of memory accesses is right.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from steepest.engines.native import ir
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.types import INDEX, POINTER, index

# Words of the queue. Those that change often have a cache line of their own.
TICKET = 0  # pieces of the current work, and how many are taken
DONE = 8  # pieces that are done
WORK = 16  # address of the function that does a piece
REVERSED = 17  # pieces of the first half if each half is done from its end, else 0
CONTEXT = 24  # the function's first argument
RUNNING = 32  # programs that run now: workers stay awake for them
BUSY = 40  # 1 while a caller owns the queue
SLEEPING = 48  # workers that sleep
THREADS = 56  # threads that may work, the caller included
STARTED, SHUTDOWN = 57, 58  # workers that there are; whether they are to end
ACQUIRE, RELEASE = 59, 60  # addresses of the functions that acquire and release a lock

# Then a cache line for each worker: whether it sleeps, and the lock on which it does.
WORKERS, WORKER_STRIDE = 64, 8
ASLEEP, WAKE_LOCK = 0, 1
MAX_WORKERS = 255
QUEUE_WORDS = WORKERS + WORKER_STRIDE * MAX_WORKERS

# A ticket is the number of pieces, how many the workers have taken, and how many the caller
# has: one word, so that all change at once. The caller takes pieces from the front and workers
# take them from the back. So each thread returns to rows that are in its own caches.
_COUNT_BITS = 21
_BY_CALLER, _BY_WORKERS = 0, _COUNT_BITS

_CACHE = 1 << 21
"""Bytes that the caches of one processor hold."""

_PATIENCE = 10_000
"""Times that a caller looks at the queue before it takes over the pieces left to workers."""

_SPINS = 100_000
"""Times that a worker looks at the queue before it goes to sleep: some hundred microseconds."""

PIECE_TYPE = ir.FunctionType(ir.VoidType(), [POINTER, INDEX])
"""Type of a function that does one piece, given a context and the number of the piece."""


def _word(b: ir.IRBuilder, queue: ir.Value, place: int) -> ir.Value:
    return b.gep(queue, [index(place)], source_etype=INDEX)


def _load(b: ir.IRBuilder, queue: ir.Value, place: int) -> ir.Value:
    return b.load_atomic(_word(b, queue, place), "seq_cst", 8, typ=INDEX)


def _store(b: ir.IRBuilder, queue: ir.Value, place: int, value: ir.Value) -> None:
    b.store_atomic(value, _word(b, queue, place), "seq_cst", 8)


def _add(b: ir.IRBuilder, queue: ir.Value, place: int, value: int) -> ir.Value:
    """Add to a word; return its value before."""
    return b.atomic_rmw("add", _word(b, queue, place), index(value), "seq_cst")


def _exchange(b: ir.IRBuilder, queue: ir.Value, place: int, value: int) -> ir.Value:
    """Set a word; return its value before."""
    return b.atomic_rmw("xchg", _word(b, queue, place), index(value), "seq_cst")


def _read_ticket(b: ir.IRBuilder, ticket: ir.Value) -> tuple[ir.Value, ir.Value, ir.Value]:
    """Return the number of pieces, and those taken by the caller and by workers."""
    mask = index((1 << _COUNT_BITS) - 1)
    by_caller, by_workers = (
        b.and_(b.lshr(ticket, index(taker)), mask) for taker in (_BY_CALLER, _BY_WORKERS)
    )
    return b.lshr(ticket, index(2 * _COUNT_BITS)), by_caller, by_workers


def _next_piece(b: ir.IRBuilder, ticket: ir.Value, taker: int) -> tuple[ir.Value, ir.Value]:
    """Return the piece that comes next for a taker, and whether one is left."""
    pieces, by_caller, by_workers = _read_ticket(b, ticket)
    piece = by_caller if taker == _BY_CALLER else b.sub(b.sub(pieces, index(1)), by_workers)
    return piece, b.icmp_signed("<", b.add(by_caller, by_workers), pieces)


def _take(b: ir.IRBuilder, queue: ir.Value, taker: int) -> tuple[ir.Value, ir.Value]:
    """Count one more piece as taken; return it, and whether one was left."""
    return _next_piece(b, _add(b, queue, TICKET, 1 << taker), taker)


def _do_piece(b: ir.IRBuilder, queue: ir.Value, piece: ir.Value) -> None:
    work = b.inttoptr(_load(b, queue, WORK), POINTER)
    pieces, _, _ = _read_ticket(b, _load(b, queue, TICKET))
    piece = _reversed(b, piece, pieces, _load(b, queue, REVERSED))
    b.call(work, [b.inttoptr(_load(b, queue, CONTEXT), POINTER), piece], PIECE_TYPE)
    _add(b, queue, DONE, 1)


def _reversed(b: ir.IRBuilder, piece: ir.Value, pieces: ir.Value, first: ir.Value) -> ir.Value:
    """Return the piece at a place if the `first` ones, and the others, come in reverse order.

    If `first` is 0, return the piece itself.
    """
    end = b.select(b.icmp_signed("<", piece, first), first, b.add(pieces, first))
    mirrored = b.sub(b.sub(end, index(1)), piece)
    return b.select(b.icmp_signed(">", first, index(0)), mirrored, piece)


def _yield_processor(b: ir.IRBuilder, module: ir.Module) -> None:
    """Let the other threads of the machine go on."""
    name = "SwitchToThread" if os.name == "nt" else "sched_yield"
    function = module.globals.get(name)
    if function is None:
        function = ir.Function(module, ir.FunctionType(ir.IntType(32), []), name)
    b.call(function, [])


def share(module: ir.Module) -> ir.Function:  # noqa: PLR0915 - one function of machine code
    """Return the function that shares work with the workers and takes part in it.

    Its arguments are the queue, the function that does a piece, its context, the number of
    pieces, the bytes of memory that all pieces read and write, and whether each thread starts
    with the pieces that it did last time, which are still in its caches. It returns when all
    pieces are done.

    If the memory fits in the caches, each thread has a share of its own, so that data stay
    where they are. The caller does the workers' pieces if none comes, or if it has waited long.

    Notes
    -----
    States, and the words that change in them:

    ========= ==================================================================================
    alone     there are no workers, or they work for another caller: do all pieces here
    claim     BUSY becomes 1; if it was 1, the queue belongs to another caller: alone
    publish   WORK, CONTEXT, REVERSED and DONE, then TICKET; workers that sleep are woken
    choose    take a piece if the caller's share has one or no worker came, else wait
    take      TICKET counts one more piece of the caller; if none was left, wait
    compute   do the piece; DONE grows by 1; choose
    wait      read DONE: release if all pieces are done
    still     wait again, or take over after long
    take over all pieces become the caller's share; let other threads run; choose
    release   BUSY becomes 0
    ========= ==================================================================================
    """
    found: ir.Function | None = module.globals.get("share")
    if found is not None:
        return found
    kind = ir.FunctionType(ir.VoidType(), [POINTER, POINTER, POINTER, INDEX, INDEX, INDEX])
    function = ir.Function(module, kind, "share")
    function.linkage = "internal"
    function.attributes.add("noinline")
    queue, work, context, pieces, size, backwards = function.args
    names = "entry alone piece claim publish choose take compute wait still take_over release"
    entry, alone, each, claim, publish, choose, take, compute, wait, still, take_over, release = (
        function.append_basic_block(name) for name in names.split()
    )
    b = ir.IRBuilder(entry)
    own = b.alloca(INDEX)  # the caller's share: pieces that it does if workers come
    threads = _load(b, queue, THREADS)
    can_share = b.and_(b.icmp_signed(">", threads, index(1)), b.icmp_signed(">", pieces, index(1)))
    b.cbranch(can_share, claim, alone)

    b.position_at_end(alone)
    b.branch(each)
    b.position_at_end(each)
    i = b.phi(INDEX)
    i.add_incoming(index(0), alone)
    b.call(work, [context, _reversed(b, i, pieces, b.mul(backwards, pieces))], PIECE_TYPE)
    following = b.add(i, index(1))
    i.add_incoming(following, each)
    all_done = function.append_basic_block("all_done")
    b.cbranch(b.icmp_signed("<", following, pieces), each, all_done)
    b.position_at_end(all_done)
    b.ret_void()

    b.position_at_end(claim)
    was_busy = _exchange(b, queue, BUSY, 1)
    b.cbranch(b.icmp_signed("==", was_busy, index(0)), publish, alone)

    b.position_at_end(publish)
    fits = b.icmp_signed("<=", size, b.mul(threads, index(_CACHE)))
    share_of_one = b.udiv(b.add(pieces, b.sub(threads, index(1))), threads)
    b.store(b.select(fits, share_of_one, pieces), own)
    _store(b, queue, REVERSED, b.mul(backwards, share_of_one))
    for place, pointer in ((WORK, work), (CONTEXT, context)):
        _store(b, queue, place, b.ptrtoint(pointer, INDEX))
    _store(b, queue, DONE, index(0))
    # Last: from here on workers take pieces.
    _store(b, queue, TICKET, b.shl(pieces, index(2 * _COUNT_BITS)))
    with b.if_then(b.icmp_signed(">", _load(b, queue, SLEEPING), index(0)), likely=False):
        b.call(_wake(module), [queue])
    b.branch(choose)

    b.position_at_end(choose)
    _, by_caller, by_workers = _read_ticket(b, _load(b, queue, TICKET))
    is_own = b.icmp_signed("<", by_caller, b.load(own, typ=INDEX))
    b.cbranch(b.or_(is_own, b.icmp_signed("==", by_workers, index(0))), take, wait)
    b.position_at_end(take)
    piece, is_left = _take(b, queue, _BY_CALLER)
    b.cbranch(is_left, compute, wait)
    b.position_at_end(compute)
    _do_piece(b, queue, piece)
    b.branch(choose)

    b.position_at_end(wait)
    looks = b.phi(INDEX)
    for origin in (choose, take):
        looks.add_incoming(index(0), origin)
    b.cbranch(b.icmp_signed("==", _load(b, queue, DONE), pieces), release, still)
    b.position_at_end(still)
    more = b.add(looks, index(1))
    looks.add_incoming(more, still)
    b.cbranch(b.icmp_signed(">", more, index(_PATIENCE)), take_over, wait)
    b.position_at_end(take_over)
    b.store(pieces, own)
    _yield_processor(b, module)
    b.branch(choose)

    b.position_at_end(release)
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
    """Emit a call of the function for every piece, with a table of pointers as its context.

    `size` is the number of bytes that all pieces read and write. With `backwards`, each thread
    starts with the pieces that it did last.
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
    """Return the function that wakes the workers that sleep, as many as may work."""
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
    """Return the address of a worker's own words."""
    place = b.add(b.mul(number, index(WORKER_STRIDE)), index(WORKERS))
    return b.gep(queue, [place], source_etype=INDEX)


def _lock(b: ir.IRBuilder, worker: ir.Value) -> ir.Value:
    return b.inttoptr(_load(b, worker, WAKE_LOCK), POINTER)


def _call(
    b: ir.IRBuilder, address: ir.Value, kind: ir.FunctionType, arguments: Sequence[ir.Value]
) -> None:
    b.call(b.inttoptr(address, POINTER), arguments, kind)


def _mark_awake(b: ir.IRBuilder, queue: ir.Value, worker: ir.Value) -> ir.Value:
    """Set a worker's ASLEEP to 0; return whether it was 1.

    Only one thread sees it change, whichever threads try at the same time.
    """
    before = _exchange(b, worker, ASLEEP, 0)
    was_asleep = b.icmp_signed("==", before, index(1))
    with b.if_then(was_asleep):
        _add(b, queue, SLEEPING, -1)
    return was_asleep


def serve_module() -> ir.Module:
    """Return the module of the function that a worker runs, given the queue and its number.

    The worker takes pieces until the process ends. It goes to sleep if there are none for a
    while and no program runs. None of this needs the interpreter's lock.

    Notes
    -----
    States, and the words that change in them:

    ======= ====================================================================================
    look    read THREADS and TICKET: take if a piece is left for this worker, else idle
    take    TICKET counts one more piece of the workers; look if none was left
    compute do the piece; DONE grows by 1; look
    idle    look again; backoff after many times
    backoff read RUNNING: yield if a program runs, else park
    yield   let other threads run; look
    park    ASLEEP becomes 1, SLEEPING grows by 1; then, if there is a piece, a program runs, or
            the process ends: stay, else sleep
    stay    ASLEEP becomes 0; if it was 1, SLEEPING shrinks by 1 and the worker is awake; if not,
            a caller has woken it and releases the lock: sleep, which ends at once
    sleep   acquire the worker's lock, which whoever changes ASLEEP from 1 to 0 releases
    awake   read SHUTDOWN: end if the process does, else look
    ======= ====================================================================================
    """
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(INDEX, [POINTER, INDEX]), "serve")
    queue, number = function.args
    names = "entry look take compute idle backoff yield park stay sleep awake end"
    entry, look, take, compute, idle, backoff, give_way, park, stay, sleep, awake, end = (
        function.append_basic_block(name) for name in names.split()
    )
    b = ir.IRBuilder(entry)
    worker = _worker(b, queue, number)
    b.branch(look)

    b.position_at_end(look)
    looks = b.phi(INDEX)
    for origin in (entry, take, compute, awake):
        looks.add_incoming(index(0), origin)
    b.cbranch(_has_work(b, queue, number), take, idle)
    b.position_at_end(take)
    piece, is_left = _take(b, queue, _BY_WORKERS)
    b.cbranch(is_left, compute, look)
    b.position_at_end(compute)
    _do_piece(b, queue, piece)
    b.branch(look)

    b.position_at_end(idle)
    more = b.add(looks, index(1))
    looks.add_incoming(more, idle)
    b.cbranch(b.icmp_signed(">", more, index(_SPINS)), backoff, look)
    b.position_at_end(backoff)
    b.cbranch(b.icmp_signed(">", _load(b, queue, RUNNING), index(0)), give_way, park)
    b.position_at_end(give_way)
    _yield_processor(b, module)
    looks.add_incoming(index(0), give_way)
    b.branch(look)

    b.position_at_end(park)
    _exchange(b, worker, ASLEEP, 1)
    _add(b, queue, SLEEPING, 1)
    # A caller that publishes now either sees SLEEPING, or is seen here.
    is_running = b.icmp_signed(">", _load(b, queue, RUNNING), index(0))
    is_ending = b.icmp_signed(">", _load(b, queue, SHUTDOWN), index(0))
    b.cbranch(b.or_(_has_work(b, queue, number), b.or_(is_running, is_ending)), stay, sleep)
    b.position_at_end(stay)
    b.cbranch(_mark_awake(b, queue, worker), awake, sleep)
    b.position_at_end(sleep)
    kind = ir.FunctionType(ir.IntType(32), [POINTER, ir.IntType(32)])
    wait = ir.Constant(ir.IntType(32), 1)
    _call(b, _load(b, queue, ACQUIRE), kind, [_lock(b, worker), wait])
    b.branch(awake)
    b.position_at_end(awake)
    b.cbranch(b.icmp_signed(">", _load(b, queue, SHUTDOWN), index(0)), end, look)
    b.position_at_end(end)
    b.ret(index(0))
    return module


def _has_work(b: ir.IRBuilder, queue: ir.Value, number: ir.Value) -> ir.Value:
    """Return whether a piece is left, and the worker of this number, from 0 on, may take it."""
    _, is_left = _next_piece(b, _load(b, queue, TICKET), _BY_WORKERS)
    others = b.sub(_load(b, queue, THREADS), index(1))
    return b.and_(b.icmp_signed("<", number, others), is_left)

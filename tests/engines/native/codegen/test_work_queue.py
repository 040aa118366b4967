"""The state machines of callers and workers that share work, under stress."""

import contextlib
import ctypes
import itertools
import threading
import time

import numpy as np
import pytest

from steepest.engines.native import ir
from steepest.engines.native.codegen import work_queue
from steepest.engines.native.codegen.builder import Builder
from steepest.engines.native.codegen.memory import table_entry
from steepest.engines.native.codegen.types import INDEX, index
from steepest.engines.native.jit.compile import Code
from steepest.engines.native.programs.function import FUNCTION_TYPE, pointer_table
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of

ROUNDS = 2_000
FITS, TOO_LARGE = 1, 1 << 40  # bytes that the pieces of a program read and write


def add_one(b, counts, number):
    """Emit the addition of 1 to a count; return the sum."""
    place = b.gep(counts, [number], source_etype=INDEX)
    after = b.add(b.load(place, typ=INDEX), index(1))
    b.store(after, place)
    return after


def program(pieces, size, backwards=False):
    """Return code that shares work for some rounds; each piece counts how often it is done.

    Its table has the queue, the counts of the pieces, and where it counts the pieces that the
    caller finds not to be done, or done too often, at the end of a round.
    """
    module = ir.Module()
    work = ir.Function(module, work_queue.PIECE_TYPE, "piece")
    work.linkage = "internal"
    inner = Builder(work)
    context, number = work.args
    add_one(inner.ir, table_entry(inner, context, 0), number)
    inner.ir.ret_void()
    function = ir.Function(module, FUNCTION_TYPE, "run")
    builder = Builder(function)
    b = builder.ir
    table, rounds, _ = function.args
    builder.queue, counts, wrong = (table_entry(builder, table, i) for i in range(3))
    with builder.range(index(0), rounds) as done:
        work_queue.share_out(builder, work, [counts], pieces, size, backwards)
        with builder.loop(pieces) as i:
            count = b.load(b.gep(counts, [i], source_etype=INDEX), typ=INDEX)
            with b.if_then(b.icmp_signed("!=", count, b.add(done, index(1)))):
                add_one(b, wrong, index(0))
    b.ret(index(0))
    return Code(module, "run")


def failures(code, pool, pieces, rounds=ROUNDS):
    """Run a program; return how many pieces were not done once in each round."""
    counts, wrong = np.zeros(pieces, np.int64), np.zeros(1, np.int64)
    table = pointer_table([address_of(array) for array in (pool.queue, counts, wrong)])
    code.call(ctypes.addressof(table), rounds, 0)
    return int(wrong[0]) + int(np.count_nonzero(counts != rounds))


@contextlib.contextmanager
def running(calls):
    """Run functions in threads of their own meanwhile."""
    callers = [threading.Thread(target=call) for call in calls]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        for caller in callers:
            caller.join()


@pytest.fixture(params=["patient", "impatient"])
def make_pool(request, monkeypatch):
    """Return what makes pools of threads; impatient ones sleep and take over at once."""
    if request.param == "impatient":
        monkeypatch.setattr(work_queue, "_SPINS", 0)
        monkeypatch.setattr(work_queue, "_PATIENCE", 0)
    serve = Code(work_queue.serve_module(), "serve")
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64)
    monkeypatch.setattr(thread_pool, "_serve", lambda: (serve, kind(serve.address)))
    pools = []

    def make(threads):
        pools.append(thread_pool._ThreadPool(threads))
        return pools[-1]

    yield make
    for pool in pools:
        pool.end()
        assert not any(worker.is_alive() for worker in pool._workers)


def start(pool):
    with pool.at_work():
        pass


@pytest.mark.parametrize("is_running", [True, False])  # programs keep workers from sleeping
@pytest.mark.parametrize("size", [FITS, TOO_LARGE])
@pytest.mark.parametrize("backwards", [False, True])
def test_callers_at_the_same_time_have_each_piece_done_once(
    make_pool, backwards, size, is_running
):
    pool, found = make_pool(4), []
    start(pool)
    codes = {pieces: program(pieces, size, backwards) for pieces in (2, 7, 64)}

    def call(pieces):
        with pool.at_work() if is_running else contextlib.nullcontext():
            found.append(failures(codes[pieces], pool, pieces))

    with running([lambda n=n: call(n) for n in (2, 7, 7, 64)]):
        pass
    assert found == [0] * 4
    assert pool.queue[work_queue.BUSY] == pool.queue[work_queue.RUNNING] == 0


def test_the_number_of_threads_may_change_while_programs_run(make_pool):
    pool, found = make_pool(5), []
    start(pool)
    code, is_over = program(16, FITS), threading.Event()

    def change():
        for number in itertools.cycle((1, 3, 5, 2, 4)):
            pool.threads = number
            if is_over.wait(1e-4):
                return

    with running([change]):
        try:
            with running([lambda: found.append(failures(code, pool, 16))] * 3):
                pass
        finally:
            is_over.set()
    assert found == [0] * 3


def until(condition, seconds=60):
    """Wait until a condition holds; return whether it does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(1e-3)
    return False


def test_workers_sleep_without_work_and_wake_for_it(make_pool):
    pool, code = make_pool(3), program(8, FITS)
    start(pool)

    def is_done_by_workers():
        assert until(lambda: pool.queue[work_queue.SLEEPING] == 2)
        assert all(pool.queue[work_queue.WORKERS + work_queue.WORKER_STRIDE * i] for i in (0, 1))
        by_workers = 0
        for _ in range(100):  # a worker that wakes late finds nothing left
            assert failures(code, pool, 8, 1) == 0
            by_workers += int(pool.queue[work_queue.TICKET]) >> 21 & (1 << 21) - 1
        return by_workers > 0

    assert sum(until(is_done_by_workers) for _ in range(10)) == 10


def test_workers_that_end_leave_their_pieces_to_the_caller(make_pool):
    pool, code, found = make_pool(4), program(7, FITS), []
    start(pool)
    with running([lambda: found.append(failures(code, pool, 7))] * 2):
        pool.end()
    assert found == [0] * 2
    assert failures(code, pool, 7) == 0


def test_callers_that_come_together_start_each_worker_once(make_pool):
    for _ in range(5):
        pool, ready = make_pool(4), threading.Barrier(6)

        def enter(pool=pool, ready=ready):
            ready.wait()
            for _ in range(20):
                with pool.at_work():
                    assert pool.queue[work_queue.RUNNING] > 0

        with running([enter] * 6):
            pass
        assert len(pool._workers) == pool.queue[work_queue.STARTED] == 3
        assert pool.queue[work_queue.RUNNING] == 0

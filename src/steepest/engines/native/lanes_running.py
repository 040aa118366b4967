"""Many problems being worked through by threads of machine code."""

from __future__ import annotations

import ctypes
import threading

import numpy as np

from steepest.engines.many import NOT_STARTED, ManyAnswers, ManyStart, Watch
from steepest.engines.native import threads
from steepest.engines.native.buffers import address_of, aligned_bytes, empty
from steepest.engines.native.lanes import NEXT, STOP, LanesCode

_SECONDS = 0.05
"""Between two looks at what the threads have done."""

_ALIGNED = 64


def work_through(compiled: LanesCode, start: ManyStart, watch: Watch) -> ManyAnswers:
    """Return the answers of all problems, as far as they were begun."""
    program, total = compiled.program, len(start.x)
    codes = np.full(total, NOT_STARTED, np.int64)
    values = [empty((total, *node.shape), node.dtype) for node in program.answer]
    words = aligned_bytes(8 * (STOP + 1)).view(np.int64)
    words[...] = 0
    own = [np.ascontiguousarray(start.x)]
    pairs = list(zip(start.data, program.is_own, strict=True))
    own += [np.ascontiguousarray(array) for array, is_own in pairs if is_own]
    shared = [np.ascontiguousarray(array) for array, is_own in pairs if not is_own]
    tables = []
    for _ in range(min(threads.get_num_threads(), -(-total // compiled.lanes))):
        table, memory = _table(compiled, words, [codes, *values], own, shared)
        tables.append((table, memory))
    alive = (tables, words, codes, values, own, shared)  # as long as a thread looks at them

    def work(table: ctypes.Array, _alive: object = alive) -> None:
        compiled.code.call(ctypes.addressof(table), total, 0)

    workers: list[threading.Thread] = []
    try:
        for table, _ in tables:
            worker = threading.Thread(target=work, args=(table,), daemon=True)
            try:
                worker.start()
            except RuntimeError:  # no more threads: those that there are do the work
                break
            workers.append(worker)
        if not workers:
            work(tables[0][0])
        for worker in workers:
            while worker.is_alive():
                worker.join(_SECONDS)
                if worker.is_alive() and watch(min(int(words[NEXT]), total)):
                    words[STOP] = 1
    finally:
        words[STOP] = 1
        for worker in workers:
            worker.join()
    watch(total)
    return ManyAnswers(codes, values)


def _table(
    compiled: LanesCode,
    words: np.ndarray,
    results: list[np.ndarray],
    own: list[np.ndarray],
    shared: list[np.ndarray],
) -> tuple[ctypes.Array, np.ndarray]:
    """Return the table of pointers for one thread, and the memory that it works in."""
    lanes = compiled.lanes
    sizes = [compiled.arena_size, 8 * lanes]
    sizes += [max(node.size * node.dtype.itemsize, 1) * lanes for node in compiled.in_lanes]
    places = np.cumsum([0, *(-(-size // _ALIGNED) * _ALIGNED for size in sizes)])
    memory = aligned_bytes(int(places[-1]))
    memory[...] = 0  # lanes that never get a problem compute with it
    base = address_of(memory)
    arena, problems, count, x, *others = (base + int(place) for place in places[:-1])
    number = len(compiled.program.state)
    pointers = [arena, address_of(words), problems, *map(address_of, results), count]
    pointers += [x, address_of(own[0]), *others[:number]]
    for place, array in zip(others[number:], own[1:], strict=True):
        pointers += [place, address_of(array)]
    pointers += map(address_of, shared)
    return (ctypes.c_void_p * len(pointers))(*pointers), memory

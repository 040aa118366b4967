"""Runs of many problems, by threads of machine code."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from steepest.engines.batch import NOT_STARTED, ManyAnswers, ManyStart, Watch
from steepest.engines.native.programs.batch import NEXT, STOP, LanesCode
from steepest.engines.native.programs.layout import own_and_shared
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of, aligned_bytes, empty

_SECONDS = 0.05
"""Seconds between two reports of progress."""

_ALIGNED = 64


def work_through(
    compiled: LanesCode, start: ManyStart, watch: Watch, threads: int | None = None
) -> ManyAnswers | None:
    """Return the answers of all problems that were started; None if a computation failed.

    At most so many threads work, or as many as the user wants.
    """
    program, total = compiled.program, len(start.x)
    codes = np.full(total, NOT_STARTED, np.int64)
    values = [empty((total, *node.shape), node.dtype) for node in program.answer]
    words = aligned_bytes(8 * (STOP + 1)).view(np.int64)
    words[...] = 0
    own, _ = own_and_shared(program)
    arrays = {"words": words, "codes": codes, "x.source": np.ascontiguousarray(start.x)}
    arrays |= {f"answer.{i}": array for i, array in enumerate(values)}
    for i, array in enumerate(start.data):
        arrays[f"data.{i}.source" if i in own else f"data.{i}"] = np.ascontiguousarray(array)
    tables = [
        _table(compiled, arrays)
        for _ in range(min(threads or thread_pool.get_num_threads(), -(-total // compiled.lanes)))
    ]
    alive = (tables, arrays)  # as long as a thread uses them

    failures: list[int] = []

    def work(table: ctypes.Array[Any], _alive: object = alive) -> None:
        failure = compiled.code.call(ctypes.addressof(table), total, 0)
        if failure:  # an index out of bounds, a matrix that has no factors
            failures.append(failure)
            words[STOP] = 1

    workers: list[threading.Thread] = []
    try:
        for table, _ in tables:
            worker = threading.Thread(target=work, args=(table,), daemon=True)
            try:
                worker.start()
            except RuntimeError:  # no more threads: the started ones do the work
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
    if failures:
        return None
    watch(total)
    return ManyAnswers(codes, values)


def _table(
    compiled: LanesCode, arrays: Mapping[str, np.ndarray]
) -> tuple[ctypes.Array[Any], np.ndarray]:
    """Return the table of pointers for one thread, and the memory that it works in.

    `arrays` are those that the threads share, by the names of their slots.
    """
    lanes, slots = compiled.lanes, {"lanes": 8 * compiled.lanes}
    for name, node in compiled.in_lanes.items():
        slots[name] = max(node.size * node.dtype.itemsize, 1) * lanes
    sizes = [compiled.arena_size, *slots.values()]
    places = np.cumsum([0, *(-(-size // _ALIGNED) * _ALIGNED for size in sizes)])
    memory = aligned_bytes(int(places[-1]))
    memory[...] = 0  # lanes that never get a problem compute with it
    addresses = {
        name: address_of(memory) + int(place)
        for name, place in zip(("arena", *slots), places[:-1], strict=True)
    }
    addresses |= {name: address_of(array) for name, array in arrays.items()}
    table = compiled.table.empty_table()
    for name in compiled.table.names:
        compiled.table.bind(table, name, addresses[name])
    return table, memory

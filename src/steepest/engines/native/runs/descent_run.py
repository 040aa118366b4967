"""A descent in progress in machine code."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest import activity, streams
from steepest.engines.fusion import fused
from steepest.engines.native.programs.descent import DescentCode
from steepest.engines.native.programs.function import raise_error
from steepest.engines.native.programs.layout import COUNT, REASON, RECORDED, SWAPPED
from steepest.engines.native.programs.tiers import DescentTiers
from steepest.engines.native.runs.rows_in_order import Supply, rows_of
from steepest.engines.native.runs.workspace import Workspace
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.engines.program import Program
from steepest.engines.protocol import Outcome, Recording, Snapshot, Start
from steepest.graph import Node, Source
from steepest.streams.evaluation import InterruptedPassError
from steepest.trace.recording.blas_threads import while_called_back

_OUTCOMES = tuple(Outcome)


class NativeRun:
    """A descent in progress; its attributes are those of ``engines.protocol.Run``.

    Parameters
    ----------
    tiers
        The machine code.
    program
        The program, with the user's lines: functions that compute the same share code.
    start
        The start.
    """

    def __init__(self, tiers: DescentTiers, program: Program, start: Start) -> None:
        self.recording, self.tiers = Recording(), dict[str, float]()
        self._code, self._program = tiers, program
        self._rows = rows_of(program.batches, start)
        self._is_released = False
        self._begin(tiers.best, start)

    def _begin(self, compiled: DescentCode, start: Start) -> None:
        self._compiled, self._start = compiled, start
        try:
            self._work: Workspace = compiled.spare.pop()
        except IndexError:
            self._work = Workspace(compiled.memory, compiled.evaluation)
        work = self._work
        work.load(start.state)
        self.restart(start.x)
        if start.count:
            work.integers[COUNT] = start.count
            work.copies[0][1][...] = start.previous_x
            work.losses[...] = start.previous_loss
        self._data = {
            number: np.ascontiguousarray(value)
            for number, value in enumerate((*start.data, *start.tail_data))
            if not isinstance(value, streams.Source)
        }
        for number, array in self._data.items():
            work.bind_data(number, address_of(array))

    def restart(self, x: np.ndarray) -> None:
        """Start at a point, with no update made."""
        self._work.integers.fill(0)
        self._work.copies[0][0][...] = x
        self._swapped = [False] * len(self._work.copies)

    def _relieve(self) -> None:
        """Go on in better code, if it has been compiled meanwhile."""
        compiled = self._code.best
        if compiled is self._compiled:
            return
        at = self.snapshot()()
        start = dataclasses.replace(
            self._start,
            x=at.x,
            state=at.state,
            count=at.count,
            previous_x=at.previous_x,
            previous_loss=self.loss,
        )
        self._give_back()
        self._begin(compiled, start)
        activity.note("from iteration %d on, %s code runs", at.count, compiled.tier)

    def _lines(self) -> Mapping[Node, Source]:
        """Return the user's line for every node of the code that runs."""
        program = self._program
        if program.evaluations and self._compiled.evaluation is None:
            program = fused(program)
        return {k: v for part in program.traced for k, v in part.sources.items()}

    def machine_code(self) -> tuple[Any, int]:
        """Return the compiled function and the address of its table, to be timed alone."""
        return self._compiled.code.call, ctypes.addressof(self._work.table)

    def snapshot(self) -> Callable[[], Snapshot]:
        """Copy the run as it is now; return what makes a snapshot of the copy."""
        return self._work.copy_run(list(self._swapped)).snapshot

    def release(self) -> None:
        """Give the memory back for the next run; once, so that no two runs share it."""
        if not self._is_released:
            self._is_released = True
            self._rows.close()
            self._give_back()

    def _give_back(self) -> None:
        self._compiled.spare.append(self._work)

    @property
    def count(self) -> int:
        return int(self._work.integers[COUNT])

    @property
    def x(self) -> np.ndarray:
        return self._work.copies[0][self._swapped[0]]

    @property
    def previous_x(self) -> np.ndarray:
        return self._work.copies[0][not self._swapped[0]]

    @property
    def state(self) -> list[np.ndarray]:
        copies = zip(self._work.copies[1:], self._swapped[1:], strict=True)
        return [pair[is_swapped] for pair, is_swapped in copies]

    @property
    def loss(self) -> float:
        return float(self._work.losses[1])

    @property
    def previous_loss(self) -> float:
        return float(self._work.losses[0])

    @property
    def gradient(self) -> np.ndarray:
        return self._work.gradient

    @property
    def report(self) -> list[np.ndarray]:
        return self._work.report

    @property
    def reason(self) -> int:
        return int(self._work.integers[REASON])

    def advance(self, steps: int) -> Outcome:
        """Make at most `steps` updates; fewer if Ctrl-C ends the reading of a batch."""
        outcome = Outcome.PAUSED
        while steps > 0 and outcome is Outcome.PAUSED:
            self._relieve()
            try:
                supply = self._rows.supply(self.count)
            except InterruptedPassError:
                return outcome
            chunk = min(steps, supply.steps)
            if self._compiled.program.full.records:
                chunk = min(chunk, self._work.history_rows - 1)
            outcome = self._call(chunk, supply)
            steps -= chunk
        return outcome

    def _call(self, steps: int, supply: Supply) -> Outcome:
        program, work = self._compiled.program, self._work
        work.order_copies(self._swapped, self._compiled.in_memory)
        if program.batches:
            work.bind_order(address_of(supply.order))
        for number, array in supply.data.items():
            work.bind_data(number, address_of(array))
            if program.tail is not None:  # the last batch of an epoch has inputs of its own
                work.bind_data(len(program.full.data) + number, address_of(array))
        machine_code, table = self._compiled.code, ctypes.addressof(work.table)
        evaluation = self._compiled.evaluation
        if evaluation is not None:
            work.bind_evaluation()
        before, is_in_parts = work.integers.item(COUNT), evaluation is not None
        tier, started = self._compiled.tier, time.perf_counter()
        sizes = self._compiled.bytes_called_back
        with thread_pool.at_work(self._compiled.shares_work), while_called_back(sizes):
            code: int = machine_code.call(table, steps, supply.first)
        seconds = time.perf_counter() - started
        self.tiers[tier] = self.tiers.get(tier, 0.0) + seconds
        if tier == "baseline":
            for part in self._compiled.codes:
                if part.is_baseline:
                    part.record_use(seconds)
        if is_in_parts:
            self._code.record_use(seconds, 1 + work.integers.item(COUNT) - before)
        if code < 0:
            number, checked, hosts = self._compiled.failed(code)
            raise_error(number, checked, self._lines(), hosts)
        for number in self._compiled.in_memory:
            self._swapped[number] ^= bool(work.integers[SWAPPED + number])
        if work.integers[RECORDED]:
            columns, xs = work.history()
            self.recording.columns.append(tuple(columns))
            if xs is not None:
                self.recording.xs.append(xs)
        return _OUTCOMES[code]

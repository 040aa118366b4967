"""A descent in progress in machine code."""

from __future__ import annotations

import ctypes
import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from steepest import activity
from steepest.engines.fusion import fused
from steepest.engines.native.programs.descent import DescentCode
from steepest.engines.native.programs.function import raise_error
from steepest.engines.native.programs.layout import COUNT, REASON, RECORDED, SWAPPED
from steepest.engines.native.programs.tiers import DescentTiers
from steepest.engines.native.runs.workspace import Workspace
from steepest.engines.native.runtime import thread_pool
from steepest.engines.native.runtime.buffer_pool import address_of
from steepest.engines.program import Program
from steepest.engines.protocol import Outcome, Recording, Snapshot, Start
from steepest.graph import Node, Source
from steepest.trace.recording.blas_threads import while_called_back

_ROWS_IN_ORDER = 1 << 20
"""Rows of data that are put in order at a time."""

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
        self._data = [np.ascontiguousarray(v) for v in (*start.data, *start.tail_data)]
        for number, array in enumerate(self._data):
            work.bind_data(number, address_of(array))
        self._order = np.zeros(0, np.int64)
        self._epochs = range(0)

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
        self.release()
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
        """Give the memory back for the next run."""
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
        """Make at most `steps` updates."""
        outcome = Outcome.PAUSED
        while steps > 0 and outcome is Outcome.PAUSED:
            self._relieve()
            chunk = min(steps, self._ordered_steps())
            if self._compiled.program.full.records:
                chunk = min(chunk, self._work.history_rows - 1)
            outcome = self._call(chunk)
            steps -= chunk
        return outcome

    def _ordered_steps(self) -> int:
        """Return for how many iterations rows are in order; put more in order if for none."""
        plan = self._compiled.program.batches
        if plan is None:
            return 1 << 62
        steps = plan.steps_per_epoch
        if self.count >= self._epochs.stop * steps:
            first = self.count // steps
            last = min(self._start.epochs, first + max(1, _ROWS_IN_ORDER // plan.samples))
            self._epochs = range(first, last)
            assert self._start.order is not None
            self._order = np.concatenate([self._start.order(e) for e in self._epochs])
        return self._epochs.stop * steps - self.count

    def _call(self, steps: int) -> Outcome:
        program, work = self._compiled.program, self._work
        base = 0
        work.order_copies(self._swapped, self._compiled.in_memory)
        if program.batches:
            work.bind_order(address_of(self._order))
            base = self._epochs.start * program.batches.steps_per_epoch
        machine_code, table = self._compiled.code, ctypes.addressof(work.table)
        evaluation = self._compiled.evaluation
        if evaluation is not None:
            work.bind_evaluation()
        before, is_in_parts = work.integers.item(COUNT), evaluation is not None
        tier, started = self._compiled.tier, time.perf_counter()
        sizes = self._compiled.bytes_called_back
        with thread_pool.at_work(self._compiled.shares_work), while_called_back(sizes):
            code: int = machine_code.call(table, steps, base)
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

"""Descents that look at the device once in several iterations.

Iterations are queued one after the other without waiting for the device; then the run looks at
their codes. What was computed beyond the end is discarded, so that the result is, in every bit,
that of a run that looks at each iteration. Point, state and history stay on the device.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.engines.batch import DIVERGED
from steepest.engines.program import Iteration, Program
from steepest.engines.protocol import Outcome, Recording, Snapshot, Start
from steepest.engines.pytorch.capture import Capture, copied
from steepest.engines.pytorch.chain import UNKNOWN_PATH, Made, Point, Step
from steepest.engines.stepwise import Arithmetic

_MOST_KEPT = 1 << 28
"""Bytes of points, states and gradients that are kept until the next look."""

_MOST_AHEAD = 4096
"""Largest number of iterations between two looks."""


def most_ahead(iteration: Iteration) -> int:
    """Return how many iterations memory allows between two looks."""
    kept = (iteration.x, iteration.gradient, *iteration.state, *iteration.report)
    size = sum(node.size * node.dtype.itemsize for node in kept)
    return max(1, min(_MOST_AHEAD, _MOST_KEPT // max(size, 1)))


@dataclass(frozen=True)
class Steps:
    """A descent's iterations, and how they are run.

    Attributes
    ----------
    full, tail
        The iteration, and that on the last batch of an epoch if it is smaller.
    ahead
        Largest number of iterations between two looks.
    arithmetic
        Conversions between arrays and tensors.
    capture
        Records iterations as a CUDA graph; None to queue them one by one.
    """

    full: Step
    tail: Step | None
    ahead: int
    arithmetic: Arithmetic
    capture: Callable[..., Capture | None] | None = None


class Now(NamedTuple):
    """Where a run is; losses are numbers, or tensors with one number."""

    x: Any
    previous_x: Any
    state: tuple[Any, ...]
    made: int
    counted: Any
    loss: Any
    previous_loss: Any
    loss_before: Any


class Piece(NamedTuple):
    """A part of the history, on the device."""

    columns: tuple[Any, ...]
    due: Any
    xs: Any


def _joined(torch: Any, parts: Sequence[Any]) -> Any:
    """Return tensors, or tuples of them, one after the other; None if there are none."""
    if isinstance(parts[0], tuple):
        return [_joined(torch, column) for column in zip(*parts, strict=True)]
    return None if parts[0] is None else torch.cat(parts)


class AheadRun:
    """A descent that looks at the device once in several iterations.

    Parameters
    ----------
    torch
        The module.
    program, start
        The descent, and where it starts.
    steps
        Its iterations.
    """

    def __init__(self, torch: Any, program: Program, start: Start, steps: Steps) -> None:
        self._torch, self._program, self._start, self._steps = torch, program, start, steps
        tensor, self._array = steps.arithmetic.from_array, steps.arithmetic.to_array
        self.tiers = dict[str, float]()
        self.reason = 0
        self._report: Sequence[Any] = ()
        self._gradient: Any = None
        self._recording, self._pieces = Recording(), list[Piece]()
        x = tensor(start.x)
        previous_x = x if start.previous_x is None else tensor(start.previous_x)
        nan, before = float("nan"), start.previous_loss
        counted = tensor(np.array(start.count, np.int64))
        state = tuple(map(tensor, start.state))
        self._now = Now(x, previous_x, state, start.count, counted, before, nan, before)
        self._data = list(map(tensor, start.data))
        self._tail_data = list(map(tensor, start.tail_data))
        self._epoch, self._rows = -1, None
        self._captured: Capture | None = None
        self._captures = steps.capture is not None

    @property
    def count(self) -> int:
        return self._now.made

    @property
    def x(self) -> np.ndarray:
        return self._array(self._now.x)

    @property
    def previous_x(self) -> np.ndarray:
        return self._array(self._now.previous_x)

    @property
    def state(self) -> list[np.ndarray]:
        return [self._array(value) for value in self._now.state]

    @property
    def loss(self) -> float:
        return float(self._now.loss)

    @property
    def previous_loss(self) -> float:
        return float(self._now.previous_loss)

    @property
    def gradient(self) -> np.ndarray:
        return self._array(self._gradient)

    @property
    def report(self) -> list[np.ndarray]:
        return [self._array(value) for value in self._report]

    @property
    def recording(self) -> Recording:
        """The history so far, copied from the device when it is read."""
        if self._pieces:
            columns, due, xs = (
                _joined(self._torch, parts) for parts in zip(*self._pieces, strict=True)
            )
            arrays = [self._array(column) for column in columns]
            is_due = slice(None) if due is None else self._array(due)
            arrays = [array[is_due] for array in arrays]
            if len(arrays[0]):
                self._recording.columns.append(tuple(arrays))
                if xs is not None:
                    self._recording.xs.append(self._array(xs)[is_due])
            self._pieces.clear()
        return self._recording

    @recording.setter
    def recording(self, earlier: Recording) -> None:
        self._recording = earlier
        self._pieces.clear()

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return a function that returns the run's current state, also after later updates."""
        now, array = self._now, self._array

        def read() -> Snapshot:
            return Snapshot(
                array(now.x),
                array(now.previous_x),
                list(map(array, now.state)),
                now.made,
                float(now.loss_before),
            )

        return read

    def release(self) -> None:
        """Give the memory of captured iterations back."""
        self._captured = None

    def advance(self, steps: int) -> Outcome:
        """Make at most `steps` updates."""
        began, outcome, name = time.perf_counter(), Outcome.PAUSED, "torch"
        while steps > 0 and outcome is Outcome.PAUSED:
            made = self._replayed(steps)
            is_replayed = made is not None
            if made is None:
                made = self._queued(min(steps, self._steps.ahead, self._until_epoch_ends()))
            outcome, steps = self._look(made), steps - len(made)
            if is_replayed:  # the next replay writes into the same memory
                self._keep()
                name = "torch, captured"
        self.tiers[name] = self.tiers.get(name, 0.0) + time.perf_counter() - began
        return outcome

    def _queued(self, number: int) -> list[Made]:
        """Queue iterations one by one."""
        now, made = self._now, list[Made]()
        x, counted, state = now.x, now.counted, now.state
        for i in range(number):
            step, data, rows = self._batch(now.made + i)
            made.append(step.compute(Point(x, counted, state, data, rows)))
            x, counted, state = made[-1].next_x, made[-1].next_count, made[-1].next_state
        return made

    def _batch(self, count: int) -> tuple[Step, Sequence[Any], Any]:
        """Return the iteration after `count` updates, its data and the rows of its batch."""
        plan, steps = self._program.batches, self._steps
        if plan is None:
            return steps.full, self._data, None
        epoch, number = divmod(count, plan.steps_per_epoch)
        if epoch != self._epoch:
            assert self._start.pieces is not None
            order = np.concatenate(list(self._start.pieces(epoch)))
            self._rows = steps.arithmetic.from_array(order)
            self._epoch = epoch
        assert self._rows is not None
        rows = self._rows[number * plan.size : (number + 1) * plan.size]
        if steps.tail is not None and len(rows) < plan.size:
            return steps.tail, self._tail_data, rows
        return steps.full, self._data, rows

    def _replayed(self, steps: int) -> list[Made] | None:
        """Replay captured iterations; None if there are none that fit."""
        capture, plan, now = self._steps.capture, self._program.batches, self._now
        if capture is None or not self._captures:
            return None
        rows, length = None, min(self._steps.ahead, Capture.LENGTH)
        if plan is not None:
            length = min(length, plan.samples // plan.size)
        if steps < length:
            return None
        if plan is not None:
            number = now.made % plan.steps_per_epoch
            if number + length > plan.samples // plan.size:
                return None
            self._batch(now.made)
            assert self._rows is not None
            rows = self._rows[number * plan.size : (number + length) * plan.size]
            rows = rows.reshape(length, plan.size)
        start = Point(now.x, now.counted, now.state, self._data, rows)
        if self._captured is None:
            self._captured = capture(self._steps.full, start, length)
            self._captures = self._captured is not None
        return None if self._captured is None else self._captured.replay(start)

    def _until_epoch_ends(self) -> int:
        """Return how many iterations are queued at most, lest a replay miss the next epoch."""
        plan = self._program.batches
        if plan is None or not self._captures:
            return _MOST_AHEAD
        return plan.steps_per_epoch - self._now.made % plan.steps_per_epoch

    def _look(self, made: Sequence[Made]) -> Outcome:
        """Wait for iterations, and take over those that the run makes."""
        codes = self._array(self._torch.stack([one.code for one in made]))
        ends = np.flatnonzero(codes)
        complete = int(ends[0]) if ends.size else len(made)
        code = int(codes[complete]) if ends.size else 0
        is_known = code != UNKNOWN_PATH
        evaluated = complete + (1 if ends.size and is_known else 0)
        now = self._now
        if evaluated:
            self._record(made[:evaluated])
            self._gradient = made[evaluated - 1].gradient
        losses = [now.previous_loss, now.loss, *(one.loss for one in made[:evaluated])]
        points = [now.previous_x, now.x, *(one.next_x for one in made[:complete])]
        after = made[complete - 1] if complete else None
        self._now = Now(
            points[-1],
            points[-2],
            after.next_state if after else now.state,
            now.made + complete,
            after.next_count if after else now.counted,
            losses[-1],
            losses[-2],
            losses[complete + 1] if complete or evaluated else now.loss_before,
        )
        if not is_known:
            return Outcome.NEW_PATH
        if code == DIVERGED:
            return Outcome.DIVERGED
        if code:
            self.reason, self._report = code, made[complete].report
            return Outcome.STOPPED
        return Outcome.PAUSED

    def _keep(self) -> None:
        """Copy what is kept of iterations that will be replayed."""
        copies = functools.partial(copied, self._torch)
        x, previous_x, state, made, *others = self._now
        x, previous_x, *others = copies([x, previous_x, *others])
        self._now = Now(x, previous_x, copies(state), made, *others)
        self._report = copies(self._report)
        (self._gradient,) = copies([self._gradient])

    def _record(self, made: Sequence[Made]) -> None:
        if not made[0].records:
            return
        stack = self._torch.stack
        columns = tuple(map(stack, zip(*(one.records for one in made), strict=True)))
        due = None if made[0].due is None else stack([one.due for one in made])
        xs = None
        if self._program.record_x:
            xs = stack([self._now.x, *(one.next_x for one in made[:-1])])
        self._pieces.append(Piece(columns, due, xs))

"""Runs that are over, or wait for a new path, as plain values: what another process sends back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from steepest.engines.protocol import Outcome, Recording, Run, Snapshot


@dataclass(frozen=True)
class Finished:
    """The end of a run.

    Attributes
    ----------
    outcome
        Why it returned; ``PAUSED`` if the call was over.
    count, x, previous_x, state, loss, previous_loss, gradient, reason, report
        As in :class:`steepest.engines.Run`.
    """

    outcome: Outcome
    count: int
    x: np.ndarray
    previous_x: np.ndarray
    state: Sequence[np.ndarray]
    loss: float
    previous_loss: float
    gradient: np.ndarray | None
    reason: int
    report: Sequence[np.ndarray]

    @classmethod
    def of(cls, run: Run, outcome: Outcome) -> Finished:
        """Return copies of what a run ended with."""
        is_at_point = outcome in (Outcome.STOPPED, Outcome.DIVERGED)
        return cls(
            outcome,
            run.count,
            np.array(run.x),
            np.array(run.previous_x),
            [np.array(value) for value in run.state],
            run.loss,
            run.previous_loss,
            np.array(run.gradient) if is_at_point else None,
            run.reason,
            [np.array(value) for value in run.report] if outcome is Outcome.STOPPED else (),
        )


class FinishedRun:
    """A run in another process, at its end; see ``engines.protocol.Run``.

    Parameters
    ----------
    end
        What it ended with.
    """

    def __init__(self, end: Finished) -> None:
        self.recording, self.tiers = Recording(), dict[str, float]()
        self.count, self.reason, self.report = end.count, end.reason, list(end.report)
        self.x, self.previous_x, self.state = end.x, end.previous_x, list(end.state)
        self.loss, self.previous_loss = end.loss, end.previous_loss
        self._gradient = end.gradient

    @property
    def gradient(self) -> np.ndarray:
        assert self._gradient is not None, "the run is over"
        return self._gradient

    def advance(self, steps: int) -> Outcome:
        """Raise: the run is over."""
        raise AssertionError("a finished run does not go on")

    def snapshot(self) -> Callable[[], Snapshot]:
        """Return a function that returns the run's state."""
        now = Snapshot(self.x, self.previous_x, self.state, self.count, self.previous_loss)
        return lambda: now

    def release(self) -> None:
        """Do nothing: no memory is shared."""

"""A candidate of sequential quadratic programming, and whether it is accepted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Incumbent
from steepest.descent.methods.constrained.measures import (
    MARGIN,
    Filter,
    is_better,
    scale_of,
    scaled,
    size_of,
    violations,
)
from steepest.descent.methods.trust_region import ENOUGH
from steepest.descent.problem.bounds import Box


class Candidate(NamedTuple):
    """A candidate, with its constraints scaled.

    Attributes
    ----------
    x, loss
        The point and its loss.
    scale, values, limits, box
        Factors of the constraints, their scaled values, limits of these, and bounds.
    violation
        Sum of the violations.
    has_moved, counts
        Whether it is not the current iterate, and whether it may also be accepted.
    ratio
        Ratio of actual to predicted decrease of loss and priced violations.
    noise
        Rounding error of a difference of losses.
    """

    x: Any
    loss: Any
    scale: Any
    values: Any
    limits: tuple[Any, Any]
    box: Box
    violation: Any
    has_moved: Any
    counts: Any
    ratio: Any
    noise: Any

    @classmethod
    def of(cls, base: Incumbent, trial: Any, state: Any, is_first: Any) -> Candidate:
        """Return the candidate of an evaluation."""
        x, dtype, box = trial.x, trial.x.dtype, trial.box
        scale = np.where(is_first, scale_of(trial.constraint_jacobian), state.scale)
        values = scale * trial.constraints
        limits = scaled(trial.lower_limits, scale), scaled(trial.upper_limits, scale)
        violation = np.sum(violations(values, *limits))
        drop = base.loss - trial.loss + state.price * (state.violation - violation)
        quiet = 10 * float(np.finfo(dtype).eps)
        noise = quiet * np.abs(base.loss)
        rounding = noise + quiet * state.price * size_of(state.model.values, *limits)
        slopes = np.sum(trial.gradient) + np.sum(trial.constraint_jacobian)
        is_finite = np.isfinite(trial.loss) & np.isfinite(violation) & np.isfinite(slopes)
        has_moved = np.any(x != base.x)
        counts = has_moved & is_finite
        ratio = np.where(counts, (drop + rounding) / (state.predicted + rounding), -np.inf)
        return cls(
            x, trial.loss, scale, values, limits, box, violation, has_moved, counts, ratio, noise
        )

    def judged(self, base: Incumbent, state: Any, is_first: Any) -> tuple[Any, Filter]:
        """Return whether the candidate is accepted, and the next filter.

        A step that is to lower the loss must do so; another may lower the violation instead. A
        step that cannot satisfy the linearized constraints must lower loss and priced violations,
        and one from where no step does must lower the violations.
        """
        better = is_better(self.violation, self.loss, state.violation, base.loss, self.noise)
        better = better & state.filter.accepts(self.violation, self.loss, self.noise)
        is_for_loss = state.loss_drop > 1e-4 * np.square(state.violation)
        falls = base.loss - self.loss + self.noise >= ENOUGH * (state.loss_drop + self.noise)
        passes = self.counts & better & state.is_consistent & (falls | ~is_for_loss)
        falls = (self.ratio > ENOUGH) & ~state.is_stuck
        falls = falls | (self.violation < (1 - MARGIN) * state.violation) & state.is_stuck
        accepted = is_first | passes | (~state.is_consistent & self.counts & falls)
        is_added = passes & ~is_for_loss & ~is_first
        return accepted, state.filter.with_point(is_added, state.violation, base.loss)

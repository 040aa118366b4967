"""Nonlinear conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.evaluation import Evaluation
from steepest.descent.methods.along import Along, Line
from steepest.descent.methods.line_search import LineSearch, StrongWolfe


@dataclass(frozen=True)
class NonlinearCG(Along):
    """Nonlinear conjugate gradients of Polak and Ribière (1969), restarted where they ascend.

    Parameters
    ----------
    search
        The line search.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(np.arange(1, 6) * x**2), np.ones(5),
    ...                   method=st.NonlinearCG())
    >>> bool(run.converged)
    True
    """

    search: LineSearch = field(default_factory=lambda: StrongWolfe(1e-4, flatness=0.1))

    def empty_memory(self, x: Any) -> Any:
        return np.zeros_like(x)  # the share of the last direction that stays

    def remember(
        self, memory: Any, line: Line, step: Any, change: Any, gradient: Any, counts: Any
    ) -> Any:
        share = np.sum(gradient * change) / np.sum(np.square(line.gradient))
        return np.where(counts, np.maximum(share, 0.0) * line.direction, memory)

    def direction(self, memory: Any, gradient: Any, trial: Evaluation) -> Any:
        return memory - gradient

    def first_step(self, line: Line, slope: Any) -> Any:
        # As far as promises the decrease of the last step (Nocedal and Wright 3.60).
        return line.step * line.slope / slope

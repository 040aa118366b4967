"""The point of a run between two iterations, for all kinds of methods."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.iteration.step import SearchState
from steepest.descent.methods.base import Search
from steepest.engines import Run


class Standing(NamedTuple):
    """The point of a run between two iterations.

    Attributes
    ----------
    x
        The parameters as a vector.
    loss
        The last computed loss: at `x` for a :class:`Search`, before the last update otherwise.
    iterations
        Number of updates made.
    evaluations
        Number of evaluations of loss and gradient.
    """

    x: np.ndarray
    loss: float
    iterations: int
    evaluations: int


def standing(method: Any, run: Run) -> Standing:
    """Return the point of a run."""
    if not isinstance(method, Search) or run.count == 0:
        return Standing(run.x, run.loss, run.count, run.count)
    state = SearchState.last_of(run.state)
    base = state.base
    return Standing(base.x.astype(run.x.dtype), float(base.loss), int(state.iteration), run.count)

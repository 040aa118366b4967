"""Where a run stands, whatever kind of method drives it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.base import Search
from steepest.engines import Run


class Standing(NamedTuple):
    """Where a run stands between two iterations.

    Attributes
    ----------
    x
        The parameters as a vector.
    loss
        The loss last computed: there, or before the last update of a method that does not
        search.
    iterations
        Updates made.
    evaluations
        How often loss and gradient were computed.
    """

    x: np.ndarray
    loss: float
    iterations: int
    evaluations: int


def standing(method: Any, run: Run) -> Standing:
    """Return where a run stands."""
    if not isinstance(method, Search) or run.count == 0:
        return Standing(run.x, run.loss, run.count, run.count)
    x, loss, _, iteration = run.state[-4:]
    return Standing(x.astype(run.x.dtype), float(loss), int(iteration), run.count)

"""What SciPy's results of fits are asked for, and ours answer to."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.graph import trees

NAMES = (
    *("x", "cost", "fun", "jac", "grad", "optimality", "active_mask"),
    *("nfev", "njev", "status", "message", "success"),
)
"""The names in SciPy's results of least squares."""

NAMES_OF_CURVES = ("popt", "pcov", "infodict", "mesg", "ier")
"""Those of what ``curve_fit`` returns."""

IER = {
    "ITERATION_LIMIT": 5, "LIMIT": 5, "TIME_LIMIT": 5, "STALLED": 7,
    "CALLBACK": -1, "INTERRUPTED": -1,
}  # fmt: skip
"""Numbers for how a fit ended that did not converge; 0 for anything else."""


def optimality(gradient: Any, free: np.ndarray) -> float:
    """Return the largest slope by a free parameter."""
    slopes = np.concatenate([np.ravel(slope) for slope in trees.leaves(gradient)])
    return float(np.max(np.abs(slopes[free]), initial=0.0))


def infodict(
    evaluations: int, residuals: np.ndarray, triangle: np.ndarray | None
) -> dict[str, Any]:
    """Return what ``curve_fit`` calls so; `triangle` is that of [J r], if there is one."""
    known: dict[str, Any] = {"nfev": evaluations, "fvec": residuals}
    if triangle is None:
        return known
    number = triangle.shape[1] - 1
    known["fjac"] = np.zeros((number, residuals.size), triangle.dtype)
    known["fjac"][:, :number] = triangle[:, :-1].T
    known["ipvt"] = np.arange(number, dtype=np.int32)
    known["qtf"] = triangle[:, -1].copy()
    return known

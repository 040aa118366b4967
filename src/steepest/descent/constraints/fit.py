"""The result of a fit with constraints: multipliers, and statistics along what is active."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steepest.descent.constraints.result import OURS, SCIPYS
from steepest.descent.inference.fit import Fit
from steepest.descent.results.covariance import covariance_from_r
from steepest.descent.results.keyed_result import of_run
from steepest.lazy import lazy


class ConstrainedFit(Fit):
    """What :func:`least_squares` returns if there are constraints.

    The covariance is that of the parameters along the constraints that are on a limit: to first
    order they stay there. An equation, or an active inequality, leaves one parameter less to be
    determined.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> y = np.array([0.2, 0.5, 0.4])
    >>> whole = st.Constraint(np.sum, lower=1.0, upper=1.0)
    >>> fit = st.least_squares(lambda x: x - y, np.ones(3) / 3, constraints=whole)
    >>> fit.x.round(4), float(fit.multipliers.round(4)), fit.degrees_of_freedom
    (array([0.1667, 0.4667, 0.3667]), -0.0333, 1)
    >>> np.abs(np.ones(3) @ fit.covariance).max() < 1e-12
    np.True_
    """

    def _names(self) -> Sequence[str]:
        return (*super()._names(), *OURS, *SCIPYS)

    multipliers = of_run("multipliers", "Derivatives of the least loss by the limits.")
    bound_multipliers = of_run("bound_multipliers", "Derivatives of the least loss by the bounds.")
    constraint_values = of_run("constraint_values", "The values of the constraints.")
    active_constraints = of_run("active_constraints", "Which values are on a limit.")
    constraint_violation = of_run("constraint_violation", "The largest violation of a limit.")
    kkt_residual = of_run("kkt_residual", "The largest error in the conditions of an optimum.")
    constr_violation = of_run("constr_violation", "The largest violation, under SciPy's name.")
    maxcv = of_run("maxcv", "The largest violation, under SciPy's name.")

    @lazy
    def _tangents(self) -> np.ndarray:
        """Directions of the parameters not on a bound that keep what is active, shape (f, k)."""
        normals = self.run.active_normals[:, self.is_free]  # type: ignore[attr-defined]
        normals = normals[np.isfinite(normals).all(axis=1)]
        if not len(normals):
            return np.eye(normals.shape[1])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        unit = normals / np.where(lengths > 0, lengths, 1.0)
        _, values, vectors = np.linalg.svd(unit)
        rank = int(np.sum(values > 1e-10))
        return np.asarray(vectors[rank:].T)

    @lazy
    def free_count(self) -> int:
        """The number of directions in which the parameters can move."""
        return int(self._tangents.shape[1])

    @lazy
    def _unscaled_covariance(self) -> tuple[np.ndarray, int]:
        """The covariance for residuals of variance 1, and the rank of J along what is active."""
        along, number = self._tangents, int(np.sum(self.is_free))
        if not along.shape[1]:
            return np.zeros((number, number)), 0
        inverse, rank = covariance_from_r(
            self.factor[:, self.is_free] @ along, self.end.observations
        )
        if rank < along.shape[1]:
            return np.full((number, number), np.inf), rank
        return along @ inverse @ along.T, rank

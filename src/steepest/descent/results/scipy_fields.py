"""The fields of SciPy's fit results, computed from ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.evaluation import robust_curvature
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.graph import trees
from steepest.lazy import lazy

LEAST_SQUARES_KEYS = (
    *("x", "cost", "fun", "jac", "grad", "optimality", "active_mask"),
    *("nfev", "njev", "status", "message", "success"),
)
"""The names in the result of SciPy's ``least_squares``."""

CURVE_FIT_KEYS = ("popt", "pcov", "infodict", "mesg", "ier")
"""The names in what ``curve_fit`` returns with ``full_output=True``."""

IER = {
    "ITERATION_LIMIT": 5, "LIMIT": 5, "TIME_LIMIT": 5, "STALLED": 7,
    "CALLBACK": -1, "INTERRUPTED": -1, "CLUSTER_LOST": -1,
}  # fmt: skip
"""Numbers for how a fit ended that did not converge; 0 for anything else."""


class ScipyFields(FitStatistics):
    """Fields of SciPy's fit results whose names differ from steepest's."""

    @property
    def nit(self) -> int:
        """The number of iterations, under SciPy's name."""
        return self.run.iterations

    @property
    def nfev(self) -> int:
        """The number of evaluations, under SciPy's name."""
        return self.run.evaluations

    @property
    def njev(self) -> int:
        """The number of Jacobians: one for each evaluation."""
        return self.run.evaluations

    @property
    def success(self) -> bool:
        """Whether the descent met a goal, under SciPy's name."""
        return self.run.converged

    @property
    def popt(self) -> Any:
        """The parameters, under SciPy's name."""
        return self.x

    @property
    def pcov(self) -> np.ndarray:
        """The covariance, under SciPy's name."""
        return self.covariance

    @property
    def fun(self) -> np.ndarray:
        """The residuals, under SciPy's name."""
        return self.residuals

    @lazy
    def jac(self) -> np.ndarray:
        """The Jacobian, under SciPy's name.

        As in SciPy, its rows are weighted by a robust loss, so that ``jac.T @ jac`` is close to
        the Hessian of the cost. :attr:`jacobian` is without these weights.
        """
        objective = self.problem.objective
        if objective.rho is None:
            return self.jacobian

        def curvature(residual: Any) -> Any:
            return robust_curvature(residual, objective.traced_rho, objective.scale)[2]

        factors = np.maximum(Function(curvature)(self.residuals), np.finfo(np.float64).eps)
        return np.asarray(np.sqrt(factors)[:, None] * self.jacobian)

    @property
    def grad(self) -> Any:
        """The gradient of the cost, under SciPy's name."""
        return self.run.gradient

    @property
    def active_mask(self) -> Any:
        """Which parameters are on a bound, under SciPy's name; zeros if there are no bounds."""
        if self.run.active is not None:
            return self.run.active
        return self.problem.layout.unpack(np.zeros(len(self.vector), int), np.dtype(int))

    @property
    def optimality(self) -> float:
        """The largest absolute gradient by a free parameter, under SciPy's name."""
        slopes = np.concatenate([np.ravel(slope) for slope in trees.leaves(self.run.gradient)])
        return float(np.max(np.abs(slopes[self.is_free]), initial=0.0))

    @property
    def infodict(self) -> dict[str, Any]:
        """The dict that SciPy's ``curve_fit`` returns with ``full_output=True``.

        Without bounds, ``fjac.T`` is R of the Jacobian's QR decomposition, without pivoting, and
        ``qtf`` is Q.T times the residuals.
        """
        known: dict[str, Any] = {"nfev": self.nfev, "fvec": self.residuals}
        if self.end.box is not None or self.is_robust:
            return known
        triangle, number = self._r_and_qtr, len(self.vector)
        known["fjac"] = np.zeros((number, self.residuals.size), triangle.dtype)
        known["fjac"][:, :number] = triangle[:, :-1].T
        known["ipvt"] = np.arange(number, dtype=np.int32)
        known["qtf"] = triangle[:, -1].copy()
        return known

    @property
    def mesg(self) -> str:
        """The message, under SciPy's name."""
        return self.message

    @property
    def ier(self) -> int:
        """The number that SciPy's ``curve_fit`` returns with ``full_output=True``.

        1 if the fit converged, 5 at a limit, 7 if no better point was found, -1 if the callback
        or the user ended it, else 0.
        """
        return 1 if self.run.converged else IER.get(self.run.status.name, 0)

"""A fitted curve: its values, their variance, and the scatter of observations."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.derivative import Function
from steepest.descent.iteration.problem import Problem
from steepest.descent.problem.data import Data
from steepest.descent.problem.evaluation import call_at, curve_slopes
from steepest.descent.problem.in_blocks.fit_data import any_in_blocks, opened_data, real_x
from steepest.descent.problem.in_blocks.row_by_row import values_in_blocks
from steepest.descent.problem.transforms import Reparametrization
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.errors import InputError
from steepest.graph import trees
from steepest.streams import Source

_DIFFER = (
    "the standard deviations of the data differ from point to point: give those at x, sigma=..."
)


def _extremes(sigma: Any) -> Any:
    return np.min(np.abs(sigma)), np.max(np.abs(sigma))


_EXTREMES = Function(_extremes)


class FittedCurve(NamedTuple):
    """A model at the parameters of a fit.

    Attributes
    ----------
    data
        Model and data.
    problem
        The problem that was solved.
    vector
        The free parameters, shape (n,).
    expand
        Map from the free parameters to all; None if no start value is marked.
    """

    data: Data
    problem: Problem
    vector: np.ndarray
    expand: Reparametrization | None

    def at(self, x: Any, parameters: Any) -> np.ndarray:
        """Return the model's values at x."""
        (x,) = (x,) if x is self.data.x else opened_data("native", x, names=("x",))
        x = self._as_fitted(x)
        if any_in_blocks(x):
            user = getattr(self.data.model, "model", self.data.model)
            return values_in_blocks(lambda x: self.data.model(x, parameters), x, user)
        return self.everywhere(x, np.asarray(self.data.model(x, parameters)))

    def sums_of_squares(self) -> tuple[float, float]:
        """Return the sum of squares of y around its mean, and around the model."""
        model, layout, expand = self.data.model, self.problem.layout, self.expand

        def sums(vector: Any, x: Any, y: Any) -> Any:
            expected = call_at(model, layout, expand, vector, lambda p: (x, p))
            return np.sum(np.square(y - np.mean(y))), np.sum(np.square(y - expected))

        total, rest = Function(sums)(self.vector, self.data.x, self.data.y)
        return float(total), float(rest)

    def variance(self, x: Any, covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the model's values at x and their variances, given the covariance of `vector`."""
        model, layout, expand = self.data.model, self.problem.layout, self.expand

        def curve_at(vector: Any, at: Any) -> Any:
            return curve_slopes(model, layout, expand, vector, at)

        center, slopes = Function(curve_at)(self.vector, self._as_fitted(x))
        covariance = np.where(np.isnan(covariance), 0.0, covariance)
        return center, np.einsum("...i,ij,...j->...", slopes, covariance, slopes)

    def band(
        self, fit: FitStatistics, x: Any, level: float, kind: str, sigma: Any
    ) -> tuple[Any, Any]:
        """Return a band around the curve, as :meth:`Fit.band`, by the statistics of a fit."""
        if kind not in ("mean", "prediction"):
            raise InputError(f"kind must be 'mean' or 'prediction', got {kind!r}")
        if any_in_blocks(x):
            raise InputError("a band needs x in memory: give some rows, x.read(0, 1000)")
        center, variance = self.variance(x, fit.free_covariance)
        if kind == "prediction":
            unit = 1.0 if fit.absolute_sigma else fit.reduced_chi_square
            variance = variance + unit * np.square(self.scatter(x, sigma))
        half_width = fit.quantile(level) * np.sqrt(variance)
        return self.everywhere(x, center - half_width), self.everywhere(x, center + half_width)

    @property
    def deviations(self) -> np.ndarray | None:
        """The standard deviations of the data, in the shape of y; None if they are not known."""
        if self.data.kind == "none":
            return None
        known = np.asarray(self.problem.args[2], np.float64)
        if self.data.kind == "matrix":  # args hold its whitening matrix
            known = np.sqrt(np.sum(np.square(np.linalg.inv(known)), axis=1))
        return known

    def scatter(self, x: Any, sigma: Any) -> Any:
        """Return the standard deviations of observations at x, in the units of y."""
        if sigma is not None:
            return np.asarray(sigma, np.float64)
        if self.data.kind == "each" and isinstance(self.problem.args[2], Source):
            least, most = _EXTREMES(self.problem.args[2])
            if most - least <= 1e-9 * most:
                return float(most)
            raise InputError(_DIFFER)
        known = self.deviations
        if known is None:
            return 1.0
        if np.ptp(known) <= 1e-9 * np.max(known):
            return known.flat[0]
        fitted, given = trees.leaves(self.data.x), trees.leaves(self._as_fitted(x))
        if len(fitted) == len(given) and all(map(np.array_equal, fitted, given)):
            return known
        raise InputError(_DIFFER)

    def everywhere(self, x: Any, expected: np.ndarray) -> np.ndarray:
        """Return values of the model for each point of x; a constant model is broadcast."""
        if expected.shape not in ((), (1,)):
            return expected
        points = np.shape(trees.leaves(self._as_fitted(x))[0])[-1:]
        return np.broadcast_to(expected, self.data.y.shape if x is self.data.x else points)

    def _as_fitted(self, x: Any) -> Any:
        """Return x as the model got it in the fit: lists and tables become arrays."""
        is_own = x is self.data.x
        return x if is_own else real_x(x, self.problem.layout.dtype == np.float32)

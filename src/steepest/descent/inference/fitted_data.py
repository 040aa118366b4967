"""Data, and what a fit says of them: of all its data, or of some rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.inference.frames import standardized_residuals
from steepest.descent.problem.data import Data
from steepest.descent.problem.in_blocks.fit_data import any_in_blocks
from steepest.descent.results.fit_predict import FittedCurve
from steepest.descent.results.fit_statistics import FitStatistics


@dataclass(frozen=True, eq=False)
class FittedData:
    """Some data of a fit. The parameters, their errors and the scatter are from all of its data.

    Attributes
    ----------
    fit
        The fit.
    all_data
        All data of the fit.
    curve
        The model of these data, with their standard deviations.
    rows
        Which residuals of the fit are theirs.
    """

    fit: FitStatistics
    all_data: Data
    curve: FittedCurve
    rows: slice

    @classmethod
    def of(cls, fit: FitStatistics, data: Data) -> FittedData:
        """Return all data of a fit."""
        return cls(fit, data, FittedCurve(data, fit.problem, fit.vector, fit.expand), slice(None))

    @classmethod
    def part_of(cls, fit: FitStatistics, data: Data, part: Data, rows: slice) -> FittedData:
        """Return some rows of the data of a fit, with the model and the data that they are."""
        sigma = fit.problem.args[2:]
        args = part.x, part.y, *[one[rows] for one in sigma]
        problem = fit.problem._replace(args=args)
        return cls(fit, data, FittedCurve(part, problem, fit.vector, fit.expand), rows)

    @property
    def data(self) -> Data:
        """Model and data."""
        return self.curve.data

    @property
    def deviations(self) -> np.ndarray | None:
        """The standard deviations of the data, in the shape of y; None if they are not known."""
        return self.curve.deviations

    @property
    def residuals(self) -> np.ndarray:
        """The residuals of these data, as those of the fit."""
        return self.fit.residuals[self.rows]

    @property
    def standardized_residuals(self) -> np.ndarray:
        """Data minus model over the standard deviation of that difference."""
        return standardized_residuals(self.fit, self.all_data)[self.rows]

    @property
    def r_squared(self) -> float:
        """The share of y's variance that the model explains."""
        if any_in_blocks(self.data.x, self.data.y):
            total, rest = self.curve.sums_of_squares()
            return 1 - rest / total if total else math.nan
        y = self.data.y
        total = float(np.sum(np.square(y - np.mean(y))))
        with np.errstate(all="ignore"):  # the fit may have ended where the model is not finite
            rest = float(np.sum(np.square(y - self.predict(self.data.x))))
        return 1 - rest / total if total else math.nan

    def predict(self, x: Any) -> np.ndarray:
        """Return the model's values at x."""
        return self.curve.at(x, self.fit.x)

    def band(
        self, x: Any, level: float = 0.95, kind: str = "mean", sigma: Any = None
    ) -> tuple[Any, Any]:
        """Return a confidence or prediction band around the curve."""
        return self.curve.band(self.fit, x, level, kind, sigma)

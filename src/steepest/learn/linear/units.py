"""Units of features in which a linear model is fitted."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.streams import Source

ROUNDING = 8
"""How many roundings are no more than that, for features and for slopes."""


class Units(NamedTuple):
    """Where features are centered, and by what they are divided.

    Attributes
    ----------
    center, scale
        In double precision, whatever the samples are.
    is_constant
        Which features do not vary beside the intercept, and get the coefficient 0.
    """

    center: np.ndarray
    scale: np.ndarray
    is_constant: np.ndarray

    def standardized(self, X: Any) -> Any:
        """Return standardized samples, in an array or read in blocks."""
        if isinstance(X, Source):
            return X.map(self.standardized)
        standardized: np.ndarray = ((X - self.center) / self.scale).astype(X.dtype)
        standardized[:, self.is_constant] = 0
        return standardized


def root_mean_square(values: np.ndarray, weights: np.ndarray) -> Any:
    """Return the weighted root mean square of each column, without overflow or underflow."""
    peak = np.max(np.abs(values), axis=0, initial=0.0)
    peak = np.where(peak == 0, 1.0, peak)
    return peak * np.sqrt(np.average((values / peak) ** 2, axis=0, weights=weights))

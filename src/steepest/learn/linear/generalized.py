"""``GeneralizedLinear``: counts and amounts, by Poisson, gamma and Tweedie deviances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.methods import NewtonCG
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.linear.model import LinearEstimator, squared_coefficients
from steepest.learn.objective import Data, Objective
from steepest.learn.regressor import BaseRegressor


@dataclass(frozen=True)
class HalfDeviance:
    """Half a Tweedie deviance of exp(predictor), up to a constant.

    Attributes
    ----------
    power
        Power of the mean to which the variance is proportional: 1 for Poisson, 2 for gamma.
    """

    power: float

    def __call__(self, predictor: Any, y: Any) -> Any:
        """Return a loss for each row."""
        if self.power == 1:
            return np.exp(predictor) - y * predictor
        if self.power == 2:
            return predictor + y * np.exp(-predictor)
        first, second = 2 - self.power, 1 - self.power
        return np.exp(first * predictor) / first - y * np.exp(second * predictor) / second

    def admits(self, y: np.ndarray) -> Any:
        """Return which targets are possible."""
        if self.power <= 0:
            return np.isfinite(y)
        return y >= 0 if self.power < 2 else y > 0


FAMILIES = {"poisson": 1.0, "gamma": 2.0}


@hides_method_frames
class GeneralizedLinear(LinearEstimator, BaseRegressor):
    """A regressor whose prediction is the exponential of a linear function of the features.

    With the same penalty it is scikit-learn's ``PoissonRegressor``, ``GammaRegressor`` or
    ``TweedieRegressor`` with the logarithm as link, and takes bounds besides.

    Parameters
    ----------
    family : {"poisson", "gamma", "tweedie"}, optional
        Distribution of the targets.
    power : float, optional
        For ``"tweedie"``, the power of the mean to which the variance is proportional. Between 1
        and 2 the distribution has zeros and positive values.
    alpha : float, optional
        Weight of half the sum of squared coefficients, beside the mean half deviance.
    bounds, fit_intercept, method, max_iter, tol, engine : optional
        As for :class:`LinearRegression`.

    Attributes
    ----------
    coef_, intercept_, n_iter_, loss_
        As for :class:`LinearRegression`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import GeneralizedLinear
    >>> X = np.linspace(0, 2, 50)[:, None]
    >>> counts = np.round(np.exp(1.0 + 0.8 * X[:, 0]))
    >>> model = GeneralizedLinear("poisson").fit(X, counts)
    >>> round(float(model.coef_[0]), 1)
    0.8
    """

    takes_many_outputs = False
    default_method = NewtonCG()

    def __init__(
        self,
        family: str = "poisson",
        *,
        power: float = 1.5,
        alpha: float = 0.0,
        bounds: Any = None,
        fit_intercept: bool = True,
        method: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-9,
        engine: Any = "native",
    ) -> None:
        self.family = family
        self.power = power
        self.alpha = alpha
        self.bounds = bounds
        self.fit_intercept = fit_intercept
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.engine = engine

    def _deviance(self) -> HalfDeviance:
        if not isinstance(self.family, str) or self.family not in ("tweedie", *FAMILIES):
            raise InputError(
                f"{self._name} has no family {self.family!r}: write 'poisson', 'gamma' or "
                "'tweedie'"
            )
        power = FAMILIES.get(self.family, self.power)
        if not isinstance(power, int | float | np.number) or not np.isfinite(power):
            raise InputError(f"{self._name}: power must be a finite number, got {power!r}")
        power = float(power)
        if 0 < power < 1:
            raise InputError(f"{self._name}: no distribution has a power of {power}, in (0, 1)")
        return HalfDeviance(power)

    def _objective(self) -> Objective:
        penalty = squared_coefficients if self._alpha > 0 else None
        return Objective(self._model(), self._deviance(), penalty)

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        for impossible in data.y[~self._deviance().admits(data.y)][:1]:
            raise InputError(
                f"{self._name}.fit: y holds {impossible}, which is impossible for family "
                f"{self.family!r}"
            )
        mean = np.average(data.y, weights=data.weights)
        self._log_mean = np.log(mean) if mean > 0 else 0.0
        size = float(np.exp((2 - self._deviance().power) * self._log_mean))
        self._slope_sizes = size, size
        super()._train(data, outputs, one_epoch)

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        start = super()._start_values(X, outputs, random)
        if self.fit_intercept:
            start["intercept"] = start["intercept"] + X.dtype.type(self._log_mean)
        return start

    def predict(self, X: Any) -> np.ndarray:
        """Return the expected targets of samples.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Expected targets.
        """
        expected: np.ndarray = np.exp(super().predict(X))
        return expected

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = not self._deviance().admits(np.array([-1.0]))[0]
        return tags

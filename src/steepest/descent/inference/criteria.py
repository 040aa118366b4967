"""The likelihood of a fit, and the information criteria that follow from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.derivative import Function
from steepest.descent.problem.data import Data
from steepest.descent.results.scipy_fields import ScipyFields
from steepest.lazy import lazy
from steepest.streams import Source


def _sum_of_logarithms(sigma: Any) -> Any:
    return np.sum(np.log(np.abs(sigma)))


_SUM_OF_LOGARITHMS = Function(_sum_of_logarithms)


def aic(log_likelihood: float, k: int) -> float:
    """Return Akaike's information criterion for k parameters."""
    return 2 * k - 2 * log_likelihood


def aicc(log_likelihood: float, k: int, n: int) -> float:
    """Return it with the correction for few data, of which there are n."""
    rest = n - k - 1
    return aic(log_likelihood, k) + 2 * k * (k + 1) / rest if rest > 0 else math.inf


def bic(log_likelihood: float, k: int, n: int) -> float:
    """Return Schwarz's Bayesian information criterion for k parameters and n data."""
    return k * math.log(n) - 2 * log_likelihood


class Criteria(ScipyFields):
    """The log-likelihood of normally distributed errors, and information criteria.

    With known standard deviations (``absolute_sigma=True``) the free parameters are counted.
    Otherwise the size of the errors is a parameter too: the likelihood is taken at its own
    maximum-likelihood estimate, ``chi_square / observations``, and one more parameter is counted.
    Parameters that sit on a bound are not counted.
    """

    data: Data | None

    @lazy
    def log_likelihood(self) -> float:
        """Log-likelihood of the data at the fit, for normally distributed errors.

        All constants are included, as in R's ``logLik``: with s the standard deviation of a
        datum, each datum contributes ``-0.5 * (r / s)**2 - log(s) - 0.5 * log(2 * pi)``. Unless
        ``absolute_sigma`` is true, s is `sigma` (1 without one) times the root of
        ``chi_square / observations``. Data without a model, as in :func:`least_squares`, count as
        having no `sigma`. NaN for a robust loss, which has no likelihood.
        """
        number, total = self.observations, self.chi_square
        if self.is_robust or not math.isfinite(total):
            return math.nan
        constant = self._log_weight - 0.5 * number * math.log(2 * math.pi)
        if self.absolute_sigma:
            return constant - 0.5 * total
        if total == 0.0:
            return math.inf
        return constant - 0.5 * number * (math.log(total / number) + 1)

    @lazy
    def _log_weight(self) -> float:
        """The logarithm of the factor by which sigma changes the density: -sum(log(sigma))."""
        if self.data is None or self.data.kind == "none":
            return 0.0
        sigma = self.problem.args[2]
        if isinstance(sigma, Source):
            return -float(_SUM_OF_LOGARITHMS(sigma))
        sigma = np.asarray(sigma, np.float64)
        if self.data.kind == "each":
            return -float(np.sum(np.log(sigma)))
        return float(np.linalg.slogdet(sigma)[1])  # the whitening matrix, an inverse

    @property
    def likelihood_parameters(self) -> int:
        """The number of parameters that information criteria count."""
        return self.free_count + (0 if self.absolute_sigma else 1)

    @property
    def aic(self) -> float:
        """Akaike's information criterion, ``2 * k - 2 * log_likelihood``; smaller is better.

        k counts the size of the errors, unless ``absolute_sigma`` is true. This is R's ``AIC``.
        statsmodels' ``OLS`` leaves the size of the errors out, which makes it 2 less. lmfit leaves
        out constants of the data: its ``aic`` is less by ``2 + n * (1 + log(2 * pi))`` for n data
        with no `sigma`. Differences between fits of the same data are the same in all three.
        """
        return aic(self.log_likelihood, self.likelihood_parameters)

    @property
    def aicc(self) -> float:
        """:attr:`aic` with the correction for small samples; infinite for too few data.

        The correction is ``2 * k * (k + 1) / (n - k - 1)`` for n data.
        """
        return aicc(self.log_likelihood, self.likelihood_parameters, self.observations)

    @property
    def bic(self) -> float:
        """Schwarz's Bayesian information criterion, ``k * log(n) - 2 * log_likelihood``.

        k counts parameters as :attr:`aic` does. This is R's ``BIC``.
        """
        return bic(self.log_likelihood, self.likelihood_parameters, self.observations)

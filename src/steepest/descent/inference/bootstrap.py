"""Bootstraps of a fit: refits of resampled data, side by side."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.inference.profile import all_values, row_of
from steepest.descent.inference.refits import Refits, refit_resampled
from steepest.descent.results.fit_statistics import FitStatistics, check_level
from steepest.errors import InputError
from steepest.presentation import presenter

__all__ = ["Bootstrap"]

KINDS = ("residuals", "cases", "parametric")

_MOST_NUMBERS = 2**23
"""Most residuals of one batch of refits, which bounds the memory that they take."""


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Refits of resampled data.

    ``bootstrap["rate"]`` is one parameter of all refits.

    Attributes
    ----------
    fit : Fit
        The fit.
    values : ndarray
        The parameters of the refits that converged, shape (N, k).
    failed : int
        Number of refits that did not converge. They are left out.
    kind : str
        What was resampled: ``"residuals"``, ``"cases"`` or ``"parametric"``.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 4, 30)
    >>> y = 2 * np.exp(-t) + 0.05 * np.sin(40 * t)
    >>> fit = st.curve_fit(lambda t, a, rate: a * np.exp(-rate * t), t, y)
    >>> boot = fit.bootstrap(2000, seed=0)
    >>> boot.values.shape
    (2000, 2)
    >>> bool(np.allclose(boot.standard_errors, fit.standard_errors, rtol=0.1))
    True
    """

    fit: FitStatistics = field(repr=False)
    values: np.ndarray = field(repr=False)
    failed: int
    kind: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parameters, k of them."""
        return self.fit.names

    @property
    def estimate(self) -> np.ndarray:
        """The parameters of the fit, shape (k,)."""
        return self.fit.values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, name: str | int) -> np.ndarray:
        """Return one parameter of all refits, shape (N,)."""
        return self.values[:, row_of(self.names, name)]

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the parameters of the refits, shape (k, k)."""
        return np.atleast_2d(np.cov(self.values, rowvar=False))

    @property
    def standard_errors(self) -> np.ndarray:
        """Standard deviations of the parameters of the refits, shape (k,)."""
        return np.asarray(np.std(self.values, axis=0, ddof=1))

    @property
    def bias(self) -> np.ndarray:
        """Means of the refits minus the estimates, shape (k,)."""
        return np.asarray(np.mean(self.values, axis=0) - self.estimate)

    def confidence_intervals(self, level: float = 0.95, method: str = "bca") -> np.ndarray:
        """Return a confidence interval for each parameter, shape (k, 2).

        Parameters
        ----------
        level : float, optional
            Probability, in (0, 1).
        method : {"bca", "percentile"}, optional
            ``"percentile"`` for quantiles of the refits. ``"bca"`` for other quantiles of them,
            that account for bias and for a standard error that changes with the parameter [1]_.
            For cases this takes a fit without each datum in turn.

        Returns
        -------
        ndarray
            Lower and upper ends, shape (k, 2).

        Raises
        ------
        InputError
            If `level` or `method` is invalid.

        References
        ----------
        .. [1] B. Efron, "Better bootstrap confidence intervals", Journal of the American
           Statistical Association 82, 171-185, 1987.
        """
        if method not in ("bca", "percentile"):
            raise InputError(f"method must be 'bca' or 'percentile', got {method!r}")
        check_level(level)
        shares = np.array([0.5 - 0.5 * level, 0.5 + 0.5 * level])
        if method == "percentile":
            return np.asarray(np.quantile(self.values, shares, axis=0).T)
        columns = zip(self.values.T, self._bca_shares(shares), strict=True)
        return np.array([np.quantile(values, chosen) for values, chosen in columns])

    def _bca_shares(self, shares: np.ndarray) -> np.ndarray:
        """Return which quantiles of each parameter are the ends, shape (k, 2)."""
        from scipy.special import ndtr, ndtri

        below = np.mean(self.values < self.estimate, axis=0)
        below += 0.5 * np.mean(self.values == self.estimate, axis=0)
        shift = ndtri(np.clip(below, 0.5 / len(self), 1 - 0.5 / len(self)))[:, None]
        z = shift + ndtri(shares)
        moved: np.ndarray = ndtr(shift + z / (1 - self.acceleration[:, None] * z))
        return moved

    @functools.cached_property
    def acceleration(self) -> np.ndarray:
        """How fast the standard errors change with the parameters, shape (k,).

        A sixth of the skewness of the parameters, to first order in what is resampled.
        """
        return _acceleration(self.fit, self.kind)

    def __str__(self) -> str:
        text: str = presenter("tables").bootstrap(self)
        return text

    def _repr_html_(self) -> str:
        text: str = presenter("tables").bootstrap_html(self)
        return text


def bootstrap(fit: FitStatistics, number: int, kind: str, seed: Any) -> Bootstrap:
    """Return refits of resampled data; see :meth:`Fit.bootstrap`."""
    if kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    if not isinstance(number, int | np.integer) or number < 2:
        raise InputError(f"a bootstrap needs a number of refits, at least 2: got {number!r}")
    if kind == "cases" and fit.problem.objective.rho is not None:
        raise InputError(
            "resampled cases count by their squares, and this loss is robust: resample residuals"
        )
    if kind == "cases" and _has_matrix(fit):
        raise InputError("cases with a covariance are not independent: resample residuals")
    if fit.degrees_of_freedom <= 0:
        raise InputError(
            f"{fit.observations} residuals of {fit.free_count} parameters have no scatter to "
            "resample: give more data"
        )
    if fit.is_short_of_rank:
        raise InputError(f"there is no bootstrap: {' '.join(fit.remarks) or fit.message}")
    try:
        random = np.random.default_rng(seed)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"seed must be a whole number or a random generator, got {seed!r}"
        ) from error
    residuals = fit.residuals
    count = len(residuals)
    parts = []
    for first in range(0, number, _rows(count)):
        some = min(_rows(count), number - first)
        shifts, weights = np.zeros((some, count)), np.ones((some, count))
        if kind == "cases":
            weights = np.sqrt(random.multinomial(count, np.full(count, 1 / count), size=some))
        else:
            shifts = -_errors(fit, random, (some, count), kind) - residuals
        parts.append(refit_resampled(fit, shifts, weights))
    found = Refits(*[np.concatenate(part) for part in zip(*parts, strict=True)])
    good = found.converged
    if good.sum() < 2:
        raise InputError(f"{number - good.sum()} of {number} refits did not converge")
    return Bootstrap(
        fit,
        all_values(fit, found.vectors[good]),
        int(number - good.sum()),
        kind,
    )


def _has_matrix(fit: FitStatistics) -> bool:
    data = getattr(fit, "data", None)
    return data is not None and data.kind == "matrix"


def _rows(count: int) -> int:
    return max(1, _MOST_NUMBERS // count)


def _errors(
    fit: FitStatistics, random: np.random.Generator, shape: tuple[int, int], kind: str
) -> np.ndarray:
    """Return errors of data, in units of the residuals.

    Those that are drawn from the residuals are centered, and as large as the errors are: residuals
    are smaller, since the parameters follow them.
    """
    if kind == "parametric":
        size = 1.0 if fit.absolute_sigma else fit.residual_standard_deviation
        return size * random.standard_normal(shape)
    errors = np.mean(fit.residuals) - fit.residuals
    errors = errors * np.sqrt(len(errors) / fit.degrees_of_freedom)
    return np.asarray(errors[random.integers(0, len(errors), shape)])


def _acceleration(fit: FitStatistics, kind: str) -> np.ndarray:
    """Return a sixth of the skewness of the parameters, to first order in what is resampled."""
    if kind == "parametric":  # normal errors have no skewness
        return np.zeros(len(fit.names))
    if kind == "cases":
        left = _leave_one_out(fit)
        influence, moments = np.mean(left, axis=0) - left, (1.0, 1.0)
    else:
        free = fit.is_free
        influence = np.zeros((fit.observations, len(fit.vector)))
        influence[:, free] = np.linalg.pinv(fit.jacobian[:, free]).T
        influence = influence @ fit.value_slopes.T
        errors = np.mean(fit.residuals) - fit.residuals
        moments = np.mean(errors**2), np.mean(errors**3)
    spread = np.sum(influence**2, axis=0) * moments[0]
    with np.errstate(invalid="ignore", divide="ignore"):
        skewness = np.sum(influence**3, axis=0) * moments[1] / spread**1.5
    return np.asarray(np.nan_to_num(skewness / 6))


def _leave_one_out(fit: FitStatistics) -> np.ndarray:
    """Return the parameters of fits that leave out one residual each; those that converged."""
    count = fit.observations
    parts = []
    for first in range(0, count, _rows(count)):
        left = np.arange(first, min(first + _rows(count), count))
        weights = np.ones((len(left), count))
        weights[np.arange(len(left)), left] = 0.0
        found = refit_resampled(fit, np.zeros_like(weights), weights)
        parts.append(found.vectors[found.converged])
    return all_values(fit, np.concatenate(parts))

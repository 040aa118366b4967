"""``Quantile``: a linear function below which a share of the targets lies.

Without a penalty it is a linear program, which HiGHS solves exactly, as scikit-learn has it do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.descent.methods import NewtonCG
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.linear.model import LinearEstimator, squared_coefficients
from steepest.learn.objective import Data, Objective
from steepest.learn.regressor import BaseRegressor
from steepest.learn.training import Trained
from steepest.learn.watching import Watching

WIDTHS = (1.0, 0.1, 0.01, 1e-3, 1e-4)
"""Widths of the rounded kink, in units of the spread of the targets; each fit starts the next."""


def spread_of(y: np.ndarray) -> float:
    """Return the size of deviations from the median, which a few outliers do not change."""
    deviations = np.abs(y - np.median(y))
    return float(np.median(deviations)) or float(np.mean(deviations)) or 1.0


def rounded_pinball(predicted: Any, columns: Any) -> Any:
    """Return pinball losses whose kink is rounded.

    The columns are targets, widths of the kink and quantiles, so that another width or quantile
    is not compiled anew.
    """
    error, width, quantile = columns[:, 0] - predicted, columns[:, 1], columns[:, 2]
    return width * np.logaddexp(0.0, error / width) - (1 - quantile) * error


def solved(
    data: Data, quantile: float, has_intercept: bool, limits: Any, spread: float
) -> Trained:
    """Return the coefficients of least pinball loss, the solution of a linear program.

    Its variables are the coefficients, and how far each target lies above and below.

    Parameters
    ----------
    data
        Samples of standardized features.
    quantile, has_intercept
        Settings of the estimator.
    limits
        Pairs (low, high) for the coefficients, or None.
    spread
        Unit of the targets in the program.
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, eye_array, hstack

    X, y = data.X.astype(float), data.y.astype(float)
    middle = float(np.median(y)) if has_intercept else 0.0
    if has_intercept:
        X = np.column_stack([X, np.ones(len(y))])
    weights = data.weights.astype(float) / np.sum(data.weights, dtype=float)
    costs = np.concatenate([np.zeros(X.shape[1]), quantile * weights, (1 - quantile) * weights])
    above = eye_array(len(y), format="csr")
    ranges: list[Any] = [(None, None)] * X.shape[1] + [(0, None)] * (2 * len(y))
    for place, pair in enumerate(limits or ()):
        ranges[place] = tuple(None if end is None else end / spread for end in pair)
    # The intercept is counted from the median, so that outliers are large and nothing else is.
    found = linprog(
        len(y) * costs,
        A_eq=hstack([csr_array(X), above, -above], format="csr"),
        b_eq=(y - middle) / spread,
        bounds=ranges,
        method="highs",
    )
    if found.x is None:
        raise InputError(f"Quantile.fit: HiGHS finds no coefficients: {found.message}")
    dtype = data.X.dtype
    values = found.x[: X.shape[1]] * spread
    if limits is None:  # of all coefficients with these predictions, the smallest
        values = np.linalg.lstsq(X, X @ values, rcond=None)[0]
    errors = y - middle - X @ values
    losses = np.maximum(quantile * errors, (quantile - 1) * errors)
    parameters = {"coef": values[: data.X.shape[1]].astype(dtype)}
    if has_intercept:
        parameters["intercept"] = np.asarray(values[-1] + middle, dtype)
    loss = float(weights @ losses)
    return Trained(parameters, [loss], max(1, int(found.nit)), found.success, found.message)


@hides_method_frames
class Quantile(LinearEstimator, BaseRegressor):
    """Linear quantile regression.

    Without a penalty the fit is the exact solution of a linear program, unless `method` is given.
    With one, the kink of the pinball loss is rounded over a ten-thousandth of the median deviation
    of the targets, so that Newton's method applies.

    Parameters
    ----------
    quantile : float, optional
        Share of the targets below the prediction, between 0 and 1.
    alpha : float, optional
        Weight of half the sum of squared coefficients, beside the mean loss.
    bounds, fit_intercept : optional
        As for :class:`LinearRegression`.
    method, max_iter, tol, engine : optional
        As for :class:`LinearRegression`; the linear program does not need them.

    Attributes
    ----------
    coef_, intercept_, n_iter_, loss_
        As for :class:`LinearRegression`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import Quantile
    >>> random = np.random.default_rng(0)
    >>> X = random.uniform(0, 1, (500, 1))
    >>> y = X[:, 0] + random.exponential(size=500)
    >>> high = Quantile(0.9).fit(X, y)
    >>> round(float(np.mean(y < high.predict(X))), 2)
    0.9
    """

    takes_many_outputs = False
    default_method = NewtonCG()

    def __init__(
        self,
        quantile: float = 0.5,
        *,
        alpha: float = 0.0,
        bounds: Any = None,
        fit_intercept: bool = True,
        method: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-9,
        engine: Any = "native",
    ) -> None:
        self.quantile = quantile
        self.alpha = alpha
        self.bounds = bounds
        self.fit_intercept = fit_intercept
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.engine = engine

    def _objective(self) -> Objective:
        penalty = squared_coefficients if self._alpha > 0 else None
        return Objective(self._model(), rounded_pinball, penalty)

    def _needs_memory(self, caller: str) -> str:
        return "a linear program needs all samples: fit some of them, X.read(0, 100_000)"

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        is_number = isinstance(self.quantile, float | np.floating)
        if not is_number or not 0 < self.quantile < 1:
            raise InputError(
                f"{self._name}: quantile must lie between 0 and 1, got {self.quantile!r}"
            )
        y, spread = data.y, spread_of(data.y)
        if self._alpha == 0 and self.method is None:
            units = self._units(data)
            self._scale = units.scale
            limits = (self._limits() or {}).get("coef")
            standardized = data._replace(X=units.standardized(data.X))
            trained = solved(standardized, self.quantile, self.fit_intercept, limits, spread)
            super()._set_fitted(trained, Watching([], None, 0, 0), False)
            self._unscale(units)
            return
        self._start, iterations = None, 0
        for width in WIDTHS:
            columns = [y, np.full_like(y, width * spread), np.full_like(y, self.quantile)]
            super()._train(data._replace(y=np.stack(columns, axis=1)), outputs)
            iterations += self.n_iter_
        self.n_iter_ = iterations

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        return self._start or super()._start_values(X, outputs, random)

    def _set_fitted(self, trained: Trained, watching: Watching, is_added: bool) -> None:
        self._start = trained.parameters  # of standardized features
        super()._set_fitted(trained, watching, is_added)

    def _prediction_shapes(self, y: np.ndarray) -> Sequence[tuple[int, ...]]:
        return ((),)

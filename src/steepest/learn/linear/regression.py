"""``LinearRegression`` and ``Ridge``."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.in_blocks import triangle
from steepest.learn.linear.model import LinearEstimator, squared_coefficients
from steepest.learn.linear.units import root_mean_square
from steepest.learn.losses import REGRESSION, loss_of, squared_error
from steepest.learn.objective import Data, Objective
from steepest.learn.regressor import BaseRegressor
from steepest.learn.training import Trained
from steepest.learn.watching import Watching
from steepest.streams import Source


class _LinearRegressor(LinearEstimator, BaseRegressor):
    """A linear regressor with a loss of choice."""

    loss: Any

    def _objective(self) -> Objective:
        loss = loss_of(self.loss, REGRESSION, self._name)
        is_penalized = self._alpha > 0
        penalty = squared_coefficients if is_penalized else None
        return Objective(self._model(), loss, penalty, is_sum=True)

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        self._mean = np.average(data.y, axis=0, weights=data.weights)
        if self._objective().loss is not squared_error or self.bounds is not None:
            self._slope_sizes = self._slopes_at_start(data)
            super()._train(data, outputs)
            return
        units = self._units(data)
        root_alpha = np.sqrt(self._alpha) / units.scale
        rows = data._replace(X=units.standardized(data.X), alpha=root_alpha)
        self._set_fitted(_solved(rows, self.fit_intercept), Watching([], None, 0, 0), False)
        self._unscale(units)

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        start = super()._start_values(X, outputs, random)
        if self.fit_intercept:
            start["intercept"] = np.asarray(self._mean, X.dtype)
        return start

    def _slopes_at_start(self, data: Data) -> tuple[float, float]:
        """Return the sizes of slopes at the start and at 0; raise if losses have no values."""
        y, loss = data.y.astype(float), self._objective().loss
        size = float(np.max(root_mean_square(y, data.weights))) or 1.0
        sizes, step = list[float](), 1e-3 * size
        for value in (self._mean if self.fit_intercept else 0.0, 0.0):
            predicted = np.full_like(y, value)
            with np.errstate(all="ignore"):
                slopes = (loss(predicted + step, y) - loss(predicted - step, y)) / (2 * step)
                values = loss(predicted, y)
            if not sizes and not np.isfinite(values).all():
                raise InputError(
                    f"{self._name}.fit: loss {self.loss!r} has no value at the start, predictions "
                    f"of {'the mean of y' if self.fit_intercept else '0'}: it is for positive "
                    "targets and an intercept; GeneralizedLinear fits the logarithm of the "
                    "expected target"
                )
            known = np.where(np.isfinite(slopes), slopes, 0.0)
            sizes.append(float(np.max(root_mean_square(known, data.weights))))
        return sizes[0], max(sizes)


@hides_method_frames
class LinearRegression(_LinearRegressor):
    """Linear regression with any loss, and with bounds.

    Squared errors without bounds are solved directly. Everything else is a descent.

    Parameters
    ----------
    loss : str or callable, optional
        As for :class:`Regressor`.
    bounds : optional
        A pair (low, high) for all coefficients, or a list of one for each feature; None is no
        bound. The intercept has none.
    fit_intercept : bool, optional
        Whether there is a constant term.
    method : Method, Search or str, optional
        Descent method.
    max_iter : int, optional
        Largest number of iterations.
    tol : float, optional
        Norm of the gradient at which to stop, by the coefficients of standardized features and
        relative to the slopes of the losses at the start.
    engine : str or Engine, optional
        Where the descent runs.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_outputs, n_features)
        Coefficients.
    intercept_ : float or ndarray of shape (n_outputs,)
        Constant term.
    n_iter_, loss_ : int, float
        Number of iterations, and the mean loss.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import LinearRegression
    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> y = X @ [2.0, -1.0] + 3.0
    >>> LinearRegression().fit(X, y).coef_.round(6)
    array([ 2., -1.])
    >>> LinearRegression(bounds=(0, None)).fit(X, y).coef_[1].round(6)
    np.float64(0.0)
    """

    alpha = 0.0

    def __init__(
        self,
        *,
        loss: Any = "squared_error",
        bounds: Any = None,
        fit_intercept: bool = True,
        method: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-9,
        engine: Any = "native",
    ) -> None:
        self.loss = loss
        self.bounds = bounds
        self.fit_intercept = fit_intercept
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.engine = engine

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients, with a row for each column of targets as in scikit-learn."""
        coef: np.ndarray = super().coef_
        return coef[None] if coef.ndim == 1 and self._target_shape else coef

    @property
    def intercept_(self) -> Any:
        """Constant term, or one for each column of targets."""
        intercept = super().intercept_
        is_column = self._target_shape == (1,) and self.fit_intercept
        return np.atleast_1d(intercept) if is_column else intercept


@hides_method_frames
class Ridge(_LinearRegressor):
    """Linear regression with a penalty on squared coefficients, any loss, and bounds.

    The sum of the losses, of which squared errors count whole, plus `alpha` times the sum of
    squared coefficients is minimal. For squared errors these are scikit-learn's coefficients.

    Parameters
    ----------
    alpha : float, optional
        Weight of the penalty.
    loss, bounds, fit_intercept, method, max_iter, tol, engine : optional
        As for :class:`LinearRegression`.

    Attributes
    ----------
    coef_, intercept_, n_iter_, loss_
        As for :class:`LinearRegression`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import Ridge
    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> y = X @ [2.0, -1.0] + 3.0
    >>> y[0] = 1000.0
    >>> Ridge(alpha=0.01, loss="huber").fit(X, y).coef_.round(1)
    array([ 2., -1.])
    """

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        loss: Any = "squared_error",
        bounds: Any = None,
        fit_intercept: bool = True,
        method: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-9,
        engine: Any = "native",
    ) -> None:
        self.alpha = alpha
        self.loss = loss
        self.bounds = bounds
        self.fit_intercept = fit_intercept
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.engine = engine


def _solved(data: Data, has_intercept: bool) -> Trained:
    """Return the coefficients of least squares, which LAPACK finds without a descent.

    `alpha` is the square root of the penalty's weight.
    """
    X, y, root = data.X, data.y, np.sqrt(data.weights)
    mean: Any = np.average(y, axis=0, weights=data.weights) if has_intercept else 0.0
    columns, number = (y - mean).reshape(len(y), -1), X.shape[1]
    if isinstance(X, Source):  # the triangle stands for all rows
        rows = triangle(X, columns, root)
        left, right = rows[:, :number], rows[:, number:]
    else:
        left, right = root[:, None] * X, root[:, None] * columns
    ridge = np.diag(data.alpha).astype(left.dtype)
    zeros = np.zeros((number, right.shape[1]), left.dtype)
    both = np.concatenate([left, ridge]), np.concatenate([right, zeros])
    coef, *_ = np.linalg.lstsq(*both, rcond=None)
    squares = np.sum(np.mean((left @ coef - right) ** 2, axis=1))
    penalty = np.sum((data.alpha[:, None] * coef) ** 2)
    loss = float(0.5 * (squares + penalty) / np.sum(data.weights))
    parameters = {"coef": coef.astype(X.dtype).reshape(number, *y.shape[1:])}
    if has_intercept:
        parameters["intercept"] = np.asarray(mean)
    return Trained(parameters, [loss], 1, True, "The equations of least squares were solved.")

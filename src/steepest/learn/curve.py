"""``CurveFit``: a curve of named parameters as a regressor, with intervals."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from steepest.derivative import jacobian
from steepest.descent.curve_fit import curve_fit
from steepest.descent.problem.parameters import as_x0
from steepest.descent.problem.transforms import split_transforms
from steepest.descent.results.fit_statistics import check_level
from steepest.errors import InputError
from steepest.frames import hides_method_frames, warn_user
from steepest.graph import trees
from steepest.learn.base import numbers_only, weights_of
from steepest.learn.in_blocks import FLOATS
from steepest.learn.rows import compiled_rows, is_row_wise, with_copies
from steepest.learn.training import starting_point

_NO_WEIGHT = 1e150
"""Standard deviation of a point that does not count: what it adds is rounded away."""


def _as_x(X: np.ndarray) -> np.ndarray:
    """Return samples as curves take them: a vector for one feature, else a row for each."""
    return X[:, 0] if X.shape[1] == 1 else np.ascontiguousarray(X.T)


@hides_method_frames
class CurveFit(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A curve that is fitted by least squares, with standard errors and intervals.

    Parameters
    ----------
    model : callable
        ``model(x, a, b, ...)`` as for :func:`steepest.curve_fit`. `x` is a vector if there is one
        feature, shape (n_samples,), and has a row for each feature otherwise, shape (n_features,
        n_samples).
    p0 : array_like, dict, "guess" or callable, optional
        Start values, as for :func:`steepest.curve_fit`, or a function of `X` and `y` that returns
        them.
    bounds : optional
        Two ends (lower, upper), as for :func:`steepest.curve_fit`.
    loss : str or callable, optional
        Robust loss, as for :func:`steepest.least_squares`.
    f_scale : float, optional
        Size of a residual from which on a robust loss counts it as an outlier.
    method : Search or str, optional
        Descent method, as for :func:`steepest.least_squares`.
    engine : str or Engine, optional
        Where the descent runs.

    Attributes
    ----------
    parameters_ : dict
        The fitted parameters by name.
    parameter_names_ : list of str
        Their names, with indices if they are arrays, in the order of the covariance.
    covariance_ : ndarray
        Their covariance.
    standard_errors_ : ndarray
        Their standard errors.
    residual_variance_ : float
        Variance of a target of weight 1 around the curve.
    degrees_of_freedom_ : int
        Number of samples less that of parameters.
    n_iter_, message_ : int, str
        Number of iterations, and how the fit ended.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import CurveFit
    >>> def decay(t, amplitude, rate):
    ...     return amplitude * np.exp(-rate * t)
    >>> X = np.linspace(0, 4, 12)[:, None]
    >>> y = 3 * np.exp(-1.3 * X[:, 0]) + 0.02 * np.sin(40 * X[:, 0])
    >>> fit = CurveFit(decay).fit(X, y)
    >>> round(float(fit.parameters_["rate"]), 2), fit.standard_errors_.round(2)
    (1.3, array([0.01, 0.01]))
    >>> fit.predict_interval([[1.0]], level=0.95).round(2)
    array([[0.78, 0.85]])
    """

    def __init__(
        self,
        model: Any,
        p0: Any = None,
        *,
        bounds: Any = None,
        loss: Any = "linear",
        f_scale: float = 1.0,
        method: Any = None,
        engine: Any = "native",
    ) -> None:
        self.model = model
        self.p0 = p0
        self.bounds = bounds
        self.loss = loss
        self.f_scale = f_scale
        self.method = method
        self.engine = engine

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the curve.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.
        y : array_like of shape (n_samples,)
            Targets.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples, inversely proportional to the variances of their targets.

        Returns
        -------
        self
            The estimator.
        """
        numbers_only(y, f"{type(self).__name__}.fit")
        X, y = validate_data(self, X, y, dtype=FLOATS, y_numeric=True)
        weights = weights_of(sample_weight, X)
        counts = weights > 0
        X, y, weights = X[counts], y[counts].astype(X.dtype, copy=False), weights[counts]
        rows = len(y)
        start = self._start(X, y)
        # Folds of about one size share compiled code.
        key = "CurveFit", self.model, self.method, self.engine, X.shape[1], X.dtype
        wanted = compiled_rows(key, rows) if self._is_row_wise(start, X) else rows
        taken = with_copies(rows, wanted)
        sigma = np.full(wanted, _NO_WEIGHT)
        sigma[:rows] = 1 / np.sqrt(weights)
        fit = curve_fit(
            self.model,
            _as_x(X[taken]),
            y[taken].astype(float),
            start,
            sigma=sigma,
            absolute_sigma=True,
            bounds=self.bounds,
            loss=self.loss,
            f_scale=self.f_scale,
            method=self.method,
            engine=self.engine,
            record=None,
        )
        self._set_fitted(fit, X, y, weights)
        return self

    def _is_row_wise(self, start: Any, X: np.ndarray) -> bool:
        """Whether the curve can be filled up by copies of a sample."""
        model = self.model
        if start is None or isinstance(start, str):
            start = np.ones(len(inspect.signature(model).parameters) - 1)

        def curve(parameters: Any, X: np.ndarray) -> Any:
            named = isinstance(parameters, dict)
            return model(_as_x(X), **parameters) if named else model(_as_x(X), *parameters)

        return is_row_wise(curve, starting_point(start), X)

    def _start(self, X: np.ndarray, y: np.ndarray) -> Any:
        """Return the start values; raise if there are fewer samples than parameters."""
        start = self.p0(X, y) if callable(self.p0) else self.p0
        if start is None or isinstance(start, str):
            number = len(inspect.signature(self.model).parameters) - 1
        else:
            free, _ = split_transforms(as_x0(start))
            number = sum([np.size(leaf) for leaf in trees.leaves(free)])
        if len(y) < number:
            raise InputError(
                f"CurveFit.fit: {number} parameters need at least {number} samples, got {len(y)} "
                f"sample{'' if len(y) == 1 else 's'}"
            )
        return start

    def _set_fitted(self, fit: Any, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
        found = fit.x
        is_dict = isinstance(found, dict)
        self.parameter_names_ = list(fit.names)
        by_name = found if is_dict else dict(zip(fit.names, found, strict=True))
        self.parameters_ = {name: np.asarray(value) for name, value in by_name.items()}
        free = int(np.count_nonzero(np.diag(fit.covariance)))
        self.degrees_of_freedom_ = len(y) - free
        squares = float(np.sum(weights * (self._values(X) - y) ** 2))
        freedom = self.degrees_of_freedom_
        self.residual_variance_ = squares / freedom if freedom > 0 else np.nan
        self.covariance_ = np.asarray(fit.covariance) * self.residual_variance_
        self.n_iter_, self.message_ = max(1, fit.iterations), fit.message
        if not fit.converged:
            warn_user(f"CurveFit has not converged: {fit.message}", ConvergenceWarning)

    @property
    def standard_errors_(self) -> np.ndarray:
        """Standard errors of the parameters."""
        return np.sqrt(np.diag(self.covariance_))

    def _values(self, X: np.ndarray) -> np.ndarray:
        values = np.asarray(self.model(_as_x(X).copy(), **self.parameters_), float)
        return np.broadcast_to(values, len(X)) if values.size == 1 else values

    def _checked(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        checked: np.ndarray = validate_data(self, X, dtype=FLOATS, reset=False)
        return checked

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the fitted curve.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.
        return_std : bool, optional
            Whether to return the standard errors of the curve, too.

        Returns
        -------
        ndarray of shape (n_samples,), or a pair of them
            The curve, and its standard errors.
        """
        X = self._checked(X)
        values = np.array(self._values(X))
        return (values, self._standard_errors(X)) if return_std else values

    def predict_interval(
        self, X: Any, level: float = 0.95, kind: str = "prediction"
    ) -> np.ndarray:
        """Return intervals for new targets, or for the curve.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.
        level : float, optional
            Probability of an interval.
        kind : {"prediction", "mean"}, optional
            Whether an interval holds a new target of weight 1, or the curve.

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Lower and upper ends.
        """
        from scipy.special import stdtrit

        check_level(level)
        if kind not in ("prediction", "mean"):
            raise InputError(
                f"CurveFit.predict_interval: kind must be 'prediction' or 'mean', got {kind!r}"
            )
        X = self._checked(X)
        variance = self._standard_errors(X) ** 2
        if kind == "prediction":
            variance = variance + self.residual_variance_
        half = stdtrit(self.degrees_of_freedom_, 0.5 + 0.5 * level) * np.sqrt(variance)
        values = self._values(X)
        return np.stack([values - half, values + half], axis=1)

    def _standard_errors(self, X: np.ndarray) -> np.ndarray:
        """Return the standard errors of the curve, by its slopes along the parameters."""
        x, rows = _as_x(X), len(X)
        model = self.model
        slopes = jacobian(lambda parameters: model(x, **parameters))(self.parameters_)
        names = dict.fromkeys(name.partition("[")[0] for name in self.parameter_names_)
        columns = [np.broadcast_to(slopes[name], (rows, *np.shape(self.parameters_[name])))
            for name in names]  # fmt: skip
        along = np.concatenate([column.reshape(rows, -1) for column in columns], axis=1)
        covariance = np.where(np.isnan(self.covariance_), 0.0, self.covariance_)
        errors: np.ndarray = np.sqrt(np.einsum("ni,ij,nj->n", along, covariance, along))
        return errors

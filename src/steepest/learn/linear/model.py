"""What estimators with a linear model have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.learn.base import DescentEstimator
from steepest.learn.in_blocks import moments
from steepest.learn.linear.units import ROUNDING, Units, root_mean_square
from steepest.learn.objective import Data
from steepest.learn.training import Settings
from steepest.streams import Source


def linear(parameters: Any, X: Any) -> Any:
    """Return a linear function of the features."""
    return X @ parameters["coef"] + parameters["intercept"]


def through_origin(parameters: Any, X: Any) -> Any:
    """Return a linear function of the features without a constant."""
    return X @ parameters["coef"]


def squared_coefficients(parameters: Any) -> Any:
    """Return half the squared coefficients of each feature."""
    squares = 0.5 * np.square(parameters["coef"])
    return squares if squares.ndim == 1 else np.sum(squares, axis=1)


def _is_pair(bounds: Any) -> bool:
    """Whether bounds are one pair (low, high) of numbers or None, in this order."""
    if not isinstance(bounds, list | tuple | np.ndarray) or len(bounds) != 2:
        return False
    if not all([end is None or isinstance(end, int | float | np.number) for end in bounds]):
        return False
    low, high = bounds
    return low is None or high is None or bool(low <= high)


class LinearEstimator(DescentEstimator):
    """An estimator with a linear model.

    The descent sees standardized features, so that their units do not matter to it. The
    coefficients, the penalty and the bounds are those of the features as they are given.
    """

    _slope_sizes: tuple[float, float] = (1.0, 1.0)
    """Size of the slopes of losses by predictions, to which the tolerance is relative; and that
    of the terms that they are made of, beside which rounding errors are small."""

    default_method: Any = None
    """Method without bounds; None for that of any loss."""

    batch_size = None
    early_stopping = False
    shuffle = False
    random_state = 0
    callbacks = None
    warm_start = False

    fit_intercept: bool

    _is_in_blocks = False
    """Whether samples are read in blocks, where each Hessian-vector product takes a pass."""

    def _settings(self, rows: int, seed: int) -> Settings:
        settings = super()._settings(rows, seed)
        is_free = settings.method is None and settings.bounds is None
        if is_free:
            method = None if self._is_in_blocks else self.default_method
            settings = settings._replace(method=method)
        if settings.tolerance is None:
            return settings
        size, terms = self._slope_sizes
        rounding = ROUNDING * float(np.finfo(self._dtype).eps) * terms
        return settings._replace(tolerance=max(settings.tolerance * size, rounding))

    def _model(self) -> Any:
        return linear if self.fit_intercept else through_origin

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        shape = (X.shape[1],) if outputs == 1 else (X.shape[1], outputs)
        start = {"coef": np.zeros(shape, X.dtype)}
        if self.fit_intercept:
            start["intercept"] = np.zeros(shape[1:], X.dtype)
        return start

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        units = self._units(data)
        standardized = data._replace(X=units.standardized(data.X))
        if self._alpha > 0:
            alpha = self._alpha / units.scale / units.scale
            standardized = standardized._replace(alpha=alpha.astype(data.X.dtype))
        self._scale, self._dtype = units.scale, data.X.dtype
        self._is_in_blocks = isinstance(data.X, Source)
        super()._train(standardized, outputs)
        self._unscale(units)

    def _units(self, data: Data) -> Units:
        """Return the units in which the curvature of each coefficient is about 1.

        The penalty is a part of it: a feature of small values, which counts for little beside the
        penalty, does not get a large one.
        """
        weights = data.weights.astype(float)
        if isinstance(data.X, Source):
            center, deviation = moments(data.X, weights, self.fit_intercept)
        else:
            X = data.X.astype(float, copy=False)
            center = np.zeros(X.shape[1])
            if self.fit_intercept:
                peak = np.maximum(np.max(np.abs(X), axis=0), np.finfo(float).tiny)
                center = peak * np.average(X / peak, axis=0, weights=weights)
            deviation = root_mean_square(X - center, weights)
        is_constant = deviation <= ROUNDING * np.finfo(data.X.dtype).eps * np.abs(center)
        total = np.sum(weights) if self._objective().is_sum else 1.0
        scale = np.hypot(np.where(is_constant, 0.0, deviation), np.sqrt(self._alpha / total))
        scale = np.where(scale == 0, 1.0, scale)
        return Units(center, scale, is_constant)

    def _limits(self) -> Any:
        """Return the bounds of the coefficients of standardized features."""
        if self.bounds is None:
            return None
        scale = self._scale
        pairs = [self.bounds] * len(scale) if _is_pair(self.bounds) else self.bounds
        is_listed = isinstance(pairs, list | tuple | np.ndarray) and len(pairs) == len(scale)
        if not is_listed or not all(map(_is_pair, pairs)):
            raise InputError(
                f"{self._name}: bounds must be a pair (low, high) for all coefficients, or one "
                f"for each of the {len(scale)} features, and no low above its high, got "
                f"{self.bounds!r}"
            )
        limits: Any = [
            tuple(None if end is None else end * unit for end in pair)
            for pair, unit in zip(pairs, scale, strict=True)
        ]
        return {"coef": limits} | ({"intercept": (None, None)} if self.fit_intercept else {})

    def _unscale(self, units: Units) -> None:
        """Set the coefficients of the features as they were given."""
        found = self.parameters_
        dtype = found["coef"].dtype
        coef = found["coef"] / (units.scale if found["coef"].ndim == 1 else units.scale[:, None])
        self.parameters_ = {"coef": coef.astype(dtype)}
        if self.fit_intercept:
            intercept = np.asarray(found["intercept"] - units.center @ coef)
            self.parameters_["intercept"] = intercept.astype(dtype)[()]

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients of the features, shape (n_features,) or (n_outputs, n_features)."""
        coef: np.ndarray = self.parameters_["coef"].T
        return coef

    @property
    def intercept_(self) -> Any:
        """Constant term, or one for each output."""
        return self.parameters_["intercept"] if self.fit_intercept else 0.0

"""``LogisticRegression``."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods import NewtonCG
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.base import not_negative
from steepest.learn.classifier import BaseClassifier
from steepest.learn.linear.model import LinearEstimator, squared_coefficients
from steepest.learn.losses import log_loss
from steepest.learn.objective import Objective


@hides_method_frames
class LogisticRegression(LinearEstimator, BaseClassifier):
    """Logistic regression with bounds, for any number of classes.

    The coefficients are scikit-learn's, by Newton's method to the last digits.

    Parameters
    ----------
    C : float, optional
        Weight of the log losses, beside half the sum of squared coefficients. Infinity is no
        penalty.
    class_weight : dict or "balanced", optional
        As for :class:`Classifier`.
    bounds : optional
        A pair (low, high) for all coefficients, or a list of one for each feature; only for two
        classes.
    fit_intercept, method, max_iter, tol, engine : optional
        As for :class:`LinearRegression`.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Constant terms.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_iter_, loss_ : int, float
        Number of iterations, and the mean loss.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import LogisticRegression
    >>> X = np.random.default_rng(0).standard_normal((100, 2))
    >>> model = LogisticRegression(C=10.0, bounds=(0, None)).fit(X, X[:, 0] > 0)
    >>> bool(model.coef_[0, 0] > 1), bool((model.coef_ >= 0).all())
    (True, True)
    """

    default_method = NewtonCG()

    def __init__(
        self,
        C: float = 1.0,
        *,
        class_weight: Any = None,
        bounds: Any = None,
        fit_intercept: bool = True,
        method: Any = None,
        max_iter: int = 1000,
        tol: float = 1e-9,
        engine: Any = "native",
    ) -> None:
        self.C = C
        self.class_weight = class_weight
        self.bounds = bounds
        self.fit_intercept = fit_intercept
        self.method = method
        self.max_iter = max_iter
        self.tol = tol
        self.engine = engine

    @property
    def _alpha(self) -> float:
        if not_negative(self.C, "C", self._name) == 0:
            raise InputError(f"{self._name}: C must be positive, got {self.C!r}")
        return 1 / float(self.C)

    def _objective(self) -> Objective:
        penalty = squared_coefficients if self._alpha > 0 else None
        return Objective(self._model(), log_loss, penalty, is_sum=True)

    def _limits(self) -> Any:
        if self.bounds is not None and self._outputs > 1:
            raise InputError(f"{self._name}: bounds need two classes, got {len(self.classes_)}")
        return super()._limits()

    @property
    def coef_(self) -> np.ndarray:
        """Coefficients of the features, shape (1, n_features) or (n_classes, n_features)."""
        return np.atleast_2d(self.parameters_["coef"].T)

    @property
    def intercept_(self) -> np.ndarray:
        """Constant terms, shape (1,) or (n_classes,)."""
        return np.atleast_1d(self.parameters_["intercept"] if self.fit_intercept else 0.0)

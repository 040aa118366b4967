"""``Regressor``: any model as a regressor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from steepest.errors import InputError, SettingError
from steepest.frames import hides_method_frames
from steepest.learn.base import (
    DescentEstimator,
    makes_batches,
    numbers_only,
    weights_of,
)
from steepest.learn.in_blocks import validated
from steepest.learn.losses import REGRESSION, loss_of
from steepest.learn.objective import Objective, penalty_of


class BaseRegressor(RegressorMixin, DescentEstimator):  # type: ignore[misc]
    """A regressor whose parameters a descent finds."""

    takes_many_outputs = True
    """Whether there may be several targets."""

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, reset: bool = True, caller: str = "fit"
    ) -> Any:
        """Return checked samples, targets and weights."""
        numbers_only(y, f"{self._name}.{caller}")
        why, many = self._needs_memory(caller), self.takes_many_outputs
        X, y = validated(self, X, y, why, reset, y_numeric=True, multi_output=many)
        weights = weights_of(sample_weight, X)
        y = y.astype(X.dtype, copy=False)
        self._target_shape = y.shape[1:]
        outputs = 1 if y.ndim == 1 else y.shape[1]
        return self._data(X, y[:, 0] if y.shape[1:] == (1,) else y, weights), outputs

    def _prediction_shapes(self, y: np.ndarray) -> Sequence[tuple[int, ...]]:
        return (y.shape[1:],)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Find the parameters.

        Parameters
        ----------
        X : array_like or Source of shape (n_samples, n_features)
            Samples. They may be larger than memory, as of :func:`steepest.blocks`.
        y : array_like of shape (n_samples,) or (n_samples, n_outputs)
            Targets.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        self
            The estimator.
        """
        data, outputs = self._checked(X, y, sample_weight)
        self._train(data, outputs)
        self.n_outputs_ = outputs
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions for samples.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Predictions.
        """
        check_is_fitted(self)
        predicted = self._predictions(X, is_single=self.n_outputs_ == 1)
        return predicted.reshape(len(predicted), *self._target_shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self.takes_many_outputs
        return tags


class BatchRegressor(BaseRegressor):
    """A regressor that can also be fitted one batch at a time."""

    @available_if(makes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Make one pass over some samples, from the parameters reached so far.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.

        Returns
        -------
        self
            The estimator.
        """
        is_first = not hasattr(self, "parameters_")
        data, outputs = self._checked(X, y, sample_weight, is_first, "partial_fit")
        self._train(data, outputs, one_epoch=True)
        self.n_outputs_ = outputs
        return self


def start_values(start: Any, X: np.ndarray, outputs: int, random: Any, estimator: str) -> Any:
    """Return start values, which may be given as a function of how many features there are.

    Raises
    ------
    InputError
        If there are none.
    SettingError
        If that function takes other arguments.
    """
    if start is None:
        raise InputError(
            f"{estimator}.fit: there are no start values: set_params(start=...). A file holds "
            "none that a function computes"
        )
    if not callable(start):
        return start
    try:
        return start(X.shape[1], outputs, random)
    except TypeError as error:
        raise SettingError(
            f"{estimator}: start must be start values or a function start(n_features, n_outputs, "
            f"random) that returns them; {error}"
        ) from error


@hides_method_frames
class Regressor(BatchRegressor):
    """A regressor of any model that is written in NumPy.

    Parameters
    ----------
    model : callable
        ``model(parameters, X)`` returns a prediction for each row of `X`.
    start : nested parameters or callable
        Start values: an array, or nested tuples, lists and dicts of them. They may be marked, for
        example by :class:`steepest.Positive`. Or a function ``start(n_features, n_outputs,
        random)`` that returns them, where `random` is a generator of NumPy's.
    loss : str or callable, optional
        ``"squared_error"``, ``"absolute_error"``, ``"huber"``, ``"poisson"`` or ``"gamma"``, or a
        function of predictions and targets that returns a loss for each row.
    penalty : {"l2"} or callable, optional
        A function of the parameters; ``"l2"`` is half the sum of their squares.
    alpha : float, optional
        Weight of the penalty, which is added to the mean loss.
    bounds : optional
        Bounds of the parameters, as for :func:`steepest.minimize`.
    method : Method, Search or str, optional
        Descent method. By default BFGS or L-BFGS on all samples, and Adam on batches.
    batch_size : int, "auto" or None, optional
        Samples of a batch; None for all samples at once, ``"auto"`` for at most 200.
    max_iter : int, optional
        Largest number of iterations; with batches, of passes over the samples.
    tol : float or None, optional
        Without batches, the norm of the gradient at which to stop. With batches, the training
        stops after `n_iter_no_change` epochs in which the loss has not fallen by so much. None
        makes all epochs.
    n_iter_no_change : int, optional
        Epochs without improvement before the training ends.
    early_stopping : bool, optional
        Whether to set samples aside, stop when their loss no longer falls, and return the
        parameters at which it was least.
    validation_fraction : float, optional
        Share of the samples set aside.
    shuffle : bool, optional
        Whether to shuffle the samples in each epoch.
    random_state : int, RandomState or None, optional
        Seed of start values, of the order of samples and of the samples set aside.
    warm_start : bool, optional
        Whether ``fit`` starts from the parameters of the last fit.
    callbacks : callable or list of callables, optional
        Called with an :class:`Epoch` after each epoch; one that returns True ends the training.
    engine : str or Engine, optional
        Where the descent runs.

    Attributes
    ----------
    parameters_ : nested parameters
        The fitted parameters, in the structure of `start`.
    n_iter_ : int
        Number of iterations, or of epochs.
    loss_, loss_curve_ : float, list of float
        The last loss, and that of each iteration or epoch.
    history_ : dict of list
        Epochs, losses, and validation losses if there are any.
    validation_loss_curve_, best_validation_loss_ : list of float, float
        With early stopping, the loss of the samples set aside after each epoch, and the least.
    message_ : str
        How the training ended.
    n_features_in_, feature_names_in_ : int, ndarray
        Number and names of the features.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import Regressor
    >>> def saturation(p, X):
    ...     return p["most"] * X[:, 0] / (p["half"] + X[:, 0])
    >>> X = np.linspace(0.1, 5, 40)[:, None]
    >>> y = 3 * X[:, 0] / (0.5 + X[:, 0])
    >>> model = Regressor(saturation, {"most": 1.0, "half": 1.0}).fit(X, y)
    >>> round(float(model.parameters_["half"]), 4), round(model.score(X, y), 4)
    (0.5, 1.0)
    """

    def __init__(
        self,
        model: Any,
        start: Any,
        *,
        loss: Any = "squared_error",
        penalty: Any = None,
        alpha: float = 1.0,
        bounds: Any = None,
        method: Any = None,
        batch_size: Any = None,
        max_iter: int = 1000,
        tol: float | None = 1e-6,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Any = None,
        engine: Any = "native",
    ) -> None:
        self.model = model
        self.start = start
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.bounds = bounds
        self.method = method
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.random_state = random_state
        self.warm_start = warm_start
        self.callbacks = callbacks
        self.engine = engine

    def _objective(self) -> Objective:
        loss = loss_of(self.loss, REGRESSION, self._name)
        return Objective(self.model, loss, penalty_of(self.penalty, self._name))

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        return start_values(self.start, X, outputs, random, self._name)

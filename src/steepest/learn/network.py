"""``MLPRegressor`` and ``MLPClassifier``: networks of fully connected layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.methods import Adam
from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.base import DescentEstimator, not_negative
from steepest.learn.classifier import BatchClassifier
from steepest.learn.losses import REGRESSION, log_loss, loss_of
from steepest.learn.objective import Data, Objective
from steepest.learn.regressor import BatchRegressor
from steepest.learn.training import Settings


def _identity(x: Any) -> Any:
    return x


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "relu": _relu,
    "tanh": np.tanh,
    "logistic": _logistic,
    "identity": _identity,
}


@dataclass(frozen=True)
class Network:
    """Layers, each a linear function and an activation; the last has no activation.

    Attributes
    ----------
    activation
        Name of the activation.
    """

    activation: str

    def __call__(self, parameters: Any, X: Any) -> Any:
        """Return the values of the last layer."""
        *hidden, last = zip(parameters["coefs"], parameters["intercepts"], strict=True)
        values, activate = X, ACTIVATIONS[self.activation]
        for coef, intercept in hidden:
            values = activate(values @ coef + intercept)
        coef, intercept = last
        return values @ coef + intercept


def squared_weights(parameters: Any) -> Any:
    """Return half the sum of squared weights, without the intercepts."""
    total: Any = 0.0
    for coef in parameters["coefs"]:
        total = total + np.sum(np.square(coef))
    return 0.5 * total


class NetworkEstimator(DescentEstimator):
    """An estimator whose model is a network."""

    bounds = None

    hidden_layer_sizes: Any
    activation: str
    learning_rate_init: float

    def _model(self) -> Any:
        if not isinstance(self.activation, str) or self.activation not in ACTIVATIONS:
            names = ", ".join(map(repr, ACTIVATIONS))
            raise InputError(
                f"{self._name} has no activation {self.activation!r}: write one of {names}, or "
                "write the network yourself and give it to Regressor or Classifier"
            )
        return Network(self.activation)

    def _sizes(self) -> list[int]:
        """Return the sizes of the hidden layers."""
        sizes = np.atleast_1d(np.asarray(self.hidden_layer_sizes))
        if (sizes.dtype.kind not in "iu" and sizes.size) or (sizes < 1).any():
            raise InputError(
                f"{self._name}: hidden_layer_sizes must be positive whole numbers, got "
                f"{self.hidden_layer_sizes!r}"
            )
        return [int(size) for size in sizes]

    def _settings(self, rows: int, seed: int) -> Settings:
        settings = super()._settings(rows, seed)
        if settings.method is not None:
            return settings
        step_size = not_negative(self.learning_rate_init, "learning_rate_init", self._name)
        return settings._replace(method=Adam(step_size))

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        if (one_epoch or self.warm_start) and hasattr(self, "parameters_"):
            wanted = [data.X.shape[1], *self._sizes(), outputs]
            found = [len(coef) for coef in self.coefs_] + [self.coefs_[-1].shape[1]]
            if found != wanted:
                raise InputError(
                    f"{self._name}.{'partial_fit' if one_epoch else 'fit'}: the network that was "
                    f"fitted has layers of sizes {found}, but now {wanted} are wanted: it cannot "
                    "go on; take a new estimator, or warm_start=False"
                )
        super()._train(data, outputs, one_epoch)

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        """Return uniform random values whose variance falls with the size of a layer [1]_.

        References
        ----------
        .. [1] X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
           neural networks", AISTATS 2010.
        """
        sizes, factor = [X.shape[1], *self._sizes(), outputs], 6.0
        factor = 2.0 if self.activation == "logistic" else factor
        coefs, intercepts = [], []
        for inputs, following in itertools.pairwise(sizes):
            bound = np.sqrt(factor / (inputs + following))
            coefs.append(random.uniform(-bound, bound, (inputs, following)).astype(X.dtype))
            intercepts.append(random.uniform(-bound, bound, following).astype(X.dtype))
        return {"coefs": coefs, "intercepts": intercepts}

    @property
    def coefs_(self) -> list[np.ndarray]:
        """Weights of each layer."""
        coefs: list[np.ndarray] = self.parameters_["coefs"]
        return coefs

    @property
    def intercepts_(self) -> list[np.ndarray]:
        """Intercepts of each layer."""
        intercepts: list[np.ndarray] = self.parameters_["intercepts"]
        return intercepts


@hides_method_frames
class MLPRegressor(NetworkEstimator, BatchRegressor):
    """A network of fully connected layers as a regressor.

    Parameters
    ----------
    hidden_layer_sizes : int or tuple of int, optional
        Sizes of the hidden layers.
    activation : {"relu", "tanh", "logistic", "identity"}, optional
        Activation of the hidden layers.
    loss : str or callable, optional
        As for :class:`Regressor`.
    alpha : float, optional
        Weight of half the sum of squared weights, beside the sum of the losses of a batch.
    learning_rate_init : float, optional
        Step size of Adam, unless `method` is given.
    method : Method, Search or str, optional
        Descent method; a schedule is one of its settings. One that compares losses, such as
        ``"lbfgs"``, needs ``batch_size=None``.
    batch_size, max_iter, tol, n_iter_no_change, early_stopping, validation_fraction : optional
        As for :class:`Regressor`.
    shuffle, random_state, warm_start, callbacks, engine : optional
        As for :class:`Regressor`.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights and intercepts of each layer.
    n_iter_, loss_, loss_curve_, history_, message_
        As for :class:`Regressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import MLPRegressor
    >>> X = np.linspace(-2, 2, 200)[:, None]
    >>> network = MLPRegressor(20, activation="tanh", learning_rate_init=0.02, batch_size=20,
    ...                        random_state=0)
    >>> network.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.95
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        loss: Any = "squared_error",
        alpha: float = 1e-4,
        learning_rate_init: float = 1e-3,
        method: Any = None,
        batch_size: Any = "auto",
        max_iter: int = 200,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Any = None,
        engine: Any = "native",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
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
        return Objective(self._model(), loss, squared_weights, is_sum=True)


@hides_method_frames
class MLPClassifier(NetworkEstimator, BatchClassifier):
    """A network of fully connected layers as a classifier.

    Parameters
    ----------
    hidden_layer_sizes, activation : optional
        As for :class:`MLPRegressor`.
    class_weight : dict or "balanced", optional
        As for :class:`Classifier`.
    alpha, learning_rate_init, method : optional
        As for :class:`MLPRegressor`.
    batch_size, max_iter : optional
        As for :class:`MLPRegressor`.
    tol, n_iter_no_change, early_stopping, validation_fraction, shuffle, random_state : optional
        As for :class:`Regressor`.
    warm_start, callbacks, engine : optional
        As for :class:`Regressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    coefs_, intercepts_ : list of ndarray
        Weights and intercepts of each layer.
    n_iter_, loss_, loss_curve_, history_, message_
        As for :class:`Regressor`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from steepest.learn import MLPClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPClassifier(32, batch_size=32, max_iter=20, tol=None, random_state=0)
    >>> bool(network.fit(X[:1000] / 16, y[:1000]).score(X[1000:] / 16, y[1000:]) > 0.9)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        class_weight: Any = None,
        alpha: float = 1e-4,
        learning_rate_init: float = 1e-3,
        method: Any = None,
        batch_size: Any = "auto",
        max_iter: int = 200,
        tol: float | None = 1e-4,
        n_iter_no_change: int = 10,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        shuffle: bool = True,
        random_state: Any = None,
        warm_start: bool = False,
        callbacks: Any = None,
        engine: Any = "native",
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.class_weight = class_weight
        self.alpha = alpha
        self.learning_rate_init = learning_rate_init
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
        return Objective(self._model(), log_loss, squared_weights, is_sum=True)

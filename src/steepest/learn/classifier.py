"""``Classifier``: any model of scores as a classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from steepest.errors import InputError
from steepest.frames import hides_method_frames
from steepest.learn.base import DescentEstimator, makes_batches, weights_of
from steepest.learn.in_blocks import validated
from steepest.learn.losses import CLASSIFICATION, log_loss, loss_of
from steepest.learn.objective import Data, Objective, penalty_of
from steepest.learn.regressor import start_values
from steepest.trace import log_softmax, softmax


def _has_probabilities(estimator: Any) -> bool:
    """Whether the loss of a classifier is that of probabilities."""
    return estimator._objective().loss is log_loss


class BaseClassifier(ClassifierMixin, DescentEstimator):  # type: ignore[misc]
    """A classifier whose parameters a descent finds."""

    classes: Any = None
    class_weight: Any = None

    def _checked(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        classes: Any = None,
        reset: bool = True,
        caller: str = "fit",
    ) -> Data:
        """Return checked samples, numbers of classes and weights; set ``classes_``."""
        X, y = validated(self, X, y, self._needs_memory(caller), reset)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        weights = weights_of(sample_weight, X)
        if classes is not None:
            self.classes_ = np.asarray(classes)
            if len(np.unique(self.classes_)) < self.classes_.size or self.classes_.ndim != 1:
                raise InputError(
                    f"{self._name}.{caller}: classes must be a list of labels, each of them once, "
                    f"got {self.classes_.tolist()}"
                )
        elif reset:
            self.classes_ = np.unique(y[weights > 0])
        if len(self.classes_) < 2:
            raise InputError(
                f"{self._name}.{caller}: y holds one class only, {self.classes_[:1].tolist()}: it "
                "takes two classes to tell them apart"
            )
        counts = weights > 0
        numbers = np.zeros(len(y), np.int64)
        numbers[counts] = self._numbers(y[counts], caller)
        if self.class_weight is not None:
            weights[counts] *= self._weights_of_classes(y[counts], caller)[numbers[counts]]
        return self._data(X, numbers, weights)

    def _weights_of_classes(self, y: np.ndarray, caller: str) -> np.ndarray:
        """Return the weight of each class; 1 for one that no sample has."""
        weight, is_named = self.class_weight, isinstance(self.class_weight, str)
        if caller == "partial_fit" and is_named:
            raise InputError(
                f"{self._name}.partial_fit: class_weight={weight!r} needs all samples at once: "
                "set class_weight to a dictionary of labels and weights"
            )
        if not (isinstance(weight, Mapping) or weight == "balanced"):
            raise InputError(
                f"{self._name}: class_weight must be 'balanced', a dictionary of labels and "
                f"weights, or None, got {weight!r}"
            )
        labels = self.classes_.tolist()
        if is_named:
            weights, is_there = np.ones(len(labels)), np.isin(self.classes_, y)
            weights[is_there] = compute_class_weight(weight, classes=self.classes_[is_there], y=y)
            return weights
        unknown = [label for label in weight if label not in labels]
        if unknown and not all(label in weight for label in labels):
            raise InputError(
                f"{self._name}: class_weight names {unknown[0]!r}, which is not among the classes "
                f"{labels}"
            )
        return np.array([float(weight.get(label, 1.0)) for label in labels])

    def _numbers(self, y: np.ndarray, caller: str) -> np.ndarray:
        """Return the numbers of labels among the classes."""
        order = np.argsort(self.classes_)
        ordered = self.classes_[order]
        places = np.minimum(np.searchsorted(ordered, y), len(order) - 1)
        for unknown in y[ordered[places] != y][:1]:
            raise InputError(
                f"{self._name}.{caller}: y holds the label {np.asarray(unknown).item()!r}, which "
                f"is not among the classes {self.classes_.tolist()}"
            )
        return order[places].astype(np.int64)

    @property
    def _outputs(self) -> int:
        """Number of scores of a sample."""
        return 1 if len(self.classes_) == 2 else len(self.classes_)

    def _prediction_shapes(self, y: np.ndarray) -> Sequence[tuple[int, ...]]:
        number = len(self.classes_)
        return ((), (2,)) if number == 2 else ((number,),)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Find the parameters.

        Parameters
        ----------
        X : array_like or Source of shape (n_samples, n_features)
            Samples. They may be larger than memory, as of :func:`steepest.blocks`.
        y : array_like of shape (n_samples,)
            Labels.
        sample_weight : array_like of shape (n_samples,), optional
            Weights of the samples.

        Returns
        -------
        self
            The estimator.
        """
        self._train(self._checked(X, y, sample_weight, self.classes), self._outputs)
        return self

    def _scores(self, X: Any) -> np.ndarray:
        return self._predictions(X, is_single=True)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the scores of samples.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Scores; for two classes, that of the second.
        """
        scores = self._scores(X)
        is_pair = len(self.classes_) == 2 and scores.ndim == 2
        return scores[:, 1] - scores[:, 0] if is_pair else scores

    def predict(self, X: Any) -> np.ndarray:
        """Return the labels of samples.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels.
        """
        scores = self.decision_function(X)
        numbers = (scores > 0).astype(int) if scores.ndim == 1 else np.argmax(scores, axis=1)
        labels: np.ndarray = self.classes_[numbers]
        return labels

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of classes.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities.
        """
        return np.asarray(softmax(self._all_scores(X)))

    def _all_scores(self, X: Any) -> np.ndarray:
        """Return a score for each class."""
        scores = self.decision_function(X)
        is_single = scores.ndim == 1
        return np.stack([np.zeros_like(scores), scores], axis=1) if is_single else scores

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithms of the probabilities of classes.

        Parameters
        ----------
        X : array_like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Logarithms of probabilities.
        """
        return np.asarray(log_softmax(self._all_scores(X)))


class BatchClassifier(BaseClassifier):
    """A classifier that can also be fitted one batch at a time."""

    @available_if(makes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """Make one pass over some samples, from the parameters reached so far.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array_like, optional
            All labels; the first call needs them unless its samples have all.

        Returns
        -------
        self
            The estimator.
        """
        is_first = not hasattr(self, "parameters_")
        given = (self.classes if classes is None else classes) if is_first else None
        if not is_first and classes is not None and not np.array_equal(classes, self.classes_):
            raise InputError(
                f"{self._name}.partial_fit: classes={np.asarray(classes).tolist()} are not those "
                f"of the first call, {self.classes_.tolist()}: leave them out, or fit anew"
            )
        data = self._checked(X, y, sample_weight, given, is_first, "partial_fit")
        self._train(data, self._outputs, one_epoch=True)
        return self


@hides_method_frames
class Classifier(BatchClassifier):
    """A classifier of any model of scores that is written in NumPy.

    Parameters
    ----------
    model : callable
        ``model(parameters, X)`` returns a score for each row of `X` and class. For two classes it
        may return one number for each row, the log odds of the second class.
    start : nested parameters or callable
        Start values, or a function ``start(n_features, n_outputs, random)`` that returns them, as
        for :class:`Regressor`. There is one output for two classes.
    classes : array_like, optional
        The labels, in the order of the scores. By default those of `y`, sorted.
    loss : {"log_loss", "hinge"} or callable, optional
        A function of scores and numbers of classes that returns a loss for each row. Only
        ``"log_loss"`` has probabilities.
    class_weight : dict or "balanced", optional
        Weights of labels, which multiply those of their samples. ``"balanced"`` gives all classes
        the same total.
    penalty, alpha, bounds, method, batch_size, max_iter, tol, n_iter_no_change : optional
        As for :class:`Regressor`.
    early_stopping, validation_fraction, shuffle, random_state : optional
        As for :class:`Regressor`.
    warm_start, callbacks, engine : optional
        As for :class:`Regressor`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    parameters_, n_iter_, loss_, loss_curve_, history_, message_
        As for :class:`Regressor`.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import Classifier
    >>> def inside(p, X):
    ...     distance = np.hypot(X[:, 0] - p["center"][0], X[:, 1] - p["center"][1])
    ...     return p["steepness"] * (p["radius"] - distance)
    >>> X = np.random.default_rng(0).uniform(-2, 2, (200, 2))
    >>> y = np.where(np.hypot(X[:, 0] - 0.5, X[:, 1]) < 1, "in", "out")
    >>> start = {"radius": 0.5, "center": np.zeros(2), "steepness": 1.0}
    >>> model = Classifier(inside, start, classes=["out", "in"], penalty="l2", alpha=1e-4)
    >>> bool(model.fit(X, y).score(X, y) > 0.98)
    True
    """

    def __init__(
        self,
        model: Any,
        start: Any,
        classes: Any = None,
        *,
        loss: Any = "log_loss",
        class_weight: Any = None,
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
        self.classes = classes
        self.loss = loss
        self.class_weight = class_weight
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
        loss = loss_of(self.loss, CLASSIFICATION, self._name)
        return Objective(self.model, loss, penalty_of(self.penalty, self._name))

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        return start_values(self.start, X, outputs, random, self._name)

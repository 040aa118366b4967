"""What regressors and classifiers have in common: from checked data to fitted attributes."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from steepest.descent.methods import Search
from steepest.descent.methods.registry import choose_method
from steepest.descent.problem.in_blocks.row_by_row import values_in_blocks
from steepest.errors import InputError
from steepest.frames import warn_user
from steepest.learn.in_blocks import first_rows, validated_samples
from steepest.learn.objective import Data, Objective, check_loss, check_model, in_columns_of
from steepest.learn.training import Settings, Trained, starting_point, train
from steepest.learn.watching import Watching, callbacks_of
from steepest.streams import Source, is_read

_MOST_IN_BATCH = 200
"""Samples of a batch if its size is ``"auto"``, as in scikit-learn."""


def weights_of(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Return checked weights of samples, a new array; all are 1 if None is given."""
    weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
    if not weights.any():
        raise InputError("all sample weights are zero: at least one sample must count")
    copied: np.ndarray = np.array(weights)
    return copied


def makes_batches(estimator: Any) -> bool:
    """Whether an estimator's method can train on batches, as ``partial_fit`` does."""
    method = estimator.method
    with contextlib.suppress(InputError):  # an unknown name, which a fit refuses
        return method is None or not isinstance(choose_method(method, for_loss=True), Search)
    return True


class DescentEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator whose parameters a descent finds.

    Subclasses say what is minimized and from where, in ``_objective``, ``_start_values`` and
    ``_prediction_shapes``, and store the settings that ``_settings`` reads.
    """

    # Settings, which the constructors of subclasses store.
    model: Any
    alpha: Any
    method: Any
    bounds: Any
    batch_size: Any
    max_iter: Any
    tol: Any
    n_iter_no_change: Any
    early_stopping: Any
    validation_fraction: Any
    shuffle: Any
    random_state: Any
    warm_start: Any
    callbacks: Any
    engine: Any

    loss_curve_: list[float]

    @property
    def _name(self) -> str:
        return type(self).__name__

    @property
    def _alpha(self) -> float:
        """Weight of the penalty."""
        return not_negative(self.alpha, "alpha", self._name)

    def _model(self) -> Any:
        """Return the model, a function of parameters and samples."""
        return self.model

    def _objective(self) -> Objective:
        """Return what is minimized."""
        raise NotImplementedError

    def _start_values(self, X: np.ndarray, outputs: int, random: np.random.Generator) -> Any:
        """Return start values of the parameters."""
        raise NotImplementedError

    def _prediction_shapes(self, y: np.ndarray) -> Sequence[tuple[int, ...]]:
        """Return which shapes the prediction for one sample may have."""
        raise NotImplementedError

    def _split(self, data: Data, seed: int) -> tuple[Data, Data]:
        """Return the samples to train on, and those set aside."""
        fraction = self.validation_fraction
        if not isinstance(fraction, float | np.floating) or not 0 < fraction < 1:
            raise InputError(
                f"{self._name}: validation_fraction must lie between 0 and 1, got {fraction!r}"
            )
        groups = data.y if data.y.dtype.kind == "i" else None
        rows = np.arange(data.rows)
        kept, aside = train_test_split(
            rows, test_size=fraction, random_state=seed, stratify=groups
        )
        return data.take(kept), data.take(aside)

    def _settings(self, rows: int, seed: int) -> Settings:
        """Return how to train on so many samples."""
        size = self.batch_size
        if isinstance(size, str) and size == "auto":
            size = min(_MOST_IN_BATCH, rows)
        is_number = isinstance(size, int | np.integer) and not isinstance(size, bool)
        if size is not None and not (is_number and size > 0):
            raise InputError(
                f"{self._name}: batch_size must be a positive whole number, 'auto' or None for "
                f"all samples, got {size!r}"
            )
        for name in ("max_iter", "n_iter_no_change"):
            value = getattr(self, name, 1)  # an estimator without batches has no patience
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise InputError(
                    f"{self._name}: {name} must be a positive whole number, got {value!r}"
                )
        return Settings(
            self.method,
            int(self.max_iter),
            None if self.tol is None else not_negative(self.tol, "tol", self._name),
            None if size is None else int(size),
            int(getattr(self, "n_iter_no_change", 1)),
            bool(self.shuffle),
            seed,
            self.engine,
            self._limits(),
        )

    def _limits(self) -> Any:
        """Return the bounds of the parameters."""
        return self.bounds

    def _needs_memory(self, caller: str) -> str:
        """Return why samples must be in memory, and what to write instead; empty otherwise."""
        if caller == "partial_fit":
            return "partial_fit takes samples in memory: give X.read(0, 10_000), then the next"
        if getattr(self, "batch_size", None) is not None:
            return (
                "batches are drawn from samples in memory: set batch_size=None, or call "
                "partial_fit for one block after the other"
            )
        if getattr(self, "early_stopping", False):
            return "early stopping sets samples in memory aside: set early_stopping=False"
        return ""

    def _data(self, X: Any, y: np.ndarray, weights: np.ndarray) -> Data:
        """Return samples that count, as the objective takes them."""
        if isinstance(X, Source):
            return Data(X, np.ascontiguousarray(y), weights, np.asarray(self._alpha, X.dtype))
        counts = weights > 0
        if not counts.all():
            X, y, weights = X[counts], y[counts], weights[counts]
        alpha = np.asarray(self._alpha, X.dtype)
        return Data(np.ascontiguousarray(X), np.ascontiguousarray(y), weights, alpha)

    def _train(self, data: Data, outputs: int, one_epoch: bool = False) -> None:
        """Find the parameters, and set the fitted attributes."""
        random = check_random_state(self.random_state)
        seed = int(random.randint(2**31 - 1))
        callbacks = callbacks_of(self.callbacks, self._name)
        objective = self._objective()
        goes_on = one_epoch or self.warm_start
        if goes_on and hasattr(self, "parameters_"):
            start = self.parameters_
        else:
            start = self._start_values(data.X, outputs, np.random.default_rng(seed))
        shapes = self._prediction_shapes(data.y)
        place = f"{self._name}.{'partial_fit' if one_epoch else 'fit'}"
        values = starting_point(start)
        some = first_rows(data.X, 2)
        check_model(objective.model, values, some.copy(), shapes, place)
        check_loss(objective, values, some, data.y[:2], place)
        validation_loss = None
        if self.early_stopping and not one_epoch:
            data, aside = self._split(data, seed)
            without_penalty = Objective(objective.model, objective.loss)
            validation_loss = lambda p: float(without_penalty(p, aside.X.copy(), *aside[1:]))
        settings, before = self._settings(data.rows, seed), None
        if one_epoch:
            settings = self._for_one_epoch(settings, data.rows)
            before = getattr(self, "_snapshot", None)
        watching = Watching(callbacks, validation_loss, settings.patience, settings.tolerance or 0)
        is_watched = bool(callbacks) or validation_loss is not None
        trained = train(objective, start, data, settings, watching if is_watched else None, before)
        self._set_fitted(trained, watching, is_added=one_epoch)

    def _for_one_epoch(self, settings: Settings, rows: int) -> Settings:
        size = settings.batch_size or min(_MOST_IN_BATCH, rows)
        return settings._replace(epochs=1, tolerance=None, batch_size=size)

    def _set_fitted(self, trained: Trained, watching: Watching, is_added: bool) -> None:
        earlier = list(self.loss_curve_) if is_added and hasattr(self, "loss_curve_") else []
        self.parameters_ = trained.parameters
        self.loss_curve_ = earlier + trained.losses
        self.n_iter_ = len(earlier) + trained.epochs
        self.loss_ = self.loss_curve_[-1]
        self.message_ = trained.message
        self.history_ = {
            "epoch": list(range(1, len(self.loss_curve_) + 1)),
            "loss": list(self.loss_curve_),
        }
        self._snapshot = trained.snapshot
        if watching.losses:
            self.parameters_ = watching.best
            self.validation_loss_curve_ = watching.losses
            self.best_validation_loss_ = watching.best_loss
            self.history_["validation_loss"] = list(watching.losses)
            self._snapshot = None  # which is the last point's, not the best one's
        if watching.losses and not np.isfinite(watching.best_loss):
            warn_user(
                f"{self._name}: the loss of the samples set aside is finite in no epoch, so that "
                "the last parameters are kept: scale the features, or take a smaller step size",
                ConvergenceWarning,
            )
        if not trained.has_converged:
            warn_user(f"{self._name} has not converged: {trained.message}", ConvergenceWarning)

    def _predictions(self, X: Any, is_single: bool) -> np.ndarray:
        """Return what the model predicts for new samples."""
        check_is_fitted(self)
        X, model = validated_samples(self, X), self._model()
        if isinstance(X, Source):
            predicted = values_in_blocks(lambda X: model(self.parameters_, X), X, model)
        else:  # a model may change its samples in place, but those are the caller's
            predicted = np.asarray(model(self.parameters_, np.array(X)))
        return in_columns_of(np.zeros(0), predicted) if is_single else predicted


def not_negative(value: Any, name: str, estimator: str) -> float:
    """Return a setting as a number.

    Raises
    ------
    InputError
        If it is negative or no number.
    """
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not value >= 0:
        raise InputError(f"{estimator}: {name} must be a number of at least 0, got {value!r}")
    return float(value)


def numbers_only(y: Any, place: str) -> None:
    """Raise for targets that are strings, which a regressor cannot predict."""
    if is_read(y):
        return
    kinds = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    first = kinds.reshape(-1)[:1]
    if kinds.dtype.kind in "US" or (first.size and isinstance(first[0], str)):
        raise InputError(
            f"{place}: y holds text such as {str(first[0])!r}, but a regressor predicts "
            "numbers: convert y by y.astype(float), or take a classifier for labels"
        )

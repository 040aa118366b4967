"""Fitted estimators of ``steepest.learn`` as ONNX files."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.exchange.onnx.builder import Extent, Writer
from steepest.exchange.onnx.export import write
from steepest.graph import trees
from steepest.trace import current, softmax
from steepest.trace.following.follow import wrap_captured
from steepest.trace.tracing import call_traced

_ROWS = Extent(1, 0)


def write_estimator(path: str | os.PathLike[str], estimator: Any, examples: Sequence[Any]) -> None:
    """Write a fitted estimator's predictions for any number of samples."""
    from sklearn.utils.validation import check_is_fitted

    name = type(estimator).__name__
    if not type(estimator).__module__.startswith("steepest.learn"):
        raise InputError(
            f"st.to_onnx writes functions and estimators of steepest.learn, not {name}: give a "
            "function of X that computes its predictions in NumPy"
        )
    check_is_fitted(estimator)
    if len(examples) > 1:
        raise InputError(f"st.to_onnx of an estimator takes one sample X, got {len(examples)}")
    X = examples[0] if examples else np.zeros((1, estimator.n_features_in_))
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != estimator.n_features_in_ or X.dtype.kind != "f":
        raise InputError(
            f"st.to_onnx: {name} was fitted for {estimator.n_features_in_} features, got a sample "
            f"of shape {X.shape} and dtype {X.dtype}"
        )
    X = np.ascontiguousarray(X[:1]) if len(X) else np.zeros((1, X.shape[1]), X.dtype)
    own = _without_checks(estimator)
    if not hasattr(estimator, "classes_"):

        def prediction(X: Any) -> Any:
            return {"prediction": own.predict(X)}

        write(path, prediction, [X], 0)
        return
    labels = np.asarray(estimator.classes_)
    has_probabilities = hasattr(estimator, "predict_proba")

    def scores(X: Any) -> Any:
        found = own.decision_function(X)
        numbers = (found > 0).astype(np.int64) if found.ndim == 1 else np.argmax(found, axis=1)
        return numbers, softmax(own._all_scores(X)) if has_probabilities else found

    def finish(writer: Writer, results: list[str]) -> list[tuple[str, str, Any, tuple[Any, ...]]]:
        numbers, values = results
        is_text = labels.dtype.kind in "OUS"
        kept = np.array([str(x) for x in labels], object) if is_text else labels
        label = writer.emit("Gather", writer.constant(kept, name="classes"), numbers, axis=0)
        is_single = len(labels) == 2 and not has_probabilities
        shape = (_ROWS,) if is_single else (_ROWS, len(labels))
        second = "probabilities" if has_probabilities else "scores"
        return [
            ("label", label, kept.dtype, (_ROWS,)),
            (second, values, X.dtype, shape),
        ]

    write(path, scores, [X], 0, finish)


def _without_checks(estimator: Any) -> Any:
    """Return an estimator whose predictions take traced samples.

    Only the checks of samples are left out, which look at values.
    """
    from steepest.learn.objective import called, in_columns_of

    own = copy.copy(estimator)

    def predictions(X: Any, is_single: bool) -> Any:
        predicted = called(estimator._model(), _named(estimator.parameters_), X)
        return in_columns_of(np.zeros(0), predicted) if is_single else predicted

    def curve(X: Any) -> Any:
        x = X[:, 0] if estimator.n_features_in_ == 1 else X.T
        values = call_traced(estimator.model, current(), [x], _named(estimator.parameters_))
        return np.broadcast_to(values, (len(X),)) if np.size(values) == 1 else values

    if hasattr(estimator, "_model"):
        own._predictions = predictions
    else:
        own.predict = curve
    return own


def _named(parameters: Any) -> Any:
    """Return parameters as arrays that the function captures, so that the file names them."""
    leaves, structure = trees.flatten(parameters)
    names = trees.names_in(structure, "parameters")
    pairs = zip(leaves, names, strict=True)
    seen = [_captured(*pair) if isinstance(pair[0], np.ndarray) else pair[0] for pair in pairs]
    return trees.unflatten(structure, seen)


def _captured(array: np.ndarray, name: str) -> Any:
    return wrap_captured(array, lambda: array, name, current())

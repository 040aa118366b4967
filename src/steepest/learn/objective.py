"""What an estimator minimizes: a weighted mean of losses, and a penalty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from steepest.errors import InputError, SettingError
from steepest.graph import trees
from steepest.graph.source import at, function_source
from steepest.learn.losses import RowLoss
from steepest.trace import current, is_tracing
from steepest.trace.tracing import call_traced

Model = Callable[[Any, Any], Any]
"""Returns predictions from parameters and samples."""


class Data(NamedTuple):
    """Samples, as the objective takes them.

    Attributes
    ----------
    X
        Samples, shape (n, features): an array or a source.
    y
        Targets or numbers of classes, shape (n,) or (n, outputs).
    weights
        Weights of the samples, shape (n,).
    alpha
        Weight of the penalty, or of each of its terms. It is an argument, so that another value
        is not compiled anew.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray
    alpha: np.ndarray

    @property
    def rows(self) -> int:
        """Number of samples."""
        return len(self.weights)

    def take(self, rows: np.ndarray) -> Data:
        """Return some of the samples."""
        return Data(self.X[rows], self.y[rows], self.weights[rows], self.alpha)


@dataclass(frozen=True)
class Objective:
    """The mean of the losses of all samples, and a penalty.

    Two objectives of the same functions are equal, so that what was compiled for one serves the
    other: a clone of an estimator compiles nothing.

    Attributes
    ----------
    model
        The user's model.
    loss
        Its loss for each row.
    penalty
        A function of the parameters that returns a number, or several to be added; or None.
    is_sum
        Whether the penalty is added to the sum of losses, not to their mean.
    """

    model: Model
    loss: RowLoss
    penalty: Callable[[Any], Any] | None = None
    is_sum: bool = False

    @property
    def __name__(self) -> str:
        return getattr(self.model, "__name__", type(self.model).__name__)

    def __call__(self, parameters: Any, X: Any, y: Any, weights: Any, alpha: Any) -> Any:
        """Return the loss."""
        predicted = in_columns_of(y, called(self.model, parameters, X))
        losses = called(self.loss, predicted, y)
        if losses.ndim > 1:
            losses = np.mean(losses, axis=1)
        total = np.sum(weights)
        mean = np.sum(weights * losses) / total
        if self.penalty is None:
            return mean
        penalty = np.sum(alpha * called(self.penalty, parameters))
        return mean + (penalty / total if self.is_sum else penalty)


def called(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that may be the user's, with arrays or while it is traced."""
    return call_traced(function, current(), args) if is_tracing() else function(*args)


def in_columns_of(y: Any, predicted: Any) -> Any:
    """Return predictions of one column as a vector, where there is one target.

    Otherwise NumPy would broadcast the column against the vector of targets.
    """
    is_column = predicted.ndim == 2 and predicted.shape[1] == 1
    return predicted[:, 0] if is_column and y.ndim == 1 else predicted


def squares(parameters: Any) -> Any:
    """Return half the sum of squares of all parameters."""
    total: Any = 0.0
    for leaf in trees.leaves(parameters):
        total = total + np.sum(np.square(leaf))
    return 0.5 * total


PENALTIES: dict[str, Callable[[Any], Any]] = {"l2": squares}


def penalty_of(penalty: Any, estimator: str) -> Callable[[Any], Any] | None:
    """Return a penalty by its name, or the function that was given; None for none.

    Raises
    ------
    InputError
        If there is no penalty of this name.
    """
    if penalty is None:
        return None
    if isinstance(penalty, str) and penalty in PENALTIES:
        return PENALTIES[penalty]
    if callable(penalty):
        found: Callable[[Any], Any] = penalty
        return found
    raise InputError(
        f"{estimator} has no penalty {penalty!r}: write 'l2', a function of the parameters that "
        "returns a number, or None"
    )


def check_model(
    model: Any, start: Any, X: np.ndarray, shapes: Sequence[tuple[int, ...]], estimator: str
) -> None:
    """Call a model on the first samples, and raise unless it fits the start and the targets.

    Parameters
    ----------
    model, start
        The model, and the parameters that it is called with.
    X
        Samples, which the model may change in place.
    shapes
        Shapes that the prediction for one sample may have.
    estimator
        What to call the estimator in errors.

    Raises
    ------
    InputError
        If the model cannot be called with the start, or returns another shape.
    """
    if not callable(model):
        raise SettingError(
            f"{estimator}: model must be a function of the parameters and X, got {model!r}"
        )
    rows = X[:2]
    name = getattr(model, "__name__", type(model).__name__)
    where = f"{name}{at(function_source(model))}"
    try:
        with np.errstate(all="ignore"):
            predicted = np.asarray(model(start, rows))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{estimator}: {where} cannot be called with the start values and X of shape "
            f"{rows.shape}: {type(error).__name__}: {error}. start has "
            f"{describe(start)}"
        ) from error
    wanted = [(len(rows), *shape) for shape in shapes]
    if predicted.shape in wanted or (() in shapes and predicted.shape == (len(rows), 1)):
        return
    raise InputError(
        f"{estimator}: {where} returns shape {predicted.shape} for {len(rows)} rows of X: it must "
        f"return shape {' or '.join(map(str, wanted))}, "
        f"{'a row' if shapes[0] else 'one number'} for each row of X"
    )


def check_loss(
    objective: Objective, start: Any, X: np.ndarray, y: np.ndarray, estimator: str
) -> None:
    """Raise unless the loss of an objective has a value for each row.

    Raises
    ------
    InputError
        If it has another shape.
    """
    with np.errstate(all="ignore"):
        losses = objective.loss(in_columns_of(y, np.asarray(objective.model(start, X))), y)
    if np.shape(losses)[:1] != (len(y),):
        name = getattr(objective.loss, "__name__", type(objective.loss).__name__)
        raise InputError(
            f"{estimator}: {name}{at(function_source(objective.loss))} returns shape "
            f"{np.shape(losses)} for {len(y)} rows: it must return a loss for each row; "
            "the estimator takes their mean"
        )


def describe(start: Any) -> str:
    """Return the names and shapes of start values."""
    leaves = trees.leaves(start)
    named = zip(trees.leaf_names(start, "p"), leaves, strict=True)
    return ", ".join(f"{name} of shape {np.shape(leaf)}" for name, leaf in named) or "no numbers"

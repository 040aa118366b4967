"""What is noted after each epoch: losses, the best parameters, the callbacks' wishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.errors import SettingError


@dataclass(frozen=True)
class Epoch:
    """What a callback of an estimator is given after each epoch.

    Without minibatches, an epoch is an iteration of the descent.

    Parameters
    ----------
    number : int
        Number of the epoch, from 1.
    loss : float
        Loss of the training samples: the mean of the epoch's batches, or that of all samples.
    validation_loss : float or None
        Loss of the samples set aside, without the penalty; None without early stopping.
    parameters : nested parameters
        Parameters of the model.

    Examples
    --------
    >>> import numpy as np
    >>> from steepest.learn import Epoch, MLPRegressor
    >>> def show(epoch: Epoch) -> bool:
    ...     print(epoch.number, epoch.validation_loss)
    ...     return epoch.number == 2
    >>> X = np.linspace(0, 1, 50)[:, None]
    >>> network = MLPRegressor(4, callbacks=[show], random_state=0).fit(X, X[:, 0])
    1 None
    2 None
    """

    number: int
    loss: float
    validation_loss: float | None
    parameters: Any


class Watching:
    """Notes each epoch, and decides whether to go on.

    Parameters
    ----------
    callbacks
        Functions of an :class:`Epoch`; one that returns True ends the training.
    validation_loss
        Returns the loss of the samples set aside from parameters; None without them.
    patience, tolerance
        The training ends after so many epochs in which the validation loss has not fallen by the
        tolerance.
    """

    def __init__(
        self,
        callbacks: Sequence[Callable[[Epoch], Any]],
        validation_loss: Callable[[Any], float] | None,
        patience: int,
        tolerance: float,
    ) -> None:
        self.callbacks, self.validation_loss = callbacks, validation_loss
        self.patience, self.tolerance = patience, tolerance
        self.losses: list[float] = []
        self.best: Any = None
        self.best_loss, self._goal, self._waited = np.inf, np.inf, 0

    def __call__(self, number: int, loss: float, parameters: Any) -> bool:
        """Note an epoch; return whether to stop."""
        found = None
        if self.validation_loss is not None:
            found = self.validation_loss(parameters)
            self.losses.append(found)
            if found < self.best_loss or not np.isfinite(self.best_loss):
                self.best, self.best_loss = parameters, found
            self._waited = 0 if found < self._goal - self.tolerance else self._waited + 1
            self._goal = min(self._goal, found)
        epoch = Epoch(number, float(loss), found, parameters)
        wishes = [callback(epoch) for callback in self.callbacks]
        is_ended = any([isinstance(wish, bool | np.bool_) and wish for wish in wishes])
        return is_ended or (found is not None and self._waited > self.patience)


def callbacks_of(callbacks: Any, estimator: str) -> list[Callable[[Epoch], Any]]:
    """Return callbacks as a list.

    Raises
    ------
    SettingError
        If one is not a function.
    """
    listed = [] if callbacks is None else [callbacks] if callable(callbacks) else list(callbacks)
    for callback in listed:
        if not callable(callback):
            raise SettingError(
                f"{estimator}: callbacks must be functions of an Epoch, got {callback!r}"
            )
    return listed

"""Descent methods: each is its mathematics, written once in NumPy and run by every engine.

A method is a pair of pure functions on vectors. ``init(x)`` returns the state that it
starts with: an array, or nested tuples, lists and dicts of arrays. ``update(x, gradient,
state, iteration)`` returns the next x and the next state. All parameters come as one vector,
however they are nested. A method of your own needs no more; a frozen dataclass keeps its
settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from steepest.descent.step_size import StepSize, check_step_size, in_precision_of, step_at
from steepest.errors import InputError


class Method(Protocol):
    """What a descent method provides."""

    def init(self, x: Any) -> Any:
        """Return the state at the start.

        Parameters
        ----------
        x
            Start point, shape (n,).
        """
        ...

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        """Return the next point and the next state.

        Parameters
        ----------
        x
            Point, shape (n,).
        gradient
            Gradient of the loss there, shape (n,).
        state
            What ``init`` or the last update returned.
        iteration
            Number of updates made before.
        """
        ...


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and less than 1, got {value!r}")


@dataclass(frozen=True)
class GradientDescent:
    """Steps against the gradient: ``x - step_size * gradient`` (Cauchy 1847).

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.

    Raises
    ------
    InputError
        If the step size is not positive and finite.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.GradientDescent(step_size=0.1))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-3

    def __post_init__(self) -> None:
        check_step_size(self.step_size)

    def init(self, x: Any) -> Any:
        return ()

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        return x - step_at(self.step_size, iteration, x) * gradient, state


@dataclass(frozen=True)
class Momentum:
    """Steps along a decaying sum of gradients (Polyak 1964, Nesterov 1983).

    ``velocity = momentum * velocity + gradient``; the step is along the velocity, or with
    `nesterov` along ``gradient + momentum * velocity``. The conventions are those of
    ``torch.optim.SGD``.

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    momentum
        Share of the velocity that stays, in [0, 1).
    nesterov
        Whether to look ahead along the velocity.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.Momentum(0.05, nesterov=True))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-3
    momentum: float = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        _check_share("momentum", self.momentum)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        velocity = self.momentum * state + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return x - step_at(self.step_size, iteration, x) * direction, velocity


@dataclass(frozen=True)
class Adam:
    """Steps scaled by running means of the gradient and its square (Kingma and Ba 2015).

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    beta1, beta2
        Shares of the running means that stay, in [0, 1).
    epsilon
        Added to the root of the mean square.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=st.Adam(0.1))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        _check_share("beta1", self.beta1)
        _check_share("beta2", self.beta2)
        if not self.epsilon > 0:
            raise InputError(f"epsilon must be positive, got {self.epsilon!r}")

    def init(self, x: Any) -> Any:
        # Powers of the shares are kept as running products, which every engine rounds alike.
        return np.zeros_like(x), np.zeros_like(x), np.ones(()), np.ones(())

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        mean, square, decay1, decay2 = state
        mean = self.beta1 * mean + (1 - self.beta1) * gradient
        square = self.beta2 * square + (1 - self.beta2) * np.square(gradient)
        decay1, decay2 = self.beta1 * decay1, self.beta2 * decay2
        # The running means start at zero; these undo that.
        unbiased = mean / in_precision_of(1 - decay1, x)
        scale = np.sqrt(square / in_precision_of(1 - decay2, x))
        step = step_at(self.step_size, iteration, x)
        after = x - step * unbiased / (scale + self.epsilon)
        return after, (mean, square, decay1, decay2)

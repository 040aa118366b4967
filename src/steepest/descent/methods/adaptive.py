"""Methods that give each parameter a step size of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.methods.gradient import check_share
from steepest.descent.methods.schedules import StepSize, check_step_size, in_precision_of, step_at
from steepest.errors import InputError

__all__ = ["Adagrad", "Adam", "AdamW", "Lion", "RMSProp"]


def _check_epsilon(epsilon: float) -> None:
    if not epsilon > 0:
        raise InputError(f"epsilon must be positive, got {epsilon!r}")


def _check_decay(weight_decay: float) -> None:
    if not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise InputError(f"weight_decay must be at least 0, got {weight_decay!r}")


@dataclass(frozen=True)
class Adagrad:
    """Steps scaled by the sum of squared gradients (Duchi, Hazan and Singer 2011).

    The conventions are those of ``torch.optim.Adagrad``: the sum starts at `initial`, and
    `epsilon` is added to its root. (optax adds it under the root, and starts at 0.1.)

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    initial
        What the sum of squares starts with.
    epsilon
        Added to the root of the sum.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=st.Adagrad(1.0))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-2
    initial: float = 0.0
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        _check_epsilon(self.epsilon)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x) + self.initial

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        total = state + np.square(gradient)
        step = step_at(self.step_size, iteration, x)
        return x - step * gradient / (np.sqrt(total) + self.epsilon), total


@dataclass(frozen=True)
class RMSProp:
    """Steps scaled by a running mean of squared gradients (Hinton 2012).

    The conventions are those of ``torch.optim.RMSprop``: `epsilon` is added to the root.

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    decay
        Share of the running mean that stays, in [0, 1).
    epsilon
        Added to the root of the mean square.
    momentum
        Share of the last step that stays, in [0, 1).

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> schedule = st.ExponentialDecay(0.1, factor=0.5, every=50)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.RMSProp(schedule), stop=st.MaxIterations(1000))
    >>> run.x.round(3)
    array([3., 3.])
    """

    step_size: StepSize = 1e-2
    decay: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        check_share("decay", self.decay)
        check_share("momentum", self.momentum)
        _check_epsilon(self.epsilon)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x), np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        square, velocity = state
        square = self.decay * square + (1 - self.decay) * np.square(gradient)
        velocity = self.momentum * velocity + gradient / (np.sqrt(square) + self.epsilon)
        return x - step_at(self.step_size, iteration, x) * velocity, (square, velocity)


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
        check_share("beta1", self.beta1)
        check_share("beta2", self.beta2)
        _check_epsilon(self.epsilon)

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


@dataclass(frozen=True)
class AdamW:
    """Adam with weight decay that is not scaled (Loshchilov and Hutter 2019).

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    beta1, beta2
        Shares of the running means that stay, in [0, 1).
    epsilon
        Added to the root of the mean square.
    weight_decay
        Share of the parameters that a step of size 1 would remove.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.AdamW(0.05, weight_decay=0.0))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 1e-2

    def __post_init__(self) -> None:
        self._adam()
        _check_decay(self.weight_decay)

    def _adam(self) -> Adam:
        return Adam(self.step_size, self.beta1, self.beta2, self.epsilon)

    def init(self, x: Any) -> Any:
        return self._adam().init(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        after, state = self._adam().update(x, gradient, state, iteration)
        shrink = step_at(self.step_size, iteration, x) * self.weight_decay
        return after - shrink * x, state


@dataclass(frozen=True)
class Lion:
    """Steps of one length in each parameter, along the sign of a mean (Chen et al. 2023).

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    beta1
        Share of the running mean in the direction, in [0, 1).
    beta2
        Share of the running mean that stays, in [0, 1).
    weight_decay
        Share of the parameters that a step of size 1 would remove.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> schedule = st.CosineDecay(0.1, iterations=500)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.Lion(schedule), stop=st.MaxIterations(500))
    >>> run.x.round(3)
    array([3., 3.])
    """

    step_size: StepSize = 1e-4
    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        check_share("beta1", self.beta1)
        check_share("beta2", self.beta2)
        _check_decay(self.weight_decay)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        direction = np.sign(self.beta1 * state + (1 - self.beta1) * gradient)
        mean = self.beta2 * state + (1 - self.beta2) * gradient
        step = step_at(self.step_size, iteration, x)
        return x - step * (direction + self.weight_decay * x), mean

"""First-order methods with a step size for each parameter: Adagrad, RMSProp, Adam, AdamW, Lion."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.gradient import check_share
from steepest.descent.methods.schedules import StepSize, check_step_size, in_precision_of, step_at
from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["Adagrad", "Adam", "AdamW", "Lion", "RMSProp"]


def _check_epsilon(epsilon: float) -> None:
    if not epsilon > 0:
        raise InputError(f"epsilon must be positive, got {epsilon!r}")


def _check_decay(weight_decay: float) -> None:
    if not (np.isfinite(weight_decay) and weight_decay >= 0):
        raise InputError(f"weight_decay must be at least 0, got {weight_decay!r}")


@settings
class Adagrad:
    """Gradients scaled by the root of the sum of their squares (Duchi et al. [1]_).

    The conventions are those of ``torch.optim.Adagrad``: the sum starts at `initial`, and
    `epsilon` is added to its root. (optax adds it under the root, and starts at 0.1.)

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    initial : float, optional
        Start of the sum of squares.
    epsilon : float, optional
        Positive number added to the root of the sum.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] J. Duchi, E. Hazan and Y. Singer, "Adaptive subgradient methods for online learning and
       stochastic optimization", Journal of Machine Learning Research 12, 2121-2159, 2011.

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


@settings
class RMSProp:
    """Gradients scaled by the root of a running mean of their squares (Tieleman, Hinton [1]_).

    The conventions are those of ``torch.optim.RMSprop``: `epsilon` is added to the root.

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    decay : float, optional
        Factor of the running mean at each update, in [0, 1).
    epsilon : float, optional
        Positive number added to the root of the mean square.
    momentum : float, optional
        Factor of the last step at each update, in [0, 1).

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] T. Tieleman and G. Hinton, "Lecture 6.5: RMSProp: divide the gradient by a running
       average of its recent magnitude", COURSERA: Neural Networks for Machine Learning, 2012.

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


@settings
class Adam:
    """Running mean of the gradient, scaled by that of its square (Kingma and Ba [1]_).

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    beta1, beta2 : float, optional
        Factors of the running means of the gradient and of its square at each update, in [0, 1).
    epsilon : float, optional
        Positive number added to the root of the mean square.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] D. P. Kingma and J. Ba, "Adam: a method for stochastic optimization", International
       Conference on Learning Representations (ICLR), 2015, arXiv:1412.6980.

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
        _check_adam(self)

    def init(self, x: Any) -> Any:
        return _adam_start(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        return _adam_step(self, x, gradient, state, iteration)


def _adam_start(x: Any) -> Any:
    # Powers of the shares are kept as running products, which every engine rounds alike.
    return np.zeros_like(x), np.zeros_like(x), np.ones(()), np.ones(())


def _adam_step(
    of: Adam | AdamW, x: Any, gradient: Any, state: Any, iteration: Any
) -> tuple[Any, Any]:
    mean, square, decay1, decay2 = state
    mean = of.beta1 * mean + (1 - of.beta1) * gradient
    square = of.beta2 * square + (1 - of.beta2) * np.square(gradient)
    decay1, decay2 = of.beta1 * decay1, of.beta2 * decay2
    # The running means start at zero; these undo that.
    unbiased = mean / in_precision_of(1 - decay1, x)
    scale = np.sqrt(square / in_precision_of(1 - decay2, x))
    step = step_at(of.step_size, iteration, x)
    after = x - step * unbiased / (scale + of.epsilon)
    return after, (mean, square, decay1, decay2)


def _check_adam(of: Adam | AdamW) -> None:
    check_step_size(of.step_size)
    check_share("beta1", of.beta1)
    check_share("beta2", of.beta2)
    _check_epsilon(of.epsilon)


@settings
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter [1]_).

    The decay subtracts ``step_size * weight_decay * x``. Adam does not scale it.

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    beta1, beta2 : float, optional
        Factors of the running means of the gradient and of its square at each update, in [0, 1).
    epsilon : float, optional
        Positive number added to the root of the mean square.
    weight_decay : float, optional
        Fraction of each parameter that is subtracted at a step size of 1; at least 0.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "Decoupled weight decay regularization", International
       Conference on Learning Representations (ICLR), 2019, arXiv:1711.05101.

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
        _check_adam(self)
        _check_decay(self.weight_decay)

    def init(self, x: Any) -> Any:
        return _adam_start(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        after, state = _adam_step(self, x, gradient, state, iteration)
        shrink = step_at(self.step_size, iteration, x) * self.weight_decay
        return after - shrink * x, state


@settings
class Lion:
    """Steps along the sign of a running mean of gradients (Chen et al. [1]_).

    Each parameter changes by the step size, apart from the weight decay.

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    beta1 : float, optional
        Weight of the running mean in the direction, in [0, 1).
    beta2 : float, optional
        Factor of the running mean at each update, in [0, 1).
    weight_decay : float, optional
        Fraction of each parameter that is subtracted at a step size of 1; at least 0.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] X. Chen, C. Liang, D. Huang et al., "Symbolic discovery of optimization algorithms",
       Advances in Neural Information Processing Systems (NeurIPS) 36, 2023, arXiv:2302.06675.

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

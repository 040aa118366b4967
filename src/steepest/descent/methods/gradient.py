"""First-order methods with one step size: gradient descent, momentum, Nesterov."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.schedules import StepSize, check_step_size, step_at
from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["GradientDescent", "Momentum", "Nesterov"]


def check_share(name: str, value: float) -> None:
    """Raise unless a setting is in [0, 1)."""
    if not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and less than 1, got {value!r}")


@settings
class GradientDescent:
    """Gradient descent with a given step size: ``x - step_size * gradient`` (Cauchy [1]_).

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).

    Raises
    ------
    InputError
        If the step size is not positive and finite.

    References
    ----------
    .. [1] A. Cauchy, "Méthode générale pour la résolution des systèmes d'équations
       simultanées", Comptes rendus de l'Académie des sciences 25, 536-538, 1847.

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


@settings
class Momentum:
    """Gradient descent with momentum: steps along a decaying sum of gradients (Polyak [1]_).

    The velocity is ``momentum * velocity + gradient``. The step goes along the velocity, or with
    `nesterov` along ``gradient + momentum * velocity`` [2]_. The conventions are those of
    ``torch.optim.SGD``.

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    momentum : float, optional
        Factor of the velocity at each update, in [0, 1).
    nesterov : bool, optional
        Whether to add the gradient to the decayed velocity, as Nesterov's method does.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] B. T. Polyak, "Some methods of speeding up the convergence of iteration methods",
       USSR Computational Mathematics and Mathematical Physics 4 (5), 1-17, 1964.
    .. [2] I. Sutskever, J. Martens, G. Dahl and G. Hinton, "On the importance of initialization
       and momentum in deep learning", International Conference on Machine Learning (ICML),
       1139-1147, 2013.

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
        check_share("momentum", self.momentum)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        velocity, along = _velocities(self.momentum, state, gradient)
        direction = along if self.nesterov else velocity
        return x - step_at(self.step_size, iteration, x) * direction, velocity


def _velocities(momentum: Any, velocity: Any, gradient: Any) -> tuple[Any, Any]:
    """Return the next velocity, and the direction of Nesterov's step."""
    velocity = momentum * velocity + gradient
    return velocity, gradient + momentum * velocity


@settings
class Nesterov:
    """Nesterov's accelerated gradient (Nesterov [1]_), with a constant momentum.

    It equals ``Momentum(step_size, momentum, nesterov=True)``.

    Parameters
    ----------
    step_size : float or callable, optional
        Step size, a positive number or a function of the iteration (a schedule).
    momentum : float, optional
        Factor of the velocity at each update, in [0, 1).

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] Y. E. Nesterov, "A method for solving the convex programming problem with convergence
       rate O(1/k^2)", Doklady Akademii Nauk SSSR 269 (3), 543-547, 1983.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2), method=st.Nesterov(0.05))
    >>> run.x.round(4)
    array([3., 3.])
    """

    step_size: StepSize = 1e-3
    momentum: float = 0.9

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        check_share("momentum", self.momentum)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        velocity, direction = _velocities(self.momentum, state, gradient)
        return x - step_at(self.step_size, iteration, x) * direction, velocity

"""Methods that look at the gradient alone, and go wherever their update leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.methods.schedules import StepSize, check_step_size, step_at
from steepest.errors import InputError

__all__ = ["GradientDescent", "Momentum", "Nesterov"]


def check_share(name: str, value: float) -> None:
    """Raise unless a number is in [0, 1)."""
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
        check_share("momentum", self.momentum)

    def init(self, x: Any) -> Any:
        return np.zeros_like(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        velocity = self.momentum * state + gradient
        direction = gradient + self.momentum * velocity if self.nesterov else velocity
        return x - step_at(self.step_size, iteration, x) * direction, velocity


@dataclass(frozen=True)
class Nesterov:
    """Momentum that looks ahead along the velocity (Nesterov 1983).

    The same as ``Momentum(step_size, momentum, nesterov=True)``.

    Parameters
    ----------
    step_size
        Positive number, or a function of the iteration.
    momentum
        Share of the velocity that stays, in [0, 1).

    Raises
    ------
    InputError
        If a setting is out of its range.

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
        self._momentum()

    def _momentum(self) -> Momentum:
        return Momentum(self.step_size, self.momentum, nesterov=True)

    def init(self, x: Any) -> Any:
        return self._momentum().init(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        return self._momentum().update(x, gradient, state, iteration)

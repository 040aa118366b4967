"""Methods around a method: what they hand on to it, and what they make of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from steepest.descent.methods.base import Method
from steepest.descent.methods.gradient import check_share
from steepest.descent.problem.linalg import norm
from steepest.errors import InputError

__all__ = ["Averaged", "Clipped", "WeightDecay"]


@dataclass(frozen=True)
class Clipped:
    """A method that sees gradients of limited length (Pascanu, Mikolov and Bengio 2013).

    Parameters
    ----------
    method
        The method.
    norm
        A longer gradient is scaled down to this Euclidean norm.
    value
        Each element is cut to ``[-value, value]`` before that.

    Raises
    ------
    InputError
        If neither limit is given, or one is not positive.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> method = st.Clipped(st.GradientDescent(0.1), norm=1.0)
    >>> run = st.minimize(lambda x: x**4, 10.0, method=method, stop=st.MaxIterations(1))
    >>> float(run.x.round(6))
    9.9
    """

    method: Method
    norm: float | None = None
    value: float | None = None

    def __post_init__(self) -> None:
        if self.norm is None and self.value is None:
            raise InputError("Clipped needs a limit: norm=1.0 or value=1.0")
        for name in ("norm", "value"):
            limit = getattr(self, name)
            if limit is not None and not limit > 0:
                raise InputError(f"{name} must be positive, got {limit!r}")

    def init(self, x: Any) -> Any:
        return self.method.init(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        if self.value is not None:
            gradient = np.clip(gradient, -self.value, self.value)
        if self.norm is not None:
            length = np.maximum(norm(gradient), 1e-30)
            gradient = gradient * np.minimum(1.0, self.norm / length)
        return self.method.update(x, gradient, state, iteration)


@dataclass(frozen=True)
class WeightDecay:
    """A method that also sees the slope of a penalty, half the squared norm of x.

    Parameters
    ----------
    method
        The method.
    weight_decay
        Weight of the penalty. (:class:`AdamW` and :class:`Lion` have a decay that is not
        scaled like a gradient.)

    Raises
    ------
    InputError
        If the weight is negative.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> method = st.WeightDecay(st.GradientDescent(0.1), 1.0)
    >>> run = st.minimize(lambda x: 0.5 * (x - 1) ** 2, 0.0, method=method,
    ...                   stop=st.MaxIterations(200))
    >>> float(run.x.round(6))
    0.5
    """

    method: Method
    weight_decay: float

    def __post_init__(self) -> None:
        if not self.weight_decay >= 0:
            raise InputError(f"weight_decay must be at least 0, got {self.weight_decay!r}")

    def init(self, x: Any) -> Any:
        return self.method.init(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        return self.method.update(x, gradient + self.weight_decay * x, state, iteration)


@dataclass(frozen=True)
class Averaged:
    """A method whose answer is a mean of the points it passed (Polyak and Juditsky 1992).

    Loss and stop rules see the points themselves; ``run.x`` is the mean, and ``run.loss`` is
    the loss there.

    Parameters
    ----------
    method
        The method.
    decay
        Share of a running mean that stays at each step, in [0, 1); None weighs all points
        since `start` equally.
    start
        Points before this iteration do not count.

    Raises
    ------
    InputError
        If a setting is out of its range.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> method = st.Averaged(st.GradientDescent(1.9), start=10)
    >>> run = st.minimize(lambda x: 0.5 * x**2, 1.0, method=method, stop=st.MaxIterations(20))
    >>> bool(abs(run.x) < abs(run.history.x[-1]))
    True
    """

    method: Method
    decay: float | None = None
    start: int = 0

    def __post_init__(self) -> None:
        if self.decay is not None:
            check_share("decay", self.decay)
        if self.start < 0:
            raise InputError(f"start must be at least 0, got {self.start!r}")

    def init(self, x: Any) -> Any:
        return self.method.init(x), np.copy(x)

    def update(self, x: Any, gradient: Any, state: Any, iteration: Any) -> tuple[Any, Any]:
        own, mean = state
        after, own = self.method.update(x, gradient, own, iteration)
        counted = iteration + 1 - self.start  # points that count, this one included
        share = 1.0 / np.maximum(counted, 1) if self.decay is None else 1.0 - self.decay
        share = np.where(counted <= 1, 1.0, share)
        return after, (own, mean + np.astype(share, x.dtype) * (after - mean))

    def answer(self, x: Any, state: Any) -> Any:
        """Return what the run returns as x."""
        return state[1]

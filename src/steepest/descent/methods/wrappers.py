"""Methods around another method: they change its gradient, or what the run returns."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.base import Method
from steepest.descent.methods.gradient import check_share
from steepest.descent.problem.linalg import norm
from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["Averaged", "Clipped", "WeightDecay"]


@settings
class Clipped:
    """Another method, given gradients of limited size (Pascanu et al. [1]_).

    Parameters
    ----------
    method : Method
        The method to wrap.
    norm : float, optional
        Largest Euclidean norm. A longer gradient is scaled down to it.
    value : float, optional
        Each element of the gradient is clipped to ``[-value, value]``, before `norm` is applied.

    Raises
    ------
    InputError
        If neither limit is given, or one is not positive.

    References
    ----------
    .. [1] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", International Conference on Machine Learning (ICML), 1310-1318, 2013,
       arXiv:1211.5063.

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


@settings
class WeightDecay:
    """Another method, with the gradient of an L2 penalty added (Krogh and Hertz [1]_).

    The penalty is ``0.5 * weight_decay * sum(x**2)``. :class:`AdamW` and :class:`Lion` have a
    decay of their own, which the method does not scale.

    Parameters
    ----------
    method : Method
        The method to wrap.
    weight_decay : float
        Weight of the penalty, at least 0.

    Raises
    ------
    InputError
        If the weight is negative.

    References
    ----------
    .. [1] A. Krogh and J. A. Hertz, "A simple weight decay can improve generalization", Advances
       in Neural Information Processing Systems (NIPS) 4, 950-957, 1991.

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


@settings
class Averaged:
    """Another method, whose result is a mean of its iterates (Polyak and Juditsky [1]_).

    The iteration, its losses and the stop rule use the iterates. ``run.x`` is their mean, and
    ``run.loss`` is the loss at the mean.

    Parameters
    ----------
    method : Method
        The method to wrap.
    decay : float, optional
        Factor of an exponential mean at each update, in [0, 1). None weighs all iterates
        from `start` on equally.
    start : int, optional
        First iteration whose iterate enters the mean.

    Raises
    ------
    InputError
        If a setting is out of its range.

    References
    ----------
    .. [1] B. T. Polyak and A. B. Juditsky, "Acceleration of stochastic approximation by
       averaging", SIAM Journal on Control and Optimization 30 (4), 838-855, 1992.

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
        """Return the mean of the iterates, which the run returns as x."""
        return state[1]

"""The settings of the augmented Lagrangian method."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.methods.base import Driven, Search
from steepest.descent.settings import settings
from steepest.errors import InputError, SettingError

__all__ = ["AugmentedLagrangian"]


@settings
class AugmentedLagrangian(Driven):
    """Augmented Lagrangian method with safeguarded multipliers, which forms no matrix.

    Another method minimizes the loss plus a penalty of the squared violations, which are shifted
    by multipliers; bounds remain bounds. After each such descent the multipliers are updated, and
    the penalty grows if the violations have not fallen enough [1]_ [2]_. It suits very many
    parameters, and derivatives that have no sparse structure.

    Parameters
    ----------
    inner : Search, optional
        The method of the descents, for a smooth loss with bounds. By default :class:`NewtonCG`;
        :class:`LBFGS` takes less memory and time for a step, and reaches less accuracy.
    penalty : float, optional
        First weight of the penalty, in multiples of one that makes loss and penalty alike at the
        start.

    Raises
    ------
    InputError
        If the weight is not positive.
    SettingError
        If `inner` is not a method that compares losses.

    Notes
    -----
    An iteration is a descent of the inner method and an update of the multipliers: callbacks,
    history and :class:`MaxIterations` count these. Constraints may be violated before the end.

    References
    ----------
    .. [1] A. R. Conn, N. I. M. Gould and P. L. Toint, "A globally convergent augmented Lagrangian
       algorithm for optimization with general constraints and simple bounds", SIAM Journal on
       Numerical Analysis 28 (2), 545-572, 1991.
    .. [2] E. G. Birgin and J. M. Martinez, "Practical augmented Lagrangian methods for constrained
       optimization", SIAM, 2014.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> on_sphere = st.Constraint(lambda x: np.sum(x**2), lower=1.0, upper=1.0)
    >>> run = st.minimize(lambda x: np.sum((x - 2) ** 2), np.ones(4), constraints=on_sphere,
    ...                   method=st.AugmentedLagrangian())
    >>> run.x.round(5), run.converged
    (array([0.5, 0.5, 0.5, 0.5]), True)
    """

    inner: Any = None
    penalty: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.penalty) and self.penalty > 0):
            raise InputError(f"penalty must be a positive number, got {self.penalty!r}")
        if self.inner is not None and not isinstance(self.inner, Search):
            raise SettingError(
                f"inner must be a method that compares losses, such as st.LBFGS(), got "
                f"{self.inner!r}"
            )

"""The settings of the interior point method."""

from __future__ import annotations

import numpy as np

from steepest.descent.methods.base import Driven
from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["InteriorPoint"]


@settings
class InteriorPoint(Driven):
    """Primal-dual interior point method with a filter line search, for large sparse problems.

    Limits and bounds are replaced by logarithmic barriers, whose weight falls to 0 [1]_. Each step
    solves a linear system with the exact Hessian of the Lagrangian and the Jacobian of the
    constraints. Where these can be nonzero is found from the recorded functions, and a coloring
    says by how few products they are computed [2]_. The Hessian is shifted until the step leads
    downhill. A step is accepted if it lowers the loss or the violations, compared with all
    iterates of a filter; a rejected one is tried again with a second-order correction, and if none
    is accepted, a restoration phase reduces the violations alone.

    Parameters
    ----------
    barrier : float, optional
        First weight of the barriers. A smaller one suits a start close to the solution.

    Raises
    ------
    InputError
        If the weight is not positive.

    Notes
    -----
    Iterates are strictly inside their bounds, so that the loss is never called on a bound. The
    start is moved inside. Matrices are sparse for more than 300 variables and equations if few
    entries can be nonzero; a dense problem may have up to 3,000 parameters.

    References
    ----------
    .. [1] A. Wachter and L. T. Biegler, "On the implementation of an interior-point filter
       line-search algorithm for large-scale nonlinear programming", Mathematical Programming 106,
       25-57, 2006.
    .. [2] A. H. Gebremedhin, F. Manne and A. Pothen, "What color is your Jacobian? Graph coloring
       for computing derivatives", SIAM Review 47 (4), 629-705, 2005.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> links = st.Constraint(lambda x: x[1:] - x[:-1] ** 2, lower=0.0)
    >>> run = st.minimize(lambda x: np.sum((x - 0.5) ** 2), np.ones(1000), constraints=links,
    ...                   method=st.InteriorPoint())
    >>> run.converged, run.x.shape, float(run.x[0].round(6))
    (True, (1000,), 0.5)
    """

    barrier: float = 0.1

    def __post_init__(self) -> None:
        if not (np.isfinite(self.barrier) and self.barrier > 0):
            raise InputError(f"barrier must be a positive number, got {self.barrier!r}")

"""Results for functions of one number: a minimum, a root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steepest.descent.results.keyed_result import KeyedResult
from steepest.descent.results.status import Status

__all__ = ["ScalarMinimum", "ScalarRoot"]


@dataclass(frozen=True)
class ScalarMinimum(KeyedResult):
    """The result of :func:`minimize_scalar`, with SciPy's fields.

    Attributes
    ----------
    x : float
        The minimum.
    fun : float
        The function there.
    nfev, nit : int
        Numbers of evaluations and of steps.
    status : Status
        How the search ended.
    message : str
        The same as a sentence.
    slope : float
        The derivative at `x`; NaN if it is unknown.
    reason : str
        What was done in place of the method that was asked for.

    Examples
    --------
    >>> import steepest as st
    >>> found = st.minimize_scalar(lambda x: (x - 2) * x * (x + 2) ** 2)
    >>> round(found.x, 6), round(found.fun, 6), found.success
    (1.280776, -9.91495, True)
    """

    x: float
    fun: float
    nfev: int
    nit: int
    status: Status
    message: str
    slope: float
    reason: str = ""

    def _names(self) -> Sequence[str]:
        return ("x", "fun", "nfev", "nit", "status", "success", "message", "slope")

    @property
    def success(self) -> bool:
        """Whether a minimum was found."""
        return self.status.is_success


@dataclass(frozen=True)
class ScalarRoot(KeyedResult):
    """The result of :func:`root_scalar`, with SciPy's fields.

    Attributes
    ----------
    root : float
        The root.
    iterations, function_calls : int
        Numbers of steps and of evaluations.
    status : Status
        How the search ended.
    method : str
        Name of the method.
    reason : str
        Why it was chosen.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> found = st.root_scalar(np.cos, bracket=(0, 3))
    >>> round(found.root, 6), found.converged
    (1.570796, True)
    """

    root: float
    iterations: int
    function_calls: int
    status: Status
    method: str
    reason: str = ""

    def _names(self) -> Sequence[str]:
        return ("root", "iterations", "function_calls", "converged", "flag", "method", "status")

    @property
    def converged(self) -> bool:
        """Whether a root was found."""
        return self.status.is_success

    @property
    def flag(self) -> str:
        """How the search ended, as a sentence."""
        return str(self.status)

    def __float__(self) -> float:
        return self.root

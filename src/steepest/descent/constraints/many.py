"""The results of many problems with constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.constraints.placing import Given
from steepest.descent.constraints.result import OURS, SCIPYS, sides, structured
from steepest.descent.methods.constrained.measures import violations
from steepest.descent.results.batch import Many


@dataclass(frozen=True, eq=False)
class ConstrainedMany(Many):
    """What :func:`minimize_many` returns if there are constraints.

    Every array has a row for each of N problems. What is said of constraints is a list with an
    item for each, in the structure of what its function returns; or the only item, if one
    constraint was given that is not in a list.

    Attributes
    ----------
    report : tuple of ndarray
        What the method reported of each problem.
    given : tuple of Given
        The constraints.
    limits : pair of ndarray
        Their limits, each of shape (N, m).
    is_single : bool
        Whether one constraint was given, not a list of them.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> budget = st.Constraint(np.sum, upper=np.array([1.0, 2.0, 9.0]))
    >>> many = st.minimize_many(lambda x: np.sum((x - 2) ** 2), np.zeros((3, 2)),
    ...                         constraints=budget)
    >>> many.x.round(6)
    array([[0.5, 0.5],
           [1. , 1. ],
           [2. , 2. ]])
    >>> many.multipliers.round(4), many.active_constraints
    (array([-3., -2.,  0.]), array([1, 1, 0]))
    """

    report: tuple[np.ndarray, ...] = field(default=(), repr=False)
    given: tuple[Given, ...] = field(default=(), repr=False)
    limits: tuple[np.ndarray, np.ndarray] = field(
        default_factory=lambda: (np.zeros((0, 0)), np.zeros((0, 0))), repr=False
    )
    is_single: bool = field(default=False, repr=False)

    def _names(self) -> Sequence[str]:
        return (*super()._names(), *OURS, *SCIPYS)

    def _reported(self, place: int) -> np.ndarray:
        """Return a part of the report; NaN where no problem has one."""
        number = self.limits[0].shape[1]
        shapes = (number,), self.vectors.shape[1:], (number,), ()
        return self.report[place] if self.report else np.full((len(self), *shapes[place]), np.nan)

    def _structured(self, values: np.ndarray) -> Any:
        return structured(values, self.given, self.is_single)

    @property
    def multipliers(self) -> Any:
        """The derivatives of the least losses by the limits, as for one problem."""
        return self._structured(self._reported(0))

    @property
    def bound_multipliers(self) -> Any:
        """The derivatives of the least losses by the bounds, in the structure of `x`."""
        return self.layout.unpack_history(self._reported(1))

    @property
    def constraint_values(self) -> Any:
        """The values of the constraints."""
        return self._structured(self._reported(2))

    @property
    def active_constraints(self) -> Any:
        """For each value -1 if it is on its lower limit, 1 on its upper, else 0."""
        return self._structured(sides(self._reported(2), *self.limits))

    @property
    def constraint_violation(self) -> np.ndarray:
        """The largest violation of a limit in each problem, shape (N,)."""
        amounts: np.ndarray = violations(self._reported(2), *self.limits)
        return np.asarray(np.max(amounts, axis=1, initial=0.0))

    @property
    def kkt_residual(self) -> np.ndarray:
        """The largest error in the conditions of each optimum, shape (N,)."""
        return self._reported(3)

    # SciPy's names for the same things.

    @property
    def constr_violation(self) -> np.ndarray:
        """The largest violations, under the name of SciPy's trust-constr."""
        return self.constraint_violation

    @property
    def maxcv(self) -> np.ndarray:
        """The largest violations, under the name of SciPy's COBYLA."""
        return self.constraint_violation

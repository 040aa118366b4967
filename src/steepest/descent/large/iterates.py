"""Iterates of an interior point method, trials and directions, and why it ends."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from steepest.descent.large.program import Derivatives


class End(enum.Enum):
    """Why an interior point method ends."""

    JUDGED = enum.auto()
    OPTIMAL = enum.auto()
    STUCK = enum.auto()
    SINGULAR = enum.auto()
    INFEASIBLE = enum.auto()


@dataclass(frozen=True)
class Iterate:
    """A point with multipliers.

    Attributes
    ----------
    v, multipliers
        The variables, shape (n,), and multipliers of the equations, shape (m,).
    of_lower, of_upper
        Multipliers of the bounds, shape (n,); 0 if there is none.
    loss, residual
        The loss, and the values of the equations.
    slopes
        The derivatives.
    """

    v: np.ndarray
    multipliers: np.ndarray
    of_lower: np.ndarray
    of_upper: np.ndarray
    loss: float
    residual: np.ndarray
    slopes: Derivatives

    @property
    def violation(self) -> float:
        """Sum of the absolute values of the equations."""
        return float(np.sum(np.abs(self.residual)))

    def slope(self) -> np.ndarray:
        """Return the gradient of the Lagrangian without bounds."""
        pulled: np.ndarray = self.slopes.gradient + self.slopes.jacobian.T @ self.multipliers
        return pulled


class Trial(NamedTuple):
    """A point that was tried.

    Attributes
    ----------
    v, loss, residual
        The point, its loss, and the values of the equations.
    height, violation
        The loss with its barrier, and the sum of the absolute values of the equations.
    """

    v: np.ndarray
    loss: float
    residual: np.ndarray
    height: float
    violation: float


@dataclass(frozen=True)
class Direction:
    """A direction of the variables and of all multipliers."""

    v: np.ndarray
    multipliers: np.ndarray
    of_lower: np.ndarray
    of_upper: np.ndarray

"""How an interior point method sees that it ended at a saddle point, and where it goes on."""

from __future__ import annotations

import numpy as np

from steepest.descent.large.barrier import BarrierMethod
from steepest.descent.large.iterates import Iterate
from steepest.descent.large.systems import Factors, System

_NEAR = 1e-4
"""Distance to a bound, relative to the variable, from which on the bound does not matter."""

_BENT = 1e-5
"""Smallest negative curvature, as a share of the largest entry of the Hessian, that counts."""

_LENGTH = 0.03
"""Length of a step away from a saddle point, relative to the variables."""

_ROUNDS = 20
"""Steps of the inverse iteration that finds where the curvature is most negative."""


def beside_saddle(method: BarrierMethod, at: Iterate) -> np.ndarray | None:
    """Return variables beside an iterate at a saddle point, shape (n,); None at a minimum.

    The inertia of the system tells the two apart, as it does on the way: it has as many negative
    eigenvalues as there are equations if the Lagrangian curves up along them.
    """
    low, high = method.distances(at.v)
    reach = _NEAR * (1 + np.abs(at.v))
    diagonal = np.where(low < reach, at.of_lower / low, 0.0)
    diagonal = diagonal + np.where(high < reach, at.of_upper / high, 0.0)
    system = System(at.slopes.hessian, diagonal, at.slopes.jacobian)
    largest = float(abs(at.slopes.hessian).max()) if at.v.size else 0.0
    shift = _BENT * largest
    factors = system.factored(shift, 0.0)
    if factors is None or factors.negative in (None, system.rows):
        return None
    while shift < at.v.size * largest:
        shift *= 4
        factors = system.factored(shift, 0.0)
        if factors is not None and factors.negative == system.rows:
            return _moved(method, at, system, factors)
    return None


def _moved(
    method: BarrierMethod, at: Iterate, system: System, factors: Factors
) -> np.ndarray | None:
    """Return where a step along the most negative curvature leads; None if there is no room."""
    way = np.random.default_rng(0).standard_normal(at.v.size)
    for _ in range(_ROUNDS):
        solution, _ = factors.solve(np.append(way, np.zeros(system.rows)))
        way = solution[: at.v.size] / np.linalg.norm(solution[: at.v.size])
    if not system.curvature(way, 0.0) < 0:
        return None
    step = _LENGTH * (1 + np.max(np.abs(at.v))) * way
    lengths = [method.longest(at, sign * step) for sign in (1, -1)]
    if max(lengths) < 0.01:
        return None
    moved: np.ndarray = at.v + (lengths[0] if lengths[0] >= lengths[1] else -lengths[1]) * step
    return moved

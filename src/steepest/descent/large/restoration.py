"""The restoration phase: a less violated point, where a line search finds no acceptable step.

It minimizes the sum of the violations, and a small multiple of the squared distance from where it
began (Wachter and Biegler, section 3.3). Each equation has an excess and a lack, both positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.descent.large.barrier import BarrierMethod
from steepest.descent.large.iterates import End, Iterate
from steepest.descent.large.program import Derivatives, Program

_PRICE = 1000.0
"""Price of violations."""

_FEWER = 0.9
"""To which share the violation must have fallen."""

_CONVERGED = 1e-7
"""Error of the conditions of an optimum up to which a violation counts as least."""

_FEASIBLE = 1e-8
"""Violation up to which a point counts as feasible."""


class Elastic(Program):
    """A program whose equations may be violated, for a price.

    Parameters
    ----------
    program
        The program.
    around
        The point to stay close to, shape (n,).
    pull
        Weight of the squared distance from it.
    """

    def __init__(self, program: Program, around: np.ndarray, pull: float) -> None:
        self.program, self.around, self.rows = program, around, program.rows
        self.pull = pull * np.square(np.minimum(1.0, 1.0 / np.maximum(np.abs(around), 1e-300)))
        nothing = np.zeros(2 * self.rows)
        self.lower = np.concatenate([program.lower, nothing])
        self.upper = np.concatenate([program.upper, np.full(2 * self.rows, np.inf)])
        self.last: tuple[float, np.ndarray] = (np.nan, np.zeros(self.rows))

    def parts(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the variables of the program, the excess and the lack of its equations."""
        size = self.around.size
        return v[:size], v[size : size + self.rows], v[size + self.rows :]

    def values(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the price of the violations, and the values of the elastic equations."""
        own, excess, lack = self.parts(v)
        self.last = self.program.values(own)
        away = own - self.around
        price = _PRICE * float(np.sum(excess) + np.sum(lack))
        return price + 0.5 * float(self.pull @ np.square(away)), self.last[1] - excess + lack

    def derivatives(
        self, v: np.ndarray, multipliers: np.ndarray, of_loss: float = 1.0
    ) -> Derivatives:
        """Return the derivatives at a point."""
        own = self.parts(v)[0]
        of_program = self.program.derivatives(own, multipliers, 0.0)
        prices = np.full(2 * self.rows, _PRICE)
        gradient = np.concatenate([self.pull * (own - self.around), prices])
        bent, jacobian = of_program.hessian, of_program.jacobian
        if isinstance(jacobian, np.ndarray):
            unit = np.eye(self.rows)
            jacobian = np.hstack([jacobian, -unit, unit])
            hessian: Any = np.zeros((v.size, v.size))
            hessian[: own.size, : own.size] = bent + np.diag(self.pull)
            return Derivatives(gradient, jacobian, hessian)
        from scipy.sparse import block_diag, csr_array, diags_array, eye_array, hstack

        unit = eye_array(self.rows, format="csr")
        jacobian = hstack([jacobian, -unit, unit], format="csr")
        flat = csr_array((2 * self.rows, 2 * self.rows))
        hessian = block_diag([bent + diags_array(self.pull), flat], format="csr")
        return Derivatives(gradient, jacobian, hessian)

    def start(self, residual: np.ndarray, weight: float) -> np.ndarray:
        """Return the variables that are best where the phase begins (equation 33)."""
        half = (weight - _PRICE * residual) / (2 * _PRICE)
        lack = half + np.sqrt(np.square(half) + weight * residual / (2 * _PRICE))
        return np.concatenate([self.around, residual + lack, lack])


def restored(outer: BarrierMethod, at: Iterate) -> Iterate | End:
    """Return a less violated iterate; or why there is none."""
    if at.violation <= _FEASIBLE or not np.isfinite(at.violation):
        return End.STUCK
    weight = max(outer.weight, float(np.max(np.abs(at.residual))))
    elastic = Elastic(outer.program, at.v, np.sqrt(weight))
    is_found = is_least = False

    def judge(now: Iterate, length: float) -> bool:
        nonlocal is_found, is_least
        own, (loss, residual) = elastic.parts(now.v)[0], elastic.last
        left, height = float(np.sum(np.abs(residual))), outer.height(loss, own)
        is_less = left <= _FEWER * at.violation and length > 0
        is_found = is_less and np.isfinite(height) and outer.filter.accepts(left, height)
        is_least = inner.error(now, 0.0) <= _CONVERGED * _PRICE
        of_program = _of_program(elastic, now, loss, residual)
        return is_found or is_least or outer.judge(of_program, length)

    inner = BarrierMethod(elastic, judge, None, weight)
    v = elastic.start(at.residual, weight)
    low, high = inner.distances(v)
    of_lower = np.where(inner.has_lower, weight / low, 0.0)
    of_upper = np.where(inner.has_upper, weight / high, 0.0)
    size = at.v.size
    of_lower[:size], of_upper[:size] = (
        np.minimum(_PRICE, own) for own in (at.of_lower, at.of_upper)
    )
    last, end = inner.run(inner.at(v, of_lower, of_upper))
    own, (loss, residual) = elastic.parts(last.v)[0], elastic.last
    if is_found:
        of_bounds = [part[:size] for part in (last.of_lower, last.of_upper)]
        if max(np.max(part, initial=0.0) for part in of_bounds) > 1e3:
            has = (outer.has_lower, outer.has_upper)
            of_bounds = [np.where(one, 1.0, 0.0) for one in has]
        return outer.at(own, *of_bounds)
    outer.remains = _of_program(elastic, last, loss, residual)
    if end is End.JUDGED and not is_least:
        return End.JUDGED
    return End.INFEASIBLE if np.sum(np.abs(residual)) > _FEASIBLE else End.STUCK


def _of_program(elastic: Elastic, at: Iterate, loss: float, residual: np.ndarray) -> Iterate:
    """Return an iterate of the elastic program as one of the program itself."""
    size = elastic.around.size
    slopes = at.slopes
    own = slopes._replace(gradient=slopes.gradient[:size], jacobian=slopes.jacobian[:, :size])
    return Iterate(
        elastic.parts(at.v)[0],
        at.multipliers,
        at.of_lower[:size],
        at.of_upper[:size],
        loss,
        residual,
        own,
    )

"""An interior point method with a filter line search: its iterations, directions and steps.

A. Wachter and L. T. Biegler, "On the implementation of an interior-point filter line-search
algorithm for large-scale nonlinear programming", Mathematical Programming 106, 25-57, 2006.
Numbers of equations and sections in comments, here and in other modules, are those of that paper.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from steepest.descent.large.filter import Filter, is_better
from steepest.descent.large.iterates import Direction, End, Iterate, Trial
from steepest.descent.large.log_barrier import LogBarrier
from steepest.descent.large.program import Program, pushed_inside
from steepest.descent.large.systems import REGULAR, Factors, System

_ENOUGH = 1e-8
"""Share of the predicted decrease that a step must achieve."""

_LEAST_BARRIER = 1e-13
"""Smallest weight of the barrier."""

_MOST_LAST = 12
"""So many steps with the smallest weight are made while the conditions hold up to rounding."""

_CORRECTIONS = 4
"""Largest number of second-order corrections of a step."""

_MOST_SHIFT = 1e30
"""Multiple of the unit matrix from which on the Hessian counts as useless."""

_WORSE = 0.1
"""By which factor fitting multipliers must make the Lagrangian's slopes less."""

_TINY = 1e-15
"""Step, relative to the variables, that counts as none."""


class BarrierMethod(LogBarrier):
    """A run of the method.

    Parameters
    ----------
    program
        What is minimized.
    judge
        Called with each iterate and the length of the step to it; says whether to end there.
    restore
        Called with the method and an iterate at which no step is accepted; returns a less violated
        iterate, or why there is none. None ends the run there.
    barrier
        The first weight of the barrier.

    Attributes
    ----------
    weight
        The current weight of the barrier.
    remains
        The least violated iterate, if the program seems infeasible.
    """

    def __init__(
        self,
        program: Program,
        judge: Callable[[Iterate, float], bool],
        restore: Callable[[BarrierMethod, Iterate], Iterate | End] | None,
        barrier: float,
    ) -> None:
        super().__init__(program, barrier)
        self.judge, self.restore = judge, restore
        self.shift, self.filter = 0.0, Filter(np.inf)
        self.least_violation, self.is_shifted = 0.0, False
        self.remains: Iterate | None = None

    # Start

    def started(self, v: np.ndarray) -> Iterate:
        """Return the first iterate (section 3.6)."""
        v = pushed_inside(v, self.lower, self.upper)
        ones = np.ones_like(v)
        return self.at(v, np.where(self.has_lower, ones, 0.0), np.where(self.has_upper, ones, 0.0))

    def at(self, v: np.ndarray, of_lower: np.ndarray, of_upper: np.ndarray) -> Iterate:
        """Return an iterate with the multipliers that make the Lagrangian's slopes least."""
        nothing = np.zeros(self.program.rows)
        loss, residual = self.program.values(v)
        slopes = self.program.derivatives(v, nothing)
        iterate = Iterate(v, nothing, of_lower, of_upper, loss, residual, slopes)
        if not nothing.size:
            return iterate
        multipliers = self.fitting(iterate)
        if multipliers is None or not np.max(np.abs(multipliers)) <= 1e3:
            return iterate
        slopes = self.program.derivatives(v, multipliers)
        return replace(iterate, multipliers=multipliers, slopes=slopes)

    def fitting(self, at: Iterate) -> np.ndarray | None:
        """Return the multipliers that make the Lagrangian's slopes least (equation 36)."""
        slopes = at.slopes
        system = System(0.0 * slopes.hessian, np.ones_like(at.v), slopes.jacobian)
        factors = system.factored(0.0, 0.0)
        if factors is None:
            return None
        nothing = np.zeros(self.program.rows)
        right = np.concatenate([at.of_lower - at.of_upper - slopes.gradient, nothing])
        return factors.solve(right)[0][at.v.size :]

    def refitted(self, at: Iterate) -> Iterate:
        """Return an iterate with fitting multipliers, if those of a shifted system are worse."""
        multipliers = self.fitting(at)
        if multipliers is None:
            return at
        push = at.of_upper - at.of_lower
        other = at.slopes.gradient + at.slopes.jacobian.T @ multipliers + push
        if not np.max(np.abs(other)) < _WORSE * np.max(np.abs(at.slope() + push)):
            return at
        slopes = self.program.derivatives(at.v, multipliers)
        return replace(at, multipliers=multipliers, slopes=slopes)

    # The loop (algorithm A)

    def run(self, at: Iterate) -> tuple[Iterate, End]:
        """Return the last iterate, and why it is the last."""
        self.least_violation = 1e-4 * max(1.0, at.violation)
        self.filter = Filter(1e4 * max(1.0, at.violation))
        length, last = 0.0, 0
        while not self.judge(at, length):
            while self.weight > _LEAST_BARRIER and self.error(at, self.weight) <= 10 * self.weight:
                self.lower_barrier()
            last = last + 1 if self.weight <= _LEAST_BARRIER else 0
            if last > _MOST_LAST and self.is_near_optimal(at):
                return at, End.OPTIMAL
            if not np.isfinite(at.slope()).all():
                return at, End.SINGULAR
            found = self.direction(at)
            if found is None:
                return at, End.SINGULAR
            direction, factors = found
            if np.max(np.abs(direction.v) / (1 + np.abs(at.v)), initial=0.0) < _TINY:
                following = self._whole(at, direction)
                if self.weight > _LEAST_BARRIER:
                    self.lower_barrier()
                elif self.is_near_optimal(at):
                    return at, End.OPTIMAL
            else:
                following = self.searched(at, direction, factors)
            if following is None:
                if self.is_near_optimal(at):
                    return at, End.OPTIMAL
                if self.restore is None:
                    return at, End.STUCK
                self.filter.add(at.violation, self.height(at.loss, at.v))
                restored = self.restore(self, at)
                if isinstance(restored, End):
                    return self.remains or at, restored
                following = restored
            if self.is_shifted and self.program.rows:
                following = self.refitted(following)
            length = float(np.linalg.norm(following.v - at.v))
            at = following
        return at, End.JUDGED

    def _whole(self, at: Iterate, direction: Direction) -> Iterate | None:
        """Return the iterate after a whole step, which is too short to be judged."""
        return self.moved(at, direction, 1.0, self.tried(at, direction.v))

    def polished(self, at: Iterate) -> Iterate | None:
        """Return the iterate after a step with a much smaller barrier; None if there is none."""
        self.weight = max(_LEAST_BARRIER, min(1e-2 * self.weight, self.weight**1.5))
        found = self.direction(at)
        if found is None:
            return None
        direction, length = found[0], self.longest(at, found[0].v)
        trial = self.tried(at, length * direction.v)
        return self.moved(at, direction, length, trial) if np.isfinite(trial.violation) else None

    def is_near_optimal(self, at: Iterate) -> bool:
        """Whether rounding errors keep an iterate from being an optimum."""
        return self.error(at, 0.0) <= 1e-6

    def lower_barrier(self) -> None:
        """Lower the weight of the barrier (equation 7)."""
        self.weight = max(_LEAST_BARRIER, min(0.2 * self.weight, self.weight**1.5))
        self.filter = Filter(self.filter.most)

    # Directions (equations 11 to 13)

    def direction(self, at: Iterate) -> tuple[Direction, Factors] | None:
        """Return a direction of descent, and the factors of its system."""
        low, high = self.distances(at.v)
        diagonal = at.of_lower / low + at.of_upper / high
        system = System(at.slopes.hessian, diagonal, at.slopes.jacobian)
        right = -np.concatenate(
            [self.slope(at) + at.slopes.jacobian.T @ at.multipliers, at.residual]
        )
        shift, relief, is_exchanging = 0.0, 0.0, False
        while shift < _MOST_SHIFT:
            factors = system.factored(shift, relief, is_exchanging)
            if factors is None:
                relief = 1e-8 * self.weight**0.25
            else:
                d, is_accurate = factors.solve(right)
                if not is_accurate and system.is_sparse and not is_exchanging:
                    is_exchanging = True
                    continue
                if is_accurate and self.is_fit(system, factors, d[: at.v.size], shift):
                    self.is_shifted = shift > 0
                    if shift:
                        self.shift = shift
                    return self.completed(at, d), factors
            shift = self.next_shift(shift)
        return None

    def is_fit(self, system: System, factors: Factors, step: np.ndarray, shift: float) -> bool:
        """Whether a direction leads to a minimum, not to another stationary point."""
        curvature, square = system.curvature(step, shift), float(step @ step)
        if factors.negative is None:
            return curvature >= 1e-8 * square
        return factors.negative == system.rows and abs(curvature) >= REGULAR * square

    def next_shift(self, shift: float) -> float:
        """Return the next larger multiple of the unit matrix (algorithm IC)."""
        if not shift:
            return 1e-4 if not self.shift else max(1e-20, self.shift / 3)
        return (8.0 if self.shift else 100.0) * shift

    # Line search (section 2.3)

    def searched(self, at: Iterate, direction: Direction, factors: Factors) -> Iterate | None:
        """Return the first acceptable iterate along a direction; None if there is none."""
        fall = float(self.slope(at) @ direction.v)
        height, violation = self.height(at.loss, at.v), at.violation
        first = length = self.longest(at, direction.v)
        while length >= self.shortest(violation, fall):
            trial = self.tried(at, length * direction.v)
            found = self.accepted(trial, height, violation, fall, length)
            if found:
                return self.moved(at, direction, length, trial)
            if length == first and violation <= trial.violation < np.inf:
                corrected = self.corrected(at, trial, factors, fall, first)
                if corrected is not None:
                    return corrected
            length *= 0.5
        return None

    def shortest(self, violation: float, fall: float) -> float:
        """Return the length below which no step is acceptable (equation 23)."""
        least = 1e-5
        if fall < 0:
            least = min(least, 1e-8 * violation / -fall)
            if violation <= self.least_violation:
                least = min(least, violation**1.1 / (-fall) ** 2.3)
        return max(0.05 * least, 1e-16)

    def tried(self, at: Iterate, step: np.ndarray) -> Trial:
        """Return the point after a step."""
        v = at.v + step
        loss, residual = self.program.values(v)
        height, violation = self.height(loss, v), float(np.sum(np.abs(residual)))
        is_finite = np.isfinite(height + violation)
        return Trial(v, loss, residual, height, violation if is_finite else np.inf)

    def accepted(
        self, trial: Trial, height: float, violation: float, fall: float, length: float
    ) -> bool:
        """Whether a trial is acceptable; what it must not return to is added to the filter.

        A step that is to lower the loss must do so; another may lower the violation instead.
        """
        noise = 10 * float(np.finfo(float).eps) * abs(height)
        if not self.filter.accepts(trial.violation, trial.height - noise):
            return False
        is_for_loss = fall < 0 and length * (-fall) ** 2.3 > violation**1.1
        falls = trial.height <= height + _ENOUGH * length * fall + noise
        if is_for_loss and violation <= self.least_violation:
            return falls
        if not is_better(trial.violation, trial.height, violation, height, noise):
            return False
        if not (is_for_loss and falls):
            self.filter.add(violation, height)
        return True

    def corrected(
        self, at: Iterate, trial: Trial, factors: Factors, fall: float, length: float
    ) -> Iterate | None:
        """Return an acceptable iterate by second-order corrections (section 2.4)."""
        height, other = self.height(at.loss, at.v), length
        bent = at.residual
        top = self.slope(at) + at.slopes.jacobian.T @ at.multipliers
        for _ in range(_CORRECTIONS):
            bent = other * bent + trial.residual
            d, is_accurate = factors.solve(-np.concatenate([top, bent]))
            if not is_accurate:
                return None
            direction = self.completed(at, d)
            other = self.longest(at, direction.v)
            corrected = self.tried(at, other * direction.v)
            if self.accepted(corrected, height, at.violation, fall, length):
                return self.moved(at, direction, other, corrected)
            if not corrected.violation <= 0.99 * trial.violation:
                return None
            trial = corrected
        return None

    def moved(self, at: Iterate, direction: Direction, length: float, trial: Trial) -> Iterate:
        """Return the iterate after a step (equations 14 and 16)."""
        v = trial.v
        multipliers = at.multipliers + length * direction.multipliers
        of_bounds = min(
            self.within(at.of_lower, direction.of_lower),
            self.within(at.of_upper, direction.of_upper),
        )
        low, high = self.distances(v)
        most, least = 1e10 * self.weight, 1e-10 * self.weight
        of_lower = np.clip(at.of_lower + of_bounds * direction.of_lower, least / low, most / low)
        of_upper = np.clip(at.of_upper + of_bounds * direction.of_upper, least / high, most / high)
        of_lower, of_upper = (
            np.where(self.has_lower, of_lower, 0.0),
            np.where(self.has_upper, of_upper, 0.0),
        )
        slopes = self.program.derivatives(v, multipliers)
        return Iterate(v, multipliers, of_lower, of_upper, trial.loss, trial.residual, slopes)

"""Profiles: how the least sum of squares grows as one parameter is held away from its estimate.

The profiles of all parameters and of both sides are followed together. Each round holds every
parameter a step further out and refits the others, which start at an extrapolation of the points
before. All refits of a round are one batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from steepest.descent.inference.refits import refit_restricted
from steepest.descent.results.covariance import covariance_from_r
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.errors import InputError

_STEPS = 6
"""Points on each side of the estimate up to the largest |tau|."""

_GROWTH = 4.0
"""Largest ratio of two consecutive steps."""

_FLAT = 1e-3
"""Smallest growth of tau, as a share of its goal, in as many rounds as make the distance from the
estimate 64 times as large; below it, the profile never gets there."""

_ROUNDS = 60
"""Limit on the rounds, and on those that find an end."""

_ROUNDING = 4.0
"""Scatter of residuals, in units of the last place of the model, that is rounding only."""

CLOSED, ON_BOUND, FLAT, LOST = "closed", "on its bound", "flat", "lost"
"""Why a side of a profile ends."""


Point = tuple[float, np.ndarray]
"""|tau| and all free parameters of a refit."""


class Side:
    """One side of a profile: points from the estimate outward.

    Attributes
    ----------
    index, sign
        Number of the free parameter, and -1 or 1.
    width
        Change of the parameter that makes tau 1 in the linear model.
    limit
        Its bound; infinite if there is none.
    held
        Number of another parameter that keeps its value; -1 if there is none.
    values, taus
        Values of the parameter, and |tau| there.
    vectors
        All free parameters at these points.
    ending
        Why the side ends; empty while it goes on.
    """

    def __init__(
        self,
        index: int,
        sign: int,
        start: Point,
        width: float,
        limit: float,
        held: int = -1,
    ) -> None:
        self.index, self.sign, self.width, self.limit = index, sign, width, limit
        self.held, self.step = held, 0.0
        tau, vector = start
        self.values, self.taus, self.vectors = [float(vector[index])], [tau], [vector]
        self.ending = ""
        self.failures = 0

    def next_pin(self) -> float:
        """Return where to refit next."""
        pin = self.values[-1] + self.sign * self.step
        return min(pin, self.limit) if self.sign > 0 else max(pin, self.limit)

    def add(self, pin: float, tau: float, vector: np.ndarray) -> None:
        """Add a point; points are kept in order of their distance."""
        at = int(np.searchsorted(self.sign * np.array(self.values), self.sign * pin))
        self.values.insert(at, pin)
        self.taus.insert(at, tau)
        self.vectors.insert(at, vector)


class Profiler:
    """Follows profiles of a fit.

    Parameters
    ----------
    fit
        The fit.
    scale
        The variance that twice the growth of the loss is compared with, and the covariance of the
        free parameters; those of the residuals unless given.

    Raises
    ------
    InputError
        If the data do not determine the parameters or their scatter.
    """

    def __init__(self, fit: FitStatistics, scale: tuple[float, np.ndarray] | None = None) -> None:
        self.fit = fit
        self.variance, self.covariance = _scale_of(fit) if scale is None else scale
        self.errors = np.sqrt(np.diag(self.covariance))
        self.lowest = float(fit.end.loss)
        self.lowest_at: np.ndarray | None = None

    def refit(self, sides: Sequence[Side], pins: Sequence[float]) -> list[Point]:
        """Return |tau| and the parameters for one value of each side; NaN where a refit failed."""
        number = len(self.fit.vector)
        index = np.array([[side.index, side.held] for side in sides])
        is_pinned = (index[:, :, None] == np.arange(number)).any(axis=1)
        starts = np.stack([self._start(s, p) for s, p in zip(sides, pins, strict=True)])
        pinned = np.stack([side.vectors[0] for side in sides])
        pinned[np.arange(len(sides)), index[:, 0]] = pins
        refits = refit_restricted(self.fit, is_pinned, pinned, starts)
        return [
            (tau if good else math.nan, vector)
            for tau, good, vector in zip(
                self.tau(refits.loss, refits.vectors, refits.converged),
                refits.converged,
                refits.vectors,
                strict=True,
            )
        ]

    def tau(self, loss: np.ndarray, vectors: np.ndarray, converged: np.ndarray) -> np.ndarray:
        """Return |tau| for losses of refits; the lowest loss below that of the fit is noted."""
        if converged.any():
            best = int(np.argmin(np.where(converged, loss, np.inf)))
            slack = self.variance * 1e-6 + 1e-9 * abs(self.fit.end.loss)
            if loss[best] < min(self.lowest, self.fit.end.loss - slack):
                self.lowest, self.lowest_at = float(loss[best]), vectors[best]
        taus: np.ndarray = np.sqrt(np.maximum(0.0, 2 * (loss - self.fit.end.loss) / self.variance))
        return taus

    def _start(self, side: Side, pin: float) -> np.ndarray:
        """Return where the other parameters start: on a line through the points before."""
        pins, vectors = side.values, side.vectors
        if len(pins) == 1:
            column = self.covariance[:, side.index]
            if side.held >= 0:
                other = self.covariance[:, side.held]
                column = column - other * other[side.index] / other[side.held]
            return np.asarray(vectors[0] + column / column[side.index] * (pin - pins[0]))
        order = np.argsort(np.abs(np.array(pins) - pin))[:2]
        a, b = order
        slope = (vectors[b] - vectors[a]) / (pins[b] - pins[a])
        share = np.clip((pin - pins[a]) / (pins[b] - pins[a]), -_GROWTH, _GROWTH)
        return np.asarray(vectors[a] + slope * (pins[b] - pins[a]) * share)

    def sides(self, index: int) -> tuple[Side, Side]:
        """Return both sides of the profile of a parameter; each has its first point only."""
        box, vector = self.fit.end.box, self.fit.vector.astype(np.float64)
        ends = (-math.inf, math.inf) if box is None else (box.lower[index], box.upper[index])
        low, high = (
            Side(index, sign, (0.0, vector), self.errors[index], float(end))
            for sign, end in zip((-1, 1), ends, strict=True)
        )
        return low, high

    def extend(self, sides: Sequence[Side], goal: float) -> None:
        """Follow sides out to where |tau| is `goal`."""
        for side in sides:
            if side.ending in ("", CLOSED) and side.taus[-1] < goal:
                if len(side.taus) == 1:
                    rest = math.sqrt(max(goal**2 - side.taus[0] ** 2, 0.0))
                    side.step = side.width * rest / _STEPS
                side.ending = ON_BOUND if side.values[-1] == side.limit else ""
        for _ in range(_ROUNDS):
            active = [side for side in sides if not side.ending]
            if not active:
                return
            pins = [side.next_pin() for side in active]
            for side, pin, found in zip(active, pins, self.refit(active, pins), strict=True):
                self._advance(side, pin, found, goal)
        for side in sides:
            side.ending = side.ending or FLAT

    def _advance(self, side: Side, pin: float, found: Point, goal: float) -> None:
        """Add a point to a side, and set its next step, or why it ends."""
        tau, vector = found
        if math.isnan(tau):
            side.step *= 0.25
            side.failures += 1
            if side.failures > 6 or pin == side.values[-1]:
                side.ending = LOST
            return
        grown = tau - side.taus[-1]
        side.values.append(pin)
        side.taus.append(tau)
        side.vectors.append(vector)
        if tau >= goal:
            side.ending = CLOSED
        elif pin == side.limit:
            side.ending = ON_BOUND
        elif len(side.taus) > 4 and tau - side.taus[-4] < _FLAT * goal:
            side.ending = FLAT
        else:
            wanted = goal / _STEPS
            grown = max(grown, wanted / _GROWTH)
            side.step *= min(max(wanted / grown, 1 / _GROWTH), _GROWTH)

    def ends(self, sides: Sequence[Side], goal: float) -> list[float]:
        """Return where |tau| is `goal` on each side.

        Infinite if it stays below, NaN if the refits on the way failed.
        """
        result = [math.nan] * len(sides)
        open_sides = []
        for number, side in enumerate(sides):
            if side.taus[-1] >= goal:
                open_sides.append(number)
            elif side.ending == ON_BOUND:
                result[number] = side.limit
            elif side.ending != LOST:
                result[number] = side.sign * math.inf
        tolerance = 0.1 * math.sqrt(float(np.finfo(self.fit.vector.dtype).eps))
        for _ in range(_ROUNDS):
            pending, pins = [], []
            for number in open_sides:
                side = sides[number]
                taus = np.abs(np.array(side.taus) - goal)
                best = int(np.argmin(taus))
                result[number] = side.values[best]
                pin = _crossing(side, goal)
                if taus[best] > tolerance * goal and pin is not None:
                    pending.append(number)
                    pins.append(pin)
            if not pending:
                break
            chosen = [sides[number] for number in pending]
            failed = []
            for number, pin, (tau, vector) in zip(
                pending, pins, self.refit(chosen, pins), strict=True
            ):
                if math.isnan(tau):
                    failed.append(number)
                else:
                    sides[number].add(pin, tau, vector)
            open_sides = [number for number in pending if number not in failed]
        return result


def _scale_of(fit: FitStatistics) -> tuple[float, np.ndarray]:
    """Return the variance of the residuals, and the covariance of the free parameters."""
    variance = residual_variance(fit)
    if fit.is_short_of_rank:
        raise InputError(f"there is no profile: {' '.join(fit.remarks) or fit.message}")
    return variance, _unbounded_inverse(fit) * variance


def _unbounded_inverse(fit: FitStatistics) -> np.ndarray:
    """Return the inverse of ``J.T @ J`` by all parameters, also by those on a bound."""
    if fit.is_free.all():
        return covariance_from_r(fit.factor, fit.observations)[0]
    r = np.asarray(np.linalg.qr(fit.weighted_jacobian, "r"))
    inverse, rank = covariance_from_r(r, fit.observations)
    if rank == len(fit.vector):
        return inverse
    half = np.linalg.pinv(r)
    inverse = half @ half.T
    scale = np.where(np.diag(inverse) > 0, 0.0, np.maximum(np.abs(fit.vector), 1.0))
    return np.asarray(inverse + np.diag(scale**2))


def _crossing(side: Side, goal: float) -> float | None:
    """Return an estimate of where |tau| is `goal`; None if two points next to each other hold it.

    The value is interpolated as a function of tau, by a polynomial through up to four points.
    """
    taus, pins = np.array(side.taus), np.array(side.values)
    above = int(np.argmax(taus >= goal))
    low, high = pins[above - 1], pins[above]
    if np.nextafter(low, high) == high or low == high:
        return None
    first = max(0, min(above - 2, len(taus) - 4))
    x, y = taus[first : first + 4], pins[first : first + 4]
    guess = math.nan
    if (np.diff(x) > 0).all():
        values = list(y)
        for width in range(1, len(x)):
            values = [
                ((goal - x[i + width]) * values[i] + (x[i] - goal) * values[i + 1])
                / (x[i] - x[i + width])
                for i in range(len(values) - 1)
            ]
        guess = values[0]
    inside = min(low, high) < guess < max(low, high)
    return float(guess if inside else 0.5 * (low + high))


def residual_variance(fit: FitStatistics) -> float:
    """Return the variance of the residuals that profiles compare losses with.

    Raises
    ------
    InputError
        If there is none, or if it is no larger than rounding.
    """
    variance = 1.0 if fit.absolute_sigma else fit.reduced_chi_square
    if math.isnan(variance):
        raise InputError(
            f"there are {fit.observations} residuals for {fit.free_count} parameters: their "
            "scatter is unknown, so that nothing can be compared with it"
        )
    size = np.max(np.abs(fit.jacobian) @ np.abs(fit.vector), initial=0.0)  # of the model's terms
    rounding = _ROUNDING * float(np.finfo(fit.vector.dtype).eps * size)
    if not fit.absolute_sigma and math.sqrt(variance) <= rounding:
        raise InputError("the model fits the data exactly: there is no scatter to compare with")
    return variance

"""Profiles of parameters, and the confidence intervals that they give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.inference.sides import LOST, ON_BOUND, Profiler, Side
from steepest.descent.results.fit_statistics import FitStatistics
from steepest.errors import InputError
from steepest.graph import trees
from steepest.presentation import presenter

__all__ = ["Profile"]

_FAR = (1e150, 1e300), (350.0, 700.0)
"""Values of a free parameter that stand for infinity; the second pair has a finite exponential."""

NO_REFITS = (
    "there is no profile, which refits all data many times: use method='linear' and "
    "fit.standard_errors, or fit some of the rows in memory"
)
"""Why there is no profile of data that are read in blocks."""

_NEGLIGIBLE = 1e-100
"""What a parameter that approaches 0 is below there."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of one parameter: how much worse the best fit is where it has another value.

    tau is the signed root of ``(S(value) - S(fit)) / s**2``, where S(value) is the least sum of
    squares with the parameter held at a value, and s the residual standard deviation, or 1 if
    sigma is absolute. tau is a straight line for a linear model [1]_.

    Attributes
    ----------
    fit : Fit
        The fit.
    name : str
        The parameter.
    values : ndarray
        Values at which it was held, ascending, shape (k,); its estimate is among them.
    tau : ndarray
        tau at these values, shape (k,).
    parameters : ndarray
        All parameters of the refits, in the order of ``names``, shape (k, n).

    References
    ----------
    .. [1] D. M. Bates and D. G. Watts, "Nonlinear regression analysis and its applications",
       Wiley, 1988, chapter 6.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t, y = np.arange(5.0), np.array([2.0, 1.2, 0.8, 0.5, 0.3])
    >>> fit = st.curve_fit(lambda t, a, rate: a * np.exp(-rate * t), t, y)
    >>> profile = fit.profile("rate")
    >>> [round(end, 3) for end in profile.interval(0.95)]
    [0.429, 0.513]
    """

    fit: Any = field(repr=False)
    name: str
    values: np.ndarray = field(repr=False)
    tau: np.ndarray = field(repr=False)
    parameters: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        ends = [self.interval(level) for level in (0.95, 0.99)]
        (low, high), (lower, upper) = ends
        return (
            f"Profile({self.name}={self.estimate:.6g}, 95%: {low:.6g} to {high:.6g}, "
            f"99%: {lower:.6g} to {upper:.6g})"
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`parameters`."""
        names: tuple[str, ...] = self.fit.names
        return names

    @property
    def _row(self) -> int:
        return self.names.index(self.name)

    @property
    def estimate(self) -> float:
        """The parameter of the fit."""
        return float(self.fit.values[self._row])

    @property
    def standard_error(self) -> float:
        """The standard error of the parameter in the linear model."""
        return math.sqrt(self.fit.covariance[self._row, self._row])

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the profile's confidence interval.

        An end is infinite if the interval is open, and NaN if the refits on the way to it failed.

        Parameters
        ----------
        level : float, optional
            Probability, in (0, 1).

        Returns
        -------
        lower, upper : float
            Where the size of tau is the quantile of Student's t-distribution, or of the normal
            distribution if sigma is absolute; exact to about nine digits.

        Raises
        ------
        InputError
            If `level` is out of its range.
        """
        return self._found(level)[0]

    def remarks(self, level: float = 0.95) -> list[str]:
        """Return sentences on ends of the interval that are open, unknown or on a bound."""
        return self._found(level)[1]

    def _found(self, level: float) -> tuple[tuple[float, float], list[str]]:
        profiles: Profiles = self.fit._profiles
        (interval,), remarks = profiles.intervals([self.name], level)
        return interval, remarks

    def plot(self, ax: Any = None, path: Any = None) -> Any:
        """Plot tau against the parameter (needs matplotlib).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw in; a new figure's by default.
        path : path_like, optional
            File to write the figure to, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("inference_plots").plot_profile(self, ax, path=path)


class Profiles:
    """The profiles of a fit, kept for further questions.

    Parameters
    ----------
    fit
        The fit.
    scale
        As for :class:`Profiler`.
    """

    def __init__(self, fit: Any, scale: tuple[float, np.ndarray] | None = None) -> None:
        self.fit = fit
        self.profiler = Profiler(fit, scale)
        self._sides: dict[int, tuple[Side, Side]] = {}

    def followed(self, indices: Sequence[int], goal: float) -> list[tuple[Side, Side]]:
        """Return both sides of the profiles of free parameters, out to where |tau| is `goal`."""
        for index in indices:
            if index not in self._sides:
                self._sides[index] = self.profiler.sides(index)
        pairs = [self._sides[index] for index in indices]
        unique = {id(side): side for pair in pairs for side in pair}  # tied parameters share sides
        self.profiler.extend(list(unique.values()), goal)
        return pairs

    def intervals_of_all(self, level: float) -> tuple[np.ndarray, list[str]]:
        """Return the intervals of all parameters, shape (k, 2), and sentences on them.

        A fixed parameter has its value for both ends, and one that depends on several NaN.
        """
        fit = self.fit
        result = np.full((len(fit.names), 2), np.nan)
        depends = np.count_nonzero(fit.value_slopes, axis=1)
        result[depends == 0] = fit.values[depends == 0, None]
        rows = np.flatnonzero(depends == 1)
        result[rows], remarks = self.intervals([fit.names[row] for row in rows], level)
        return result, remarks

    def intervals(
        self, names: Sequence[str], level: float
    ) -> tuple[list[tuple[float, float]], list[str]]:
        """Return intervals of parameters, and sentences on those that are open or on a bound."""
        goal = self.fit.quantile(level)
        pairs = self.followed([free_index(self.fit, name) for name in names], goal)
        sides = [side for pair in pairs for side in pair]
        unique = list({id(side): side for side in sides}.values())
        known = dict(zip(map(id, unique), self.profiler.ends(unique, goal), strict=True))
        ends = [known[id(side)] for side in sides]
        remarks: list[str] = []
        intervals = []
        for number, name in enumerate(names):
            where = slice(2 * number, 2 * number + 2)
            values = [
                self._value(name, side, end)
                for side, end in zip(sides[where], ends[where], strict=True)
            ]
            row = self.fit.names.index(name)
            if not self._is_monotonic(row, pairs[number], goal):
                intervals.append((math.nan, math.nan))
                remarks.append(f"{_not_monotonic(name)}.")
                continue
            is_turned = float(self.fit.value_slopes[row, sides[where][0].index]) < 0
            low, high = values[::-1] if is_turned else values
            intervals.append((low, high))
            for side, value in zip(sides[where], values, strict=True):
                word = "upper" if (side.sign > 0) != is_turned else "lower"
                furthest = self._value(name, side, side.values[-1])
                remarks += _remark(name, word, side, value, furthest, goal, level)
        return intervals, self.lower_loss() or remarks

    def _is_monotonic(self, row: int, sides: tuple[Side, Side], goal: float) -> bool:
        """Whether a parameter rises or falls with the free one as far as |tau| is `goal`."""
        if self.fit.problem.objective.expand is None:
            return True
        low, high = sides
        taus = np.array([*low.taus[:0:-1], *high.taus])
        inside = np.stack(ascending(low, high))[taus <= goal * (1 + 1e-6)]
        steps = np.diff(all_values(self.fit, inside)[:, row])
        return bool((steps >= 0).all() or (steps <= 0).all())

    def _value(self, name: str, side: Side, end: float) -> float:
        """Return the value of a parameter where the free one that it depends on has a value."""
        if self.fit.problem.objective.expand is None:
            return end
        if math.isnan(end):
            return end
        row = self.fit.names.index(name)
        if math.isfinite(end):
            vector = side.vectors[0].copy()
            vector[side.index] = end
            return float(all_values(self.fit, vector[None])[0, row])
        return self._limit(row, side)

    def _limit(self, row: int, side: Side) -> float:
        """Return where a parameter goes in the limit, such as 0 if it is positive."""
        vectors = np.repeat(side.vectors[:1], 2, axis=0)
        near = far = math.nan
        for distances in _FAR:
            vectors[:, side.index] = side.sign * np.array(distances)
            with np.errstate(all="ignore"):
                near, far = all_values(self.fit, vectors)[:, row]
            if not (math.isnan(near) or math.isnan(far)):
                break
        if abs(far) < _NEGLIGIBLE:
            return 0.0
        return float(far) if near == far else math.copysign(math.inf, far - near)

    def lower_loss(self) -> list[str]:
        """Return a sentence on a refit with a lower loss than the fit, if there was one."""
        found = self.profiler.lowest_at
        if found is None:
            return []
        is_squares = self.fit.problem.objective.of_residuals
        what = "half the sum of squares" if is_squares else "minus the log-likelihood"
        values = all_values(self.fit, found[None])[0]
        point = ", ".join(f"{n} = {v:.6g}" for n, v in zip(self.fit.names, values, strict=True))
        return [
            f"The fit is not the best one: at {point} {what} is "
            f"{self.profiler.lowest:g}, below {self.fit.end.loss:g}; fit again from there."
        ]

    def profile(self, name: str, level: float) -> Profile:
        """Return the profile of a parameter, out to an interval of a given level."""
        goal = self.fit.quantile(level)
        ((low, high),) = self.followed([free_index(self.fit, name)], goal)
        vectors = np.stack(ascending(low, high))
        tau = np.array([*(-t for t in low.taus[:0:-1]), *high.taus])
        parameters = all_values(self.fit, vectors)
        row = self.fit.names.index(name)
        values = parameters[:, row]
        if not self._is_monotonic(row, (low, high), math.inf):
            raise InputError(f"{_not_monotonic(name)}: profile that one")
        if values[0] > values[-1]:
            values, tau, parameters = values[::-1], -tau[::-1], parameters[::-1]

        return Profile(self.fit, name, values, tau, parameters)


def ascending(low: Side, high: Side) -> list[np.ndarray]:
    """Return the points of both sides of a profile, from the lowest value to the highest."""
    return [*low.vectors[:0:-1], *high.vectors]


def _not_monotonic(name: str) -> str:
    return f"{name} is no monotonic function of the free parameter that it is computed from"


def _remark(
    name: str, word: str, side: Side, value: float, furthest: float, goal: float, level: float
) -> list[str]:
    if side.taus[-1] >= goal:
        return []
    if side.ending == ON_BOUND:
        return [f"The {level:.4g} interval of {name} ends on its {word} bound, {value:g}."]
    reached = f"tau stays below {side.taus[-1]:.3g}, and {goal:.3g} is needed"
    if side.ending == LOST:
        return [
            f"The {word} end of the {level:.4g} interval of {name} is unknown: the refits beyond "
            f"{furthest:g} failed."
        ]
    if math.isfinite(value):
        return [f"The {level:.4g} interval of {name} reaches its limit, {value:g}: {reached}."]
    return [f"The {level:.4g} interval of {name} has no {word} end: {reached}."]


def row_of(names: Sequence[str], name: str | int) -> int:
    """Return the number of a parameter that is given by its name or number.

    Raises
    ------
    InputError
        If there is no such parameter.
    """
    if isinstance(name, int | np.integer) and 0 <= name < len(names):
        return int(name)
    if name not in names:
        raise InputError(f"there is no parameter {name!r}: there are {', '.join(names)}")
    return list(names).index(str(name))


def free_index(fit: FitStatistics, name: str) -> int:
    """Return the number of the free parameter that a parameter is, or is computed from.

    Raises
    ------
    InputError
        If there is no parameter of this name, or it depends on none or several free ones.
    """
    row = row_of(fit.names, name)
    if fit.problem.objective.expand is None:
        return row
    depends = np.flatnonzero(fit.value_slopes[row])
    if len(depends) == 1:
        return int(depends[0])
    if len(depends) == 0:
        raise InputError(f"{name} is fixed: it has no profile")
    used = " and ".join(fit.free_names[i] for i in depends)
    raise InputError(
        f"{name} is computed from {used}: profile these, or call fit.derive for its standard error"
    )


def all_values(fit: FitStatistics, vectors: np.ndarray) -> np.ndarray:
    """Return all parameters, shape (N, k), at vectors of the free ones, shape (N, n)."""
    if fit.problem.objective.expand is None:
        return np.asarray(vectors)
    rows = [
        np.concatenate(
            [np.reshape(leaf, (-1,)) for leaf in trees.leaves(fit.problem.parameters(v))]
        )
        for v in vectors
    ]
    return np.asarray(np.stack(rows), np.float64)

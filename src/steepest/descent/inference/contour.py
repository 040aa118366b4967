"""Joint confidence regions of two parameters, from refits with both of them held."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steepest.descent.inference.profile import Profiles, all_values, free_index
from steepest.descent.inference.refits import refit_restricted
from steepest.descent.inference.sides import ON_BOUND, Point, Profiler, Side
from steepest.descent.results.fit_statistics import FitStatistics, check_level
from steepest.errors import InputError
from steepest.presentation import presenter

__all__ = ["Contour"]

_SWEEPS = 4
"""How often points whose refit failed are tried again, from their neighbors."""

_MARGIN = 0.08
"""How far the grid goes beyond the region, as a share of its width."""

_OPEN = 3.0
"""How far the grid goes on an open side, in half-widths of the region of the linear model."""

_SLICES = 40
"""Number of values of the first parameter at which the edge of a region is computed."""


@dataclass(frozen=True, eq=False)
class Contour:
    """A joint confidence region of two parameters, on a grid.

    Attributes
    ----------
    fit : Fit
        The fit.
    names : tuple of str
        The two parameters.
    level : float
        Probability of the region that the grid holds.
    size : tuple of int
        Number of points of the grid in each direction.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> t = np.linspace(0, 4, 30)
    >>> y = 2 * np.exp(-t) + 0.05 * np.sin(40 * t)
    >>> fit = st.curve_fit(lambda t, a, rate: a * np.exp(-rate * t), t, y)
    >>> contour = fit.contour("a", "rate", size=21)
    >>> contour.probability.shape
    (21, 21)
    >>> bool(contour.probability.min() < 0.1), bool(contour.probability.max() > 0.99)
    (True, True)
    """

    fit: Any = field(repr=False)
    names: tuple[str, str]
    level: float
    size: tuple[int, int]

    @property
    def _rows(self) -> list[int]:
        return [self.fit.names.index(name) for name in self.names]

    @property
    def estimate(self) -> tuple[float, float]:
        """The parameters of the fit."""
        first, second = self.fit.values[self._rows].tolist()
        return first, second

    @property
    def covariance(self) -> np.ndarray:
        """Their covariance in the linear model, shape (2, 2)."""
        return np.asarray(self.fit.covariance[np.ix_(self._rows, self._rows)])

    @functools.cached_property
    def _grid(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        goal = critical_tau(self.fit, self.level)
        return _grid(self.fit._profiles, self.names, goal, self.size)

    @property
    def first(self) -> np.ndarray:
        """Values of the first parameter on the grid, ascending, shape (p,)."""
        return self._grid[0]

    @property
    def second(self) -> np.ndarray:
        """Values of the second parameter on the grid, ascending, shape (q,)."""
        return self._grid[1]

    @property
    def probability(self) -> np.ndarray:
        """Probability of the region on whose edge a point of the grid lies, shape (q, p).

        0 at the fit; NaN where no refit converged.
        """
        return self._grid[2]

    def edge(self, level: float = 0.95) -> np.ndarray:
        """Return points on the edge of a region, in order around it.

        For values of the first parameter, both values of the second one are computed at which the
        other parameters cannot be refitted any better, exact to about nine digits.

        Parameters
        ----------
        level : float, optional
            Probability of the region, in (0, 1).

        Returns
        -------
        ndarray
            Pairs of parameters, shape (N, 2). A region that is open is cut off.

        Raises
        ------
        InputError
            If `level` is out of its range.
        """
        return _edge(self.fit._profiles, self.names, level)

    def plot(
        self, ax: Any = None, levels: Sequence[float] = (0.6827, 0.95), path: Any = None
    ) -> Any:
        """Plot the edges of regions (needs matplotlib).

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Axes to draw in; a new figure's by default.
        levels : sequence of float, optional
            Probabilities of the regions.
        path : path_like, optional
            File to write the figure to, in the format of its suffix.

        Returns
        -------
        matplotlib.figure.Figure
            The figure.
        """
        return presenter("inference_plots").plot_contour(self, ax, levels, path)


def critical_tau(fit: FitStatistics, level: float) -> float:
    """Return the |tau| at the edge of the joint region of two parameters."""
    from scipy.special import chdtri, fdtri

    check_level(level)
    if fit.absolute_sigma:
        return math.sqrt(float(chdtri(2, 1 - level)))
    return math.sqrt(2 * float(fdtri(2, fit.degrees_of_freedom, level)))


def joint_probability(fit: FitStatistics, tau: np.ndarray) -> np.ndarray:
    """Return the probability of the joint regions of two parameters with given |tau|."""
    from scipy.special import chdtr, fdtr

    squares = np.square(tau)
    if fit.absolute_sigma:
        return np.asarray(chdtr(2, squares))
    return np.asarray(fdtr(2, fit.degrees_of_freedom, squares / 2))


def contour(
    profiles: Profiles, names: tuple[str, str], level: float, size: int | tuple[int, int]
) -> Contour:
    """Return the joint region of two parameters; see :meth:`Fit.contour`."""
    fit = profiles.fit
    goal = critical_tau(fit, level)
    indices = [free_index(fit, name) for name in names]
    if names[0] == names[1]:
        raise InputError(f"a contour needs two different parameters, got {names[0]} twice")
    if indices[0] == indices[1]:
        raise InputError(
            f"{names[0]} and {names[1]} are computed from the same free parameter: they have no "
            "joint region"
        )
    sizes = tuple(size) if isinstance(size, Sequence | np.ndarray) else (size, size)
    if len(sizes) != 2 or not all(isinstance(n, int | np.integer) and n >= 3 for n in sizes):
        raise InputError(
            f"size must be a number of points or two of them, at least 3: got {size!r}"
        )
    profiles.followed(indices, goal)
    return Contour(fit, names, level, (int(sizes[0]), int(sizes[1])))


def _grid(
    profiles: Profiles, names: tuple[str, str], goal: float, sizes: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return both parameters and the probability on a grid."""
    fit = profiles.fit
    indices = [free_index(fit, name) for name in names]
    pairs = profiles.followed(indices, goal)
    ends = iter(profiles.profiler.ends([side for pair in pairs for side in pair], goal))
    axes = [
        _axis(profiles, pair, (next(ends), next(ends)), goal, count)
        for pair, count in zip(pairs, sizes, strict=True)
    ]
    probability = joint_probability(fit, _taus(profiles, indices, np.meshgrid(*axes)))
    values = [_mapped(fit, *one) for one in zip(names, indices, axes, strict=True)]
    for number, axis in enumerate(values):
        if axis[0] > axis[-1]:
            values[number] = axis[::-1]
            probability = np.flip(probability, axis=1 - number)
    return values[0], values[1], probability


def _axis(
    profiles: Profiles, sides: tuple[Side, Side], ends: Sequence[float], goal: float, count: int
) -> np.ndarray:
    """Return the values of a free parameter on the grid."""
    low, high = (_cut_off(profiles, *one, goal) for one in zip(sides, ends, strict=True))
    margin = _MARGIN * (high - low)
    low, high = max(low - margin, sides[0].limit), min(high + margin, sides[1].limit)
    return np.linspace(low, high, count)


def _cut_off(profiles: Profiles, side: Side, end: float, goal: float) -> float:
    """Return an end, or a finite one in place of one that is infinite or unknown."""
    if math.isfinite(end):
        return end
    reach = _OPEN * goal * profiles.profiler.errors[side.index]
    estimate = float(profiles.fit.vector[side.index])
    nearest, furthest = (side.sign * (pin - estimate) for pin in (side.values[0], side.values[-1]))
    return float(estimate + side.sign * max(nearest, min(furthest, reach)))


def _cut_alike(
    profiles: Profiles, sides: Sequence[Side], ends: Sequence[float], goal: float
) -> np.ndarray:
    """Return ends of slices; if some are infinite or unknown, all are cut off where those are."""
    finite = np.array([_cut_off(profiles, *one, goal) for one in zip(sides, ends, strict=True)])
    is_open = ~np.isfinite(ends)
    if not is_open.any():
        return finite
    if sides[0].sign > 0:
        finite = np.minimum(finite, finite[is_open].max())
    else:
        finite = np.maximum(finite, finite[is_open].min())
    return np.asarray(finite)


def _edge(profiles: Profiles, names: tuple[str, str], level: float) -> np.ndarray:
    """Return points on the edge of a region, as :meth:`Contour.edge` does."""
    fit, profiler = profiles.fit, profiles.profiler
    goal = critical_tau(fit, level)
    indices = [free_index(fit, name) for name in names]
    ((low, high),) = profiles.followed(indices[:1], goal)
    found = zip((low, high), profiler.ends((low, high), goal), strict=True)
    slices = _slices(profiler, low, high, [_cut_off(profiles, *one, goal) for one in found], goal)
    first, second = indices
    covariance, box = profiler.covariance, fit.end.box
    other = covariance[first, second] ** 2 / covariance[first, first]
    width = math.sqrt(covariance[second, second] - other)
    limits = (-math.inf, math.inf)
    if box is not None:
        limits = float(box.lower[second]), float(box.upper[second])
    sides = [
        Side(second, sign, start, width, limit, first)
        for start in slices
        for sign, limit in zip((-1, 1), limits, strict=True)
    ]
    inside = [side for side in sides if side.taus[0] < goal * (1 - 1e-9)]
    for side in inside:
        side.ending = ON_BOUND if side.values[0] == side.limit else ""
    profiler.extend(inside, goal)
    known = dict(zip(map(id, inside), profiler.ends(inside, goal), strict=True))
    ends_of = [known.get(id(side), side.values[0]) for side in sides]
    lows = _cut_alike(profiles, sides[::2], ends_of[::2], goal)
    highs = _cut_alike(profiles, sides[1::2], ends_of[1::2], goal)
    at = [start[1][first] for start in slices]
    along = [*at, *at[::-1]], [*highs, *lows[::-1]]
    columns = [
        _mapped(fit, *one) for one in zip(names, indices, map(np.array, along), strict=True)
    ]
    return np.stack(columns, axis=1)


def _slices(
    profiler: Profiler, low: Side, high: Side, ends: Sequence[float], goal: float
) -> list[Point]:
    """Return points of the profile of the first parameter, close to each other at its ends."""
    pins = np.array([*low.values[:0:-1], *high.values])
    taus = np.maximum.accumulate([*(-tau for tau in low.taus[:0:-1]), *high.taus])
    vectors = np.array([*low.vectors[:0:-1], *high.vectors])
    first, last = np.interp(ends, pins, taus)
    angles = np.linspace(-0.5 * np.pi, 0.5 * np.pi, _SLICES)
    wanted = 0.5 * (first + last) + 0.5 * (last - first) * np.sin(angles)
    at = np.interp(wanted, taus, pins)
    at[0], at[-1] = ends
    starts = np.stack([np.interp(at, pins, column) for column in vectors.T], axis=1)
    is_pinned = np.zeros(starts.shape, bool)
    is_pinned[:, low.index] = True
    found = refit_restricted(profiler.fit, is_pinned, starts, starts)
    tau = profiler.tau(found.loss, found.vectors, found.converged)
    return [
        (float(t), vector)
        for t, vector, good in zip(tau, found.vectors, found.converged, strict=True)
        if good and t <= goal * (1 + 1e-6)
    ]


def _taus(profiles: Profiles, indices: Sequence[int], grid: Sequence[np.ndarray]) -> np.ndarray:
    """Return |tau| at points of a grid, shape (q, p); NaN where no refit converged."""
    fit, profiler = profiles.fit, profiles.profiler
    shape, points = grid[0].shape, np.stack([axis.reshape(-1) for axis in grid], axis=1)
    number, count = len(fit.vector), len(points)
    pinned = np.zeros((count, number))
    pinned[:, indices] = points
    is_pinned = np.zeros((count, number), bool)
    is_pinned[:, indices] = True
    joint = profiler.covariance[np.ix_(indices, indices)]
    along = profiler.covariance[:, indices] @ np.linalg.inv(joint)
    starts = fit.vector + (points - fit.vector[list(indices)]) @ along.T
    tau, vectors = np.full(count, np.nan), starts
    failed = np.arange(count)
    for sweep in range(_SWEEPS):
        found = refit_restricted(fit, is_pinned[failed], pinned[failed], starts)
        taus = profiler.tau(found.loss, found.vectors, found.converged)
        tau[failed] = np.where(found.converged, taus, np.nan)
        vectors[failed] = found.vectors
        failed = np.flatnonzero(np.isnan(tau))
        near = _neighbors(tau.reshape(shape)).reshape(-1)[failed]
        failed, near = failed[near >= 0], near[near >= 0]
        if not len(failed) or sweep == _SWEEPS - 1:
            break
        starts = vectors[near]
    return tau.reshape(shape)


def _neighbors(tau: np.ndarray) -> np.ndarray:
    """Return for each point the flat index of its neighbor with the least tau; -1 for none."""
    padded = np.pad(np.nan_to_num(tau, nan=np.inf), 1, constant_values=np.inf)
    flat = np.pad(np.arange(tau.size).reshape(tau.shape), 1, constant_values=-1)
    best, where = np.full(tau.shape, np.inf), np.full(tau.shape, -1)
    rows, columns = tau.shape
    for down, right in ((0, 1), (2, 1), (1, 0), (1, 2)):
        place = np.s_[down : down + rows, right : right + columns]
        is_better = padded[place] < best
        best = np.where(is_better, padded[place], best)
        where = np.where(is_better, flat[place], where)
    return where


def _mapped(fit: FitStatistics, name: str, index: int, axis: np.ndarray) -> np.ndarray:
    """Return the values of a parameter for values of the free one that it depends on."""
    vectors = np.repeat(fit.vector[None].astype(np.float64), len(axis), axis=0)
    vectors[:, index] = axis
    return np.asarray(all_values(fit, vectors)[:, fit.names.index(name)])

"""Scales of data, and random start values of those scales.

Nothing is known of what a parameter means. A start value is therefore drawn from what parameters
of common models are: a place or a length along x, a rate, a frequency, a level of y, a number of
order one, a number of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from steepest.errors import InputError

_MOST_FREQUENCIES = 512
"""Most frequencies at which a wave is fitted to the data."""


class Scales(NamedTuple):
    """Scales of the data of a fit.

    Attributes
    ----------
    places
        Values of x, shape (m,), or of all its variables.
    extent
        Difference of the largest and the smallest.
    spacing
        Median distance of neighbors.
    peaks
        Places where y is farthest from its median.
    frequencies
        Angular frequencies of the waves that fit y best; empty if x is not one variable.
    levels
        Quantiles of y.
    """

    places: np.ndarray
    extent: float
    spacing: float
    peaks: np.ndarray
    frequencies: np.ndarray
    levels: np.ndarray


def scales_of(variables: Sequence[np.ndarray], y: np.ndarray) -> Scales:
    """Return the scales of x, given as variables of the shape of y or another one, and of y.

    Raises
    ------
    InputError
        If no datum is finite.
    """
    flat = [np.unique(v[np.isfinite(v)]) for v in variables] or [np.arange(1.0, y.size + 1)]
    places = np.concatenate(flat)
    places = places if places.size else np.ones(1)
    extent = float(np.ptp(places)) or float(np.max(np.abs(places))) or 1.0
    steps = np.diff(np.unique(places))
    spacing = float(np.median(steps)) if steps.size else extent
    y = y.reshape(-1)
    is_one = len(variables) == 1 and variables[0].size == y.size
    x = variables[0].reshape(-1) if is_one else np.zeros(0)
    known = np.isfinite(y) & np.isfinite(x) if is_one else np.isfinite(y)
    if not known.any():
        raise InputError("no datum is finite: there is nothing to guess start values from")
    x, y = x[known] if is_one else x, y[known]
    far = np.argsort(-np.abs(y - np.median(y)))[: max(3, y.size // 20)]
    return Scales(
        places,
        extent,
        spacing,
        x[far] if is_one else places[:1],
        _frequencies(x, y, extent) if is_one and y.size > 4 else np.zeros(0),
        np.quantile(y, [0.0, 0.1, 0.5, 0.9, 1.0]),
    )


def _frequencies(x: np.ndarray, y: np.ndarray, extent: float) -> np.ndarray:
    """Return the angular frequencies of the three waves that fit y best, each with a level."""
    highest = min(_MOST_FREQUENCIES, 2 * y.size)
    frequencies = np.pi / extent * np.arange(1, highest + 1) * 0.5
    angles = np.outer(frequencies, x - x.mean())
    design = np.stack([np.cos(angles), np.sin(angles), np.ones_like(angles)], axis=-1)
    normal = np.einsum("kmi,kmj->kij", design, design) + 1e-9 * y.size * np.eye(3)
    right = np.einsum("kmi,m->ki", design, y - y.mean())
    gain = np.einsum("ki,ki->k", right, np.linalg.solve(normal, right[..., None])[..., 0])
    padded = np.pad(gain, 1, constant_values=-np.inf)
    is_peak = (padded[1:-1] >= padded[:-2]) & (padded[1:-1] >= padded[2:])
    best = np.flatnonzero(is_peak)
    return np.asarray(frequencies[best[np.argsort(-gain[best])][:3]])


def draw(scales: Scales, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return random start values, of a kind that is drawn for each of them."""
    kinds = random.integers(0, len(_KINDS), shape)
    result = np.zeros(shape)
    for number, kind in enumerate(_KINDS):
        where = kinds == number
        result[where] = kind(scales, random, int(where.sum()))
    return result


def _place(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    low, high = scales.places.min(), scales.places.max()
    return random.uniform(low - 0.1 * scales.extent, high + 0.1 * scales.extent, count)


def _peak(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    return np.asarray(random.choice(scales.peaks, count))


def _logarithm(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    positive = scales.places[scales.places > 0]
    if not positive.size:
        return _place(scales, random, count)
    return random.uniform(np.log(positive.min()) - 0.5, np.log(positive.max()) + 0.5, count)


def _length(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    low = np.log(max(0.5 * scales.spacing, 1e-4 * scales.extent))
    return np.exp(random.uniform(low, np.log(2 * scales.extent), count))


def _rate(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    sign = np.where(random.random(count) < 0.25, -1.0, 1.0)
    return sign * np.exp(random.uniform(np.log(0.1), np.log(50), count)) / scales.extent


def _frequency(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    if not scales.frequencies.size:
        return _rate(scales, random, count)
    angular = random.choice(scales.frequencies, count)
    angular = angular * random.uniform(0.9, 1.1, count)
    kind = random.integers(0, 3, count)  # angular, per cycle, or the length of a cycle
    return np.choose(kind, [angular, angular / (2 * np.pi), 2 * np.pi / angular])


def _level(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    return random.choice(scales.levels, count) * np.exp(random.uniform(-0.7, 0.7, count))


def _of_order_one(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    return np.where(
        random.random(count) < 0.5,
        random.uniform(-np.pi, np.pi, count),
        np.exp(random.uniform(np.log(0.1), np.log(10), count)),
    )


def _of_any_size(scales: Scales, random: np.random.Generator, count: int) -> np.ndarray:
    sign = np.where(random.random(count) < 0.3, -1.0, 1.0)
    return sign * 10.0 ** random.uniform(-5, 5, count)


_KINDS: tuple[Callable[[Scales, np.random.Generator, int], np.ndarray], ...] = (
    *(_place, _peak, _logarithm, _length, _length, _rate, _rate),
    *(_frequency, _level, _of_order_one, _of_any_size),
)
"""What a parameter may be, each as likely as another."""

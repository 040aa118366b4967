"""Descents and losses of the function that is played with; what was computed lately is kept."""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from steepest.descent import GradientNormBelow, MaxIterations, Status, TimeLimit, minimize
from steepest.engines import compile
from steepest.errors import SteepestError
from steepest.play.choices import BY_NAME
from steepest.play.subject import Subject, named
from steepest.trace import scan

_GOAL = 1e-6
"""Gradient norm at which a descent ends."""

_SECONDS = 0.5
"""How long one descent may take."""

_DRAWN = 0.03
"""How many seconds the losses of a picture should take."""

_LONGEST = 0.4
"""After how many seconds no more losses are computed point by point."""

_SAMPLES = 64
"""Number of losses that are timed."""

_SIDES = 15, 421
"""Least and largest number of points on a side of a grid."""

Losses = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class Descent:
    """A descent as it is drawn.

    Attributes
    ----------
    points
        The points from the start on, shape (k + 1, n).
    losses
        Their losses, shape (k + 1,).
    status
        How it ended; None if there is none, since the function raised an error.
    error
        What the function raised, in words; empty if it is not defined at the start.
    """

    points: np.ndarray
    losses: np.ndarray
    status: Status | None
    error: str = ""

    @property
    def last(self) -> int:
        """The number of updates."""
        return len(self.losses) - 1


@functools.lru_cache(maxsize=64)
def descend(
    subject: Subject, name: str, step: float, momentum: float, start: tuple[float, ...], limit: int
) -> Descent:
    """Return the descent of a method."""
    method = BY_NAME[name].make(step, momentum)
    stop = GradientNormBelow(_GOAL) | MaxIterations(limit) | TimeLimit(_SECONDS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run = minimize(subject.loss, np.array(start), method=method, stop=stop, record="all")
        except SteepestError:  # outside of the function's domain
            return Descent(np.array([start]), np.array([np.nan]), None)
        except Exception as error:  # the user's function may raise anything
            return Descent(np.array([start]), np.array([np.nan]), None, named(error))
    points, losses = np.asarray(run.history.x), np.asarray(run.history.loss)
    return Descent(points, losses, run.status)


@functools.lru_cache(maxsize=32)
def _losses_of(subject: Subject) -> Losses:
    """Return the losses at points, shape (m, n): compiled if the function does not branch."""
    at_once = compile(lambda points: scan(lambda none, x: (none, subject.loss(x)), 0.0, points)[1])
    try:
        at_once(np.array([subject.start, subject.start]))
    except Exception:  # what only runs point by point, such as branches on values
        return functools.partial(_one_by_one, subject)
    losses: Losses = at_once
    return losses


def _one_by_one(subject: Subject, points: np.ndarray) -> np.ndarray:
    """Return losses of NumPy's own calls; NaN at points that raise, or that time ran out for."""
    losses = np.full(len(points), np.nan)
    end = time.perf_counter() + _LONGEST
    for i in np.random.default_rng(0).permutation(len(points)):  # so that they cover all the map
        try:
            losses[i] = subject.original(*subject.arguments(points[i]))
        except Exception:  # the user's function may raise anything outside of its domain
            losses[i] = np.nan
        if time.perf_counter() > end:
            break
    return losses


@functools.lru_cache(maxsize=32)
def grid_size(subject: Subject, dimensions: int) -> int:
    """Return how many points a side of a grid may have, so that it is computed within a frame."""
    low, high = np.array(subject.box).T
    points = np.random.default_rng(0).uniform(low, high, (_SAMPLES, subject.size))
    losses_at(subject, points)
    began = time.perf_counter()
    losses_at(subject, points)
    seconds = max(time.perf_counter() - began, 1e-9) / len(points)
    return int(np.clip((_DRAWN / seconds) ** (1 / dimensions), *_SIDES))


def losses_at(subject: Subject, points: np.ndarray) -> np.ndarray:
    """Return the losses at points; NaN where there is none."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(_losses_of(subject)(points))

"""Line searches: they choose the step size along a direction.

A line search judges one step size after the other. It sees the loss along the direction, phi,
and its slope, at step size 0 and at the step size tried.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import numpy as np

from steepest.descent.settings import settings
from steepest.errors import InputError

__all__ = ["Armijo", "LineSearch", "StrongWolfe"]


class LineSearchPoint(NamedTuple):
    """The loss along a direction at step size 0 and at the step size tried.

    Attributes
    ----------
    step
        The step size: the length of the step in units of the direction.
    start, start_slope
        phi and its slope at step size 0.
    loss, slope
        phi and its slope at `step`. The loss may be infinite or NaN.
    """

    step: Any
    start: Any
    start_slope: Any
    loss: Any
    slope: Any


class Verdict(NamedTuple):
    """The decision of a line search on a step size.

    Attributes
    ----------
    done
        Whether the step size is accepted.
    step
        The step size to try next, if it is not.
    state
        The state of the line search, if it is not.
    """

    done: Any
    step: Any
    state: Any


class LineSearch(abc.ABC):
    """Base class of line searches.

    A subclass is a frozen dataclass that implements ``start`` and ``judge`` in NumPy.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> from dataclasses import dataclass
    >>> from steepest.descent.methods.line_searches import Verdict
    >>> @dataclass(frozen=True)
    ... class Halving(st.LineSearch):
    ...     def start(self, like):
    ...         return ()
    ...     def judge(self, seen, state):
    ...         return Verdict(seen.loss < seen.start, 0.5 * seen.step, state)
    >>> run = st.minimize(lambda x: np.sum((x - 3) ** 2), np.zeros(2),
    ...                   method=st.LBFGS(search=Halving()))
    >>> run.x.round(4)
    array([3., 3.])
    """

    @abc.abstractmethod
    def start(self, like: Any) -> Any:
        """Return the state at the start of each search; its numbers have the dtype of `like`."""

    @abc.abstractmethod
    def judge(self, seen: LineSearchPoint, state: Any) -> Verdict:
        """Return whether a step size is accepted, and which one to try next if it is not."""


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Raise unless a setting lies between two numbers."""
    if not low < value < high:
        raise InputError(f"{name} must be between {low:g} and {high:g}, got {value!r}")


@settings
class Armijo(LineSearch):
    """Backtracking: shorten the step until the loss decreases sufficiently (Armijo [1]_).

    The next step size minimizes a parabola through the known values, and is clipped to between a
    tenth and a half of the last one.

    Parameters
    ----------
    decrease : float, optional
        Fraction of the decrease predicted by the slope that is sufficient, in (0, 1).

    Raises
    ------
    InputError
        If `decrease` is out of its range.

    References
    ----------
    .. [1] L. Armijo, "Minimization of functions having Lipschitz continuous first partial
       derivatives", Pacific Journal of Mathematics 16 (1), 1-3, 1966.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum(x**4), np.ones(3),
    ...                   method=st.LBFGS(search=st.Armijo()))
    >>> bool(run.converged)
    True
    """

    decrease: float = 1e-4

    def __post_init__(self) -> None:
        check_between("decrease", self.decrease, 0, 1)

    def start(self, like: Any) -> Any:
        return ()

    def judge(self, seen: LineSearchPoint, state: Any) -> Verdict:
        gain = seen.loss - seen.start
        done = gain <= self.decrease * seen.step * seen.start_slope
        excess = 2 * (gain - seen.step * seen.start_slope)
        lowest = -seen.start_slope * np.square(seen.step) / excess
        lowest = np.where(np.isfinite(gain), lowest, 0.1 * seen.step)
        return Verdict(done, np.clip(lowest, 0.1 * seen.step, 0.5 * seen.step), state)


class Ends(NamedTuple):
    """The interval that a line search works on: the best step size so far and another one.

    Attributes
    ----------
    best, loss, slope
        The best step size so far, phi there and its slope.
    other, other_loss, other_slope
        The step size at the other end, phi there and its slope.
    """

    best: Any
    loss: Any
    slope: Any
    other: Any
    other_loss: Any
    other_slope: Any


class Bracket(NamedTuple):
    """State of :class:`StrongWolfe`.

    Attributes
    ----------
    ends
        The interval.
    is_bracket
        Whether the interval contains a minimum.
    is_late
        Whether the search has reached its second stage, which uses phi itself. The first stage
        uses phi minus the line of sufficient decrease.
    width, earlier_width
        Lengths of the interval one and two steps ago.
    wall
        The shortest step size so far at which the loss was not finite, or so high that it says
        nothing about the minimum; infinite if there is none.
    """

    ends: Ends
    is_bracket: Any
    is_late: Any
    width: Any
    earlier_width: Any
    wall: Any


@settings
class StrongWolfe(LineSearch):
    """Find a step size that meets the strong Wolfe conditions (Moré and Thuente [1]_).

    Parameters
    ----------
    decrease : float, optional
        Fraction of the decrease predicted by the slope that is sufficient, in (0, 1/2).
    flatness : float, optional
        Largest slope at the end, as a fraction of the slope at the start, in (0, 1).
    longest : float, optional
        Largest step size, in units of the direction.

    Raises
    ------
    InputError
        If `decrease` or `flatness` is out of its range.

    References
    ----------
    .. [1] J. J. Moré and D. J. Thuente, "Line search algorithms with guaranteed sufficient
       decrease", ACM Transactions on Mathematical Software 20 (3), 286-307, 1994.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 1) ** 4 + x**2), np.zeros(3),
    ...                   method=st.NonlinearCG(search=st.StrongWolfe(flatness=0.1)))
    >>> bool(run.converged)
    True
    """

    decrease: float = 1e-3
    flatness: float = 0.9
    longest: float = 1e20

    def __post_init__(self) -> None:
        check_between("decrease", self.decrease, 0, 0.5)
        check_between("flatness", self.flatness, 0, 1)

    def start(self, like: Any) -> Any:
        zero = np.zeros((), like.dtype)
        infinite = zero + np.inf
        ends = Ends(zero, zero, zero, zero, zero, zero)
        no = np.zeros((), bool)
        return Bracket(ends, no, no, infinite, infinite, infinite)

    def judge(self, seen: LineSearchPoint, state: Any) -> Verdict:
        # At the start of a search both ends are step size 0.
        is_new = np.isinf(state.width)
        start = Ends(0.0, seen.start, seen.start_slope, 0.0, seen.start, seen.start_slope)
        ends = Ends(*(np.where(is_new, a, b) for a, b in zip(start, state.ends, strict=True)))
        predicted = self.decrease * seen.start_slope
        line = seen.start + predicted * seen.step
        enough = seen.loss <= line
        flat = np.abs(seen.slope) <= -self.flatness * seen.start_slope
        late = state.is_late | (enough & (seen.slope >= 0))
        # The first stage uses phi minus the line of sufficient decrease.
        tilt = np.where(~late & (seen.loss <= ends.loss) & (seen.loss > line), predicted, 0.0)
        tilted = Ends(
            ends.best,
            ends.loss - tilt * ends.best,
            ends.slope - tilt,
            ends.other,
            ends.other_loss - tilt * ends.other,
            ends.other_slope - tilt,
        )
        loss, slope = seen.loss - tilt * seen.step, seen.slope - tilt
        low = np.where(
            state.is_bracket,
            np.minimum(ends.best, ends.other),
            seen.step + 1.1 * (seen.step - ends.best),
        )
        high = np.where(
            state.is_bracket,
            np.maximum(ends.best, ends.other),
            seen.step + 4.0 * (seen.step - ends.best),
        )
        after, is_bracket, step = next_step(
            tilted, seen.step, loss, slope, state.is_bracket, low, high
        )
        after = Ends(
            after.best,
            after.loss + tilt * after.best,
            after.slope + tilt,
            after.other,
            after.other_loss + tilt * after.other,
            after.other_slope + tilt,
        )
        length = np.abs(after.other - after.best)
        slow = is_bracket & (length >= 0.66 * state.earlier_width)
        step = np.where(slow, after.best + 0.5 * (after.other - after.best), step)
        # Of a step to a wall only its length is known: interpolation would lead back to the
        # start. The next step is halfway to the wall.
        broken = is_wall(seen)
        wall = np.where(broken, np.minimum(seen.step, state.wall), state.wall)
        step = np.where(broken, ends.best + 0.5 * (seen.step - ends.best), step)
        next_ends = [np.where(broken, a, b) for a, b in zip(ends, after, strict=True)]
        best = next_ends[0]
        step = np.where(step >= wall, 0.5 * (best + wall), step)
        is_bracket = np.where(broken, state.is_bracket, is_bracket)
        largest = np.finfo(seen.loss.dtype).max
        width = np.where(is_bracket, length, np.where(is_new, largest, state.width))
        bracket = Bracket(Ends(*next_ends), is_bracket, late, width, state.width, wall)
        return Verdict(enough & flat, np.minimum(step, self.longest), bracket)


_HIGH = 1e6
"""Smallest increase of the loss at a wall, relative to the decrease that the slope predicts."""


def is_wall(seen: LineSearchPoint) -> Any:
    """Return whether the loss at a step size is not finite, or far above what its slope says."""
    predicted = np.abs(seen.step * seen.start_slope) + np.abs(seen.start)
    return ~np.isfinite(seen.loss + seen.slope) | (seen.loss - seen.start > _HIGH * predicted)


def next_step(
    ends: Ends, step: Any, loss: Any, slope: Any, is_bracket: Any, low: Any, high: Any
) -> tuple[Ends, Any, Any]:
    """Return the interval after one more step size, whether it is a bracket, and the next step.

    The next step size comes from cubic and quadratic interpolation. The four cases are those of
    section 4 of Moré and Thuente.
    """
    best, other = ends.best, ends.other
    opposite = slope * ends.slope < 0
    higher = loss > ends.loss
    theta = 3 * (ends.loss - loss) / (step - best) + ends.slope + slope
    size = np.maximum(np.abs(theta), np.maximum(np.abs(ends.slope), np.abs(slope)))
    inside = np.square(theta / size) - ends.slope / size * (slope / size)
    gamma = size * np.sqrt(np.maximum(inside, 0.0))
    gamma = np.where((step < best) ^ ~higher, -gamma, gamma)

    # 1. Higher: the minimum lies between.
    r = (gamma - ends.slope + theta) / (gamma - ends.slope + gamma + slope)
    cubic = best + r * (step - best)
    quadratic = best + ends.slope / ((ends.loss - loss) / (step - best) + ends.slope) / 2 * (
        step - best
    )
    nearer = np.abs(cubic - best) < np.abs(quadratic - best)
    first = np.where(nearer, cubic, cubic + (quadratic - cubic) / 2)

    # 2. Lower, slopes of opposite sign: the minimum lies between.
    r = (gamma - slope + theta) / (gamma - slope + gamma + ends.slope)
    cubic = step + r * (best - step)
    secant = step + slope / (slope - ends.slope) * (best - step)
    second = np.where(np.abs(cubic - step) > np.abs(secant - step), cubic, secant)

    # 3. Lower, slopes of the same sign, and flatter.
    r = (gamma - slope + theta) / (gamma + (ends.slope - slope) + gamma)
    cubic = np.where(
        (r < 0) & (gamma != 0), step + r * (best - step), np.where(step > best, high, low)
    )
    nearer = np.abs(cubic - step) < np.abs(secant - step)
    within = np.where(nearer, cubic, secant)
    limit = step + 0.66 * (other - step)
    within = np.where(step > best, np.minimum(limit, within), np.maximum(limit, within))
    beyond = np.clip(np.where(nearer, secant, cubic), low, high)
    third = np.where(is_bracket, within, beyond)

    # 4. Lower, slopes of the same sign, and no flatter.
    theta = 3 * (loss - ends.other_loss) / (other - step) + ends.other_slope + slope
    size = np.maximum(np.abs(theta), np.maximum(np.abs(ends.other_slope), np.abs(slope)))
    inside = np.square(theta / size) - ends.other_slope / size * (slope / size)
    gamma = size * np.sqrt(np.maximum(inside, 0.0))
    gamma = np.where(step > other, -gamma, gamma)
    r = (gamma - slope + theta) / (gamma - slope + gamma + ends.other_slope)
    fourth = np.where(is_bracket, step + r * (other - step), np.where(step > best, high, low))

    flatter = np.abs(slope) < np.abs(ends.slope)
    lower = np.where(opposite, second, np.where(flatter, third, fourth))
    following = np.where(higher, first, lower)
    after = Ends(
        np.where(higher, best, step),
        np.where(higher, ends.loss, loss),
        np.where(higher, ends.slope, slope),
        np.where(higher, step, np.where(opposite, best, other)),
        np.where(higher, loss, np.where(opposite, ends.loss, ends.other_loss)),
        np.where(higher, slope, np.where(opposite, ends.slope, ends.other_slope)),
    )
    return after, is_bracket | higher | opposite, following

"""The line search of Hager and Zhang, one evaluation at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steepest.descent.methods.line_searches import (
    LineSearch,
    LineSearchPoint,
    Verdict,
    check_between,
)
from steepest.descent.settings import settings

__all__ = ["HagerZhang"]

_EXPAND, _FIRST, _SECOND, _MIDDLE, _SHRINK = range(5)
"""The phases of a search: a larger step size, the first or second secant, a bisection, and
repeated bisections after phi was too high."""


class Interval(NamedTuple):
    """State of :class:`HagerZhang`.

    Attributes
    ----------
    low, low_slope
        The end where phi is falling and low enough, and its slope.
    high, high_slope
        The end where phi rises, or, during bisections, where it is too high.
    width
        Length of the interval when the last round of secants began.
    phase
        Which step size is tried now: one of ``_EXPAND``, ``_FIRST`` and so on.
    is_new
        Whether no step size was tried yet.
    """

    low: Any
    low_slope: Any
    high: Any
    high_slope: Any
    width: Any
    phase: Any
    is_new: Any


@settings
class HagerZhang(LineSearch):
    """Find a step size by secants of the slope (Hager and Zhang [1]_).

    Near a minimum losses differ only by rounding errors, but slopes are still exact. The search
    then decides by the slopes, and so reaches full precision.

    Parameters
    ----------
    decrease : float, optional
        Fraction of the decrease predicted by the slope that is sufficient, in (0, 1/2).
    flatness : float, optional
        Largest slope at the end, as a fraction of the slope at the start, in (0, 1).
    blur : float, optional
        Largest increase of the loss that is ignored, as a fraction of the loss.
    expansion : float, optional
        Factor of the step size as long as the loss keeps falling.

    Raises
    ------
    InputError
        If `decrease` or `flatness` is out of its range.

    References
    ----------
    .. [1] W. W. Hager and H. Zhang, "A new conjugate gradient method with guaranteed descent and
       an efficient line search", SIAM Journal on Optimization 16 (1), 170-192, 2005.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> run = st.minimize(lambda x: np.sum((x - 1) ** 4 + x**2), np.zeros(3),
    ...                   method=st.NonlinearCG(search=st.HagerZhang()))
    >>> bool(run.converged)
    True
    """

    decrease: float = 0.1
    flatness: float = 0.9
    blur: float = 1e-6
    expansion: float = 5.0

    def __post_init__(self) -> None:
        check_between("decrease", self.decrease, 0, 0.5)
        check_between("flatness", self.flatness, 0, 1)

    def start(self, like: Any) -> Any:
        zero = np.zeros((), like.dtype)
        return Interval(zero, zero, zero, zero, zero, np.zeros((), np.int64), np.ones((), bool))

    def judge(self, seen: LineSearchPoint, state: Any) -> Verdict:
        c, slope = seen.step, seen.slope
        limit = seen.start + self.blur * np.abs(seen.start)
        is_low = seen.loss <= limit
        flat = slope >= self.flatness * seen.start_slope
        wolfe = seen.loss - seen.start <= self.decrease * c * seen.start_slope
        nearly = is_low & ((2 * self.decrease - 1) * seen.start_slope >= slope)
        done = flat & (wolfe | nearly)

        before = state.low
        before_slope = np.where(state.is_new, seen.start_slope, state.low_slope)
        rises, goes_on = slope >= 0, (slope < 0) & is_low
        low = np.where(goes_on, c, before)
        low_slope = np.where(goes_on, slope, before_slope)
        high = np.where(goes_on, state.high, c)
        high_slope = np.where(rises, slope, state.high_slope)
        expands = goes_on & (state.phase == _EXPAND)
        shrinks = ~rises & (~goes_on | (state.phase == _SHRINK))

        # The secant through the end that was replaced and the new one.
        other = np.where(goes_on, before, state.high)
        other_slope = np.where(goes_on, before_slope, state.high_slope)
        second = _secant(other, other_slope, c, slope)
        takes_second = (state.phase == _FIRST) & (second > low) & (second < high)
        width = high - low
        was_slow = (state.phase != _EXPAND) & (state.phase < _MIDDLE)
        takes_middle = was_slow & (width > 0.66 * state.width)
        middle, first = 0.5 * (low + high), _secant(low, low_slope, high, high_slope)
        first = np.where((first > low) & (first < high), first, middle)

        step = np.where(takes_second, second, np.where(takes_middle, middle, first))
        phase = np.where(takes_second, _SECOND, np.where(takes_middle, _MIDDLE, _FIRST))
        is_round = ~takes_second & ~takes_middle
        step = np.where(shrinks, middle, np.where(expands, self.expansion * c, step))
        phase = np.where(shrinks, _SHRINK, np.where(expands, _EXPAND, phase))
        following = Interval(
            low,
            low_slope,
            high,
            high_slope,
            np.where(is_round, width, state.width),
            phase,
            np.zeros((), bool),
        )
        return Verdict(done, step, following)


def _secant(a: Any, a_slope: Any, b: Any, b_slope: Any) -> Any:
    return (a * b_slope - b * a_slope) / (b_slope - a_slope)

"""Derivatives of functions that are only called: differences, and the complex step.

A central difference has two errors: of truncation, which grows with the step, and of the noise of
the values, which grows as the step shrinks. The step starts where both are equal for a function
that varies on the scale of its argument. It grows while nothing changes visibly, and shrinks while
the values bend visibly. The noise is estimated from a table of differences (Moré and Wild 2011).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Line = Callable[[float], np.ndarray]
"""A function of a step along a line, with values of shape (m,)."""

Mapper = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""Python's ``map``, or one that computes in parallel."""

_VISIBLE = 1e3
"""How many times the noise a difference must be."""

_BENT = 1e-3
"""Largest second difference that is neglected, beside a first difference."""

_ROUNDED = 64
"""How many times the noise may come from rounding alone."""

_MOST_NOISE = 1e-3
_TOO_NOISY = 1e-6
_COMPLEX_STEP = 1e-30
_ORDERS = (4, 5, 6)


def slope(line: Line, value: np.ndarray, size: float, noise: float) -> np.ndarray:
    """Return the derivative of a function along a line, at 0.

    Parameters
    ----------
    line
        The function.
    value
        Its value at 0, shape (m,).
    size
        The scale of the argument, positive.
    noise
        Relative size of the noise of the values.

    Raises
    ------
    Exception
        What the function raises on both sides, however close.
    """
    first = noise ** (1 / 3)
    step, largest = first * size, first * max(size, 1.0)
    known = np.isfinite(value)
    best = np.full_like(value, np.nan)
    for _ in range(12):
        (up, error), (down, other) = _tried(line, step, value), _tried(line, -step, value)
        sides = [bool(np.isfinite(side[known]).all()) for side in (up, down)]
        if not all(sides):
            if step > 1e-4 * first * size:  # possibly out of the domain
                step /= 16
                continue
            if any(sides):
                return _one_sided(line, value, step if sides[0] else -step)
            if error is not None and other is not None:
                raise error
            return best
        difference, bend = up - down, _largest(up - 2 * value + down, known)
        level = noise * max(_largest(up, known), _largest(down, known))
        change = _largest(difference, known)
        best = np.asarray(difference / (2 * step))
        if change <= _VISIBLE * level and step < largest:
            step = min(64 * step, largest)
            continue
        if bend - _ROUNDED * level <= _BENT * change:
            return best
        closer = step / 4
        near = (line(closer) - line(-closer)) / (2 * closer)
        gap, rounding = _largest(best - near, known), 8 * level / closer
        if gap <= rounding:
            return best
        if gap <= 1e-4 * _largest(near, known):
            extrapolated: np.ndarray = near + (near - best) / 15
            return extrapolated
        best, step, largest = near, closer / 4, closer / 4
    return best


def _tried(line: Line, step: float, like: np.ndarray) -> tuple[np.ndarray, Exception | None]:
    """Return a value and no error, or NaN and the error."""
    try:
        return line(step), None
    except Exception as error:
        return np.full_like(like, np.nan), error


def _largest(values: np.ndarray, known: np.ndarray) -> float:
    return float(np.max(np.abs(values[known]), initial=0.0))


def _one_sided(line: Line, value: np.ndarray, step: float) -> np.ndarray:
    """Return the derivative from the values on one side, to second order."""
    result: np.ndarray = (4 * line(step) - line(2 * step) - 3 * value) / (2 * step)
    return result


def slopes_by_element(
    function: Callable[[np.ndarray], np.ndarray], value: np.ndarray, x: np.ndarray, noise: float
) -> np.ndarray:
    """Return the derivative of each element by the element of `x` at the same position."""
    first = noise ** (1 / 3)
    size = np.where(x == 0, 1.0, np.abs(x))
    steps, largest = first * size, first * np.maximum(size, 1.0)
    result, is_open = np.full_like(value, np.nan), np.ones(x.shape, bool)
    for _ in range(12):
        high, low = x + steps, x - steps
        up, down = function(high), function(low)
        difference, bend = np.abs(up - down), np.abs(up - 2 * value + down)
        level = noise * np.maximum(np.abs(up), np.abs(down))
        result = np.where(is_open, (up - down) / (high - low), result)
        is_faint = (difference <= _VISIBLE * level) & (steps < largest)
        is_bent = bend - _ROUNDED * level > _BENT * difference
        is_outside = ~np.isfinite(up - down) & np.isfinite(value)
        is_open &= is_faint | is_bent | is_outside
        if not is_open.any():
            break
        smaller = is_bent | is_outside
        largest = np.where(smaller, steps / 16, largest)
        steps = np.where(smaller, steps / 16, np.where(is_faint, 64 * steps, steps))
        steps = np.minimum(steps, largest)
    return result


def noise_of(line: Line, size: float, epsilon: float) -> float:
    """Return the relative noise of a function's values along a line.

    Parameters
    ----------
    line, size
        As for :func:`slope`.
    epsilon
        Rounding error of the values, which is the least noise.
    """
    step = epsilon ** (1 / 3) * size / 3
    noise, _ = _table(line, step, size)
    if not noise > _ROUNDED * epsilon:  # also where something is not finite
        return epsilon
    fine, is_smooth = _table(
        line, step / 1024, size
    )  # perhaps the function varies on a small scale
    return float(np.clip(fine if is_smooth else noise, epsilon, _MOST_NOISE))


def _table(line: Line, step: float, size: float) -> tuple[float, bool]:
    """Return the noise from a table of differences, and whether the values vary beyond it.

    It is relative to the values, or to how much they vary on the scale of the argument.
    """
    try:
        values = np.array([line(i * step) for i in range(max(_ORDERS) + 1)], float)
    except Exception:  # out of the domain
        return 0.0, False
    slopes = np.abs(values[-1] - values[0]) / (len(values) - 1) / step
    scale = max(np.max(np.abs(values), initial=0.0), size * np.max(slopes, initial=0.0))
    if not (np.isfinite(scale) and scale > 0):
        return 0.0, False
    values = values / scale
    estimates, differences = [], values
    for order in range(1, max(_ORDERS) + 1):
        differences = np.diff(differences, axis=0)
        if order in _ORDERS:
            estimates.append(np.sqrt(np.max(np.mean(differences**2, axis=0)) / _variance(order)))
    noise = float(min(estimates))
    steps = np.sqrt(np.max(np.mean(np.diff(values, axis=0) ** 2, axis=0)))
    return noise, bool(steps > _ROUNDED * noise)


def _variance(order: int) -> float:
    """Return the variance of a difference of independent values of variance 1: (2k)! / (k!)^2."""
    return float(np.prod([(order + i) / i for i in range(1, order + 1)]))


def jacobian(
    function: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    value: np.ndarray,
    noise: float,
    mapper: Mapper = map,
) -> np.ndarray:
    """Return the Jacobian from differences, shape (m, n).

    Parameters
    ----------
    function, x, value
        A function of a vector (n,) with values (m,), the point, and the value there.
    noise
        Relative noise of the values.
    mapper
        Computes the columns, perhaps in parallel.
    """

    def column(j: int) -> np.ndarray:
        size = float(abs(x[j])) or 1.0

        def line(step: float) -> np.ndarray:
            return function(_moved(x, j, step))

        return slope(line, value, size, noise)

    columns = list(mapper(column, range(x.size)))
    return np.stack(columns, axis=1) if columns else np.zeros((value.size, 0))


def _moved(x: np.ndarray, j: int, step: complex) -> np.ndarray:
    moved = x.astype(np.result_type(x, np.complex64)) if isinstance(step, complex) else x.copy()
    moved[j] += step
    return moved


def direction_line(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, direction: np.ndarray
) -> tuple[Line, float]:
    """Return a function along a direction, and the scale of its argument."""
    longest = float(np.max(np.abs(direction), initial=0.0)) or 1.0
    size = (float(np.max(np.abs(x[direction != 0]), initial=0.0)) or 1.0) / longest
    return (lambda step: function(x + step * direction)), size


def complex_jacobian(
    function: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    value: np.ndarray,
    noise: float,
    mapper: Mapper = map,
) -> np.ndarray | None:
    """Return the Jacobian by complex steps; None unless the function is analytic at the point.

    The real parts must be the values, and a difference in one direction must agree.
    """

    def column(j: int) -> np.ndarray | None:
        step = _COMPLEX_STEP * (float(abs(x[j])) or 1.0)
        moved = function(_moved(x, j, 1j * step))
        if moved.dtype.kind != "c" or not _agree(moved.real, value, 1e-10):
            return None
        return moved.imag / step

    if noise > _TOO_NOISY:  # no difference could check them
        return None
    columns = list(mapper(column, range(x.size)))
    if any(found is None or not np.isfinite(found).all() for found in columns) or not columns:
        return None
    result = np.stack([found for found in columns if found is not None], axis=1)
    signs = np.where(np.arange(x.size) % 2, -1.0, 1.0)
    direction = signs * np.where(x == 0, 1.0, np.abs(x))
    line, _ = direction_line(function, x, direction)
    expected = slope(line, value, 1.0, noise)
    tolerance = 1e-5 * float(np.max(np.abs(expected), initial=0.0))
    rounding = 1e2 * noise ** (2 / 3) * float(np.max(np.abs(value), initial=0.0))
    is_same = np.max(np.abs(result @ direction - expected), initial=0.0) <= tolerance + rounding
    return result if is_same else None


def _agree(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    scale = float(np.max(np.abs(b), initial=0.0))
    return bool(np.all(np.abs(a - b) <= tolerance * scale))

"""Integrals of samples and Gauss's rule, as `scipy.integrate` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import demand
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.follow import follow
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.registry import floating, of_scipy
from steepest.trace.recording.session import current


def _samples(name: str, y: ArrayLike, x: ArrayLike, dx: ArrayLike, axis: int) -> Any:
    """Return samples along the last axis, and the widths between them."""
    y = floating(y)
    axis = normalize_axis(axis, y.ndim)
    number = y.shape[axis]
    if not number:
        raise InputError(f"scipy.integrate.{name}{at(user_source())} needs a sample at least")
    if x is None:
        widths = floating(dx)
        if widths.ndim:
            widths = np.moveaxis(widths, axis, -1)
        return np.moveaxis(y, axis, -1), widths, axis
    x = floating(x)
    if x.shape not in ((number,), y.shape):
        refuse(f"scipy.integrate.{name} of samples of shape {y.shape} at x of shape {x.shape}")
    x = x if x.ndim == 1 else np.moveaxis(x, axis, -1)
    return np.moveaxis(y, axis, -1), x[..., 1:] - x[..., :-1], axis


@of_scipy("integrate")
def trapezoid(y: ArrayLike, x: ArrayLike = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    return np.trapezoid(floating(y), x, dx, axis)


@of_scipy("integrate")
def cumulative_trapezoid(
    y: ArrayLike, x: ArrayLike = None, dx: ArrayLike = 1.0, axis: int = -1, initial: Any = None
) -> Array:
    y, widths, axis = _samples("cumulative_trapezoid", y, x, dx, axis)
    sums = np.cumsum(widths * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        if np.ndim(initial) or initial != 0:
            raise InputError(
                f"scipy.integrate.cumulative_trapezoid{at(user_source())}: initial must be None "
                f"or 0, got {initial!r}"
            )
        sums = np.concatenate([np.zeros_like(y[..., :1]), sums], axis=-1)
    return np.moveaxis(sums, -1, axis)


def _pairs(y: Array, widths: Array) -> Array:
    """Return Simpson's rule for an odd number of samples."""
    first, middle, last = y[..., :-2:2], y[..., 1:-1:2], y[..., 2::2]
    if not widths.ndim:
        return np.sum(first + 4.0 * middle + last, axis=-1) * (widths / 3.0)
    before, after = widths[..., ::2], widths[..., 1::2]
    both, ratio = before + after, before / after
    terms = first * (2.0 - 1.0 / ratio) + middle * (both * both / (before * after))
    return np.sum(both / 6.0 * (terms + last * (2.0 - ratio)), axis=-1)


@of_scipy("integrate")
def simpson(y: ArrayLike, x: ArrayLike = None, *, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    y, widths, axis = _samples("simpson", y, x, dx, axis)
    number = y.shape[-1]
    last = widths[..., -1] if widths.ndim else widths
    if number == 2:
        return 0.5 * last * (y[..., -1] + y[..., -2])
    if number % 2 or number < 2:
        return _pairs(y, widths)
    # The last interval by Cartwright's correction (2017, equation 8).
    h1, h0 = last, widths[..., -2] if widths.ndim else widths
    alpha = (2 * h1**2 + 3 * h0 * h1) / (6 * (h1 + h0))
    beta = (h1**2 + 3.0 * h0 * h1) / (6 * h0)
    eta = h1**3 / (6 * h0 * (h0 + h1))
    rest = alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]
    return _pairs(y[..., :-1], widths[..., :-1] if widths.ndim else widths) + rest


def _first_of_pairs(y: Array, widths: Array, are_equal: bool) -> Array:
    """Return the integral over each interval by the parabola that takes in the next."""
    f1, f2, f3 = y[..., :-2], y[..., 1:-1], y[..., 2:]
    if are_equal:
        return widths / 3 * (5 * f1 / 4 + 2 * f2 - f3 / 4)
    here, after = widths[..., :-1], widths[..., 1:]
    share = here / (here + after)
    square = share * (here / after)
    return here / 6 * ((3 - share) * f1 + (3 + square + share) * f2 - square * f3)


@of_scipy("integrate")
def cumulative_simpson(
    y: ArrayLike, *, x: ArrayLike = None, dx: ArrayLike = 1.0, axis: int = -1,
    initial: ArrayLike = None,
) -> Array:  # fmt: skip
    y, widths, axis = _samples("cumulative_simpson", y, x, dx, axis)
    where = at(user_source())
    if x is not None:
        demand(
            np.all(widths > 0),
            lambda: InputError(f"scipy.integrate.cumulative_simpson{where}: x must rise"),
        )
    if y.shape[-1] < 3:
        sums = np.cumsum(widths * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    else:
        forward = _first_of_pairs(y, widths, x is None)
        turned = widths[..., ::-1] if x is not None else widths
        backward = _first_of_pairs(y[..., ::-1], turned, x is None)[..., ::-1]
        is_first = np.arange(y.shape[-1] - 1) % 2 == 0
        padded = np.concatenate([forward, forward[..., -1:]], axis=-1)
        shifted = np.concatenate([backward[..., :1], backward], axis=-1)
        is_first[-1] = False  # the last interval has none after it
        sums = np.cumsum(np.where(is_first, padded, shifted), axis=-1)
    if initial is not None:
        start = floating(initial)
        start = np.moveaxis(start, axis, -1) if start.ndim else start
        start = np.broadcast_to(start, (*y.shape[:-1], 1))
        sums = np.concatenate([start, sums + start], axis=-1)
    return np.moveaxis(sums, -1, axis)


@of_scipy("integrate", show=lambda value: not value)
def romb(y: ArrayLike, dx: ArrayLike = 1.0, axis: int = -1, show: bool = False) -> Array:
    y = np.moveaxis(floating(y), axis, -1)
    intervals = y.shape[-1] - 1
    levels = max(intervals, 1).bit_length() - 1
    if intervals != 1 << levels:
        raise InputError(
            f"scipy.integrate.romb{at(user_source())}: {y.shape[-1]} samples must be one more "
            "than a power of 2"
        )
    h = intervals * as_traced(dx)
    row = [(y[..., 0] + y[..., -1]) / 2.0 * h]
    for level in range(1, levels + 1):
        step = intervals >> level
        between = np.sum(y[..., step :: 2 * step], axis=-1)
        new = [0.5 * (row[0] + h * between)]
        for j, old in enumerate(row, 1):
            new.append(new[-1] + (new[-1] - old) / (4**j - 1))
        row, h = new, h / 2.0
    return row[-1]


@of_scipy("integrate")
def fixed_quad(
    func: Any, a: ArrayLike, b: ArrayLike, args: Any = (), n: int = 5
) -> tuple[Array, None]:
    a, b = floating(a), floating(b)
    where = at(user_source())
    demand(
        np.all(np.isfinite(a)) & np.all(np.isfinite(b)),
        lambda: InputError(f"scipy.integrate.fixed_quad{where}: the limits must be finite"),
    )
    x, w = np.polynomial.legendre.leggauss(n)
    points = (b - a) * (x + 1) / 2.0 + a
    values = follow(func, current())(points, *args)
    return (b - a) / 2.0 * np.sum(w * values, axis=-1), None

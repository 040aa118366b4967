"""Digital filters along an axis, as `scipy.signal` has them."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.arrays.refusals import refuse
from steepest.trace.control_flow import scan
from steepest.trace.functions.registry import Array, ArrayLike, normalize_axis
from steepest.trace.functions.scipy.registry import demand_one_of, floating, floats, of_scipy


def _coefficients(name: str, b: ArrayLike, a: ArrayLike) -> tuple[Array, Array]:
    """Return the coefficients of a filter, divided by the leading one and equally many."""
    b, a = np.atleast_1d(floating(b)), np.atleast_1d(floating(a))
    if b.ndim != 1 or a.ndim != 1 or not b.size or not a.size:
        raise InputError(
            f"scipy.signal.{name}{at(user_source())}: coefficients of shapes {b.shape} and "
            f"{a.shape} must be vectors"
        )
    size, leading = max(a.size, b.size), a[0]
    b, a = (np.pad(x / leading, (0, size - x.size)) for x in (b, a))
    return b, a


def _run(b: Array, a: Array, rows: Array, state: Array) -> tuple[Array, Array]:
    """Return the filtered rows and the last state, in direct form II transposed.

    `rows` has time along the first axis, and `state` the delays; both have signals along the last.
    """
    if b.size == 1:
        return b[0] * rows, state
    numerator, denominator = b[1:, None], a[1:, None]

    def step(delays: Any, x: Any) -> Any:
        y = b[0] * x + delays[0]
        shifted = np.concatenate([delays[1:], np.zeros_like(delays[:1])])
        return shifted + numerator * x - denominator * y, y

    last, filtered = scan(step, state, rows)
    return filtered, last


def _filtered(b: Array, a: Array, x: Array, axis: int, zi: Any) -> tuple[Array, Array]:
    """Return a filtered array and the last state, from a state along the same axis."""
    lines = np.moveaxis(x, axis, 0)
    rows = np.reshape(lines, (lines.shape[0], -1))
    order = b.size - 1
    if zi is None:
        start = np.zeros((order, rows.shape[1]), x.dtype)
    else:
        start = np.broadcast_to(np.moveaxis(zi, axis, 0), (order, *lines.shape[1:]))
        start = np.reshape(start, (order, -1))
    filtered, last = _run(b, a, rows, start * np.ones((), x.dtype))
    last = np.moveaxis(np.reshape(last, (order, *lines.shape[1:])), 0, axis)
    return np.moveaxis(np.reshape(filtered, lines.shape), 0, axis), last


@of_scipy("signal")
def lfilter(b: ArrayLike, a: ArrayLike, x: ArrayLike, axis: int = -1, zi: ArrayLike = None) -> Any:
    b, a = _coefficients("lfilter", b, a)
    b, a, x = floats(b, a, x)
    axis = normalize_axis(axis, x.ndim)
    if zi is None:
        return _filtered(b, a, x, axis, None)[0]
    zi = floating(zi).astype(x.dtype)
    if zi.ndim != x.ndim or zi.shape[axis] != b.size - 1:
        raise InputError(
            f"scipy.signal.lfilter{at(user_source())}: a state of shape {zi.shape} for a filter "
            f"with {b.size - 1} delays along axis {axis}"
        )
    return _filtered(b, a, x, axis, zi)


@of_scipy("signal")
def lfilter_zi(b: ArrayLike, a: ArrayLike) -> Array:
    b, a = _coefficients("lfilter_zi", b, a)
    order = b.size - 1
    shift: Any = np.eye(order, k=1)
    shift = shift - np.concatenate([a[1:, None], np.zeros((order, order - 1))], axis=1)
    return np.linalg.solve(np.eye(order) - shift, b[1:] - a[1:] * b[0])


@of_scipy("signal")
def sosfilt(sos: ArrayLike, x: ArrayLike, axis: int = -1, zi: ArrayLike = None) -> Any:
    sos, x = floats(sos, x)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise InputError(
            f"scipy.signal.sosfilt{at(user_source())}: sections of shape {sos.shape} must have "
            "6 columns"
        )
    axis = normalize_axis(axis, x.ndim)
    states = None if zi is None else floating(zi).astype(x.dtype)
    lasts = []
    for i in range(sos.shape[0]):
        state = None if states is None else states[i]
        x, last = _filtered(sos[i, :3], sos[i, 3:], x, axis, state)
        lasts.append(last)
    return x if zi is None else (x, np.stack(lasts))


def _extended(x: Array, edge: int, padtype: str | None) -> Array:
    """Return lines along the first axis, continued at both ends."""
    if padtype is None or not edge:
        return x
    first, last = x[:1], x[-1:]
    if padtype == "constant":
        ends = [first] * edge, [last] * edge
        return np.concatenate([*ends[0], x, *ends[1]])
    left, right = x[edge:0:-1], x[-2 : -edge - 2 : -1]
    if padtype == "odd":
        left, right = 2 * first - left, 2 * last - right
    return np.concatenate([left, x, right])


@of_scipy("signal", irlen=lambda value: value is None)
def filtfilt(
    b: ArrayLike, a: ArrayLike, x: ArrayLike, axis: int = -1, padtype: str | None = "odd",
    padlen: int | None = None, method: str = "pad", irlen: int | None = None,
) -> Array:  # fmt: skip
    demand_one_of("signal.filtfilt", "method", method, ("pad", "gust"))
    if method == "gust":
        refuse("scipy.signal.filtfilt with method='gust'")
    demand_one_of("signal.filtfilt", "padtype", padtype, (None, "odd", "even", "constant"))
    b, a = _coefficients("filtfilt", b, a)
    b, a, x = floats(b, a, x)
    lines = np.moveaxis(x, axis, 0)
    edge = 0 if padtype is None else 3 * b.size if padlen is None else int(padlen)
    if lines.shape[0] <= edge:
        raise InputError(
            f"scipy.signal.filtfilt{at(user_source())}: {lines.shape[0]} samples must be more "
            f"than padlen={edge}"
        )
    shape = lines.shape
    rows = _extended(np.reshape(lines, (shape[0], -1)), edge, padtype)
    steady = lfilter_zi(b, a)[:, None] if b.size > 1 else np.zeros((0, 1), x.dtype)
    for _ in range(2):
        rows = _run(b, a, rows, steady * rows[:1])[0][::-1]
    rows = rows[edge : rows.shape[0] - edge]
    return np.moveaxis(np.reshape(rows, shape), 0, axis)

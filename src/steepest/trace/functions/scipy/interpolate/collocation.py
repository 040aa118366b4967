"""Interpolating B-splines: their coefficients solve a banded system."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.equations import solve_band
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.interpolate.bsplines import BSpline
from steepest.trace.functions.scipy.interpolate.periods import interval, prepared
from steepest.trace.functions.scipy.registry import floating, of_scipy


def not_a_knot(x: Array, k: int) -> Array:
    """Return knots at the points, or halfway between them for an even degree."""
    inner = x if k % 2 else 0.5 * (x[1:] + x[:-1])
    cut = (k + 1) // 2 if k % 2 else k // 2
    inner = inner[cut : inner.size - cut]
    return np.concatenate([np.repeat(x[:1], k + 1), inner, np.repeat(x[-1:], k + 1)])


def _at_points(x: Array, k: int) -> Array:
    return np.concatenate([np.repeat(x[:1], k), x, np.repeat(x[-1:], k)])


def _basis(t: Array, k: int, x: Array, place: Array) -> list[Array]:
    """Return the k + 1 basis functions that are not zero in the intervals of points."""
    values: list[Any] = [np.ones_like(x)]
    for degree in range(1, k + 1):
        raised: list[Any] = [0.0] * (degree + 1)
        for j, value in enumerate(values):
            left, right = t[place + (j + 1 - degree)], t[place + (j + 1)]
            share = value / (right - left)
            raised[j] = raised[j] + (right - x) * share
            raised[j + 1] = raised[j + 1] + (x - left) * share
        values = raised
    return values


def coefficients(t: Array, k: int, x: Array, y: Array, left: list[Any], right: list[Any]) -> Array:
    """Return the coefficients of the spline through points, with derivatives given at the ends.

    `left` and `right` hold pairs of an order and the values of that derivative.
    """
    n, first = t.size - k - 1, len(left)
    place = interval(t, x, k, n - 1)
    rows: Any = np.arange(x.size) + first
    add: Any = np.add.at
    band: Any = as_traced(np.zeros((2 * k + 1) * n))
    for j, value in enumerate(_basis(t, k, x, place)):
        column = place + (j - k)
        add(band, (k + rows - column) * n + column, value)
    eye = np.eye(k + 1)
    for number, (order, _) in enumerate(left):
        ends = BSpline(t[: 2 * k + 2], eye, k)(x[0], nu=order)
        columns = np.arange(k + 1)
        add(band, (k + number - columns) * n + columns, ends)
    for number, (order, _) in enumerate(right):
        ends = BSpline(t[t.size - 2 * k - 2 :], eye, k)(x[-1], nu=order)
        columns, row = np.arange(n - k - 1, n), first + x.size + number
        add(band, (k + row - columns) * n + columns, ends)
    parts = [_stacked(left, y), [y], _stacked(right, y)]
    given = np.concatenate([part for parts_of in parts for part in parts_of])
    solved = solve_band(np.reshape(band, (2 * k + 1, n)), np.reshape(given, (n, -1)), below=k)
    return np.reshape(solved, (n, *y.shape[1:]))


def _stacked(pairs: list[Any], y: Array) -> list[Array]:
    """Return the values of derivatives at an end, as rows."""
    return [np.broadcast_to(floating(v).astype(np.float64), y.shape[1:])[None] for _, v in pairs]


def _conditions(given: Any) -> list[Any]:
    """Return the derivatives that an argument ``bc_type`` sets at one end."""
    if given is None or (isinstance(given, str) and given == "not-a-knot"):
        return []
    if isinstance(given, str):
        order = {"clamped": 1, "natural": 2}.get(given)
        if order is None:
            raise InputError(
                f"scipy.interpolate.make_interp_spline{at(user_source())}: bc_type={given!r} is "
                "not known"
            )
        return [(order, 0.0)]
    return [(int(order), value) for order, value in given]


@of_scipy("interpolate")
def make_interp_spline(
    x: ArrayLike, y: ArrayLike, k: int = 3, t: ArrayLike = None, bc_type: Any = None,
    axis: int = 0, check_finite: bool = True,
) -> BSpline:  # fmt: skip
    if isinstance(bc_type, str) and bc_type == "periodic":
        refuse("scipy.interpolate.make_interp_spline with bc_type='periodic'")
    x, y, axis = prepared("make_interp_spline", x, y, axis)
    pair = (bc_type, bc_type) if bc_type is None or isinstance(bc_type, str) else bc_type
    left, right = (_conditions(given) for given in pair)
    if k == 0:
        knots, c = np.concatenate([x, x[-1:]]), y
    elif k == 1 and t is None:
        knots, c = np.concatenate([x[:1], x, x[-1:]]), y
    else:
        if t is not None:
            knots = floating(t).astype(np.float64)
        else:
            knots = _at_points(x, k) if left or right else not_a_knot(x, k)
        missing = knots.size - k - 1 - x.size
        if missing != len(left) + len(right):
            raise InputError(
                f"scipy.interpolate.make_interp_spline{at(user_source())}: {missing} derivatives "
                f"at the ends are needed, got {len(left) + len(right)}"
            )
        c = coefficients(knots, k, x, y, left, right)
    return BSpline(knots, np.moveaxis(c, 0, axis), k, True, axis)

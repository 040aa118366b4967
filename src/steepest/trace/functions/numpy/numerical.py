"""NumPy's functions of neighbors: differences, integrals, filters, interpolation, statistics."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import (
    GraphIndexError,
    InputError,
    OperandError,
    SteepestError,
    UnsupportedError,
    forgive,
)
from steepest.graph.source import at, user_source
from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.dispatch import demand, truth_of
from steepest.trace.functions.numpy.joining import along
from steepest.trace.functions.registry import (
    Array,
    ArrayLike,
    Axes,
    DType,
    demand_axes,
    implements,
    normalize_axis,
)


@implements(np.diff)
def diff(
    a: ArrayLike, n: int = 1, axis: int = -1, prepend: ArrayLike = None, append: ArrayLike = None
) -> Array:
    a = as_traced(a)
    axis = normalize_axis(axis, a.ndim)
    slice_shape = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    parts = []
    for part in (prepend, a, append):
        if part is not None and part is not np._NoValue:
            part = as_traced(part)
            parts.append(part if part.ndim else np.broadcast_to(part, slice_shape))
    a = np.concatenate(parts, axis) if len(parts) > 1 else a
    for _ in range(n):
        later, earlier = a[along(axis, slice(1, None))], a[along(axis, slice(None, -1))]
        a = np.not_equal(later, earlier) if a.dtype == np.bool_ else later - earlier
    return a


@implements(np.ediff1d)
def ediff1d(ary: ArrayLike, to_end: ArrayLike = None, to_begin: ArrayLike = None) -> Array:
    flat = np.ravel(as_traced(ary))
    parts: list[Any] = [flat[1:] - flat[:-1]]
    if to_begin is not None:
        parts.insert(0, _added(to_begin, flat.dtype))
    if to_end is not None:
        parts.append(_added(to_end, flat.dtype))
    return np.concatenate(parts)


def _added(values: ArrayLike, dtype: np.dtype) -> Array:
    """Return the values that `ediff1d` puts at an end, in the dtype of the differences."""
    values = as_traced(values)
    if not np.can_cast(values.dtype, dtype, "same_kind"):
        raise OperandError(
            f"np.ediff1d{at(user_source())}: {values.dtype} cannot be put beside differences of "
            f"dtype {dtype}"
        )
    return np.ravel(values).astype(dtype)


@implements(np.gradient)
def gradient(
    f: ArrayLike, *varargs: ArrayLike, axis: Axes = None, edge_order: int = 1
) -> Array | tuple[Array, ...]:
    f = as_traced(f)
    if edge_order not in (1, 2):
        raise InputError(f"np.gradient{at(user_source())}: edge_order must be 1 or 2")
    axes = range(f.ndim) if axis is None else np.atleast_1d(axis).tolist()
    axes = [normalize_axis(i, f.ndim) for i in axes]
    if len(set(axes)) < len(axes):
        raise InputError(f"np.gradient{at(user_source())}: axis={axis!r} names an axis twice")
    spacings = list(varargs) or [1.0]
    if len(spacings) != len(axes) and (len(spacings) != 1 or as_traced(spacings[0]).ndim):
        raise OperandError(
            f"np.gradient{at(user_source())}: as many spacings as axes, or a number"
        )
    spacings = spacings * len(axes) if len(spacings) == 1 else spacings
    slopes = [_slope(f, h, i, edge_order) for h, i in zip(spacings, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: ArrayLike, spacing: ArrayLike, axis: int, edge_order: int) -> Array:
    f = np.moveaxis(f, axis, -1)
    f = f if f.dtype.kind == "f" else f.astype(np.float64)
    number = f.shape[-1]
    spacing = as_traced(spacing)
    if spacing.shape not in ((), (number,)):
        raise InputError(
            f"np.gradient{at(user_source())}: spacings of shape {spacing.shape} for an axis of "
            f"{number} must be a number, or the position of each element"
        )
    if number < edge_order + 1:
        error = GraphIndexError if spacing.ndim else InputError
        raise error(
            f"np.gradient{at(user_source())}: the array is too small for edge_order={edge_order}"
        )
    h = np.diff(spacing) if spacing.ndim else None
    if h is None:
        one = spacing
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * one)
        before = after = one
    else:
        before, after = h[:-1], h[1:]
        a = -after / (before * (before + after))
        b = (after - before) / (before * after)
        c = before / (after * (before + after))
        inner = a * f[..., :-2] + b * f[..., 1:-1] + c * f[..., 2:]
    if edge_order == 1:
        first = (f[..., 1] - f[..., 0]) / (h[0] if h is not None else before)
        last = (f[..., -1] - f[..., -2]) / (h[-1] if h is not None else before)
    elif h is None:
        first = (-1.5 * f[..., 0] + 2.0 * f[..., 1] - 0.5 * f[..., 2]) / before
        last = (0.5 * f[..., -3] - 2.0 * f[..., -2] + 1.5 * f[..., -1]) / before
    else:
        s, t = h[0], h[1]
        first = (
            -(2.0 * s + t) / (s * (s + t)) * f[..., 0]
            + (s + t) / (s * t) * f[..., 1]
            - s / (t * (s + t)) * f[..., 2]
        )
        s, t = h[-2], h[-1]
        last = (
            t / (s * (s + t)) * f[..., -3]
            - (t + s) / (s * t) * f[..., -2]
            + (2.0 * t + s) / (t * (s + t)) * f[..., -1]
        )
    slope = np.concatenate([first[..., None], inner, last[..., None]], -1)
    return np.moveaxis(slope, -1, axis)


@implements(np.trapezoid)
def trapezoid(y: ArrayLike, x: ArrayLike = None, dx: ArrayLike = 1.0, axis: int = -1) -> Array:
    y = as_traced(y)
    given, axis = axis, normalize_axis(axis, y.ndim)
    if x is None:
        widths: Any = dx
    else:
        x = as_traced(x)
        if not x.ndim:
            raise InputError(f"np.trapezoid{at(user_source())}: x is a number, and no points")
        widths = np.diff(x, axis=given if x.ndim > 1 else -1)
        if x.ndim == 1:
            shape = [1] * y.ndim
            shape[axis] = widths.size
            widths = np.reshape(widths, shape)
    sides = y[along(axis, slice(1, None))] + y[along(axis, slice(None, -1))]
    return np.sum(widths * sides / 2.0, given)


@implements(np.convolve)
def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> Array:
    a, v = np.atleast_1d(as_traced(a)), np.atleast_1d(as_traced(v))
    demand_axes("convolve", a, 1)
    demand_axes("convolve", v, 1)
    if a.size == 0 or v.size == 0:
        raise InputError(f"np.convolve{at(user_source())}: an array is empty")
    a, v = (v, a) if v.size > a.size else (a, v)
    edge = v.size - 1
    if mode == "full":
        before, after = edge, edge
    elif mode == "same":
        before, after = edge - edge // 2, edge // 2
    elif mode == "valid":
        before, after = 0, 0
    else:
        raise InputError(f"np.convolve{at(user_source())}: mode must be full, same or valid")
    v = v[::-1]
    padded = np.pad(a, (before, after)) if before or after else a
    indices = np.arange(padded.size - edge)[:, None] + np.arange(v.size)
    if padded is a or v.dtype.kind != "f" or _is_finite(v):
        return padded[indices] @ v
    # Padding zeros must not count: infinity times zero would be NaN.
    is_inside = (indices >= before) & (indices < before + a.size)
    return np.sum(padded[indices] * np.where(is_inside, v, v.dtype.type(0)), axis=1)


def _is_finite(x: ArrayLike) -> bool:
    """Whether all elements are finite. The answer becomes a guard."""
    try:
        return truth_of(np.all(np.isfinite(x)))
    except UnsupportedError as refusal:  # inside a loop of the graph there are no values
        forgive(refusal)
        return False


@implements(np.correlate)
def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> Array:
    a, v = as_traced(a), as_traced(v)
    demand_axes("correlate", a, 1)
    demand_axes("correlate", v, 1)
    if v.size > a.size:  # as in NumPy: swapped, then reversed
        return convolve(v[::-1], a, mode) if mode == "full" else correlate(v, a, mode)[::-1]
    return convolve(a, v[::-1], mode)


@implements(np.interp)
def interp(
    x: ArrayLike, xp: ArrayLike, fp: ArrayLike, left: ArrayLike = None, right: ArrayLike = None,
    period: ArrayLike = None,
) -> Array:  # fmt: skip
    # NumPy computes in double precision for every dtype.
    x, xp, fp = (as_traced(part).astype(np.float64) for part in (x, xp, fp))
    demand_axes("interp", xp, 1)
    demand_axes("interp", fp, 1)
    if not xp.size or xp.size != fp.size:
        raise InputError(
            f"np.interp{at(user_source())}: {xp.size} points have {fp.size} values; they must be "
            "as many, and at least one"
        )
    if period is not None:
        period = abs(period)
        x, xp = x % period, xp % period
        order = np.argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    if xp.size == 1:
        inner = np.broadcast_to(fp[0], x.shape)
    else:
        i = np.clip(np.searchsorted(xp, x, side="right") - 1, 0, xp.size - 2)
        slope = (fp[i + 1] - fp[i]) / (xp[i + 1] - xp[i])
        inner = slope * (x - xp[i]) + fp[i]
        inner = np.where(x == xp[-1], fp[-1], inner)
    inner = np.where(x < xp[0], fp[0] if left is None else left, inner)
    result = np.where(x > xp[-1], fp[-1] if right is None else right, inner)
    return np.where(np.isnan(x), x, result)


@implements(np.cov)
def cov(
    m: ArrayLike, y: ArrayLike = None, rowvar: bool = True, bias: bool = False,
    ddof: float | None = None, fweights: ArrayLike = None, aweights: ArrayLike = None, *,
    dtype: DType = None,
) -> Array:  # fmt: skip
    m = as_traced(m)
    rows = _rows(m, rowvar or m.ndim == 1)
    y = None if y is None else as_traced(y)
    others = None if y is None else _rows(y, rowvar or y.ndim < 2 or len(y) == 1)
    if not rows.shape[0]:
        return as_traced(np.zeros((0, 0)))
    if others is not None:
        rows = np.concatenate([rows, others], 0)
    dtype = np.result_type(rows.dtype, np.float64) if dtype is None else np.dtype(dtype)
    if dtype.kind != "f":
        raise UnsupportedError(f"np.cov{at(user_source())}: dtype={dtype} must be a floating one")
    rows = rows.astype(dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    if ddof != int(ddof):
        raise InputError(f"np.cov{at(user_source())}: ddof must be a whole number")
    weights: Any = None
    if fweights is not None:
        weights = _weights_of("fweights", fweights, rows)
    if aweights is not None:
        aweights = _weights_of("aweights", aweights, rows)
        weights = aweights if weights is None else weights * aweights
    center, total = np.average(rows, axis=1, weights=weights, returned=True)
    total = total[0]
    if weights is None:
        factor: Any = rows.shape[1] - ddof
    elif ddof == 0:
        factor = total
    elif aweights is None:
        factor = total - ddof
    else:
        factor = total - ddof * np.sum(weights * aweights) / total
    deviations = (rows - center[:, None]).astype(rows.dtype)
    scaled = deviations if weights is None else deviations * weights
    products: Any = deviations @ scaled.T
    return np.squeeze(products * np.true_divide(1, np.maximum(factor, 0.0))).astype(products.dtype)


def _rows(m: ArrayLike, rowvar: bool) -> Array:
    demand_axes("cov", m, 0, 1, 2)
    m = np.reshape(m, (1, m.size)) if m.ndim < 2 else m
    return m if rowvar else m.T


class SampleError(SteepestError, RuntimeError):
    """Weights that are not one for each sample."""


def _weights_of(name: str, weights: ArrayLike, rows: ArrayLike) -> Array:
    """Return weights of samples as floats. Raise where NumPy refuses them."""
    weights, where = as_traced(weights).astype(np.float64), at(user_source())
    if name == "fweights":
        is_whole = np.all(weights == np.rint(weights))
        demand(is_whole, lambda: OperandError(f"np.cov{where}: fweights must be whole numbers"))
    if weights.ndim > 1 or weights.shape[0] != rows.shape[1]:
        raise SampleError(
            f"np.cov{where}: {name} of shape {weights.shape} for {rows.shape[1]} samples"
        )
    is_negative = np.any(weights < 0)
    demand(~is_negative, lambda: InputError(f"np.cov{where}: {name} cannot be negative"))
    return weights


@implements(np.corrcoef)
def corrcoef(
    x: ArrayLike, y: ArrayLike = None, rowvar: bool = True, *, dtype: DType = None
) -> Array:
    c = cov(x, y, rowvar, dtype=dtype)
    if c.ndim == 0:
        return c / c
    deviation = np.sqrt(np.diagonal(c))
    return np.clip(c / deviation[:, None] / deviation[None, :], -1, 1)

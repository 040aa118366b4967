"""Numerically stable functions that NumPy lacks, for traced and plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.ops.row import RECORD

_Axes = int | Sequence[int] | None


def logsumexp(x: Any, axis: _Axes = None, keepdims: bool = False) -> Any:
    """Return the logarithm of a sum of exponentials, without overflow.

    Parameters
    ----------
    x : array_like
        Array of any shape.
    axis : int or tuple of int, optional
        Axis or axes to sum over; None for all.
    keepdims : bool, optional
        Whether the axes stay, with extent 1.

    Returns
    -------
    array
        ``log(sum(exp(x), axis))``; -inf where every element is -inf.

    Raises
    ------
    InputError
        If `axis` is no axis of `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> float(st.logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    x = _as_array(x)
    if not x.size:
        return np.sum(x, axis, keepdims=keepdims) - np.inf
    flat, _ = _on_one_axis(x, axis)
    is_alone, top, ties = _largest(flat)
    # Equal infinities have no difference.
    same = is_alone | ((flat == top) & np.isinf(flat))
    powers = np.exp(np.where(same, 0, flat - np.where(same, 0, top)))
    others = np.sum(np.where(is_alone, 0, powers), axis=-1, keepdims=True)
    total = top + np.log1p(others - ties)
    axes = _axes(x, axis)
    if keepdims:
        shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape))
    else:
        shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    return np.reshape(total, shape)


def softmax(x: Any, axis: _Axes = -1) -> Any:
    """Return exponentials divided by their sum along an axis.

    Parameters
    ----------
    x : array_like
        Array of any shape.
    axis : int or tuple of int, optional
        Axis along which the results add up to one.

    Returns
    -------
    array
        Same shape as `x`.

    Raises
    ------
    InputError
        If `axis` is no axis of `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    flat, restored = _on_one_axis(_as_array(x), axis)
    shifted, others = _shifted(flat)
    return restored(np.exp(shifted) / (1 + others))


def log_softmax(x: Any, axis: _Axes = -1) -> Any:
    """Return the logarithm of :func:`softmax`, without cancellation.

    Parameters
    ----------
    x : array_like
        Array of any shape.
    axis : int or tuple of int, optional
        Axis along which the exponentials of the results add up to one.

    Returns
    -------
    array
        Same shape as `x`.

    Raises
    ------
    InputError
        If `axis` is no axis of `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    flat, restored = _on_one_axis(_as_array(x), axis)
    shifted, others = _shifted(flat)
    return restored(shifted - np.log1p(others))


# The exponential of the largest element, relative to it, is 1. The others are summed without
# it: 1 + 1e-17 would be 1, and logarithm and slopes would lose the smaller term. Where several
# elements are the largest, nothing can be lost: all are summed, and 1 is subtracted.


def _largest(x: Any) -> tuple[Any, Any, Any]:
    """Return a mask of the only largest elements, the largest, and whether it is tied, as 0 or 1.

    They are taken along the last axis. The mask is false where several elements are the largest.
    """
    top = np.max(x, axis=-1, keepdims=True)
    is_top = x == top
    number = np.sum(is_top.astype(x.dtype), axis=-1, keepdims=True)
    is_one = number == 1
    return is_top & is_one, top, 1 - is_one.astype(x.dtype)


def _shifted(x: Any) -> tuple[Any, Any]:
    """Return differences from the largest element, and the sum of their exponentials less 1."""
    is_alone, largest, ties = _largest(x)
    is_finite = np.isfinite(largest)
    top = np.where(is_finite, largest, 0)
    own = np.where(is_finite, 0, stop_gradient(largest))
    shifted = np.where(is_alone, own, x - top)
    others = np.sum(np.where(is_alone, 0, np.exp(shifted)), axis=-1, keepdims=True)
    return shifted, others - ties + np.where(ties == 0, np.expm1(own), 0)


def _as_array(x: Any) -> Any:
    return x if hasattr(x, RECORD) else np.asarray(x)


def _axes(x: Any, axis: _Axes) -> set[int]:
    axes: Sequence[int]
    if axis is None:
        axes = range(x.ndim)
    else:
        axes = axis if isinstance(axis, tuple) else (axis,)
    # As in NumPy, axis=0 and axis=-1 are allowed for a number, though not in a tuple.
    size = x.ndim if isinstance(axis, tuple) else max(x.ndim, 1)
    if not all(-size <= i < size for i in axes):
        raise InputError(
            f"axis {axis}{at(user_source())} is out of bounds for an array of dimension {x.ndim}"
        )
    found = {i % x.ndim for i in axes if x.ndim}
    if x.ndim and len(found) < len(axes):
        raise InputError(f"axis {axis}{at(user_source())} names an axis twice")
    return found


def _on_one_axis(x: Any, axis: _Axes) -> tuple[Any, Callable[[Any], Any]]:
    """Return an array with some axes merged into its last, and a function that undoes that."""
    axes = sorted(_axes(x, axis))
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    if order == tuple(range(x.ndim)) and len(axes) == 1:
        return x, lambda result: result
    moved = np.transpose(x, order)
    back = tuple(sorted(range(x.ndim), key=order.__getitem__))
    flat = np.reshape(moved, (*moved.shape[: x.ndim - len(axes)], -1))
    return flat, lambda result: np.transpose(np.reshape(result, moved.shape), back)

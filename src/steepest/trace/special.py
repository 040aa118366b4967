"""Stable compositions that NumPy itself lacks; they work on plain arrays too."""

from __future__ import annotations

import numpy as np

from steepest.ops.arithmetic import stop_gradient


def logsumexp(x, axis=None, keepdims=False):
    """Return the logarithm of a sum of exponentials, without overflow.

    Parameters
    ----------
    x
        Array of any shape.
    axis
        Axis or axes to sum over; None for all.
    keepdims
        Whether the axes stay, with extent 1.

    Returns
    -------
    array
        ``log(sum(exp(x), axis))``; -inf where every element is -inf.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> float(st.logsumexp(np.array([1000.0, 1000.0])).round(4))
    1000.6931
    """
    top = _finite_top(x, axis)
    total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else _drop(total, x, axis)


def softmax(x, axis=-1):
    """Return exponentials divided by their sum along an axis.

    Parameters
    ----------
    x
        Array of any shape.
    axis
        Axis along which the results add up to one.

    Returns
    -------
    array
        Same shape as `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    powers = np.exp(x - _finite_top(x, axis))
    return powers / np.sum(powers, axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    """Return the logarithm of :func:`softmax`, without cancellation.

    Parameters
    ----------
    x
        Array of any shape.
    axis
        Axis along which the exponentials of the results add up to one.

    Returns
    -------
    array
        Same shape as `x`.

    Examples
    --------
    >>> import numpy as np, steepest as st
    >>> st.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    shifted = x - _finite_top(x, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


def _finite_top(x, axis):
    # The shift cancels in every derivative, so nothing needs to flow through it.
    top = np.max(stop_gradient(x), axis=axis, keepdims=True)
    return np.where(np.isfinite(top), top, 0)


def _drop(total, x, axis):
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    dropped = {i % x.ndim for i in axes}
    return np.reshape(total, tuple(n for i, n in enumerate(x.shape) if i not in dropped))

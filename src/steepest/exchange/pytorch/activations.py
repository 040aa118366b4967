"""Activations of torch, in NumPy, with its slopes at kinks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from steepest.errors import optional
from steepest.trace import log_softmax as log_softmax_along
from steepest.trace import softmax as softmax_along

Array = Any


def _split(condition: Array, x: Array, y: Array) -> Array:
    """Choose elements of two arrays or numbers."""
    return np.where(condition, x, y)


def relu(input: Array, inplace: bool = False) -> Array:
    """Return x where it is positive or NaN, else 0; the slope at 0 is 0."""
    return _split(input <= 0, 0, input)


def hardtanh(
    input: Array, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Array:
    """Clip; the slope on the limits is 0."""
    return _split(input <= min_val, min_val, _split(input >= max_val, max_val, input))


def relu6(input: Array, inplace: bool = False) -> Array:
    """Clip to [0, 6]."""
    return hardtanh(input, 0, 6)


def leaky_relu(input: Array, negative_slope: float = 0.01, inplace: bool = False) -> Array:
    """Return x, or a fraction of it where it is not positive."""
    return _split(input > 0, input, negative_slope * input)


def prelu(input: Array, weight: Array) -> Array:
    """Return x, or a learned fraction of it where it is not positive, for each channel."""
    if weight.size > 1 and input.ndim > 1:
        weight = np.reshape(weight, (-1, *(1,) * (input.ndim - 2)))
    return _split(input > 0, input, weight * input)


def threshold(input: Array, threshold: float, value: float, inplace: bool = False) -> Array:
    """Return x where it is above a threshold, else a value."""
    return _split(input <= threshold, value, input)


def elu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """Return x, or alpha (exp(x) - 1) where it is not positive."""
    below = np.expm1(np.minimum(input, 0))
    return _split(input > 0, input, alpha * below)


def selu(input: Array, inplace: bool = False) -> Array:
    """Return the scaled ELU of Klambauer et al. (2017)."""
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


def celu(input: Array, alpha: float = 1.0, inplace: bool = False) -> Array:
    """Return x, or alpha (exp(x / alpha) - 1) where it is not positive."""
    return _split(input > 0, input, alpha * np.expm1(np.minimum(input, 0) / alpha))


def sigmoid(input: Array) -> Array:
    """Return 1 / (1 + exp(-x))."""
    return optional("scipy.special", "a sigmoid").expit(input)


def erf(input: Array) -> Array:
    """Return the error function."""
    return optional("scipy.special", "the error function").erf(input)


def gelu(input: Array, approximate: str = "none") -> Array:
    """Return x times the normal distribution's cumulative probability, or its tanh formula."""
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + np.tanh(inner))
    return 0.5 * input * (1 + erf(input * math.sqrt(0.5)))


def silu(input: Array, inplace: bool = False) -> Array:
    """Return x sigmoid(x)."""
    return input * sigmoid(input)


def mish(input: Array, inplace: bool = False) -> Array:
    """Return x tanh(softplus(x))."""
    return input * np.tanh(softplus(input))


def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Return log(1 + exp(beta x)) / beta, and x above the threshold."""
    scaled = beta * input
    return _split(scaled > threshold, input, np.logaddexp(scaled, 0) / beta)


def logsigmoid(input: Array) -> Array:
    """Return log(sigmoid(x))."""
    return -np.logaddexp(-input, 0)


def softsign(input: Array) -> Array:
    """Return x / (1 + |x|)."""
    return input / (1 + np.abs(input))


def tanh(input: Array) -> Array:
    """Return the hyperbolic tangent."""
    return np.tanh(input)


def tanhshrink(input: Array) -> Array:
    """Return x - tanh(x)."""
    return input - np.tanh(input)


def hardshrink(input: Array, lambd: float = 0.5) -> Array:
    """Return x where it is outside [-lambd, lambd], else 0."""
    return _split((input >= -lambd) & (input <= lambd), 0, input)


def softshrink(input: Array, lambd: float = 0.5) -> Array:
    """Move x by lambd towards 0, and to 0 where it is nearer."""
    return _split(input > lambd, input - lambd, _split(input < -lambd, input + lambd, 0 * input))


def hardsigmoid(input: Array, inplace: bool = False) -> Array:
    """Return x / 6 + 1/2, clipped to [0, 1]."""
    return hardtanh(input + 3, 0, 6) / 6


def hardswish(input: Array, inplace: bool = False) -> Array:
    """Return x times :func:`hardsigmoid`."""
    return input * hardsigmoid(input)


def glu(input: Array, dim: int = -1) -> Array:
    """Return the first half times the sigmoid of the second."""
    first, second = np.split(input, 2, axis=dim)
    return first * sigmoid(second)


def _axis(input: Array, dim: int | None) -> int:
    """Return the axis; without one torch takes 0 for 0, 1 and 3 axes, else 1."""
    return (0 if input.ndim in (0, 1, 3) else 1) if dim is None else dim


def _typed(input: Array, third: Any, dtype: Any) -> Array:
    """Return an array of a dtype, which ``torch.softmax`` takes as its third argument."""
    dtype = third if isinstance(third, np.dtype) else dtype
    return input if dtype is None else input.astype(dtype)


def softmax(
    input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Array:
    """Return exponentials divided by their sum."""
    return softmax_along(_typed(input, _stacklevel, dtype), _axis(input, dim))


def softmin(
    input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Array:
    """Return the softmax of -x."""
    return softmax(-input, dim, dtype=dtype)


def log_softmax(
    input: Array, dim: int | None = None, _stacklevel: int = 3, dtype: Any = None
) -> Array:
    """Return the logarithm of the softmax."""
    return log_softmax_along(_typed(input, _stacklevel, dtype), _axis(input, dim))

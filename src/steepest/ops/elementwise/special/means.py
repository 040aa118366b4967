"""Means of functions under a density that is known up to its constant.

Where a function is an integral or a series of positive terms, the slope of its logarithm is
such a mean. Nothing cancels in it, and all its own derivatives follow from the same nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.ops.aliases import Array
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.ops.elementwise.special.quadrature import column, constant

_REACH = 8.0
_POSITIONS = np.linspace(-_REACH, _REACH, 273)
_STEP = _POSITIONS[1] - _POSITIONS[0]
_SINH, _COSH = np.sinh(_POSITIONS), np.cosh(_POSITIONS)


def line(mode: Array, scale: Array) -> tuple[Array, Array]:
    """Return nodes and weights on the real line, dense around a mode: the trapezoidal rule.

    The nodes are ``mode + scale * sinh(t)``, so that slow tails are reached too. The rule
    converges exponentially, because the densities are analytic around the line.
    """
    mode, scale = constant(mode, scale)
    return column(mode) + column(scale) * _SINH, column(scale) * _COSH * _STEP


_COUNT = 96


def ranks(mode: Array, scale: Array) -> tuple[Array, Array]:
    """Return ranks of terms of a series, and by how many each stands for.

    They are whole numbers from 0 where these reach beyond the mode by ten times its scale. Else
    the terms form a smooth bell, whose sum is that over any regular grid of ranks.
    """
    mode, scale = constant(mode, scale)
    is_wide = mode + 10.0 * scale + 12.0 > _COUNT
    step = np.where(is_wide, np.maximum(20.0 * scale / _COUNT, 1.0), 1.0)
    first = np.where(is_wide, np.maximum(mode - 0.5 * _COUNT * step, 0.0), 0.0)
    return column(first) + column(step) * np.arange(float(_COUNT)), column(step)


def density(log: Array, weights: Array) -> Array:
    """Return a density at nodes, times their weights, from its logarithm up to a constant."""
    top = np.max(stop_gradient(log), axis=-1, keepdims=True)
    mass = np.exp(log - top) * weights
    return mass / np.sum(mass, axis=-1, keepdims=True)


def logarithm_of_sum(log: Array, weights: Array) -> Array:
    """Return the logarithm of an integral or a series from the logarithms of its terms."""
    top = np.max(stop_gradient(log), axis=-1, keepdims=True)
    return np.log(np.sum(np.exp(log - top) * weights, axis=-1)) + top[..., 0]


def mean(mass: Array, values: Array, like: Any) -> Array:
    """Return the mean of the values at the nodes, in the shape of an operand."""
    return np.reshape(np.sum(mass * values, axis=-1), np.shape(like))

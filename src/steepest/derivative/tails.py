"""Probabilities as integrals of densities, whose slopes by the shapes are the density's."""

from __future__ import annotations

from typing import Any

import numpy as np

from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
from steepest.ops.elementwise.arithmetic import stop_gradient
from steepest.trace import current, node_of
from steepest.trace.arrays.array import as_traced
from steepest.trace.functions.scipy.stats.arguments import Parameters

_STEP = 0.05
_POSITIONS = np.arange(-4.5, 4.8, _STEP)
_SINH, _COSH = np.sinh(_POSITIONS), np.cosh(_POSITIONS)
# Both rules are double exponential (Takahasi and Mori 1974).
_HALF_LINE = np.exp(0.5 * np.pi * _SINH)
_HALF_LINE_WEIGHTS = _STEP * 0.5 * np.pi * _COSH * _HALF_LINE
_UNIT = 1.0 / (1.0 + np.exp(-np.pi * _SINH))
_UNIT_WEIGHTS = _STEP * np.pi * _COSH * _UNIT / (1.0 + np.exp(np.pi * _SINH))
# The rule with twice the step has about half the digits of the rule.
_HALF_OF_THE_DIGITS = 1e-4
_RELATIVE, _ABSOLUTE = 1e-7, 1.5e-8  # of SciPy's own integrals


def tail_integral(given: Parameters, x: Any, below: Any, shapes: list[Any]) -> Any:
    """Return the integral of the density up to `x`, or, where that is smaller, minus the rest.

    Near an end that is neither 0 nor infinite, numbers are too sparse for a density that is
    infinite there: the other side is integrated instead. The result is NaN where the rule does
    not agree with one of twice the step, or with the probability.

    Parameters
    ----------
    given
        The distribution and its shapes.
    x
        Where the probability is taken, shape (n,).
    below
        The probability below it.
    shapes
        Shapes to vary.
    """
    low, high = (as_traced(end) for end in given.support)
    if any(current().has_slope(node_of(end)) for end in (low, high)):
        raise UnsupportedError(
            f"the slope of {given.distribution.public_name}.cdf{at(user_source())} by a shape "
            "parameter that moves the ends of the distribution is not known: pass it as data, or "
            "give the derivative with st.custom_derivative"
        )
    x, below, low, high = (stop_gradient(value) for value in (x, below, low, high))
    is_lower = _side(given, x, below, low, high)
    end = np.where(is_lower, low, high)
    part = np.where(is_lower, below, 1.0 - below)
    density = stop_gradient(given.call("_pdf", x, *given.shapes))
    is_usable = (part > 0) & (density > 0) & (density < np.inf)
    width = np.where(is_usable, part / np.where(is_usable, density, 1.0), 1.0)
    is_infinite = np.isinf(end)
    gap = np.where(is_infinite, 0.0, x - np.where(is_infinite, 0.0, end))
    away = np.where(is_lower, -width, width)
    nodes = np.where(
        is_infinite[:, None],
        x[:, None] + away[:, None] * _HALF_LINE,
        np.where(is_infinite, 0.0, end)[:, None] + gap[:, None] * _UNIT,
    )
    is_inside = nodes != end[:, None]
    nodes = np.where(is_inside, nodes, x[:, None])
    sizes = np.where(
        is_infinite[:, None],
        width[:, None] * _HALF_LINE_WEIGHTS,
        np.abs(gap)[:, None] * _UNIT_WEIGHTS,
    )
    count = _POSITIONS.size
    repeated = [s if np.size(s) == 1 else np.repeat(s, count) for s in shapes]
    values = np.reshape(given.call("_pdf", np.ravel(nodes), *repeated), nodes.shape)
    counts = is_usable[:, None] & is_inside & (stop_gradient(values) > 0) & (sizes > 0)
    terms = np.where(counts, values, 0.0) * sizes
    total = np.sum(terms, axis=-1)
    found, coarse = stop_gradient(total), 2.0 * np.sum(stop_gradient(terms)[:, ::2], axis=-1)
    agrees = np.abs(found - coarse) <= _HALF_OF_THE_DIGITS * found
    agrees = agrees & (np.abs(found - part) <= _RELATIVE * part + _ABSOLUTE)
    sign = np.where(is_lower, 1.0, -1.0)
    return sign * np.where(agrees | ~is_usable, 1.0, np.nan) * total


def _side(given: Parameters, x: Any, below: Any, low: Any, high: Any) -> Any:
    """Return whether to integrate below `x`: the smaller part, unless its end is a pole."""

    def has_pole(end: Any) -> Any:
        is_sparse = np.isfinite(end) & (end != 0)
        values = given.call("_pdf", np.where(is_sparse, end, x), *given.shapes)
        return is_sparse & (stop_gradient(values) == np.inf)

    low_pole, high_pole = has_pole(low), has_pole(high)
    return np.where(low_pole == high_pole, below < 0.5, high_pole)

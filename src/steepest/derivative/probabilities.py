"""Probabilities and quantiles that SciPy integrates or searches for.

SciPy computes the value. The slope of a probability is the density; its slopes by the shapes
are integrals of the density's. That of a quantile follows from the density and the probability,
by the theorem on implicit functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.derivative.custom import CustomFunction
from steepest.derivative.support import scale
from steepest.derivative.tails import tail_integral
from steepest.derivative.transform import record_pullback
from steepest.errors import UnsupportedError, forgive
from steepest.trace import current, node_of
from steepest.trace.functions.scipy.stats.arguments import Parameters
from steepest.trace.functions.scipy.stats.distributions import Distribution
from steepest.trace.functions.scipy.stats.formulas import COMPUTED, Formulas


@functools.lru_cache(maxsize=256)
def _computed(real: Any, name: str) -> CustomFunction:
    """Return a method of a distribution as a function with a derivative of its own."""

    def compute(x: Any, *shapes: Any) -> Any:
        with np.errstate(all="ignore"):
            return getattr(real, name)(x, *shapes).astype(np.float64)

    compute.__name__ = f"{Distribution(real).public_name}.{name}"
    if not hasattr(real, "pdf"):
        return CustomFunction(compute, lambda *_: (None,) * (1 + real.numargs), None)
    pull = _pull_quantile if name in ("ppf", "isf") else _pull_probability
    return CustomFunction(compute, functools.partial(pull, Distribution(real), name), None)


def _parameters(distribution: Distribution, shapes: tuple[Any, ...]) -> Parameters:
    return Parameters(distribution, shapes, np.zeros(()), np.ones(()), are_valid=True)


def _moving(shapes: tuple[Any, ...]) -> list[int]:
    """Return which of the shapes may have slopes."""
    return [i for i, x in enumerate(shapes) if current().has_slope(node_of(x))]


def _pull_probability(
    distribution: Distribution, name: str, cotangent: Any, y: Any, x: Any, *shapes: Any
) -> tuple[Any, ...]:
    given = _parameters(distribution, shapes)
    if name in ("cdf", "sf"):
        slope, factor = given.call("_pdf", x, *shapes), np.ones_like(y)
    else:
        slope, factor = np.exp(given.call("_logpdf", x, *shapes) - y), np.exp(-y)
    sign = 1.0 if name in ("cdf", "logcdf") else -1.0
    part = np.exp(y) if name.startswith("log") else y
    below = part if sign > 0 else 1.0 - part
    pieces = _by_shapes(given, x, below, scale(sign * factor, cotangent))
    return (_summed(scale(sign * slope, cotangent), x), *pieces)


def _pull_quantile(
    distribution: Distribution, name: str, cotangent: Any, y: Any, q: Any, *shapes: Any
) -> tuple[Any, ...]:
    given = _parameters(distribution, shapes)
    share = scale(1 / given.call("_pdf", y, *shapes), cotangent)
    below = (q if name == "ppf" else 1.0 - q) + np.zeros_like(y)
    pieces = _by_shapes(given, y, below, -share)
    return (_summed(share if name == "ppf" else -share, q), *pieces)


def _by_shapes(given: Parameters, x: Any, below: Any, cotangent: Any) -> list[Any]:
    """Return the cotangents of the shapes for one of the probability below `x`.

    By the formula of the probability if there is one, else by the density's slopes, integrated.
    """
    shapes, moving = given.shapes, _moving(given.shapes)
    found: list[Any] = [None] * len(shapes)
    if not moving:
        return found

    def with_moved(moved: tuple[Any, ...]) -> list[Any]:
        now = list(shapes)
        for i, shape in zip(moving, moved, strict=True):
            now[i] = shape
        return now

    def by_formula(*moved: Any) -> Any:
        return given.call("_cdf", x, *with_moved(moved)) + np.zeros_like(x)

    def by_density(*moved: Any) -> Any:
        return tail_integral(given, x, below, with_moved(moved))

    variables = [shapes[i] for i in moving]
    try:
        pieces = record_pullback(by_formula, variables, cotangent)
    except UnsupportedError as refusal:
        forgive(refusal)
        pieces = record_pullback(by_density, variables, cotangent)
    for i, piece in zip(moving, pieces, strict=True):
        found[i] = piece
    return found


def _summed(cotangent: Any, x: Any) -> Any:
    """Return the cotangent of an operand that may be one number for all elements."""
    return cotangent if cotangent.shape == x.shape else np.sum(cotangent, keepdims=True)


def _method(distribution: Formulas, name: str) -> Callable[..., Any]:
    return _computed(distribution.real, name)


COMPUTED["method"] = _method

"""Probabilities and quantiles that SciPy integrates or searches for.

SciPy computes the value. The slope of a probability is the density; that of a quantile follows
from the density and the probability, by the theorem on implicit functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.derivative.custom import CustomFunction
from steepest.derivative.support import scale
from steepest.derivative.transform import record_pullback
from steepest.errors import UnsupportedError
from steepest.graph.source import at, user_source
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
    if _moving(shapes):
        raise UnsupportedError(
            f"the slope of {distribution.public_name}.{name}{at(user_source())} by a "
            "shape parameter is not known, because SciPy integrates it: pass shapes that are "
            "not fitted as data, or give the derivative with st.custom_derivative"
        )
    given = _parameters(distribution, shapes)
    if name in ("cdf", "sf"):
        slope = given.call("_pdf", x, *shapes)
    else:
        slope = np.exp(given.call("_logpdf", x, *shapes) - y)
    share = scale(slope if name in ("cdf", "logcdf") else -slope, cotangent)
    return (_summed(share, x), *(None,) * len(shapes))


def _pull_quantile(
    distribution: Distribution, name: str, cotangent: Any, y: Any, q: Any, *shapes: Any
) -> tuple[Any, ...]:
    given, moving = _parameters(distribution, shapes), _moving(shapes)
    share = scale(1 / given.call("_pdf", y, *shapes), cotangent)

    def probability(*moved: Any) -> Any:
        now = list(shapes)
        for i, shape in zip(moving, moved, strict=True):
            now[i] = shape
        return given.call("_cdf", y, *now) + np.zeros_like(y)

    found: list[Any] = [None] * len(shapes)
    if moving:
        pieces = record_pullback(probability, [shapes[i] for i in moving], -share)
        for i, piece in zip(moving, pieces, strict=True):
            found[i] = piece
    return (_summed(share if name == "ppf" else -share, q), *found)


def _summed(cotangent: Any, x: Any) -> Any:
    """Return the cotangent of an operand that may be one number for all elements."""
    return cotangent if cotangent.shape == x.shape else np.sum(cotangent, keepdims=True)


def _method(distribution: Formulas, name: str) -> Callable[..., Any]:
    return _computed(distribution.real, name)


COMPUTED["method"] = _method

"""Quantiles that SciPy searches for: their slopes follow from the distribution's formulas."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.derivative.custom import CustomFunction
from steepest.derivative.transform import record_pullback
from steepest.trace import current, node_of
from steepest.trace.functions.scipy.stats.arguments import Parameters
from steepest.trace.functions.scipy.stats.distributions import Distribution
from steepest.trace.functions.scipy.stats.formulas import SEARCHES, Formulas


@functools.lru_cache(maxsize=256)
def _searched(real: Any, name: str) -> CustomFunction:
    """Return a quantile of a distribution as a function with a derivative of its own."""

    def search(q: Any, *shapes: Any) -> Any:
        with np.errstate(all="ignore"):
            return getattr(real, name)(q, *shapes).astype(np.float64)

    search.__name__ = f"scipy.stats.{real.name}.{name}"
    if not hasattr(real, "pdf"):
        return CustomFunction(search, lambda *_: (None,) * (1 + real.numargs), None)
    return CustomFunction(search, functools.partial(_pull, Distribution(real), name), None)


def _pull(
    distribution: Distribution, name: str, cotangent: Any, y: Any, q: Any, *shapes: Any
) -> tuple[Any, ...]:
    """Return the cotangents of a quantile, by the theorem on implicit functions."""
    given = Parameters(distribution, shapes, np.zeros(()), np.ones(()), are_valid=True)
    share = cotangent / given.call("_pdf", y, *shapes)
    moving = [i for i, x in enumerate(shapes) if current().has_slope(node_of(x))]

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
    by_q = share if name == "ppf" else -share
    return (by_q if q.shape == by_q.shape else np.sum(by_q, keepdims=True), *found)


def _search(distribution: Formulas, name: str) -> Callable[..., Any]:
    return _searched(distribution.real, name)


SEARCHES["quantile"] = _search

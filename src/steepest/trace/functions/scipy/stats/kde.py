"""Kernel density estimates: evaluated at traced points, or made of traced data."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.ops.linear_algebra.factors import solve_lower
from steepest.trace.arrays.array import as_traced, holds_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import MADE_BY_NAME, SEEN_BY_NAME
from steepest.trace.following.stand_ins import READ
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.recording.session import current
from steepest.trace.stable import logsumexp


class KernelDensity:
    """A Gaussian kernel density estimate.

    Parameters
    ----------
    dataset, weights, factor
        The data, a row for each dimension, the weights of its columns, and the Cholesky factor
        of the covariance of the kernels.
    real
        SciPy's own estimate, if it was made outside.
    """

    def __init__(self, dataset: Array, weights: Array, factor: Array, real: Any = None) -> None:
        self.dataset, self.weights, self.cho_cov, self._real = dataset, weights, factor, real
        self.d, self.n = np.shape(dataset)

    def logpdf(self, x: ArrayLike) -> Array:
        """Record the logarithm of the density."""
        points = np.atleast_2d(as_traced(x)).astype(np.float64)
        if points.shape == (1, self.d) and self.d > 1:
            points = np.reshape(points, (self.d, 1))
        if points.shape[0] != self.d:
            raise InputError(
                f"points{at(user_source())} have dimension {points.shape[0]}, the data have "
                f"dimension {self.d}"
            )
        factor = as_traced(self.cho_cov)
        columns = solve_lower(factor, points, transposed=False)
        kernels = solve_lower(factor, as_traced(self.dataset), transposed=False)
        squares = sum((np.reshape(columns[i], (-1, 1)) - kernels[i]) ** 2 for i in range(self.d))
        constant = 0.5 * self.d * math.log(2 * math.pi) + np.sum(np.log(np.diagonal(factor)))
        return logsumexp(np.log(self.weights) - 0.5 * squares, axis=1) - constant

    def evaluate(self, points: ArrayLike) -> Array:
        """Record the density."""
        return np.exp(self.logpdf(points))

    __call__ = pdf = evaluate

    def __getattr__(self, name: str) -> Any:
        if self._real is None or name.startswith("__"):
            refuse(f"the attribute .{name} of scipy.stats.gaussian_kde of traced data")
        value = getattr(self._real, name)
        if not callable(value):
            return READ["see"](
                value, functools.partial(getattr, self._real, name), name, current()
            )

        def method(*args: Any, **kwargs: Any) -> Any:
            if holds_traced([*args, *kwargs.values()]):
                refuse(f"scipy.stats.gaussian_kde.{name} of traced values")
            return value(*args, **kwargs)

        return method


def _seen(real: Any) -> KernelDensity:
    """Return the stand-in of an estimate that was made outside; what it holds is noted."""
    names = ("dataset", "weights", "cho_cov")
    reads = [functools.partial(getattr, real, name) for name in names]
    dataset, weights, factor = (
        READ["see"](read(), read, name, current()) for read, name in zip(reads, names, strict=True)
    )
    return KernelDensity(dataset, weights, factor, real)


def _estimated(dataset: ArrayLike, bw_method: Any = None, weights: ArrayLike = None) -> Any:
    """Return the estimate of traced data, with SciPy's rules for the bandwidth."""
    data = np.atleast_2d(as_traced(dataset)).astype(np.float64)
    size, number = data.shape
    if number < 2 or size > number:
        raise InputError(
            f"gaussian_kde{at(user_source())} needs several points, at least as many as "
            f"dimensions, got {number} of dimension {size}"
        )
    shares = np.full(number, 1.0 / number)
    if weights is not None:
        given = as_traced(weights).astype(np.float64)
        shares = np.reshape(given / np.sum(given), (number,))
    effective = 1 / np.sum(shares**2)
    is_named = bw_method is None or isinstance(bw_method, str)
    if is_named and bw_method in (None, "scott"):
        bandwidth: Any = effective ** (-1.0 / (size + 4))
    elif is_named and bw_method == "silverman":
        bandwidth = (effective * (size + 2.0) / 4.0) ** (-1.0 / (size + 4))
    elif not is_named and np.ndim(bw_method) == 0 and not callable(bw_method):
        bandwidth = bw_method
    else:
        refuse(f"the argument bw_method={bw_method!r} of scipy.stats.gaussian_kde")
    distances = data - np.sum(shares * data, axis=1, keepdims=True)
    covariance = (shares * distances) @ np.transpose(distances) / (1 - np.sum(shares**2))
    return KernelDensity(data, shares, np.linalg.cholesky(covariance) * bandwidth)


MADE_BY_NAME["scipy.stats.gaussian_kde"] = _seen
SEEN_BY_NAME["scipy.stats.gaussian_kde"] = _estimated

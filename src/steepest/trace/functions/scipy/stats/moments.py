"""Moments, entropy, support and median of distributions, by SciPy's formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from steepest.errors import InputError
from steepest.graph.source import at, user_source
from steepest.trace.functions.registry import Array, ArrayLike
from steepest.trace.functions.scipy.stats.arguments import Parameters, both, flat, parse, unflat
from steepest.trace.functions.scipy.stats.formulas import Formulas
from steepest.trace.functions.scipy.stats.helpers import as_array, chosen

MOMENTS: dict[str, Callable[..., Any]] = {}
"""Methods of every distribution that record."""


def _method(function: Callable[..., Any]) -> Callable[..., Any]:
    MOMENTS[function.__name__.strip("_")] = function
    return function


class _Standard:
    """Moments of a distribution with loc 0 and scale 1, each computed when it is asked for."""

    def __init__(self, given: Parameters, letters: str) -> None:
        self._given = given
        named = {"moments": letters} if given.distribution.real._stats_has_moments else {}
        self.shape = np.broadcast_shapes(*map(np.shape, given.shapes))
        self._arguments = [flat(x, self.shape) for x in given.shapes]
        found = given.call("_stats", *self._arguments, **named)
        self._mean, self._variance, self._skewness, self._kurtosis = found

    def _raw(self, order: int) -> Array:
        return self._given.call("_munp", order, *self._arguments)

    def mean(self) -> Array:
        if self._mean is None:
            self._mean = self._raw(1)
        return self._mean

    def variance(self) -> Array:
        if self._variance is None:
            mean = self.mean()
            self._variance = np.where(np.isinf(mean), np.inf, self._raw(2) - mean**2)
        return self._variance

    def _third(self) -> Array:
        mean = self.mean()
        return (-mean * mean - 3 * self.variance()) * mean + self._raw(3)

    def skewness(self) -> Array:
        if self._skewness is None:
            self._skewness = self._third() / self.variance() ** 1.5
        return self._skewness

    def kurtosis(self) -> Array:
        if self._kurtosis is None:
            mean, variance = self.mean(), self.variance()
            third = self.skewness() * variance**1.5
            fourth = ((-(mean**2) - 6 * variance) * mean - 4 * third) * mean + self._raw(4)
            self._kurtosis = fourth / variance**2 - 3.0
        return self._kurtosis


@_method
def stats(distribution: Formulas, *args: Any, moments: str = "mv", **kwargs: Any) -> Any:
    """Record mean, variance, skewness and excess kurtosis, as the letters say."""
    given = parse(distribution, args, kwargs)
    standard = _Standard(given, moments)
    found: list[Array] = []
    for letter, moment in zip("mvsk", _MOMENTS, strict=True):
        if letter in moments:
            value = unflat(moment(standard), standard.shape)
            if letter == "m":
                value = value * given.scale + given.loc
            if letter == "v":
                value = value * given.scale * given.scale
            known = both(given.are_valid, given.loc == given.loc)
            found.append(chosen(known, value, given.badvalue))
    return found[0] if len(found) == 1 else tuple(found)


_MOMENTS = (_Standard.mean, _Standard.variance, _Standard.skewness, _Standard.kurtosis)


@_method
def mean(distribution: Formulas, *args: Any, **kwargs: Any) -> Array:
    """Record the mean."""
    return stats(distribution, *args, **kwargs | {"moments": "m"})


@_method
def var(distribution: Formulas, *args: Any, **kwargs: Any) -> Array:
    """Record the variance."""
    return stats(distribution, *args, **kwargs | {"moments": "v"})


@_method
def std(distribution: Formulas, *args: Any, **kwargs: Any) -> Array:
    """Record the standard deviation."""
    return np.sqrt(var(distribution, *args, **kwargs))


@_method
def median(distribution: Formulas, *args: Any, **kwargs: Any) -> Array:
    """Record the median."""
    return distribution.ppf(0.5, *args, **kwargs)


@_method
def interval(distribution: Formulas, confidence: ArrayLike, *args: Any, **kwargs: Any) -> Any:
    """Record the ends of the interval that has the same probability on both sides."""
    level = as_array(confidence)
    low = distribution.ppf((1.0 - level) / 2, *args, **kwargs)
    return low, distribution.ppf((1.0 + level) / 2, *args, **kwargs)


@_method
def support(distribution: Formulas, *args: Any, **kwargs: Any) -> Any:
    """Record the ends of the support."""
    given = parse(distribution, args, kwargs)
    ends = (end * given.scale + given.loc for end in given.support)
    return tuple(chosen(given.are_valid, end, given.badvalue) for end in ends)


@_method
def entropy(distribution: Formulas, *args: Any, **kwargs: Any) -> Array:
    """Record the differential entropy."""
    given = parse(distribution, args, kwargs)
    shape = np.broadcast_shapes(*map(np.shape, given.shapes))
    alone = [np.reshape(x, ()) if np.size(x) == 1 else flat(x, shape) for x in given.shapes]
    value = unflat(given.call("_entropy", *alone), shape) + np.log(given.scale)
    known = both(given.are_valid, given.loc == given.loc)
    return chosen(known, value, given.badvalue)


@_method
def nnlf(distribution: Formulas, theta: Any, x: ArrayLike) -> Array:
    """Record the negative log-likelihood of data."""
    is_continuous = hasattr(distribution.real, "pdf")
    number = distribution.real.numargs + (2 if is_continuous else 1)
    if len(theta) != number:
        raise InputError(
            f"nnlf{at(user_source())} takes the {number} parameters as its first argument"
        )
    logarithm = distribution.logpdf if is_continuous else distribution.logpmf
    total = -np.sum(logarithm(as_array(x), *theta))
    return np.where(np.isnan(total), np.inf, total)

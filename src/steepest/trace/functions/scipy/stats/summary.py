"""Statistics of samples: means, moments, scores, correlation, entropy."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from steepest.trace.arrays.array import as_traced
from steepest.trace.arrays.refusals import refuse
from steepest.trace.following.namespaces import SEEN_BY_NAME
from steepest.trace.functions.registry import Array, ArrayLike, Axes, normalize_axes
from steepest.trace.functions.scipy.stats.own.ufuncs import special


def _statistic(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register what records a function of SciPy's; NaN are propagated, as SciPy does."""
    name = function.__name__.removeprefix("_")
    takes_keepdims = "keepdims" in inspect.signature(function).parameters

    def implementation(
        *args: Any, nan_policy: str = "propagate", keepdims: bool = False, **kwargs: Any
    ) -> Any:
        if nan_policy != "propagate":
            refuse(f"the argument nan_policy={nan_policy!r} of scipy.stats.{name}")
        if takes_keepdims:
            kwargs["keepdims"] = keepdims
        elif keepdims:
            refuse(f"the argument keepdims= of scipy.stats.{name}")
        return function(*args, **kwargs)

    SEEN_BY_NAME[f"scipy.stats.{name}"] = implementation
    return function


def _floating(a: ArrayLike, dtype: Any = None) -> Array:
    a = as_traced(a)
    return a.astype(dtype or (np.result_type(a.dtype, 1.0) if a.dtype.kind != "f" else a.dtype))


def _mean(a: Array, axis: Axes, weights: ArrayLike, keepdims: bool) -> Array:
    if weights is None:
        return np.mean(a, axis=axis, keepdims=keepdims)
    weights = np.broadcast_to(as_traced(weights), a.shape)
    total = np.sum(weights * a, axis=axis, keepdims=keepdims)
    return total / np.sum(weights, axis=axis, keepdims=keepdims)


@_statistic
def _gmean(
    a: ArrayLike, axis: Axes = 0, dtype: Any = None, weights: ArrayLike = None, *,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    return np.exp(_mean(np.log(_floating(a, dtype)), axis, weights, keepdims))


@_statistic
def _hmean(
    a: ArrayLike, axis: Axes = 0, dtype: Any = None, *, weights: ArrayLike = None,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    a = _floating(a, dtype)
    return 1.0 / _mean(1.0 / np.where(a < 0, np.nan, a), axis, weights, keepdims)


@_statistic
def _pmean(
    a: ArrayLike, p: float, *, axis: Axes = 0, dtype: Any = None, weights: ArrayLike = None,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    if not isinstance(p, int | float) or math.isinf(p):
        refuse(f"the argument p={p!r} of scipy.stats.pmean")
    if p == 0:
        return _gmean(a, axis, dtype, weights, keepdims=keepdims)
    a = _floating(a, dtype)
    powers = np.where(a < 0, np.nan, a) ** float(p)
    return _mean(powers, axis, weights, keepdims) ** (1 / p)


def _central(a: Array, order: int, axis: Axes) -> Array:
    """Return a central moment, of which the axes stay."""
    return np.mean((a - np.mean(a, axis=axis, keepdims=True)) ** order, axis=axis, keepdims=True)


def _number(a: Array, axis: Axes) -> int:
    return math.prod(a.shape[i] for i in normalize_axes(axis, a.ndim))


def _is_constant(a: Array, axis: Axes) -> tuple[Array, Array]:
    """Return the variances, and where they are as small as rounding errors."""
    variance = _central(a, 2, axis)
    rounding = np.finfo(a.dtype).eps * np.mean(a, axis=axis, keepdims=True)
    return variance, variance <= rounding**2


def _without_axes(value: Array, axis: Axes, keepdims: bool) -> Array:
    return value if keepdims else np.squeeze(value, normalize_axes(axis, value.ndim))


@_statistic
def _skew(a: ArrayLike, axis: Axes = 0, bias: bool = True, *, keepdims: bool = False) -> Array:
    a = _floating(a)
    n, (variance, is_constant) = _number(a, axis), _is_constant(a, axis)
    value = _central(a, 3, axis) / np.where(is_constant, 1.0, variance) ** 1.5
    if not bias and n > 2:
        value = value * (math.sqrt((n - 1.0) * n) / (n - 2.0))
    return _without_axes(np.where(is_constant, np.nan, value), axis, keepdims)


@_statistic
def _kurtosis(
    a: ArrayLike, axis: Axes = 0, fisher: bool = True, bias: bool = True, *,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    a = _floating(a)
    n, (variance, is_constant) = _number(a, axis), _is_constant(a, axis)
    value = _central(a, 4, axis) / np.where(is_constant, 1.0, variance) ** 2
    if not bias and n > 3:
        value = ((n**2 - 1.0) * value - 3 * (n - 1) ** 2.0) / ((n - 2) * (n - 3)) + 3.0
    value = np.where(is_constant, np.nan, value - 3 if fisher else value)
    return _without_axes(value, axis, keepdims)


@_statistic
def _moment(
    a: ArrayLike, order: int = 1, axis: Axes = 0, *, center: ArrayLike = None,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    a = _floating(a)
    if not isinstance(order, int | np.integer):
        refuse(f"the argument order={order!r} of scipy.stats.moment")
    middle = np.mean(a, axis=axis, keepdims=True) if center is None else center
    if order < 2 and center is None:
        return np.mean(np.full_like(a, float(order == 0)), axis=axis, keepdims=keepdims)
    return np.mean((a - middle) ** order, axis=axis, keepdims=keepdims)


@_statistic
def _sem(a: ArrayLike, axis: Axes = 0, ddof: int = 1, *, keepdims: bool = False) -> Array:
    a = _floating(a)
    deviation = np.std(a, axis=axis, ddof=ddof, keepdims=keepdims)
    return deviation / math.sqrt(_number(a, axis))


@_statistic
def _gstd(a: ArrayLike, axis: Axes = 0, ddof: int = 1, *, keepdims: bool = False) -> Array:
    return np.exp(np.std(np.log(_floating(a)), axis=axis, ddof=ddof, keepdims=keepdims))


@_statistic
def _variation(a: ArrayLike, axis: Axes = 0, ddof: int = 0, *, keepdims: bool = False) -> Array:
    a = _floating(a)
    if ddof == _number(a, axis):
        refuse("scipy.stats.variation with as many degrees of freedom as values")
    deviation = np.std(a, axis=axis, ddof=ddof, keepdims=keepdims)
    return deviation / np.mean(a, axis=axis, keepdims=keepdims)


@_statistic
def _zmap(scores: ArrayLike, compare: ArrayLike, axis: Axes = 0, ddof: int = 0) -> Array:
    scores, compare = _floating(scores), _floating(compare)
    middle = np.mean(compare, axis=axis, keepdims=True)
    return (scores - middle) / np.std(compare, axis=axis, ddof=ddof, keepdims=True)


@_statistic
def _zscore(a: ArrayLike, axis: Axes = 0, ddof: int = 0) -> Array:
    a = _floating(a)
    middle = np.mean(a, axis=axis, keepdims=True)
    variance = np.var(a, axis=axis, ddof=ddof, keepdims=True)
    is_constant = variance <= (np.finfo(a.dtype).eps * middle) ** 2
    deviation = np.sqrt(np.where(is_constant, 1.0, variance))
    return np.where(is_constant, np.nan, (a - middle) / deviation)


@_statistic
def _gzscore(a: ArrayLike, *, axis: Axes = 0, ddof: int = 0) -> Array:
    return _zscore(np.log(_floating(a)), axis, ddof)


@_statistic
def _entropy(
    pk: ArrayLike, qk: ArrayLike = None, base: float | None = None, axis: Axes = 0, *,
    keepdims: bool = False,
) -> Array:  # fmt: skip
    p = _floating(pk)
    if qk is None:
        terms = special("entr", p / np.sum(p, axis=axis, keepdims=True))
    else:
        p, q = np.broadcast_arrays(p, _floating(qk))
        q = q / np.sum(q, axis=axis, keepdims=True)
        terms = special("rel_entr", p / np.sum(p, axis=axis, keepdims=True), q)
    total = np.sum(terms, axis=axis, keepdims=keepdims)
    return total if base is None else total / math.log(base)


class Correlation:
    """A correlation coefficient and its p-value, which is computed when it is asked for."""

    def __init__(self, statistic: Array, number: int, alternative: str) -> None:
        self.statistic = self.correlation = statistic
        self._half, self._alternative = number / 2 - 1, alternative

    @property
    def pvalue(self) -> Array:
        """The probability of such a coefficient, if the samples are normal and independent."""
        size = np.abs(self.statistic)
        if self._alternative != "two-sided":
            size = self.statistic if self._alternative == "greater" else -self.statistic
        tail = special("betaincc", self._half, self._half, (size + 1) / 2)
        return 2 * tail if self._alternative == "two-sided" else tail

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"the attribute .{name} of scipy.stats.pearsonr's result")

    def __iter__(self) -> Iterator[Array]:
        yield self.statistic
        yield self.pvalue

    def __getitem__(self, index: int) -> Array:
        return (self.statistic, self.pvalue)[index] if index not in (0, -2) else self.statistic


@_statistic
def _pearsonr(
    x: ArrayLike, y: ArrayLike, *, alternative: str = "two-sided", method: Any = None,
    axis: int | None = 0,
) -> Correlation:  # fmt: skip
    if method is not None:
        refuse("the argument method= of scipy.stats.pearsonr")
    x, y = np.broadcast_arrays(_floating(x), _floating(y))
    if axis is None:
        x, y, axis = np.ravel(x), np.ravel(y), 0
    is_constant = _are_equal(x, axis) | _are_equal(y, axis)
    ratio = np.sum(_directions(x, axis) * _directions(y, axis), axis=axis)
    within = np.where(ratio > 1.0, 1.0, np.where(ratio < -1.0, -1.0, ratio))
    value = np.where(is_constant, np.nan, within)
    return Correlation(value if value.ndim else value[()], x.shape[axis], alternative)


def _are_equal(x: Array, axis: int) -> Array:
    return np.max(x, axis=axis) == np.min(x, axis=axis)


def _directions(x: Array, axis: int) -> Array:
    distances = x - np.mean(x, axis=axis, keepdims=True)
    return distances / np.sqrt(np.sum(distances**2, axis=axis, keepdims=True))
